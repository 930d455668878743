//! The settings' file, `bootstrap/flux.yaml`: keys as the Flux CLI's flags, and below `cluster:` which cluster it is for.

use super::layer::{FIELDS, Field, InFile, Kind, Layer, Value};
use crate::diagnostics::{Diagnostic, Diagnostics, Source, similar};
use crate::yaml::{self, Node, Value as Yaml, plain};

/// What others call a setting, and names that people have for it.
const ELSEWHERE: &[(&str, &str)] = &[
    ("user", "owner"),
    ("org", "owner"),
    ("organization", "owner"),
    ("repo", "repository"),
    ("cluster-path", "path"),
    ("flux-version", "version"),
    ("host", "hostname"),
    ("uid", "cluster.uid"),
    ("cluster-uid", "cluster.uid"),
    ("context", "cluster.context"),
];

/// Reads the file. An empty one says nothing.
///
/// # Errors
/// All that is wrong with it, each with its place.
pub fn read(source: &Source) -> Result<(Layer, Diagnostics), Diagnostics> {
    let (root, mut problems) = yaml::load(source)?;
    let mut layer = Layer::default();
    match root.as_ref().map(|root| (root, &root.value)) {
        None | Some((_, Yaml::Null)) => {}
        Some((_, Yaml::Map(map))) => {
            for (key, value) in map {
                let name = plain(&key.value);
                if name == "cluster" {
                    cluster(value, &mut layer, &mut problems);
                } else if let Some(field) = FIELDS.iter().find(|field| field.in_file == InFile::Key && field.key == name) {
                    set(field, field.key, value, &mut layer, &mut problems);
                } else {
                    problems.push(unknown(&name, key));
                }
            }
        }
        Some((root, other)) => {
            let error = Diagnostic::error(format!("the settings are a mapping, not {}", other.kind())).at(root.place.first_line());
            problems.push(error.hint("each setting stands on a line of its own: `owner: pat`"));
        }
    }
    problems.or(layer)
}

/// Which cluster the file is for.
fn cluster(node: &Node, layer: &mut Layer, problems: &mut Diagnostics) {
    let below = |field: &&Field| matches!(field.in_file, InFile::Cluster(_));
    let map = match &node.value {
        Yaml::Null => return,
        Yaml::Map(map) => map,
        other => {
            let error = Diagnostic::error(format!("`cluster` is a mapping, not {}", other.kind())).at(node.place.first_line());
            problems.push(error.hint("its settings stand below it, indented: `context:` and `uid:`"));
            return;
        }
    };
    for (key, value) in map {
        let name = plain(&key.value);
        match FIELDS.iter().filter(below).find(|field| matches!(field.in_file, InFile::Cluster(key) if key == name)) {
            Some(field) => set(field, &format!("cluster.{name}"), value, layer, problems),
            None => {
                let error = Diagnostic::error(format!("`cluster` has no setting `{name}`")).at(key.place.clone());
                let names = FIELDS.iter().filter_map(|field| match field.in_file {
                    InFile::Cluster(key) => Some(key),
                    _ => None,
                });
                problems.push(match similar(&name, names) {
                    Some(meant) => error.label(format!("did you mean `{meant}`?")),
                    None => error.hint("it has `context` and `uid`"),
                });
            }
        }
    }
}

/// A key that is none, and what was meant.
fn unknown(name: &str, key: &Node) -> Diagnostic {
    if let Some(field) = Field::named(name).filter(|field| field.in_file == InFile::Secret) {
        let error = Diagnostic::error(format!("`{name}` is a secret, and this file is committed")).at(key.place.clone());
        let variable = if field.key == "token" { "GITHUB_TOKEN" } else { "FLUX_REGISTRY_CREDS" };
        return error.hint(format!("take it away here, and write `{variable}=...` into `.env`, which is not"));
    }
    let error = Diagnostic::error(format!("there is no setting `{name}`")).at(key.place.clone());
    let dashed = name.replace('_', "-").to_lowercase();
    let names = || FIELDS.iter().filter(|field| field.in_file == InFile::Key).map(|field| field.key).chain(["cluster"]);
    // `token_auth` and `tokenAuth` are `token-auth`
    let bare = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let same = names().find(|other| bare(other) == bare(name));
    let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == dashed).map(|(_, ours)| *ours);
    match same.or(elsewhere).or_else(|| similar(&dashed, names())) {
        Some(meant) => error.label(format!("did you mean `{meant}`?")),
        None => error.hint(format!("there are {}", names().collect::<Vec<_>>().join(", "))),
    }
}

fn set(field: &'static Field, name: &str, node: &Node, layer: &mut Layer, problems: &mut Diagnostics) {
    // `branch:` with nothing behind it says nothing
    if node.is_null() && written(node).is_empty() {
        return;
    }
    if let Some(value) = value(field.kind, name, node, problems) {
        (field.set)(layer, value);
        layer.places.insert(field.key, node.place.clone());
    }
}

fn value(kind: Kind, name: &str, node: &Node, problems: &mut Diagnostics) -> Option<Value> {
    let error = |message: String| Diagnostic::error(format!("`{name}` {message}")).at(node.place.first_line());
    match (kind, &node.value) {
        (Kind::Bool, Yaml::Bool(truth)) => return Some(Value::Bool(*truth)),
        (Kind::Bool, other) => {
            let shown = if matches!(other, Yaml::Str(_)) { format!("the text `{}`", plain(other)) } else { other.kind().to_owned() };
            problems.push(error(format!("is true or false, not {shown}")).hint("write `true` or `false`, without quotes"));
        }
        (Kind::List, Yaml::List(list)) => {
            let before = problems.0.len();
            let items = list.iter().enumerate().filter_map(|(at, item)| text(&format!("{name}[{at}]"), item, problems)).collect();
            return (problems.0.len() == before).then_some(Value::List(items));
        }
        (Kind::List, other) => {
            let items = match other {
                Yaml::Str(text) => text.split(',').map(str::trim).collect::<Vec<_>>().join(", "),
                _ => "one, other".to_owned(),
            };
            problems.push(
                error(format!("is a list, not {}", other.kind())).hint(format!("write `[{items}]`, or each on a line behind a dash")),
            );
        }
        (Kind::Text | Kind::Secret, _) => return text(name, node, problems).map(Value::Text),
    }
    None
}

/// A text; a number is the text that was written.
fn text(name: &str, node: &Node, problems: &mut Diagnostics) -> Option<String> {
    match &node.value {
        Yaml::Str(text) => Some(text.to_string()),
        Yaml::Int(_) | Yaml::BigInt(_) | Yaml::Float(_) | Yaml::Time(_) => Some(written(node).to_owned()),
        other => {
            let word = written(node);
            let error = Diagnostic::error(match other {
                Yaml::Bool(_) | Yaml::Null => format!("`{name}` is a text, and `{word}` is {} to YAML", other.kind()),
                _ => format!("`{name}` is a text, not {}", other.kind()),
            });
            let error = error.at(node.place.first_line());
            problems.push(match other {
                Yaml::Bool(_) | Yaml::Null => error.hint(format!("write it in quotes: `\"{word}\"`")),
                _ => error.hint("write one word, or a text in quotes"),
            });
            None
        }
    }
}

/// As it stands there: `2.10` is not 2.1 to whoever wrote it.
fn written(node: &Node) -> &str {
    node.place.source.text.get(node.place.span.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(text: &str) -> Layer {
        let (layer, problems) = read(&Source::new("bootstrap/flux.yaml", text)).unwrap();
        assert!(problems.0.is_empty(), "{problems}");
        layer
    }

    fn told(text: &str) -> String {
        read(&Source::new("bootstrap/flux.yaml", text)).unwrap_err().to_string()
    }

    #[test]
    fn what_the_file_says() {
        let said = layer(
            "owner: pat\ntoken-auth: true\nbranch:\nversion: 2.10\ncomponents-extra: [image-reflector-controller]\n\
             toleration-keys:\n  - a\n  - 1\ncluster:\n  context: wbyc-k8s\n  uid: 00000000-0000-0000-0000-000000000000\n",
        );
        assert_eq!((said.owner.as_deref(), said.token_auth, said.branch.as_deref()), (Some("pat"), Some(true), None));
        assert_eq!(said.version.as_deref(), Some("2.10"));
        assert_eq!(said.components_extra.as_deref(), Some(&["image-reflector-controller".to_owned()][..]));
        assert_eq!(said.toleration_keys.as_deref(), Some(&["a".to_owned(), "1".to_owned()][..]));
        assert_eq!(said.context.as_deref(), Some("wbyc-k8s"));
        assert_eq!(said.cluster_uid.as_deref(), Some("00000000-0000-0000-0000-000000000000"));
        assert_eq!(said.places["owner"].to_string(), "bootstrap/flux.yaml:1:8");
        for nothing in ["", "# nothing\n", "---\n", "cluster:\n"] {
            let said = layer(nothing);
            assert!(FIELDS.iter().all(|field| (field.get)(&said).is_none()), "{nothing}");
        }
    }

    #[test]
    fn each_mistake_is_told_with_its_place() {
        let cases: &[(&str, &str)] = &[
            ("token_auth: true", "did you mean `token-auth`?"),
            ("tokenAuth: true", "did you mean `token-auth`?"),
            ("ownr: pat", "did you mean `owner`?"),
            ("repo: x", "did you mean `repository`?"),
            ("uid: x", "did you mean `cluster.uid`?"),
            ("frobnicate: x", "there are owner, repository"),
            ("token: hunter2", "`token` is a secret, and this file is committed"),
            ("registry-creds: a:b", "FLUX_REGISTRY_CREDS"),
            ("url: ssh://git@github.com/o/r", "there is no setting `url`"),
            ("owner: pat\nowner: pat", "owner"),
            ("token-auth: \"true\"", "`token-auth` is true or false, not the text `true`"),
            ("token-auth: 1", "`token-auth` is true or false, not a number"),
            ("branch: on", "`branch` is a text, and `on` is true or false to YAML"),
            ("branch: ~", "`branch` is a text, and `~` is empty to YAML"),
            ("branch: [a]", "`branch` is a text, not a list"),
            ("components: source-controller,kustomize-controller", "write `[source-controller, kustomize-controller]`"),
            ("components: [[a]]", "`components[0]` is a text, not a list"),
            ("cluster: wbyc", "`cluster` is a mapping, not a text"),
            ("cluster:\n  uuid: x", "did you mean `uid`?"),
            ("cluster:\n  name: x", "it has `context` and `uid`"),
            ("- owner", "the settings are a mapping, not a list"),
        ];
        for (text, wanted) in cases {
            let said = told(text);
            assert!(said.contains(wanted) && said.contains("--> bootstrap/flux.yaml:"), "{text}\n{said}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let said = read(&Source::new("f", "ownr: a\ntoken-auth: 1\nbranch: [a]\ncluster: {name: a, uid: []}\n")).unwrap_err();
        assert_eq!(said.0.len(), 5, "{said}");
    }
}
