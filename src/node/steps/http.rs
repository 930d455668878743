//! Requests over HTTP, by what the machine has: curl, else wget.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::write::{SYNC_DIRECTORY, TEMPORARY};
use super::{Action, Call, FAIL, Invalid, check, octal};
use crate::node::script::Function;
use crate::plan::Touch;

/// What is asked of a server, and how.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Http {
    /// The address.
    pub url: String,
    /// `GET`, `POST`…
    pub method: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Vec<u8>>,
    /// How long the server may be silent, in seconds.
    pub timeout: u32,
    /// Whether its certificate is not looked at.
    pub insecure: bool,
    /// Whether it may send us elsewhere.
    pub follow: bool,
    /// Name and password.
    pub user: Option<(String, String)>,
    /// Files with the authorities that are trusted, our certificate and its key.
    pub certificates: Certificates,
    /// A socket instead of the network.
    pub unix_socket: Option<String>,
    /// Whether the environment's proxy is left alone.
    pub no_proxy: bool,
    /// Whether names and passwords may come from ~/.netrc.
    pub netrc: bool,
    /// Whether a compressed answer is asked for and unpacked.
    pub decompress: bool,
}

/// Files on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates {
    /// Authorities that are trusted.
    pub authorities: Option<String>,
    /// Our own.
    pub own: Option<String>,
    /// Its key.
    pub key: Option<String>,
}

impl std::fmt::Debug for Http {
    // all else may be a secret
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Http {
    /// curl's configuration: what is secret stands in no list of processes.
    fn curl(&self) -> String {
        let mut lines = String::new();
        let mut set = |name: &str, value: &str| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
            lines.push_str(&format!("{name} = \"{value}\"\n"));
        };
        set("url", &self.url);
        for (name, value) in &self.headers {
            // curl leaves out a header without a value unless it is written so
            set("header", &if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") });
        }
        let timeout = self.timeout.max(1).to_string();
        set("connect-timeout", &timeout);
        set("speed-time", &timeout);
        set("speed-limit", "1");
        if let Some((user, password)) = &self.user {
            set("user", &format!("{user}:{password}"));
        }
        let files = [("cacert", &self.certificates.authorities), ("cert", &self.certificates.own), ("key", &self.certificates.key)];
        for (name, file) in files.into_iter().chain([("unix-socket", &self.unix_socket)]) {
            if let Some(file) = file {
                set(name, file);
            }
        }
        if self.no_proxy {
            set("noproxy", "*");
        }
        if self.body.is_some() {
            set("data-binary", "@body");
        }
        match self.method.as_str() {
            "HEAD" => lines.push_str("head\n"),
            "GET" if self.body.is_none() => {}
            method => lines.push_str(&format!("request = \"{method}\"\n")),
        }
        for (name, is_set) in
            [("insecure", self.insecure), ("location", self.follow), ("netrc-optional", self.netrc), ("compressed", self.decompress)]
        {
            if is_set {
                lines.push_str(&format!("{name}\n"));
            }
        }
        lines
    }

    /// wget's.
    fn wget(&self) -> String {
        let timeout = self.timeout.max(1);
        let mut lines = format!("timeout = {timeout}\ntries = 1\ncontent_on_error = on\nserver_response = on\nquiet = off\nverbose = on\n");
        lines.push_str(&format!("max_redirect = {}\n", if self.follow { 20 } else { 0 }));
        for (name, value) in &self.headers {
            lines.push_str(&format!("header = {name}: {value}\n"));
        }
        if let Some((user, password)) = &self.user {
            lines.push_str(&format!("http_user = {user}\nhttp_password = {password}\nauth_no_challenge = on\n"));
        }
        let files = [
            ("ca_certificate", &self.certificates.authorities),
            ("certificate", &self.certificates.own),
            ("private_key", &self.certificates.key),
        ];
        for (name, file) in files {
            if let Some(file) = file {
                lines.push_str(&format!("{name} = {file}\n"));
            }
        }
        for (line, is_set) in [
            ("check_certificate = off", self.insecure),
            ("use_proxy = off", self.no_proxy),
            ("netrc = off", !self.netrc),
            ("compression = auto", self.decompress),
        ] {
            if is_set {
                lines.push_str(&format!("{line}\n"));
            }
        }
        lines
    }

    /// The words that `s_http_begin` takes.
    fn words(&self) -> Vec<String> {
        let body = self.body.as_ref().map(|body| STANDARD.encode(body)).unwrap_or_default();
        let has_body = if self.body.is_some() { "body" } else { "" };
        let only_curl = if self.unix_socket.is_some() { "socket" } else { "" };
        vec![self.url.clone(), self.method.clone(), self.curl(), self.wget(), has_body.into(), body, only_curl.into()]
    }

    fn check(&self) -> Result<(), Invalid> {
        check::word("url", &self.url)?;
        if self.url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            check::refuse("url", &self.url, "has a blank or a control character in it")?;
        }
        if self.method.is_empty() || !self.method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            check::refuse("method", &self.method, "is not a word in upper case")?;
        }
        for (name, value) in &self.headers {
            if name.is_empty() || name.contains([':', '\r', '\n', '\0', ' ']) || value.contains(['\r', '\n', '\0']) {
                check::refuse("header", name, "is not one line of a name and a value")?;
            }
        }
        for value in self.user.iter().flat_map(|(user, password)| [user, password]) {
            if value.contains(['\r', '\n', '\0']) {
                check::refuse("user or password", "", "is more than a line")?;
            }
        }
        let files = [&self.certificates.authorities, &self.certificates.own, &self.certificates.key, &self.unix_socket];
        files.into_iter().flatten().try_for_each(|file| check::path(file))
    }
}

/// `s_http_begin URL METHOD CURL WGET HAS_BODY BODY ONLY_CURL`: a directory of its own, in which what is asked stands;
/// it goes away with the shell. `s_http NEWER`: asks; the answer is in `answer`, its header lines in `head`, and
/// `$http_status` and `$http_url` say how it ended. With a file in `$1` an answer comes only if the server has a newer one.
const HTTP: Function = Function {
    name: "s_http_begin",
    needs: &[&FAIL],
    text: r#"s_http_begin() {
  http_url=$1 http_method=$2 http_curl=$3 http_wget=$4 http_body=$5
  http_place=$(mktemp -d) || exit 1
  trap 'rm -rf -- "$http_place"' EXIT
  trap 'exit 143' HUP INT TERM
  if [ -n "$5" ]; then printf %s "$6" | base64 -d >"$http_place/body" || exit 1; fi
  if command -v curl >/dev/null; then http_program=curl
  elif [ -n "$7" ]; then s_fail "curl is needed for a socket; install the package curl"
  elif command -v wget >/dev/null; then http_program=wget
  else s_fail "there is neither curl nor wget here; install the package curl"
  fi
}
s_http() {
  newer=$1 http_status=0
  : >"$http_place/head"
  : >"$http_place/answer"
  if [ "$http_program" = curl ]; then
    if [ -n "$newer" ]; then
      since=$(date -u -r "$newer" '+%a, %d %b %Y %H:%M:%S GMT') && http_curl="${http_curl}header = \"If-Modified-Since: $since\"$nl"
    fi
    said=$(cd "$http_place" && printf %s "$http_curl" | curl -q -sS -K - -o answer -D head -w '%{http_code} %{url_effective}') || return 1
    http_status=${said%% *} http_url=${said#* }
    # curl takes the head for the answer then
    [ "$http_method" != HEAD ] || : >"$http_place/answer"
    return 0
  fi
  if [ -n "$newer" ]; then
    since=$(date -u -r "$newer" '+%a, %d %b %Y %H:%M:%S GMT') && http_wget="${http_wget}header = If-Modified-Since: $since$nl"
  fi
  (
    umask 077
    printf %s "$http_wget" >"$http_place/wgetrc"
    printf '%s\n' "$http_url" >"$http_place/url"
  )
  set -- --config="$http_place/wgetrc" -O "$http_place/answer" --input-file="$http_place/url"
  [ "$http_method" = GET ] || set -- "$@" --method="$http_method"
  [ -z "$http_body" ] || set -- "$@" --body-file="$http_place/body"
  wget "$@" 2>"$http_place/said" </dev/null
  while IFS= read -r l; do
    case $l in
    "  HTTP/"*) l=${l#  }; http_status=${l#* }; http_status=${http_status%% *}; printf '%s\n' "$l" >"$http_place/head" ;;
    "  "*:*) printf '%s\n' "${l#  }" >>"$http_place/head" ;;
    "--"*"--  "*) http_url=${l##*--  } ;;
    esac
  done <"$http_place/said"
  [ "$http_status" != 0 ] || { cat "$http_place/said" >&2; return 1; }
}"#,
};

/// Asks a server and prints the answer: `STATUS HEAD BODY URL` with the lengths in bytes, the header lines, the body.
///
/// What it answers is not the step's failure, nor that it does not answer: that is the status -1, and the body says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request(pub Http);

/// The words of `s_http_begin`.
const REQUEST: Function = Function {
    name: "s_request",
    needs: &[&HTTP],
    text: r#"s_request() (
  s_http_begin "$@"
  if ! s_http "" 2>"$http_place/complaint"; then
    http_status=-1
    : >"$http_place/head"
    cat "$http_place/complaint" >"$http_place/answer"
  fi
  printf '%s %s %s %s\n' "$http_status" "$(wc -c <"$http_place/head")" "$(wc -c <"$http_place/answer")" "$http_url"
  cat "$http_place/head" "$http_place/answer"
)"#,
};

impl Action for Request {
    fn call(&self) -> Call {
        Call::new(&REQUEST, self.0.words())
    }

    fn touches(&self) -> Vec<Touch> {
        // the server may be this very machine
        if matches!(self.0.method.as_str(), "GET" | "HEAD" | "OPTIONS") { Vec::new() } else { vec![Touch::Everything] }
    }

    fn describe(&self) -> String {
        format!("ask a server ({})", self.0.method)
    }

    fn check(&self) -> Result<(), Invalid> {
        self.0.check()
    }
}

/// What a server answered to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; -1 if there is no answer.
    pub status: i32,
    /// Where it came from in the end.
    pub url: String,
    /// The header lines of the last answer: names in lower case.
    pub headers: Vec<(String, String)>,
    /// What was sent.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads what the step printed.
    pub fn read(stdout: &[u8]) -> Option<Self> {
        let end = stdout.iter().position(|byte| *byte == b'\n')?;
        let first = std::str::from_utf8(stdout.get(..end)?).ok()?;
        let mut words = first.split_whitespace();
        let status = words.next()?.parse().ok()?;
        let (head, body): (usize, usize) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let url = words.next().unwrap_or_default().to_owned();
        let rest = stdout.get(end + 1..)?;
        let body = rest.get(head..)?.get(..body)?.to_vec();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in String::from_utf8_lossy(rest.get(..head)?).lines() {
            match line.split_once(':') {
                // of several answers the last counts
                _ if line.starts_with("HTTP/") => headers.clear(),
                Some((name, value)) => headers.push((name.trim().to_lowercase(), value.trim().to_owned())),
                None => {}
            }
        }
        Some(Self { status, url, headers, body })
    }
}

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
/// words for the list (seven), the words for the file (seven).
const FETCH: Function = Function {
    name: "s_fetch",
    needs: &[&FAIL, &HTTP, &TEMPORARY, &SYNC_DIRECTORY],
    text: r#"s_fetch() (
  path=$1 newer=$2 algorithm=$3 digest=$4 name=$5 backup=$6 owner=$7 group=$8 mode=$9
  shift 9
  if [ -n "$name" ]; then
    digest=$(
      s_http_begin "$1" "$2" "$3" "$4" "$5" "$6" "$7"
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
  shift 7
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
            None => (vec![String::new(); 7], String::new()),
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

#[cfg(test)]
mod tests;
