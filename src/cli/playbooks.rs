//! The playbooks of a run: read with the inventory, and looked at before anything is contacted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::ansible_cfg::{Setting, Settings};
use super::args::{SourceArgs, Unresolved};
use super::cluster::{self, Wanted};
use super::environment::Environment;
use super::inventory::{Loaded, load_inventory};
use super::terminal::Terminal;
use crate::diagnostics::{Diagnostic, Diagnostics, Level, Place};
use crate::inventory::Pattern;
use crate::playbook::{self, Known, Play, Playbook, Request};
use crate::report::Secrets;
use crate::yaml::Node;

/// What was read.
pub(super) struct Checked {
    /// The inventory, and with it the engine and the extra variables that the playbooks were read with.
    pub(super) loaded: Loaded,
    /// The playbooks, each as the person named it.
    pub(super) playbooks: Vec<(PathBuf, Playbook)>,
}

/// `error_on_missing_handler = false`
pub(super) fn handlers_may_miss(settings: &Settings) -> bool {
    settings.error_on_missing_handler.as_ref().is_some_and(|setting| !setting.value)
}

/// Reads the inventory and the playbooks, and adds all that is wrong with them to `problems`. Nothing is contacted.
///
/// # Errors
/// Ctrl-C at the question for a vault password.
pub(super) fn load_and_check(
    paths: &[PathBuf],
    source: &SourceArgs,
    settings: &Settings,
    environment: &Environment,
    terminal: &Terminal,
    secrets: &Secrets,
    problems: &mut Diagnostics,
) -> Result<Checked, Unresolved> {
    // group_vars beside the playbook count too; beside one that comes with the program, those of the folder it is called in
    let beside = paths.first().and_then(|path| path.parent());
    let beside = beside.filter(|parent| !parent.as_os_str().is_empty() && parent.is_dir() && !parent.starts_with(&environment.cache_dir));
    let mut source = source.clone();
    if source.playbook_dir.is_none() && settings.playbook_dir.is_none() {
        source.playbook_dir = beside.map(Path::to_path_buf);
    }
    let loaded = load_inventory(&source, settings, environment, terminal, secrets, problems)?;
    let (roles, collections) = searched(settings, environment);
    let vars: BTreeMap<String, Node> =
        loaded.inventory.extra_vars().iter().map(|variable| (variable.name.to_string(), variable.value.clone())).collect();
    let request = Request {
        dir: &environment.working_dir,
        roles: &roles,
        collections: &collections,
        engine: &loaded.engine,
        vars: &vars,
        keys: &loaded.keys,
        home: &environment.home,
    };
    let variables: BTreeSet<String> = loaded.inventory.all_variables().map(|variable| variable.name.to_string()).collect();
    let handlers_may_miss = handlers_may_miss(settings);
    let mut playbooks = Vec::new();
    for path in paths {
        let (playbook, mut found) = playbook::load(path, &request);
        found.extend(playbook::check(&playbook, &Known { request: &request, variables: &variables, handlers_may_miss }));
        hosts(&playbook, &loaded, &mut found);
        problems.extend(in_order(found));
        playbooks.push((path.clone(), playbook));
    }
    let mut of_cluster = Diagnostics::new();
    cluster::check(&loaded, wanted(&playbooks, environment), &mut of_cluster);
    problems.extend(in_order(of_cluster));
    Ok(Checked { loaded, playbooks })
}

/// What these playbooks want of the settings of the cluster.
fn wanted(playbooks: &[(PathBuf, Playbook)], environment: &Environment) -> Wanted {
    let sets =
        |playbook: &Playbook| playbook.plays.iter().any(|play| play.common.vars.iter().any(|(name, _)| name.as_str() == Some("cluster")));
    if playbooks.iter().any(|(_, playbook)| playbook::reads_cluster(playbook) && !sets(playbook)) {
        Wanted::Read
    } else if playbooks.iter().any(|(path, _)| path.starts_with(&environment.cache_dir)) {
        Wanted::OnTheWay
    } else {
        Wanted::Perhaps
    }
}

/// By file, the first that has one first, and in each by line: whoever corrects them goes through it once.
fn in_order(mut problems: Diagnostics) -> Diagnostics {
    let mut files: BTreeMap<String, usize> = BTreeMap::new();
    for place in problems.0.iter().filter_map(|problem| problem.place.as_ref()) {
        let next = files.len();
        files.entry(place.source.name.to_string()).or_insert(next);
    }
    // a file that is read twice has its mistakes once
    let mut seen = BTreeSet::new();
    problems.0.retain(|problem| {
        let place = problem.place.as_ref().map(|place| (place.source.name.to_string(), place.span.start, place.span.end));
        seen.insert((problem.message.clone(), place))
    });
    problems.0.sort_by_key(|problem| problem.place.as_ref().map(|place| (files.get(&*place.source.name).copied(), place.span.start)));
    problems
}

/// Where roles and collections are looked for (`DEFAULT_ROLES_PATH` and `COLLECTIONS_PATHS` of ansible-core's config/base.yml).
pub(super) fn searched(settings: &Settings, environment: &Environment) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let set = |setting: &Option<Setting<Vec<PathBuf>>>| setting.as_ref().map(|setting| setting.value.clone());
    let home = settings.home.as_ref().map_or_else(|| environment.home.join(".ansible"), |setting| setting.value.clone());
    let roles = set(&settings.roles_path)
        .unwrap_or_else(|| vec![home.join("roles"), PathBuf::from("/usr/share/ansible/roles"), PathBuf::from("/etc/ansible/roles")]);
    let collections =
        set(&settings.collections_path).unwrap_or_else(|| vec![home.join("collections"), PathBuf::from("/usr/share/ansible/collections")]);
    (roles, collections)
}

/// Plays whose hosts the inventory does not have. Hosts and groups may be added in the run, so these are warnings.
fn hosts(playbook: &Playbook, loaded: &Loaded, problems: &mut Diagnostics) {
    // what is missing in an inventory that cannot be read is no news
    if loaded.inventory.is_empty() || loaded.inventory.is_incomplete() {
        return;
    }
    for play in &playbook.plays {
        let parts = play.hosts.as_list().unwrap_or(std::slice::from_ref(&play.hosts));
        if parts.iter().any(|part| part.is_template() || part.as_str().is_none()) {
            continue;
        }
        let text = parts.iter().filter_map(Node::as_str).collect::<Vec<_>>().join(",");
        let Err(wrong) = Pattern::new("hosts", &text).select(&loaded.inventory) else { continue };
        for problem in wrong.0 {
            let part = problem.place.as_ref().map(|place| place.source.text.get(place.span.clone()).unwrap_or_default().to_owned());
            let place = part.and_then(|part| within(parts, &part)).unwrap_or_else(|| play.hosts.place.clone());
            let hint = problem.hint.clone().unwrap_or_else(|| "a run passes over it, unless it adds such hosts before".to_owned());
            problems.push(Diagnostic { level: Level::Warning, place: Some(place), hint: Some(hint), ..problem });
        }
    }
}

/// Where a part of a pattern stands.
fn within(parts: &[Node], part: &str) -> Option<Place> {
    parts.iter().find_map(|node| {
        let place = &node.place;
        let at = place.source.text.get(place.span.clone())?.find(part)?;
        Some(place.source.at(place.span.start + at..place.span.start + at + part.len()))
    })
}

/// The pattern of a play's hosts, if it is no template.
pub(super) fn plain_hosts(play: &Play) -> Option<String> {
    let parts = play.hosts.as_list().unwrap_or(std::slice::from_ref(&play.hosts));
    let plain = !parts.iter().any(|part| part.is_template() || part.as_str().is_none());
    plain.then(|| parts.iter().filter_map(Node::as_str).collect::<Vec<_>>().join(","))
}
