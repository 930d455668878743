//! Compound commands: what each of their commands reads is what the whole of it reads.

use super::{Commands, Reader, Simple, Word};

/// A compound command that has begun.
pub(super) struct Compound {
    /// The word that began it.
    begins: String,
    /// Its first command.
    from: usize,
    /// Which pipeline it reads from, if it reads from one.
    pipeline: Option<usize>,
    /// Whether it is a function's: it reads what its callers do.
    is_function: bool,
}

/// One that has ended.
pub(super) struct Ended {
    from: usize,
    /// The command without words that its redirections are those of.
    redirections: usize,
}

/// By which words those end that begin with that one.
fn end_of(begins: &str) -> &str {
    match begins {
        "{" => "}",
        "if" => "fi",
        "case" => "esac",
        "(" => ")",
        _ => "done",
    }
}

impl Reader {
    /// A command that reads what stands around it.
    pub(super) fn begin(&mut self) -> usize {
        let around = self.open.last().map(|around| (around.pipeline, around.is_function));
        let (pipeline, is_called) = around.unwrap_or_default();
        let index = self.commands.simple.len();
        let number = pipeline.unwrap_or_else(|| {
            self.pipelines += 1;
            self.pipelines
        });
        if pipeline.is_some() {
            self.inherit.push(index);
        }
        let simple = Simple { is_piped: pipeline.is_some(), is_called, pipeline: number, scope: self.scope, ..Simple::default() };
        self.commands.simple.push(simple);
        index
    }

    /// A compound command begins in the place of that command.
    pub(super) fn enter(&mut self, word: &str, now: usize) {
        let around = self.open.last().is_some_and(|around| around.is_function);
        let is_function = std::mem::take(&mut self.defines) || around;
        let pipeline = self.commands.simple.get(now).filter(|simple| simple.is_piped).map(|simple| simple.pipeline);
        self.open.push(Compound { begins: word.to_owned(), from: now, pipeline, is_function });
        if pipeline.is_some() {
            self.inherit.push(now);
        }
        if let Some(simple) = self.commands.simple.get_mut(now) {
            simple.is_called = is_function;
        }
    }

    /// It ends with that word; what stands behind it are its redirections.
    pub(super) fn leave(&mut self, word: &str, now: usize) {
        let Some(at) = self.open.iter().rposition(|open| end_of(&open.begins) == word) else { return };
        let from = self.open.get(at).map(|open| open.from).unwrap_or_default();
        self.open.truncate(at);
        self.ended.push(Ended { from, redirections: now });
    }

    /// What compound commands read is read by those in them that read nothing else.
    pub(super) fn hand_in(&mut self) {
        for Ended { from, redirections } in std::mem::take(&mut self.ended) {
            let Some(input) = self.commands.simple.get(redirections).and_then(|simple| simple.input.clone()) else { continue };
            hand(&mut self.commands, from..redirections, &input, &self.inherit);
        }
    }
}

fn hand(commands: &mut Commands, range: std::ops::Range<usize>, input: &Word, inherit: &[usize]) {
    for index in range {
        let Some(simple) = commands.simple.get_mut(index) else { continue };
        if simple.input.is_none() && (!simple.is_piped || inherit.contains(&index)) {
            (simple.input, simple.is_called) = (Some(input.clone()), false);
        }
    }
}
