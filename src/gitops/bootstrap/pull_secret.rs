//! The secret with which the controllers' images are fetched, where a registry wants one: as `kubectl create secret docker-registry` makes
//! it. What a person has in it for other registries stays.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::super::settings::Settings;
use super::refusal::Refusal;
use super::secret::data;

const TYPE: &str = "kubernetes.io/dockerconfigjson";
const KEY: &str = ".dockerconfigjson";

/// The secret as it shall be; nothing of it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PullSecret(Value);

impl PullSecret {
    /// The object.
    pub(super) fn object(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for PullSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PullSecret([redacted])")
    }
}

/// The secret, if it is wanted and not as it shall be.
///
/// # Errors
/// What is there under its name is no such secret.
pub(super) fn decide(settings: &Settings, existing: Option<&Value>) -> Result<Option<PullSecret>, Refusal> {
    let (Some(credentials), Some(name)) = (&settings.registry_creds, &settings.image_pull_secret) else { return Ok(None) };
    let namespace = &settings.sync.namespace;
    let (user, password) = (&credentials.user, credentials.password.expose_secret());
    let server = settings.options.registry().split('/').next().unwrap_or_default();
    let mut config = json!({ "auths": {} });
    let foreign = |what: &str| {
        let saw = format!("the secret {namespace}/{name} is there, and {what}");
        Refusal::new(saw, "what a person has in it would be lost", "name another one with --image-pull-secret")
    };
    if let Some(existing) = existing {
        if existing.get("type").and_then(Value::as_str) != Some(TYPE) {
            return Err(foreign("is not for pulling images"));
        }
        let before = data(existing).get(KEY).and_then(|text| serde_json::from_slice::<Value>(text).ok());
        config = before.filter(|config| config.get("auths").is_some_and(Value::is_object)).ok_or_else(|| foreign("cannot be read"))?;
    }
    let wanted = json!({ "username": user, "password": password, "auth": STANDARD.encode(format!("{user}:{password}")) });
    let auths = config.get_mut("auths").and_then(Value::as_object_mut);
    let before = auths.and_then(|auths| auths.insert(server.to_owned(), wanted.clone()));
    if before == Some(wanted) {
        return Ok(None);
    }
    let mut object = existing.cloned().unwrap_or_else(
        || json!({ "apiVersion": "v1", "kind": "Secret", "type": TYPE, "metadata": { "name": name, "namespace": namespace } }),
    );
    if let Some(fields) = object.as_object_mut() {
        fields.insert("data".into(), json!({ KEY: STANDARD.encode(config.to_string()) }));
    }
    Ok(Some(PullSecret(object)))
}

#[cfg(test)]
mod tests {
    use super::super::super::settings::{Layer, Origin, resolve};
    use super::*;
    use secrecy::SecretString;

    fn settings() -> Settings {
        let text = |text: &str| Some(text.to_owned());
        let layer = Layer {
            owner: text("a"),
            repository: text("b"),
            image_pull_secret: text("regcred"),
            registry_creds: Some(SecretString::from("me:hidden")),
            ..Layer::default()
        };
        resolve(&[(Origin::Flags, layer)]).unwrap()
    }

    fn auths(secret: &PullSecret) -> Value {
        serde_json::from_slice::<Value>(&data(secret.object())[KEY]).unwrap()["auths"].clone()
    }

    #[test]
    fn other_registries_stay_and_the_second_time_nothing_is_written() {
        let settings = settings();
        let made = decide(&settings, None).unwrap().unwrap();
        assert_eq!(auths(&made)["ghcr.io"]["username"], "me");
        assert!(!format!("{made:?}").contains("hidden"));
        assert_eq!(decide(&settings, Some(made.object())).unwrap(), None);
        let theirs = STANDARD.encode(json!({ "auths": { "registry.lab": { "auth": "x" } } }).to_string());
        let theirs = json!({ "type": TYPE, "metadata": { "resourceVersion": "7" }, "data": { KEY: theirs } });
        let both = decide(&settings, Some(&theirs)).unwrap().unwrap();
        assert_eq!(auths(&both).as_object().unwrap().keys().collect::<Vec<_>>(), ["registry.lab", "ghcr.io"]);
        assert_eq!(both.object()["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn what_is_no_such_secret_is_refused() {
        for existing in [json!({ "type": "Opaque" }), json!({ "type": TYPE, "data": { KEY: STANDARD.encode("no") } })] {
            assert!(decide(&settings(), Some(&existing)).unwrap_err().saw.starts_with("the secret flux-system/regcred is there"));
        }
    }
}
