//! `local`: what a machine tells about itself, facts/system/local.py.

use serde_json::{Map, Value};

use super::gather::{Gather, Made};
use crate::node::facts::{LocalFact, LocalFacts};

pub(super) fn local(gather: &Gather<'_>) -> Made {
    let facts = gather.ask(LocalFacts::new(gather.fact_path)).unwrap_or_default();
    let local: Map<String, Value> = facts.iter().map(|fact| (fact.name.replace(".fact", ""), value(gather.fact_path, fact))).collect();
    vec![("local".into(), local.into())]
}

fn value(directory: &str, fact: &LocalFact) -> Value {
    let path = format!("{}/{}", directory.trim_end_matches('/'), fact.name);
    if let Some(status) = fact.status.filter(|status| *status != 0) {
        return format!("Failure executing fact script ({path}), rc: {status}, err: ").into();
    }
    match serde_json::from_str(&fact.text) {
        Ok(value) => value,
        Err(_) => ini(&fact.text)
            .map_or_else(|| format!("error loading facts as JSON or ini - please check content: {path}").into(), Value::Object),
    }
}

/// As Python's `ConfigParser` reads it: sections, options in lower case, values that go on in lines further in.
fn ini(text: &str) -> Option<Map<String, Value>> {
    let mut sections: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut defaults: Vec<(String, String)> = Vec::new();
    let mut in_defaults = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let options = match sections.last_mut() {
            Some((_, options)) if !in_defaults => Some(options),
            _ if in_defaults => Some(&mut defaults),
            _ => None,
        };
        if line.starts_with([' ', '\t'])
            && let Some((_, value)) = options.and_then(|options| options.last_mut())
        {
            value.push('\n');
            value.push_str(trimmed);
        } else if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name) {
            in_defaults = name == "DEFAULT";
            if !in_defaults {
                // a section that is there twice is an error
                if sections.iter().any(|(known, _)| known == name) {
                    return None;
                }
                sections.push((name.to_owned(), Vec::new()));
            }
        } else {
            let (name, value) = trimmed.split_at_checked(trimmed.find(['=', ':'])?)?;
            let pair = (name.trim().to_lowercase(), value.get(1..)?.trim().to_owned());
            if in_defaults { defaults.push(pair) } else { sections.last_mut()?.1.push(pair) }
        }
    }
    let section = |(name, options): (String, Vec<(String, String)>)| {
        let mut map: Map<String, Value> = options.into_iter().map(|(name, value)| (name, value.into())).collect();
        for (name, value) in &defaults {
            map.entry(name.clone()).or_insert_with(|| value.clone().into());
        }
        (name, Value::Object(map))
    };
    Some(sections.into_iter().map(section).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(status: Option<i32>, text: &str) -> Value {
        value("/f", &LocalFact { name: "a.fact".into(), status, text: text.into() })
    }

    #[test]
    fn json_and_ini_are_read() {
        assert_eq!(of(None, "{\"a\": [1]}"), json!({"a": [1]}));
        assert_eq!(
            of(Some(0), "[general]\nAsdf = 1\nbar: x y\n  z\n# c\n[b]\n"),
            json!({"general": {"asdf": "1", "bar": "x y\nz"}, "b": {}})
        );
        assert_eq!(of(None, "[DEFAULT]\nx=1\n[a]\ny=2"), json!({"a": {"y": "2", "x": "1"}}));
    }

    #[test]
    fn what_is_neither_says_so() {
        for text in ["no", "a=1", "[a]\n[a]"] {
            assert_eq!(of(None, text), "error loading facts as JSON or ini - please check content: /f/a.fact");
        }
        assert_eq!(of(Some(3), "{}"), "Failure executing fact script (/f/a.fact), rc: 3, err: ");
    }
}
