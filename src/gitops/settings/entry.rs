//! What the tool itself writes beside Flux's own files: the cluster's entry point, and the examples for a new project.

use std::collections::BTreeMap;

use serde_json::Value;

use super::resolve::Settings;
use crate::diagnostics::{Diagnostic, Diagnostics, Source};
use crate::template::tera;
use crate::yaml;

/// `bootstrap/flux.yaml` as a project gets it.
pub const FLUX_YAML: &str = include_str!("../../../bootstrap/flux.yaml");
/// `bootstrap/.env.example`.
pub const ENV_EXAMPLE: &str = include_str!("../../../bootstrap/.env.example");
/// The template of the cluster's entry point.
pub const INFRASTRUCTURE: &str = include_str!("../../../bootstrap/templates/infrastructure.yaml.tera");
/// Where a project's own template lies, beside its `flux.yaml`.
pub const INFRASTRUCTURE_TEMPLATE: &str = "templates/infrastructure.yaml.tera";
/// What is rendered from it, in the cluster's folder.
pub const INFRASTRUCTURE_FILE: &str = "infrastructure.yaml";

/// The cluster's entry point: files of the repository, by their paths. Whether they are offered is for the caller to say: only where
/// they are missing.
///
/// `template` is the project's own, if it has one.
///
/// # Errors
/// The template is none, or what it gives is no YAML.
pub fn entry(settings: &Settings, template: Option<&Source>) -> Result<Vec<(String, String)>, Diagnostics> {
    let embedded = Source::new(format!("bootstrap/{INFRASTRUCTURE_TEMPLATE}"), INFRASTRUCTURE);
    let template = template.unwrap_or(&embedded);
    let text = |text: &str| Value::from(text);
    let sync = &settings.sync;
    let values: BTreeMap<String, Value> = [
        // Flux's own source is called as its namespace
        ("name", text(&sync.namespace)),
        ("namespace", text(&sync.namespace)),
        ("owner", text(&settings.owner)),
        ("repository", text(&settings.repository)),
        ("branch", text(&sync.branch)),
        ("path", text(&settings.folder())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let rendered = tera::render(template, &values).map_err(|error| Diagnostics(vec![*error]))?;
    let made = Source::new(format!("{INFRASTRUCTURE_FILE}, made of {}", template.name), rendered.as_str());
    let (objects, _) = yaml::load_all(&made)?;
    if let Some(other) = objects.iter().find(|object| object.get("kind").is_none()) {
        let error = Diagnostic::error("this is no Kubernetes object: it has no `kind`").at(other.place.first_line());
        return Err(Diagnostics(vec![error.hint(format!("look at {}", template.name))]));
    }
    Ok(vec![(settings.file(INFRASTRUCTURE_FILE), rendered)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gitops::settings::{FIELDS, InFile, Layer, Origin, dotenv, file, resolve};

    fn settings() -> Settings {
        let (layer, _) = file::read(&Source::new("bootstrap/flux.yaml", FLUX_YAML)).unwrap();
        resolve(&[(Origin::Flags, Layer::default()), (Origin::File("bootstrap/flux.yaml".into()), layer)]).unwrap()
    }

    #[test]
    fn the_entry_point_as_it_is_written() {
        let made = entry(&settings(), None).unwrap();
        assert_eq!(made.len(), 1);
        assert_eq!(made[0].0, "clusters/homelab/infrastructure.yaml");
        assert!(made[0].1.starts_with("---\napiVersion"));
        insta::assert_snapshot!(made[0].1);
    }

    #[test]
    fn a_template_of_the_projects_own() {
        let own = |text: &str| entry(&settings(), Some(&Source::new("bootstrap/templates/infrastructure.yaml.tera", text)));
        let all = "kind: {{ name }}.{{ namespace }}.{{ owner }}.{{ repository }}.{{ branch }}.{{ path }}\n";
        assert_eq!(own(all).unwrap()[0].1, "kind: flux-system.flux-system.pat.homelab.main.clusters/homelab\n");
        for (text, wanted) in [
            ("kind: {{ nmae }}\n", "did you mean `name`?"),
            ("kind: A\n---\nname: x\n", "infrastructure.yaml, made of bootstrap/templates/infrastructure.yaml.tera:3:1"),
            ("kind: [\n", "infrastructure.yaml, made of"),
        ] {
            let said = own(text).unwrap_err().to_string();
            assert!(said.contains(wanted), "{said}");
        }
    }

    /// Every line of the examples can be used: comments that look like settings are some.
    #[test]
    fn the_examples_are_valid_line_by_line_and_whole() {
        let is_key = |line: &str| {
            line.split_once(':').is_some_and(|(key, _)| !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        };
        let open: Vec<String> = FLUX_YAML
            .lines()
            .map(|line| match line.strip_prefix("# ").or_else(|| line.strip_prefix('#').filter(|rest| rest.starts_with("  "))) {
                Some(rest) if is_key(rest.trim_start()) => rest.to_owned(),
                _ => line.to_owned(),
            })
            .collect();
        let (layer, problems) = file::read(&Source::new("bootstrap/flux.yaml", open.join("\n"))).unwrap();
        assert!(problems.0.is_empty(), "{problems}");
        for field in FIELDS {
            let can = matches!(field.in_file, InFile::Key | InFile::Cluster(_));
            assert_eq!((field.get)(&layer).is_some(), can, "{}", field.key);
        }
        resolve(&[(Origin::File("bootstrap/flux.yaml".into()), layer)]).unwrap();

        let open: String = ENV_EXAMPLE
            .lines()
            .filter_map(|line| {
                line.strip_prefix("# ").filter(|rest| rest.split_once('=').is_some_and(|(name, _)| !name.contains(' '))).or(Some(line))
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let said = dotenv::read(".env", &open.replace("TOKEN=", "TOKEN=x")).unwrap();
        assert!(said.token.is_some() && said.registry_creds.is_some() && said.version.is_some());
        assert!(dotenv::VARIABLES.iter().all(|(name, _)| open.contains(&format!("\n{name}="))), "{open}");
        // copied as it is, it says nothing
        let said = dotenv::read(".env", ENV_EXAMPLE).unwrap();
        assert!(FIELDS.iter().all(|field| (field.get)(&said).is_none()));
    }
}
