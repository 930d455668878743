//! Keys that apt trusts for all sources, by apt-key(8).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Action, Call, FAIL, Invalid, check};
use crate::node::script::Function;
use crate::plan::Touch;

/// Adds a key, or removes one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeAptKeys {
    /// The keyring; apt's own if none is named.
    pub keyring: Option<String>,
    /// What is done.
    pub what: AptKeyChange,
}

/// What is done to a keyring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AptKeyChange {
    /// These keys come in.
    Add(Vec<u8>),
    /// A key is fetched from a key server.
    Receive {
        /// The server.
        server: String,
        /// The key's id.
        id: String,
    },
    /// The key of that id goes.
    Remove(String),
}

/// keyring or ``, `add`|`receive`|`remove`, base64|server|id, id. A key server is asked up to five times.
const CHANGE: Function = Function {
    name: "s_change_apt_keys",
    needs: &[&FAIL],
    text: r#"s_change_apt_keys() (
  keyring=$1 what=$2 word=$3 key=$4
  command -v apt-key >/dev/null || s_fail "there is no apt-key"
  APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE=1
  export APT_KEY_DONT_WARN_ON_DANGEROUS_USAGE
  set -- apt-key ${keyring:+--keyring "$keyring"}
  case $what in
    add) printf %s "$word" | base64 -d | "$@" add - ;;
    remove) "$@" del "$word" ;;
    receive)
      proxy=${HTTPS_PROXY:-${https_proxy:-${HTTP_PROXY:-${http_proxy-}}}}
      set -- "$@" adv --no-tty --keyserver "$word" ${proxy:+--keyserver-options "http-proxy=$proxy"} --recv "$key"
      "$@" || "$@" || "$@" || "$@" || "$@"
      ;;
  esac 9>&-
)"#,
};

impl Action for ChangeAptKeys {
    fn call(&self) -> Call {
        let [what, word, id] = match &self.what {
            AptKeyChange::Add(bytes) => ["add".to_owned(), STANDARD.encode(bytes), String::new()],
            AptKeyChange::Receive { server, id } => ["receive".to_owned(), server.clone(), id.clone()],
            AptKeyChange::Remove(id) => ["remove".to_owned(), id.clone(), String::new()],
        };
        Call::new(&CHANGE, [self.keyring.clone().unwrap_or_default(), what, word, id])
    }

    fn touches(&self) -> Vec<Touch> {
        let files = ["/etc/apt"].into_iter().chain(self.keyring.as_deref());
        files.map(|path| Touch::Files(path.into())).collect()
    }

    fn describe(&self) -> String {
        match &self.what {
            AptKeyChange::Add(_) => "have apt trust a key".into(),
            AptKeyChange::Receive { server, id } => format!("have apt trust the key {id} from {server}"),
            AptKeyChange::Remove(id) => format!("have apt trust the key {id} no more"),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        if let Some(keyring) = &self.keyring {
            check::path(keyring)?;
        }
        match &self.what {
            AptKeyChange::Add(_) => Ok(()),
            AptKeyChange::Receive { server, id } => check::word("key server", server).and_then(|()| check::word("key", id)),
            AptKeyChange::Remove(id) => check::word("key", id),
        }
    }
}
