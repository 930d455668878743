//! Variables and `~` in paths and words, as the host's login has them: Python's `expandvars` and `expanduser`.
//!
//! No shell sees the words: the login's environment is a fact, and the words are completed here.

use std::collections::BTreeMap;

use super::Task;
use crate::node::facts::{Environment, Login, User};
use crate::plan::{Facts, Stop};

/// `texts` with `$NAME`, `${NAME}` and a leading `~` or `~user` replaced. What has no value stays as it is.
///
/// # Errors
/// The environment or a user has to be read first, or cannot be known. Nothing is asked for where nothing is to replace.
pub fn expand(task: &Task<'_>, facts: &Facts<'_>, texts: &[&str]) -> Result<Vec<String>, Stop> {
    let is_home = |text: &&str| text.starts_with('~');
    let wants = |text: &&str| text.contains('$') || is_home(text);
    if !texts.iter().any(wants) {
        return Ok(texts.iter().map(|text| (*text).to_owned()).collect());
    }
    let mut environment: BTreeMap<String, String> = facts.get(Environment)?.unwrap_or_default();
    environment.extend(task.environment.iter().cloned());
    let texts: Vec<String> = texts.iter().map(|text| variables(text, &environment)).collect();
    let mut names: Vec<&str> = texts.iter().filter_map(|text| user_of(text)).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    // what can be no user's name is no user
    names.retain(|name| !name.starts_with('-') && !name.contains([':', ',', '\n']) && !name.bytes().all(|byte| byte.is_ascii_digit()));
    let homes = facts.get(names.iter().map(|name| User::new(*name)).collect::<Vec<_>>())?;
    let mut home_of: BTreeMap<String, String> =
        names.iter().zip(homes).filter_map(|(name, user)| Some(((*name).to_owned(), user?.home))).collect();
    if texts.iter().any(|text| user_of(text) == Some("")) {
        let home = match environment.get("HOME") {
            Some(home) => Some(home.clone()),
            None => match facts.get(Login)? {
                Some(login) => facts.get(User::new(login.user))?.map(|user| user.home),
                None => None,
            },
        };
        home_of.extend(home.map(|home| (String::new(), home)));
    }
    Ok(texts.iter().map(|text| with_home(text, &home_of)).collect())
}

/// The same for one text.
///
/// # Errors
/// As above.
pub fn expand_one(task: &Task<'_>, facts: &Facts<'_>, text: &str) -> Result<String, Stop> {
    Ok(expand(task, facts, &[text])?.concat())
}

/// Whose home a text begins with: the name behind `~`.
fn user_of(text: &str) -> Option<&str> {
    text.strip_prefix('~').map(|rest| rest.split('/').next().unwrap_or_default())
}

fn with_home(text: &str, home_of: &BTreeMap<String, String>) -> String {
    let Some((name, home)) = user_of(text).and_then(|name| Some((name, home_of.get(name)?))) else { return text.to_owned() };
    let rest = text.get(1 + name.len()..).unwrap_or_default();
    let whole = format!("{}{rest}", home.trim_end_matches('/'));
    if whole.is_empty() { "/".to_owned() } else { whole }
}

/// What stands for a variable is not looked at again.
fn variables(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        whole.push_str(before);
        let behind = from.get(1..).unwrap_or_default();
        let (name, length) = match behind.strip_prefix('{') {
            Some(inner) => match inner.find('}') {
                Some(end) => (inner.get(..end).unwrap_or_default(), end + 2),
                None => ("", 0),
            },
            None => {
                let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len());
                (behind.get(..end).unwrap_or_default(), end)
            }
        };
        match environment.get(name) {
            Some(value) if !name.is_empty() => whole.push_str(value),
            _ => whole.push_str(from.get(..=length).unwrap_or(from)),
        }
        rest = behind.get(length..).unwrap_or_default();
    }
    whole.push_str(rest);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_python_replaces_them() {
        let environment: BTreeMap<String, String> =
            [("HOME", "/root"), ("A_1", "$HOME"), ("E", "")].map(|(n, v)| (n.into(), v.into())).into();
        for (text, wanted) in [
            ("$HOME/x", "/root/x"),
            ("${HOME}x", "/rootx"),
            ("$A_1", "$HOME"),
            ("a$E.b", "a.b"),
            ("$NOPE ${NOPE} $ $$HOME ${}", "$NOPE ${NOPE} $ $/root ${}"),
            ("${ $HOME }", "${ $HOME }"),
            ("$HOMEx", "$HOMEx"),
            ("ä$HOMEä", "ä/rootä"),
        ] {
            assert_eq!(variables(text, &environment), wanted, "{text}");
        }
    }

    #[test]
    fn homes_are_put_in_front() {
        let homes: BTreeMap<String, String> =
            [("", "/root"), ("pat", "/home/pat/"), ("nobody", "/")].map(|(n, v)| (n.into(), v.into())).into();
        for (text, wanted) in
            [("~", "/root"), ("~/x", "/root/x"), ("~pat/y", "/home/pat/y"), ("~nobody", "/"), ("~other/z", "~other/z"), ("a~", "a~")]
        {
            assert_eq!(with_home(text, &homes), wanted, "{text}");
        }
    }
}
