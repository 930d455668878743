//! What a user has in and around its home.

use serde::{Deserialize, Serialize};

use super::write::{SYNC_DIRECTORY, TEMPORARY};
use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Makes a home with all directories above it, from a skeleton, for a user that is there. One that is there already is a
/// failure: the plan saw none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MakeHome {
    /// Where.
    pub path: String,
    /// Whose.
    pub user: String,
    /// What it is made from, if that is a directory.
    pub skeleton: String,
}

/// Makes a pair of SSH keys, and the directory they are in.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MakeSshKey {
    /// Where the private key is; the public one is beside it, with `.pub`.
    pub path: String,
    /// Whose.
    pub user: String,
    /// As `ssh-keygen -t` takes it.
    pub kind: String,
    /// How long it is, if the kind's usual length is not meant.
    pub bits: Option<i64>,
    /// What stands beside the public key.
    pub comment: String,
    /// Whether keys that are there are replaced.
    pub overwrite: bool,
    /// What the private key is locked with; with nothing if it is empty. It never stands in a process list.
    pub passphrase: String,
}

impl std::fmt::Debug for MakeSshKey {
    // without the passphrase
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MakeSshKey").field("path", &self.path).field("user", &self.user).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// `owner_of USER`: `uid:gid` in `$owner`.
const OWNER_OF: Function = Function {
    name: "s_owner_of",
    needs: &[&FAIL],
    text: r#"s_owner_of() {
  owner=$(id -u -- "$1"):$(id -g -- "$1") || s_fail "there is no user $1"
}"#,
};

/// path, user, skeleton. The mode is that of login.defs(5), as useradd(8) takes it.
const MAKE_HOME: Function = Function {
    name: "s_make_home",
    needs: &[&FAIL, &OWNER_OF, &TEMPORARY, &SYNC_DIRECTORY],
    text: r#"s_make_home() (
  if [ -e "$1" ] || [ -L "$1" ]; then s_fail "$1 is there already"; fi
  s_owner_of "$2"
  above=${1%/*}
  mkdir -p -- "${above:-/}" || exit 1
  s_temporary "$1"
  new=$(mktemp -d "${prefix}XXXXXX") || exit 1
  if [ -d "$3" ]; then cp -R -P -p -- "$3/." "$new"; fi || exit 1
  mode=755
  if [ -f /etc/login.defs ]; then
    while read -r name value rest; do
      case $name:$value in
        *:*[!0-7]* | *:) ;;
        HOME_MODE:*) mode=$value; break ;;
        UMASK:*) mode=$(printf %o $((0777 & ~0$value))) ;;
      esac
    done </etc/login.defs
  fi
  # whole under its name, or not there
  chmod -- "0$mode" "$new" && chown -R -h -- "$owner" "$new" && sync && mv -nT -- "$new" "$1" && s_sync_directory "$dir"
)"#,
};

/// path, user, kind, bits|``, comment, `overwrite`|``, passphrase. Made under another name, so that a failure leaves the old
/// ones. ssh-keygen asks a program of ours for the passphrase, since OpenSSH 8.4.
const MAKE_SSH_KEY: Function = Function {
    name: "s_make_ssh_key",
    needs: &[&FAIL, &OWNER_OF],
    text: r#"s_make_ssh_key() (
  command -v ssh-keygen >/dev/null || s_fail "there is no ssh-keygen: install openssh-client (Debian) or openssh (Fedora)"
  s_owner_of "$2"
  for old in "$1" "$1.pub"; do
    if [ -z "$6" ] && [ -e "$old" ]; then s_fail "$old is there already"; fi
  done
  dir=${1%/*}
  if [ ! -d "$dir" ]; then
    mkdir -m 0700 -- "$dir" && chown -- "$owner" "$dir" || exit 1
  fi
  new=$dir/.homelabctl-new-key
  rm -f -- "$new" "$new.pub"
  passphrase=$7
  set -- "$1" -q -t "$3" ${4:+-b "$4"} -C "$5" -f "$new"
  s_keygen() {
    if [ -z "$passphrase" ]; then
      ssh-keygen "$@" -N '' </dev/null 9>&-
      return
    fi
    place=$(mktemp -d "$dir/.homelabctl-XXXXXX") || return 1
    trap 'rm -rf -- "$place"' EXIT
    trap 'exit 143' HUP INT TERM
    (umask 077 && printf '%s\n' "$passphrase" >"$place/passphrase") &&
      printf '#!/bin/sh\ncat "${0%%/*}/passphrase"\n' >"$place/ask" && chmod 0700 "$place/ask" || return 1
    SSH_ASKPASS=$place/ask SSH_ASKPASS_REQUIRE=force DISPLAY=none ssh-keygen "$@" </dev/null 9>&-
  }
  path=$1
  shift
  s_keygen "$@" || exit 1
  set -- "$path"
  chown -- "$owner" "$new" "$new.pub" && mv -f -- "$new.pub" "$1.pub" && mv -f -- "$new" "$1"
)"#,
};

impl Action for MakeHome {
    fn call(&self) -> Call {
        Call::new(&MAKE_HOME, [&self.path, &self.user, &self.skeleton])
    }

    fn touches(&self) -> Vec<Touch> {
        // the directories above may be new too
        let top = self.path.split('/').nth(1).unwrap_or_default();
        vec![Touch::Files(format!("/{top}"))]
    }

    fn describe(&self) -> String {
        format!("make the home {} of {}", self.path, self.user)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        check::path(&self.skeleton)?;
        check::account("user", &self.user)
    }
}

impl Action for MakeSshKey {
    fn call(&self) -> Call {
        let (bits, overwrite) = (self.bits.map(|bits| bits.to_string()).unwrap_or_default(), if self.overwrite { "overwrite" } else { "" });
        Call::new(&MAKE_SSH_KEY, [&self.path, &self.user, &self.kind, &bits, &self.comment, overwrite, &self.passphrase])
    }

    fn touches(&self) -> Vec<Touch> {
        let directory = self.path.rsplit_once('/').map_or("/", |(directory, _)| directory);
        vec![Touch::Files(directory.into())]
    }

    fn describe(&self) -> String {
        format!("make the SSH key {} of {}", self.path, self.user)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        check::word("kind of key", &self.kind)?;
        check::field("comment", &self.comment.replace(':', ""))?;
        if self.passphrase.contains(['\n', '\r', '\0']) {
            check::refuse("passphrase", "(hidden)", "is more than a line")?;
        }
        check::account("user", &self.user)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run};

    fn carry_out(shell: &[&str], step: &dyn Action) -> std::process::Output {
        let call = step.call();
        let mut script = Script::new();
        script.call(call.function, call.words).unwrap();
        run(shell, "n1", &script.finish())
    }

    fn me() -> String {
        String::from_utf8(std::process::Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn a_home_is_made_from_its_skeleton_in_every_shell() {
        for shell in SHELLS {
            let dir = tempfile::tempdir().unwrap();
            let skeleton = dir.path().join("skel");
            std::fs::create_dir(&skeleton).unwrap();
            std::fs::write(skeleton.join(".profile"), "x").unwrap();
            std::os::unix::fs::symlink("/nowhere", skeleton.join("link")).unwrap();
            let home = dir.path().join("a b/c");
            let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
            let step = MakeHome { path: text(&home), user: me(), skeleton: text(&skeleton) };
            let output = carry_out(shell, &step);
            assert!(output.status.success(), "{shell:?} {output:?}");
            assert_eq!(std::fs::read(home.join(".profile")).unwrap(), b"x");
            assert!(home.join("link").is_symlink());
            let mode = std::fs::metadata(&home).unwrap().permissions().mode() & 0o7777;
            assert!(mode & 0o700 == 0o700, "{mode:o}");
            // a second time it is there
            assert!(!carry_out(shell, &step).status.success());
            let bare = MakeHome { path: text(&dir.path().join("bare")), skeleton: "/no/skeleton".into(), ..step };
            assert!(carry_out(shell, &bare).status.success());
            assert_eq!(std::fs::read_dir(dir.path().join("bare")).unwrap().count(), 0);
        }
    }

    #[test]
    fn keys_are_made_and_not_overwritten_unless_told() {
        if std::process::Command::new("ssh-keygen").arg("-?").output().is_err() {
            return;
        }
        for shell in SHELLS {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(".ssh/id_ed25519");
            let step = MakeSshKey {
                path: path.to_str().unwrap().into(),
                user: me(),
                kind: "ed25519".into(),
                bits: None,
                comment: "it's mine".into(),
                overwrite: false,
                passphrase: String::new(),
            };
            let output = carry_out(shell, &step);
            assert!(output.status.success(), "{shell:?} {output:?}");
            let public = || std::fs::read_to_string(path.with_extension("pub")).unwrap();
            let first = public();
            assert!(first.starts_with("ssh-ed25519 ") && first.ends_with(" it's mine\n"), "{first}");
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(!carry_out(shell, &step).status.success());
            assert_eq!(public(), first);
            let again = MakeSshKey { overwrite: true, ..step };
            assert!(carry_out(shell, &again).status.success());
            assert_ne!(public(), first);
            assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
            let locked = MakeSshKey { overwrite: true, passphrase: "it's \"a\" $word".into(), ..again };
            assert!(!format!("{locked:?}").contains("word"));
            let output = carry_out(shell, &locked);
            assert!(output.status.success(), "{shell:?} {output:?}");
            let opens = |passphrase: &str| {
                let words = ["-y", "-P", passphrase, "-f", path.to_str().unwrap()];
                std::process::Command::new("ssh-keygen").args(words).output().unwrap().status.success()
            };
            assert!(opens("it's \"a\" $word") && !opens("") && !opens("x"));
            assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
        }
    }
}
