//! What is asked of a server, whose answer is printed, and perhaps written to a file.

use serde::{Deserialize, Serialize};

use super::super::write::{SYNC_DIRECTORY, TEMPORARY};
use super::super::{Action, Call, Invalid, check};
use super::{HTTP, Http};
use crate::node::script::Function;
use crate::plan::Touch;

/// Asks a server and prints the answer: `STATUS HEAD BODY URL` with the lengths in bytes, a line that says where the answer
/// was written to or would have been, the header lines, the body.
///
/// What it answers is not the step's failure, nor that it does not answer: that is the status -1, and the body says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What is asked.
    pub http: Box<Http>,
    /// Whether the answer is printed however long it is; else nothing is of one over a mebibyte.
    pub whole: bool,
    /// The file that it goes into.
    pub save: Option<Save>,
}

/// A file that an answer goes into, whole or not at all. With one that is there, an answer comes only if the server has a
/// newer one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Save {
    /// Where; in a directory the name that the server gives, or the address's last part.
    pub path: String,
    /// With these statuses.
    pub statuses: Vec<i64>,
    /// The owner, a name or number; one that is there keeps its own.
    pub owner: Option<String>,
    /// The group.
    pub group: Option<String>,
    /// The mode, as chmod(1) takes it.
    pub mode: Option<String>,
}

/// `whole` or ``, path, statuses, owner, group, mode, the words of `s_http_begin`.
const REQUEST: Function = Function {
    name: "s_request",
    needs: &[&HTTP, &TEMPORARY, &SYNC_DIRECTORY],
    text: r#"s_request() (
  whole=$1 path=$2 statuses=" $3 " owner=$4 group=$5 mode=$6
  shift 6
  s_http_begin "$@"
  s_name() {
    name=$(tr -d '\r' <"$http_place/head" | sed -n 's/^[Cc]ontent-[Dd]isposition:.*filename="\{0,1\}\([^";]*\).*/\1/p' | tail -n 1)
    if [ -z "$name" ]; then
      rest=${http_url%%[?#]*}
      case $rest in *://*/*) rest=${rest#*://*/} ;; *) rest= ;; esac
      while [ "$rest" != "${rest%/}" ]; do rest=${rest%/}; done
      rest=${rest##*/}
      while [ "$rest" != "${rest#*%}" ]; do
        name=$name${rest%%\%*} rest=${rest#*%}
        case $rest in
        [0-9A-Fa-f][0-9A-Fa-f]*) behind=${rest#??}; name=$name$(printf "\\$(printf %03o "0x${rest%"$behind"}")") rest=$behind ;;
        *) name=$name% ;;
        esac
      done
      name=$name$rest
    fi
    name=${name##*/}
    case $name in "" | . | ..) name=index.html ;; esac
  }
  s_save() {
    here=$(sha1sum <"$http_place/answer") || return 1
    there=
    if [ -f "$path" ]; then there=$(sha1sum <"$path") || return 1; fi
    if [ "$here" != "$there" ]; then
      if [ -d "$path" ]; then s_fail "$path is a directory"; fi
      s_temporary "$path"
      new=$(mktemp "${prefix}XXXXXX") || return 1
      if cat "$http_place/answer" >"$new" &&
        if [ -f "$path" ]; then
          chown -- "$(stat -L -c %u:%g -- "$path")" "$new" && chmod -- "0$(stat -L -c %a -- "$path")" "$new"
        else
          # as the umask has it
          chmod -- =rw "$new"
        fi && sync "$new" && mv -fT -- "$new" "$path"; then
        s_sync_directory "$dir"
      else
        rm -f -- "$new"
        return 1
      fi
    fi
    if [ -n "$owner$group" ]; then chown -- "$owner${group:+:$group}" "$path" || return 1; fi
    if [ -n "$mode" ]; then chmod -- "$mode" "$path" || return 1; fi
  }
  newer= saved=
  if [ -f "$path" ]; then newer=$path; fi
  if ! s_http "$newer" 2>"$http_place/complaint"; then
    http_status=-1
    : >"$http_place/head"
    cat "$http_place/complaint" >"$http_place/answer"
  elif [ -n "$path" ]; then
    if [ -d "$path" ]; then
      s_name
      path=${path%/}/$name
    fi
    saved="left $path"
    if [ "$http_status" != 304 ]; then
      case $statuses in
      *" $http_status "*)
        s_save || exit 1
        saved="saved $path"
        ;;
      esac
    fi
  fi
  size=$(wc -c <"$http_place/answer")
  if [ -z "$whole" ] && [ "$size" -gt 1048576 ]; then
    size=0
    : >"$http_place/answer"
  fi
  printf '%s %s %s %s\n%s\n' "$http_status" "$(wc -c <"$http_place/head")" "$size" "$http_url" "$saved"
  cat "$http_place/head" "$http_place/answer"
)"#,
};

impl Action for Request {
    fn call(&self) -> Call {
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let save = self.save.as_ref();
        let statuses: Vec<String> = save.iter().flat_map(|save| save.statuses.iter().map(i64::to_string)).collect();
        let words = [
            if self.whole { "whole".to_owned() } else { String::new() },
            text(save.map(|save| &save.path)),
            statuses.join(" "),
            text(save.and_then(|save| save.owner.as_ref())),
            text(save.and_then(|save| save.group.as_ref())),
            text(save.and_then(|save| save.mode.as_ref())),
        ];
        Call::new(&REQUEST, words.into_iter().chain(self.http.words()))
    }

    fn touches(&self) -> Vec<Touch> {
        // the server may be this very machine
        if !matches!(self.http.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
            return vec![Touch::Everything];
        }
        self.save.iter().map(|save| Touch::Files(save.path.clone())).collect()
    }

    fn describe(&self) -> String {
        format!("ask a server ({})", self.http.method)
    }

    fn check(&self) -> Result<(), Invalid> {
        if let Some(save) = &self.save {
            check::path(&save.path)?;
            save.owner.iter().try_for_each(|owner| check::account("owner", owner))?;
            save.group.iter().try_for_each(|group| check::account("group", group))?;
            save.mode.iter().try_for_each(|mode| check::word("mode", mode))?;
        }
        self.http.check()
    }
}

/// What a server answered to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; -1 if there is no answer.
    pub status: i32,
    /// What the server calls it.
    pub reason: String,
    /// Where it came from in the end.
    pub url: String,
    /// The header lines of the last answer: names in lower case.
    pub headers: Vec<(String, String)>,
    /// What was sent.
    pub body: Vec<u8>,
    /// The file that was meant.
    pub path: Option<String>,
    /// Whether it went into that file.
    pub saved: bool,
}

impl Answer {
    /// Reads what the step printed.
    pub fn read(stdout: &[u8]) -> Option<Self> {
        let line = |from: &[u8]| from.iter().position(|byte| *byte == b'\n');
        let end = line(stdout)?;
        let first = std::str::from_utf8(stdout.get(..end)?).ok()?;
        let mut words = first.split_whitespace();
        let status = words.next()?.parse().ok()?;
        let (head, body): (usize, usize) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let url = words.next().unwrap_or_default().to_owned();
        let rest = stdout.get(end + 1..)?;
        let end = line(rest)?;
        let saved = String::from_utf8_lossy(rest.get(..end)?).into_owned();
        let (word, path) = saved.split_once(' ').map_or(("", None), |(word, path)| (word, Some(path.to_owned())));
        let rest = rest.get(end + 1..)?;
        let body = rest.get(head..)?.get(..body)?.to_vec();
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut reason = String::new();
        for line in String::from_utf8_lossy(rest.get(..head)?).lines() {
            match line.split_once(':') {
                // of several answers the last counts
                _ if line.starts_with("HTTP/") => {
                    headers.clear();
                    reason = line.splitn(3, ' ').nth(2).unwrap_or_default().trim().to_owned();
                }
                Some((name, value)) => headers.push((name.trim().to_lowercase(), value.trim().to_owned())),
                None => {}
            }
        }
        Some(Self { status, reason, url, headers, body, path, saved: word == "saved" })
    }
}
