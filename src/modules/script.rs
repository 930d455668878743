//! `script`: a script of ours that runs on the host.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::command::{CMD, EXECUTABLE, text_of};
use super::outcome::planned;
use super::spec::{FREE_FORM, Kind, Opt, Spec};
use super::{Act, Decision, Module, Task, guarded, ran};
use crate::disk::guard::{Setting, of_script};
use crate::node::apply::Carried;
use crate::node::facts::{Matches, Stat};
use crate::node::steps::{Run, Step};
use crate::plan::{Difference, Facts, Plan, Stop};
use crate::template::words;

/// Brings a script to the host, runs it there by a shell and takes it away.
pub struct Script;

static SPEC: Spec = Spec {
    free_form: true,
    one_of: &[&[FREE_FORM, "cmd"]],
    exclusive: &[&[FREE_FORM, "cmd"]],
    options: &[
        CMD,
        Opt::new("creates", Kind::Str).about("A path on the machine; if it is there, nothing is done"),
        Opt::new("removes", Kind::Str).about("A path on the machine; if it is not there, nothing is done"),
        Opt::new("chdir", Kind::Str).about("The directory that it runs in"),
        EXECUTABLE,
    ],
    about: "Runs a program of this machine on the other one",
    ..Spec::new("ansible.builtin", "script")
};

/// The script comes as base64 on standard input. Words: its name, directory or ``, then the pieces of the command between
/// which its path belongs.
const CARRIER: &str = r#"place=$(mktemp -d) || exit 1
trap 'rm -rf -- "$place"' EXIT
trap 'exit 143' HUP INT TERM
file=$place/$1 directory=$2
base64 -d >"$file" && chmod 0700 "$file" || exit 1
shift 2
text=$1
shift
for piece do text=$text$file$piece; done
if [ -n "$directory" ]; then cd "$directory" || exit 1; fi
/bin/sh -c "$text" </dev/null
exit "$?""#;

impl Module for Script {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let option = |name: &str| task.args.str(name).filter(|text| !text.is_empty());
        if let Some(path) = option("creates")
            && exists(facts, path)?
        {
            return Ok(skip(format!("{path} exists, matching creates option")));
        }
        if let Some(path) = option("removes")
            && !exists(facts, path)?
        {
            return Ok(skip(format!("{path} does not exist, matching removes option")));
        }
        let directory = option("chdir").unwrap_or_default();
        if !directory.is_empty() && !directory.starts_with('/') {
            return Ok(Decision::fail(format!("chdir {directory} must be an absolute path for a Unix-aware remote node")));
        }
        let text = text_of(task).unwrap_or_default().trim().to_owned();
        let source = match words::split_all(&text) {
            Ok(words) => words.into_iter().next().map(|word| word.text).filter(|source| !source.is_empty()),
            Err(error) => return Ok(Decision::fail(format!("the command cannot be split into words: {}", error.why))),
        };
        let Some(source) = source else { return Ok(Decision::fail("no script given")) };
        let content = match task.outside.file("files", &source) {
            Ok(content) => content,
            Err(why) => return Ok(Decision::fail(why)),
        };
        let judgement = of_script(
            option("executable"),
            &content,
            Setting { directory: task.args.str("chdir"), environment: task.environment, ..Setting::default() },
        );
        if let Some(refused) = guarded::refused(&judgement, option("chdir"), task, facts)? {
            return Ok(refused);
        }
        let name = source.rsplit('/').next().unwrap_or(&source);
        let mut argv: Vec<String> = ["/bin/sh", "-c", CARRIER, "script", name, directory].map(str::to_owned).into();
        let executable = option("executable").map(|executable| format!("{executable} ")).unwrap_or_default();
        // quotes around the script's name stay around its path
        let mut pieces = text.split(source.as_str());
        argv.push(format!("{executable}{}", pieces.next().unwrap_or_default()));
        argv.extend(pieces.map(str::to_owned));
        let run = Run { argv, env: task.environment.to_vec(), stdin: Some(STANDARD.encode(content)), any_status: true, ..Run::default() };
        let mut change = Plan::change([Step::from(run)]);
        change.diff.push(Difference { what: "run the script".into(), before: None, after: Some(text) });
        Ok(planned(change))
    }

    fn result(&self, _task: &Task<'_>, _facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        Ok(ran::first(carried))
    }

    fn is_opaque(&self) -> bool {
        true
    }
}

fn skip(why: String) -> Decision {
    Decision { act: Act::Skip(why), ..Decision::unchanged() }
}

/// `test -e`: a link must lead somewhere.
fn exists(facts: &Facts<'_>, path: &str) -> Result<bool, Stop> {
    if path.starts_with('/') { Ok(facts.get(Stat::followed(path))?.is_some()) } else { Ok(facts.get(Matches::new(path))?.is_some()) }
}
