//! The text of one file as typed lines; all that is wrong with it at once.

use std::sync::Arc;

use super::keyword::{self, Keyword, Meaning};
use super::line::{self, Head, Word};
use super::types::{AddressFamily, Hop, StrictHostKeyChecking};
use super::values::{self, Bad};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};

/// One line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From the keyword to the last argument.
    pub place: Place,
    /// What it says.
    pub item: Item,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// `Host`: the patterns in order, and whether each is negated.
    Host(Vec<(bool, String)>),
    /// `Match`.
    Match(Vec<Criterion>),
    /// `Include`: what is to be included, and (once loaded) the lines of each file found.
    Include(Vec<Word>, Vec<Arc<Vec<Line>>>),
    /// A value for a keyword that has an effect here.
    Set(Setting),
    /// A keyword that has an effect in OpenSSH only, with a value that turns something on.
    NotHonoured(&'static str),
    /// A keyword that OpenSSH does not know, and the one it was probably meant to be: an error, unless
    /// `IgnoreUnknown` matches.
    Unknown(String, Option<&'static str>),
}

/// One criterion of a `Match` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// An `!` stands before it.
    pub negated: bool,
    /// What is asked.
    pub kind: CriterionKind,
}

/// What a criterion asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CriterionKind {
    /// Always true.
    All,
    /// True in the second reading of the files.
    Canonical,
    /// True in the second reading of the files, and asks for one.
    Final,
    /// The host name as known so far.
    Host(String),
    /// The host name as given.
    OriginalHost(String),
    /// The remote user as known so far.
    User(String),
    /// The local user.
    LocalUser(String),
    /// Whether a command succeeds.
    Exec(String),
    /// Known to newer versions of OpenSSH, never true here.
    NotHonoured(&'static str),
}

/// A value, not yet expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Setting {
    AddressFamily(AddressFamily),
    BatchMode(bool),
    BindAddress(String),
    CertificateFile(String),
    ConnectTimeout(Option<u32>),
    ConnectionAttempts(u32),
    GlobalKnownHostsFile(Vec<String>),
    HashKnownHosts(bool),
    HostKeyAlgorithms(String),
    HostKeyAlias(String),
    HostName(String),
    IdentitiesOnly(bool),
    IdentityAgent(String),
    IdentityFile(String),
    IgnoreUnknown(String),
    KbdInteractiveAuthentication(bool),
    NumberOfPasswordPrompts(u32),
    PasswordAuthentication(bool),
    Port(u16),
    PreferredAuthentications(String),
    ProxyCommand(String),
    ProxyJump(Vec<Hop>),
    PubkeyAuthentication(bool),
    ServerAliveCountMax(u32),
    ServerAliveInterval(Option<u32>),
    StrictHostKeyChecking(StrictHostKeyChecking),
    TcpKeepAlive(bool),
    User(String),
    UserKnownHostsFile(Vec<String>),
}

/// Reads a file's text. Problems go to `diagnostics`; the lines that have them are left out.
pub fn parse(source: &Source, diagnostics: &mut Diagnostics) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    for raw in source.text.split_inclusive('\n') {
        // Only at the end of a line may a form feed stand.
        let text = raw.trim_end_matches([' ', '\t', '\r', '\n', '\x0c']);
        match parse_line(source, start, text) {
            Ok(line) => lines.extend(line),
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
        start += raw.len();
    }
    lines
}

/// Reads one line, which starts at byte `start` of the source and has no blanks at its end. `None`: it says nothing.
///
/// # Errors
/// What is wrong with it.
pub fn parse_line(source: &Source, start: usize, text: &str) -> Result<Option<Line>, Box<Diagnostic>> {
    let Some(head) = line::head(text) else { return Ok(None) };
    let at = |span: std::ops::Range<usize>| source.at(start + span.start..start + span.end);
    let written = head.keyword.text.as_str();
    let meaning = keyword::meaning(written);
    let unknown = meaning == Meaning::Unknown;
    if head.rest >= text.len() && !unknown {
        let place = at(head.keyword.span.clone());
        return Err(Box::new(Diagnostic::error(format!("`{written}` has no value")).at(place)));
    }
    let place = at(head.keyword.span.start..text.len());
    let words = match line::arguments(text, head.rest) {
        Ok(words) => words,
        Err(_) if unknown => Vec::new(),
        Err(line::Unclosed(quote)) => {
            return Err(Box::new(Diagnostic::error("a quote is opened and not closed").at(at(quote..text.len()))));
        }
    };
    let item = match meaning {
        Meaning::Honoured(keyword) => match item(keyword, text, &head, words) {
            Ok(item) => item,
            Err((bad, span)) => {
                let mut diagnostic = Diagnostic::error(format!("`{written}`: {}", bad.why)).at(at(span.unwrap_or(head.rest..text.len())));
                diagnostic.hint = bad.hint;
                return Err(Box::new(diagnostic));
            }
        },
        Meaning::NotHonoured(_) if turns_off(&words) => return Ok(None),
        Meaning::NotHonoured(name) => Item::NotHonoured(name),
        Meaning::Irrelevant => return Ok(None),
        Meaning::Unsupported => {
            let diagnostic = Diagnostic::warning(format!("`{written}` is not supported by OpenSSH any more")).at(place);
            return Err(Box::new(diagnostic.hint("take the line out")));
        }
        Meaning::Unknown => Item::Unknown(written.to_ascii_lowercase(), keyword::similar(written)),
    };
    Ok(Some(Line { place, item }))
}

/// Whether a setting says that something is not to be done, which is what this program does anyway.
fn turns_off(words: &[Word]) -> bool {
    matches!(words, [word] if ["no", "none", "false"].iter().any(|off| word.text.eq_ignore_ascii_case(off)))
}

type Problem = (Bad, Option<std::ops::Range<usize>>);

fn item(keyword: Keyword, text: &str, head: &Head, words: Vec<Word>) -> Result<Item, Problem> {
    use Setting as S;
    // These three take the rest of the line as it stands.
    let raw = text.get(head.rest..).unwrap_or_default().trim_start_matches([' ', '\t', '=']);
    match keyword {
        Keyword::ProxyCommand => return Ok(Item::Set(S::ProxyCommand(raw.to_owned()))),
        Keyword::ProxyJump => return values::jumps(raw).map(|hops| Item::Set(S::ProxyJump(hops))).map_err(|bad| (bad, None)),
        Keyword::Match => return criteria(text, head.rest).map(Item::Match),
        _ => {}
    }
    if let Some(empty) = words.iter().find(|word| word.text.is_empty()) {
        return Err((Bad::new("an empty value"), Some(empty.span.clone())));
    }
    match keyword {
        Keyword::Host => {
            let pattern = |word: Word| match word.text.strip_prefix('!') {
                Some(pattern) => (true, pattern.to_owned()),
                None => (false, word.text),
            };
            return Ok(Item::Host(words.into_iter().map(pattern).collect()));
        }
        Keyword::Include => return Ok(Item::Include(words, Vec::new())),
        Keyword::UserKnownHostsFile => return files(words).map(|files| Item::Set(S::UserKnownHostsFile(files))),
        Keyword::GlobalKnownHostsFile => return files(words).map(|files| Item::Set(S::GlobalKnownHostsFile(files))),
        _ => {}
    }
    let mut words = words.into_iter();
    let Some(Word { text: value, span }) = words.next() else { return Err((Bad::new("no value"), None)) };
    if let Some(extra) = words.next() {
        return Err((Bad::new(format!("`{}` is one value too many", extra.text)), Some(extra.span)));
    }
    setting(keyword, value).map(Item::Set).map_err(|bad| (bad, Some(span)))
}

fn setting(keyword: Keyword, value: String) -> Result<Setting, Bad> {
    use Setting as S;
    let text = value.as_str();
    Ok(match keyword {
        Keyword::AddressFamily => S::AddressFamily(values::address_family(text)?),
        Keyword::BatchMode => S::BatchMode(values::switch(text)?),
        Keyword::BindAddress => S::BindAddress(value),
        Keyword::CertificateFile => S::CertificateFile(value),
        Keyword::ConnectTimeout => S::ConnectTimeout(values::seconds(text)?),
        Keyword::ConnectionAttempts => match values::number(text)? {
            0 => return Err(Bad::new("connecting has to be tried at least once")),
            attempts => S::ConnectionAttempts(attempts),
        },
        Keyword::HashKnownHosts => S::HashKnownHosts(values::switch(text)?),
        Keyword::HostKeyAlgorithms => S::HostKeyAlgorithms(values::algorithms(text)?),
        Keyword::HostKeyAlias => S::HostKeyAlias(value),
        Keyword::HostName => S::HostName(value),
        Keyword::IdentitiesOnly => S::IdentitiesOnly(values::switch(text)?),
        Keyword::IdentityAgent => S::IdentityAgent(value),
        Keyword::IdentityFile => S::IdentityFile(value),
        Keyword::IgnoreUnknown => S::IgnoreUnknown(value),
        Keyword::KbdInteractiveAuthentication => S::KbdInteractiveAuthentication(values::switch(text)?),
        Keyword::NumberOfPasswordPrompts => S::NumberOfPasswordPrompts(values::number(text)?),
        Keyword::PasswordAuthentication => S::PasswordAuthentication(values::switch(text)?),
        Keyword::Port => S::Port(values::port(text)?),
        Keyword::PreferredAuthentications => S::PreferredAuthentications(value),
        Keyword::PubkeyAuthentication => S::PubkeyAuthentication(values::pubkey_authentication(text)?),
        Keyword::ServerAliveCountMax => S::ServerAliveCountMax(values::number(text)?),
        Keyword::ServerAliveInterval => S::ServerAliveInterval(values::seconds(text)?),
        Keyword::StrictHostKeyChecking => S::StrictHostKeyChecking(values::strict_host_key_checking(text)?),
        Keyword::TcpKeepAlive => S::TcpKeepAlive(values::switch(text)?),
        Keyword::User => S::User(value),
        // These take more than one word: `item` has read them.
        Keyword::GlobalKnownHostsFile
        | Keyword::Host
        | Keyword::Include
        | Keyword::Match
        | Keyword::ProxyCommand
        | Keyword::ProxyJump
        | Keyword::UserKnownHostsFile => return Err(Bad::new("more than one word")),
    })
}

/// ssh's own bound on the files of one keyword.
const MOST_FILES: usize = 32;

fn files(words: Vec<Word>) -> Result<Vec<String>, Problem> {
    if words.len() > 1
        && let Some(none) = words.iter().find(|word| word.text.eq_ignore_ascii_case("none"))
    {
        return Err((Bad::new("`none` must stand alone"), Some(none.span.clone())));
    }
    if let Some(extra) = words.get(MOST_FILES) {
        return Err((Bad::new(format!("more than {MOST_FILES} files")), Some(extra.span.clone())));
    }
    Ok(words.into_iter().map(|word| word.text).collect())
}

fn criteria(text: &str, from: usize) -> Result<Vec<Criterion>, Problem> {
    let mut criteria = Vec::new();
    let mut at = Some(from);
    while let Some(word) = line::next_word(text, &mut at) {
        if word.text.is_empty() || word.text.starts_with('#') {
            break;
        }
        let (negated, name) = match word.text.strip_prefix('!') {
            Some(name) => (true, name),
            None => (false, word.text.as_str()),
        };
        let name = name.to_ascii_lowercase();
        if name == "all" {
            let next = line::next_word(text, &mut at).filter(|next| !next.text.is_empty() && !next.text.starts_with('#'));
            if criteria.len() > 1 || next.is_some() {
                return Err((Bad::new("`all` must stand alone"), Some(word.span)));
            }
            criteria.push(Criterion { negated, kind: CriterionKind::All });
            return Ok(criteria);
        }
        let kind = match name.as_str() {
            "canonical" => CriterionKind::Canonical,
            "final" => CriterionKind::Final,
            _ => {
                let value = line::next_word(text, &mut at).filter(|value| !value.text.is_empty() && !value.text.starts_with('#'));
                let Some(Word { text: value, .. }) = value else {
                    return Err((Bad::new(format!("`{}` wants something to compare with", word.text)), Some(word.span)));
                };
                match name.as_str() {
                    "host" => CriterionKind::Host(value),
                    "originalhost" => CriterionKind::OriginalHost(value),
                    "user" => CriterionKind::User(value),
                    "localuser" => CriterionKind::LocalUser(value),
                    "exec" => CriterionKind::Exec(value),
                    "localnetwork" => CriterionKind::NotHonoured("Match localnetwork"),
                    "tagged" => CriterionKind::NotHonoured("Match tagged"),
                    _ => {
                        let mut bad = Bad::new(format!("`{}` is no criterion", word.text));
                        bad.hint = Some("all, canonical, final, exec, host, originalhost, user, localuser".to_owned());
                        return Err((bad, Some(word.span)));
                    }
                }
            }
        };
        criteria.push(Criterion { negated, kind });
    }
    if criteria.is_empty() {
        return Err((Bad::new("no criterion"), None));
    }
    Ok(criteria)
}
