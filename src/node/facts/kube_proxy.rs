//! kube-proxy: its configuration in the cluster, asked by kubectl(1) on a control plane, and what runs on a node.

use serde::{Deserialize, Serialize};

use super::kubectl::KUBECTL;
use super::parse::number;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// kube-proxy as the cluster has it; to be asked on a control plane. Absent: the cluster has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KubeProxy;

impl Fact for KubeProxy {
    type Value = KubeProxyState;

    fn query(&self) -> Query {
        Query::new(KIND.name, ["cluster"], grounds())
    }
}

/// What all that a control plane tells of its cluster stands on.
pub(super) fn grounds() -> Vec<Touch> {
    vec![Touch::Files("/etc/kubernetes".into()), Touch::Packages, Touch::Units]
}

/// kube-proxy's objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeProxyState {
    /// The version of the ConfigMap that was read: what is written names it, so that nobody else's change is lost.
    pub resource_version: String,
    /// Its configuration, a text of YAML.
    pub config: String,
    /// The digest of the configuration that its pods were made anew for last; none: that was never asked for here.
    pub rolled_out: Option<String>,
    /// The version in its image's name, such as `v1.34.2`; none if that names none.
    pub version: Option<String>,
}

/// Where its pods say which configuration they were made for.
pub const ANNOTATION: &str = "homelabctl.dev/kube-proxy-configuration";

pub(super) const KIND: Kind = Kind {
    name: "kube_proxy",
    function: &PROBE,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(read(text)?),
};

// a cluster that does not answer is not one without it
static PROBE: Function = Function {
    name: "probe_kube_proxy",
    text: r#"
kube_get() {
  ask_kubectl /etc/kubernetes/admin.conf -n kube-system get "$1" -o "jsonpath=$2"
}
probe_kube_proxy() {
  id=$1
  command -v kubectl >/dev/null || { r="there is no kubectl"; answer "$id" 1; return; }
  [ -f /etc/kubernetes/admin.conf ] || { r="there is no /etc/kubernetes/admin.conf: it is no control plane"; answer "$id" 1; return; }
  if ! kube_get configmap/kube-proxy '{.metadata.resourceVersion}{"\n"}{.data.config\.conf}'; then
    case $err in *"(NotFound)"*) r=; answer "$id" 44 ;; *) r=$err; answer "$id" 1 ;; esac
    return
  fi
  config=$r
  kube_get daemonset/kube-proxy '{.spec.template.spec.containers[0].image}{"\n"}{.spec.template.metadata.annotations.homelabctl\.dev/kube-proxy-configuration}' ||
    { r=$err; answer "$id" 1; return; }
  image=${r%%"$nl"*} mark=
  case $r in *"$nl"*) mark=${r#*"$nl"} ;; esac
  r=$image$nl$mark$nl$config
  answer "$id" 0
}
"#,
    needs: &[&KUBECTL],
};

fn read(text: &str) -> Result<KubeProxyState, String> {
    let mut lines = text.splitn(4, '\n');
    let (Some(image), Some(mark), Some(resource_version)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(format!("kube-proxy as {text:?}"));
    };
    let config = lines.next().unwrap_or_default();
    if resource_version.is_empty() || config.trim().is_empty() {
        return Err("its ConfigMap has no config.conf".into());
    }
    let name = image.rsplit('/').next().unwrap_or_default().split('@').next().unwrap_or_default();
    Ok(KubeProxyState {
        resource_version: resource_version.to_owned(),
        config: format!("{}\n", config.trim_end_matches('\n')),
        rolled_out: Some(mark.to_owned()).filter(|mark| !mark.is_empty()),
        version: name.split_once(':').map(|(_, tag)| tag.to_owned()),
    })
}

/// kube-proxy as it runs on a node. It moves by itself. Absent: none answers there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningKubeProxy;

impl Fact for RunningKubeProxy {
    type Value = RunningProxy;

    fn query(&self) -> Query {
        Query::new(RUNNING.name, ["node"], vec![Touch::Ports, Touch::Units]).moving()
    }
}

/// What a running kube-proxy does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningProxy {
    /// How it leads packets, in its own words: `ipvs`, `iptables`, `nftables`.
    pub mode: String,
    /// How many services IPVS has in the kernel.
    pub ipvs_services: u32,
}

pub(super) const RUNNING: Kind = Kind {
    name: "running_kube_proxy",
    function: &ASK,
    merged: false,
    words: |args| if args.len() == 1 { Ok(Vec::new()) } else { Err("one word is wanted".into()) },
    parse: |_, text| json(read_running(text)?),
};

// perl is on every Debian, curl is not; status 4: nobody listens
static ASK: Function = Function {
    name: "probe_running_kube_proxy",
    text: r#"
probe_running_kube_proxy() {
  id=$1
  take perl -MIO::Socket::INET -e '
    my $to = IO::Socket::INET->new(PeerAddr => "127.0.0.1:10249", Timeout => 10) or exit($!{ECONNREFUSED} ? 4 : (print(STDERR "$!\n"), 1)[1]);
    alarm 10;
    print $to "GET /proxyMode HTTP/1.0\r\nHost: localhost\r\n\r\n";
    my $said = do { local $/; <$to> };
    $said =~ m{^HTTP/1\.[01] 200 .*?\r\n\r\n(.*)}s or die "it answers: $said\n";
    print $1;
  ' || { if [ "$st" = 4 ]; then r=; answer "$id" 44; else r=$err; answer "$id" 1; fi; return; }
  mode=$r n=0
  if [ -r /proc/net/ip_vs ]; then
    while read -r word rest; do
      case $word in TCP|UDP|SCTP|FWM) n=$((n + 1)) ;; esac
    done </proc/net/ip_vs
  fi
  r="$n $mode"
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read_running(text: &str) -> Result<RunningProxy, String> {
    let (services, mode) = text.split_once(' ').ok_or_else(|| format!("a mode as {text:?}"))?;
    let mode = mode.trim();
    if mode.is_empty() || mode.contains(char::is_whitespace) {
        return Err(format!("a mode as {mode:?}"));
    }
    Ok(RunningProxy { mode: mode.to_owned(), ipvs_services: number(Some(services), "number of services")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_with_its_version_and_mark() {
        let state = read("registry.k8s.io/kube-proxy:v1.34.2\nabc\n42\nkind: X\nmode: ipvs\n").unwrap();
        assert_eq!(
            (state.version.as_deref(), state.rolled_out.as_deref(), state.resource_version.as_str()),
            (Some("v1.34.2"), Some("abc"), "42")
        );
        assert_eq!(state.config, "kind: X\nmode: ipvs\n");
        let bare = read("mirror.lan:5000/kube-proxy@sha256:1\n\n7\na: 1").unwrap();
        assert_eq!((bare.version, bare.rolled_out, bare.config.as_str()), (None, None, "a: 1\n"));
        assert!(read("x\n\n7\n").is_err() && read("x\n\n\na: 1").is_err() && read("x").is_err());
    }

    #[test]
    fn a_mode_and_its_services() {
        assert_eq!(read_running("3 ipvs").unwrap(), RunningProxy { mode: "ipvs".into(), ipvs_services: 3 });
        assert!(read_running("3 ").is_err() && read_running("x ipvs").is_err() && read_running("3 not found").is_err());
    }
}
