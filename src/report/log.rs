//! The log of a run: every event as a line of JSON, readable by its owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Why a run has no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directory or the file could not be made.
    #[error("making {}", path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others could read the log.
    #[error("{} is open to others (mode {mode:04o}), so no log is written there", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Makes the log file of a run that starts now: `STATE_DIR/homelabctl/runs/2026-11-23T14-02-11Z-4711.jsonl`.
///
/// Directories are made with mode 0700 and the file with 0600, in the call that makes them: there is no moment at which
/// somebody else could open them. An existing directory must belong to nobody else either.
///
/// # Errors
/// [`LogError`]; the run can go on without a log, but the person should know.
pub fn create(state_dir: &Path, now: Timestamp, pid: u32) -> Result<(PathBuf, File), LogError> {
    let directory = state_dir.join("homelabctl").join("runs");
    let made = |path: &Path| {
        let path = path.to_owned();
        move |source| LogError::Make { path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(made(&directory))?;
    let mode = fs::metadata(&directory).map_err(made(&directory))?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(LogError::Open { path: directory, mode });
    }
    let path = directory.join(format!("{}-{pid}.jsonl", now.strftime("%Y-%m-%dT%H-%M-%SZ")));
    // create_new: never an existing file, and never through a link
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(made(&path))?;
    Ok((path, file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn only_its_owner_can_read_it() {
        let state = tempfile::tempdir().unwrap();
        let (path, _file) = create(&state.path().join("state"), Timestamp::UNIX_EPOCH, 7).unwrap();
        assert!(path.ends_with("state/homelabctl/runs/1970-01-01T00-00-00Z-7.jsonl"), "{path:?}");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        for directory in path.ancestors().skip(1).take(3) {
            assert_eq!(fs::metadata(directory).unwrap().mode() & 0o777, 0o700, "{directory:?}");
        }
        let again = create(&state.path().join("state"), Timestamp::UNIX_EPOCH, 7);
        assert!(matches!(again, Err(LogError::Make { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists));
    }

    #[test]
    fn a_directory_that_is_open_to_others_gets_no_log() {
        let state = tempfile::tempdir().unwrap();
        let runs = state.path().join("homelabctl/runs");
        fs::create_dir_all(&runs).unwrap();
        fs::set_permissions(&runs, fs::Permissions::from_mode(0o750)).unwrap();
        let error = create(state.path(), Timestamp::UNIX_EPOCH, 7).unwrap_err();
        assert!(error.to_string().ends_with("is open to others (mode 0750), so no log is written there"), "{error}");
        assert_eq!(fs::read_dir(&runs).unwrap().count(), 0);
    }
}
