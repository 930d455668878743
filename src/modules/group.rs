//! `ansible.builtin.group`

use serde_json::{Map, Value};

use super::halt::{Halt, settled};
use super::outcome::planned;
use super::{Act, Decision, Kind, Module, Opt, RequiredIf, Spec, Task};
use crate::node::Plan;
use crate::node::apply::Carried;
use crate::node::facts;
use crate::node::steps::{AddGroup, ChangeGroup, RemoveGroup, Step};
use crate::plan::{Expect, Facts, Reading, Stop};

/// A group is there, or is not.
///
/// As in Ansible, which playbooks rely on: another `gid` is given to a group that is there, and files keep the old number.
/// `local` (libuser) is not carried out here and is refused.
#[derive(Debug)]
pub struct Group;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("state", Kind::Str).about("Whether it is there").default("present").choices(&["absent", "present"]),
        Opt::new("name", Kind::Str).about("Its name").required(),
        Opt::new("force", Kind::Bool).about("With `state: absent`: even the group that is somebody's first").default("false"),
        Opt::new("gid", Kind::Int).about("Its number; files keep the old one"),
        Opt::new("system", Kind::Bool).about("Whether a new group gets a number of the system's").default("false"),
        Opt::new("local", Kind::Bool).about("By the programs of libuser; refused").default("false"),
        Opt::new("non_unique", Kind::Bool).about("Whether another may have that number, too").default("false"),
        Opt::new("gid_min", Kind::Int).about("The lowest number for a new group"),
        Opt::new("gid_max", Kind::Int).about("The highest number for a new group"),
    ],
    required_if: &[RequiredIf { option: "non_unique", value: "true", then: &["gid"], any: false }],
    about: "A group is there, or is not",
    example: "- name: a group\n  ansible.builtin.group:\n    name: homelab\n    system: true\n",
    ..Spec::new("ansible.builtin", "group")
};

impl Module for Group {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let decision = settled(plan(task, facts))?;
        Ok(match (&decision.act, task.args.str("name")) {
            (Act::Fail(_), Some(name)) => {
                let name = name.to_owned();
                decision.with("name", name)
            }
            _ => decision,
        })
    }

    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, _carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        let mut result = Map::new();
        if let Reading::Present(group) = facts.reading(&facts::Group::new(task.args.str("name").unwrap_or_default()))? {
            result.insert("system".into(), task.args.is("system").into());
            if let Some(gid) = group.get("gid") {
                result.insert("gid".into(), gid.clone());
            }
        }
        Ok(result)
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let args = task.args;
    let (name, state) = (args.str("name").unwrap_or_default(), args.str("state").unwrap_or("present"));
    if args.is("local") {
        return Err(Halt::fail("`local` of `group` is not carried out here: leave it out, and groupadd(8) and its kin are used"));
    }
    let gid = number(args.int("gid"), "gid")?;
    let fact = facts::Group::new(name);
    let is = facts.get(fact.clone())?;
    // groupadd(8) and groupmod(8) refuse a number that another group has
    let wants = gid.filter(|gid| state != "absent" && !args.is("non_unique") && is.as_ref().is_none_or(|is| is.gid != *gid));
    if let Some(gid) = wants
        && facts.get(facts::GroupNumbered::new(gid))?.is_some_and(|other| other.name != name)
    {
        return Err(Halt::fail(format!("GID '{gid}' already exists")));
    }
    let (step, before, after, promise): (Step, _, _, _) = match (state, is) {
        ("absent", None) => return Ok(with(Decision::unchanged(), name, state)),
        ("absent", Some(is)) => {
            let step = RemoveGroup { name: name.into(), force: args.is("force") };
            (step.into(), Some(is.gid.to_string()), None, Expect::absent(&fact))
        }
        (_, None) => {
            let setting = |name: &str| args.int(&name.to_lowercase()).map(|value| (name.to_owned(), value.to_string()));
            let settings = ["GID_MIN", "GID_MAX"].into_iter().filter_map(setting).collect();
            let step = AddGroup { name: name.into(), gid, system: args.is("system"), non_unique: args.is("non_unique"), settings };
            let promise = Expect::field(&fact, "name", name).and("members", Vec::<Value>::new());
            let promise = gid.map_or(promise.clone(), |gid| promise.and("gid", gid));
            (step.into(), None, Some(gid.map_or_else(|| "present".to_owned(), |gid| gid.to_string())), promise)
        }
        (_, Some(is)) => match gid.filter(|gid| *gid != is.gid) {
            None => return Ok(with(Decision::unchanged(), name, state)),
            Some(gid) => {
                let step = ChangeGroup { name: name.into(), gid, non_unique: args.is("non_unique") };
                (step.into(), Some(is.gid.to_string()), Some(gid.to_string()), Expect::field(&fact, "gid", gid))
            }
        },
    };
    let change = Plan::change([step]).differs(format!("group {name}"), before, after).expect(promise);
    Ok(with(planned(change), name, state))
}

fn with(decision: Decision, name: &str, state: &str) -> Decision {
    decision.with("name", name).with("state", state)
}

/// A number as accounts have them.
pub(super) fn number(value: Option<i64>, what: &str) -> Result<Option<u32>, Halt> {
    value
        .map(|value| u32::try_from(value).ok().filter(|number| *number != u32::MAX))
        .map(|number| number.ok_or_else(|| Halt::fail(format!("`{what}` is a number from 0 to 4294967294"))))
        .transpose()
}
