//! What `--print-config` shows: what holds, and where each of it came from. No secret is in it.

use serde_json::{Map, Value as Json, json};

use super::layer::{FIELDS, Kind, REDACTED, Value};
use super::resolve::Settings;

/// A setting as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub key: &'static str,
    /// What holds.
    pub value: Json,
    /// Where it came from.
    pub from: String,
}

/// All settings that something says, in the order of the table.
pub fn rows(settings: &Settings) -> Vec<Row> {
    let layer = &settings.merged.layer;
    let row = |field: &super::Field| {
        let from = settings.where_from(field.key)?.to_string();
        let value = match (field.get)(layer)? {
            value if value.is_empty() && field.kind == Kind::Text => Json::from(""),
            Value::Secret(_) => Json::from(REDACTED),
            // as it is written, not as it was said
            _ if field.key == "path" => Json::from(settings.sync.path.as_str()),
            _ if field.key == "version" => Json::from(settings.options.version().to_string()),
            Value::Text(text) if field.key == "url" => Json::from(without_password(&text)),
            Value::Text(text) => Json::from(text),
            Value::Bool(truth) => Json::from(truth),
            Value::List(list) => Json::from(list),
        };
        Some(Row { key: field.key, value, from })
    };
    FIELDS.iter().filter_map(row).collect()
}

/// One a line: name, value, where from; in columns.
pub fn text(settings: &Settings) -> String {
    let shown = |value: &Json| match value {
        Json::String(text) if text.is_empty() => "-".to_owned(),
        // nothing that was said can move the cursor
        Json::String(text) => text.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] }).collect(),
        Json::Array(list) if list.is_empty() => "-".to_owned(),
        Json::Array(list) => list.iter().map(|one| one.as_str().unwrap_or_default()).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    let rows: Vec<(&str, String, String)> = rows(settings).into_iter().map(|row| (row.key, shown(&row.value), row.from)).collect();
    let widest = |texts: Vec<&str>| texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let key = widest(rows.iter().map(|row| row.0).collect());
    // one long value does not push all others away
    let value = widest(rows.iter().map(|row| &*row.1).collect()).min(40);
    rows.iter().map(|(name, shown, from)| format!("{name:key$}  {shown:value$}  {from}\n")).collect()
}

/// The same for programs: by the name, the value and where from.
pub fn json(settings: &Settings) -> Json {
    let object: Map<String, Json> =
        rows(settings).into_iter().map(|row| (row.key.to_owned(), json!({"value": row.value, "from": row.from}))).collect();
    Json::Object(object)
}

/// An address that somebody wrote a password into.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host = rest.split('/').next().unwrap_or_default();
    match host.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
        Some((user, name)) => format!("{scheme}://{user}:{REDACTED}@{name}{}", rest.strip_prefix(host).unwrap_or_default()),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Source;
    use crate::gitops::settings::{Layer, Origin, dotenv, file, resolve};

    fn settings() -> Settings {
        let text = "owner: pat\nrepository: homelab\npath: clusters/wbyc-k8s/\nimage-pull-secret: pull\ntoleration-keys: [a, b]\n";
        let (from_file, _) = file::read(&Source::new("bootstrap/flux.yaml", text)).unwrap();
        let from_dotenv = dotenv::read(".env", "GITHUB_TOKEN=hunter2\nFLUX_REGISTRY_CREDS=user:hunter2\nGITHUB_BRANCH=trunk\n").unwrap();
        let flags = Layer { version: Some("2.9.4".into()), commit_message_appendix: Some("a\n\u{1b}[2J".into()), ..Layer::default() };
        let cluster = Layer { url: Some("https://me:hunter2@github.com/pat/homelab".into()), token_auth: Some(true), ..Layer::default() };
        resolve(&[
            (Origin::Flags, flags),
            (Origin::File("bootstrap/flux.yaml".into()), from_file),
            (Origin::Dotenv(".env".into()), from_dotenv),
            (Origin::Cluster, cluster),
        ])
        .unwrap()
    }

    #[test]
    fn as_a_person_sees_it() {
        let shown = text(&settings());
        assert!(!shown.contains("hunter2") && !shown.contains('\u{1b}'));
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn as_a_program_sees_it() {
        let shown = json(&settings());
        assert!(!shown.to_string().contains("hunter2"));
        insta::assert_json_snapshot!(shown);
    }
}
