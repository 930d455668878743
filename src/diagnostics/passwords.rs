//! What looks like a password in a text that nobody knows anything of.

/// Parts of a name whose value must not be shown.
const PARTS: [&str; 8] = ["pass", "pwd", "secret", "token", "api_key", "apikey", "private_key", "credential"];
/// Ends of such a name that are about the secret, and none.
const ABOUT: [&str; 11] = ["file", "path", "dir", "directory", "length", "url", "ttl", "expires", "name", "namespace", "policy"];
/// Values that are no secrets, whatever they are called.
const WORDS: [&str; 16] = [
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "absent",
    "present",
    "always",
    "never",
    "required",
    "optional",
    "prohibit-password",
    "without-password",
];

/// Whether the value of something with that name must not be shown: `db_password`, `API_TOKEN`.
pub fn names_a_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    PARTS.iter().any(|part| lower.contains(part)) && !ABOUT.iter().any(|end| lower.ends_with(end))
}

/// Whether that may be a secret at all: a word like `true` and a file's name are none.
pub fn may_be_a_password(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(['/', '$', '{']) && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// What stands in a line behind a name like `ansible_password` and a `=` or a `:`, quotes or not. Where its end is not
/// certain there are several.
pub fn passwords_in(line: &str, is_secret: impl Fn(&str) -> bool) -> Vec<&str> {
    let mut found = Vec::new();
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut at = 0;
    while let Some(begin) = line.get(at..).and_then(|rest| rest.find(in_word)).map(|begin| at + begin) {
        let rest = line.get(begin..).unwrap_or_default();
        let word = rest.get(..rest.find(|c| !in_word(c)).unwrap_or(rest.len())).unwrap_or_default();
        at = begin + word.len();
        let behind = line.get(at..).unwrap_or_default().trim_start_matches(['"', '\'']).trim_start();
        let Some(value) = behind.strip_prefix(['=', ':']).filter(|_| is_secret(word) && !word.ends_with("file")) else { continue };
        // a tag says nothing of the value; one that has nothing behind it may be the value
        let value = value.trim_start();
        let tag = value.starts_with('!').then(|| value.split_once(' ')).flatten();
        let value = tag.map_or(value, |(_, value)| value);
        if value.contains("{{") || value.contains("{%") {
            continue;
        }
        let value = value.trim_start_matches(['[', '{', '!', '&', '*']).trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let inside = value.trim_start_matches(['"', '\'']);
        let close = quote.and_then(|quote| inside.find(quote));
        match (close, behind.starts_with('=')) {
            (Some(close), _) => found.extend(inside.get(..close)),
            // an open quote takes all that follows
            (None, _) if quote.is_some() => found.extend([inside, first(inside, char::is_whitespace)]),
            (None, true) => found.push(first(inside, char::is_whitespace)),
            (None, false) => found.extend([first(inside, |c| matches!(c, ',' | '}' | ']')), first(inside, char::is_whitespace)]),
        }
    }
    found
}

fn first(text: &str, end: impl Fn(char) -> bool) -> &str {
    let part = text.get(..text.find(end).unwrap_or(text.len())).unwrap_or_default();
    // what a template or a vault says is no password
    if part.starts_with(['{', '|', '>', '$']) || part == "vault" { "" } else { part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_name_like_password() {
        let found = |line| passwords_in(line, names_a_secret).into_iter().filter(|text| may_be_a_password(text)).collect::<Vec<_>>();
        assert_eq!(found("DB_PASSWORD=hunter2 # x"), ["hunter2"]);
        assert_eq!(found("mysql --password=hunter2 -u x"), ["hunter2"]);
        assert_eq!(found("token: 'a b'"), ["a b"]);
        assert!(found("PasswordAuthentication no").is_empty());
        assert!(found("password_file: x").is_empty() && found("PermitRootLogin: x").is_empty());
        assert!(found("policy-secrets-namespace: \"cilium-secrets\"").is_empty());
        assert!(found("passwd: true").is_empty() && found("password = /etc/x").is_empty());
    }
}
