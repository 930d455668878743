//! `%h` and its like, `${NAME}`, and `~` (ssh_config(5), TOKENS and ENVIRONMENT VARIABLES).

use sha1::{Digest, Sha1};

use super::types::Local;

/// A text that cannot be expanded, for a message after the keyword.
pub type Why = String;

/// The values that `%` tokens stand for.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    values: Vec<(char, String)>,
}

impl Tokens {
    /// Exactly these, and `%%`.
    pub fn new(values: impl IntoIterator<Item = (char, String)>) -> Self {
        Self { values: values.into_iter().collect() }
    }

    /// `text` with its tokens expanded; `${NAME}` stays.
    ///
    /// # Errors
    /// A token that has no meaning here.
    pub fn expand(&self, text: &str) -> Result<String, Why> {
        self.expand_with(text, None)
    }

    /// `text` with its tokens and `${NAME}`s expanded, once: what comes in is not looked at again.
    ///
    /// # Errors
    /// A token that has no meaning here, a variable that is not set.
    pub fn expand_env(&self, text: &str, local: &Local) -> Result<String, Why> {
        self.expand_with(text, Some(local))
    }

    fn expand_with(&self, text: &str, local: Option<&Local>) -> Result<String, Why> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['%', '$']) {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            if let (Some(local), Some(name)) = (local, from.strip_prefix("${")) {
                let Some((name, after)) = name.split_once('}') else {
                    return Err("`${` is opened and not closed".to_owned());
                };
                let value = local.env.get(name).ok_or_else(|| format!("the environment has no {name}"))?;
                out.push_str(value);
                rest = after;
                continue;
            }
            let mut chars = from.chars();
            if chars.next() == Some('$') {
                out.push('$');
                rest = chars.as_str();
                continue;
            }
            match chars.next() {
                Some('%') => out.push('%'),
                Some(token) => match self.values.iter().find(|&&(name, _)| name == token) {
                    Some((_, value)) => out.push_str(value),
                    None => return Err(format!("`%{token}` has no meaning here")),
                },
                None => return Err("a `%` stands at the end".to_owned()),
            }
            rest = chars.as_str();
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// `~` and `~/...` as the user's home directory; other texts as they are.
///
/// # Errors
/// Another user's home directory, which is not looked up.
pub fn tilde(text: &str, local: &Local) -> Result<String, Why> {
    let Some(rest) = text.strip_prefix('~') else { return Ok(text.to_owned()) };
    let (user, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if user.is_empty() || user == local.user {
        Ok(format!("{}{path}", local.home))
    } else {
        Err(format!("the home directory of {user} is not looked up: write the whole path"))
    }
}

/// `%C`: a hash of this machine's name, and the remote host, port and user.
pub fn connection_hash(this_host: &str, host: &str, port: u16, user: &str) -> String {
    let digest = Sha1::digest(format!("{this_host}{host}{port}{user}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn local() -> Local {
        Local { home: "/home/me".into(), user: "me".into(), env: [("A".to_owned(), "%h${A}".to_owned())].into(), ..Local::default() }
    }

    #[test]
    fn each_token_is_expanded_once() {
        let tokens = Tokens::new([('h', "%h".to_owned()), ('u', "me".to_owned())]);
        assert_eq!(tokens.expand("%h-%u%%u"), Ok("%h-me%u".to_owned()));
        assert_eq!(tokens.expand("$A${A}"), Ok("$A${A}".to_owned()));
        assert_eq!(tokens.expand_env("$A-${A}", &local()), Ok("$A-%h${A}".to_owned()));
        assert_eq!(tokens.expand("%x"), Err("`%x` has no meaning here".to_owned()));
        assert!(tokens.expand("50%").is_err());
        assert!(tokens.expand_env("${B}", &local()).is_err());
        assert!(tokens.expand_env("${B", &local()).is_err());
    }

    #[test]
    fn tildes() {
        assert_eq!(tilde("~/a", &local()), Ok("/home/me/a".to_owned()));
        assert_eq!(tilde("~", &local()), Ok("/home/me".to_owned()));
        assert_eq!(tilde("~me/a", &local()), Ok("/home/me/a".to_owned()));
        assert_eq!(tilde("a~", &local()), Ok("a~".to_owned()));
        assert!(tilde("~you/a", &local()).is_err());
    }

    proptest! {
        #[test]
        fn text_without_signs_stays(text in "[^%$]{0,30}") {
            prop_assert_eq!(Tokens::default().expand_env(&text, &local()), Ok(text));
        }

        #[test]
        fn any_text_is_expanded_or_refused(text in "[%$a{}h]{0,12}") {
            let _ = Tokens::new([('h', String::new())]).expand_env(&text, &local());
        }
    }
}
