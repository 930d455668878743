//! How many images a registry still lets a machine pull, by curl(1) or wget(1): asked as Docker's documentation says
//! (docs.docker.com/docker-hub/usage/pulls), by HEAD, which is no pull.

use serde_json::Value;

use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// How many pulls an anonymous machine has left, by its own files, name servers and proxies; none: the registry tells of no limit. It moves
/// by itself. Unknown where the registry does not answer as one, and where there is nothing to ask with. Half a minute at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullsLeft {
    /// Where the registry is, `https://…`.
    pub url: String,
    /// Of which repository's `latest` it is asked.
    pub repository: String,
}

impl Fact for PullsLeft {
    type Value = Option<u32>;

    fn query(&self) -> Query {
        let touches = vec![Touch::Network, Touch::Packages, Touch::Files("/etc".into())];
        Query::new(KIND.name, [&self.url, &self.repository], touches).moving()
    }
}

pub(super) const KIND: Kind = Kind { name: "pulls_left", function: &PROBE, merged: false, words, parse: |_, text| read(text) };

fn words(args: &[String]) -> Result<Vec<String>, String> {
    let is_url = |url: &str| (url.starts_with("https://") || url.starts_with("http://")) && !url.contains(char::is_whitespace);
    let is_odd = |c: char| !c.is_ascii_alphanumeric() && !"._/-".contains(c);
    match args {
        [url, repository] if is_url(url) && !repository.is_empty() && !repository.contains(is_odd) => Ok(args.to_vec()),
        _ => Err("an address of a registry and a repository are wanted".into()),
    }
}

// What it is that has to be asked for a token stands in the registry's refusal. The token opens nothing that is not open to all: wget
// takes it only where others see it. It ends with 6 or 8 where the answer is a refusal.
static PROBE: Function = Function {
    name: "probe_pulls_left",
    text: r#"
pulls_left_ask() {
  line= indent=
  if command -v curl >/dev/null; then
    [ -z "$token" ] || line="header = \"Authorization: Bearer $token\""
    case $1 in
    refusal) set -- -o /dev/null -D - "$2" ;;
    head) set -- -I "$2" ;;
    *) shift ;;
    esac
    r=$(printf '%s\n' "$line" | exec curl -sS -m 8 --connect-timeout 5 -K - "$@" 2>&1)
  else
    indent="  "
    case $1 in
    refusal) set -- -S -O /dev/null "$2" ;;
    head) set -- -S --spider "$2" ;;
    *) set -- -O - "$2" ;;
    esac
    [ -z "$token" ] || set -- --header="Authorization: Bearer $token" "$@"
    r=$(exec timeout 8 wget -nv -t 1 -T 5 --max-redirect=0 "$@" 2>&1)
    case $?:$r in
    0:* | [68]:*HTTP/*) ;;
    *) return 1 ;;
    esac
  fi
}
probe_pulls_left() {
  id=$1 url=$2 repository=$3 token=
  command -v curl >/dev/null || command -v wget >/dev/null || {
    r="there is nothing to ask with: neither curl nor wget"
    answer "$id" 1
    return
  }
  pulls_left_ask refusal "$url/v2/" || { r=${r:-it does not answer}; answer "$id" 1; return; }
  case $r in
  *realm=\"http*)
    realm=${r#*realm=\"} service=
    realm=${realm%%\"*}
    case $r in *service=\"*) service=${r#*service=\"} ;; esac
    service=${service%%\"*}
    case $service in *[!A-Za-z0-9._:-]*) r="a service as \"$service\""; answer "$id" 1; return ;; esac
    pulls_left_ask body "$realm?service=$service&scope=repository:$repository:pull" || { r=${r:-$realm does not answer}; answer "$id" 1; return; }
    case $r in
    *\"token\"*) token=${r#*\"token\"*\"} ;;
    *\"access_token\"*) token=${r#*\"access_token\"*\"} ;;
    esac
    token=${token%%\"*}
    case $token in '' | *[!A-Za-z0-9._~+/=-]*) r="$realm gives no token"; answer "$id" 1; return ;; esac
    ;;
  esac
  pulls_left_ask head "$url/v2/$repository/manifests/latest" || { r=${r:-it does not answer}; answer "$id" 1; return; }
  # a proxy's answer may stand before; programs call themselves HTTP/, too
  status=$nl$r left=
  status=${status##*"$nl$indent"HTTP/}
  status=${status#* }
  case $r in *[!-][Rr]ate[Ll]imit-[Rr]emaining:*) left=${r##*[!-][Rr]ate[Ll]imit-[Rr]emaining:} ;; esac
  left=${left# }
  r="${status%%[!0-9]*} ${left%%[!0-9]*}"
  answer "$id" 0
}
"#,
    needs: &[],
};

/// A status, and what is left where the answer says so: `200 76`.
fn read(text: &str) -> Result<Value, String> {
    let (status, left) = text.split_once(' ').unwrap_or((text, ""));
    match status.parse::<u16>() {
        Ok(429) => json(Some(0)),
        Ok(200) if left.is_empty() => json(None::<u32>),
        Ok(200) => json(Some(left.parse::<u32>().map_err(|error| format!("{left:?} pulls: {error}"))?)),
        Ok(status) => Err(format!("the registry answers with status {status}")),
        Err(_) => Err(format!("an answer as {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Kind, kind_of};
    use super::*;
    use crate::node::record::Records;
    use crate::node::script::Script;
    use crate::node::testing::{SHELLS, run, server};
    use crate::plan::Reading;

    #[test]
    fn what_is_left_is_told_from_no_limit_and_from_no_answer() {
        assert_eq!(read("200 76"), Ok(json!(76)));
        assert_eq!(read("200 "), Ok(Value::Null));
        assert_eq!(read("429 "), Ok(json!(0)));
        assert!(read("401 ").is_err() && read("404 12").is_err() && read(" ").is_err() && read("200 99999999999").is_err());
    }

    #[test]
    fn only_a_registry_is_asked() {
        let words = |url: &str, repository: &str| words(&[url.to_owned(), repository.to_owned()]);
        assert!(words("https://r.io", "a/b").is_ok());
        assert!(words("r.io", "a/b").is_err() && words("https://r.io", "a b").is_err() && words("https://r.io", "").is_err());
        let Kind { name, .. } = kind_of(&PullsLeft { url: "x".into(), repository: "y".into() }.query()).unwrap();
        assert_eq!(*name, "pulls_left");
    }

    /// Where no token is needed, none is asked for; the address is not `latest`'s of another server.
    #[test]
    fn a_registry_of_ones_own_is_asked_without_a_token() {
        let head = "HTTP/1.1 200 OK\r\nRateLimit-Limit: 100;w=21600\r\nRateLimit-Remaining: 7;w=21600\r\nX-RateLimit-Remaining: 9\r\n\
                    Content-Length: 0\r\nConnection: close\r\n\r\n";
        for shell in SHELLS {
            let (url, asked) = server(vec!["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", head]);
            let mut script = Script::new();
            let probes = script.probe(&[PullsLeft { url, repository: "a/b".into() }.query()]);
            let output = run(shell, "n1", &script.finish());
            let reading = probes.observe(&Records::parse("n1", &output.stdout, &output.stderr)).remove(0).1.reading;
            assert_eq!(reading, Reading::Present(json!(7)), "{shell:?} {output:?}");
            let asked = asked.join().unwrap();
            assert!(asked[0].starts_with("GET /v2/ ") && asked[1].starts_with("HEAD /v2/a/b/manifests/latest "), "{asked:?}");
        }
    }
}
