//! The house's own rules: who may use whom, which crates may not come in, what must not be said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which folder of `src` may use which others. Data flows one way; `plan` is the vocabulary, so it may be used by all.
const MAY_USE: &[(&str, &[&str])] = &[
    ("diagnostics", &[]),
    ("yaml", &["diagnostics"]),
    ("report", &["diagnostics"]),
    ("transport", &["diagnostics"]),
    ("plan", &["diagnostics"]),
    ("template", &["yaml", "diagnostics"]),
    ("inventory", &["yaml", "template", "diagnostics"]),
    ("node", &["plan", "transport"]),
    ("disk", &["plan", "node"]),
    ("cluster", &["plan", "node", "yaml", "diagnostics"]),
    ("gitops", &["template", "yaml", "diagnostics"]),
    ("modules", &["plan", "node", "disk", "cluster", "template", "yaml", "diagnostics"]),
    ("playbook", &["yaml", "template", "modules", "diagnostics"]),
    (
        "engine",
        &["inventory", "playbook", "report", "modules", "cluster", "disk", "node", "plan", "transport", "template", "yaml", "diagnostics"],
    ),
];

/// Crates that need cmake or a system library, or bring a second TLS or crypto library.
const BANNED: &[&str] = &["aws-lc-sys", "aws-lc-rs", "openssl-sys", "cmake", "libgit2-sys", "libssh2-sys"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
}

/// The folders that a text names as `crate::folder`, in one `use` with braces too.
fn used(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let group = rest.strip_prefix('{').and_then(|group| group.split_once('}')).map(|(group, _)| group);
        for part in group.unwrap_or(rest).split(',').take(if group.is_some() { usize::MAX } else { 1 }) {
            let name: String = part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.insert(name);
        }
    }
    names
}

#[test]
fn data_flows_one_way() {
    let (src, table) = (root().join("src"), MAY_USE.iter().copied().collect::<BTreeMap<_, _>>());
    let mut wrong = Vec::new();
    let mut sources = Vec::new();
    files(&src, "rs", &mut sources);
    for file in sources {
        let inside = file.strip_prefix(&src).unwrap();
        let folder = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if matches!(folder, "lib" | "main" | "cli") {
            continue;
        }
        let Some(allowed) = table.get(folder) else {
            wrong.push(format!("{}: the folder is not in the table", inside.display()));
            continue;
        };
        for name in used(&std::fs::read_to_string(&file).unwrap()) {
            if name != folder && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{} uses {name}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "folders that use what they may not:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_circle() {
    let mut done = BTreeSet::new();
    for (folder, allowed) in MAY_USE {
        // the table stands in an order in which each folder uses only earlier ones, but for the types that `playbook`
        // takes from `modules`; both come before `engine`
        assert!(allowed.iter().all(|name| done.contains(name)), "{folder} uses a later folder");
        done.insert(*folder);
    }
}

/// Whether a file, or a folder above it, is a module that is there for tests only.
fn is_test(file: &Path) -> bool {
    file.ancestors().take_while(|path| !path.ends_with("src")).any(|path| {
        let (Some(above), Some(name)) = (path.parent(), path.file_stem()) else { return false };
        let declares = |file: PathBuf| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            text.contains(&format!("#[cfg(test)]\nmod {};", name.to_string_lossy()))
        };
        declares(above.join("mod.rs")) || declares(above.join("lib.rs")) || declares(above.with_extension("rs"))
    })
}

#[test]
fn only_the_command_line_prints_reads_the_environment_or_exits() {
    let src = root().join("src");
    let mut sources = Vec::new();
    files(&src, "rs", &mut sources);
    let mut wrong = Vec::new();
    for file in sources {
        let inside = file.strip_prefix(&src).unwrap().to_owned();
        if inside.starts_with("cli") || inside == Path::new("main.rs") || is_test(&file) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for word in ["println!", "eprintln!", "print!(", "std::env::var", "env::var", "process::exit", "env::current_dir", "env::home_dir"]
        {
            if code.contains(word) {
                wrong.push(format!("{}: {word}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "below the command line:\n{}", wrong.join("\n"));
}

#[test]
fn banned_crates_are_not_in_the_tree() {
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let Ok(text) = std::fs::read_to_string(root().join(lock)) else { continue };
        for name in BANNED {
            assert!(!text.contains(&format!("name = \"{name}\"\n")), "{name} is in {lock}");
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (mut section, mut last, mut count) = (String::new(), String::new(), 0);
    for line in text.lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
        } else if section.ends_with("dependencies") && line.contains('=') && !line.starts_with([' ', '#', ']']) {
            count += 1;
            let with_the_one_above = last.contains('=') && !last.starts_with('#');
            assert!(last.starts_with('#') || line.contains(" # ") || with_the_one_above, "no reason beside: {line}");
        }
        last = line.to_owned();
    }
    assert!(count > 20, "Cargo.toml was not understood");
}

#[test]
fn files_stay_small_enough_to_walk_through() {
    let mut sources = Vec::new();
    for dir in ["src", "tests"] {
        files(&root().join(dir), "rs", &mut sources);
    }
    let long: Vec<String> = sources
        .iter()
        .map(|file| (file, std::fs::read_to_string(file).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 600)
        .map(|(file, lines)| format!("{} has {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
    let main = std::fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 60);
}
