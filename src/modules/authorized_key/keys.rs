//! Lines of an `authorized_keys` file, as Ansible reads and writes them.

/// The words that name a kind of key.
const KINDS: &[&str] = &[
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "ssh-ed25519",
    "ssh-ed25519-cert-v01@openssh.com",
    "ssh-dss",
    "ssh-rsa",
    "ssh-xmss@openssh.com",
    "ssh-xmss-cert-v01@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "ssh-rsa-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "ssh-dss-cert-v01@openssh.com",
];

/// A key, with what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The key itself.
    pub key: String,
    pub kind: String,
    /// Options, each with its value.
    pub options: Vec<(String, Option<String>)>,
    pub comment: String,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Key(Key),
    /// A comment or what is no key; with its end.
    Other(String),
}

impl Key {
    /// The key in a line.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.replace("\\#", "#");
        let words: Vec<&str> = line.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
        if words.first() == Some(&"#") {
            return None;
        }
        let at = words.iter().position(|word| KINDS.contains(word))?;
        let key = words.get(at + 1)?;
        Some(Self {
            key: (*key).to_owned(),
            kind: words.get(at).map(|kind| (*kind).to_owned()).unwrap_or_default(),
            options: options(&words.get(..at).unwrap_or_default().join(" ")),
            comment: words.get(at + 2..).unwrap_or_default().join(" "),
        })
    }

    /// Whether the other is the same key with the same around it; options may stand in another order.
    pub fn is_same(&self, other: &Self) -> bool {
        let sorted = |key: &Self| {
            let mut options = key.options.clone();
            options.sort_by(|a, b| a.0.cmp(&b.0));
            options
        };
        (&self.key, &self.kind, &self.comment, sorted(self)) == (&other.key, &other.kind, &other.comment, sorted(other))
    }

    fn text(&self) -> String {
        let options: Vec<String> = self
            .options
            .iter()
            .map(|(name, value)| match value {
                Some(value) => format!("{name}={value}"),
                None => name.clone(),
            })
            .collect();
        let options = if options.is_empty() { String::new() } else { format!("{} ", options.join(",")) };
        format!("{options}{} {} {}\n", self.kind, self.key, self.comment)
    }
}

impl Line {
    /// What it is told apart from others by.
    fn name(&self) -> &str {
        match self {
            Self::Key(key) => &key.key,
            Self::Other(text) => text,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Key(key) => key.text(),
            Self::Other(text) => text.clone(),
        }
    }

    /// The key, if it is one.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Key(key) => Some(key),
            Self::Other(_) => None,
        }
    }
}

/// Options of a key: commas part them but within quotes.
pub(super) fn options(text: &str) -> Vec<(String, Option<String>)> {
    let (mut parts, mut part, mut quote) = (Vec::new(), String::new(), None);
    for c in text.chars() {
        match (c, quote) {
            (',', None) => parts.push(std::mem::take(&mut part)),
            (c, Some(open)) if c == open => {
                quote = None;
                part.push(c);
            }
            ('"' | '\'', None) => {
                quote = Some(c);
                part.push(c);
            }
            (c, _) => part.push(c),
        }
    }
    parts.push(part);
    let option = |part: String| match part.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (part, None),
    };
    parts.into_iter().filter(|part| !part.is_empty()).map(option).collect()
}

/// The lines of a file. Of a key that stands there twice, the last counts, in its place; so it is in Ansible.
pub(super) fn read(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for line in text.split_inclusive('\n') {
        let line = match Key::parse(line) {
            Some(key) => Line::Key(key),
            None => Line::Other(line.replace("\\#", "#")),
        };
        lines.retain(|known| known.name() != line.name());
        lines.push(line);
    }
    lines
}

/// The file of these lines; what had no end of line gets one where more follows.
pub(super) fn write(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&line.text());
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_has_its_parts() {
        let key = Key::parse(r#"command="a b, c",no-pty ssh-rsa AAAA one  two # three"#).unwrap();
        assert_eq!(key.options, [("command".into(), Some("\"a b, c\"".into())), ("no-pty".into(), None)]);
        assert_eq!((key.kind.as_str(), key.key.as_str(), key.comment.as_str()), ("ssh-rsa", "AAAA", "one two # three"));
        assert_eq!(key.text(), "command=\"a b, c\",no-pty ssh-rsa AAAA one two # three\n");
        assert_eq!(Key::parse("ssh-ed25519 AAAA").unwrap().text(), "ssh-ed25519 AAAA \n");
        for nothing in ["", "# ssh-rsa AAAA", "ssh-rsa", "AAAA", "ssh-rsb AAAA"] {
            assert_eq!(Key::parse(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_no_key_stays() {
        let text = "# one\n\nssh-rsa AAAA a\nodd\nssh-rsa AAAA b\n";
        assert_eq!(write(&read(text)), "# one\n\nodd\nssh-rsa AAAA b\n");
    }

    proptest! {
        #[test]
        fn what_was_written_reads_the_same(text in "((no-pty,)?ssh-rsa [AB]{1,2}( [a-c#]{1,2})?\n|# x\n|\n){0,6}") {
            let once = read(&text);
            prop_assert_eq!(read(&write(&once)), once);
        }
    }
}
