//! A kubeconfig, without its keys: they never leave the machine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::path::{SHARE_OUT, absolute};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What a kubeconfig with one cluster and one user says, such as kubeadm and the kubelet write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubeconfig(String);

impl Kubeconfig {
    /// At that absolute path.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Fact for Kubeconfig {
    type Value = KubeconfigState;

    fn query(&self) -> Query {
        // the kubelet turns its certificate over in a folder of its own
        Query::new(KIND.name, [&self.0], vec![Touch::Files(self.0.clone()), Touch::Files("/var/lib/kubelet/pki".into()), Touch::Units])
    }
}

/// A kubeconfig's public half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeconfigState {
    /// Where the API is.
    pub server: String,
    /// The authorities that it trusts, in PEM.
    pub authority: String,
    /// The user's certificate, in PEM; none if there is a token, or its file could not be read.
    pub certificate: Option<String>,
    /// Whether the file that its certificate is to be in is not there: a kubelet names that file before it has a certificate.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub certificate_is_missing: bool,
}

pub(super) const KIND: Kind =
    Kind { name: "kubeconfig", function: &PROBE, merged: false, words: absolute, parse: |_, text| json(read(text)?) };

// The lines that are asked for by name: no key and no token is among them. Of the file that the kubelet keeps its
// certificate in with its key, only the certificate's lines.
static PROBE: Function = Function {
    name: "probe_kubeconfig",
    text: r#"
probe_kubeconfig() {
  id=$1
  take sed -n -e '/^ *server: /p' -e '/^ *certificate-authority-data: /p' -e '/^ *client-certificate-data: /p' -e '/^ *client-certificate: /p' -- "$2" ||
    { failed "$id"; return; }
  lines=$r file=
  while read -r key value; do
    [ "$key" != client-certificate: ] || file=$value
  done <<END_OF_LINES
$lines
END_OF_LINES
  if [ -z "$file" ]; then
    :
  elif take sed -n '/^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/p' -- "$file"; then
    lines=$lines$nl$r
  elif gone 1; then
    lines="$lines${nl}no-certificate: yes"
  fi
  r=$lines
  answer "$id" 0
}
"#,
    needs: &[&SHARE_OUT],
};

pub(super) fn read(text: &str) -> Result<KubeconfigState, String> {
    let value = |name: &str| {
        let of =
            |line: &str| line.trim_start().strip_prefix(name)?.strip_prefix(": ").map(|value| value.trim().trim_matches('"').to_owned());
        text.lines().find_map(of)
    };
    let decoded = |name: &str| {
        let bytes = value(name).map(|value| STANDARD.decode(value).map_err(|_| format!("its {name} is not in base64"))).transpose()?;
        bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| format!("its {name} is no PEM"))).transpose()
    };
    let of_file = text.find("-----BEGIN CERTIFICATE-----").and_then(|at| text.get(at..)).map(str::to_owned);
    Ok(KubeconfigState {
        server: value("server").ok_or("it names no server")?,
        authority: decoded("certificate-authority-data")?.ok_or("it holds no certificate-authority-data")?,
        certificate: decoded("client-certificate-data")?.or(of_file),
        certificate_is_missing: value("no-certificate").is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};
    use crate::plan::Reading;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n";

    fn ask(path: &str, shell: &[&str]) -> Reading {
        let mut script = Script::new();
        let probes = script.probe(&[Kubeconfig::new(path).query()]);
        let output = run(shell, "n1", &script.finish());
        assert!(!String::from_utf8_lossy(&output.stdout).contains("c2VjcmV0"), "a key has left the machine");
        probes.observe(&Records::parse("n1", &output.stdout, &output.stderr)).remove(0).1.reading
    }

    #[test]
    fn its_keys_stay_where_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let pem = STANDARD.encode(PEM);
        let of = |user: &str| {
            format!(
                "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {pem}\n    server: https://10.0.0.1:6443\n  name: k\n\
                 users:\n- name: n\n  user:\n{user}"
            )
        };
        std::fs::write(at("own"), of(&format!("    client-certificate-data: {pem}\n    client-key-data: c2VjcmV0\n"))).unwrap();
        std::fs::write(at("token"), of("    token: c2VjcmV0\n")).unwrap();
        std::fs::write(at("file"), of(&format!("    client-certificate: {0}\n    client-key: {0}\n", at("current.pem")))).unwrap();
        let key = "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n";
        std::fs::write(at("current.pem"), format!("{PEM}{key}")).unwrap();
        std::fs::write(at("early"), of(&format!("    client-certificate: {0}\n    client-key: {0}\n", at("not-yet.pem")))).unwrap();
        for shell in SHELLS {
            for (name, has_certificate) in [("own", true), ("token", false), ("file", true), ("early", false)] {
                let Reading::Present(value) = ask(&at(name), shell) else { panic!("{name} in {shell:?}") };
                let state: KubeconfigState = serde_json::from_value(value).unwrap();
                assert_eq!((state.server.as_str(), state.authority.as_str()), ("https://10.0.0.1:6443", PEM));
                assert_eq!(state.certificate_is_missing, name == "early");
                assert_eq!(state.certificate.map(|text| text.trim().to_owned()), has_certificate.then(|| PEM.trim().to_owned()));
            }
            assert_eq!(ask(&at("none"), shell), Reading::Absent);
        }
    }
}
