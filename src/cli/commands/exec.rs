//! `homelabctl exec`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::super::args::{ConnectionArgs, OutputArgs};
use super::super::environment::Environment;
use super::super::run::Run;
use super::super::session::{NoAnswer, Session, Shared};
use super::super::targets::Ready;
use super::exec_guard::permitted;
use crate::diagnostics::{Diagnostic, Diagnostics, ExitCode};
use crate::disk::guard::{Judgement, Setting, of_script, of_words};
use crate::node::script::quote;
use crate::report::{Answer, Captured, Ended, HostAnswer, Outcome, Problem};
use crate::transport::{Collected, Nonce, ShellError};

/// Run a command or a script on hosts, once on each
///
/// The words of COMMAND are passed as they are: no shell looks at them. For pipes and variables write
/// `-- sh -c '...'` or use --script.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Which hosts: `all`, a host, a group, `web*`, `a,b`, `masters:!m3`
    #[arg(value_name = "PATTERN")]
    pub pattern: String,
    /// A script of this machine to run there; COMMAND is then its arguments. Its first line says by what (`#!`), else
    /// by `sh`
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// The command and its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "script")]
    pub command: Vec<String>,
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// A person's own command may take its time.
const LIMIT: Duration = Duration::from_secs(24 * 3600);
/// More output than this is not for the screen.
const MOST_OUTPUT: usize = 16 << 20;
/// A longer script is a program to be copied there.
const LONGEST_SCRIPT: u64 = 1 << 20;

pub fn run(args: &ExecArgs, output: &OutputArgs, environment: &Environment) -> ExitCode {
    let (pattern, connection) = (&args.pattern, &args.connection);
    let run = Run { command: "exec", pattern, connection, output, all_facts: false, diff: false, environment };
    let script = match &args.script {
        None => words(&args.command).map(|script| (script, of_words(&args.command, None))),
        Some(path) => read(path).and_then(|text| {
            Ok((script(&text, &args.command, &Nonce::new().to_string())?, of_script(None, text.as_bytes(), Setting::default())))
        }),
    };
    let ((script, judgement), check) = match script {
        Ok(script) => (script, Diagnostics::new()),
        Err(problems) => (Default::default(), problems),
    };
    let (script, judgement): (Arc<str>, _) = (script.into(), Arc::new(judgement));
    run.on_each_host(check, |shared, ready| exec(shared, ready, Arc::clone(&script), Arc::clone(&judgement)))
}

/// A command as one line of shell.
fn words(command: &[String]) -> Result<String, Diagnostics> {
    let words: Result<Vec<String>, _> = command.iter().map(|word| quote(word)).collect();
    words.map(|words| words.join(" ")).map_err(|nul| Diagnostic::error(nul.to_string()).into())
}

fn read(path: &Path) -> Result<String, Diagnostics> {
    let name = path.display();
    let cannot = |why: String| Diagnostics::from(Diagnostic::error(format!("cannot read the script `{name}`: {why}")));
    let size = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?.len();
    if size > LONGEST_SCRIPT {
        return Err(cannot(format!("it is longer than {} MiB", LONGEST_SCRIPT >> 20)));
    }
    let text = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    match String::from_utf8(text) {
        Ok(text) if text.contains('\0') => Err(cannot("there is a NUL character in it".to_owned())),
        Ok(text) => Ok(text),
        Err(_) => Err(cannot("it is no UTF-8 text".to_owned())),
    }
}

/// A whole script for its interpreter, which reads it from descriptor 3: so it is in nobody's list of processes, and the
/// script's own standard input stays empty.
fn script(text: &str, arguments: &[String], end: &str) -> Result<String, Diagnostics> {
    let first = text.lines().next().unwrap_or_default();
    let interpreter: Vec<String> = match first.strip_prefix("#!") {
        // as the kernel does: a program and at most one argument
        Some(line) => line.trim().splitn(2, [' ', '\t']).map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect(),
        None => vec!["/bin/sh".to_owned()],
    };
    if interpreter.is_empty() {
        return Err(Diagnostic::error("the script's first line names no program after `#!`").into());
    }
    let command: Vec<String> = interpreter.into_iter().chain(["/dev/fd/3".to_owned()]).chain(arguments.iter().cloned()).collect();
    let newline = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    Ok(format!("exec {} 3<<'{end}'\n{text}{newline}{end}", words(&command)?))
}

async fn exec(shared: Arc<Shared>, ready: Ready, script: Arc<str>, judgement: Arc<Judgement>) -> HostAnswer {
    let secrets = shared.secrets.clone();
    let mut session = match Session::open(ready, shared).await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    if let Err(answer) = permitted(&mut session, &judgement).await {
        return answer;
    }
    let mut output = Collected::up_to(MOST_OUTPUT);
    let status = match session.run("running", &script, &mut output, LIMIT).await {
        Ok(status) => status,
        Err(NoAnswer::Shell(ShellError::TooMuch)) => {
            let problem = Problem::new(format!("it printed more than {} MiB and was cut off", MOST_OUTPUT >> 20));
            let problem = problem.hint("send its output to a file there");
            let answer = HostAnswer::bad(Arc::clone(&session.host), Outcome::Unknown, problem);
            return HostAnswer { round_trips: session.round_trips(), ..answer };
        }
        Err(why) => return session.not_known(why),
    };
    let (stdout, stderr) = (Captured::new(&output.stdout, &secrets), Captured::new(&output.stderr, &secrets));
    let outcome = if status == 0 { Outcome::Changed } else { Outcome::Failed };
    let answer = Answer::Exec(Ended { status: i32::from(status), stdout, stderr });
    HostAnswer { round_trips: session.round_trips(), ..HostAnswer::good(Arc::clone(&session.host), outcome, answer) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn in_shell(shell: &[&str], script: &str) -> (String, Option<i32>) {
        let shell =
            Command::new(shell[0]).args(&shell[1..]).args(["-c", "( eval \"$0\" ) </dev/null", script]).stdin(Stdio::null()).output();
        let output = shell.unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr), output.status.code())
    }

    const SHELLS: [&[&str]; 3] = [&["dash"], &["bash"], &["busybox", "ash"]];

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn the_words_of_a_command_arrive_as_they_are() {
        let line = words(&list(&["printf", "[%s]", "a b", "$HOME", "it's", "*", ""])).unwrap();
        for shell in SHELLS {
            assert_eq!(in_shell(shell, &line), ("[a b][$HOME][it's][*][]".into(), Some(0)), "{shell:?}");
        }
        assert!(words(&list(&["a\0b"])).is_err());
    }

    #[test]
    fn a_script_runs_by_its_own_interpreter_with_its_arguments() {
        let text = "#!/bin/bash\nx=(1 2)\nprintf '%s|' \"${x[1]}\" \"$@\"\ncat\nexit 3";
        let text = script(text, &list(&["a b", "$c"]), "END").unwrap();
        for shell in SHELLS {
            assert_eq!(in_shell(shell, &text), ("2|a b|$c|".into(), Some(3)), "{shell:?}");
        }
    }

    #[test]
    fn a_script_without_a_first_line_runs_by_sh_and_nothing_in_it_is_expanded_twice() {
        let text = script("echo 'a  $HOME' \"`echo b`\" \\\\ \n# no newline at the end", &[], "END").unwrap();
        for shell in SHELLS {
            assert_eq!(in_shell(shell, &text), ("a  $HOME b \\\n".into(), Some(0)), "{shell:?}");
        }
        assert!(script("#! \n", &[], "END").is_err());
        assert_eq!(in_shell(SHELLS[0], &script("", &[], "END").unwrap()), (String::new(), Some(0)));
    }

    #[test]
    fn a_long_script_does_not_hang_in_the_pipe() {
        let text = script(&format!("{}echo done\n", "# filler\n".repeat(50_000)), &[], "END").unwrap();
        // through a file: the text is too long for an argument of this test's own shell
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("( eval \"$(cat <<'OUTER'\n{text}\nOUTER\n)\" ) </dev/null\n")).unwrap();
        for shell in SHELLS {
            let output = Command::new(shell[0]).args(&shell[1..]).arg(file.path()).stdin(Stdio::null()).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "{shell:?}");
        }
    }
}
