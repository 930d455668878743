//! The base files of a release: one a controller, `rbac.yaml` and `policies.yaml`.
//!
//! They end as root's rights in a cluster, so none is taken on trust: each has to have the digest that is pinned in the program, or
//! all of them come out of an archive that has the digest which the caller got from the release.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::component::Component;
use super::options::Version;
use super::pins::{known, pinned};
use crate::diagnostics::{read_bytes, reason};

/// The longest file has 103 kB, the archive of all of them 50.
const MOST: u64 = 4 << 20;
const RBAC: &str = "rbac.yaml";
const POLICIES: &str = "policies.yaml";

/// The base files of one release, each of them checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    version: Version,
    files: BTreeMap<String, String>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The release does not let itself be fetched.
    #[error("the files of Flux {version} are not to be had: {said}")]
    Fetch {
        /// The release.
        version: Version,
        /// Why.
        said: String,
    },
    /// The release does not say what its files are.
    #[error("the checksums of Flux {0} do not name manifests.tar.gz")]
    Checksum(Version),
    /// The release's digests are not in the program.
    #[error("the base files of Flux {0} are not known to this program")]
    UnknownVersion(Version),
    /// A file is not there.
    #[error("the base files of Flux {version} have no {name}")]
    Missing {
        /// The release.
        version: Version,
        /// The file.
        name: String,
    },
    /// A file or the archive has another content than the release's.
    #[error("{name} of Flux {version} has sha256 {found}, and {wanted} is wanted")]
    Digest {
        /// The release.
        version: Version,
        /// The file.
        name: String,
        /// The digest of the release.
        wanted: String,
        /// The digest that it has.
        found: String,
    },
    /// It is no text.
    #[error("{0} is no text")]
    Text(String),
    /// It was not read.
    #[error("cannot read {}: {}", .0.display(), reason(.1))]
    Read(PathBuf, #[source] io::Error),
    /// The archive is none.
    #[error("cannot unpack the base files: {}", reason(.0))]
    Archive(#[source] io::Error),
}

impl BundleError {
    /// What to do, if something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownVersion(_) => {
                Some(format!("known are {}; of others the release's whole archive is needed", known().collect::<Vec<_>>().join(", ")))
            }
            Self::Missing { .. } | Self::Archive(_) | Self::Text(_) => Some("the release's manifests.tar.gz has all of them".into()),
            Self::Digest { version, .. } => {
                Some(format!("take manifests.tar.gz from the release {version} again; if it stays so, somebody has changed it on the way"))
            }
            Self::Fetch { .. } => Some("without internet, name the release's archive: --manifests FILE".into()),
            Self::Read(..) | Self::Checksum(_) => None,
        }
    }
}

/// The sha256 of bytes, in hex.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Names of the base files that there may be.
fn names() -> impl Iterator<Item = String> {
    Component::ALL.iter().map(|component| format!("{component}.yaml")).chain([RBAC.to_owned(), POLICIES.to_owned()])
}

impl Bundle {
    /// The files of a folder, each with its pinned digest. A file that is not there is missed once it is needed.
    ///
    /// # Errors
    /// The release is not known, or a file cannot be read or has another digest.
    pub fn from_folder(version: Version, folder: &Path) -> Result<Self, BundleError> {
        let mut files = BTreeMap::new();
        for name in names() {
            let path = folder.join(&name);
            match read_bytes(&path, MOST) {
                Ok(bytes) => drop(files.insert(name, bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound && folder.is_dir() => {}
                Err(error) => return Err(BundleError::Read(path, error)),
            }
        }
        Self::pinned(version, files)
    }

    /// The files of a release's `manifests.tar.gz`: each with its pinned digest; or all of them, if the digest of the whole is given
    /// by somebody who knows it.
    ///
    /// # Errors
    /// As [`Self::from_folder`]; or it is no such archive, or has another digest.
    pub fn from_archive(version: Version, archive: &[u8], digest: Option<&str>) -> Result<Self, BundleError> {
        if let Some(wanted) = digest {
            check(&version, "manifests.tar.gz", archive, wanted)?;
        }
        let files = unpacked(archive).map_err(BundleError::Archive)?;
        if digest.is_none() { Self::pinned(version, files) } else { Self::of(version, files) }
    }

    /// Only the files that have their pinned digest.
    fn pinned(version: Version, files: BTreeMap<String, Vec<u8>>) -> Result<Self, BundleError> {
        let mut good = BTreeMap::new();
        for (name, bytes) in files {
            match pinned(&version.to_string(), &name) {
                None => return Err(BundleError::UnknownVersion(version)),
                // nothing tells whether it is the release's: it is as if it were not there
                Some(None) => {}
                Some(Some(wanted)) => {
                    check(&version, &name, &bytes, wanted)?;
                    good.insert(name, bytes);
                }
            }
        }
        Self::of(version, good)
    }

    fn of(version: Version, files: BTreeMap<String, Vec<u8>>) -> Result<Self, BundleError> {
        let text = |(name, bytes): (String, Vec<u8>)| match String::from_utf8(bytes) {
            Ok(text) => Ok((name, text)),
            Err(_) => Err(BundleError::Text(name)),
        };
        Ok(Self { files: files.into_iter().map(text).collect::<Result<_, _>>()?, version })
    }

    /// Files that nobody has checked.
    #[cfg(test)]
    pub(super) fn unchecked(version: Version, files: &[(&str, &str)]) -> Self {
        Self { version, files: files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect() }
    }

    /// Whether this program knows the digests of a release's files.
    pub fn is_known(version: &Version) -> bool {
        known().any(|known| known == version.to_string())
    }

    /// The release.
    pub fn version(&self) -> &Version {
        &self.version
    }

    pub(super) fn component(&self, component: Component) -> Result<&str, BundleError> {
        self.file(&format!("{component}.yaml"))
    }

    pub(super) fn rbac(&self) -> Result<&str, BundleError> {
        self.file(RBAC)
    }

    pub(super) fn policies(&self) -> Result<&str, BundleError> {
        self.file(POLICIES)
    }

    fn file(&self, name: &str) -> Result<&str, BundleError> {
        let missing = || BundleError::Missing { version: self.version.clone(), name: name.to_owned() };
        self.files.get(name).map(String::as_str).ok_or_else(missing)
    }
}

fn check(version: &Version, name: &str, bytes: &[u8], wanted: &str) -> Result<(), BundleError> {
    let found = sha256(bytes);
    if found.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(BundleError::Digest { version: version.clone(), name: name.to_owned(), wanted: wanted.to_owned(), found })
}

/// The base files of an archive, within bounds; whatever else is in it is left alone.
fn unpacked(archive: &[u8]) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(GzDecoder::new(archive).take(16 * MOST)).entries()? {
        let entry = entry?;
        let Some(name) = entry.path()?.to_str().map(|path| path.trim_start_matches("./").to_owned()) else { continue };
        if names().any(|known| known == name) && entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.take(MOST).read_to_end(&mut bytes)?;
            files.insert(name, bytes);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version() -> Version {
        Version::parse("v2.9.4").unwrap()
    }

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn a_changed_file_is_refused_with_both_digests() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rbac.yaml"), "kind: A\n").unwrap();
        let error = Bundle::from_folder(version(), folder.path()).unwrap_err();
        let said = error.to_string();
        let wanted = pinned("v2.9.4", "rbac.yaml").unwrap().unwrap();
        assert_eq!(said, format!("rbac.yaml of Flux v2.9.4 has sha256 {}, and {wanted} is wanted", sha256(b"kind: A\n")));
        assert!(error.hint().unwrap().contains("manifests.tar.gz"));
        let error = Bundle::from_archive(version(), &archive(&[("./rbac.yaml", "kind: A\n")]), None).unwrap_err();
        assert_eq!(error.to_string(), said);
    }

    #[test]
    fn what_is_not_pinned_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("source-watcher.yaml"), "kind: A\n").unwrap();
        let bundle = Bundle::from_folder(version(), folder.path()).unwrap();
        let error = bundle.component(Component::SourceWatcher).unwrap_err();
        assert_eq!(error.to_string(), "the base files of Flux v2.9.4 have no source-watcher.yaml");
        let error = Bundle::from_folder(Version::parse("v2.0.0").unwrap(), folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "the base files of Flux v2.0.0 are not known to this program");
        assert!(error.hint().unwrap().contains("known are v2.9.4"));
    }

    #[test]
    fn an_archive_whose_digest_is_known_brings_all() {
        let whole = archive(
            &[("source-watcher.yaml", "kind: A\n"), ("../rbac.yaml.bak", "no"), ("other", "no")]
                .map(|(n, t)| (n.trim_start_matches("../"), t)),
        );
        let bundle = Bundle::from_archive(Version::parse("2.10.0").unwrap(), &whole, Some(&sha256(&whole))).unwrap();
        assert_eq!((bundle.component(Component::SourceWatcher).unwrap(), bundle.files.len()), ("kind: A\n", 1));
        let error = Bundle::from_archive(version(), &whole, Some("00")).unwrap_err();
        assert_eq!(error.to_string(), format!("manifests.tar.gz of Flux v2.9.4 has sha256 {}, and 00 is wanted", sha256(&whole)));
        assert!(Bundle::from_archive(version(), b"nothing", None).unwrap_err().to_string().starts_with("cannot unpack the base files: "));
        let error = Bundle::from_folder(version(), Path::new("/nowhere")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /nowhere/source-controller.yaml: there is no such file");
    }
}
