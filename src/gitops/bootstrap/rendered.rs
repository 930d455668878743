//! What shall be in the repository, and the objects that it makes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::github::commit::File;
use super::super::manifests::folder::kustomization;
use super::super::manifests::sync::{COMPONENTS_FILE, SYNC_FILE, SyncError, manifest, resources};
use super::super::manifests::{Bundle, RenderError, components};
use super::super::settings::Settings;
use super::observe::Found;
use crate::yaml::objects;

/// The file that says which others count.
pub const KUSTOMIZATION_FILE: &str = "kustomization.yaml";

/// Files and objects.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// The files, whole.
    pub files: Vec<File>,
    /// The objects in them.
    pub objects: Vec<Value>,
    /// The objects of Flux's own files as they were.
    pub before: Vec<Value>,
    /// Whether a person's kustomization.yaml says more than that these two files count: it may change the objects.
    pub is_patched: bool,
}

/// Why nothing can be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderedError {
    /// The components.
    #[error(transparent)]
    Components(#[from] RenderError),
    /// What Flux follows.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// Our own text is no manifest.
    #[error("{0}")]
    Objects(String),
}

/// Where Flux's own files are, as git has them.
pub fn paths(settings: &Settings) -> [String; 3] {
    let of = |name: &str| settings.file(&format!("{}/{name}", settings.sync.namespace));
    [of(COMPONENTS_FILE), of(SYNC_FILE), of(KUSTOMIZATION_FILE)]
}

/// Renders. A kustomization.yaml that is there is never written.
///
/// # Errors
/// Something cannot be rendered.
pub fn render(settings: &Settings, bundle: &Bundle, found: Option<&Found>) -> Result<Rendered, RenderedError> {
    let (parts, sync) = (components(&settings.options, bundle)?, manifest(&settings.sync)?);
    let read = |name: &str, text: &str| objects::read(name, text).map_err(RenderedError::Objects);
    let mut all = read(COMPONENTS_FILE, &parts)?;
    all.extend(read(SYNC_FILE, &sync)?);
    let [components_path, sync_path, kustomization_path] = paths(settings);
    let there = |path: &str| found.and_then(|found| found.contents.get(path)).map(|content| String::from_utf8_lossy(content));
    let mut before = Vec::new();
    for path in [&components_path, &sync_path] {
        // one that nobody can read is replaced, and nothing is known to be pruned
        before.extend(there(path).and_then(|text| objects::read(path, &text).ok()).unwrap_or_default());
    }
    let mut files = vec![File { path: components_path, content: parts.into_bytes() }, File { path: sync_path, content: sync.into_bytes() }];
    let is_patched = match there(&kustomization_path) {
        Some(text) => !is_plain(&text),
        None => {
            let text = listed(&files, &kustomization_path, found)?;
            // what a person put beside Flux's files counts from now on
            let is_patched = text != resources(&[COMPONENTS_FILE, SYNC_FILE])?;
            files.push(File { path: kustomization_path, content: text.into_bytes() });
            is_patched
        }
    };
    Ok(Rendered { files, objects: all, before, is_patched })
}

/// The kustomization of a folder that has none: all that lies in it.
fn listed(files: &[File], path: &str, found: Option<&Found>) -> Result<String, SyncError> {
    let folder = path.strip_suffix(KUSTOMIZATION_FILE).unwrap_or_default();
    let mut all: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for (path, content) in found.iter().flat_map(|found| &found.contents) {
        all.extend(path.strip_prefix(folder).map(|name| (name, content.as_slice())));
    }
    for file in files {
        all.extend(file.path.strip_prefix(folder).map(|name| (name, file.content.as_slice())));
    }
    let all: Vec<(&str, &[u8])> = all.into_iter().collect();
    Ok(kustomization(&all)?.unwrap_or(resources(&[COMPONENTS_FILE, SYNC_FILE])?))
}

/// Whether a kustomization only lists Flux's own two files.
fn is_plain(text: &str) -> bool {
    let Ok(documents) = crate::yaml::load_all(&crate::diagnostics::Source::new(KUSTOMIZATION_FILE, text)) else { return false };
    let [document] = documents.0.as_slice() else { return false };
    let value = objects::json(document);
    let Some(fields) = value.as_object() else { return false };
    let mut listed: Vec<&str> = fields.get("resources").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    listed.sort_unstable();
    fields.keys().all(|key| matches!(key.as_str(), "apiVersion" | "kind" | "resources")) && listed == [COMPONENTS_FILE, SYNC_FILE]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flux_s_own_two_files_are_plain() {
        let plain = resources(&[COMPONENTS_FILE, SYNC_FILE]).unwrap();
        assert!(is_plain(&plain));
        assert!(is_plain(&format!("# mine\n{}", resources(&[SYNC_FILE, COMPONENTS_FILE]).unwrap())));
        assert!(!is_plain(&format!("{plain}- more.yaml\n")));
        assert!(!is_plain(&format!("{plain}patches:\n- path: a.yaml\n")));
        assert!(!is_plain("resources: [") && !is_plain(""));
    }
}
