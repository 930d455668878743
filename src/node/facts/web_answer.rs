//! Whether a web server answers the machine, by whatever is there to ask it: curl(1), wget(1), openssl(1), perl(1).

use serde::{Deserialize, Serialize};

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// Whether a server answers the machine itself, by its own files, name servers and proxies. It moves by itself. Unknown where there is
/// nothing to ask with. Ten seconds at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAnswer(String);

impl WebAnswer {
    /// At that address, `https://…` or `http://…`.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }
}

impl Fact for WebAnswer {
    type Value = WebServer;

    fn query(&self) -> Query {
        Query::new(KIND.name, [&self.0], vec![Touch::Network, Touch::Packages, Touch::Files("/etc".into())]).moving()
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebServer {
    /// It answered, with that status where it is known.
    Answers(Option<u16>),
    /// It did not, because.
    Silent(String),
}

pub(super) const KIND: Kind = Kind { name: "web_answer", function: &PROBE, merged: false, words, parse: |_, text| json(read(text)?) };

/// The address, and of what kind, host and port it is.
fn words(args: &[String]) -> Result<Vec<String>, String> {
    let [url] = args else { return Err("one address is wanted".into()) };
    let (scheme, rest) = url.split_once("://").ok_or("an address of a web server is wanted")?;
    let port = match scheme {
        "https" => "443",
        "http" => "80",
        _ => return Err(format!("{url:?} is no address of a web server")),
    };
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    // `[fe80::1]:5000`
    let split = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    let (host, port) = split.unwrap_or((host, port));
    if host.is_empty() || host.starts_with('-') || url.contains(char::is_whitespace) {
        return Err(format!("{url:?} is no address of a web server"));
    }
    Ok([url, scheme, host, port].map(str::to_owned).to_vec())
}

// An answer of any status is one: registries refuse whom they do not know. GNU's wget ends with 8 for those, and with 6 where it knows no
// such way to say who one is (`Bearer`).
static PROBE: Function = Function {
    name: "probe_web_answer",
    text: r#"
probe_web_answer() {
  id=$1 url=$2
  if command -v curl >/dev/null; then
    if r=$(exec curl -sS -o /dev/null -m 10 --connect-timeout 5 -w '%{http_code}' "$url" 2>&1); then r="answers $r"
    else r="silent $r"; fi
  elif command -v wget >/dev/null; then
    r=$(exec timeout 10 wget -nv -t 1 -T 5 -O /dev/null "$url" 2>&1)
    st=$?
    case $st:$r in
    0:*) r="answers 200" ;;
    # `2026-11-27 03:30:00 ERROR 429: Too Many Requests.`, `wget: server returned error: HTTP/1.1 429 Too Many Requests`
    8:*" ERROR "[1-5][0-9][0-9]:*) r=${r##*" ERROR "} r="answers ${r%%:*}" ;;
    *"server returned error: HTTP/"*) r=${r##*error: HTTP/} r=${r#* } r="answers ${r%% *}" ;;
    6:*) r="answers 401" ;;
    8:*) r="answers -" ;;
    *) r="silent $r" ;;
    esac
  elif [ "$3" = https ] && command -v openssl >/dev/null; then
    if r=$(exec timeout 10 openssl s_client -connect "$4:$5" -servername "$4" -verify_return_error </dev/null 2>&1); then r="answers -"
    else r="silent $r"; fi
  elif command -v perl >/dev/null; then
    if r=$(exec timeout 10 perl -MIO::Socket::IP -e '
      IO::Socket::IP->new(PeerHost => $ARGV[0] =~ s/^\[|\]$//gr, PeerPort => $ARGV[1], Timeout => 5) or die "$@\n"' "$4" "$5" 2>&1)
    then r="answers -"; else r="silent $r"; fi
  else
    r="there is nothing to ask with: neither curl, wget, openssl nor perl"
    answer "$id" 1
    return
  fi
  answer "$id" 0
}
"#,
    needs: &[],
};

fn read(text: &str) -> Result<WebServer, String> {
    match text.split_once(' ') {
        // curl says 000 where a proxy closed the way
        Some(("answers", "000")) => Ok(WebServer::Silent("the connection ended without an answer".into())),
        Some(("answers", status)) => Ok(WebServer::Answers(status.trim().parse().ok())),
        Some(("silent", why)) => {
            let why = why.lines().map(str::trim).rfind(|line| !line.is_empty() && *line != "000").unwrap_or("it does not answer");
            let why = why.strip_suffix("000").unwrap_or(why);
            // `curl: (6) Could not resolve host: registry.k8s.io`
            let why = why.strip_prefix("curl: (").and_then(|rest| rest.split_once(") ")).map_or(why, |(_, why)| why);
            Ok(WebServer::Silent(why.to_owned()))
        }
        _ => Err(format!("an answer as {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_status_is_an_answer_and_silence_says_why() {
        assert_eq!(read("answers 401"), Ok(WebServer::Answers(Some(401))));
        assert_eq!(read("answers -"), Ok(WebServer::Answers(None)));
        let silent = |why: &str| Ok(WebServer::Silent(why.into()));
        assert_eq!(read("silent curl: (6) Could not resolve host: r.io\n000"), silent("Could not resolve host: r.io"));
        assert_eq!(read("silent wget: bad address 'r.io'"), silent("wget: bad address 'r.io'"));
        assert_eq!(read("silent \n"), silent("it does not answer"));
        assert!(read("").is_err());
    }

    #[test]
    fn host_and_port_are_taken_of_the_address() {
        let of = |url: &str| words(&[url.to_owned()]).map(|words| words[2..].join(" "));
        assert_eq!(of("https://registry.k8s.io/v2/"), Ok("registry.k8s.io 443".into()));
        assert_eq!(of("http://me:pw@[fd00::1]:5000/x"), Ok("[fd00::1] 5000".into()));
        assert!(of("registry.k8s.io").is_err() && of("ftp://x").is_err() && of("https://-x").is_err());
    }
}
