//! `attributes`: chattr(1)'s letters (set_attributes_if_different of module_utils/basic.py).
//!
//! Ansible compares the letters as a text, so that `+i` beside others and each `-i` is a change in every run. Here it is one
//! only where a letter is to come or to go.

use crate::modules::outcome::{Ended, planned};
use crate::modules::{Act, Args, Decision};
use crate::node::facts::{FileFlags, Stat};
use crate::node::steps::{ChangeFlags, Step};
use crate::plan::{Difference, Facts, Plan};

/// Where chattr is.
const PROGRAMS: [&str; 4] = ["/usr/bin/chattr", "/bin/chattr", "/usr/sbin/chattr", "/sbin/chattr"];
/// Letters that tell how the filesystem keeps the file: nobody means them who does not name them.
const OWN: &str = "eEINVh";

/// What letters are wanted.
#[derive(Debug, Clone, PartialEq)]
struct Flags<'a> {
    how: char,
    letters: &'a str,
}

impl<'a> Flags<'a> {
    fn read(args: &'a Args) -> Option<Self> {
        let text = args.str("attributes")?;
        let how = text.chars().next().filter(|first| "+-=".contains(*first));
        let letters = text.strip_prefix(['+', '-', '=']).unwrap_or(text);
        (!letters.is_empty()).then_some(Self { how: how.unwrap_or('='), letters })
    }

    /// Whether something with `is` has to change.
    fn differ(&self, is: &str) -> bool {
        let missing = self.letters.chars().any(|letter| !is.contains(letter));
        match self.how {
            '+' => missing,
            '-' => self.letters.chars().any(|letter| is.contains(letter)),
            _ => missing || is.chars().any(|letter| !self.letters.contains(letter) && !OWN.contains(letter)),
        }
    }
}

/// The decision, and behind it the letters of what is at the path in the end. Where there is no chattr, nothing is done, as
/// in Ansible.
///
/// # Errors
/// What has to be read first.
pub(crate) fn with_flags(decision: Decision, path: &str, args: &Args, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let Some(flags) = Flags::read(args) else { return Ok(decision) };
    let mut change = match &decision.act {
        Act::Plan(Plan::Unchanged) => Plan::change([]),
        Act::Plan(Plan::Change(change)) => change.clone(),
        _ => return Ok(decision),
    };
    let programs = facts.get(PROGRAMS.map(Stat::followed).to_vec())?;
    if programs.iter().all(Option::is_none) {
        return Ok(decision);
    }
    // what is written anew has none
    let is_new = change.steps.iter().any(|step| match step {
        Step::WriteFile(step) => step.path == path,
        Step::Fetch(step) => step.path == path,
        Step::MakeDirectory(step) => step.path == path,
        Step::HardLink(_) | Step::SymbolicLink(_) | Step::Remove(_) => true,
        _ => false,
    });
    let is = if is_new { None } else { facts.get(FileFlags::new(path))? };
    let is = is.map(|flags| flags.flags).unwrap_or_default();
    if !flags.differ(&is) {
        return Ok(decision);
    }
    let wanted = format!("{}{}", flags.how, flags.letters);
    change.diff.push(Difference { what: format!("attributes of {path}"), before: Some(is), after: Some(wanted.clone()) });
    change.steps.push(ChangeFlags { path: path.into(), flags: wanted }.into());
    Ok(Decision { act: planned(change).act, ..decision })
}

/// Ansible's `msg` for a task on many files, each of which would have to be looked at.
///
/// # Errors
/// If there are letters.
pub(crate) fn no_flags(args: &Args, what: &str) -> Result<(), String> {
    match Flags::read(args) {
        None => Ok(()),
        Some(_) => Err(format!("`attributes` with {what} is not carried out here; use the command chattr -R")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::modules::copy::Copy;
    use crate::modules::file::File;
    use crate::node::simulated::World;

    #[test]
    fn letters_differ_where_one_comes_or_goes() {
        for (text, is, wanted) in [
            ("+a", "e", true),
            ("+a", "ae", false),
            ("+ai", "a", true),
            ("-i", "", false),
            ("-i", "ie", true),
            ("a", "ae", false),
            ("a", "aie", true),
            ("=a", "", true),
        ] {
            let args = Bench::args(&File, &json!({"path": "/x", "attributes": text}));
            assert_eq!(Flags::read(&args).unwrap().differ(is), wanted, "{text} {is}");
        }
        for text in ["", "+", "="] {
            assert!(Flags::read(&Bench::args(&File, &json!({"path": "/x", "attributes": text}))).is_none());
        }
    }

    #[test]
    fn letters_come_and_stay() {
        let world = |chattr: bool| {
            let mut world = World::new(1);
            world.add_directory("/usr/bin", 0o755);
            world.add_file("/srv/f", b"x", 0o644);
            if chattr {
                world.add_file("/usr/bin/chattr", b"", 0o755);
            }
            Bench::new(world)
        };
        for (args, acts) in [
            (json!({"path": "/srv/f", "attributes": "+A"}), true),
            (json!({"path": "/srv/f", "attributes": "-A"}), false),
            (
                json!({"path": "/srv/new", "state": "touch", "attributes": "+d", "access_time": "preserve", "modification_time": "preserve"}),
                true,
            ),
            (json!({"path": "/srv/d", "state": "directory", "attributes": "d"}), true),
        ] {
            let mut bench = world(true);
            assert_eq!(matches!(bench.run(&File, &args), Seen::Changed(..)), acts, "{args}");
            assert!(matches!(bench.run(&File, &args), Seen::Unchanged(_)), "{args}");
        }
        let mut bench = world(true);
        let copy = json!({"dest": "/srv/f", "content": "new", "attributes": "+A"});
        let Seen::Changed(_, change, _) = bench.run(&Copy, &copy) else { panic!("unchanged") };
        assert_eq!(change.steps.len(), 2);
        assert!(matches!(bench.run(&Copy, &copy), Seen::Unchanged(_)));
        assert!(matches!(world(false).run(&File, &json!({"path": "/srv/f", "attributes": "+A"})), Seen::Unchanged(_)));
        assert!(matches!(
            world(true).run(&File, &json!({"path": "/srv", "state": "directory", "recurse": true, "attributes": "+A"})),
            Seen::Failed(_)
        ));
    }
}
