//! `ansible.builtin.tempfile`

use serde_json::{Map, Value};

use super::file::info;
use super::outcome::{Ended, decided, planned};
use super::{Act, Decision, Kind, Module, Opt, Spec, Task, paths};
use crate::node::Change;
use crate::node::apply::Carried;
use crate::node::steps::MakeTemporary;
use crate::plan::{Facts, Plan, Stop, Touch};

/// A new file or directory with a name that nobody has: a change each time. Nobody removes it; in check mode its name is not
/// known.
#[derive(Debug)]
pub struct TempFile;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("state", Kind::Str).about("Which of them").default("file").choices(&["file", "directory"]),
        Opt::new("path", Kind::Path).about("The directory for it; the usual one for such files if it is left out"),
        Opt::new("prefix", Kind::Str).about("How its name begins").default("ansible."),
        Opt::new("suffix", Kind::Str).about("How its name ends").default("''"),
    ],
    about: "Makes a file or directory with a name of its own",
    ..Spec::new("ansible.builtin", "tempfile")
};

impl Module for TempFile {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        decided(plan(task, facts))
    }

    fn result(&self, _task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let Some(output) = carried.and_then(|carried| carried.outputs.first()) else { return Ok(Map::new()) };
        let path = String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned();
        let mut result = info(&path, facts)?;
        result.insert("path".to_owned(), path.into());
        Ok(result)
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let args = task.args;
    let part = |name: &str| {
        let part = args.str(name).unwrap_or_default();
        if part.contains('/') {
            return Err(Ended::Fail(format!("{name} must be a valid file name component, got '{part}'")));
        }
        Ok(part.to_owned())
    };
    let (prefix, suffix) = (part("prefix")?, part("suffix")?);
    let parent = args.str("path").filter(|path| !path.is_empty()).map(|path| paths::path(path, task, facts)).transpose()?;
    if task.check {
        let touched = Touch::Files(parent.unwrap_or_else(|| "/tmp".to_owned()));
        return Ok(Decision { act: Act::Pending("only a real run gives it a name".into(), vec![touched]), ..Decision::unchanged() });
    }
    let directory = args.str("state") == Some("directory");
    let what = if directory { "temporary directory" } else { "temporary file" };
    let place = format!("{what} {}/{prefix}…{suffix}", parent.as_deref().unwrap_or("/tmp").trim_end_matches('/'));
    let change: Change = Plan::change([MakeTemporary { directory, parent, prefix, suffix }.into()]);
    Ok(planned(change.differs(place, None, Some("new".into()))))
}
