//! What a shell's text runs: its simple commands, however they are nested, with what is known of their words.
//!
//! As sh and bash read it (POSIX.1-2017, XCU 2; bash(1)), as far as it matters for which programs run with which words. What
//! is not understood is an error, never a guess.

mod compound;
mod word;

use compound::{Compound, Ended};

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// It, without its quotes; what is filled in later stands there as it is written.
    pub text: String,
    /// Whether that is what the program gets: nothing in it is filled in.
    pub is_literal: bool,
}

impl Word {
    pub fn literal(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_literal: true }
    }
}

/// A command without others in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Simple {
    /// The program and its arguments.
    pub words: Vec<Word>,
    /// Files that its output goes to.
    pub outputs: Vec<Word>,
    /// What it reads, where that stands in the text.
    pub input: Option<Word>,
    /// Whether it reads what another program writes.
    pub is_piped: bool,
    /// Whether it stands in a function, and reads what its callers read as well.
    pub is_called: bool,
    /// Which pipeline it stands in; 0 for one that begins with a compound command.
    pub pipeline: usize,
    /// Which subshell it runs in; 0 for none.
    pub scope: usize,
}

/// What a text runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Commands {
    /// In the order in which they stand there.
    pub simple: Vec<Simple>,
    /// Variables and what they are given, each word of a loop's list too.
    pub variables: Vec<(String, Word)>,
    /// Functions that are defined in it.
    pub functions: Vec<String>,
    /// Of every subshell, from 1, the one it stands in.
    pub scopes: Vec<usize>,
    /// Whether some run only under a condition: `if`, `case`, `&&`, `||`, `while`.
    pub is_conditional: bool,
}

/// How deep commands may be nested.
const DEEPEST: u32 = 40;

/// Reads a text.
///
/// # Errors
/// What is not understood.
pub(super) fn read(text: &str) -> Result<Commands, String> {
    nested(text, 0)
}

fn nested(text: &str, depth: u32) -> Result<Commands, String> {
    let chars = text.chars().collect();
    let mut reader = Reader {
        chars,
        at: 0,
        depth,
        scope: 0,
        pipelines: 0,
        commands: Commands::default(),
        waiting: Vec::new(),
        open: Vec::new(),
        ended: Vec::new(),
        inherit: Vec::new(),
        defines: false,
    };
    reader.list(None)?;
    reader.hand_in();
    reader.commands.simple.retain(|simple| !simple.words.is_empty() || !simple.outputs.is_empty() || simple.input.is_some());
    Ok(reader.commands)
}

/// A text behind `<<` that is read once the line ends.
struct Waiting {
    /// Which command reads it.
    command: usize,
    delimiter: Word,
    without_tabs: bool,
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    depth: u32,
    scope: usize,
    pipelines: usize,
    commands: Commands,
    waiting: Vec<Waiting>,
    /// Compound commands that the place stands in.
    open: Vec<Compound>,
    /// Those that ended, the inner ones first.
    ended: Vec<Ended>,
    /// Commands that read from the pipe that a compound command reads from.
    inherit: Vec<usize>,
    /// Whether the name of a function stands before.
    defines: bool,
}

/// Where a list stands in a `case`.
#[derive(Default)]
struct Cases {
    depth: u32,
    in_pattern: bool,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn ahead(&self, by: usize) -> Option<char> {
        self.chars.get(self.at + by).copied()
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, c)| self.ahead(index) == Some(c))
    }

    fn skip(&mut self, text: &str) -> bool {
        let starts = self.starts(text);
        if starts {
            self.at += text.chars().count();
        }
        starts
    }

    fn blanks(&mut self) {
        while self.skip("\\\n") || self.skip(" ") || self.skip("\t") || self.skip("\r") {}
    }

    /// Begins the command that reads what this one writes.
    fn pipe(&mut self, now: usize) -> usize {
        // a compound command writes what any of its commands does
        let pipeline = self.commands.simple.get(now).filter(|simple| !simple.words.is_empty()).map_or(0, |simple| simple.pipeline);
        self.commands.simple.push(Simple { is_piped: true, pipeline, scope: self.scope, ..Simple::default() });
        self.commands.simple.len() - 1
    }

    /// All up to the closing parenthesis, in a shell of its own.
    fn subshell(&mut self) -> Result<(), String> {
        let outer = self.scope;
        self.commands.scopes.push(outer);
        self.scope = self.commands.scopes.len();
        let read = self.list(Some(')'));
        self.scope = outer;
        read
    }

    /// Takes in what a text in this one runs, in a shell of its own.
    fn absorb(&mut self, found: Commands) {
        self.commands.scopes.push(self.scope);
        let (scope, pipelines) = (self.commands.scopes.len(), self.pipelines);
        self.commands.scopes.extend(found.scopes.into_iter().map(|outer| outer + scope));
        for mut simple in found.simple {
            simple.scope += scope;
            if simple.pipeline > 0 {
                simple.pipeline += pipelines;
                self.pipelines = self.pipelines.max(simple.pipeline);
            }
            self.commands.simple.push(simple);
        }
        self.commands.is_conditional |= found.is_conditional;
        self.commands.variables.extend(found.variables);
        self.commands.functions.extend(found.functions);
    }

    fn command(&mut self, index: usize) -> Option<&mut Simple> {
        self.commands.simple.get_mut(index)
    }

    fn is_empty(&self, index: usize) -> bool {
        self.commands.simple.get(index).is_none_or(|simple| simple.words.is_empty())
    }

    /// All up to the end of the text, or to that closing character.
    fn list(&mut self, end: Option<char>) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("commands that are nested too deeply".into());
        }
        let (mut now, mut cases) = (self.begin(), Cases::default());
        loop {
            self.blanks();
            let Some(c) = self.peek() else {
                self.depth -= 1;
                return if end.is_none() { Ok(()) } else { Err("a parenthesis that is not closed".into()) };
            };
            match c {
                '#' => self.line_end(),
                '\n' => {
                    self.at += 1;
                    self.documents()?;
                    // behind a pipe the command stands on the next line
                    let waits = self.commands.simple.get(now).is_some_and(|simple| simple.is_piped && simple.words.is_empty());
                    now = if waits { now } else { self.begin() };
                }
                ';' => {
                    cases.in_pattern |= cases.depth > 0 && matches!(self.ahead(1), Some(';' | '&'));
                    while self.skip(";") || cases.in_pattern && self.skip("&") {}
                    now = self.begin();
                }
                '&' if self.starts("&>") => self.redirection(now)?,
                '&' => {
                    self.at += 1;
                    self.commands.is_conditional |= self.skip("&");
                    now = self.begin();
                }
                '|' => {
                    self.at += 1;
                    let is_or = self.skip("|");
                    self.commands.is_conditional |= is_or;
                    self.skip("&");
                    if !cases.in_pattern {
                        now = if is_or { self.begin() } else { self.pipe(now) };
                    }
                }
                '(' if cases.in_pattern => self.at += 1,
                ')' if cases.in_pattern => {
                    self.at += 1;
                    cases.in_pattern = false;
                    now = self.begin();
                }
                '(' if self.is_empty(now) && self.starts("((") && self.is_sum() => self.arithmetic()?,
                '(' if self.is_empty(now) => {
                    self.at += 1;
                    self.enter("(", now);
                    self.subshell()?;
                    now = self.end(")");
                }
                // a function's name came before
                '(' if self.function(now) => now = self.begin(),
                ')' if end == Some(')') => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(());
                }
                '(' | ')' => return Err("a parenthesis where none is expected".into()),
                '<' | '>' => self.redirection(now)?,
                _ => self.next_word(&mut now, &mut cases)?,
            }
        }
    }

    fn line_end(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    fn function(&mut self, now: usize) -> bool {
        let is_one = self.commands.simple.get(now).is_some_and(|simple| simple.words.len() == 1);
        let before = self.at;
        self.at += 1;
        self.blanks();
        let is_function = is_one && self.skip(")");
        if is_function {
            let name = self.command(now).and_then(|simple| simple.words.pop());
            self.commands.functions.extend(name.map(|name| name.text));
            self.defines = true;
        } else {
            self.at = before;
        }
        is_function
    }

    /// `((…))`, with or without a dollar before.
    fn arithmetic(&mut self) -> Result<(), String> {
        let mut open = 0u32;
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '(' => open += 1,
                ')' if open == 1 => return Ok(()),
                ')' => open = open.saturating_sub(1),
                '`' => return Err("a command in a sum".into()),
                '$' if self.starts("(") && !self.starts("((") => {
                    self.at += 1;
                    self.subshell()?;
                }
                _ => {}
            }
        }
        Err("a sum that does not end".into())
    }

    fn next_word(&mut self, now: &mut usize, cases: &mut Cases) -> Result<(), String> {
        let from = self.at;
        let word = self.word()?;
        let is_plain = word.is_literal && self.chars.get(from..self.at).is_some_and(|raw| raw.iter().collect::<String>() == word.text);
        // the number of what is redirected
        if is_plain && word.text.bytes().all(|byte| byte.is_ascii_digit()) && matches!(self.peek(), Some('<' | '>')) {
            return Ok(());
        }
        if cases.in_pattern {
            if is_plain && word.text == "esac" {
                cases.depth -= 1;
                cases.in_pattern = false;
                *now = self.end("esac");
            }
            return Ok(());
        }
        if !self.is_empty(*now) {
            self.declared(*now, &word);
            self.command(*now).into_iter().for_each(|simple| simple.words.push(word.clone()));
            return Ok(());
        }
        match if is_plain { word.text.as_str() } else { "" } {
            // with options it may be the program, which runs what is behind them
            "time" if self.is_option_next() => self.command(*now).into_iter().for_each(|simple| simple.words.push(word.clone())),
            "then" | "else" | "elif" | "do" | "!" | "time" | "coproc" => {}
            begins @ ("if" | "while" | "until" | "{") => {
                self.commands.is_conditional |= begins != "{";
                self.enter(begins, *now);
            }
            end @ ("fi" | "done" | "}") => *now = self.end(end),
            "for" | "select" => {
                self.enter("for", *now);
                self.for_list()?;
            }
            "case" => {
                self.commands.is_conditional = true;
                self.enter("case", *now);
                self.blanks();
                self.word()?;
                self.newlines()?;
                if self.word()?.text != "in" {
                    return Err("a `case` without `in`".into());
                }
                cases.depth += 1;
                cases.in_pattern = true;
            }
            "esac" if cases.depth > 0 => {
                cases.depth -= 1;
                *now = self.end("esac");
            }
            "function" => {
                self.blanks();
                let name = self.word()?.text;
                self.commands.functions.push(name);
                self.defines = true;
                self.blanks();
                if self.skip("(") {
                    self.blanks();
                    self.skip(")");
                }
            }
            "[[" => self.test()?,
            _ => match assignment(&word.text) {
                Some(name) => {
                    let value = word.text.split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default();
                    self.commands.variables.push((name.to_owned(), Word { text: value, ..word.clone() }));
                    if word.text.ends_with('=') && self.skip("(") {
                        self.array(name)?;
                    }
                }
                None => self.command(*now).into_iter().for_each(|simple| simple.words.push(word.clone())),
            },
        }
        Ok(())
    }

    /// `export NAME=value` gives a variable its value as well as `NAME=value` does.
    fn declared(&mut self, now: usize, word: &Word) {
        let declares = |simple: &Simple| {
            simple
                .words
                .first()
                .is_some_and(|program| matches!(program.text.as_str(), "export" | "local" | "declare" | "readonly" | "typeset"))
        };
        if let (true, Some(name)) = (self.commands.simple.get(now).is_some_and(declares), assignment(&word.text)) {
            let value = word.text.split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default();
            self.commands.variables.push((name.to_owned(), Word { text: value, ..word.clone() }));
        }
    }

    /// What a compound command ends with; the command that its redirections are those of.
    fn end(&mut self, word: &str) -> usize {
        let redirections = self.commands.simple.len();
        self.leave(word, redirections);
        self.begin()
    }

    fn is_option_next(&mut self) -> bool {
        self.blanks();
        self.peek() == Some('-')
    }

    fn newlines(&mut self) -> Result<(), String> {
        self.blanks();
        while self.peek() == Some('\n') {
            self.at += 1;
            self.documents()?;
            self.blanks();
        }
        Ok(())
    }

    /// `NAME in WORDS`, up to what ends it.
    fn for_list(&mut self) -> Result<(), String> {
        self.blanks();
        if self.starts("((") {
            return self.arithmetic();
        }
        let name = self.word()?.text;
        self.newlines()?;
        if !self.starts("in") {
            return Ok(());
        }
        loop {
            self.blanks();
            match self.peek() {
                None | Some('\n' | ';') => return Ok(()),
                Some('#') => self.line_end(),
                Some('&' | '|' | '(' | ')' | '<' | '>') => return Err("a loop that is not understood".into()),
                _ => {
                    let word = self.word()?;
                    self.commands.variables.push((name.clone(), word));
                }
            }
        }
    }

    fn array(&mut self, name: &str) -> Result<(), String> {
        loop {
            self.newlines()?;
            match self.peek() {
                Some(')') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('#') => self.line_end(),
                Some('&' | '|' | ';' | '(' | '<' | '>') | None => return Err("an array that is not understood".into()),
                _ => {
                    let word = self.word()?;
                    self.commands.variables.push((name.to_owned(), word));
                }
            }
        }
    }

    /// `[[ … ]]`
    fn test(&mut self) -> Result<(), String> {
        loop {
            self.newlines()?;
            match self.peek() {
                None => return Err("a test that does not end".into()),
                Some('(' | ')' | '<' | '>' | '&' | '|' | ';') => self.at += 1,
                _ => {
                    if self.word()?.text == "]]" {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn redirection(&mut self, now: usize) -> Result<(), String> {
        if self.starts("<(") || self.starts(">(") {
            let word = self.substitution()?;
            self.command(now).into_iter().for_each(|simple| simple.words.push(word.clone()));
            return Ok(());
        }
        if self.skip("<<<") {
            self.blanks();
            let word = self.word()?;
            self.reads(now, word);
            return Ok(());
        }
        if self.skip("<<") {
            let without_tabs = self.skip("-");
            self.blanks();
            let from = self.at;
            let mut delimiter = self.word()?;
            // quoted: nothing is filled in
            delimiter.is_literal = self.chars.get(from..self.at).is_some_and(|raw| raw.iter().any(|c| "'\"\\".contains(*c)));
            self.waiting.push(Waiting { command: now, delimiter, without_tabs });
            return Ok(());
        }
        let outputs = ["&>>", "&>", ">>", ">|", ">&", "<>", ">"];
        let is_output = outputs.into_iter().any(|operator| self.skip(operator));
        let is_copy = is_output && self.chars.get(self.at.wrapping_sub(1)) == Some(&'&');
        if !is_output {
            self.skip("<");
            self.skip("&");
            self.command(now).into_iter().for_each(|simple| simple.is_called = false);
        }
        self.blanks();
        if self.starts("<(") || self.starts(">(") {
            let word = self.substitution()?;
            if !is_output {
                self.reads(now, word);
            }
            return Ok(());
        }
        let word = self.word()?;
        let is_number = word.text == "-" || word.text.trim_end_matches('-').bytes().all(|byte| byte.is_ascii_digit());
        if is_output && !(is_copy && is_number) {
            self.command(now).into_iter().for_each(|simple| simple.outputs.push(word.clone()));
        }
        Ok(())
    }

    fn reads(&mut self, command: usize, word: Word) {
        if let Some(simple) = self.command(command) {
            (simple.input, simple.is_called) = (Some(word), false);
        }
    }

    /// `<(…)` or `>(…)`: it, as it is written.
    fn substitution(&mut self) -> Result<Word, String> {
        let from = self.at;
        self.at += 2;
        self.subshell()?;
        Ok(Word { text: self.chars.get(from..self.at).unwrap_or_default().iter().collect(), is_literal: false })
    }

    /// The texts that commands of this line read.
    fn documents(&mut self) -> Result<(), String> {
        for waiting in std::mem::take(&mut self.waiting) {
            let mut text = String::new();
            loop {
                if self.peek().is_none() {
                    return Err(format!("no line {:?} ends what is to be read", waiting.delimiter.text));
                }
                let from = self.at;
                self.line_end();
                let line: String = self.chars.get(from..self.at).unwrap_or_default().iter().collect();
                self.skip("\n");
                let line = if waiting.without_tabs { line.trim_start_matches('\t') } else { &line };
                if line == waiting.delimiter.text {
                    break;
                }
                text.push_str(line);
                text.push('\n');
            }
            let is_literal = waiting.delimiter.is_literal || !text.contains(['$', '`']);
            if !is_literal && (text.contains("$(") || text.contains('`')) {
                // what stands in it runs
                let inner = nested(&format!(": \"{}\"", text.replace('"', "\\\"")), self.depth)?;
                self.absorb(inner);
            }
            self.reads(waiting.command, Word { text, is_literal });
        }
        Ok(())
    }
}

/// The name of the variable that a word gives a value.
fn assignment(word: &str) -> Option<&str> {
    let name = word.split_once('=')?.0.trim_end_matches('+');
    let name = name.split('[').next().unwrap_or(name);
    let is_name =
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}
