//! Which playbooks are meant: files, by short names the project's own and those that come with the program, or the usual one.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use crate::diagnostics::{Diagnostic, Diagnostics, reason, suggestion};
use crate::playbook::{SHIPPED, Shipped, unpack};

/// Playbooks that are meant if none is named, the first that is there.
const USUAL: [&str; 4] = ["site.yml", "site.yaml", "playbooks/site.yml", "playbooks/site.yaml"];

/// Where a project keeps its playbooks.
pub(super) const FOLDER: &str = "playbooks";

/// Those that were named; or else the usual one of the project, or else the one that comes with the program.
///
/// What cannot be is added to `problems`; the result is empty then.
pub(super) fn chosen(named: &[PathBuf], environment: &Environment, problems: &mut Diagnostics) -> Vec<PathBuf> {
    let dir = &environment.working_dir;
    let usual = || USUAL.iter().map(PathBuf::from).find(|path| dir.join(path).exists());
    let meant: Vec<Meant> = match named {
        [] => vec![usual().map_or_else(|| Shipped::find("site").map_or(Meant::File("site.yml".into()), Meant::Shipped), Meant::File)],
        named => named.iter().map(|path| meant(path, dir)).collect(),
    };
    let mut unpacked = None;
    let mut paths = Vec::new();
    for one in meant {
        let shipped = match one {
            Meant::File(path) => {
                paths.push(path);
                continue;
            }
            Meant::Shipped(shipped) => shipped,
            Meant::Nothing(name) => {
                let names = SHIPPED.iter().map(|shipped| shipped.name);
                let near =
                    suggestion(&name, names).unwrap_or_else(|| "`homelabctl playbooks list` shows those that come with it".to_owned());
                let message = format!(
                    "there is no playbook `{name}`, neither as a file nor in `{FOLDER}` nor among those that come with this program"
                );
                problems.push(Diagnostic::error(message).hint(near));
                continue;
            }
        };
        passed_over(shipped, dir, problems);
        let into = unpacked.get_or_insert_with(|| unpack(&environment.cache_dir.join("homelabctl")));
        match into {
            Ok(folder) => paths.push(folder.join(shipped.file_name())),
            Err((path, error)) => {
                let message =
                    format!("cannot write `{}`, where the playbooks of this program are read from: {}", path.display(), reason(error));
                let hint = format!("`homelabctl playbooks eject {}` puts them into `{FOLDER}` of this folder", shipped.name);
                problems.push(Diagnostic::error(message).hint(hint));
                return Vec::new();
            }
        }
    }
    if problems.has_errors() { Vec::new() } else { paths }
}

/// What a word on the command line stands for.
enum Meant {
    File(PathBuf),
    Shipped(&'static Shipped),
    Nothing(String),
}

/// A file is meant before all; then the project's own of that short name, then the program's. What looks like a path is one.
fn meant(path: &Path, dir: &Path) -> Meant {
    if dir.join(path).exists() {
        return Meant::File(path.to_owned());
    }
    let plain = path.components().count() == 1 && !path.as_os_str().is_empty();
    let Some(name) = path.to_str().filter(|name| plain && !name.contains('/')) else { return Meant::File(path.to_owned()) };
    if let Some(own) = own(name, dir) {
        return Meant::File(own);
    }
    match Shipped::find(name) {
        Some(shipped) => Meant::Shipped(shipped),
        // an ending says that a file is meant, and reading it says what is wrong
        None if name.contains('.') => Meant::File(path.to_owned()),
        None => Meant::Nothing(name.to_owned()),
    }
}

/// The project's own playbook of that short name.
pub(super) fn own(name: &str, dir: &Path) -> Option<PathBuf> {
    let files = [name.to_owned(), format!("{name}.yaml"), format!("{name}.yml")];
    files.iter().map(|file| Path::new(FOLDER).join(file)).find(|path| dir.join(path).is_file())
}

/// One that comes with the program imports others of it, whatever the project has by their names: somebody who changed one
/// should know.
fn passed_over(shipped: &Shipped, dir: &Path, problems: &mut Diagnostics) {
    for imported in shipped.with_imports().into_iter().skip(1) {
        let Some(own) = own(imported.name, dir) else { continue };
        let message =
            format!("`{}` is not what runs: the built-in `{}` imports the built-in `{}`", own.display(), shipped.name, imported.name);
        let hint = format!("`homelabctl playbooks eject {}` makes one of your own that imports yours", shipped.name);
        problems.push(Diagnostic::warning(message).hint(hint));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(dir: &Path) -> Environment {
        Environment { working_dir: dir.to_owned(), cache_dir: dir.join("cache"), ..Environment::capture() }
    }

    fn files(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(FOLDER)).unwrap();
        names.iter().for_each(|name| std::fs::write(dir.path().join(name), "[]").unwrap());
        dir
    }

    fn choose(dir: &tempfile::TempDir, named: &[&str]) -> (Vec<String>, Vec<String>) {
        let mut problems = Diagnostics::new();
        let named: Vec<PathBuf> = named.iter().map(PathBuf::from).collect();
        let paths = chosen(&named, &environment(dir.path()), &mut problems);
        let shown = |path: PathBuf| match path.strip_prefix(dir.path()) {
            Ok(below) => below.components().next_back().map(|last| format!("built-in {}", last.as_os_str().to_string_lossy())).unwrap(),
            Err(_) => path.display().to_string(),
        };
        (paths.into_iter().map(shown).collect(), problems.0.into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn the_projects_own_come_first() {
        let dir = files(&["playbooks/tuning.yaml", "own.yml"]);
        assert_eq!(choose(&dir, &["tuning"]).0, ["playbooks/tuning.yaml"]);
        assert_eq!(choose(&dir, &["base", "own.yml"]).0, ["built-in base.yaml", "own.yml"]);
        assert_eq!(choose(&files(&[]), &["tuning.yaml"]).0, ["built-in tuning.yaml"]);
    }

    #[test]
    fn without_a_name_it_is_the_site() {
        assert_eq!(choose(&files(&["playbooks/site.yaml"]), &[]).0, ["playbooks/site.yaml"]);
        assert_eq!(choose(&files(&[]), &[]), (vec!["built-in site.yaml".into()], vec![]));
        let (paths, said) = choose(&files(&["playbooks/tuning.yaml"]), &[]);
        assert_eq!(paths, ["built-in site.yaml"]);
        assert!(said[0].contains("`playbooks/tuning.yaml` is not what runs"), "{said:?}");
    }

    #[test]
    fn a_name_that_nothing_has_is_told() {
        let (paths, said) = choose(&files(&[]), &["tunning"]);
        assert!(paths.is_empty() && said[0].contains("there is no playbook `tunning`"), "{said:?}");
        // a file is asked for: what is wrong with it is said by who reads it
        assert_eq!(choose(&files(&[]), &["tunning.yml", "a/tuning"]).0, ["tunning.yml", "a/tuning"]);
    }
}
