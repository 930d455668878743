//! A snapshot of etcd's data, taken on a control plane and sent as it is.
//!
//! etcd's container has no file of the machine but its data's folder and its certificates, so the snapshot is written there. It goes again
//! with the script, also with one that is cut off; what a machine without power leaves, the next snapshot takes away.

use super::facts::{ETCDCTL, KUBEADM_ETCD, KUBEADM_ETCD_CERTIFICATES};
use super::script::{Function, Nul, Script};
use super::steps::FAIL;

/// What stands before the bytes: size in bytes, SHA-256 in hexadecimal digits; then a line's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// How many bytes follow.
    pub size: u64,
    /// Their digest.
    pub sha256: String,
}

impl Announced {
    /// Of the first line of what is sent.
    pub fn read(line: &str) -> Option<Self> {
        let (size, sha256) = line.trim().split_once(' ')?;
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| Some(Self { size: size.parse().ok()?, sha256: sha256.to_owned() }))?
    }
}

/// Where etcd is asked, and where its certificates and its manifest are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source<'a> {
    /// As a URL.
    pub endpoint: &'a str,
    /// With `ca.crt`, `server.crt` and `server.key`.
    pub certificates: &'a str,
    /// kubeadm's manifest, which says where the data is.
    pub manifest: &'a str,
}

impl Source<'static> {
    /// As kubeadm runs it.
    pub const KUBEADM: Self =
        Source { endpoint: KUBEADM_ETCD, certificates: KUBEADM_ETCD_CERTIFICATES, manifest: "/etc/kubernetes/manifests/etcd.yaml" };
}

/// etcd writes a file of that size once more; were its disk full, it would stop, and the cluster with it. In MiB.
pub(super) const SPARE: &str = "512";

/// A script that sends a snapshot on its standard output: what is [`Announced`], and then the bytes. `name` tells it from others.
///
/// # Errors
/// A NUL in one of the words.
pub fn script(source: &Source<'_>, name: &str) -> Result<String, Nul> {
    let mut script = Script::new();
    script.call(&SEND, [source.endpoint, source.certificates, source.manifest, name, SPARE])?;
    Ok(script.finish())
}

/// The folder of etcd's data, how many MiB have to be left beside a snapshot there. Ends the script if there is no room.
pub(super) static ROOM: Function = Function {
    name: "s_room_for_snapshot",
    needs: &[&FAIL],
    text: r#"s_room_for_snapshot() {
  free=$(df -Pk -- "$1" | sed -n '2s/^.* \([0-9][0-9]*\)  *[0-9]*% .*$/\1/p')
  size=$(stat -c %s -- "$1/member/snap/db") || s_fail "etcd's database is not in its folder: $1/member/snap/db"
  [ -n "$free" ] || s_fail "how much space is left at $1 could not be read"
  [ "$((free / 1024))" -ge "$((size / 1048576 + $2))" ] ||
    s_fail "only $((free / 1024)) MiB are left at $1; the snapshot takes $((size / 1048576)) MiB of them, and etcd stops on a full disk"
}"#,
};

static SEND: Function = Function {
    name: "s_send_etcd_snapshot",
    needs: &[&FAIL, &ETCDCTL, &ROOM],
    text: r#"s_send_etcd_snapshot() {
  [ -f "$3" ] || s_fail "there is no $3: no etcd of kubeadm's runs here"
  dir=$(sed -n 's/^ *- --data-dir=//p' "$3") || exit 1
  [ -d "$dir" ] || s_fail "etcd's data is not in a folder: ${dir:-its manifest names none}"
  find_etcdctl || s_fail "$err"
  set -- "$1" "$2" "$dir/homelabctl-snapshot-$4.db" "$5"
  # it would wait for one that is down as long as a large snapshot may take
  once ask_etcd "$1" "$2" --command-timeout 10s endpoint health || s_fail "etcd does not answer: ${err##*"$nl"}"
  find "$dir" -maxdepth 1 -name 'homelabctl-snapshot-*' -mmin +1440 -exec rm -f -- {} + || :
  s_room_for_snapshot "$dir" "$4"
  umask 077
  # the words of a function are gone when its shell ends
  snapshot=$3
  trap 'rm -f -- "$snapshot" "$snapshot.part"' EXIT
  trap 'exit 1' HUP INT TERM PIPE
  etcd_limit=900
  once ask_etcd "$1" "$2" --command-timeout 900s snapshot save "$3" ||
    s_fail "etcdctl snapshot save: $err"
  sum=$(sha256sum -- "$3") || exit 1
  size=$(stat -c %s -- "$3") || exit 1
  printf '%s %s\n' "$size" "${sum%% *}"
  cat -- "$3"
}"#,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_is_whole_or_nothing() {
        let digest = "a".repeat(64);
        assert_eq!(Announced::read(&format!("42 {digest}\n")), Some(Announced { size: 42, sha256: digest.clone() }));
        assert!(
            Announced::read("42").is_none() && Announced::read("42 abc").is_none() && Announced::read(&format!("x {digest}")).is_none()
        );
    }
}
