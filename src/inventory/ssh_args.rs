//! `ansible_ssh_args` and its two sisters: a piece of `ssh`'s command line, taken apart as ssh(1) does it.
//!
//! Only the command line's own rules are known here. What a keyword after `-o` means is ssh_config's business.

use crate::diagnostics::{Diagnostic, Diagnostics, Place};
use crate::template::words::{self, Word, WordError};

/// What the arguments say, in ssh_config's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshArguments {
    /// `Key=value` or `Key value`, as they would stand after `-o`; of two with the same keyword the first one counts.
    pub options: Vec<String>,
    /// Where each of `options` stands.
    pub places: Vec<Place>,
    /// The files after each `-i`.
    pub identity_files: Vec<String>,
    /// `-p`, or `-o Port=`: whichever comes first.
    pub port: Option<u16>,
    /// `-l`, or `-o User=`: whichever comes first.
    pub user: Option<String>,
    /// What has no effect here and may be missed.
    pub warnings: Diagnostics,
}

/// What becomes of a flag.
#[derive(Clone, Copy)]
enum Flag {
    /// Nothing: it is about the terminal, the display or the ssh program itself.
    Quiet,
    /// It is missed, and why it has no effect.
    Missed(&'static str),
    /// It sets an option.
    Sets(&'static str),
    /// With it there would be no connection on which commands can run; what to do.
    Refused(&'static str, &'static str),
    /// A value follows, which is for nothing.
    QuietValue,
    /// A value follows that is missed, and why it has no effect.
    MissedValue(&'static str),
    /// A value follows, for this keyword.
    Keyword(&'static str),
    /// A value follows that makes the connection another one; what is wrong, what to do.
    RefusedValue(&'static str, &'static str),
    /// `-i`, `-J`, `-l`, `-o`, `-p`.
    Special,
}

const NOT_FORWARDED: &str = "nothing is forwarded over the connections";
const TAKE_OUT: &str = "take it out; each connection is for commands";

/// The flags of ssh(1), of version 10.
fn meaning(letter: char) -> Option<Flag> {
    Some(match letter {
        // -C is part of what Ansible itself sets for everybody
        '2' | 'C' | 'K' | 'M' | 'T' | 'X' | 'Y' | 'g' | 'k' | 'n' | 'q' | 't' | 'v' | 'x' | 'y' => Flag::Quiet,
        '4' => Flag::Sets("AddressFamily=inet"),
        '6' => Flag::Sets("AddressFamily=inet6"),
        'A' => Flag::Sets("ForwardAgent=yes"),
        'a' => Flag::Sets("ForwardAgent=no"),
        'f' => Flag::Missed("commands are waited for"),
        '1' => Flag::Refused("asks for version 1 of the protocol, which is no more", "take it out"),
        'G' | 'V' => Flag::Refused("only prints something", TAKE_OUT),
        'N' => Flag::Refused("runs no command", TAKE_OUT),
        's' => Flag::Refused("runs a subsystem instead of a command", TAKE_OUT),
        'E' | 'S' | 'e' => Flag::QuietValue,
        'D' | 'L' | 'R' | 'w' => Flag::MissedValue(NOT_FORWARDED),
        'B' => Flag::Keyword("BindInterface"),
        'I' => Flag::Keyword("PKCS11Provider"),
        'P' => Flag::Keyword("Tag"),
        'b' => Flag::Keyword("BindAddress"),
        'c' => Flag::Keyword("Ciphers"),
        'm' => Flag::Keyword("MACs"),
        'F' => Flag::RefusedValue("names a file that is not read", "put what it says into ~/.ssh/config, which is read"),
        'O' => Flag::RefusedValue("commands another ssh", TAKE_OUT),
        'Q' => Flag::RefusedValue("only prints something", TAKE_OUT),
        'W' => Flag::RefusedValue(
            "connects to another host and runs no command",
            "to go through a jump host, write `-J HOST`, or `-o ProxyCommand=\"ssh -W %h:%p HOST\"` with the quotes",
        ),
        'J' | 'i' | 'l' | 'o' | 'p' => Flag::Special,
        _ => return None,
    })
}

/// Takes the arguments apart.
///
/// # Errors
/// All that `ssh` would not understand, and all that would make the connection another one than it is here.
pub fn parse(place: &Place) -> Result<SshArguments, Diagnostics> {
    let text = place.source.text.get(place.span.clone()).unwrap_or_default();
    let words = words::split_all(text).map_err(|WordError { at, why }| {
        let at = place.span.start + at;
        let error = Diagnostic::error(why).at(place.source.at(at..at + 1));
        error.hint("a quote that belongs to a value stands behind a backslash")
    })?;
    let mut reader = Reader { whole: place, found: SshArguments::default(), problems: Diagnostics::new() };
    // as Ansible does, and for the same reason: what a template left empty is no argument
    let mut words = words.into_iter().filter(|word| !word.text.trim().is_empty());
    while let Some(word) = words.next() {
        reader.word(&word, &mut words);
    }
    let Reader { found, mut problems, .. } = reader;
    if problems.has_errors() {
        problems.extend(found.warnings);
        return Err(problems);
    }
    Ok(found)
}

impl SshArguments {
    /// Adds what stands behind these on the same command line: of two with the same keyword the first counts.
    pub fn add(&mut self, more: Self) {
        let Self { options, places, identity_files, port, user, warnings } = more;
        self.options.extend(options);
        self.places.extend(places);
        self.identity_files.extend(identity_files);
        self.port = self.port.or(port);
        self.user = self.user.take().or(user);
        self.warnings.extend(warnings);
    }

    /// Where in these arguments something stands that was found in one of `options`, if it is one of them: those who
    /// read options know each only as a text of its own.
    pub fn place_of(&self, place: &Place) -> Option<Place> {
        let index = self.options.iter().position(|option| **option == *place.source.text)?;
        let (option, word) = (self.options.get(index)?, self.places.get(index)?);
        let written = word.source.text.get(word.span.clone()).unwrap_or_default();
        // inside quotes a column of the option is no column of the word
        if !written.ends_with(option.as_str()) {
            return Some(word.clone());
        }
        let start = word.span.end - option.len();
        Some(word.source.at(start + place.span.start..start + place.span.end.min(option.len())))
    }
}

struct Reader<'a> {
    /// Where the arguments stand.
    whole: &'a Place,
    found: SshArguments,
    problems: Diagnostics,
}

impl Reader<'_> {
    /// One word, and the one after it if it belongs to it: getopt(3).
    fn word(&mut self, word: &Word, following: &mut dyn Iterator<Item = Word>) {
        let letters = word.text.trim().strip_prefix('-').filter(|letters| !letters.is_empty());
        let Some(letters) = letters.filter(|letters| !letters.starts_with('-')) else {
            let error = Diagnostic::error(format!("`{}` is no option of ssh", word.text)).at(self.place(word));
            let hint = "a value with blanks stands in quotes: `-o ProxyCommand=\"ssh -W %h:%p HOST\"`";
            self.problems.push(error.hint(if letters.is_some() { "ssh has only options of one letter: see ssh(1)" } else { hint }));
            return;
        };
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            let Some(flag) = meaning(letter) else {
                let error = Diagnostic::error(format!("ssh has no option `-{letter}`")).at(self.place(word));
                self.problems.push(error.hint("see ssh(1)"));
                return;
            };
            match flag {
                Flag::Quiet => {}
                Flag::Missed(why) => self.missed(letter, why, word),
                Flag::Sets(option) => self.override_with(option.to_owned(), word),
                Flag::Refused(what, hint) => self.refused(letter, what, hint, word),
                _ => {
                    let inside = rest.as_str();
                    let value =
                        if inside.is_empty() { following.next() } else { Some(Word { text: inside.into(), span: word.span.clone() }) };
                    match value {
                        Some(value) => self.value(letter, flag, word, &value),
                        None => {
                            let error = Diagnostic::error(format!("`-{letter}` has no value")).at(self.place(word));
                            self.problems.push(error.hint("write the value behind it"));
                        }
                    }
                    return;
                }
            }
        }
    }

    fn value(&mut self, letter: char, flag: Flag, word: &Word, value: &Word) {
        let text = value.text.trim();
        match flag {
            Flag::MissedValue(why) => self.missed(letter, why, word),
            Flag::RefusedValue(what, hint) => self.refused(letter, what, hint, word),
            Flag::Keyword(keyword) => self.override_with(format!("{keyword}={}", quoted(text)), value),
            Flag::Special => match letter {
                'i' => self.found.identity_files.push(text.to_owned()),
                'l' => first(&mut self.found.user, text.to_owned()),
                'o' => self.option(text, value),
                'p' => match port(text) {
                    Some(port) => first(&mut self.found.port, port),
                    None => {
                        let error = Diagnostic::error(format!("`{text}` is no port")).at(self.place(value));
                        self.problems.push(error.hint("ports are numbers from 1 to 65535"));
                    }
                },
                _ => self.jump(text, value),
            },
            _ => {}
        }
    }

    /// What stands after `-o`.
    fn option(&mut self, text: &str, word: &Word) {
        let (keyword, value) = keyword(text);
        // a value in quotes, or with a comment behind it, is left to those who know the rules of the file
        let plain = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || "\"'\\#=".contains(c));
        match keyword.to_ascii_lowercase().as_str() {
            // there is one connection a host, whatever they say
            "controlmaster" | "controlpath" | "controlpersist" => {}
            "user" if plain => first(&mut self.found.user, value.to_owned()),
            "port" if plain && port(value).is_some() => {
                if let Some(port) = port(value) {
                    first(&mut self.found.port, port);
                }
            }
            _ => {
                self.found.options.push(text.to_owned());
                let place = self.place(word);
                self.found.places.push(place);
            }
        }
    }

    fn jump(&mut self, text: &str, word: &Word) {
        for (other, place) in self.found.options.iter().zip(&self.found.places) {
            let (what, hint) = match keyword(other).0.to_ascii_lowercase().as_str() {
                "proxyjump" => ("the jump hosts are given twice", "several jump hosts are written with commas: `-J first,second`"),
                "proxycommand" => ("jump hosts are given beside a ProxyCommand", "take one of the two out"),
                _ => continue,
            };
            let error = Diagnostic::error(what).at(self.place(word)).also(place.clone(), "the other one");
            self.problems.push(error.hint(hint));
            return;
        }
        self.option(&format!("ProxyJump={text}"), word);
    }

    /// A flag of its own counts, whatever an `-o` before it says.
    fn override_with(&mut self, option: String, word: &Word) {
        self.found.options.insert(0, option);
        let place = self.place(word);
        self.found.places.insert(0, place);
    }

    fn missed(&mut self, letter: char, why: &str, word: &Word) {
        self.found.warnings.push(Diagnostic::warning(format!("`-{letter}` has no effect")).at(self.place(word)).label(why));
    }

    fn refused(&mut self, letter: char, what: &str, hint: &str, word: &Word) {
        self.problems.push(Diagnostic::error(format!("`-{letter}` {what}")).at(self.place(word)).hint(hint));
    }

    fn place(&self, word: &Word) -> Place {
        self.whole.source.at(self.whole.span.start + word.span.start..self.whole.span.start + word.span.end)
    }
}

fn first<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

/// A keyword ends at a blank, a quote or one `=`.
fn keyword(option: &str) -> (&str, &str) {
    let option = option.trim_start();
    let (keyword, rest) = option.split_at(option.find(|c: char| c.is_ascii_whitespace() || c == '"' || c == '=').unwrap_or(option.len()));
    let rest = rest.trim_start();
    (keyword, rest.strip_prefix('=').unwrap_or(rest).trim())
}

fn port(text: &str) -> Option<u16> {
    if text == "ssh" { Some(22) } else { text.parse().ok().filter(|port| *port > 0) }
}

/// In a file some characters need quotes that on the command line are nothing special.
fn quoted(value: &str) -> String {
    if !value.contains(|c: char| c.is_whitespace() || "\"'\\#=".contains(c)) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;
