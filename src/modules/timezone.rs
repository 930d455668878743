//! `community.general.timezone`

use serde_json::Map;

use super::attributes::{Owned, promise};
use super::halt::{Halt, settled};
use super::outcome::{both, planned};
use super::remote_file::LONGEST;
use super::whole_file::WholeFile;
use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::facts::{Content, FileContent, FileKind, Stat};
use crate::node::steps::{SetHardwareClock, SetTimeZone, adjtime, is_local};
use crate::node::{Change, Plan};
use crate::plan::{Difference, Expect, Facts, Stop};

/// The time zone, and what the hardware clock holds.
#[derive(Debug)]
pub struct Timezone;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("hwclock", Kind::Str)
            .aliases(&["rtc"])
            .choices(&["local", "UTC"])
            .about("What the hardware clock holds: local time or UTC"),
        Opt::new("name", Kind::Str).about("The zone, as it is called below `/usr/share/zoneinfo`: `Europe/Berlin`"),
    ],
    one_of: &[&["hwclock", "name"]],
    about: "Sets the time zone, and what the hardware clock holds",
    notes: &[
        "Machines with timedatectl only: others are refused.",
        "What is so is read from `/etc/localtime` and `/etc/adjtime`, as systemd itself reads it.",
    ],
    example: "- name: Clocks show the time of Berlin\n  timezone:\n    name: Europe/Berlin\n",
    ..Spec::new("community.general", "timezone")
};

const LOCALTIME: &str = "/etc/localtime";
const ADJTIME: &str = "/etc/adjtime";
const TIMEDATECTL: &str = "/usr/bin/timedatectl";

impl Module for Timezone {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        settled(plan(task, facts))
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Halt> {
    let (clock, zone) = (task.args.str("hwclock"), task.args.str("name"));
    let file = zone.map(|zone| Stat::followed(format!("/usr/share/zoneinfo/{zone}")));
    let looked = match clock.map(|_| WholeFile::look(facts, ADJTIME)) {
        Some(Err(Halt::Stop(stop))) => Err(stop),
        looked => Ok(looked),
    };
    let ask = (Stat::new(LOCALTIME), vec![Stat::followed(TIMEDATECTL), Stat::followed("/run/systemd/system")]);
    let ((localtime, there), (file, held)) = both(facts.get(ask), both(facts.get(file.into_iter().collect::<Vec<_>>()), looked))?;
    let held = held.transpose()?;
    if there.iter().any(Option::is_none) {
        return Err(Halt::fail("the time zone of a machine without timedatectl is not set here"));
    }
    let mut change: Change = Plan::change([]);
    let (mut before, mut after, mut done) = (Map::new(), Map::new(), Vec::new());
    if let (Some(clock), Some(held)) = (clock, &held) {
        let text = held.content.as_ref().map(|_| held.text());
        let is = if text.as_deref().is_some_and(is_local) { "local" } else { "UTC" };
        (before, after) =
            ([("hwclock".to_owned(), is.into())].into_iter().collect(), [("hwclock".to_owned(), clock.into())].into_iter().collect());
        if is != clock {
            change.steps.push(SetHardwareClock { local: clock == "local" }.into());
            change.diff.push(Difference { what: "hardware clock".into(), before: Some(is.into()), after: Some(clock.into()) });
            let content = Content::itself(ADJTIME, LONGEST);
            change.expect.push(match adjtime(text.as_deref(), clock == "local") {
                Some(text) => Expect::is(&content, &FileContent::from(text.into_bytes())),
                None => Expect::absent(&content),
            });
            done.push(format!("executed `{TIMEDATECTL} set-local-rtc {}`", if clock == "local" { "yes" } else { "no" }));
        }
    }
    if let Some(zone) = zone {
        if file.into_iter().flatten().next().is_none_or(|stat| stat.kind != FileKind::File) {
            return Err(Halt::fail(format!("Error message:\ngiven timezone \"{zone}\" is not available")));
        }
        let target = localtime.as_ref().map(|stat| stat.target.clone().unwrap_or_default());
        let is = target.as_deref().map_or("UTC", |target| target.split_once("zoneinfo/").map_or("n/a", |(_, zone)| zone));
        before.insert("name".into(), is.into());
        after.insert("name".into(), zone.into());
        if is != zone {
            change.steps.push(SetTimeZone { zone: zone.into() }.into());
            change.diff.push(Difference { what: "time zone".into(), before: Some(is.into()), after: Some(zone.into()) });
            let root = Owned { uid: 0, gid: 0, mode: 0o777 };
            let link = promise(LOCALTIME, FileKind::Link, root).and("target", format!("../usr/share/zoneinfo/{zone}"));
            change.expect.push(link);
            done.push(format!("executed `{TIMEDATECTL} set-timezone {zone}`"));
        }
    }
    let decision = planned(change).with("diff", serde_json::json!({"before": before, "after": after}));
    Ok(if done.is_empty() || task.check { decision } else { decision.with("msg", done.join("\n")) })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    fn world() -> World {
        let mut world = World::new(1);
        world.add_directory("/run/systemd/system", 0o755);
        world.add_directory("/usr/bin", 0o755);
        world.add_directory("/usr/share/zoneinfo/Etc", 0o755);
        world.add_directory("/usr/share/zoneinfo/Europe", 0o755);
        world.add_file(TIMEDATECTL, b"", 0o755);
        for zone in ["Etc/UTC", "Europe/Berlin", "UTC"] {
            world.add_file(&format!("/usr/share/zoneinfo/{zone}"), b"TZif", 0o644);
        }
        world
    }

    pub(crate) fn state(random: &mut Random) -> (Bench, Value) {
        let mut world = if random.once_in(10) { World::new(2) } else { world() };
        match random.below(4) {
            0 => {}
            1 => world.add_file(LOCALTIME, b"TZif", 0o644),
            _ => world
                .add_link(LOCALTIME, random.pick(&["/usr/share/zoneinfo/Etc/UTC", "../usr/share/zoneinfo/Europe/Berlin", "/x"]).unwrap()),
        }
        if random.once_in(2) {
            let content = *random.pick(&["0.0 0 0\n0\nLOCAL\n", "0.0 0 0\n0\nUTC\n", "1.0 5 0\n5\nLOCAL\n", ""]).unwrap();
            world.add_file(ADJTIME, content.as_bytes(), 0o644);
        }
        let mut args = json!({});
        if random.once_in(2) {
            args["hwclock"] = (*random.pick(&["local", "UTC"]).unwrap()).into();
        }
        if args.get("hwclock").is_none() || random.once_in(2) {
            args["name"] = (*random.pick(&["Europe/Berlin", "Etc/UTC", "UTC", "No/Where", "Europe"]).unwrap()).into();
        }
        (Bench::new(world), args)
    }

    #[test]
    fn zone_and_clock_are_set_and_told() {
        let mut bench = Bench::new(world());
        let args = json!({"name": "Europe/Berlin", "hwclock": "local"});
        let Seen::Changed(decision, change, _) = bench.run(&Timezone, &args) else { panic!() };
        assert_eq!(change.steps.len(), 2);
        assert_eq!(decision.result["diff"]["before"], json!({"hwclock": "UTC", "name": "UTC"}));
        assert_eq!(
            decision.result["msg"],
            "executed `/usr/bin/timedatectl set-local-rtc yes`\nexecuted `/usr/bin/timedatectl set-timezone Europe/Berlin`"
        );
        assert!(matches!(bench.run(&Timezone, &args), Seen::Unchanged(_)));
        assert!(matches!(bench.run(&Timezone, &json!({"name": "No/Where"})), Seen::Failed(_)));
    }
}
