//! The guard: what a command of a playbook would do to disks, seen before it runs.
//!
//! [`of_words`] and [`of_shell`] judge the words alone; [`permit`] looks at what they name.

mod others;
mod parted;
mod permit;
mod programs;
mod shell;
#[cfg(test)]
mod tests;
mod values;
mod wrappers;

use permit::is_group;
pub use permit::permit;
pub use programs::Does;

use programs::{Effect, effect, is_destructive, is_no_disk, mentions};
use shell::{Commands, Simple, Word};
use values::Values;
use wrappers::{Inner, changed_directory, unwrapped};

/// What a command would do to disks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// What it writes to, in its order.
    pub writes: Vec<Write>,
    /// What cannot be seen before it runs.
    pub unseen: Vec<Unseen>,
    /// Whether the text has conditions: then it may be that it would not write at all.
    pub is_conditional: bool,
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
        self.is_conditional |= other.is_conditional;
    }
}

/// How deep texts may stand in texts: `bash -c`, `eval`.
const DEEPEST: u32 = 8;

/// Of a program and its arguments, as they are, and the text that it reads.
pub fn of_words(argv: &[String], input: Option<&str>) -> Judgement {
    let (words, input) = (argv.iter().map(Word::literal).collect(), input.map(Word::literal));
    let commands = Commands { simple: vec![Simple { words, input, ..Simple::default() }], ..Commands::default() };
    Guard::new(&argv.join(" "), &commands, &Around::default()).all()
}

/// Of a text that a shell runs, and what its programs read.
pub fn of_shell(text: &str, input: Option<&str>) -> Judgement {
    of_text(text, input, &Around::default())
}

/// Of a text in a language that is not read here.
pub fn of_unknown(text: &str, language: &str) -> Judgement {
    let mut found = Judgement::default();
    if mentions(text) {
        found.unseen(language, "a program that writes to disks is named in it, and it is not understood here");
    }
    found
}

/// What a text finds when it begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setting<'a> {
    /// What its programs read.
    pub input: Option<&'a str>,
    /// Where it runs.
    pub directory: Option<&'a str>,
    /// Variables that it is given.
    pub environment: &'a [(String, String)],
}

/// What a text does that this program runs: a shell's, or one of another language, which is not read here.
pub fn of_text_for(program: &str, text: &str, setting: Setting<'_>) -> Judgement {
    let name = program.rsplit('/').next().unwrap_or(program);
    let directory = setting.directory.filter(|path| path.starts_with('/'));
    let directory = directory.map_or(Directory::Tasks, |path| Directory::Is(path.to_owned()));
    let environment = setting.environment.iter().map(|(name, value)| (name.clone(), Word::literal(value))).collect();
    match name {
        "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh" | "rbash" => {
            of_text(text, setting.input, &Around { directory, environment, ..Around::default() })
        }
        other => of_unknown(text, other),
    }
}

/// What a script's file does: its first line says for whom it is.
pub fn of_script(executable: Option<&str>, content: &[u8], setting: Setting<'_>) -> Judgement {
    let text = String::from_utf8_lossy(content);
    let first = text.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap_or("/bin/sh");
    let words: Vec<&str> = executable.unwrap_or(first).split_whitespace().collect();
    // `env` runs what is named behind it
    let is_env = |word: &&&str| !word.starts_with('-') && word.rsplit('/').next() != Some("env");
    of_text_for(words.iter().find(is_env).copied().unwrap_or("sh"), &text, setting)
}

fn of_text(text: &str, input: Option<&str>, around: &Around) -> Judgement {
    match shell::read(text) {
        _ if around.depth > DEEPEST => of_unknown(text, "the shell"),
        Ok(mut commands) => {
            for simple in commands.simple.iter_mut().filter(|simple| simple.input.is_none() && (!simple.is_piped || simple.is_called)) {
                simple.input = input.map(Word::literal);
            }
            commands.variables.extend(around.environment.iter().cloned());
            Guard::new(text, &commands, around).all()
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

/// What a text in a text begins with.
#[derive(Clone, Default)]
struct Around {
    depth: u32,
    directory: Directory,
    /// Words of commands that gave a device another name.
    links: Vec<String>,
    /// Variables that it is given.
    environment: Vec<(String, Word)>,
}

struct Guard<'a> {
    values: Values<'a>,
    around: Around,
    found: Judgement,
}

impl<'a> Guard<'a> {
    fn new(text: &'a str, commands: &'a Commands, around: &Around) -> Self {
        Self { values: Values { text, commands }, around: around.clone(), found: Judgement::default() }
    }

    fn all(mut self) -> Judgement {
        let commands = self.values.commands;
        self.found.is_conditional = commands.is_conditional;
        // where each subshell stands; it begins where the one around it does
        let mut directories = vec![Some(self.around.directory.clone())];
        directories.resize(commands.scopes.len() + 1, None);
        for simple in &commands.simple {
            let mut from = simple.scope;
            while from > 0 && directories.get(from).is_none_or(Option::is_none) {
                from = commands.scopes.get(from - 1).copied().unwrap_or_default();
            }
            self.around.directory = directories.get(from).cloned().flatten().unwrap_or_default();
            self.outputs(simple);
            self.command(simple);
            let after = self.around.directory.clone().after(&simple.words);
            directories.get_mut(simple.scope).into_iter().for_each(|directory| *directory = Some(after.clone()));
        }
        self.found
    }

    fn outputs(&mut self, simple: &Simple) {
        for word in &simple.outputs {
            let path = self.around.directory.path(&word.text);
            if !word.is_literal {
                if path.starts_with("/dev/") && !is_no_disk(&path) || self.values.is_device(&word.text) {
                    self.found.unseen(">", format!("{:?} is filled in only when it runs", word.text));
                }
            } else if path.starts_with("/dev/") && !is_no_disk(&path) {
                self.found.writes.push(Write { program: ">".into(), does: Does::Overwrites, operand: path });
            } else if self.around.links.iter().any(|link| word.text == *link || word.text.starts_with(&format!("{link}/"))) {
                self.found.unseen(">", format!("{:?} is made another name of a device before", word.text));
            }
        }
    }

    fn inner(&self) -> Around {
        Around { depth: self.around.depth + 1, ..self.around.clone() }
    }

    fn command(&mut self, simple: &Simple) {
        let Some(inner) = unwrapped(&simple.words) else { return };
        let around = self.around.directory.clone();
        if let Some(directory) = changed_directory(&simple.words) {
            self.around.directory = directory;
        }
        self.inner_command(inner, simple);
        self.around.directory = around;
    }

    fn inner_command(&mut self, inner: Inner<'_>, simple: &Simple) {
        match inner {
            Inner::Program { words, from_input } => self.program(words, from_input, simple),
            Inner::Several(commands) => {
                for words in commands {
                    self.command(&Simple { words, ..simple.clone() });
                }
            }
            Inner::Text(word) if word.is_literal => self.found.add(of_text(&word.text, None, &self.inner())),
            Inner::Text(word) => {
                let is_piped = simple.is_piped && self.values.name_in_pipeline(simple.pipeline);
                if self.values.name(&word.text) || is_piped || !of_text(&word.text, None, &self.inner()).is_harmless() {
                    self.found.unseen("the shell", format!("the text {:?} is filled in only when it runs", word.text));
                }
            }
            Inner::Input => {
                match &simple.input {
                    Some(word) if word.is_literal => self.found.add(of_text(&word.text, None, &self.inner())),
                    Some(word) if self.values.name(&word.text) => {
                        self.found.unseen("the shell", "the text that it reads is filled in only when it runs");
                    }
                    _ => {}
                }
                if self.reads_a_name(simple) {
                    self.found.unseen("the shell", "the text that it runs comes from another program");
                }
            }
            Inner::Elsewhere(text) => {
                if mentions(&text) && !of_text(&text, None, &self.inner()).is_harmless() {
                    self.found.unseen("ssh", "it runs on another machine, which is not looked at");
                }
            }
            Inner::Contained { program, words } => {
                if (0..words.len()).any(|from| self.may_write(words.get(from..).unwrap_or_default())) {
                    self.found.unseen(program, "it runs in a container, which is not looked at");
                }
            }
            Inner::Foreign { program, text } => self.foreign(&program, self.values.name(&text.text)),
            Inner::ForeignInput { program } => {
                let is_named = simple.input.as_ref().is_some_and(|word| match word.is_literal {
                    true => mentions(&word.text),
                    false => self.values.name(&word.text),
                });
                self.foreign(&program, is_named || self.reads_a_name(simple));
            }
        }
    }

    /// Whether these words are a call that writes to a device, or to what cannot be seen.
    fn may_write(&self, words: &[Word]) -> bool {
        let Some(program) = words.first() else { return false };
        let name = program.text.rsplit('/').next().unwrap_or(&program.text);
        if !is_destructive(name) && !wrappers::is_shell(name) {
            return false;
        }
        let commands = Commands { simple: vec![Simple { words: words.to_vec(), ..Simple::default() }], ..Commands::default() };
        let found = Guard::new(self.values.text, &commands, &self.inner()).all();
        !found.unseen.is_empty() || found.writes.iter().any(|write| is_group(write) || write.operand.starts_with("/dev/"))
    }

    /// Whether a program that writes to disks may be named in what it reads from another one.
    fn reads_a_name(&self, simple: &Simple) -> bool {
        let is_piped = simple.is_piped && simple.input.is_none() && self.values.name_in_pipeline(simple.pipeline);
        is_piped || simple.is_called && mentions(self.values.text)
    }

    fn foreign(&mut self, program: &str, is_named: bool) {
        if is_named {
            self.found.unseen(program, "a program that writes to disks is named in its text, which is not understood here");
        }
    }

    fn program(&mut self, words: &[Word], from_input: bool, simple: &Simple) {
        let Some((program, arguments)) = words.split_first() else { return };
        if !program.is_literal {
            if self.values.name(&program.text) {
                self.found.unseen(&program.text, "the program is filled in only when it runs, and one that writes to disks is named");
            } else {
                // it may be `sudo` with its options, or nothing at all
                let words = std::iter::once(Word::literal("sudo")).chain(arguments.iter().cloned()).collect();
                self.command(&Simple { words, ..simple.clone() });
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
        if gives_names(name, arguments) {
            let paths = arguments.iter().map(|word| word.text.clone()).filter(|text| text.contains('/') && !text.starts_with("/dev/"));
            return self.around.links.extend(paths);
        }
        if let Some(word) = targets(name, arguments).iter().find(|word| !word.is_literal && self.values.is_device(&word.text)) {
            return self.found.unseen(name, format!("{:?} is filled in only when it runs", word.text));
        }
        match effect(name, &self.around.directory.below_dev(name, arguments)) {
            Effect::None => {}
            Effect::Unseen(why) => self.found.unseen(name, why),
            Effect::Acts(acts) => {
                for (does, word) in acts {
                    let is_path = !matches!(does, Does::Carves) && (does != Does::Makes || word.text.starts_with('/'));
                    let is_relative = is_path && !word.text.starts_with('/');
                    if is_relative && self.around.directory == Directory::Unknown {
                        self.found.unseen(name, format!("{:?} is below a directory that is not known before it runs", word.text));
                        continue;
                    }
                    let operand = if is_relative { self.around.directory.path(&word.text) } else { word.text };
                    if is_path && !self.around.links.is_empty() && !operand.starts_with("/dev/") {
                        self.found.unseen(name, format!("{operand:?} may be another name of a device, which is made before"));
                    } else if !(operand.starts_with("/dev/") && is_no_disk(&operand)) {
                        self.found.writes.push(Write { program: name.to_owned(), does, operand });
                    }
                }
            }
        }
    }
}

/// Whether a program gives a device another name.
fn gives_names(name: &str, arguments: &[Word]) -> bool {
    match name {
        "ln" => arguments.iter().any(|word| values::names_a_device(&word.text)),
        "mknod" => arguments.iter().any(|word| word.text == "b"),
        _ => false,
    }
}

/// Where programs write that write wherever they are told.
fn targets<'w>(name: &str, arguments: &'w [Word]) -> &'w [Word] {
    match name {
        "tee" | "truncate" | "sponge" | "wget" | "curl" => arguments,
        "qemu-img" => arguments,
        "cp" | "mv" | "install" => arguments.get(arguments.len().saturating_sub(1)..).unwrap_or_default(),
        _ => &[],
    }
}

/// Where the shell stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Directory {
    /// Where the task has it begin.
    #[default]
    Tasks,
    Is(String),
    Unknown,
}

impl Directory {
    fn after(self, words: &[Word]) -> Self {
        let words = words.strip_prefix(&[Word::literal("command")]).or(words.strip_prefix(&[Word::literal("builtin")])).unwrap_or(words);
        let Some((program, rest)) = words.split_first() else { return self };
        if !matches!(program.text.as_str(), "cd" | "pushd" | "popd") {
            return self;
        }
        let to: Vec<&Word> = rest.iter().filter(|word| !matches!(word.text.as_str(), "-P" | "-L" | "-e" | "--")).collect();
        match (to.as_slice(), &self) {
            ([to], _) if to.is_literal && to.text.starts_with('/') => Self::Is(to.text.clone()),
            ([to], Self::Is(_)) if to.is_literal && !to.text.starts_with(['-', '+']) => Self::Is(self.path(&to.text)),
            _ => Self::Unknown,
        }
    }

    /// That path, as far as it is known.
    fn path(&self, path: &str) -> String {
        match self {
            Self::Is(above) if !path.starts_with('/') => format!("{}/{path}", above.trim_end_matches('/')),
            _ => path.to_owned(),
        }
    }

    /// The words of a program that writes wherever it is told, with those that are below /dev in full.
    fn below_dev(&self, name: &str, arguments: &[Word]) -> Vec<Word> {
        let is_below =
            matches!(self, Self::Is(above) if above == "/dev" || above.starts_with("/dev/")) && !targets(name, arguments).is_empty();
        let in_full = |word: &Word| match is_below && word.is_literal && !word.text.starts_with('-') {
            true => Word::literal(self.path(&word.text)),
            false => word.clone(),
        };
        arguments.iter().map(in_full).collect()
    }
}
