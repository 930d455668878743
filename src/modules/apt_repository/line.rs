//! A line of a sources file, and the name of the file that a new one goes to: as Ansible reads, writes and names them.

/// A line as it is written back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Whether it names a source.
    pub valid: bool,
    /// Whether there is no `#` in front of it.
    pub enabled: bool,
    /// The source, with single blanks; else the text.
    pub source: String,
    /// What stands behind a `#`.
    pub comment: String,
}

impl Line {
    /// A source that is on.
    pub fn source(source: String) -> Self {
        Self { valid: true, enabled: true, source, comment: String::new() }
    }

    pub fn parse(line: &str) -> Self {
        let line = line.trim();
        let (enabled, line) = line.strip_prefix('#').map_or((true, line), |line| (false, line));
        // a `#` that is the first stays where it is
        let (text, comment) = match line.find('#').filter(|at| *at > 0) {
            Some(at) => (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default().trim()),
            None => (line, ""),
        };
        let valid = is_type(text.split_whitespace().next().unwrap_or_default());
        let source = if valid { text.split_whitespace().collect::<Vec<_>>().join(" ") } else { text.trim().to_owned() };
        Self { valid, enabled, source, comment: comment.to_owned() }
    }

    /// As it is written.
    pub fn text(&self) -> String {
        let comment = if self.comment.is_empty() { String::new() } else { format!(" # {}", self.comment) };
        format!("{}{}{comment}\n", if self.enabled { "" } else { "# " }, self.source)
    }
}

fn is_type(word: &str) -> bool {
    matches!(word, "deb" | "deb-src")
}

/// What a task asks for.
///
/// # Errors
/// Ansible's `msg`.
pub(super) fn wanted(repo: &str) -> Result<String, String> {
    let line = Line::parse(repo);
    if line.valid && line.enabled {
        return Ok(line.source);
    }
    let text = repo.trim();
    let text = text.strip_prefix('#').unwrap_or(text);
    let text = text.find('#').filter(|at| *at > 0).and_then(|at| text.get(..at)).unwrap_or(text);
    Err(format!("Invalid repository string: {text}"))
}

/// The name of the file for a source without one, from its address: `deb http://a.example/b c d` goes to `a_example_b`.
pub(super) fn file_name(source: &str) -> Option<String> {
    let text = without_options(source);
    let text = without_schemes(&text);
    let address = text.split_whitespace().find(|word| !is_type(word))?;
    let address = address.split_once('@').map_or(address, |(_, rest)| rest);
    let words: Vec<&str> = address.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    Some(words.join("_"))
}

/// Without what stands in brackets.
fn without_options(text: &str) -> String {
    let (mut kept, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('[') {
        match behind.split_once(']') {
            Some((inside, after)) if !inside.is_empty() => {
                kept.push_str(before);
                rest = after;
            }
            _ => {
                kept.push_str(before);
                kept.push('[');
                rest = behind;
            }
        }
    }
    kept + rest
}

/// Without the `http://` in front of addresses.
fn without_schemes(text: &str) -> String {
    let (mut kept, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("://") {
        let address = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
        kept.push_str(address);
        if address.len() == before.len() {
            kept.push_str("://");
        }
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_read_and_written_as_ansible_does() {
        for (line, text) in [
            ("deb  http://a/b   c d", "deb http://a/b c d\n"),
            ("#deb http://a/b c d#x", "# deb http://a/b c d # x\n"),
            ("#  a comment", "# a comment\n"),
            ("## two", "# # two\n"),
            ("# a # b # c", "# a # b # c\n"),
            ("", "\n"),
            ("nonsense  here", "nonsense  here\n"),
        ] {
            assert_eq!(Line::parse(line).text(), text, "{line:?}");
        }
    }

    #[test]
    fn what_is_wanted_is_a_source_that_is_on() {
        assert_eq!(wanted(" deb  [a=b] http://a c\td # x").unwrap(), "deb [a=b] http://a c d");
        for (repo, shown) in [("# deb http://a b c", " deb http://a b c"), ("http://a", "http://a"), ("", ""), ("rpm x # y", "rpm x ")] {
            assert_eq!(wanted(repo).unwrap_err(), format!("Invalid repository string: {shown}"));
        }
    }

    #[test]
    fn files_are_named_after_addresses() {
        for (source, name) in [
            ("deb http://archive.canonical.com/ubuntu hardy partner", "archive_canonical_com_ubuntu"),
            ("deb [arch=amd64 signed-by=/x] https://user:pw@pkgs.k8s.io/core:/stable:/v1.34/deb/ /", "pkgs_k8s_io_core_stable_v1_34_deb"),
            ("deb-src file:/usr/share/a stable main", "file_usr_share_a"),
            ("deb tor+http://a/b c", "tor_a_b"),
            ("ppa:some/one_noble", "ppa_some_one_noble"),
            ("deb [] http://a b", ""),
        ] {
            assert_eq!(file_name(source).as_deref(), Some(name), "{source}");
        }
        assert_eq!(file_name("deb"), None);
    }

    proptest! {
        #[test]
        fn what_was_written_reads_the_same(line in "[#a-z ]{0,12}(deb)?[ a-z:/.#]{0,20}") {
            let read = Line::parse(&line);
            let written = read.text();
            let again = Line::parse(&written);
            // a `#` in front of a comment comes back once more, as it does in Ansible
            if !read.source.starts_with('#') {
                prop_assert_eq!(again.text(), written);
            }
        }
    }
}
