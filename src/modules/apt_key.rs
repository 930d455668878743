//! `ansible.builtin.apt_key`

use serde_json::{Map, Value};

use super::fetched::{Fetched, fetched};
use super::halt::{Halt, settled};
use super::outcome::planned;
use super::paths::path;
use super::whole_file::WholeFile;
use super::{Act, Decision, Kind, Module, Opt, Spec, Task};
use crate::node::apply::Carried;
use crate::node::facts::AptKeys;
use crate::node::openpgp::key_ids;
use crate::node::steps::{AptKeyChange, ChangeAptKeys};
use crate::node::web::masked;
use crate::node::{Change, Plan};
use crate::plan::{Difference, Facts, Reading, Stop};

/// A key that apt trusts for all sources.
#[derive(Debug)]
pub struct AptKey;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("id", Kind::Str)
            .about("The key's id: 8, 16 or more hexadecimal digits, with or without `0x`; read from the key where nothing is said"),
        Opt::new("url", Kind::Str).about("The address that the key is fetched from"),
        Opt::new("data", Kind::Str).about("The key itself"),
        Opt::new("file", Kind::Path).about("The key's file on the machine"),
        Opt::new("keyring", Kind::Path).about("The file that it is kept in; one of apt's own where nothing is said"),
        Opt::new("validate_certs", Kind::Bool).default("true").about("Whether the certificate of the server with the key is looked at"),
        Opt::new("keyserver", Kind::Str).about("The key server that is asked for `id`"),
        Opt::new("state", Kind::Str).default("present").choices(&["absent", "present"]).about("Whether apt is to trust it"),
    ],
    exclusive: &[&["data", "file", "keyserver", "url"]],
    about: "Adds or removes a key that apt trusts for all sources",
    notes: &[
        "The machine needs apt-key, which Debian 13 has no more, and gpg. `deb822_repository` and its `signed_by` are what comes after it, \
         and trust a key for one source only.",
        "Which keys are in a file is read here; gpg is not asked. A key that has another id than `id` is not added; Ansible adds it, and \
         fails after.",
    ],
    example: "- name: Trust a key (deb822_repository is better)\n  apt_key:\n    url: https://example.org/key.asc\n    keyring: /etc/apt/trusted.gpg.d/example.gpg\n",
    ..Spec::new("ansible.builtin", "apt_key")
};

impl Module for AptKey {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }

    fn looks_afresh(&self, task: &Task<'_>) -> bool {
        task.args.str("url").is_some()
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let mut result = Map::new();
        if carried.is_none() {
            return Ok(result);
        }
        let keyring = keyring(task, facts).ok().flatten();
        let Ok(key) = wanted(task, facts) else { return Ok(result) };
        if let Reading::Present(Value::Array(keys)) = facts.reading(&AptKeys::new(keyring.as_deref()))? {
            let keys: Vec<String> = keys.iter().filter_map(Value::as_str).map(|id| key.shown(id)).collect();
            let (present, is) = (task.args.str("state") != Some("absent"), keys.contains(&key.fingerprint));
            if present != is {
                let what = if present { "failed to add the key" } else { "the key was not removed" };
                let why = format!("apt-key did not return an error, but {what} (check that the id is correct and *not* a subkey)");
                result.extend([("failed".to_owned(), true.into()), ("msg".to_owned(), why.into())]);
            }
            result.insert("after".into(), keys.into());
        }
        Ok(result)
    }
}

/// A key's id in its forms.
struct Id {
    given: String,
    key_id: String,
    short: String,
    fingerprint: String,
}

impl Id {
    /// # Errors
    /// `()` where it is none.
    fn parse(given: &str) -> Result<Self, ()> {
        let upper = given.trim().to_uppercase();
        let key_id = upper.strip_prefix("0X").unwrap_or(&upper).to_owned();
        let length = key_id.len();
        if !key_id.bytes().all(|byte| byte.is_ascii_hexdigit()) || !(length == 8 || length >= 16) {
            return Err(());
        }
        let last = |count: usize| key_id.get(length.saturating_sub(count)..).unwrap_or_default().to_owned();
        Ok(Self { given: given.to_owned(), short: last(8), fingerprint: last(16), key_id: key_id.clone() })
    }

    /// An id of the keyring in as many digits as this has.
    fn shown(&self, id: &str) -> String {
        let short = self.key_id.len() == 8 && id.len() > 8;
        if short { id.get(id.len() - 8..).unwrap_or(id).to_owned() } else { id.to_owned() }
    }
}

fn keyring(task: &Task<'_>, facts: &Facts<'_>) -> Result<Option<String>, Halt> {
    Ok(task.args.str("keyring").map(|text| path(text, task, facts)).transpose()?)
}

/// The key itself, as far as the task names where it is.
fn data(task: &Task<'_>, facts: &Facts<'_>) -> Result<Option<Vec<u8>>, Halt> {
    let args = task.args;
    if let Some(url) = args.str("url") {
        return match fetched(url, task, facts)? {
            Fetched::Is(bytes) => Ok(Some(bytes)),
            Fetched::Failed(why) => Err(Halt::fail(format!("Failed to download key at {}: {why}", masked(url)))),
            Fetched::NoAddress => Err(Halt::fail(format!("Error getting key id from url: {}", masked(url)))),
        };
    }
    if let Some(text) = args.str("file") {
        let path = path(text, task, facts)?;
        let file = WholeFile::look(facts, &path)?;
        return file.content.map(Some).ok_or_else(|| Halt::fail(format!("Unable to extract key from '{path}'")));
    }
    Ok(args.str("data").map(|text| text.as_bytes().to_vec()))
}

fn wanted(task: &Task<'_>, facts: &Facts<'_>) -> Result<Id, Halt> {
    let args = task.args;
    let given = match args.str("id").filter(|id| !id.is_empty()) {
        Some(id) => id.to_owned(),
        None if args.str("keyserver").is_some() => return Err(Halt::fail("Missing key_id, required with keyserver.")),
        None => {
            let data = data(task, facts)?;
            let from = args.str("file").unwrap_or("inline data");
            let first = data.map(|data| key_ids(&data).into_iter().next());
            first.unwrap_or(Some(String::new())).ok_or_else(|| Halt::fail(format!("Unable to extract key from '{from}'")))?
        }
    };
    Id::parse(&given).map_err(|()| Decision::fail("Invalid key_id").with("id", given).into())
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let keyring = keyring(task, facts)?;
    let Some(is) = facts.get(AptKeys::new(keyring.as_deref()))? else {
        return Err(Halt::fail(
            "Failed to find required executable \"apt-key\": this release has none any more; use deb822_repository, which has the key of \
             a source in `signed_by`",
        ));
    };
    let key = wanted(task, facts)?;
    let is: Vec<String> = is.iter().map(|id| key.shown(id)).collect();
    let (there, present) = (is.contains(&key.fingerprint), args.str("state") != Some("absent"));
    let mut change: Change = Plan::change([]);
    if present != there {
        let what = match (present, args.str("keyserver")) {
            (false, _) => AptKeyChange::Remove(key.short.clone()),
            (true, Some(server)) => AptKeyChange::Receive { server: server.to_owned(), id: key.key_id.clone() },
            (true, None) => match data(task, facts)? {
                Some(bytes) => {
                    let ids = key_ids(&bytes);
                    if !ids.iter().any(|id| key.shown(id) == key.fingerprint) {
                        return Err(Halt::fail(format!("the key {} is not in it: {}", key.key_id, ids.join(", "))));
                    }
                    AptKeyChange::Add(bytes)
                }
                None => {
                    let told = told(Decision::fail("No key to add ... how did i get here?!?!"), key);
                    return Ok(told.with("before", is).with("changed", true));
                }
            },
        };
        let word = |is: bool| is.then(|| key.fingerprint.clone());
        change.diff.push(Difference { what: "apt key".into(), before: word(there), after: word(present) });
        change.steps.push(ChangeAptKeys { keyring, what }.into());
    }
    let decision = told(planned(change), key);
    Ok(if matches!(decision.act, Act::Plan(Plan::Refuse(_))) { decision } else { decision.with("before", is) })
}

fn told(decision: Decision, key: Id) -> Decision {
    decision.with("id", key.given).with("short_id", key.short).with("fp", key.fingerprint).with("key_id", key.key_id)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    const KEY: &str = include_str!("../node/openpgp_key.asc");

    fn world() -> World {
        let mut world = World::new(1);
        world.serve("http://h/key", KEY.as_bytes().to_vec());
        world.add_file("/srv/key", KEY.as_bytes(), 0o644);
        world
    }

    pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = world();
        if random.once_in(8) {
            world.without_apt_key();
        }
        let mut bench = Bench::new(world);
        if random.once_in(2) {
            bench.run(&AptKey, &json!({"data": KEY}));
        }
        let sources =
            [("url", "http://h/key"), ("url", "http://h/none"), ("data", KEY), ("data", "odd"), ("file", "/srv/key"), ("keyserver", "ks")];
        let mut args = json!({});
        if !random.once_in(5) {
            let (name, value) = *random.pick(&sources).unwrap();
            args[name] = value.into();
        }
        if random.once_in(2) {
            args["id"] = (*random.pick(&["71D4BD66", "0x308503f771d4bd66", "FFFFFFFFFFFFFFFF", "zz"]).unwrap()).into();
        }
        for (name, values) in [("state", ["absent", "present"]), ("keyring", ["/etc/apt/a.gpg", "/none/\0"])] {
            if random.once_in(3) {
                args[name] = (*random.pick(&values).unwrap()).into();
            }
        }
        (bench, args)
    }

    #[test]
    fn a_key_comes_and_goes() {
        let mut bench = Bench::new(world());
        let args = json!({"file": "/srv/key"});
        let Seen::Changed(decision, _, carried) = bench.run(&AptKey, &args) else { panic!() };
        assert_eq!((&decision.result["fp"], &decision.result["before"]), (&json!("308503F771D4BD66"), &json!([])));
        assert_eq!(bench.result(&AptKey, &args, Some(&carried))["after"], json!(["308503F771D4BD66", "ACD8F003BEFCC83C"]));
        assert!(matches!(bench.run(&AptKey, &json!({"url": "http://h/key", "id": "0x71d4bd66"})), Seen::Unchanged(_)));
        assert!(matches!(bench.run(&AptKey, &json!({"id": "308503F771D4BD66", "state": "absent"})), Seen::Changed(..)));
        bench.machine.world().without_apt_key();
        bench.store = crate::plan::Store::default();
        let Seen::Failed(why) = bench.run(&AptKey, &args) else { panic!() };
        assert!(why.contains("deb822_repository"));
    }
}
