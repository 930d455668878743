//! The guard: what a command of a playbook would do to disks, seen before it runs.
//!
//! [`of_words`] and [`of_shell`] judge the words alone; [`permit`] looks at what they name.

mod permit;
mod programs;
mod shell;
#[cfg(test)]
mod tests;
mod wrappers;

pub use permit::permit;
pub use programs::Does;

use programs::{Effect, effect, is_destructive, is_no_disk, mentions};
use shell::{Commands, Simple, Word};
use wrappers::{Inner, unwrapped};

/// What a command would do to disks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// What it writes to, in its order.
    pub writes: Vec<Write>,
    /// What cannot be seen before it runs.
    pub unseen: Vec<Unseen>,
}

/// A program that writes to what one of its words names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The program; `>` for a redirection.
    pub program: String,
    /// What it does.
    pub does: Does,
    /// A path, or the name of a volume group.
    pub operand: String,
}

/// A program that writes to disks, and nobody can say to which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// The program.
    pub program: String,
    /// Why not.
    pub why: String,
}

impl Judgement {
    /// Whether it does nothing to any disk.
    pub fn is_harmless(&self) -> bool {
        self.writes.is_empty() && self.unseen.is_empty()
    }

    fn unseen(&mut self, program: &str, why: impl Into<String>) {
        let unseen = Unseen { program: program.to_owned(), why: why.into() };
        if !self.unseen.contains(&unseen) {
            self.unseen.push(unseen);
        }
    }

    fn add(&mut self, other: Judgement) {
        self.writes.extend(other.writes);
        self.unseen.extend(other.unseen);
    }
}

/// How deep texts may stand in texts: `bash -c`, `eval`.
const DEEPEST: u32 = 8;

/// Of a program and its arguments, as they are, and the text that it reads.
pub fn of_words(argv: &[String], input: Option<&str>) -> Judgement {
    let (words, input) = (argv.iter().map(Word::literal).collect(), input.map(Word::literal));
    let commands = Commands { simple: vec![Simple { words, input, ..Simple::default() }], ..Commands::default() };
    Guard { text: &argv.join(" "), depth: 0, found: Judgement::default() }.all(&commands)
}

/// Of a text that a shell runs, and what its programs read.
pub fn of_shell(text: &str, input: Option<&str>) -> Judgement {
    of_text(text, input, 0)
}

/// Of a text in a language that is not read here.
pub fn of_unknown(text: &str, language: &str) -> Judgement {
    let mut found = Judgement::default();
    if mentions(text) {
        found.unseen(language, "a program that writes to disks is named in it, and it is not understood here");
    }
    found
}

/// What a text does that this program runs: a shell's, or one of another language, which is not read here.
pub fn of_text_for(program: &str, text: &str, input: Option<&str>) -> Judgement {
    let name = program.rsplit('/').next().unwrap_or(program);
    match name {
        "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh" | "rbash" => of_shell(text, input),
        other => of_unknown(text, other),
    }
}

/// What a script's file does: its first line says for whom it is.
pub fn of_script(executable: Option<&str>, content: &[u8]) -> Judgement {
    let text = String::from_utf8_lossy(content);
    let first = text.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap_or("/bin/sh");
    let words: Vec<&str> = executable.unwrap_or(first).split_whitespace().collect();
    // `env` runs what is named behind it
    let is_env = |word: &&&str| !word.starts_with('-') && word.rsplit('/').next() != Some("env");
    of_text_for(words.iter().find(is_env).copied().unwrap_or("sh"), &text, None)
}

fn of_text(text: &str, input: Option<&str>, depth: u32) -> Judgement {
    match shell::read(text) {
        _ if depth > DEEPEST => of_unknown(text, "the shell"),
        Ok(mut commands) => {
            for simple in commands.simple.iter_mut().filter(|simple| simple.input.is_none() && !simple.is_piped) {
                simple.input = input.map(Word::literal);
            }
            Guard { text, depth, found: Judgement::default() }.all(&commands)
        }
        Err(why) => {
            let mut found = Judgement::default();
            if mentions(text) {
                found.unseen("the shell", format!("a program that writes to disks is named in the text, which is not understood: {why}"));
            }
            found
        }
    }
}

struct Guard<'a> {
    text: &'a str,
    depth: u32,
    found: Judgement,
}

impl Guard<'_> {
    fn all(mut self, commands: &Commands) -> Judgement {
        let is_disk = |word: &Word| word.text.contains("/dev/") && !(word.is_literal && is_no_disk(&word.text));
        let disks: Vec<&str> = commands.variables.iter().filter(|(_, word)| is_disk(word)).map(|(name, _)| name.as_str()).collect();
        let mut directory = Directory::Tasks;
        for simple in &commands.simple {
            self.outputs(simple, &disks);
            self.command(simple, &disks, &directory);
            directory = directory.after(&simple.words);
        }
        self.found
    }

    fn outputs(&mut self, simple: &Simple, disks: &[&str]) {
        for word in &simple.outputs {
            if word.text.starts_with("/dev/") && !is_no_disk(&word.text) && word.is_literal {
                self.found.writes.push(Write { program: ">".into(), does: Does::Overwrites, operand: word.text.clone() });
            } else if !word.is_literal && (word.text.starts_with("/dev/") && !is_no_disk(&word.text) || uses(&word.text, disks)) {
                self.found.unseen(">", format!("{:?} is filled in only when it runs", word.text));
            }
        }
    }

    fn command(&mut self, simple: &Simple, disks: &[&str], directory: &Directory) {
        let Some(inner) = unwrapped(&simple.words) else { return };
        match inner {
            Inner::Program { words, from_input } => self.program(words, from_input, disks, directory),
            Inner::Several(commands) => {
                for words in commands {
                    self.command(&Simple { words, ..Simple::default() }, disks, directory);
                }
            }
            Inner::Text(word) if word.is_literal => self.found.add(of_text(&word.text, None, self.depth + 1)),
            Inner::Text(word) => {
                if mentions(&word.text) || mentions(self.text) {
                    self.found.unseen("the shell", format!("the text {:?} is filled in only when it runs", word.text));
                }
            }
            Inner::Input => match &simple.input {
                Some(word) if word.is_literal => self.found.add(of_text(&word.text, None, self.depth + 1)),
                Some(word) if mentions(&word.text) => {
                    self.found.unseen("the shell", "the text that it reads is filled in only when it runs")
                }
                None if simple.is_piped && mentions(self.text) => {
                    self.found.unseen("the shell", "the text that it runs comes from another program");
                }
                _ => {}
            },
            Inner::Elsewhere(text) => {
                if mentions(&text) && !of_text(&text, None, self.depth + 1).is_harmless() {
                    self.found.unseen("ssh", "it runs on another machine, which is not looked at");
                }
            }
            Inner::Foreign { program, text } => self.found.add(of_unknown(&text, &program)),
        }
    }

    fn program(&mut self, words: &[Word], from_input: bool, disks: &[&str], directory: &Directory) {
        let Some((program, arguments)) = words.split_first() else { return };
        if !program.is_literal {
            if mentions(self.text) {
                self.found.unseen(&program.text, "the program is filled in only when it runs, and one that writes to disks is named");
            }
            return;
        }
        let name = program.text.rsplit('/').next().unwrap_or(&program.text);
        // `env -S TEXT`, `watch TEXT`
        if program.text.contains(char::is_whitespace) && mentions(&program.text) {
            return self.found.unseen("the shell", format!("the text {:?} stands where a program is expected", program.text));
        }
        if from_input && is_destructive(name) {
            return self.found.unseen(name, "what it writes to comes from another program");
        }
        if let Some(word) = arguments.iter().find(|word| !word.is_literal && uses(&word.text, disks))
            && matches!(name, "tee" | "cp" | "mv" | "install" | "truncate" | "sponge")
        {
            return self.found.unseen(name, format!("{:?} is filled in only when it runs", word.text));
        }
        match effect(name, arguments) {
            Effect::None => {}
            Effect::Unseen(why) => self.found.unseen(name, why),
            Effect::Acts(acts) => {
                for (does, word) in acts {
                    let is_path = !matches!(does, Does::Carves) && (does != Does::Makes || word.text.starts_with('/'));
                    let operand = match (is_path && !word.text.starts_with('/'), directory) {
                        (true, Directory::Is(above)) => format!("{}/{}", above.trim_end_matches('/'), word.text),
                        (true, Directory::Unknown) => {
                            self.found.unseen(name, format!("{:?} is below a directory that is not known before it runs", word.text));
                            continue;
                        }
                        _ => word.text,
                    };
                    self.found.writes.push(Write { program: name.to_owned(), does, operand });
                }
            }
        }
    }
}

/// Where the shell stands.
enum Directory {
    /// Where the task has it begin.
    Tasks,
    Is(String),
    Unknown,
}

impl Directory {
    fn after(self, words: &[Word]) -> Self {
        match words {
            [program, rest @ ..] if matches!(program.text.as_str(), "cd" | "pushd" | "popd") => match rest {
                [to] if to.is_literal && to.text.starts_with('/') => Self::Is(to.text.clone()),
                _ => Self::Unknown,
            },
            _ => self,
        }
    }
}

/// Whether one of these variables stands in a text.
fn uses(text: &str, variables: &[&str]) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split('$').skip(1).any(|rest| {
        let rest = rest.trim_start_matches(['{', '!', '#']);
        let name = rest.split(|c: char| !is_name(c)).next().unwrap_or_default();
        variables.contains(&name)
    })
}
