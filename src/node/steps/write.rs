//! A file's whole content, put in place at once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check, octal};
use crate::node::script::Function;
use crate::plan::Touch;

/// Writes a file: the new content appears under its name whole, with its owner and mode, or not at all.
///
/// A regular file or a symbolic link (not what it points to) of that name is replaced, anything else is refused. Owner,
/// group and mode are always named. ACLs and extended attributes of the old file come along where its cp(1) can copy them
/// (GNU's; as `shutil.copystat` in Ansible's atomic_move); other hard links keep the old content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriteFile {
    /// Where.
    pub path: String,
    /// Its content.
    pub source: Source,
    /// The owner, a name or number.
    pub owner: String,
    /// The group, a name or number.
    pub group: String,
    /// The permission bits, set-id and sticky bits included.
    pub mode: u32,
}

/// Where a file's content comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It travels in the script. For what is small.
    Bytes(#[serde(with = "as_base64")] Vec<u8>),
    /// It is a file of the machine that this program runs on, and has to be uploaded before ([`crate::node::stage`]).
    Local {
        /// Where that is.
        path: String,
        /// How long it is, in bytes.
        size: u64,
        /// What its content must be, SHA-256 in lower-case hex.
        sha256: String,
    },
    /// It was uploaded before, to a file of ours that is moved into place.
    Staged {
        /// Where it was uploaded to.
        path: String,
        /// What its content must be, SHA-256 in lower-case hex.
        sha256: String,
    },
    /// It is another file of the machine, which stays.
    Copied {
        /// Where that is; a link is followed.
        path: String,
        /// What its content must be, SHA-256 in lower-case hex.
        sha256: String,
    },
}

impl Source {
    /// The words that tell [`FILL`] of it.
    pub(super) fn words(&self) -> (String, String, String) {
        match self {
            Self::Bytes(bytes) => ("bytes".into(), STANDARD.encode(bytes), String::new()),
            Self::Local { path, sha256, .. } => ("local".into(), path.clone(), sha256.clone()),
            Self::Staged { path, sha256 } => ("staged".into(), path.clone(), sha256.clone()),
            Self::Copied { path, sha256 } => ("copied".into(), path.clone(), sha256.clone()),
        }
    }
}

/// Files of ours that an earlier run, cut before its rename, left beside the target.
///
/// Removed by whoever writes the same file next; who holds the lock is the only one who makes them.
pub(super) const TEMPORARY: Function = Function {
    name: "s_temporary",
    needs: &[],
    text: r#"s_temporary() {
  dir=${1%/*} base=${1##*/}
  # a name may be 255 bytes long, and ours is longer
  prefix=$dir/.$(printf %.200s "$base").homelabctl-
  set +f
  for old in "$prefix"??????; do
    if [ -f "$old" ] || [ -L "$old" ] || [ -d "$old" ]; then rm -rf -- "$old"; fi
  done
  set -f
}"#,
};

/// Makes a rename last. Some file systems cannot sync a directory alone.
pub(super) const SYNC_DIRECTORY: Function = Function {
    name: "s_sync_directory",
    needs: &[],
    text: r#"s_sync_directory() {
  sync "${1:-/}" 2>/dev/null || sync
}"#,
};

/// `bytes`|`staged`|`poured`|`copied`, base64|path, SHA-256, where to. Puts the content there: what is `staged` takes the
/// place of the file there, what is `poured` goes into it.
pub(super) const FILL: Function = Function {
    name: "s_fill",
    needs: &[],
    text: r#"s_fill() {
  case $1 in
    bytes)
      printf %s "$2" | base64 -d >"$4"
      return
      ;;
    staged) mv -fT -- "$2" "$4" || return 1 ;;
    poured)
      cat -- "$2" >"$4" || return 1
      rm -f -- "$2"
      ;;
    copied) cat -- "$2" >"$4" || return 1 ;;
    *)
      printf '%s\n' "$2 was not uploaded" >&2
      return 1
      ;;
  esac
  if [ "$(sha256sum <"$4")" != "$3  -" ]; then
    printf '%s\n' "$2 is not what was $1" >&2
    return 1
  fi
}"#,
};

/// path, owner, group, mode, `bytes`|`staged`|`copied`, base64|path, SHA-256.
///
/// mktemp(1) makes the temporary file with O_EXCL and mode 0600. The old file's ACLs and attributes are copied to one in a
/// directory that only its owner can look into; the last chmod gives the ACL's mask, which is what stat(1) shows for the group,
/// its old value. chmod comes after chown, which clears set-id bits; the content is on the disk before the rename makes it
/// visible. Old sync(1) programs ignore their argument and sync all.
const WRITE: Function = Function {
    name: "s_write",
    needs: &[&FAIL, &TEMPORARY, &SYNC_DIRECTORY, &FILL],
    text: r#"s_write() (
  if [ -d "$1" ] && [ ! -L "$1" ]; then s_fail "$1 is a directory"; fi
  if [ -e "$1" ] && [ ! -f "$1" ] && [ ! -L "$1" ]; then s_fail "$1 is neither a file nor a link"; fi
  s_temporary "$1"
  new=$(mktemp "${prefix}XXXXXX") || exit 1
  how=$5 file=$new hold=
  if [ -f "$1" ] && [ ! -L "$1" ]; then
    # ACLs come with the old mode: until that is the new one, the file is where nobody else looks
    hold=$(mktemp -d "${prefix}XXXXXX") || exit 1
    file=$hold/file
    : >"$file" || exit 1
    cp --attributes-only --preserve=mode,xattr -- "$1" "$file" 2>/dev/null
    chmod -- 0600 "$file" || exit 1
    [ "$how" != staged ] || how=poured
  fi
  if s_fill "$how" "$6" "$7" "$file" && chown -- "$2:$3" "$file" && chmod -- "$4" "$file" && sync "$file" &&
    { [ -z "$hold" ] || { mv -fT -- "$file" "$new" && rmdir -- "$hold"; }; } && mv -fT -- "$new" "$1"; then
    s_sync_directory "$dir"
  else
    rm -rf -- "$new" ${hold:+"$hold"}
    exit 1
  fi
)"#,
};

impl Action for WriteFile {
    fn call(&self) -> Call {
        let (how, data, digest) = self.source.words();
        Call::new(&WRITE, [self.path.clone(), self.owner.clone(), self.group.clone(), octal(self.mode), how, data, digest])
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Files(self.path.clone())]
    }

    fn describe(&self) -> String {
        format!("write {}", self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        check::account("owner", &self.owner)?;
        check::account("group", &self.group)?;
        match &self.source {
            Source::Staged { path, .. } | Source::Copied { path, .. } => check::path(path),
            Source::Bytes(_) | Source::Local { .. } => Ok(()),
        }
    }
}

/// Bytes as base64 text in JSON.
mod as_base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
