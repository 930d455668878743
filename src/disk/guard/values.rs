//! What the variables of a shell's text may hold: the name of a program that writes to disks, a device.

use super::programs::{is_destructive, is_no_disk, mentions};
use super::shell::{Commands, Simple, Word};

/// How often one variable may stand in the value of another.
const DEEPEST: u32 = 4;

/// A text and the variables that it gives values.
pub(super) struct Values<'a> {
    pub text: &'a str,
    pub commands: &'a Commands,
}

impl Values<'_> {
    /// Whether a program that writes to disks is named in a text, or in the values of its variables.
    pub fn name(&self, text: &str) -> bool {
        self.name_in(text, 0)
    }

    fn name_in(&self, text: &str, depth: u32) -> bool {
        mentions(text) || depth < DEEPEST && variables(text).into_iter().any(|name| self.name_in_value(name, depth))
    }

    fn name_in_value(&self, name: &str, depth: u32) -> bool {
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return self.given().any(names_a_call);
        }
        self.is_read(name) && mentions(self.text) || self.of(name).any(|value| self.name_in(&value.text, depth + 1))
    }

    /// Whether one is named in what a command of this pipeline runs or reads.
    pub fn name_in_pipeline(&self, pipeline: usize) -> bool {
        if pipeline == 0 {
            return mentions(self.text);
        }
        self.commands.simple.iter().filter(|simple| simple.pipeline == pipeline).any(|simple| {
            let is_function = simple.words.first().is_some_and(|word| self.commands.functions.contains(&word.text));
            is_function && mentions(self.text) || simple.words.iter().chain(&simple.input).any(|word| self.name(&word.text))
        })
    }

    /// Whether a word that is filled in later may be a device.
    pub fn is_device(&self, text: &str) -> bool {
        self.is_device_in(text, 0)
    }

    fn is_device_in(&self, text: &str, depth: u32) -> bool {
        if text.starts_with("$(") || text.starts_with('`') {
            return text.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with([')', '`']) && tells_devices(text);
        }
        let Some((name, inside, rest)) = first_variable(text) else { return false };
        if depth >= DEEPEST {
            return false;
        }
        let is_whole = may_end_a_device(rest);
        if is_whole && (names_a_device(inside) || self.is_read(name)) {
            return true;
        }
        let is_parameter = name.starts_with(|c: char| !(c.is_ascii_alphabetic() || c == '_'));
        if is_parameter && is_whole && self.given().flatten().any(|word| names_a_device(&word.text)) {
            return true;
        }
        self.of(name).any(|value| match rest.strip_prefix('/') {
            Some(_) => value.text == "/dev" || value.text.starts_with("/dev/") && !is_no_disk(&format!("{}{rest}", value.text)),
            None => is_whole && self.is_device_value(value, depth),
        })
    }

    fn is_device_value(&self, value: &Word, depth: u32) -> bool {
        if value.text.starts_with('/') {
            return names_a_device(&value.text) && value.text.starts_with("/dev/");
        }
        names_a_device(&value.text) || !value.is_literal && (tells_devices(&value.text) || self.is_device_in(&value.text, depth + 1))
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &Word> {
        self.commands.variables.iter().filter(move |(variable, _)| variable == name).map(|(_, value)| value)
    }

    /// Whether a variable is read from some input.
    fn is_read(&self, name: &str) -> bool {
        let reads =
            |simple: &&Simple| simple.words.first().is_some_and(|word| matches!(word.text.as_str(), "read" | "mapfile" | "readarray"));
        self.commands.simple.iter().filter(reads).any(|simple| simple.words.iter().skip(1).any(|word| word.text == name))
    }

    /// The words behind the functions that are called, and behind `set`.
    fn given(&self) -> impl Iterator<Item = &[Word]> {
        self.commands.simple.iter().filter_map(|simple| {
            let (program, rest) = simple.words.split_first()?;
            (program.text == "set" || self.commands.functions.contains(&program.text)).then_some(rest)
        })
    }
}

/// Whether a program that writes to disks stands in these words with something behind it to write to.
pub(super) fn names_a_call(words: &[Word]) -> bool {
    words.iter().enumerate().any(|(index, word)| {
        let is_text = word.text.contains(char::is_whitespace) && mentions(&word.text);
        let name = word.text.rsplit('/').next().unwrap_or(&word.text);
        let has_operand = || words.iter().skip(index + 1).any(|word| !word.is_literal || word.text.contains('/'));
        is_text || is_destructive(name) && has_operand()
    })
}

/// Whether a path below /dev that may be a disk stands in a text.
pub(super) fn names_a_device(text: &str) -> bool {
    let is_path = |c: char| c.is_ascii_alphanumeric() || "_-./:+".contains(c);
    text == "/dev"
        || text.match_indices("/dev/").any(|(at, _)| {
            let rest = text.get(at..).unwrap_or_default();
            !is_no_disk(rest.split(|c: char| !is_path(c)).next().unwrap_or_default())
        })
}

/// Whether a program that tells the names of devices is called in a text.
fn tells_devices(text: &str) -> bool {
    const TELLERS: [&str; 5] = ["lsblk", "blkid", "readlink", "realpath", "findfs"];
    names_a_device(text) || text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).any(|word| TELLERS.contains(&word))
}

/// Whether what stands behind a disk's name leaves it one, or makes it a partition.
fn may_end_a_device(rest: &str) -> bool {
    let number = rest.strip_prefix("-part").or_else(|| rest.strip_prefix('p')).unwrap_or(rest);
    number.bytes().all(|byte| byte.is_ascii_digit()) || number.starts_with('$')
}

/// The variable that a word begins with, what else its braces hold, and what stands behind it.
fn first_variable(text: &str) -> Option<(&str, &str, &str)> {
    let after = text.strip_prefix('$')?;
    match after.strip_prefix('{') {
        Some(inner) => {
            let (inside, rest) = inner.split_once('}')?;
            let name = variable_name(inside.trim_start_matches(['!', '#']));
            Some((name, inside, rest))
        }
        None => {
            let name = variable_name(after);
            Some((name, "", after.get(name.len()..).unwrap_or_default()))
        }
    }
}

fn variable_name(text: &str) -> &str {
    let end = match text.chars().next() {
        Some(c) if c.is_ascii_digit() || "@*".contains(c) => 1,
        _ => text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len()),
    };
    text.get(..end).unwrap_or_default()
}

/// The variables that stand in a text.
fn variables(text: &str) -> Vec<&str> {
    text.split('$').skip(1).map(|rest| variable_name(rest.trim_start_matches(['{', '!', '#']))).filter(|name| !name.is_empty()).collect()
}
