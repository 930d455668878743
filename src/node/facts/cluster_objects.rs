//! What the cluster's API says, asked by kubectl(1) on a control plane with the credentials of `kubeadm`'s admin.conf.
//!
//! Few questions with small answers: only what is named here leaves the machine, and of a Secret nothing but its name and what it is for.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kubeconfig;
use super::kubectl::KUBECTL;
use super::once::{Section, sections};
use super::path::SHARE_OUT;
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What the API behind admin.conf says, as a control plane hears it; it moves by itself. Absent: there is no admin.conf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterObjects {
    folder: String,
    own: String,
}

impl ClusterObjects {
    /// By `/etc/kubernetes/admin.conf`, and `super-admin.conf` beside it where the first may do nothing.
    pub fn new() -> Self {
        Self::at("/etc/kubernetes", "https://127.0.0.1:6443")
    }

    /// By the two files in that folder; by the machine's own API server, at that URL, where nobody is at the server that they name.
    pub fn at(folder: impl Into<String>, own: impl Into<String>) -> Self {
        Self { folder: folder.into(), own: own.into() }
    }
}

impl Default for ClusterObjects {
    fn default() -> Self {
        Self::new()
    }
}

impl Fact for ClusterObjects {
    type Value = ClusterObjectsState;

    fn query(&self) -> Query {
        let stands_on = vec![Touch::Files(self.folder.clone()), Touch::Packages, Touch::Units];
        Query::new(KIND.name, [&self.folder, &self.own], stands_on).moving()
    }
}

/// Whom admin.conf leads to, and what is said there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterObjectsState {
    /// The authorities that it trusts, in PEM.
    pub authority: String,
    /// Where the API is, as a URL.
    pub server: String,
    /// What came of asking there.
    pub answer: ClusterAnswer,
}

/// What came of asking an API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterAnswer {
    /// It answers.
    Answers(Box<ClusterContents>),
    /// Nobody is there: refused, no route, a time-out, or closed before TLS.
    Silent(String),
    /// Somebody may be there, and no more is known.
    Unclear(String),
}

/// What the API says. What it did not say is the reason in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterContents {
    /// Its version, such as `v1.34.2`.
    pub version: String,
    /// Why nobody was heard at the server that admin.conf names, where the machine's own API server was asked instead.
    pub endpoint_is_silent: Option<String>,
    /// When it was asked, in seconds since 1970 by the control plane's clock.
    pub asked_at: i64,
    /// Whether admin.conf may do nothing there.
    pub admin_has_no_rights: bool,
    /// All Nodes.
    pub nodes: Result<Vec<ClusterNode>, String>,
    /// All requests for certificates.
    pub requests: Result<Vec<CertificateRequest>, String>,
    /// Objects of `kubeadm init`, by kind and name (`Deployment/coredns`), as far as they are there.
    pub found: BTreeSet<String>,
    /// Why an object of kube-system or of no namespace that is not among `found` may be there all the same; none if it is not there.
    pub not_asked: Option<String>,
    /// The same for the namespace kube-public.
    pub not_asked_public: Option<String>,
    /// What stands in the ConfigMaps kubeadm-config, kubelet-config and kube-proxy, by name and key (`kubeadm-config/ClusterConfiguration`).
    pub stored: BTreeMap<String, String>,
    /// The lease of a run of ours, held or not.
    pub lease: Option<RunLease>,
    /// Tokens for joining, without their secrets.
    pub tokens: Result<Vec<JoinToken>, String>,
}

/// A Node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterNode {
    /// Its name.
    pub name: String,
    /// Which of several of that name, as time goes.
    pub uid: String,
    /// `/etc/machine-id` of the machine that last called itself so.
    pub machine_id: String,
    /// The kubelet's version, such as `v1.34.2`.
    pub kubelet_version: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its taints, as `key=value:Effect` or `key:Effect`.
    pub taints: BTreeSet<String>,
    /// What is said of its being ready; none: nothing yet.
    pub ready: Option<ReadyCondition>,
}

/// What is said of a Node's being ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyCondition {
    /// `True`, `False`, or `Unknown` where its kubelet has not been heard of.
    pub status: String,
    /// The kubelet's reason, a word.
    #[serde(default)]
    pub reason: String,
    /// The kubelet's reason, in words.
    #[serde(default)]
    pub message: String,
}

/// A request for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRequest {
    /// Its name.
    pub name: String,
    /// Who is to sign it: `kubernetes.io/kube-apiserver-client-kubelet`.
    pub signer: String,
    /// Who asks: `system:node:w1`, `system:bootstrap:abcdef`.
    pub requester: String,
    /// Whether nobody has decided yet.
    pub is_pending: bool,
    /// What is to be signed, in PEM.
    pub request: String,
}

/// The lease of a run that changes the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunLease {
    /// Who holds it; empty if nobody.
    pub holder_identity: String,
    /// When it was taken, in the same form; empty if it does not say so.
    pub acquire_time: String,
    /// When it was renewed last: `2026-11-26T19:40:00.000000Z`.
    pub renew_time: String,
    /// How long it holds from then, in seconds.
    pub lease_duration_seconds: i64,
    /// Which of its versions that is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
}

/// A token for joining.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// Its public half.
    pub id: String,
    /// What it is for, in its maker's words.
    pub description: String,
}

pub(super) const KIND: Kind = Kind {
    name: "cluster_objects",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [folder, own] if folder.starts_with('/') && own.starts_with("https://") => Ok(args.to_vec()),
        _ => Err("a folder and a URL are wanted".into()),
    },
    parse: |_, text| json(read(text)?),
};

// `--raw` asks one question and needs no list of groups: whoever is silent is known after one time-out. Each API server of kubeadm's has a
// certificate for the name `kubernetes`. A list of several kinds or names
// gives those that there are, and complains of those that it may not have.
static PROBE: Function = Function {
    name: "probe_cluster_objects",
    text: r#"
ask_cluster() {
  if [ -n "$own" ]; then ask_kubectl "$conf" --server "$own" --tls-server-name kubernetes "$@"; else ask_kubectl "$conf" "$@"; fi
}
ask_kube_system() {
  ask_cluster -n kube-system get --ignore-not-found \
    clusterrolebindings.rbac.authorization.k8s.io/kubeadm:cluster-admins \
    clusterrolebindings.rbac.authorization.k8s.io/kubeadm:kubelet-bootstrap \
    clusterrolebindings.rbac.authorization.k8s.io/kubeadm:node-autoapprove-bootstrap \
    clusterrolebindings.rbac.authorization.k8s.io/kubeadm:node-autoapprove-certificate-rotation \
    clusterrolebindings.rbac.authorization.k8s.io/kubeadm:get-nodes \
    configmaps/kubeadm-config configmaps/kubelet-config configmaps/kube-proxy \
    deployments.apps/coredns daemonsets.apps/kube-proxy daemonsets.apps/cilium \
    leases.coordination.k8s.io/homelabctl secrets/kubeadm-certs \
    -o 'jsonpath={range .items[*]}found{"\t"}{.kind}/{.metadata.name}{"\n"}{end}{range .items[?(@.kind=="Lease")]}lease{"\t"}{.spec}{"\t"}{.metadata.resourceVersion}{"\n"}{end}{range .items[?(@.kind=="ConfigMap")]}stored{"\t"}{.metadata.name}{"\t"}{.data}{"\n"}{end}'
}
probe_cluster_objects() {
  id=$1 dir=$2 conf=$2/admin.conf own=
  take sed -n -e '/^ *server: /p' -e '/^ *certificate-authority-data: /p' -- "$conf" || { failed "$id"; return; }
  all=$r
  command -v kubectl >/dev/null || { r="there is no kubectl"; answer "$id" 1; return; }
  if ! ask_cluster get --raw /version; then
    case $err in
    *"from server ("*|*"x509:"*|*"tls:"*|*"(Unauthorized)"*) ;;
    *)
      own=$3 before=$all endpoint_said=$err
      section endpoint
      ask_cluster get --raw /version || { all=$before st=1 r= err=$endpoint_said; }
      ;;
    esac
  fi
  if [ "$st" = 0 ]; then
    section version
    take date +%s || { r=$err; answer "$id" 1; return; }
    section asked_at
    if ! ask_kube_system; then
      case $err in
      *"(Forbidden)"*)
        section forbidden
        if [ -f "$dir/super-admin.conf" ]; then
          conf=$dir/super-admin.conf
          ask_kube_system
        fi
        ;;
      esac
    fi
    section system
    ask_cluster -n kube-public get --ignore-not-found configmaps/cluster-info \
      roles.rbac.authorization.k8s.io/kubeadm:bootstrap-signer-clusterinfo \
      rolebindings.rbac.authorization.k8s.io/kubeadm:bootstrap-signer-clusterinfo \
      -o 'jsonpath={range .items[*]}found{"\t"}{.kind}/{.metadata.name}{"\n"}{end}{range .items[?(@.data.kubeconfig)]}found{"\t"}cluster-info/kubeconfig{"\n"}{end}'
    section public
    ask_cluster get nodes,certificatesigningrequests.certificates.k8s.io \
      -o 'jsonpath={range .items[?(@.kind=="Node")]}node{"\t"}{.metadata.name}{"\t"}{.metadata.uid}{"\t"}{.status.nodeInfo.machineID}{"\t"}{.status.nodeInfo.kubeletVersion}{"\t"}{.metadata.labels}{"\t"}{.metadata.annotations}{"\t"}{.spec.taints}{"\t"}{.status.conditions[?(@.type=="Ready")]}{"\n"}{end}{range .items[?(@.kind=="CertificateSigningRequest")]}request{"\t"}{.metadata.name}{"\t"}{.spec.signerName}{"\t"}{.spec.username}{"\t"}{.status.conditions}{"\t"}{.spec.request}{"\n"}{end}'
    section nodes
    ask_cluster -n kube-system get secrets --field-selector type=bootstrap.kubernetes.io/token \
      -o 'jsonpath={range .items[*]}token{"\t"}{.metadata.name}{"\t"}{.data.description}{"\n"}{end}'
    section tokens
  else
    section version
  fi
  r=$all
  answer "$id" 0
}
"#,
    needs: &[&SHARE_OUT, &KUBECTL],
};

fn read(text: &str) -> Result<ClusterObjectsState, String> {
    let (head, sections) = sections(text);
    let state = kubeconfig::read(head)?;
    let version = sections.get("version").ok_or("it was not asked")?;
    let answer = if version.is_well { ClusterAnswer::Answers(Box::new(contents(&sections)?)) } else { no_answer(version) };
    Ok(ClusterObjectsState { authority: state.authority, server: state.server, answer })
}

/// Who takes no connection, or closes it before TLS, is nobody; all else is somebody.
fn no_answer(section: &Section<'_>) -> ClusterAnswer {
    const SILENCE: [&str; 9] = [
        "was refused",
        "connection refused",
        "no route to host",
        "network is unreachable",
        "host is down",
        "i/o timeout",
        "request canceled while waiting for connection",
        "TLS handshake timeout",
        "connection reset by peer",
    ];
    let said = section.last_words();
    // what an API server says of others, such as its webhooks, is an answer
    let is_answer = said.contains("from server (") || said.contains("tls: ") || said.contains("x509: ") || said.contains("no such host");
    match SILENCE.iter().any(|words| said.contains(words)) || said.ends_with("EOF") {
        true if !is_answer => ClusterAnswer::Silent(said),
        _ => ClusterAnswer::Unclear(said),
    }
}

fn contents(sections: &BTreeMap<&str, Section<'_>>) -> Result<ClusterContents, String> {
    let section = |name: &str| sections.get(name).copied().ok_or_else(|| format!("`{name}` was not asked"));
    let version: Value = serde_json::from_str(section("version")?.output).map_err(|error| format!("its version: {error}"))?;
    let version = version.get("gitVersion").and_then(Value::as_str).ok_or("its version has no name")?.to_owned();
    let (system, public, nodes, tokens) = (section("system")?, section("public")?, section("nodes")?, section("tokens")?);
    let whole = |section: &Section<'_>| if section.is_well { Ok(()) } else { Err(section.last_words()) };
    let decoded = |fields: &[&str]| fields.last().map_or(Ok(String::new()), |data| base64(data));
    Ok(ClusterContents {
        version,
        endpoint_is_silent: sections.get("endpoint").map(Section::last_words),
        asked_at: section("asked_at")?.output.trim().parse().map_err(|_| "its clock shows no number")?,
        admin_has_no_rights: sections.contains_key("forbidden"),
        found: lines(&system, "found").chain(lines(&public, "found")).map(|fields| fields.concat()).collect(),
        not_asked: whole(&system).err(),
        not_asked_public: whole(&public).err(),
        stored: stored(&system)?,
        lease: lines(&system, "lease").next().map(|fields| lease(&fields)).transpose()?,
        nodes: match whole(&nodes) {
            Ok(()) => Ok(lines(&nodes, "node").map(|fields| node(&fields)).collect::<Result<_, _>>()?),
            Err(why) => Err(why),
        },
        requests: match whole(&nodes) {
            Ok(()) => Ok(lines(&nodes, "request").map(|fields| request(&fields)).collect::<Result<_, _>>()?),
            Err(why) => Err(why),
        },
        tokens: match whole(&tokens) {
            Ok(()) => {
                let token = |fields: Vec<&str>| {
                    let name = fields.first().copied().unwrap_or_default();
                    let id = name.strip_prefix("bootstrap-token-").unwrap_or(name).to_owned();
                    Ok::<_, String>(JoinToken { id, description: decoded(&fields)? })
                };
                Ok(lines(&tokens, "token").map(token).collect::<Result<_, _>>()?)
            }
            Err(why) => Err(why),
        },
    })
}

/// The fields of each line of that kind.
fn lines<'a>(section: &Section<'a>, kind: &'static str) -> impl Iterator<Item = Vec<&'a str>> {
    section.output.lines().filter_map(move |line| {
        let mut fields = line.split('\t');
        (fields.next() == Some(kind)).then(|| fields.collect())
    })
}

fn stored(section: &Section<'_>) -> Result<BTreeMap<String, String>, String> {
    let mut stored = BTreeMap::new();
    for fields in lines(section, "stored") {
        let [name, data] = fields.as_slice() else { return Err("a ConfigMap is cut off".to_owned()) };
        let data: BTreeMap<String, String> = map(data)?;
        stored.extend(data.into_iter().map(|(key, text)| (format!("{name}/{key}"), text)));
    }
    Ok(stored)
}

fn lease(fields: &[&str]) -> Result<RunLease, String> {
    let [spec, version] = *fields else { return Err(format!("a lease as {fields:?}")) };
    Ok(RunLease { resource_version: version.to_owned(), ..parsed(Some(&spec))? })
}

fn node(fields: &[&str]) -> Result<ClusterNode, String> {
    let [name, uid, machine_id, kubelet_version, labels, annotations, taints, ready] = *fields else {
        return Err(format!("a Node as {fields:?}"));
    };
    let taints: Vec<BTreeMap<String, String>> = if taints.is_empty() { Vec::new() } else { parsed(Some(&taints))? };
    let taint = |taint: BTreeMap<String, String>| {
        let part = |key: &str| taint.get(key).map_or("", String::as_str);
        let value = if part("value").is_empty() { String::new() } else { format!("={}", part("value")) };
        format!("{}{value}:{}", part("key"), part("effect"))
    };
    Ok(ClusterNode {
        name: name.to_owned(),
        uid: uid.to_owned(),
        machine_id: machine_id.to_owned(),
        kubelet_version: kubelet_version.to_owned(),
        labels: map(labels)?,
        annotations: map(annotations)?,
        taints: taints.into_iter().map(taint).collect(),
        ready: if ready.is_empty() { None } else { Some(parsed(Some(&ready))?) },
    })
}

fn request(fields: &[&str]) -> Result<CertificateRequest, String> {
    let [name, signer, requester, conditions, request] = *fields else { return Err(format!("a request as {fields:?}")) };
    Ok(CertificateRequest {
        name: name.to_owned(),
        signer: signer.to_owned(),
        requester: requester.to_owned(),
        is_pending: matches!(conditions, "" | "[]" | "null"),
        request: base64(request)?,
    })
}

fn map(text: &str) -> Result<BTreeMap<String, String>, String> {
    if text.is_empty() { Ok(BTreeMap::new()) } else { parsed(Some(&text)) }
}

fn parsed<T: serde::de::DeserializeOwned>(text: Option<&&str>) -> Result<T, String> {
    let text = text.ok_or("a field is missing")?;
    serde_json::from_str(text).map_err(|error| format!("{text:?}: {error}"))
}

fn base64(text: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(text).map_err(|_| format!("{text:?} is not in base64"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> ClusterAnswer {
        no_answer(&Section { is_well: false, output: "", complaint: text })
    }

    #[test]
    fn nobody_is_told_from_somebody() {
        for silent in [
            "E1126 19:40:00.1 9 memcache.go:265] x\nThe connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?",
            "Unable to connect to the server: dial tcp 10.0.0.9:6443: connect: no route to host",
            "Unable to connect to the server: dial tcp 10.0.0.9:6443: i/o timeout",
            "Unable to connect to the server: net/http: TLS handshake timeout",
            "Unable to connect to the server: EOF",
        ] {
            assert!(matches!(complaint(silent), ClusterAnswer::Silent(_)), "{silent}");
        }
        for unclear in [
            "Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "Unable to connect to the server: dial tcp: lookup k8s.lan on 10.0.0.1:53: no such host",
            "Unable to connect to the server: dial tcp: lookup k8s.lan on 10.0.0.1:53: no such host: connection refused",
            "error: You must be logged in to the server (Unauthorized)",
            "Error from server (InternalError): dial tcp 10.0.0.1:2379: connect: connection refused",
            "Unable to connect to the server: context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            "",
        ] {
            assert!(matches!(complaint(unclear), ClusterAnswer::Unclear(_)), "{unclear}");
        }
    }

    #[test]
    fn what_is_cut_off_is_not_understood() {
        assert!(node(&["m1", "u"]).is_err() && request(&["csr-1"]).is_err());
        assert!(node(&["m1", "u", "5eed", "v1.34.2", "{", "", "", ""]).is_err());
        let bare = node(&["m1", "u", "5eed", "v1.34.2", "", "", "", ""]).unwrap();
        assert!(bare.labels.is_empty() && bare.taints.is_empty() && bare.ready.is_none());
        let taints = r#"[{"effect":"NoSchedule","key":"a"},{"effect":"NoExecute","key":"b","value":"c"}]"#;
        let ready = r#"{"status":"False","type":"Ready","reason":"KubeletNotReady","message":"m"}"#;
        let whole = node(&["m1", "u", "5eed", "v1.34.2", r#"{"a":"b"}"#, "", taints, ready]).unwrap();
        assert_eq!(whole.taints.into_iter().collect::<Vec<_>>(), ["a:NoSchedule", "b=c:NoExecute"]);
        assert_eq!(whole.ready.unwrap().status, "False");
    }
}
