//! Where Flux's base files come from: a file that a person names, the cache, or the release itself, which is then kept.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{Bundle, BundleError, Version};
use crate::diagnostics::read_bytes;

/// The longest archive that is read.
const MOST: u64 = 16 << 20;

/// The files of a release from a file or a folder that a person names.
///
/// # Errors
/// They cannot be read, or are not those of the release.
pub fn named(version: &Version, path: &Path) -> Result<Bundle, BundleError> {
    if path.is_dir() {
        return Bundle::from_folder(version.clone(), path);
    }
    let archive = read_bytes(path, MOST).map_err(|error| BundleError::Read(path.to_owned(), error))?;
    Bundle::from_archive(version.clone(), &archive, None)
}

/// Where the cache has a release's archive.
pub fn cached(cache: &Path, version: &Version) -> PathBuf {
    cache.join("homelabctl/flux").join(version.to_string()).join("manifests.tar.gz")
}

/// The files of a release from the cache; none if they are not there, or are damaged.
pub fn kept(cache: &Path, version: &Version, digest: Option<&str>) -> Option<Bundle> {
    let archive = read_bytes(&cached(cache, version), MOST).ok()?;
    Bundle::from_archive(version.clone(), &archive, digest).ok()
}

/// Keeps a release's archive, whole or not at all.
///
/// # Errors
/// It cannot be written.
pub fn keep(cache: &Path, version: &Version, archive: &[u8]) -> io::Result<()> {
    let path = cached(cache, version);
    let folder = path.parent().unwrap_or(cache);
    std::fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!("manifests.{:016x}", rand::random::<u64>()));
    let mut file = std::fs::File::create_new(&unfinished)?;
    let written = file.write_all(archive).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&unfinished, &path));
    if written.is_err() {
        // an error of the second kind says nothing that the first did not
        let _ = std::fs::remove_file(&unfinished);
    }
    written
}

/// Where a release is.
pub fn address(version: &Version, file: &str) -> String {
    format!("https://github.com/fluxcd/flux2/releases/download/{version}/{file}")
}

/// The digest of the archive in a release's list of checksums.
pub fn checksum(list: &str) -> Option<&str> {
    list.lines().find_map(|line| {
        let (digest, name) = line.split_once(char::is_whitespace)?;
        (name.trim().trim_start_matches('*') == "manifests.tar.gz").then_some(digest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_found_by_its_file() {
        let list = "aa  flux_2.9.4_linux_amd64.tar.gz\nbb  manifests.tar.gz\ncc *crd-schemas.tar.gz\n";
        assert_eq!(checksum(list), Some("bb"));
        assert_eq!(checksum("bb  other-manifests.tar.gz\n"), None);
    }

    #[test]
    fn what_is_damaged_is_as_if_it_were_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let version = Version::parse("v2.9.4").unwrap();
        assert!(kept(dir.path(), &version, None).is_none());
        keep(dir.path(), &version, b"no archive").unwrap();
        assert_eq!(std::fs::read(cached(dir.path(), &version)).unwrap(), b"no archive");
        assert!(kept(dir.path(), &version, None).is_none());
        let left: Vec<_> = std::fs::read_dir(dir.path().join("homelabctl/flux/v2.9.4")).unwrap().collect();
        assert_eq!(left.len(), 1);
    }
}
