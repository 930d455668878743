//! What the program says of inventories, against what the real ansible-inventory was recorded to say of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Map, Value, json};

/// What is different on purpose: the case, what of it (a prefix), and why.
const DIFFERENT: &[(&str, &str, &str)] = &[
    ("ini-bom", "", "a byte order mark belongs to no name; Ansible makes it part of the first one"),
    ("ini-implicit-localhost", "host", "no Python interpreter is made up for this machine"),
    ("ini-ipv6", "pattern v6:!2001:db8::1", "Ansible tears an address in a list with colons apart, and excludes nothing; it is an error"),
    ("patterns-dots", "pattern fd00::*", "as in ini-ipv6"),
    ("patterns-dots", "pattern web:!fd00::1", "as in ini-ipv6"),
    ("patterns-dots", "pattern ~fd00::1", "as in ini-ipv6"),
    ("patterns-many", "pattern m1:!nope", "what matches nothing may be misspelt, and then a host too many would be worked on"),
    ("patterns-many", "pattern nope:m1", "as above"),
    ("patterns-many", "pattern masters[0", "a bracket that is not closed is an error"),
    ("patterns-many", "pattern ~[", "an expression that is none is an error"),
    ("limit-file", "limit w[12]", "what matches nothing is an error"),
    ("ini-vars-quotes", "", "`\\N{NAME}` is not read: the table of names would be larger than the program"),
    ("yaml-json", "graph_vars", "characters that could move the cursor are shown as escapes"),
    ("yaml-strings", "graph_vars", "as in yaml-json"),
    ("yaml-vault", "graph_vars", "an encrypted text of several lines is hidden, so it has no lines"),
    ("yaml-tags", "graph_vars", "a set is kept as a list"),
];

fn records() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/inventory")
}

/// A recorded case in a directory of its own.
struct Stage {
    name: String,
    case: Value,
    dir: tempfile::TempDir,
}

impl Stage {
    fn new(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("case");
        let from = records().join("cases").join(name);
        let copied = Command::new("cp").arg("-a").arg(&from).arg(&place).status().unwrap();
        assert!(copied.success());
        fs::create_dir(dir.path().join("home")).unwrap();
        let case: Value = serde_json::from_str(&fs::read_to_string(place.join("case.json")).unwrap()).unwrap();
        fs::remove_file(place.join("case.json")).unwrap();
        for empty in case["mkdir"].as_array().into_iter().flatten() {
            fs::create_dir_all(place.join(empty.as_str().unwrap())).unwrap();
        }
        Self { name: name.to_owned(), case, dir }
    }

    fn place(&self) -> String {
        self.dir.path().join("case").display().to_string()
    }

    /// The arguments of `ansible-inventory`, which are ours too.
    fn arguments(&self) -> Vec<String> {
        self.case["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().replace("DIR", &self.place())).collect()
    }

    fn run(&self, arguments: &[&str], more: &[String]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homelabctl"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.dir.path().join("home"));
        for (name, value) in self.case["env"].as_object().into_iter().flatten() {
            command.env(name, value.as_str().unwrap().replace("DIR", &self.place()));
        }
        command.current_dir(Path::new(&self.place()).join(self.case["cwd"].as_str().unwrap_or(".")));
        command.arg("inventory").args(arguments).args(more).output().unwrap()
    }

    fn text(&self, output: &Output) -> String {
        String::from_utf8_lossy(&output.stdout).replace(&self.place(), "DIR")
    }

    /// A document, as the recorder writes numbers that JSON has no words for.
    fn document(&self, output: &Output) -> Value {
        python_numbers(&self.text(output))
    }
}

/// Python's JSON has words for numbers that JSON has not, and whole numbers of any length.
fn python_numbers(text: &str) -> Value {
    let mut out = String::new();
    let (mut in_text, mut escaped, mut word) = (false, false, String::new());
    for c in text.chars().chain(['\n']) {
        if !in_text && (c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')) {
            word.push(c);
            continue;
        }
        let digits = word.trim_start_matches('-');
        let long =
            digits.len() > 18 && digits.bytes().all(|b| b.is_ascii_digit()) && word.parse::<i64>().is_err() && word.parse::<u64>().is_err();
        match word.as_str() {
            "NaN" => out.push_str(r#"{"__float__": "nan"}"#),
            "Infinity" => out.push_str(r#"{"__float__": "inf"}"#),
            "-Infinity" => out.push_str(r#"{"__float__": "-inf"}"#),
            word if long => out.push_str(&json!({"__int__": word}).to_string()),
            word => out.push_str(word),
        }
        word.clear();
        in_text = if escaped { in_text } else { in_text ^ (c == '"') };
        escaped = in_text && c == '\\' && !escaped;
        out.push(c);
    }
    serde_json::from_str(&out).unwrap_or_else(|error| json!({ "no JSON": error.to_string(), "text": text }))
}

/// Whether they are equal but for what was encrypted, which we never show.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::String(ours), theirs) if ours == "***" => !theirs.is_object() && !theirs.is_array(),
        (Value::Array(ours), Value::Array(theirs)) => ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b)),
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len() && ours.iter().all(|(key, ours)| theirs.get(key).is_some_and(|theirs| same(ours, theirs)))
        }
        (ours, theirs) => ours == theirs,
    }
}

/// A graph without what was encrypted; there is nothing to compare in such a line but its beginning.
fn unmasked(ours: &str, theirs: &str) -> (String, String) {
    let pairs = ours.lines().zip(theirs.lines()).map(|(ours, theirs)| match ours.split_once("***") {
        Some((front, _)) if theirs.starts_with(front.trim_end_matches('\'')) => (theirs, theirs),
        _ => (ours, theirs),
    });
    let count = (ours.lines().count(), theirs.lines().count());
    let (ours, theirs): (Vec<&str>, Vec<&str>) = pairs.unzip();
    (format!("{}\n{}", ours.join("\n"), count.0), format!("{}\n{}", theirs.join("\n"), count.1))
}

/// Compares everything that was recorded of a case; what differs is added.
fn compare(stage: &Stage, expected: &Value, wrong: &mut Vec<(String, String)>) {
    let mut document = |what: String, ours: Output, theirs: &Value| {
        let got = stage.document(&ours);
        if !same(&got, theirs) {
            wrong.push((what, format!("ours   {got}\ntheirs {theirs}\n{}", String::from_utf8_lossy(&ours.stderr))));
        }
    };
    let (args, json) = (stage.arguments(), ["--output", "json"].map(str::to_owned));
    let with = |more: &[String]| [&args[..], more].concat();
    let none = Map::new();
    let each = |key: &str| expected[key].as_object().unwrap_or(&none).clone();
    document("list".into(), stage.run(&["list"], &with(&json)), &expected["list"]);
    for (host, theirs) in each("hosts") {
        document(format!("host {host}"), stage.run(&["host", &host], &with(&json)), &theirs);
    }
    for (limit, theirs) in each("limits") {
        document(format!("limit {limit}"), stage.run(&["list", "--limit", &limit], &with(&json)), &theirs);
    }
    // `--limit` is nothing to a graph
    let mut graph_args = args.clone();
    if let Some(at) = graph_args.iter().position(|word| word == "--limit") {
        graph_args.drain(at..at + 2);
    }
    for (key, flags) in [("graph", &["graph"][..]), ("graph_vars", &["graph", "--vars"])] {
        if let Some(theirs) = expected[key].as_str() {
            let ours = stage.text(&stage.run(flags, &graph_args));
            let (ours, theirs) = unmasked(ours.trim_end(), theirs.trim_end());
            if ours != theirs {
                wrong.push((key.into(), format!("ours\n{ours}\ntheirs\n{theirs}")));
            }
        }
    }
    for (pattern, theirs) in each("patterns") {
        let output = stage.run(&["list", &pattern], &args);
        let mut ours: Vec<String> =
            stage.text(&output).lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect();
        let good = match &theirs {
            Value::Array(hosts) if hosts.is_empty() => output.status.code() == Some(64),
            Value::Array(hosts) => hosts.iter().eq(ours.iter()),
            Value::Object(fields) if fields.contains_key("error") => output.status.code() == Some(64),
            fields => {
                ours.sort();
                fields["hosts"].as_array().unwrap().iter().eq(ours.iter())
            }
        };
        if !good {
            wrong.push((
                format!("pattern {pattern}"),
                format!("ours {ours:?}\ntheirs {theirs}\n{}", String::from_utf8_lossy(&output.stderr)),
            ));
        }
    }
}

/// `docs/inventory-cases.md` is written by the recorder.
#[test]
fn the_table_of_features_names_every_case() {
    let table = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/inventory-cases.md")).unwrap();
    for entry in fs::read_dir(records().join("cases")).unwrap() {
        let path = entry.unwrap().path();
        let case: Value = serde_json::from_str(&fs::read_to_string(path.join("case.json")).unwrap()).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(table.contains(name) && table.contains(case["what"].as_str().unwrap()), "{name}");
        for feature in case["features"].as_array().unwrap() {
            assert!(table.contains(feature.as_str().unwrap()), "{name}: {feature}");
        }
    }
}

#[test]
fn every_inventory_as_ansible_reads_it() {
    let names: Vec<String> =
        fs::read_dir(records().join("cases")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.len() >= 150);
    let results: Vec<(String, Vec<(String, String)>)> = std::thread::scope(|scope| {
        let parts: Vec<_> = names
            .chunks(names.len().div_ceil(4))
            .map(|part| {
                scope.spawn(move || {
                    let one = |name: &String| {
                        let path = records().join("expected").join(format!("{name}.json"));
                        let expected: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
                        let (stage, mut wrong) = (Stage::new(name), Vec::new());
                        compare(&stage, &expected, &mut wrong);
                        (stage.name.clone(), wrong)
                    };
                    part.iter().map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    let mut used: BTreeMap<usize, usize> = BTreeMap::new();
    let mut unlisted = Vec::new();
    for (name, wrong) in results {
        for (what, details) in wrong {
            match DIFFERENT.iter().position(|(case, prefix, _)| *case == name && what.starts_with(prefix)) {
                Some(index) => *used.entry(index).or_default() += 1,
                None => unlisted.push(format!("{name}, {what}\n{details}")),
            }
        }
    }
    assert!(unlisted.is_empty(), "{} differ:\n{}", unlisted.len(), unlisted.join("\n\n"));
    let unused: Vec<_> = DIFFERENT.iter().enumerate().filter(|(index, _)| !used.contains_key(index)).map(|(_, listed)| listed).collect();
    assert!(unused.is_empty(), "listed and equal: {unused:?}");
}

/// Some of the records, drawn anew each day, are what the real programs say today.
#[test]
fn a_sample_is_still_what_ansible_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = Command::new("bash").arg(root.join("benches/ansible.sh")).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let ansible = String::from_utf8(installed.stdout).unwrap().trim().to_owned();
    let copy = tempfile::tempdir().unwrap();
    for part in ["tests/oracle/inventory", "tests/records/inventory"] {
        let to = copy.path().join(part);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        assert!(Command::new("cp").arg("-a").arg(root.join(part)).arg(&to).status().unwrap().success());
    }
    fs::create_dir(copy.path().join("docs")).unwrap();
    let mut names: Vec<String> =
        fs::read_dir(records().join("cases")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let day = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 86_400;
    // a step that shares no divisor with their number meets each of them in time
    let chosen: Vec<&String> = (0..4).map(|index| &names[((day * 4 + index) * 61 % names.len() as u64) as usize]).collect();
    let mut record = Command::new("python3");
    record.arg(copy.path().join("tests/oracle/inventory/record.py")).args(["--ansible-dir", &ansible]);
    for name in &chosen {
        record.args(["--only", name]);
    }
    let output = record.output().unwrap();
    assert!(output.status.success(), "{chosen:?}: {}", String::from_utf8_lossy(&output.stderr));
    for name in chosen {
        let file = format!("expected/{name}.json");
        let read = |dir: &Path| fs::read_to_string(dir.join(&file)).unwrap();
        assert_eq!(read(&records()), read(&copy.path().join("tests/records/inventory")), "{name}");
    }
}
