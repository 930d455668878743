//! In which order the files that set kernel parameters are read, and which line wins: sysctl.d(5).

use serde::{Deserialize, Serialize};

use super::SysctlState;

/// Where settings stand, the strongest first.
pub(super) const DIRECTORIES: [&str; 5] =
    ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];

/// A line that sets a kernel parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// In which file.
    pub file: String,
    /// In which line of it, from 1.
    pub line: u32,
    /// The key as it is written there, perhaps a pattern.
    pub key: String,
    /// The value; none for `-key`, which takes the key out of later patterns.
    pub value: Option<String>,
}

/// The key with slashes. The first separator says which one separates, sysctl.d(5).
pub(crate) fn with_slashes(key: &str) -> String {
    match key.find(['.', '/']).and_then(|at| key.get(at..)) {
        Some(rest) if rest.starts_with('.') => key
            .chars()
            .map(|c| {
                if c == '.' {
                    '/'
                } else if c == '/' {
                    '.'
                } else {
                    c
                }
            })
            .collect(),
        _ => key.into(),
    }
}

/// A line of sysctl.d(5) that is neither empty nor a comment.
pub(super) fn read_setting(file: &str, line: u32, text: &str) -> Option<Setting> {
    let (key, value) = match text.split_once('=') {
        // "-" before the key: a failure to set it is ignored
        Some((key, value)) => (key.trim().trim_start_matches('-'), Some(value.trim().to_owned())),
        None => (text.trim().strip_prefix('-')?, None),
    };
    Some(Setting { file: file.into(), line, key: key.trim().into(), value })
}

/// The value after boot: a setting of the key itself wins over all patterns, and `-key` takes it out of them.
pub(super) fn configured(settings: &[Setting]) -> Option<String> {
    let (patterns, own): (Vec<_>, Vec<_>) = settings.iter().partition(|setting| is_pattern(&setting.key));
    match own.last() {
        Some(last) => last.value.clone(),
        None => patterns.last().and_then(|last| last.value.clone()),
    }
}

/// A value as the kernel shows it once it was written: numbers with tabs between them.
pub(crate) fn as_shown(value: &str) -> String {
    let are_numbers = value.split_whitespace().all(|word| word.parse::<i64>().is_ok());
    if are_numbers { value.split_whitespace().collect::<Vec<_>>().join("\t") } else { value.to_owned() }
}

/// By the file's own name, wherever it lies.
pub(super) fn in_order(settings: &mut [Setting]) {
    settings.sort_by(|a, b| (base(&a.file), a.line).cmp(&(base(&b.file), b.line)));
}

impl SysctlState {
    /// What will be known of the parameter `key` once `file` has that content; nothing of it before counts.
    #[must_use]
    pub fn with_file(mut self, key: &str, file: &str, content: &str) -> Self {
        self.settings.retain(|setting| setting.file != file);
        self.not_read.retain(|setting| setting.file != file);
        let place = file.rsplit_once('/').map(|(directory, name)| (DIRECTORIES.iter().position(|known| *known == directory), name));
        // a file of the same name in a stronger directory hides the others
        let (is_read, hides) = match place {
            Some((Some(rank), name)) if name.ends_with(".conf") => {
                let rank_of = |other: &str| DIRECTORIES.iter().position(|known| other.strip_prefix(known) == Some(&format!("/{name}")));
                let is_hidden = self.settings.iter().any(|setting| rank_of(&setting.file).is_some_and(|other| other < rank));
                self.settings.retain(|setting| rank_of(&setting.file).is_none_or(|other| other < rank));
                (!is_hidden, true)
            }
            _ => (false, file == "/etc/sysctl.conf"),
        };
        for (line, text) in (1..).zip(content.lines()) {
            let text = text.trim_start();
            let Some(setting) = (!text.is_empty() && !text.starts_with(['#', ';'])).then(|| read_setting(file, line, text)).flatten()
            else {
                continue;
            };
            if hides && matches(&with_slashes(&setting.key), &with_slashes(key)) {
                if is_read { &mut self.settings } else { &mut self.not_read }.push(setting);
            }
        }
        in_order(&mut self.settings);
        self.configured = configured(&self.settings);
        self
    }

    /// The setting that decides what the value is at boot.
    pub fn winner(&self) -> Option<&Setting> {
        let own = self.settings.iter().rev().find(|setting| !is_pattern(&setting.key));
        own.or(self.settings.last())
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_pattern(key: &str) -> bool {
    key.contains(['*', '?', '['])
}

/// glob(7) as systemd-sysctl uses it: no wildcard matches a slash.
pub(super) fn matches(pattern: &str, key: &str) -> bool {
    let (pattern, key): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), key.split('/').collect());
    pattern.len() == key.len() && pattern.iter().zip(&key).all(|(pattern, part)| matches_part(pattern.as_bytes(), part.as_bytes()))
}

fn matches_part(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| text.get(skip..).is_some_and(|text| matches_part(rest, text))),
        ([b'?', rest @ ..], [_, text @ ..]) => matches_part(rest, text),
        ([b'[', rest @ ..], [byte, text @ ..]) => match rest.iter().skip(1).position(|b| *b == b']') {
            Some(end) => {
                let (set, rest) = (rest.get(..=end).unwrap_or_default(), rest.get(end + 2..).unwrap_or_default());
                is_in_set(set, *byte) && matches_part(rest, text)
            }
            None => *byte == b'[' && matches_part(rest, text),
        },
        ([wanted, rest @ ..], [byte, text @ ..]) => wanted == byte && matches_part(rest, text),
        _ => false,
    }
}

fn is_in_set(set: &[u8], byte: u8) -> bool {
    let (negated, mut set) = match set {
        [b'!' | b'^', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let mut found = false;
    while let [first, rest @ ..] = set {
        match rest {
            [b'-', last, rest @ ..] => {
                found |= (*first..=*last).contains(&byte);
                set = rest;
            }
            _ => {
                found |= *first == byte;
                set = rest;
            }
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_will_say_is_known_before_it_is_written() {
        let none = SysctlState { value: None, configured: None, settings: Vec::new(), not_read: Vec::new() };
        let own = none.clone().with_file("a.b", "/etc/sysctl.d/90-x.conf", "# no\n a.b = 1\n-a/b=2\nc.d=3\n");
        assert_eq!((own.settings.len(), own.configured.as_deref(), own.winner().unwrap().line), (2, Some("2"), 3));
        let later = own.clone().with_file("a.b", "/usr/lib/sysctl.d/99-y.conf", "a.b=5");
        assert_eq!((later.configured.as_deref(), later.winner().unwrap().file.as_str()), (Some("5"), "/usr/lib/sysctl.d/99-y.conf"));
        // one of the same name in a stronger directory
        let hidden = own.clone().with_file("a.b", "/usr/lib/sysctl.d/90-x.conf", "a.b=7");
        assert_eq!((hidden.configured.as_deref(), hidden.not_read.len()), (Some("2"), 1));
        let gone = own.with_file("a.b", "/etc/sysctl.d/90-x.conf", "");
        assert_eq!((gone.configured.clone(), gone.winner()), (None, None));
        assert_eq!(gone.with_file("a.b", "/etc/sysctl.conf", "a.b=1").not_read.len(), 1);
    }

    #[test]
    fn no_wildcard_matches_a_slash() {
        for (pattern, key, wanted) in [
            ("net/*/x", "net/a/x", true),
            ("net/*/x", "net/a/b/x", false),
            ("n?t", "net", true),
            ("n[a-e]t", "net", true),
            ("n[!a-e]t", "net", false),
            ("n[]x]t", "n]t", true),
            ("n[", "n[", true),
            ("*", "", true),
            ("a*b*c", "aXbYc", true),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern, key), wanted, "{pattern} {key}");
        }
    }
}
