//! `ansible.builtin.apt_repository`

mod line;
#[cfg(test)]
pub(super) mod tests;

use serde_json::{Map, Value};

use super::attributes::{Attributes, MODE, Wanted};
use super::halt::{Halt, settled};
use super::outcome::planned;
use super::whole_file::WholeFile;
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Output;
use crate::node::facts::{AptSources, FileKind, OsRelease, RealPath, SourcesFile, Stat};
use crate::node::steps::TrySources;
use crate::node::{Change, Plan};
use crate::plan::{Expect, Facts, Refusal, Stop};
use line::Line;

/// A package source in the old form, a line of its own.
#[derive(Debug)]
pub struct AptRepository;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("repo", Kind::Str).required().about("The line, such as `deb URL SUITE COMPONENT`; a `ppa:OWNER/NAME` can only be removed"),
        Opt::new("state", Kind::Str).default("present").choices(&["absent", "present"]).about("Whether it is to be there"),
        MODE.about("The mode of the file that a new line goes to; `0644` where nothing is said"),
        Opt::new("update_cache", Kind::Bool)
            .aliases(&["update-cache"])
            .default("true")
            .about("Whether apt reads its lists anew after a change; if it cannot, the change is taken back"),
        Opt::new("update_cache_retries", Kind::Int).default("5").about("How often that is tried"),
        Opt::new("update_cache_retry_max_delay", Kind::Int)
            .default("12")
            .about("The longest pause between two tries in seconds; the first is one second, and each is twice as long as the one before"),
        Opt::new("filename", Kind::Str).about(
            "The name of the file in `/etc/apt/sources.list.d` that a new line goes to, without `.list`; made of the line's address where nothing is said",
        ),
        Opt::new("install_python_apt", Kind::Bool).default("true").about("Has no effect here: no Python is needed"),
        Opt::new("validate_certs", Kind::Bool).default("true").about("Has no effect here: Launchpad is never asked"),
        Opt::new("codename", Kind::Str).about("The release that the line of a `ppa:` names; the machine's own where nothing is said"),
    ],
    about: "Adds or removes one line among the sources of apt, and has the package lists read anew",
    notes: &[
        "A new `ppa:` is refused: Launchpad and a key server would have to be asked. Name its address with `deb822_repository` and its \
         key with `signed_by`. One that is there already is recognised, and one can be removed.",
        "Only the files that the line stands in are written. Ansible writes all files of sources anew, and removes empty ones.",
        "A line that stands in several places is removed from all of them, also where that trips Ansible up.",
        "A `filename` that leads to where apt does not look is refused: Ansible would add the line again in each run.",
    ],
    example: "- name: Add a repository\n  apt_repository:\n    repo: deb [signed-by=/etc/apt/keyrings/example.asc] https://example.org/debian stable main\n    filename: example\n",
    ..Spec::new("ansible.builtin", "apt_repository")
};

const DEFAULT: &str = "/etc/apt/sources.list";
const PARTS: &str = "/etc/apt/sources.list.d";

impl Module for AptRepository {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn failed(&self, _task: &Task<'_>, output: &Output) -> Map<String, Value> {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        said.starts_with("Failed to update apt cache").then(|| ("msg".to_owned(), Value::from(said))).into_iter().collect()
    }
}

/// A file of sources, read.
struct File {
    path: String,
    lines: Vec<Line>,
    /// Whether it is to be written.
    edited: bool,
    /// Whether the new line goes to it.
    grows: bool,
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let (repo, present) = (args.str("repo").unwrap_or_default(), args.str("state") != Some("absent"));
    if repo.is_empty() {
        return Err(Halt::fail("Please set argument 'repo' to a non-empty value"));
    }
    let attributes = Attributes::read(args).map_err(Halt::fail)?;
    let ppa = repo.strip_prefix("ppa:");
    let codename = args.str("codename").filter(|name| !name.is_empty());
    let asked: Vec<OsRelease> = ppa.filter(|_| codename.is_none()).map(|_| OsRelease).into_iter().collect();
    let (sources, release) = facts.get((AptSources, asked))?;
    let Some(sources) = sources else { return Err(Halt::fail("Module apt_repository is not supported on target.")) };
    let source = match ppa {
        Some(ppa) => {
            let own = release.into_iter().flatten().next().and_then(|release| release.codename);
            let codename = codename.map(str::to_owned).or(own).unwrap_or_default();
            let (owner, name) = ppa.split(':').next().unwrap_or_default().split_once('/').unwrap_or((ppa, "ppa"));
            format!("deb https://ppa.launchpadcontent.net/{owner}/{}/ubuntu {codename} main", name.split('/').next().unwrap_or_default())
        }
        None => line::wanted(repo).map_err(Halt::fail)?,
    };
    let mut files: Vec<File> = sources.iter().map(File::read).collect();
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    if present {
        let there = |file: &File| file.lines.iter().any(|line| line.valid && line.source == source);
        if ppa.is_some() && !files.iter().any(|file| file.lines.iter().any(|line| line.valid && line.enabled && line.source == source)) {
            let why = format!("{repo} is no source yet, and Launchpad is not asked for its key");
            let hint = "name its address and its key with deb822_repository (uris, signed_by)";
            return Ok(Decision::from(Plan::Refuse(Refusal { why, hint: Some(hint.into()) })));
        }
        if files.iter().any(there) {
            files.iter_mut().for_each(|file| file.enable(&source));
        } else {
            let path = place(args.str("filename"), &source)?;
            let at = match files.iter().position(|file| file.path == path) {
                Some(at) => at,
                None => {
                    files.push(File { path: path.clone(), lines: Vec::new(), edited: false, grows: false });
                    files.len() - 1
                }
            };
            if let Some(file) = files.get_mut(at) {
                if file.lines.is_empty() {
                    added.push(path);
                }
                file.lines.push(Line::source(source));
                (file.edited, file.grows) = (true, true);
            }
        }
    } else {
        for file in &mut files {
            let count = file.lines.len();
            file.lines.retain(|line| !(line.valid && line.enabled && line.source == source));
            file.edited = file.lines.len() != count;
            if file.edited && file.lines.is_empty() {
                removed.push(file.path.clone());
            }
        }
    }
    let wanted = attributes.resolve(facts.get(attributes.ask())?).map_err(Halt::fail)?;
    let change = write(task, facts, files, &wanted)?;
    let result = planned(change).with("repo", repo).with("state", if present { "present" } else { "absent" });
    Ok(result.with("sources_added", added).with("sources_removed", removed))
}

impl File {
    fn read(file: &SourcesFile) -> Self {
        let lines = file.lines.iter().map(|line| Line::parse(line)).collect();
        Self { path: file.path.clone(), lines, edited: false, grows: false }
    }

    /// Takes away the `#` in front of the source.
    fn enable(&mut self, source: &str) {
        for line in self.lines.iter_mut().filter(|line| line.valid && line.source == source && !line.enabled) {
            line.enabled = true;
            self.edited = true;
        }
    }

    fn text(&self) -> String {
        self.lines.iter().map(Line::text).collect()
    }
}

/// The file that a new line goes to.
fn place(filename: Option<&str>, source: &str) -> Result<String, Halt> {
    let made = line::file_name(source).ok_or_else(|| Halt::fail(format!("the repository string has no address: {source}")))?;
    let name = format!("{}.list", filename.unwrap_or(&made));
    let path = if name.contains('/') { name } else { format!("{PARTS}/{name}") };
    let is_read = path == DEFAULT || path.strip_prefix(PARTS).and_then(|rest| rest.strip_prefix('/')).is_some_and(is_part);
    if is_read { Ok(path) } else { Err(Halt::fail(format!("apt does not read {path}: `filename` names a file in {PARTS}"))) }
}

/// sources.list(5): apt passes over files with other names.
fn is_part(name: &str) -> bool {
    !name.starts_with('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c))
}

/// The change that writes what was edited, and has the lists read anew.
fn write(task: &Task<'_>, facts: &Facts<'_>, files: Vec<File>, wanted: &Wanted) -> Result<Change, Halt> {
    let mut change: Change = Plan::change([]);
    let mut before = Vec::new();
    for file in files.iter().filter(|file| file.edited) {
        let is_link = facts.get(Stat::new(&file.path))?.is_some_and(|stat| stat.kind == FileKind::Link);
        let path = match is_link && !file.lines.is_empty() {
            true => facts.get(RealPath::new(&file.path))?.unwrap_or_else(|| file.path.clone()),
            false => file.path.clone(),
        };
        let whole = WholeFile::look(facts, &path)?;
        before.push((path, whole.content.clone()));
        if file.lines.is_empty() {
            whole.remove(&mut change);
        } else {
            let attributes = if file.grows { wanted.clone() } else { Wanted::default() };
            whole.put(facts, file.text().into_bytes(), &attributes, &mut change)?;
        }
    }
    if change.steps.is_empty() {
        return Ok(change);
    }
    let mut will: Vec<SourcesFile> = Vec::new();
    for file in files.iter().filter(|file| !file.edited || !file.lines.is_empty()) {
        let lines = file.text().lines().map(str::to_owned).collect();
        will.push(SourcesFile { path: file.path.clone(), lines });
    }
    // what is not written keeps its lines as they are
    if let Some(is) = facts.get(AptSources)? {
        for file in will.iter_mut().filter(|file| !files.iter().any(|edited| edited.path == file.path && edited.edited)) {
            if let Some(is) = is.iter().find(|is| is.path == file.path) {
                file.lines.clone_from(&is.lines);
            }
        }
    }
    will.sort_by(|a, b| a.path.cmp(&b.path));
    change.expect.push(Expect::is(&AptSources, &will));
    if task.args.is("update_cache") {
        let number = |name: &str| task.args.int(name).and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        let (tries, longest_pause) = (number("update_cache_retries"), number("update_cache_retry_max_delay"));
        change.steps.push(TrySources { tries, longest_pause, before }.into());
    }
    Ok(change)
}
