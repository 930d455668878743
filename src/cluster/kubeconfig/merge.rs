//! A person's kubeconfig with one more cluster in it: the entries of others stay, those of the same name are written anew.

use serde_json::{Map, Value, json};

use super::Access;
use super::text::write;
use crate::cluster::settings::read::free;
use crate::diagnostics::Source;
use crate::yaml;

/// What a kubeconfig becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Its whole text.
    pub text: String,
    /// The context that is used where none is named.
    pub current: String,
}

/// The text of a kubeconfig (none: there is none yet) with that access to the cluster of that name. It becomes the one that is used
/// where none is named, if there was none.
///
/// # Errors
/// Why nothing is written: it cannot be read, or the name is another cluster's there.
pub fn merge(text: Option<&str>, name: &str, access: &Access) -> Result<Merged, String> {
    let mut config = match text.filter(|text| !text.trim().is_empty()) {
        Some(text) => read(text)?,
        None => Map::new(),
    };
    for (key, value) in [("apiVersion", "v1"), ("kind", "Config")] {
        let is = config.entry(key).or_insert_with(|| value.into());
        if is != value {
            return Err(format!("its {key} is {is}, and not {value}"));
        }
    }
    for (list, name, value) in access.entries(name) {
        let entries = config.entry(list).or_insert_with(|| json!([]));
        if entries.is_null() {
            *entries = json!([]);
        }
        let entries = entries.as_array_mut().ok_or_else(|| format!("its {list} are no list"))?;
        let singular = list.trim_end_matches('s');
        let known = entries.iter_mut().find(|entry| entry.get("name").is_some_and(|is| is.as_str() == Some(name.as_str())));
        match known {
            Some(entry) => {
                let before = entry.get(singular);
                if list == "clusters" && !is_same(before, &value) {
                    let server = before.and_then(|cluster| cluster.get("server")).and_then(Value::as_str).unwrap_or("no server");
                    return Err(format!("it has another cluster of the name `{name}` already, with another authority, at {server}"));
                }
                *entry = json!({"name": name, singular: value});
            }
            None => entries.push(json!({"name": name, singular: value})),
        }
    }
    let current = config.get("current-context").and_then(Value::as_str).filter(|name| !name.is_empty()).unwrap_or(name).to_owned();
    config.insert("current-context".to_owned(), current.as_str().into());
    let text = write(&Value::Object(config.clone()));
    if read(&text)? != config {
        return Err("a bug in this program: what would be written is not what was meant".to_owned());
    }
    Ok(Merged { text, current })
}

/// Whether an entry is of the cluster that is meant: of the same authority.
fn is_same(before: Option<&Value>, after: &Value) -> bool {
    const AUTHORITY: &str = "certificate-authority-data";
    before.is_some_and(|before| before.get(AUTHORITY) == after.get(AUTHORITY))
}

fn read(text: &str) -> Result<Map<String, Value>, String> {
    match yaml::load(&Source::new("kubeconfig", text)) {
        Ok((Some(node), _)) => match free(&node) {
            Value::Object(map) => Ok(map),
            _ => Err("it is no kubeconfig".to_owned()),
        },
        Ok((None, _)) => Ok(Map::new()),
        Err(problems) => {
            Err(problems.0.first().map_or_else(|| "it is no YAML".to_owned(), |problem| format!("it is no YAML: {}", problem.message)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::access;
    use super::*;

    const OTHER: &str = "apiVersion: v1\n# a comment\nclusters:\n- cluster:\n    certificate-authority: /home/pat/ca.crt\n    server: https://work:6443\n  \
        name: work\ncontexts:\n- context: {cluster: work, namespace: 'yes', user: pat}\n  name: work\ncurrent-context: work\nkind: Config\n\
        preferences: {}\nusers:\n- name: pat\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      args:\n      - --a: b\n      \
        - \"no\"\n      - 1.30\n      command: aws\n      env: null\n      provideClusterInfo: false\n";

    #[test]
    fn what_is_there_stays_and_the_cluster_is_added() {
        let merged = merge(Some(OTHER), "lab", &access("pat", "https://10.0.0.100:6443")).unwrap();
        assert_eq!(merged.current, "work");
        let (before, after) = (read(OTHER).unwrap(), read(&merged.text).unwrap());
        for list in ["clusters", "users", "contexts"] {
            assert_eq!(after[list][0], before[list][0]);
            assert_eq!(after[list].as_array().unwrap().len(), 2);
        }
        assert_eq!((&after["preferences"], after["contexts"][1]["name"].as_str()), (&before["preferences"], Some("lab")));
        assert_eq!(after["clusters"][1]["cluster"]["server"], "https://10.0.0.100:6443");
        assert_eq!(after["users"][1]["name"], "pat@lab");
    }

    #[test]
    fn an_entry_of_the_same_cluster_is_written_anew_and_anothers_is_not() {
        let access_one = access("pat", "https://10.0.0.100:6443");
        let first = merge(None, "lab", &access_one).unwrap();
        assert_eq!(first.current, "lab");
        let again = merge(Some(&first.text), "lab", &access_one).unwrap();
        assert_eq!(again.text, first.text);
        let why = merge(Some(&first.text), "lab", &access("pat", "https://10.0.0.9:6443")).unwrap_err();
        assert_eq!(why, "it has another cluster of the name `lab` already, with another authority, at https://10.0.0.100:6443");
        assert!(merge(Some("kind: Pod\n"), "lab", &access_one).is_err() && merge(Some("- a\n"), "lab", &access_one).is_err());
        assert!(merge(Some("clusters: {}\n"), "lab", &access_one).is_err() && merge(Some("a: [\n"), "lab", &access_one).is_err());
        assert!(merge(Some("clusters: null\nusers:\n"), "lab", &access_one).is_ok());
    }
}
