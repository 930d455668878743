//! Requests over HTTP, by what the machine has: curl, else wget.

mod fetch;
mod had;
mod request;

pub use fetch::{Fetch, Fetched, digest_in};
pub use had::{Asker, Had};
pub use request::{Answer, Request, Save};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{FAIL, Invalid, check};
use crate::node::script::Function;

/// What is asked of a server, and how.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Http {
    /// The address.
    pub url: String,
    /// `GET`, `POST`…
    pub method: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Of those the names, in lower case, that are not said to whom the server sends us on to; needs curl.
    pub unredirected: Vec<String>,
    /// What is sent.
    pub body: Option<Body>,
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
    /// The ciphers that may be used, in OpenSSL's names; those of the program if none are named.
    pub ciphers: Vec<String>,
    /// Who asks.
    #[serde(default)]
    pub asker: Asker,
}

/// What is sent.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// It travels in the script.
    Bytes(Vec<u8>),
    /// A file of the machine.
    File(String),
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
    /// Whether to ask may change something on the server.
    #[must_use]
    pub fn acts(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// curl's configuration, so that what is secret stands in no list of processes: what is always said, what is said first
    /// only, what belongs to the body, and who we are.
    fn curl(&self) -> [String; 4] {
        let [mut always, mut first, mut content, mut user] = [const { String::new() }; 4];
        let set = |lines: &mut String, name: &str, value: &str| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
            lines.push_str(&format!("{name} = \"{value}\"\n"));
        };
        for (name, value) in &self.headers {
            let known = name.to_lowercase();
            let lines = match known.as_str() {
                _ if self.unredirected.contains(&known) => &mut first,
                "content-type" | "content-length" | "transfer-encoding" => &mut content,
                _ => &mut always,
            };
            // curl leaves out a header without a value unless it is written so
            set(lines, "header", &if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") });
        }
        // what curl says of itself
        for name in ["Accept", "Expect"] {
            if !self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                set(&mut always, "header", &format!("{name}:"));
            }
        }
        if !self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case("Accept-Encoding")) {
            set(&mut always, "header", "Accept-Encoding: identity");
        }
        if self.body.is_some() {
            set(&mut content, "data-binary", "@body");
        } else if matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            set(&mut content, "header", "Content-Length: 0");
        }
        let timeout = self.timeout.max(1).to_string();
        for (name, value) in [("connect-timeout", timeout.as_str()), ("speed-time", &timeout), ("speed-limit", "1"), ("cookie", "cookies")]
        {
            set(&mut always, name, value);
        }
        set(&mut always, "cookie-jar", "cookies");
        if let Some((name, password)) = &self.user {
            set(&mut user, "user", &format!("{name}:{password}"));
        }
        let files = [("cacert", &self.certificates.authorities), ("cert", &self.certificates.own), ("key", &self.certificates.key)];
        for (name, file) in files.into_iter().chain([("unix-socket", &self.unix_socket)]) {
            if let Some(file) = file {
                set(&mut always, name, file);
            }
        }
        if self.no_proxy {
            set(&mut always, "noproxy", "*");
        }
        if !self.ciphers.is_empty() {
            set(&mut always, "ciphers", &self.ciphers.join(":"));
        }
        for (name, is_set) in
            [("http1.1", true), ("insecure", self.insecure), ("netrc-optional", self.netrc), ("compressed", self.decompress)]
        {
            if is_set {
                always.push_str(&format!("{name}\n"));
            }
        }
        [always, first, content, user]
    }

    /// wget's.
    fn wget(&self) -> String {
        let timeout = self.timeout.max(1);
        let mut lines = format!("timeout = {timeout}\ntries = 1\ncontent_on_error = on\nserver_response = on\nquiet = off\nverbose = on\n");
        lines.push_str(&format!("max_redirect = {}\n", if self.follow { 10 } else { 0 }));
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
        if !self.ciphers.is_empty() {
            lines.push_str(&format!("ciphers = {}\n", self.ciphers.join(":")));
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

    /// The words that `s_http_begin` takes, [`WORDS`] of them.
    fn words(&self) -> Vec<String> {
        let had = self.asker.words();
        if matches!(self.asker, Asker::Had(_)) {
            // what was asked is over
            let [url, method] = [self.url.clone(), self.method.clone()];
            return [url, method].into_iter().chain([const { String::new() }; 9]).chain(had).collect();
        }
        let [always, first, content, user] = self.curl();
        let (kind, body) = match &self.body {
            None => ("", String::new()),
            Some(Body::Bytes(bytes)) => ("bytes", STANDARD.encode(bytes)),
            Some(Body::File(path)) => ("file", path.clone()),
        };
        let only_curl = match (&self.unix_socket, self.follow && !self.unredirected.is_empty()) {
            (Some(_), _) => "a socket",
            (None, true) => "headers that only the first server gets",
            (None, false) => "",
        };
        let follow = if self.follow { "follow" } else { "" };
        let [url, method] = [self.url.clone(), self.method.clone()];
        let words = [url, method, follow.into(), always, first, content, user, self.wget(), kind.into(), body, only_curl.into()];
        words.into_iter().chain(had).collect()
    }

    fn check(&self) -> Result<(), Invalid> {
        check::word("url", &self.url)?;
        self.asker.check()?;
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
        for cipher in &self.ciphers {
            check::word("cipher", cipher)?;
            if cipher.contains(['\r', '\n']) {
                check::refuse("cipher", cipher, "is more than a line")?;
            }
        }
        let body = match &self.body {
            Some(Body::File(path)) => Some(path),
            _ => None,
        };
        let certificates = [&self.certificates.authorities, &self.certificates.own, &self.certificates.key];
        certificates.into_iter().chain([&self.unix_socket]).flatten().chain(body).try_for_each(|file| check::path(file))
    }
}

/// How many words `s_http_begin` takes.
const WORDS: usize = 15;

/// `s_http_begin URL METHOD FOLLOW ALWAYS FIRST CONTENT USER WGET KIND BODY ONLY_CURL SAID HEAD HOW HAD`: a directory of its own, in
/// which what is asked stands; it goes away with the shell. With `SAID` nobody is asked: it is `STATUS URL` of an answer that
/// was had before, or `failed`, and `HAD` is what came, or the file that it is in. `s_http NEWER`: asks; the answer is in `answer`, its header lines in `head`, and
/// `$http_status` and `$http_url` say how it ended. With a file in `$1` an answer comes only if the server has a newer one.
///
/// Where the server sends us on, we go as Python's urllib does: by GET and without the body but for 307 and 308, and to
/// another place without name and password.
const HTTP: Function = Function {
    name: "s_http_begin",
    needs: &[&FAIL],
    text: r#"s_http_begin() {
  http_url=$1 http_method=$2 http_follow=$3 http_curl=$4 http_first=$5 http_content=$6 http_user=$7 http_wget=$8 http_body=$9
  shift 9
  http_place=$(mktemp -d) || exit 1
  http_said=$3 http_how=$5 http_staged=
  trap 'rm -rf -- "$http_place"; [ -z "$http_staged" ] || rm -f -- "$http_staged"' EXIT
  trap 'exit 143' HUP INT TERM
  if [ -n "$http_said" ]; then
    http_program=none
    printf %s "$4" | base64 -d >"$http_place/had-head" || exit 1
    case $http_how in
    bytes*) printf %s "$6" | base64 -d >"$http_place/had" || exit 1 ;;
    file*)
      http_staged=$6
      ln -s -- "$6" "$http_place/had" || exit 1
      ;;
    esac
    return 0
  fi
  case $http_body in
  bytes) printf %s "$1" | base64 -d >"$http_place/body" || exit 1 ;;
  file)
    [ -f "$1" ] && [ -r "$1" ] || s_fail "Unable to open source file $1"
    ln -s -- "$1" "$http_place/body" || exit 1
    ;;
  esac
  if command -v curl >/dev/null; then http_program=curl
  elif [ -n "$2" ]; then s_fail "curl is needed for $2; install the package curl"
  elif command -v wget >/dev/null; then http_program=wget
  else s_fail "there is neither curl nor wget here; install the package curl"
  fi
}
s_http_at() {
  at=${1#*://}
  at=${1%%://*}://${at%%[/?#]*}
}
s_http() {
  newer=$1 http_status=0
  : >"$http_place/head"
  : >"$http_place/answer"
  if [ "$http_program" = none ]; then
    if [ "$http_said" = failed ]; then cat "$http_place/had" >&2; return 1; fi
    http_status=${http_said%% *} http_url=${http_said#* }
    cat "$http_place/had-head" >"$http_place/head" || return 1
    case $http_how in
    *gzip) gzip -dc <"$http_place/had" >"$http_place/answer" || return 1 ;;
    *) ln -sf had "$http_place/answer" || return 1 ;;
    esac
    return 0
  fi
  since=
  [ -z "$newer" ] || since=$(date -u -r "$newer" '+%a, %d %b %Y %H:%M:%S GMT')
  if [ "$http_program" = curl ]; then
    config=$http_curl$http_first content=$http_content user=$http_user hops=0
    [ -z "$since" ] || config="${config}header = \"If-Modified-Since: $since\"$nl"
    while :; do
      case $http_method in
      HEAD) ask=head ;;
      GET) ask= ;;
      *) ask="request = \"$http_method\"" ;;
      esac
      case $http_method$content in GET*data-binary*) ask='request = "GET"' ;; esac
      : >"$http_place/head"
      url=$(printf %s "$http_url" | sed 's/[\\"]/\\&/g')
      said=$(
        cd "$http_place" &&
          printf '%s%s%surl = "%s"\n%s\n' "$config" "$content" "$user" "$url" "$ask" |
          curl -q -sS -K - -o answer -D head -w '%{http_code} %{url_effective} %{redirect_url}'
      ) || return 1
      http_status=${said%% *} said=${said#* }
      http_url=${said%% *} next=${said#* }
      case $http_follow$http_status in
      follow301 | follow302 | follow303 | follow307 | follow308) [ -n "$next" ] || break ;;
      *) break ;;
      esac
      hops=$((hops + 1))
      if [ "$hops" -gt 10 ]; then printf '%s\n' "the server sends us on and on" >&2; return 1; fi
      config=$http_curl
      [ -z "$since" ] || config="${config}header = \"If-Modified-Since: $since\"$nl"
      case $http_status in
      307 | 308) ;;
      *)
        content=
        case $http_method$http_status in HEAD*) ;; *302 | *303 | POST301) http_method=GET ;; esac
        ;;
      esac
      s_http_at "$http_url"
      was=$at
      s_http_at "$next"
      [ "$at" = "$was" ] || user=
      http_url=$next
    done
    # curl takes the head for the answer then
    [ "$http_method" != HEAD ] || : >"$http_place/answer"
    return 0
  fi
  [ -z "$since" ] || http_wget="${http_wget}header = If-Modified-Since: $since$nl"
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

#[cfg(test)]
mod tests;
