//! Waiting until something is so.

use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Waits until something is so, and fails when its time is over. It changes nothing, but what was known before it may
/// be other by its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitFor {
    /// What is waited for.
    pub until: Until,
    /// How long at most, in seconds from the beginning.
    pub timeout: u32,
    /// How long it waits before it looks for the first time, in seconds.
    pub delay: u32,
    /// How long it waits between two looks, in seconds.
    pub sleep: u32,
    /// What it says when the time is over first.
    pub message: String,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Nothing: the time is over.
    Over,
    /// Something is at that path; a link must lead somewhere.
    There(String),
    /// Nothing is at that path.
    Gone(String),
    /// A line of the file at that path matches a regular expression, as grep -P has them.
    Line {
        /// The file.
        path: String,
        /// The expression.
        regex: String,
    },
    /// A port takes connections.
    Open(Port),
    /// A port takes none.
    Closed(Port),
    /// What comes from a port matches a regular expression.
    Says {
        /// The port.
        port: Port,
        /// The expression.
        regex: String,
    },
    /// No connection to that port is in one of these states (their numbers in hexadecimal, as /proc/net/tcp has them).
    Drained {
        /// The port on this machine.
        port: u16,
        /// The states.
        states: Vec<String>,
        /// Addresses at the other end that do not count, as /proc/net/tcp has them.
        without: Vec<String>,
    },
}

/// A port somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// A name or an address.
    pub host: String,
    /// Its number.
    pub port: u16,
    /// How long a connection may take, in seconds.
    pub timeout: u32,
}

/// timeout, delay, sleep, message, `over|there|gone|line|open|closed|says|drained`, then what that takes. Prints the seconds it
/// took; of a line or a saying, what matched, on the lines behind. Status 1 if the time was over first.
///
/// bash opens ports by itself, and is on every Debian; where it is not there is busybox's nc. `timeout` stands around
/// both. Time is the shell's clock in whole seconds.
const WAIT: Function = Function {
    name: "s_wait",
    needs: &[&FAIL],
    text: r#"s_wait() (
  timeout=$1 sleep=$3 message=$4 what=$5
  began=$(date +%s)
  sleep "$2"
  # as in Ansible: time alone is waited for after the delay, the rest within the timeout
  [ "$what" != over ] || timeout=$((timeout + $2))
  shift 5
  s_connects() {
    if command -v bash >/dev/null; then
      timeout "$3" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
    elif command -v nc >/dev/null; then
      nc -z -w "$3" "$1" "$2" 2>/dev/null
    else
      s_fail "there is neither bash nor nc here to try a port with"
    fi
  }
  s_matches() {
    if printf x | grep -qP x 2>/dev/null; then grep -m 1 -P -e "$1"; else grep -m 1 -E -e "$1"; fi
  }
  s_is_so() {
    matched=
    case $what in
    over) return 1 ;;
    there) [ -e "$1" ] ;;
    gone) [ ! -e "$1" ] ;;
    line) [ -f "$1" ] && matched=$(s_matches "$2" <"$1" 2>/dev/null) ;;
    open) s_connects "$1" "$2" "$3" ;;
    closed) ! s_connects "$1" "$2" "$3" ;;
    says)
      command -v bash >/dev/null || s_fail "there is no bash here to listen to a port with"
      left=$((timeout - ($(date +%s) - began)))
      [ "$left" -gt 0 ] || return 1
      matched=$(timeout "$left" bash -c 'exec 3<>"/dev/tcp/$0/$1" && cat <&3' "$1" "$2" 2>/dev/null | s_matches "$4")
      [ -n "$matched" ]
      ;;
    drained)
      for table in /proc/net/tcp /proc/net/tcp6; do
        [ -r "$table" ] || continue
        while read -r number local remote state rest; do
          case $local in *":$1") ;; *) continue ;; esac
          case " $2 " in *" $state "*) ;; *) continue ;; esac
          case " $3 " in *" ${remote%:*} "*) continue ;; esac
          return 1
        done <"$table"
      done
      ;;
    esac
  }
  while :; do
    now=$(date +%s)
    if [ $((now - began)) -ge "$timeout" ]; then
      echo "$((now - began))"
      [ "$what" = over ] || s_fail "$message"
      exit 0
    fi
    if s_is_so "$@"; then
      printf '%s\n%s' "$(($(date +%s) - began))" "$matched"
      exit 0
    fi
    # the last look is not later than it must be
    if [ "$what" = over ]; then sleep "$((timeout - (now - began)))"; else sleep "$sleep"; fi
  done
)"#,
};

impl Action for WaitFor {
    fn call(&self) -> Call {
        let port = |port: &Port| vec![port.host.clone(), port.port.to_string(), port.timeout.max(1).to_string()];
        let (what, words) = match &self.until {
            Until::Over => ("over", Vec::new()),
            Until::There(path) => ("there", vec![path.clone()]),
            Until::Gone(path) => ("gone", vec![path.clone()]),
            Until::Line { path, regex } => ("line", vec![path.clone(), regex.clone()]),
            Until::Open(at) => ("open", port(at)),
            Until::Closed(at) => ("closed", port(at)),
            Until::Says { port: at, regex } => ("says", [port(at), vec![regex.clone()]].concat()),
            Until::Drained { port, states, without } => ("drained", vec![format!("{port:04X}"), states.join(" "), without.join(" ")]),
        };
        let numbers = [self.timeout, self.delay, self.sleep].map(|number| number.to_string());
        Call::new(&WAIT, numbers.into_iter().chain([self.message.clone(), what.to_owned()]).chain(words))
    }

    fn touches(&self) -> Vec<Touch> {
        // what it waited for was done by somebody else
        vec![Touch::Everything]
    }

    fn describe(&self) -> String {
        match &self.until {
            Until::Over => format!("wait for {} s", self.timeout),
            Until::There(path) => format!("wait for {path}"),
            Until::Gone(path) => format!("wait until {path} is gone"),
            Until::Line { path, .. } => format!("wait for a line in {path}"),
            Until::Open(at) => format!("wait for {}:{}", at.host, at.port),
            Until::Closed(at) => format!("wait until {}:{} is closed", at.host, at.port),
            Until::Says { port, .. } => format!("wait for what {}:{} says", port.host, port.port),
            Until::Drained { port, .. } => format!("wait until nobody is connected to port {port}"),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        match &self.until {
            Until::Over => Ok(()),
            Until::There(path) | Until::Gone(path) | Until::Line { path, .. } => check::path(path),
            Until::Open(at) | Until::Closed(at) | Until::Says { port: at, .. } => {
                check::word("host", &at.host)?;
                // it is a part of bash's path
                if at.host.contains(['/', ' ', '\n']) { check::refuse("host", &at.host, "is no name and no address") } else { Ok(()) }
            }
            Until::Drained { .. } => Ok(()),
        }
    }
}

/// What a [`WaitFor`] printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// How long it took, in whole seconds.
    pub elapsed: u64,
    /// What matched.
    pub matched: String,
}

impl Waited {
    /// Reads what the step printed.
    pub fn read(stdout: &[u8]) -> Self {
        let text = String::from_utf8_lossy(stdout);
        let (first, matched) = text.split_once('\n').unwrap_or((&text, ""));
        Self { elapsed: first.trim().parse().unwrap_or(0), matched: matched.trim_end_matches('\n').to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;
    use crate::node::script::Script;
    use crate::node::steps::Step;
    use crate::node::testing::{SHELLS, run};

    fn waited(shell: &[&str], until: Until, timeout: u32) -> (Waited, Option<i32>) {
        let step = Step::from(WaitFor { until, timeout, delay: 0, sleep: 1, message: "late".into() });
        let call = step.call().unwrap();
        let mut script = Script::new();
        script.call(call.function, call.words).unwrap();
        let output = run(shell, "n1", &script.finish());
        (Waited::read(&output.stdout), output.status.code())
    }

    #[test]
    fn files_are_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("a b"), "one\ntwo: 17\n").unwrap();
        for shell in SHELLS {
            assert_eq!(waited(shell, Until::There(path("a b")), 5).1, Some(0));
            assert_eq!(waited(shell, Until::Gone(path("no")), 5).1, Some(0));
            let (line, status) = waited(shell, Until::Line { path: path("a b"), regex: "^two: [0-9]+$".into() }, 5);
            assert_eq!((line.matched.as_str(), status), ("two: 17", Some(0)), "{shell:?}");
            assert_eq!(waited(shell, Until::There(path("no")), 1), (Waited { elapsed: 1, matched: String::new() }, Some(1)));
            assert_eq!(waited(shell, Until::Over, 1).1, Some(0));
        }
    }

    #[test]
    fn ports_are_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = Port { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port(), timeout: 2 };
        let speaker = TcpListener::bind("127.0.0.1:0").unwrap();
        let says = Port { host: "127.0.0.1".into(), port: speaker.local_addr().unwrap().port(), timeout: 2 };
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = speaker.accept() {
                let _ = stream.write_all(b"SSH-2.0-OpenSSH\r\n");
            }
        });
        for shell in SHELLS {
            assert_eq!(waited(shell, Until::Open(port.clone()), 5).1, Some(0), "{shell:?}");
            assert_eq!(waited(shell, Until::Closed(port.clone()), 1).1, Some(1), "{shell:?}");
            let closed = Port { port: 1, ..port.clone() };
            assert_eq!(waited(shell, Until::Closed(closed), 5).1, Some(0));
            assert_eq!(waited(shell, Until::Says { port: says.clone(), regex: "OpenSSH".into() }, 5).1, Some(0), "{shell:?}");
        }
    }

    #[test]
    fn connections_are_counted_by_their_state() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let _client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _server = listener.accept().unwrap();
        let drained = |states: &[&str], without: &[&str]| Until::Drained {
            port,
            states: states.iter().map(|state| (*state).to_owned()).collect(),
            without: without.iter().map(|address| (*address).to_owned()).collect(),
        };
        for shell in SHELLS {
            assert_eq!(waited(shell, drained(&["01"], &[]), 1).1, Some(1), "{shell:?}");
            assert_eq!(waited(shell, drained(&["02"], &[]), 1).1, Some(0));
            assert_eq!(waited(shell, drained(&["01"], &["0100007F"]), 1).1, Some(0));
        }
    }
}
