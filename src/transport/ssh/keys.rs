//! Private keys, each read and decrypted once in a run.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::{Certificate, Error as KeyError, PrivateKey, PublicKey, decode_secret_key, load_openssh_certificate, load_public_key};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use super::person::Thinking;
use super::{LoadKeyError, Person};

/// How often a passphrase is asked for, as in ssh(1).
const TRIES: usize = 3;

/// The keys of a run.
#[derive(Debug, Default)]
pub(crate) struct KeyRing {
    // one lock around asking too: a hundred hosts ask for one passphrase once
    loaded: Mutex<HashMap<PathBuf, Result<Arc<PrivateKey>, LoadKeyError>>>,
}

impl KeyRing {
    /// The key in that file; asks for its passphrase the first time. `None` if there is no such file.
    pub(crate) async fn load(
        &self,
        path: &Path,
        person: &dyn Person,
        thinking: &Thinking,
    ) -> Result<Option<Arc<PrivateKey>>, LoadKeyError> {
        let mut loaded = thinking.wait(self.loaded.lock()).await;
        if let Some(known) = loaded.get(path) {
            return known.clone().map(Some);
        }
        if load_public_key(path).is_ok() {
            return Ok(None);
        }
        let Some(text) = read(path)? else { return Ok(None) };
        let key = thinking.wait(decrypt(path, &text, person)).await.map(Arc::new);
        loaded.insert(path.to_owned(), key.clone());
        key.map(Some)
    }

    /// Whether using the key in that file means asking for its passphrase first.
    pub(crate) async fn needs_passphrase(&self, path: &Path) -> bool {
        if self.loaded.lock().await.contains_key(path) {
            return false;
        }
        match read(path) {
            Ok(Some(text)) => is_encrypted(&decode_secret_key(&text, None)),
            _ => false,
        }
    }

    /// What can be known of the key in that file without its passphrase.
    pub(crate) fn public(path: &Path) -> Option<PublicKey> {
        // the file may be the public half itself, of a key that only an agent has
        if let Some(key) = [path.to_owned(), with_ending(path, ".pub")].iter().find_map(|file| load_public_key(file).ok()) {
            return Some(key);
        }
        let text = read(path).ok()??;
        // the new format has the public half in the clear
        PrivateKey::from_openssh(&text).ok().map(|key| key.public_key().clone())
    }

    /// The certificate beside that key, as ssh looks for it.
    pub(crate) fn certificate_beside(path: &Path) -> Option<Certificate> {
        load_openssh_certificate(with_ending(path, "-cert.pub")).ok()
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The file's text, if it is there and nobody else can read it.
fn read(path: &Path) -> Result<Option<String>, LoadKeyError> {
    let failed = |error: std::io::Error| LoadKeyError::Read { path: path.to_owned(), why: error.to_string() };
    let meta = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    // as sshkey_perm_ok in OpenSSH: only the user's own files are held to it
    let mode = meta.mode() & 0o777;
    if meta.uid() == rustix::process::getuid().as_raw() && mode & 0o077 != 0 {
        return Err(LoadKeyError::Open { path: path.to_owned(), mode });
    }
    std::fs::read_to_string(path).map(Some).map_err(failed)
}

fn is_encrypted(decoded: &Result<PrivateKey, KeyError>) -> bool {
    match decoded {
        Ok(key) => key.is_encrypted(),
        Err(error) => matches!(error, KeyError::KeyIsEncrypted),
    }
}

async fn decrypt(path: &Path, text: &str, person: &dyn Person) -> Result<PrivateKey, LoadKeyError> {
    match decode_secret_key(text, None) {
        encrypted if is_encrypted(&encrypted) => {}
        Ok(key) => return Ok(key),
        Err(error) => return Err(LoadKeyError::Format { path: path.to_owned(), why: error.to_string() }),
    }
    let question = format!("passphrase for the key {}: ", path.display());
    for _ in 0..TRIES {
        let Some(passphrase) = person.secret(&question, false).await else { break };
        if passphrase.expose_secret().is_empty() {
            break;
        }
        if let Ok(key) = decode_secret_key(text, Some(passphrase.expose_secret())) {
            return Ok(key);
        }
    }
    Err(LoadKeyError::Encrypted { path: path.to_owned() })
}
