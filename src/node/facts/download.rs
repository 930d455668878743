//! What a server has at an address, for what has to be known before anything is decided: a key.

use serde::{Deserialize, Serialize};

use super::{FileContent, Kind, json};
use crate::node::record::from_base64;
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// What is at an address, asked by the machine's curl, else its wget, within half a minute; up to 8 MiB. It moves by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    url: String,
    insecure: bool,
}

impl Download {
    /// At that address; `insecure` does not look at the server's certificate.
    pub fn new(url: impl Into<String>, insecure: bool) -> Self {
        Self { url: url.into(), insecure }
    }
}

impl Fact for Download {
    type Value = Downloaded;

    fn query(&self) -> Query {
        let insecure = if self.insecure { "insecure" } else { "" };
        Query::new(KIND.name, [&self.url, insecure], vec![Touch::Network, Touch::Ports, Touch::Units]).moving()
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Downloaded {
    /// This is there.
    Is(FileContent),
    /// It could not be had, why.
    Failed(String),
}

pub(super) const KIND: Kind = Kind {
    name: "download",
    function: &PROBE,
    merged: false,
    words: |args| match args {
        [url, insecure] if !url.is_empty() && !url.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            let quoted = url.replace('\\', "\\\\").replace('"', "\\\"");
            let insecure = !insecure.is_empty();
            let curl = format!("url = \"{quoted}\"\n{}", if insecure { "insecure\n" } else { "" });
            Ok(vec![url.clone(), curl, if insecure { "--no-check-certificate" } else { "--quiet" }.into()])
        }
        _ => Err("an address is wanted".into()),
    },
    parse: |_, text| json(read(text)?),
};

// The address is given on standard input: it may hold a password. How it ended stands behind the content.
static PROBE: Function = Function {
    name: "probe_download",
    text: r#"
probe_download() {
  if command -v curl >/dev/null; then
    r=$({
      printf %s "$3" | curl -q -K - -sL --globoff --max-time 30 --max-redirs 10 --max-filesize 8388608 -w '\n#%{http_code}' 2>/dev/null
      printf ' %s' "$?"
    } | base64)
  elif command -v wget >/dev/null; then
    r=$({
      printf '%s\n' "$2" | wget -q -O - -T 30 --tries=1 "$4" -i - 2>/dev/null
      printf '\n#- %s' "$?"
    } | base64)
  else
    r="there is neither curl nor wget on the machine: install the package curl before this task"
    answer "$1" 1
    return
  fi
  answer "$1" 0
}
"#,
    needs: &[],
};

/// The content, and behind it `#` with the server's status (`-` where nobody says) and the program's.
fn read(text: &str) -> Result<Downloaded, String> {
    let bytes = from_base64(text.as_bytes())?;
    let mark = memchr::memmem::rfind(&bytes, b"\n#").ok_or("no end")?;
    let end = bytes.get(mark + 2..).and_then(|end| std::str::from_utf8(end).ok()).ok_or("no status")?;
    let (status, program) = end.split_once(' ').ok_or_else(|| format!("an end as {end:?}"))?;
    Ok(match (status, program) {
        // other schemes than HTTP have no status
        ("200" | "000" | "-", "0") => Downloaded::Is(FileContent::from(bytes.get(..mark).unwrap_or_default().to_vec())),
        ("000" | "-", program) => Downloaded::Failed(format!("the program that asked ended with status {program}")),
        (status, _) => Downloaded::Failed(format!("HTTP Error {status}")),
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn what_came_is_told_from_how_it_ended() {
        let of = |bytes: &[u8]| read(&STANDARD.encode(bytes)).unwrap();
        assert_eq!(of(b"a\n#b\n\n#200 0"), Downloaded::Is(FileContent::Text("a\n#b\n".into())));
        assert_eq!(of(b"\n#- 0"), Downloaded::Is(FileContent::Text(String::new())));
        assert_eq!(of(b"gone\n#404 0"), Downloaded::Failed("HTTP Error 404".into()));
        assert_eq!(of(b"\n#000 7"), Downloaded::Failed("the program that asked ended with status 7".into()));
        assert!(read("").is_err() && read(&STANDARD.encode("\n#x")).is_err());
    }

    #[test]
    fn an_address_stays_one_word() {
        let words = |url: &str| (KIND.words)(&[url.to_owned(), String::new()]);
        assert_eq!(words("http://a/\"b\\").unwrap()[1], "url = \"http://a/\\\"b\\\\\"\n");
        assert!(words("http://a/ b").is_err() && words("http://a/\nb").is_err() && words("").is_err());
    }
}
