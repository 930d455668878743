//! A certificate for a person, asked of the cluster on a control plane; the person's key is not there.

use super::facts::KUBECTL;
use super::script::{Function, Nul, Script};
use super::steps::FAIL;

/// What the script says, and what is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Where the API is, as a URL.
    pub server: String,
    /// Its authority, in base64 of PEM.
    pub authority: String,
    /// The certificate, in base64 of PEM.
    pub certificate: String,
}

impl Signed {
    /// Of the script's output.
    pub fn read(text: &str) -> Option<Self> {
        let of = |name: &str| text.lines().find_map(|line| line.trim_start().strip_prefix(name)).map(|rest| rest.trim().to_owned());
        Some(Self { server: of("server:")?, authority: of("certificate-authority-data:")?, certificate: of("certificate:")? })
    }
}

/// A script that makes the binding of that name if it is not there, lets the request be signed, and says what came of it; the request goes
/// again. `folder` has admin.conf.
///
/// # Errors
/// A NUL in one of the words.
pub fn script(folder: &str, request_name: &str, request: &str, binding_name: &str, binding: &str) -> Result<String, Nul> {
    let mut script = Script::new();
    script.call(&SIGN, [folder, request_name, request, binding_name, binding])?;
    Ok(script.finish())
}

static SIGN: Function = Function {
    name: "s_sign_for_a_person",
    needs: &[&FAIL, &KUBECTL],
    text: r#"s_sign_for_a_person() {
  conf=$1/admin.conf csr=certificatesigningrequests.certificates.k8s.io name=$2
  [ -f "$conf" ] || s_fail "there is no $conf: no control plane of kubeadm's is here"
  command -v kubectl >/dev/null || s_fail "there is no kubectl"
  ask_kubectl "$conf" get --ignore-not-found "clusterrolebindings.rbac.authorization.k8s.io/$4" -o name || s_fail "$err"
  if [ -z "${r%"$nl"}" ]; then
    printf %s "$5" | by_kubectl "$conf" create -f - >&2 || exit 1
  fi
  trap 'by_kubectl "$conf" delete --ignore-not-found "$csr/$name" >/dev/null 2>&1 </dev/null' EXIT
  trap 'exit 1' HUP INT TERM PIPE
  printf %s "$3" | by_kubectl "$conf" create -f - >&2 || exit 1
  ask_kubectl "$conf" certificate approve "$name" || s_fail "$err"
  tries=0
  while :; do
    ask_kubectl "$conf" get "$csr/$name" -o 'jsonpath={.status.certificate}' || s_fail "$err"
    certificate=$r
    [ -z "$certificate" ] || break
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || s_fail "kube-controller-manager has not signed the certificate within a minute: does it run?"
    sleep 1
  done
  sed -n -e '/^ *server: /p' -e '/^ *certificate-authority-data: /p' -- "$conf" || exit 1
  printf 'certificate: %s\n' "$certificate"
}"#,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_are_wanted() {
        let text = "    certificate-authority-data: QQ==\n    server: https://k:6443\ncertificate: Qg==\n";
        let signed = Signed { server: "https://k:6443".into(), authority: "QQ==".into(), certificate: "Qg==".into() };
        assert_eq!(Signed::read(text), Some(signed));
        assert_eq!(Signed::read("server: x\n"), None);
    }
}
