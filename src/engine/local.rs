//! What a task writes on the machine that this program runs on: `fetch`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::modules::LocalWrite;

/// Writes what differs, below `dir` if its path is relative. Whether anything did; and where the last one is.
///
/// # Errors
/// What cannot be written, and why.
pub(super) fn write(writes: &[LocalWrite], dir: &Path, check: bool) -> Result<(bool, Option<PathBuf>), String> {
    let (mut changed, mut last) = (false, None);
    for wanted in writes {
        let path = std::path::absolute(dir.join(&wanted.path)).map_err(|error| error.to_string())?;
        let failed = |error: std::io::Error| format!("cannot write `{}`: {}", path.display(), crate::diagnostics::reason(&error));
        last = Some(path.clone());
        if fs::read(&path).is_ok_and(|content| content == wanted.content) {
            continue;
        }
        changed = true;
        if check {
            continue;
        }
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
