//! `include_vars`: variables from a file, or from all files of a directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fancy_regex::Regex;
use serde_json::{Map, Value as Json};

use super::host::{Host, Machines};
use super::items::Position;
use super::magic::made;
use super::outside;
use super::play::Engine;
use super::status::{Done, Status};
use super::task::shown;
use crate::modules::{Args, FREE_FORM, json};
use crate::playbook::Task;
use crate::yaml::{Node, Value};

/// It failed; Ansible keeps the reason under a name of its own here.
pub(super) fn failed(why: impl Into<String>) -> Done {
    let why = why.into();
    let words = super::words::of_template(&why);
    Done::failed(why).with("message", words)
}

impl<M: Machines> Engine<M> {
    pub(super) async fn include_vars(
        &self,
        at: &Position,
        task: &Task,
        host: &Host<M::Machine>,
        args: &Args,
        options: &[(Node, Node)],
        no_log: bool,
    ) -> Done {
        let home = self.core.setting.template.home().to_owned();
        let search = outside::search(task, &at.play.play.dir);
        let find = |name: &str| outside::find(&search, "vars", name, &home);
        let files = match args.str("dir") {
            Some(dir) => match find(dir) {
                Ok(root) if root.is_dir() => of_directory(&root, args),
                Ok(root) => Err(format!("{} is not a directory", root.display())),
                Err(_) => Err(format!("{dir} directory does not exist")),
            },
            None => {
                let free = options.iter().find(|(key, _)| key.as_str() == Some(FREE_FORM)).map(|(_, value)| shown(value));
                let name = args.str("file").map(str::to_owned).or(free);
                match name.as_deref().map(str::trim).map(find) {
                    Some(Ok(path)) => Ok(vec![path]),
                    Some(Err(why)) => Err(why),
                    None => Err("`include_vars` needs `file` or `dir`".to_owned()),
                }
            }
        };
        let files = match files {
            Ok(files) => files,
            Err(why) => return failed(why),
        };
        // in the order in which they stand
        let mut found: Vec<(String, Node)> = Vec::new();
        for path in &files {
            match self.with_request(|request| crate::playbook::load_vars(path, request)) {
                Ok((map, _)) => {
                    for (name, value) in map.into_iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value))) {
                        match found.iter_mut().find(|(known, _)| *known == name) {
                            Some((_, known)) => *known = value,
                            None => found.push((name, value)),
                        }
                    }
                }
                Err(problems) => return failed(problems.0.into_iter().next().map(|error| error.message).unwrap_or_default()),
            }
        }
        if let Some(name) = args.str("name") {
            let map = found.into_iter().map(|(key, value)| (super::task::text(&key), value)).collect();
            found = vec![(name.to_owned(), Node::new(Value::Map(map), task.place.clone()))];
        }
        if args.str("hash_behaviour") == Some("merge") {
            let view = self.view(at, task, &host.name, Arc::default());
            let (scope, _) = self.scope(&view);
            for (name, value) in &mut found {
                if let Some(before) = scope.get(name) {
                    *value = over(&before, std::mem::replace(value, made(Value::Null)));
                }
            }
        }
        let shown: Map<String, Json> = found.iter().map(|(name, value)| (name.clone(), json(value))).collect();
        found.iter().for_each(|(_, value)| super::hide::encrypted(&self.template(), value));
        let names: Vec<Json> = files.iter().map(|path| Json::from(path.display().to_string())).collect();
        let mut state = host.state();
        for (name, mut value) in found {
            value.each_mut(&mut |node| node.secret |= no_log);
            state.unknown.remove(&name);
            state.included.insert(name, value);
        }
        Done::new(Status::Ok).with("ansible_facts", Json::Object(shown)).with("ansible_included_var_files", names)
    }
}

/// A mapping over another, and mappings in it over those in that; of anything else the second.
pub(super) fn over(before: &Node, after: Node) -> Node {
    let (Value::Map(old), Value::Map(new)) = (&before.value, &after.value) else { return after };
    let mut merged = old.clone();
    for (key, value) in new {
        match merged.iter_mut().find(|(known, _)| known.value == key.value) {
            Some((_, known)) => *known = over(known, value.clone()),
            None => merged.push((key.clone(), value.clone())),
        }
    }
    Node { value: Value::Map(merged), ..after }
}

/// The files of a directory that are meant, in the order in which they count: a directory before those in it.
fn of_directory(root: &Path, args: &Args) -> Result<Vec<PathBuf>, String> {
    let matching = args.str("files_matching").map(Regex::new).transpose().map_err(|_| "`files_matching` is no regular expression")?;
    let ignored = args.list("ignore_files").unwrap_or_default();
    let ignored =
        ignored.iter().map(|pattern| Regex::new(&format!("{pattern}$")).map_err(|_| format!("invalid regular expression: {pattern}")));
    let ignored = ignored.collect::<Result<Vec<Regex>, String>>()?;
    let endings = args.list("extensions").unwrap_or_else(|| vec!["yaml", "yml", "json"]);
    let mut directories = Vec::new();
    let depth = args.int("depth").and_then(|depth| usize::try_from(depth).ok()).filter(|depth| *depth > 0);
    below(root, depth.unwrap_or(usize::MAX), &mut Vec::new(), &mut directories)?;
    // Ansible puts them in order by their whole names
    directories.sort_by(|(a, _), (b, _)| a.as_os_str().cmp(b.as_os_str()));
    let mut found = Vec::new();
    for path in directories.into_iter().flat_map(|(_, files)| files) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is = |regex: &Regex| regex.is_match(&name).unwrap_or(false);
        if ignored.iter().any(is) || !matching.as_ref().is_none_or(is) {
            continue;
        }
        let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned()).unwrap_or_default();
        match endings.contains(&ending.as_str()) {
            true => found.push(path),
            false if args.bool("ignore_unknown_extensions") == Some(true) => {}
            false => return Err(format!("{} does not have a valid extension: {}", path.display(), endings.join(", "))),
        }
    }
    Ok(found)
}

/// The directories below one, itself first, each with its files; so many levels, through symbolic links as well.
fn below(dir: &Path, depth: usize, above: &mut Vec<PathBuf>, found: &mut Vec<(PathBuf, Vec<PathBuf>)>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot read `{}`: {}", dir.display(), crate::diagnostics::reason(&error));
    let real = dir.canonicalize().map_err(failed)?;
    // a link to a directory that it stands in leads nowhere new
    if above.contains(&real) {
        return Ok(());
    }
    let entries = std::fs::read_dir(dir).map_err(failed)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries: Vec<PathBuf> = entries.collect::<Result<_, _>>().map_err(failed)?;
    entries.sort();
    found.push((dir.to_owned(), entries.iter().filter(|path| path.is_file()).cloned().collect()));
    above.push(real);
    if depth > 1 {
        entries.iter().filter(|path| path.is_dir()).try_for_each(|path| below(path, depth - 1, above, found))?;
    }
    above.pop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Diagnostics, Source};

    fn files(root: &Path, options: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let place = Source::new("", "").whole();
        let node = |text: &str| Node::new(text, place.clone());
        let options: Vec<(Node, Node)> = options.iter().map(|(key, value)| (node(key), node(value))).collect();
        let args = Args::read(&crate::modules::actions::INCLUDE_VARS, &options, &place, &mut Diagnostics::new());
        let shown = |path: PathBuf| path.strip_prefix(root).unwrap().display().to_string();
        of_directory(root, &args).map(|files| files.into_iter().map(shown).collect())
    }

    #[test]
    fn files_of_a_directory_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.yml", "a/x.yml", "a/deep/y.json", "a-b/z.yaml", "c/plain"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(dir.path().join("a"), dir.path().join("d")).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/back")).unwrap();
        let all = ["b.yml", "a/x.yml", "a-b/z.yaml", "a/deep/y.json", "d/x.yml", "d/deep/y.json"];
        let found = |options: &[(&str, &str)]| files(dir.path(), options);
        let skip = ("ignore_unknown_extensions", "true");
        assert_eq!(found(&[("dir", "v"), skip]).unwrap(), all);
        assert_eq!(found(&[("dir", "v"), skip, ("depth", "1")]).unwrap(), ["b.yml"]);
        assert_eq!(found(&[("dir", "v"), skip, ("ignore_files", "y.json,[xz]\\.ya?ml")]).unwrap(), ["b.yml"]);
        assert_eq!(found(&[("dir", "v"), ("files_matching", "^x")]).unwrap(), ["a/x.yml", "d/x.yml"]);
        assert!(found(&[("dir", "v")]).unwrap_err().ends_with("c/plain does not have a valid extension: yaml, yml, json"));
        assert_eq!(found(&[("dir", "v"), ("extensions", ",yml"), ("files_matching", "^(plain|b)")]).unwrap(), ["b.yml", "c/plain"]);
        assert!(found(&[("dir", "v"), ("ignore_files", "[")]).is_err());
    }
}
