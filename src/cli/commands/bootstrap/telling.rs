//! What is being done, while it is done: a line that moves on a terminal, lines elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::super::args::{OutputArgs, OutputFormat};
use super::super::super::environment::Environment;
use super::super::super::screen;
use crate::gitops::bootstrap::progress::Told;
use crate::report::Secrets;

/// Who tells it.
pub struct Telling<'a> {
    bar: ProgressBar,
    is_quiet: bool,
    is_lines: bool,
    secrets: &'a Secrets,
}

impl<'a> Telling<'a> {
    pub fn new(output: &OutputArgs, environment: &Environment, secrets: &'a Secrets) -> Self {
        let is_quiet = output.output == OutputFormat::Json;
        let is_lines = output.output == OutputFormat::Jsonl || !environment.stderr_terminal || environment.dumb_terminal;
        let bar = ProgressBar::with_draw_target(
            None,
            if is_lines || is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() },
        );
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        if !is_lines && !is_quiet {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar, is_quiet, is_lines, secrets }
    }

    pub fn doing(&self, what: &str) {
        self.tell(Told::Doing(what));
    }

    pub fn tell(&self, told: Told<'_>) {
        if self.is_quiet {
            return;
        }
        match told {
            Told::Doing(what) => self.bar.set_message(self.secrets.redact(what)),
            Told::Done(what) => self.line(&format!("  {what}")),
            Told::Says { object, said } if self.is_lines => self.line(&format!("  {object}: {said}")),
            Told::Says { object, said } => self.bar.set_message(self.secrets.redact(&format!("{object}: {said}"))),
        }
    }

    fn line(&self, line: &str) {
        self.bar.suspend(|| screen::complain(&self.secrets.redact(line)));
    }

    /// Goes on after [`Self::clear`]: a line that was cleared is finished for indicatif.
    pub fn again(&self) {
        self.bar.reset();
    }

    pub fn clear(&self) {
        self.bar.set_message(String::new());
        self.bar.finish_and_clear();
    }
}
