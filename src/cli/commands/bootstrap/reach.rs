//! How GitHub, the cluster and Flux's files are reached, from what a person said and from the surroundings.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::super::super::environment::Environment;
use super::said::Said;
use crate::diagnostics::{read_bytes, reason};
use crate::gitops::Requests;
use crate::gitops::bootstrap::look::AsyncBundle;
use crate::gitops::github::{self, Refused, release};
use crate::gitops::manifests::{Bundle, BundleError, store};
use crate::gitops::settings::Settings;
use crate::node::errand::AUTHORITIES;
use crate::node::web::is_listed;

/// The longest file of authorities.
const MOST: u64 = 16 << 20;

/// The text of a variable, if it says something.
fn variable(environment: &Environment, names: &[&str]) -> Option<String> {
    let of = |name: &&str| environment.variables.get(OsStr::new(name)).and_then(|value| value.to_str()).filter(|text| !text.is_empty());
    names.iter().find_map(of).map(str::to_owned)
}

/// The authorities of a CA file, as PEM.
///
/// # Errors
/// It cannot be read; in words for people.
pub fn authority(said: &Said, environment: &Environment) -> Result<Option<String>, String> {
    let Some(file) = said.first(|layer| &layer.ca_file) else { return Ok(None) };
    let bytes =
        read_bytes(&environment.working_dir.join(&file), MOST).map_err(|error| format!("{file} cannot be read: {}", reason(&error)))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{file} is no PEM"))?;
    if text.contains("-----BEGIN CERTIFICATE-----") { Ok(Some(text)) } else { Err(format!("{file} has no certificate in it")) }
}

/// How GitHub is asked.
pub fn github(token: SecretString, authority: Option<&str>, environment: &Environment, requests: &Requests) -> github::Settings {
    let named = variable(environment, &["SSL_CERT_FILE"]).map(PathBuf::from);
    let system = named.into_iter().chain(AUTHORITIES.map(PathBuf::from)).find_map(|file| read_bytes(&file, MOST).ok());
    let mut authorities = system.unwrap_or_default();
    authorities.push(b'\n');
    authorities.extend(authority.unwrap_or_default().as_bytes());
    let mut settings = github::Settings::new(token, authorities);
    settings.requests = requests.clone();
    // what GitHub's own runners set
    if let Some(base) = variable(environment, &["GITHUB_API_URL"]) {
        settings.base = base;
    }
    let is_direct = variable(environment, &["NO_PROXY", "no_proxy"]).is_some_and(|hosts| is_listed(host(&settings.base), &hosts));
    settings.proxy = variable(environment, &["HTTPS_PROXY", "https_proxy"]).filter(|_| !is_direct).map(SecretString::from);
    settings
}

/// The host of an address.
pub fn host(address: &str) -> &str {
    address.split_once("://").map_or(address, |(_, rest)| rest).split(['/', ':']).next().unwrap_or_default()
}

/// The kubeconfigs that count, as kubectl has them: the flag, else `KUBECONFIG`, else the home's.
pub fn kubeconfigs(said: &Said, environment: &Environment) -> Vec<PathBuf> {
    if let Some(file) = said.first(|layer| &layer.kubeconfig) {
        return vec![environment.working_dir.join(file)];
    }
    match environment.variables.get(OsStr::new("KUBECONFIG")).filter(|value| !value.is_empty()) {
        Some(list) => {
            std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).map(|path| environment.working_dir.join(path)).collect()
        }
        None => vec![environment.home.join(".kube/config")],
    }
}

/// Flux's files: those that a person names, those of the cache, or the release's, which are then kept.
pub struct Files<'a> {
    /// How they are fetched.
    pub github: &'a github::Settings,
    /// Where they are kept.
    pub cache: &'a Path,
    /// Where a path that is not absolute begins.
    pub working_dir: &'a Path,
}

impl AsyncBundle for Files<'_> {
    fn get<'a>(&'a self, settings: &'a Settings) -> std::pin::Pin<Box<dyn Future<Output = Result<Bundle, BundleError>> + Send + 'a>> {
        Box::pin(async move {
            let version = settings.options.version();
            if let Some(path) = &settings.manifests {
                return store::named(version, &self.working_dir.join(path));
            }
            if let Some(bundle) = store::kept(self.cache, version, None) {
                return Ok(bundle);
            }
            let fetched = |refused: Refused| BundleError::Fetch { version: version.clone(), said: refused.to_string() };
            let archive = release::fetch(self.github, &store::address(version, "manifests.tar.gz")).await.map_err(fetched)?;
            let digest = if Bundle::is_known(version) {
                None
            } else {
                let name = format!("flux_{}_checksums.txt", version.to_string().trim_start_matches('v'));
                let list = release::fetch(self.github, &store::address(version, &name)).await.map_err(fetched)?;
                let list = String::from_utf8_lossy(&list);
                Some(store::checksum(&list).ok_or_else(|| BundleError::Checksum(version.clone()))?.to_owned())
            };
            let bundle = Bundle::from_archive(version.clone(), &archive, digest.as_deref())?;
            // without a cache it is fetched again the next time
            let _ = store::keep(self.cache, version, &archive);
            Ok(bundle)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_hosts_need_no_proxy() {
        let goes_direct = |hosts: &str, address: &str| is_listed(host(address), hosts);
        assert!(goes_direct("localhost, .github.com", "https://api.github.com"));
        assert!(goes_direct("*", "https://api.github.com/v3") && goes_direct("127.0.0.1", "http://127.0.0.1:80"));
        assert!(!goes_direct("hub.com,", "https://api.github.com") && !goes_direct("", "https://api.github.com"));
    }
}
