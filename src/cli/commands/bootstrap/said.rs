//! What a person said: by flags, in the settings' file, in `.env`, in the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::super::super::environment::Environment;
use crate::diagnostics::{Diagnostic, Diagnostics, Source, read_bytes, reason};
use crate::gitops::settings::entry::INFRASTRUCTURE_TEMPLATE;
use crate::gitops::settings::{Layer, Origin, dotenv, file};
use crate::report::Secrets;

/// The settings' file, if no other is named.
pub const SETTINGS: &str = "bootstrap/flux.yaml";
/// Where a `.env` is looked for.
const DOTENV: [&str; 2] = ["bootstrap/.env", ".env"];
/// The longest file that is read.
const MOST: u64 = 1 << 20;

/// Everything that was said, the strongest first.
#[derive(Debug, Default)]
pub struct Said {
    /// Layer by layer.
    pub layers: Vec<(Origin, Layer)>,
    /// The settings' file, if it is there.
    pub file: Option<PathBuf>,
    /// A person's own template of the cluster's entry point, beside it.
    pub template: Option<Source>,
    /// What is odd, but no error.
    pub warnings: Diagnostics,
}

impl Said {
    /// What the first layer that says it says.
    pub fn first<T: Clone>(&self, of: impl Fn(&Layer) -> &Option<T>) -> Option<T> {
        self.layers.iter().find_map(|(_, layer)| of(layer).clone())
    }
}

/// Reads what was said. Secrets are remembered, so that nothing shows them.
///
/// # Errors
/// All that is wrong with the files.
pub fn said(flags: &Layer, named: Option<&Path>, environment: &Environment, secrets: &Secrets) -> Result<Said, Diagnostics> {
    let mut said = Said { layers: vec![(Origin::Flags, flags.clone())], ..Said::default() };
    let mut problems = Diagnostics::new();
    let path = environment.working_dir.join(named.unwrap_or(Path::new(SETTINGS)));
    let name = named.map_or_else(|| SETTINGS.to_owned(), |named| named.display().to_string());
    let variables: BTreeMap<String, String> =
        environment.variables.iter().filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()))).collect();
    match text(&path, named.is_some()) {
        Ok(None) => {}
        Ok(Some(text)) => match file::read(&Source::new(name.as_str(), text.as_str())) {
            Ok((layer, warnings)) => {
                said.layers.push((Origin::File(name), layer));
                said.warnings.extend(warnings);
                said.file = Some(path.clone());
            }
            Err(wrong) => problems.extend(wrong),
        },
        Err(error) => problems.push(Diagnostic::error(format!("{name} cannot be read: {error}"))),
    }
    let template = path.parent().unwrap_or(Path::new("/")).join(INFRASTRUCTURE_TEMPLATE);
    match text(&template, false) {
        Ok(text) => said.template = text.map(|text| Source::new(environment.shorten(&template), text)),
        Err(error) => problems.push(Diagnostic::error(format!("{} cannot be read: {error}", template.display()))),
    }
    said.layers.push((Origin::Environment, dotenv::environment(&variables)));
    for name in DOTENV {
        match text(&environment.working_dir.join(name), false) {
            Ok(None) => {}
            Ok(Some(text)) => match dotenv::read(name, &text) {
                Ok(layer) => said.layers.push((Origin::Dotenv(name.into()), layer)),
                Err(wrong) => problems.extend(wrong),
            },
            Err(error) => problems.push(Diagnostic::error(format!("{name} cannot be read: {error}"))),
        }
    }
    for (_, layer) in &said.layers {
        for secret in [&layer.token, &layer.registry_creds].into_iter().flatten() {
            remember(secret, secrets);
        }
    }
    if problems.has_errors() { Err(problems) } else { Ok(said) }
}

fn remember(secret: &SecretString, secrets: &Secrets) {
    let _ = secrets.register(secret.expose_secret());
    // the password apart, as a registry wants it
    if let Some((_, password)) = secret.expose_secret().split_once(':') {
        let _ = secrets.register(password);
    }
}

fn text(path: &Path, is_wanted: bool) -> Result<Option<String>, String> {
    match read_bytes(path, MOST) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| "it is no UTF-8 text".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_wanted => Ok(None),
        Err(error) => Err(reason(&error)),
    }
}
