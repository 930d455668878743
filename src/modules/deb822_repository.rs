//! `ansible.builtin.deb822_repository`

use serde_json::{Map, Value};

use super::attributes::{Attributes, MODE, Owned, Wanted, path_info};
use super::fetched::{Fetched, fetched};
use super::halt::{Halt, settled};
use super::outcome::planned;
use super::whole_file::WholeFile;
use super::{Args, Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Carried;
use crate::node::facts::{FileKind, Stat};
use crate::node::steps::MakeDirectory;
use crate::node::{Change, Plan};
use crate::plan::{Difference, Facts, Stop};

/// A package source in the new form, a file of its own.
#[derive(Debug)]
pub struct Deb822Repository;

const STRS: Kind = Kind::List(&Kind::Str);

static SPEC: Spec = Spec {
    options: &[
        Opt::new("allow_downgrade_to_insecure", Kind::Bool).about("Whether a source that was signed may come to be unsigned"),
        Opt::new("allow_insecure", Kind::Bool).about("Whether it may be unsigned"),
        Opt::new("allow_weak", Kind::Bool).about("Whether it may be signed with what is no longer thought safe"),
        Opt::new("architectures", STRS).about("The architectures that packages are taken of"),
        Opt::new("by_hash", Kind::Bool).about("Whether lists are fetched by their digests"),
        Opt::new("check_date", Kind::Bool).about("Whether the clock of the machine is compared with the dates of the source"),
        Opt::new("check_valid_until", Kind::Bool).about("Whether lists that are too old are refused"),
        Opt::new("components", STRS).about("The parts of the suite, such as `main`"),
        Opt::new("date_max_future", Kind::Int).about("How many seconds a list may be ahead of the machine's clock"),
        Opt::new("enabled", Kind::Bool).about("Whether apt uses the source"),
        Opt::new("inrelease_path", Kind::Str).about("Where the file `InRelease` is, below the address"),
        Opt::new("languages", STRS).about("The languages that descriptions are fetched in"),
        Opt::new("name", Kind::Str).required().about("What the source is called; the files are named after it"),
        Opt::new("pdiffs", Kind::Bool).about("Whether only what differs between lists is fetched"),
        Opt::new("signed_by", Kind::Str).about(
            "The key that signs it: the path of a file on the machine, an address that it is fetched from, its fingerprint, or the key itself",
        ),
        Opt::new("suites", STRS).about("The releases, such as `stable`, or a path that ends in a slash"),
        Opt::new("targets", STRS).about("What is fetched of it, such as `Packages`"),
        Opt::new("trusted", Kind::Bool).about("Whether it is taken as it is, without a look at signatures"),
        Opt::new("types", STRS).default("deb").choices(&["deb", "deb-src"]).about("Whether it has packages, their sources, or both"),
        Opt::new("uris", STRS).about("The addresses"),
        MODE.default("0644").about("The mode of the `.sources` file"),
        Opt::new("state", Kind::Str)
            .default("present")
            .choices(&["present", "absent"])
            .about("Whether it is to be there; `absent` takes its key away too"),
    ],
    about: "Adds or removes a package source in a file of its own, `/etc/apt/sources.list.d/NAME.sources`, with its key",
    notes: &[
        "The package lists are not read anew: that is for `apt` with `update_cache` to do, as in Ansible.",
        "The machine needs no `python3-debian`.",
        "A key is fetched by the machine's curl or wget; where it has neither, the task fails.",
    ],
    example: "- name: Add the packages of Kubernetes\n  deb822_repository:\n    name: kubernetes\n    uris: https://pkgs.k8s.io/core:/stable:/v1.34/deb/\n    suites: /\n    signed_by: https://pkgs.k8s.io/core:/stable:/v1.34/deb/Release.key\n",
    ..Spec::new("ansible.builtin", "deb822_repository")
};

const KEYRINGS: &str = "/etc/apt/keyrings";

impl Module for Deb822Repository {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, _carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        // Ansible's modules tell of every file that is their `dest`
        path_info(&sources_file(&slug(task.args.str("name").unwrap_or_default())), facts)
    }

    fn looks_afresh(&self, task: &Task<'_>) -> bool {
        task.args.str("signed_by").is_some_and(|key| super::fetched::is_address(key) && !key.starts_with("file:"))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let slug = slug(args.str("name").unwrap_or_default());
    let sources = WholeFile::look(facts, &sources_file(&slug))?;
    let key_at = |extension: &str| format!("{KEYRINGS}/{slug}.{extension}");
    let mut change: Change = Plan::change([]);
    if args.str("state") == Some("absent") {
        for file in [sources.path.clone(), key_at("asc"), key_at("gpg")] {
            let file = WholeFile::look(facts, &file)?;
            if file.stat.is_some() {
                file.remove(&mut change);
            }
        }
        let decision = planned(change).with("repo", Value::Null).with("dest", sources.path);
        return Ok(decision.with("key_filename", key_at("gpg")));
    }
    let attributes = Attributes::read(args).map_err(Halt::fail)?;
    let wanted = attributes.resolve(facts.get(attributes.ask())?).map_err(Halt::fail)?;
    let key = args.str("signed_by").map(|key| signed_by(key, &slug, task, facts, &mut change)).transpose()?;
    let repo = stanza(args, key.as_ref().map(|key| key.value.as_str()));
    sources.put(facts, repo.clone().into_bytes(), &wanted, &mut change)?;
    let file = key.and_then(|key| key.file).map_or(Value::Null, Value::from);
    Ok(planned(change).with("repo", repo).with("dest", sources.path).with("key_filename", file))
}

fn sources_file(slug: &str) -> String {
    format!("/etc/apt/sources.list.d/{slug}.sources")
}

/// What stands behind `Signed-By`, and the key's file if there is one.
struct SignedBy {
    value: String,
    file: Option<String>,
}

fn signed_by(key: &str, slug: &str, task: &Task<'_>, facts: &Facts<'_>, change: &mut Change) -> Result<SignedBy, Halt> {
    let file = |path: &str| Ok(SignedBy { value: path.to_owned(), file: Some(path.to_owned()) });
    if key.starts_with('/') && !key.contains('\n') && facts.get(Stat::followed(key))?.is_some_and(|stat| stat.kind == FileKind::File) {
        return file(key);
    }
    let bytes = match fetched(key, task, facts)? {
        Fetched::NoAddress => return Ok(SignedBy { value: key.to_owned(), file: None }),
        Fetched::Is(bytes) => bytes,
        Fetched::Failed(why) => return Err(Halt::fail(format!("Could not fetch signed_by key: {why}"))),
    };
    if bytes.is_empty() {
        return file(key);
    }
    let armoured = memchr::memmem::find(&bytes, b"-----BEGIN PGP PUBLIC KEY BLOCK-----").is_some();
    let path = format!("{KEYRINGS}/{slug}.{}", if armoured { "asc" } else { "gpg" });
    let directory = facts.get(Stat::new(KEYRINGS))?;
    let wanted = Wanted { mode: super::attributes::ModeChange::parse(&"0644".into()).ok(), ..Wanted::default() };
    let Some(directory) = directory else {
        // a file below it cannot be there either
        let (owner, group) = ("0".to_owned(), "0".to_owned());
        change.steps.push(MakeDirectory { path: KEYRINGS.into(), owner, group, mode: 0o755, parents: false }.into());
        change.diff.push(Difference { what: KEYRINGS.into(), before: None, after: Some("directory".into()) });
        let owned = |mode| Owned { uid: 0, gid: 0, mode };
        change.expect.push(super::attributes::promise(KEYRINGS, FileKind::Directory, owned(0o755)));
        WholeFile { path: path.clone(), content: None, stat: None }.write(bytes, owned(0o644), change);
        return file(&path);
    };
    let there = WholeFile::look(facts, &path)?;
    if there.content.as_ref() != Some(&bytes) {
        let root = Wanted { uid: Some(0), gid: Some(0), mode: super::attributes::ModeChange::parse(&"0755".into()).ok(), umask: 0o022 };
        root.reach(KEYRINGS, &directory, change);
    }
    there.put(facts, bytes, &wanted, change)?;
    file(&path)
}

/// The name of its files: lower case, `-` for blanks and `_`, and nothing odd.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    let mut in_gap = false;
    for c in name.to_lowercase().chars() {
        let gap = c == '_' || c.is_whitespace();
        if gap && !in_gap {
            slug.push('-');
        }
        if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' {
            slug.push(c);
        }
        in_gap = gap;
    }
    slug
}

/// The file's text: its fields in the order of the options' names.
fn stanza(args: &Args, key: Option<&str>) -> String {
    let mut options: Vec<&str> = SPEC.options.iter().map(|option| option.name).filter(|name| !matches!(*name, "mode" | "state")).collect();
    options.sort_unstable();
    let mut text = String::new();
    for name in options {
        let value = match (name, args.get(name)) {
            ("signed_by", _) => key.map(str::to_owned),
            (_, None | Some(Value::Null)) => None,
            (_, Some(Value::Bool(yes))) => Some(if *yes { "yes" } else { "no" }.to_owned()),
            (_, Some(Value::Array(_))) => Some(args.list(name).unwrap_or_default().join(" ")),
            (_, Some(Value::String(value))) => Some(value.clone()),
            (_, Some(other)) => Some(other.to_string()),
        };
        if let Some(value) = value {
            let value = if value.contains('\n') { several_lines(&value) } else { value };
            let blank = if value.is_empty() || value.starts_with('\n') { "" } else { " " };
            text.push_str(&format!("{}:{blank}{value}\n", field(name)));
        }
    }
    text
}

fn field(option: &str) -> String {
    match option {
        "name" => "X-Repolib-Name".into(),
        "uris" => "URIs".into(),
        _ => {
            let word = |word: &str| {
                let mut letters = word.chars();
                letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
            };
            option.split('_').map(word).collect::<Vec<_>>().join("-")
        }
    }
}

/// A value of several lines: each is set in, and an empty one is a dot.
fn several_lines(value: &str) -> String {
    value.trim().lines().map(|line| format!("\n    {}", if line.trim().is_empty() { "." } else { line.trim() })).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n";

    pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = World::new(random.number());
        if !random.once_in(8) {
            world.add_directory("/etc/apt/sources.list.d", 0o755);
        }
        world.serve("http://h/key.asc", (KEY.as_bytes()).to_vec());
        world.serve("http://h/key.gpg", (b"\x99\x01").to_vec());
        world.serve("http://h/empty", (b"").to_vec());
        world.add_file("/srv/key", KEY.as_bytes(), 0o600);
        if random.once_in(2) {
            world.add_directory("/etc/apt/keyrings", *random.pick(&[0o755, 0o700]).unwrap());
            if random.once_in(2) {
                world.add_file("/etc/apt/keyrings/a-b.asc", random.pick(&[KEY, "old"]).unwrap().as_bytes(), 0o600);
            }
            if random.once_in(4) {
                world.add_file("/etc/apt/keyrings/a-b.gpg", b"old", 0o644);
            }
        }
        if random.once_in(3) {
            world.add_file("/etc/apt/sources.list.d/a-b.sources", b"Types: deb\nX-Repolib-Name: a b\n", 0o640);
        }
        if random.once_in(12) {
            world.add_directory("/etc/apt/sources.list.d/a-b.sources", 0o755);
        }
        let mut args = json!({"name": "a b"});
        let keys = [
            "http://h/key.asc",
            "http://h/key.gpg",
            "http://h/none",
            "http://h/empty",
            "/srv/key",
            "/srv/none",
            "file:/srv/key",
            KEY,
            "ABCD",
        ];
        let options: &[(&str, &[Value])] = &[
            ("state", &[json!("absent"), json!("present")]),
            ("signed_by", &keys.map(Value::from)),
            ("uris", &[json!("http://h/a"), json!(["http://h/a", "http://h/b"])]),
            ("types", &[json!(["deb", "deb-src"])]),
            ("enabled", &[json!(false)]),
            ("mode", &[json!("0600"), json!("u=rw")]),
        ];
        for (name, values) in options {
            if random.once_in(2) {
                args[*name] = random.pick(values).unwrap().clone();
            }
        }
        (Bench::new(world), args)
    }

    #[test]
    fn a_file_has_its_fields_in_order() {
        let args = json!({
            "name": "My  Repo_x!", "uris": ["http://a", "http://b"], "suites": "stable", "components": [], "by_hash": true,
            "date_max_future": 10, "signed_by": KEY, "types": ["deb", "deb-src"],
        });
        let mut world = World::new(1);
        world.add_directory("/etc/apt/sources.list.d", 0o755);
        let mut bench = Bench::new(world);
        let Seen::Changed(decision, ..) = bench.run(&Deb822Repository, &args) else { panic!() };
        assert_eq!(decision.result["dest"], "/etc/apt/sources.list.d/my-repo-x.sources");
        assert_eq!(decision.result["key_filename"], Value::Null);
        assert_eq!(
            decision.result["repo"],
            "By-Hash: yes\nComponents:\nDate-Max-Future: 10\nX-Repolib-Name: My  Repo_x!\nSigned-By:\n    -----BEGIN PGP PUBLIC KEY BLOCK-----\n    .\n    abc\n    -----END PGP PUBLIC KEY BLOCK-----\nSuites: stable\nTypes: deb deb-src\nURIs: http://a http://b\n"
        );
    }

    #[test]
    fn a_key_from_an_address_gets_a_file_of_its_own() {
        let mut world = World::new(1);
        world.add_directory("/etc/apt/sources.list.d", 0o755);
        world.serve("http://h/k", (b"\x99\x01").to_vec());
        let mut bench = Bench::new(world);
        let args = json!({"name": "x", "signed_by": "http://h/k"});
        let Seen::Changed(decision, ..) = bench.run(&Deb822Repository, &args) else { panic!() };
        assert_eq!(decision.result["key_filename"], "/etc/apt/keyrings/x.gpg");
        assert_eq!(bench.machine.world().content("/etc/apt/keyrings/x.gpg").unwrap(), b"\x99\x01");
        assert!(matches!(bench.run(&Deb822Repository, &json!({"name": "x", "signed_by": "http://h/gone"})), Seen::Failed(_)));
        let gone = json!({"name": "x", "state": "absent"});
        let Seen::Changed(_, change, _) = bench.run(&Deb822Repository, &gone) else { panic!() };
        assert_eq!(change.steps.len(), 2);
    }
}
