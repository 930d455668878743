//! What a module sees of this machine: the files that a task names, and templates.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::digests::Digests;
use super::hide;
use crate::diagnostics::Source;
use crate::modules::{LocalEntry, LocalFile, Outside, TemplateText};
use crate::playbook::Task;
use crate::template::{Engine, Over, Scope};
use crate::yaml::{Keys, Node, Value, VaultError};

/// For one task on one host.
pub(super) struct Here<'a> {
    pub(super) search: Vec<PathBuf>,
    pub(super) engine: &'a Engine,
    pub(super) keys: &'a Keys,
    pub(super) digests: &'a Digests,
    pub(super) scope: Arc<dyn Scope>,
}

/// Where files of a task are looked for, the nearest first: the role's and those of the roles that need it, the including
/// file's, the playbook's. In each first in `folder`, then in it itself.
pub(super) fn search(task: &Task, playbook: &Path) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    if let Some(role) = &task.role {
        dirs.push(role.path.clone());
        dirs.extend(role.above.iter().cloned());
    }
    dirs.extend(task.file.parent().map(Path::to_owned));
    dirs.push(playbook.to_owned());
    let mut unique: Vec<PathBuf> = Vec::new();
    for dir in dirs {
        if !unique.contains(&dir) {
            unique.push(dir);
        }
    }
    unique
}

/// The folder in which a loop looks for files, by the module's name as Ansible does it.
pub(super) fn folder(module: &str) -> &'static str {
    if module.contains("template") {
        "templates"
    } else if module.contains("var") {
        "vars"
    } else {
        "files"
    }
}

/// The first of these that is there.
pub(super) fn find(search: &[PathBuf], folder: &str, name: &str, home: &Path) -> Result<PathBuf, String> {
    let name = match name.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => PathBuf::from(name),
    };
    let candidates: Vec<PathBuf> = if name.is_absolute() {
        vec![name.clone()]
    } else {
        search.iter().flat_map(|dir| [dir.join(folder).join(&name), dir.join(&name)]).collect()
    };
    if let Some(found) = candidates.iter().find(|path| path.exists()) {
        return Ok(found.clone());
    }
    let places: Vec<String> = candidates.iter().map(|path| format!("`{}`", path.display())).collect();
    Err(format!("there is no file `{}`; looked for {}", name.display(), places.join(", ")))
}

impl Here<'_> {
    fn path(&self, folder: &str, name: &str) -> Result<PathBuf, String> {
        find(&self.search, folder, name, self.engine.home())
    }

    /// What stands in a file, decrypted. What must not be shown of it is told.
    fn opened(&self, bytes: Vec<u8>, path: &Path) -> Result<Vec<u8>, String> {
        let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(bytes) };
        if !crate::yaml::is_encrypted(text) {
            hide::passwords(self.engine, text);
            return Ok(bytes);
        }
        let clear = self.keys.open_text(text).map_err(|error| match error {
            // with Ansible's words at the end, for playbooks that look for them
            VaultError::NoPassword => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                format!("{error}; {}. A vault password or secret must be specified to decrypt {}", error.advice(), path.display())
            }
            error => format!("`{}`: {error}; {}", path.display(), error.advice()),
        })?;
        self.engine.hide(&clear);
        hide::passwords(self.engine, &clear);
        Ok(clear.into_bytes())
    }

    fn walk(&self, dir: &Path, prefix: &str, entries: &mut Vec<LocalEntry>, follow: bool, above: &mut Vec<PathBuf>) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("cannot read `{}`: {}", dir.display(), crate::diagnostics::reason(&error));
        if above.len() > 100 {
            return Err(format!("`{}` is nested too deeply", dir.display()));
        }
        let mut names: Vec<_> = std::fs::read_dir(dir).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
        // a directory's files come before what is below it, as in Ansible: the first that cannot be read is told
        names.sort_by_cached_key(|entry| (entry.path().is_dir(), entry.file_name()));
        above.push(dir.canonicalize().map_err(failed)?);
        for entry in names {
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            let real = entry.path();
            let is_link = real.is_symlink();
            // one that leads nowhere, or back to where it stands, stays a link
            let back = |target: PathBuf| above.iter().any(|dir| dir.starts_with(&target));
            let circles = is_link && real.canonicalize().map_or(true, back);
            if is_link && (!follow || circles) {
                let target = std::fs::read_link(&real).map_err(failed)?.display().to_string();
                entries.push(LocalEntry { path, mode: 0o777, content: None, link: Some(target) });
                continue;
            }
            let metadata = metadata(&real)?;
            let mode = metadata.permissions().mode() & 0o7777;
            if metadata.is_dir() {
                entries.push(LocalEntry { path: path.clone(), mode, content: None, link: None });
                self.walk(&real, &path, entries, follow, above)?;
            } else {
                let bytes = std::fs::read(&real).map_err(failed)?;
                entries.push(LocalEntry { path, mode, content: Some(self.opened(bytes, &real)?), link: None });
            }
        }
        above.pop();
        Ok(())
    }
}

impl Outside for Here<'_> {
    fn file(&self, folder: &str, name: &str) -> Result<Vec<u8>, String> {
        let bytes = self.as_it_is(folder, name)?;
        self.opened(bytes, &self.path(folder, name)?)
    }

    fn as_it_is(&self, folder: &str, name: &str) -> Result<Vec<u8>, String> {
        let path = self.path(folder, name)?;
        std::fs::read(&path).map_err(|error| format!("cannot read `{}`: {}", path.display(), crate::diagnostics::reason(&error)))
    }

    fn large(&self, folder: &str, name: &str) -> Result<Option<LocalFile>, String> {
        self.digests.large(&self.path(folder, name)?)
    }

    fn mode(&self, folder: &str, name: &str) -> Result<u32, String> {
        Ok(metadata(&self.path(folder, name)?)?.permissions().mode() & 0o7777)
    }

    fn tree(&self, folder: &str, name: &str, follow: bool) -> Result<Vec<LocalEntry>, String> {
        let root = self.path(folder, name)?;
        if !root.is_dir() {
            let mode = metadata(&root)?.permissions().mode() & 0o7777;
            return Ok(vec![LocalEntry { path: String::new(), mode, content: Some(self.file(folder, name)?), link: None }]);
        }
        let mut entries = Vec::new();
        self.walk(&root, "", &mut entries, follow, &mut Vec::new())?;
        Ok(entries)
    }

    fn found(&self, folder: &str, name: &str) -> Result<String, String> {
        let path = self.path(folder, name)?;
        let path = std::path::absolute(&path).unwrap_or(path).display().to_string();
        Ok(if name.ends_with('/') && !path.ends_with('/') { path + "/" } else { path })
    }

    fn is_directory(&self, folder: &str, name: &str) -> bool {
        self.path(folder, name).is_ok_and(|path| path.is_dir())
    }

    fn render(&self, template: &TemplateText<'_>) -> Result<String, String> {
        let path = self.path("templates", template.name).unwrap_or_else(|_| PathBuf::from(template.name));
        let source = Source::new(path.display().to_string(), template.text);
        let mut own: BTreeMap<String, Node> =
            template.variables.iter().map(|(name, value)| (name.clone(), crate::modules::node(value, &source.whole()))).collect();
        let full = std::path::absolute(&path).unwrap_or(path);
        own.insert("template_fullpath".to_owned(), super::task::text(&full.display().to_string()));
        own.extend(crate::template::about_file(&full).into_iter().map(|(name, value)| (name.to_owned(), super::magic::made(value))));
        // what it includes may stand beside it
        let dirs = self.search.iter().map(PathBuf::as_path).chain(full.parent());
        let dirs = dirs.map(|dir| super::task::text(&dir.display().to_string())).collect();
        own.insert("ansible_search_path".to_owned(), super::magic::made(Value::List(dirs)));
        if self.scope.get("ansible_managed").is_some() {
            own.remove("ansible_managed");
        }
        let scope = Arc::new(Over::new(own, Arc::clone(&self.scope)));
        let rendered = self.engine.render_text(&source, scope, template.options).map_err(|error| match &error.place {
            Some(place) => format!("{} ({})", error.message, crate::inventory::where_it_stands(place)),
            None => error.message.clone(),
        })?;
        let text = super::task::shown(&rendered);
        hide::passwords(self.engine, &text);
        Ok(text)
    }
}

fn metadata(path: &Path) -> Result<std::fs::Metadata, String> {
    std::fs::metadata(path).map_err(|error| format!("cannot read `{}`: {}", path.display(), crate::diagnostics::reason(&error)))
}
