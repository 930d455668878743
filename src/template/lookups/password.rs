//! `password`: one that is made up once and kept in a file.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::super::fault::{Outcome, fail, fail_hint};
use super::super::files;
use super::super::filters::hashed;
use super::super::value::V;
use super::Asked;

/// Hosts that ask at the same time get the same one.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What a term asks for.
struct Wanted {
    path: String,
    length: usize,
    chars: String,
    encrypt: Option<String>,
    ident: Option<String>,
}

pub(super) fn password(asked: &Asked) -> Outcome<Vec<V>> {
    asked.texts()?.iter().map(|term| one(asked, &wanted(asked, term)?)).collect()
}

fn wanted(asked: &Asked, term: &str) -> Outcome<Wanted> {
    let (path, beside) = match term.split_once(' ') {
        Some((first, rest)) => {
            let (plain, pairs) = asked.words(rest)?;
            (if plain.is_empty() { first.to_owned() } else { format!("{first} {plain}") }, pairs)
        }
        None => (term.to_owned(), Vec::new()),
    };
    if let Some((name, _)) = beside.iter().find(|(name, _)| !["length", "encrypt", "chars", "ident", "seed"].contains(&name.as_str())) {
        return fail(format!("the lookup `password` has no option `{name}`"));
    }
    let get = |name: &str| match beside.iter().find(|(key, _)| key == name) {
        Some((_, value)) => Ok(Some(value.clone())),
        None => asked.text_option(name),
    };
    if get("seed")?.is_some() {
        return fail_hint(
            "the lookup `password` takes no `seed` here",
            "take it out: the password stays the same because it is kept in a file",
        );
    }
    let length = match get("length")? {
        Some(text) => text.trim().parse().or_else(|_| fail(format!("`length` is a number, not `{text}`")))?,
        None => 20,
    };
    if length == 0 || length > 4096 {
        return fail("the length of a password is from 1 to 4096");
    }
    let beside_chars = beside.iter().find(|(key, _)| key == "chars").map(|(_, value)| value.clone());
    let sets: Vec<String> = match (beside_chars, asked.option("chars")) {
        (Some(text), _) => listed(&text),
        (None, Some(list)) if list.is_list() => asked.given.run.items(list)?.iter().map(|set| asked.text(set)).collect::<Outcome<_>>()?,
        (None, Some(text)) => listed(&asked.text(text)?),
        (None, None) => ["ascii_letters", "digits", ".,:-_"].map(str::to_owned).to_vec(),
    };
    let chars: String = sets.iter().map(|set| letters(set)).collect();
    // quotes would have to be escaped wherever it is used
    let chars: String = chars.replace(['"', '\''], "");
    if chars.is_empty() {
        return fail("`chars` leaves no character for the password");
    }
    Ok(Wanted { path, length, chars, encrypt: get("encrypt")?.filter(|name| !name.is_empty()), ident: get("ident")? })
}

/// `a,b,,`: parts between commas, two of which are a comma.
fn listed(text: &str) -> Vec<String> {
    let mut sets: Vec<String> = text.contains(",,").then(|| ",".to_owned()).into_iter().collect();
    sets.extend(text.replace(",,", ",").split(',').filter(|set| !set.is_empty()).map(str::to_owned));
    sets
}

/// What Python's module `string` calls so, or the characters themselves.
fn letters(set: &str) -> String {
    let range = |from: char, to: char| (from..=to).collect::<String>();
    match set {
        "ascii_letters" => range('a', 'z') + &range('A', 'Z'),
        "ascii_lowercase" => range('a', 'z'),
        "ascii_uppercase" => range('A', 'Z'),
        "digits" => range('0', '9'),
        "hexdigits" => range('0', '9') + "abcdefABCDEF",
        "octdigits" => range('0', '7'),
        "punctuation" => ('!'..='~').filter(char::is_ascii_punctuation).collect(),
        other => other.to_owned(),
    }
}

fn one(asked: &Asked, wanted: &Wanted) -> Outcome<V> {
    let run = asked.given.run;
    run.spend(1000)?;
    if !run.scope().acts() {
        return fail("a password is made up when its task's turn comes");
    }
    run.touch(true);
    let path = files::relative(run, &wanted.path)?;
    let keeps = wanted.path != "/dev/null";
    let _held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = if keeps && path.exists() { Some(files::read(run, &path)?) } else { None };
    let (password, mut salt, ident) = match &kept {
        Some(text) => parts(text.trim_end_matches('\n')),
        None => (random(&wanted.chars, wanted.length), None, None),
    };
    let mut new = kept.is_none();
    if wanted.encrypt.is_some() && salt.is_none() {
        const SALT: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./";
        salt = Some(random(SALT, 16));
        new = true;
    }
    if let (Some(kept), Some(wanted)) = (&ident, &wanted.ident)
        && kept != wanted
    {
        return fail("the `ident` of the lookup is not the one that is kept in the file");
    }
    let ident = ident.or_else(|| wanted.ident.clone());
    if new && keeps {
        let mut content = password.clone();
        if let Some(salt) = salt.as_ref().filter(|_| wanted.encrypt.is_some()) {
            content.push_str(&format!(" salt={salt}"));
            content.extend(ident.iter().map(|ident| format!(" ident={ident}")));
        }
        write(&path, &content)
            .or_else(|error| fail(format!("cannot write `{}`: {}", path.display(), crate::diagnostics::reason(&error))))?;
    }
    match &wanted.encrypt {
        None => Ok(V::from(password)),
        Some(kind) => hashed(run, &password, kind, &salt.unwrap_or_default(), None).map(V::from),
    }
}

/// `password salt=… ident=…`
fn parts(text: &str) -> (String, Option<String>, Option<String>) {
    let (rest, ident) = match text.rsplit_once(" ident=") {
        Some((rest, ident)) if text.contains(" salt=") => (rest, Some(ident.to_owned())),
        _ => (text, None),
    };
    match rest.rsplit_once(" salt=") {
        Some((password, salt)) => (password.to_owned(), Some(salt.to_owned()), ident),
        None => (text.to_owned(), None, None),
    }
}

fn random(chars: &str, length: usize) -> String {
    let chars: Vec<char> = chars.chars().collect();
    (0..length).filter_map(|_| chars.get(rand::random_range(0..chars.len().max(1)))).collect()
}

/// Whole or not at all, for nobody else to read.
fn write(path: &Path, content: &str) -> std::io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let temporary = parent.join(format!(".homelabctl-{:016x}", rand::random::<u64>()));
    let result = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}
