//! What one object tells: what is wrong as far as it knows, what to look at behind it, what to do.

use super::seen::Reference;

/// What one object tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What is wrong.
    pub(super) said: String,
    /// What may be the cause.
    pub(super) behind: Vec<Behind>,
    /// The command that goes on, unless what is behind names a better one.
    pub(super) next: Option<String>,
}

/// What may be the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Behind {
    /// An object, which is shown if it is not well.
    Object(Reference),
    /// One of Flux's controllers, which is shown if it is not well.
    Controller(&'static str),
    /// Pods of a namespace that are not well: those with these labels, or with the release's name among theirs if there are such.
    Pods { namespace: String, labels: Option<String>, release: Option<String> },
    /// The warnings among the events of an object.
    Events(Reference),
    /// The cluster's DNS.
    Dns,
}

impl Verdict {
    pub(super) fn new(said: impl Into<String>) -> Self {
        Self { said: said.into(), ..Self::default() }
    }

    pub(super) fn next(mut self, command: impl Into<String>) -> Self {
        self.next = Some(command.into());
        self
    }

    pub(super) fn behind(mut self, behind: Behind) -> Self {
        self.behind.push(behind);
        self
    }
}

/// The name that could not be looked up, if that is what a message says: `lookup github.com on 10.96.0.10:53: no such host`.
pub(super) fn looked_up(message: &str) -> Option<(&str, &str)> {
    let (_, rest) = message.split_once("lookup ")?;
    let name = rest.split([' ', ':']).next().filter(|name| !name.is_empty())?;
    let troubles =
        ["no such host", "i/o timeout", "server misbehaving", "connection refused", "network is unreachable", "Temporary failure"];
    let trouble = troubles.into_iter().find(|trouble| rest.contains(trouble))?;
    Some((name, trouble))
}

/// The address that did not answer, and how, if that is what a message says: `dial tcp 140.82.121.4:22: i/o timeout`.
pub(super) fn dialled(message: &str) -> Option<(&str, &str)> {
    let troubles =
        ["i/o timeout", "connection refused", "no route to host", "network is unreachable", "connection reset", "Client.Timeout"];
    let trouble = troubles.into_iter().find(|trouble| message.contains(trouble))?;
    let address = message.split_once("dial tcp ").map(|(_, rest)| rest.split(": ").next().unwrap_or_default());
    Some((address.unwrap_or_default().trim(), trouble))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_with_names_and_addresses() {
        let message = "dial tcp: lookup github.com on 10.96.0.10:53: no such host";
        assert_eq!(looked_up(message), Some(("github.com", "no such host")));
        let message = "Get \"https://x\": dial tcp: lookup ghcr.io: Temporary failure in name resolution";
        assert_eq!(looked_up(message), Some(("ghcr.io", "Temporary failure")));
        let message = "lookup github.com on 10.96.0.10:53: read udp 10.0.1.7:51122->10.96.0.10:53: i/o timeout";
        assert_eq!(looked_up(message), Some(("github.com", "i/o timeout")));
        assert_eq!(looked_up("the lookup of x worked"), None);
        assert_eq!(dialled("dial tcp 140.82.121.4:22: i/o timeout"), Some(("140.82.121.4:22", "i/o timeout")));
        assert_eq!(dialled("net/http: Client.Timeout exceeded"), Some(("", "Client.Timeout")));
        assert_eq!(dialled("repository not found"), None);
    }
}
