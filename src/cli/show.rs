//! How what a command has to say reaches the terminal.

use std::io::{self, BufWriter};
use std::time::Instant;

use indicatif::MultiProgress;

use super::args::{OutputArgs, OutputFormat};
use super::conceal::concealed;
use super::environment::Environment;
use super::screen;
use crate::diagnostics::{Diagnostics, ExitCode};
use crate::report::{self, Desk, Event, Human, Json, JsonLines, Look, Problem, Progress, Renderer, Secrets};

/// The renderer that was asked for.
pub(super) fn renderer(
    output: &OutputArgs,
    environment: &Environment,
    (all_facts, diff): (bool, bool),
    log: Option<String>,
    progress: Option<MultiProgress>,
) -> Box<dyn Renderer> {
    let out = BufWriter::new(io::stdout());
    match output.output {
        OutputFormat::Json => around(progress, Json::new(out)),
        OutputFormat::Jsonl => around(progress, JsonLines::new(out)),
        OutputFormat::Human => around(progress, Human::new(out, io::stderr(), look(output, environment, (all_facts, diff), log))),
    }
}

fn look(output: &OutputArgs, environment: &Environment, (all_facts, diff): (bool, bool), log: Option<String>) -> Look {
    let colour = !output.no_color && !environment.no_colour;
    Look {
        colour_out: colour && environment.stdout_terminal,
        colour_err: colour && environment.stderr_terminal,
        verbose: output.verbose > 0,
        all_facts,
        diff,
        log,
    }
}

fn around(progress: Option<MultiProgress>, renderer: impl Renderer + 'static) -> Box<dyn Renderer> {
    match progress {
        Some(progress) => Box::new(Progress::new(progress, renderer)),
        None => Box::new(renderer),
    }
}

/// Shows what is wrong. Nothing has been contacted, and there is nothing worth a log.
pub(super) fn refuse(
    output: &OutputArgs,
    environment: &Environment,
    problems: &Diagnostics,
    secrets: &Secrets,
    began: Instant,
) -> ExitCode {
    let started = report::start(secrets.clone(), vec![renderer(output, environment, (false, false), None, None)], None);
    let Ok((reporter, desk)) = started else {
        screen::complain(&secrets.redact(&problems.to_string()));
        return ExitCode::Usage;
    };
    for problem in concealed(problems, secrets) {
        reporter.tell(Event::from(&problem));
    }
    reporter.tell(report::end_of_run(&[], Some(ExitCode::Usage), millis(began), None).0);
    close(desk, ExitCode::Usage)
}

/// Tells a program that all is well, in the same document; warnings are in it.
pub(super) fn nothing_ran(
    output: &OutputArgs,
    environment: &Environment,
    warnings: &Diagnostics,
    secrets: &Secrets,
    began: Instant,
) -> ExitCode {
    let Ok((reporter, desk)) = report::start(secrets.clone(), vec![renderer(output, environment, (false, false), None, None)], None) else {
        screen::complain(&secrets.redact(&warnings.to_string()));
        return ExitCode::Failed;
    };
    for warning in concealed(warnings, secrets) {
        reporter.tell(Event::from(&warning));
    }
    reporter.tell(report::end_of_run(&[], Some(ExitCode::Done), millis(began), None).0);
    close(desk, ExitCode::Done)
}

/// Shows warnings to a person, beside a result that is a document of its own.
pub(super) fn warn(output: &OutputArgs, environment: &Environment, warnings: &Diagnostics, secrets: &Secrets) {
    let human = Human::new(io::sink(), io::stderr(), look(output, environment, (false, false), None));
    let Ok((reporter, desk)) = report::start(secrets.clone(), vec![Box::new(human)], None) else {
        screen::complain(&secrets.redact(&warnings.to_string()));
        return;
    };
    for warning in concealed(warnings, secrets) {
        reporter.tell(Event::from(&warning));
    }
    close(desk, ExitCode::Done);
}

/// Shows what is still on its way.
pub(super) fn close(desk: Desk, code: ExitCode) -> ExitCode {
    match desk.close() {
        Ok(()) => code,
        Err(error) => {
            screen::complain(&format!("error: {}", Problem::from_error(&error).message));
            // what happened on the hosts matters more than that it could not be shown
            if code == ExitCode::Done { ExitCode::Failed } else { code }
        }
    }
}

/// Since then.
pub(super) fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
