//! A file that is brought from a server.

use serde::{Deserialize, Serialize};

use super::super::write::{SYNC_DIRECTORY, TEMPORARY};
use super::super::{Action, Call, FAIL, Invalid, check, octal};
use super::{HTTP, Http, WORDS};
use crate::node::script::Function;
use crate::plan::Touch;

/// Brings a file from a server: it appears under its name whole, or not at all.
///
/// It prints [`Fetched`]. A file that is the same already stays untouched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fetch {
    /// What is asked.
    pub request: Box<Http>,
    /// Where it is put.
    pub path: String,
    /// Whether nothing comes unless the server has something newer than what is there.
    pub only_newer: bool,
    /// `sha256` and the like, and the digest that it must have.
    pub checksum: Option<(String, String)>,
    /// Where the digest stands, if it is not known: a list of digests and names on a server, and the name.
    pub checksum_list: Option<(Box<Http>, String)>,
    /// Whether what was there is kept beside it.
    pub backup: bool,
    /// Its owner, a name or number.
    pub owner: String,
    /// Its group, a name or number.
    pub group: String,
    /// Its permission bits.
    pub mode: u32,
}

/// path, `newer` or ``, algorithm or ``, digest or ``, name in the list or ``, `backup` or ``, owner, group, mode, the
/// words for the list, the words for the file ([`WORDS`] each).
const FETCH: Function = Function {
    name: "s_fetch",
    needs: &[&FAIL, &HTTP, &TEMPORARY, &SYNC_DIRECTORY],
    text: r#"s_fetch() (
  path=$1 newer=$2 algorithm=$3 digest=$4 name=$5 backup=$6 owner=$7 group=$8 mode=$9
  shift 9
  if [ -n "$name" ]; then
    digest=$(
      s_http_begin "$@"
      s_http "" || exit 1
      [ "$http_status" = 200 ] || s_fail "Request failed: status $http_status for the list of checksums"
      lines=0 only=
      while read -r sum file rest || [ -n "$sum" ]; do
        [ -n "$sum" ] || continue
        lines=$((lines + 1)) only=$sum
        file=${file#\*} file=${file#./}
        if [ "$file" = "$name" ]; then printf %s "$sum"; exit 0; fi
      done <"$http_place/answer"
      # a digest alone is of the file
      if [ "$lines" = 1 ] && [ -z "${file:-}" ]; then printf %s "$only"; exit 0; fi
      s_fail "Unable to find a checksum for file '$name'"
    ) || exit 1
    digest=$(printf %s "$digest" | tr 'A-F' 'a-f')
    if [ -f "$path" ]; then
      here=$("${algorithm}sum" <"$path") || exit 1
      if [ "${here%% *}" = "$digest" ]; then
        printf 'status=\nchanged=no\n'
        exit 0
      fi
      newer=
    fi
  fi
  shift 15
  [ -z "$newer" ] || newer=$path
  s_http_begin "$@"
  s_http "$newer" || exit 1
  if [ "$http_status" = 304 ]; then
    printf 'status=304\nchanged=no\n'
    exit 0
  fi
  case $http_status:$http_url in
  200:* | *:file:*) ;;
  *) printf 'status=%s\n' "$http_status"; s_fail "Request failed: status $http_status" ;;
  esac
  if [ -n "$digest" ]; then
    here=$("${algorithm}sum" <"$http_place/answer") || exit 1
    here=${here%% *}
    source=$(sha1sum <"$http_place/answer") || exit 1
    [ "$here" = "$digest" ] || printf 'status=%s\nchecksum_src=%s\n' "$http_status" "${source%% *}"
    [ "$here" = "$digest" ] || s_fail "The checksum for what was fetched did not match $digest; it was $here."
  fi
  source=$(sha1sum <"$http_place/answer") || exit 1
  source=${source%% *} there=
  if [ -f "$path" ]; then
    there=$(sha1sum <"$path") || exit 1
    there=${there%% *}
  fi
  printf 'status=%s\nchecksum_src=%s\nchecksum_dest=%s\nsize=%s\n' "$http_status" "$source" "$there" "$(wc -c <"$http_place/answer")"
  if [ "$source" = "$there" ]; then
    echo changed=no
    exit 0
  fi
  if [ -d "$path" ]; then s_fail "$path is a directory"; fi
  if [ -n "$backup" ] && [ -f "$path" ]; then
    copy=$path.$$.$(date +%Y-%m-%d@%H:%M:%S)~
    cp -p -- "$path" "$copy" || exit 1
    printf 'backup_file=%s\n' "$copy"
  fi
  s_temporary "$path"
  new=$(mktemp "${prefix}XXXXXX") || exit 1
  if cat "$http_place/answer" >"$new" && chown -- "$owner:$group" "$new" && chmod -- "$mode" "$new" && sync "$new" &&
    mv -fT -- "$new" "$path"; then
    s_sync_directory "$dir"
    echo changed=yes
  else
    rm -f -- "$new"
    exit 1
  fi
)"#,
};

impl Action for Fetch {
    fn call(&self) -> Call {
        let (algorithm, digest) = self.checksum.clone().unwrap_or_default();
        let flag = |is_set: bool, word: &str| if is_set { word.to_owned() } else { String::new() };
        let (list, name) = match &self.checksum_list {
            Some((list, name)) => (list.words(), name.clone()),
            None => (vec![String::new(); WORDS], String::new()),
        };
        let words = [
            self.path.clone(),
            flag(self.only_newer, "newer"),
            algorithm,
            digest,
            name,
            flag(self.backup, "backup"),
            self.owner.clone(),
            self.group.clone(),
            octal(self.mode),
        ];
        Call::new(&FETCH, words.into_iter().chain(list).chain(self.request.words()))
    }

    fn touches(&self) -> Vec<Touch> {
        // a copy of what was there has a name that is not known before
        let path = if self.backup { self.path.rsplit_once('/').map_or("/", |(above, _)| above) } else { &self.path };
        vec![Touch::Files(if path.is_empty() { "/".into() } else { path.into() })]
    }

    fn describe(&self) -> String {
        format!("fetch {}", self.path)
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.path)?;
        check::account("owner", &self.owner)?;
        check::account("group", &self.group)?;
        if let Some((algorithm, digest)) = &self.checksum {
            if !["md5", "sha1", "sha224", "sha256", "sha384", "sha512"].contains(&algorithm.as_str()) {
                check::refuse("algorithm", algorithm, "is none that coreutils has")?;
            }
            if !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                check::refuse("digest", digest, "is not hexadecimal")?;
            }
        }
        if let Some((list, _)) = &self.checksum_list {
            list.check()?;
        }
        self.request.check()
    }
}

/// The digest of a file in a list of digests and names, as the step reads it.
#[must_use]
pub fn digest_in(list: &str, name: &str) -> Option<String> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = list.lines().map(words).filter(|words| !words.is_empty()).collect();
    let is_named = |file: &String| {
        let file = file.strip_prefix('*').unwrap_or(file);
        file.strip_prefix("./").unwrap_or(file) == name
    };
    let named = lines.iter().find(|words| words.get(1).is_some_and(is_named));
    let alone = match lines.as_slice() {
        [only] if only.len() == 1 => Some(only),
        _ => None,
    };
    named.or(alone)?.first().map(|digest| digest.to_ascii_lowercase())
}

/// What a [`Fetch`] printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The server's status; `None` where it was not asked for the file.
    pub status: Option<u16>,
    /// Whether there is another content now.
    pub changed: bool,
    /// SHA-1 of what came.
    pub source: Option<String>,
    /// SHA-1 of what was there.
    pub before: Option<String>,
    /// How many bytes came.
    pub size: Option<u64>,
    /// Where what was there is kept.
    pub backup: Option<String>,
}

impl Fetched {
    /// Reads what the step printed.
    pub fn read(stdout: &[u8]) -> Self {
        let mut fetched = Self::default();
        for (name, value) in String::from_utf8_lossy(stdout).lines().filter_map(|line| line.split_once('=')) {
            match name {
                "status" => fetched.status = value.parse().ok(),
                "changed" => fetched.changed = value == "yes",
                "checksum_src" => fetched.source = Some(value.to_owned()),
                "checksum_dest" if !value.is_empty() => fetched.before = Some(value.to_owned()),
                "size" => fetched.size = value.trim().parse().ok(),
                "backup_file" => fetched.backup = Some(value.to_owned()),
                _ => {}
            }
        }
        fetched
    }
}
