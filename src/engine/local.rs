//! What a task writes on the machine that this program runs on: `fetch`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::modules::LocalWrite;

/// Files that were not written, because nothing is in check mode.
pub(super) type Foreseen = Mutex<BTreeMap<PathBuf, Vec<u8>>>;

/// Writes what differs, below `dir` if its path is relative; only remembers it if it is `foreseen`. Whether anything did; and
/// where the last one is.
///
/// # Errors
/// What cannot be written, and why.
pub(super) fn write(writes: &[LocalWrite], dir: &Path, foreseen: Option<&Foreseen>) -> Result<(bool, Option<PathBuf>), String> {
    let (mut changed, mut last) = (false, None);
    for wanted in writes {
        let path = std::path::absolute(dir.join(&wanted.path)).map_err(|error| error.to_string())?;
        let failed = |error: std::io::Error| format!("cannot write `{}`: {}", path.display(), crate::diagnostics::reason(&error));
        last = Some(path.clone());
        if path.is_dir() {
            return Err(wanted.in_the_way.replace("{}", &path.display().to_string()));
        }
        if let Some(foreseen) = foreseen {
            let mut foreseen = foreseen.lock().unwrap_or_else(PoisonError::into_inner);
            let is = foreseen.get(&path).cloned().or_else(|| fs::read(&path).ok());
            changed |= is.as_ref() != Some(&wanted.content);
            foreseen.insert(path, wanted.content.clone());
            continue;
        }
        if fs::read(&path).is_ok_and(|content| content == wanted.content) {
            continue;
        }
        changed = true;
        let parent = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(failed)?;
        // whole or not at all
        let temporary = parent.join(format!(".homelabctl-{:016x}", rand::random::<u64>()));
        let result = fs::File::create(&temporary).and_then(|mut file| {
            file.write_all(&wanted.content)?;
            if let Some(mode) = wanted.mode {
                file.set_permissions(fs::Permissions::from_mode(mode))?;
            }
            file.sync_all()?;
            fs::rename(&temporary, &path)
        });
        if let Err(error) = result {
            let _ = fs::remove_file(&temporary);
            return Err(failed(error));
        }
    }
    Ok((changed, last))
}
