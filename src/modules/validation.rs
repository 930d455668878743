//! `validate`: a command that looks at a file's new content before it is put in place.

use super::Task;
use super::attributes::Owned;
use super::expand::expand;
use super::outcome::Ended;
use crate::node::steps::{Source, Validate};
use crate::plan::Facts;
use crate::template::words;

/// The command, cut into words as Python's shlex does, with variables and `~` replaced as `run_command` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Validation {
    /// The words but the one that names the file.
    argv: Vec<String>,
    /// Where that one stands, and what is before and behind the name in it.
    file: (usize, String, String),
}

impl Validation {
    /// The option, if it is given.
    ///
    /// # Errors
    /// Ansible's `msg`; what has to be read first.
    pub(crate) fn read(task: &Task<'_>, facts: &Facts<'_>) -> Result<Option<Self>, Ended> {
        let Some(command) = task.args.str("validate") else { return Ok(None) };
        let Self { argv, file: (at, before, behind) } = Self::parse(command)?;
        let argv = expand(task, facts, &argv.iter().map(String::as_str).collect::<Vec<_>>())?;
        if argv.is_empty() {
            return Err(format!("`validate` needs a program before %s: {command}").into());
        }
        let around = expand(task, facts, &[&before, &behind])?;
        let [before, behind] = <[String; 2]>::try_from(around).unwrap_or([before, behind]);
        Ok(Some(Self { argv, file: (at, before, behind) }))
    }

    /// `%s` is the file's name and stands there once, `%%` a percent sign.
    fn parse(command: &str) -> Result<Self, String> {
        if !command.contains("%s") {
            return Err(format!("validate must contain %s: {command}"));
        }
        let words = words::split_all(command).map_err(|error| format!("validate cannot be understood: {}", error.why))?;
        let (mut argv, mut file) = (Vec::new(), None);
        for (at, word) in words.iter().enumerate() {
            // between `%%`, which stand for one
            let parts: Vec<&str> = word.text.split("%%").collect();
            let places: usize = parts.iter().map(|part| part.matches("%s").count()).sum();
            let others = parts.iter().any(|part| part.replace("%s", "").contains('%'));
            if others || places > 1 || places == 1 && file.is_some() {
                return Err(format!("validate takes one %s, and %% for a percent sign: {command}"));
            }
            match parts.iter().position(|part| part.contains("%s")) {
                None => argv.push(parts.join("%")),
                Some(part) => {
                    let (before, behind) = parts.get(part).and_then(|part| part.split_once("%s")).unwrap_or_default();
                    let join = |parts: &[&str]| parts.join("%");
                    let before = [parts.get(..part).unwrap_or_default(), &[before]].concat();
                    let behind = [&[behind], parts.get(part + 1..).unwrap_or_default()].concat();
                    file = Some((at, join(&before), join(&behind)));
                }
            }
        }
        let file = file.ok_or_else(|| format!("validate must contain %s: {command}"))?;
        Ok(Self { argv, file })
    }

    /// The step that runs it on a content, in a file whose name ends so.
    pub(crate) fn step(&self, suffix: String, source: Source, will: Owned) -> Validate {
        let (owner, group) = (will.uid.to_string(), will.gid.to_string());
        Validate { source, suffix, owner, group, mode: will.mode, argv: self.argv.clone(), file: self.file.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::modules::copy::Copy;
    use crate::node::simulated::World;
    use crate::node::steps::Step;

    #[test]
    fn the_files_name_stands_where_the_command_says() {
        let parse = |command: &str| Validation::parse(command).unwrap();
        let visudo = parse("visudo -cf %s");
        assert_eq!((visudo.argv.join(" "), visudo.file), ("visudo -cf".into(), (2, String::new(), String::new())));
        assert_eq!(parse("sh -c 'test 100%% = x' --file=%s.new y").file, (3, "--file=".into(), ".new".into()));
        assert_eq!(parse("sh -c '100%%' %s").argv, ["sh", "-c", "100%"]);
        assert_eq!(parse("sh -c 'a%% <%s 5%%'").file, (2, "a% <".into(), " 5%".into()));
        for bad in ["true", "x %s %s", "x %d %s", "x '%s", "x %%s"] {
            assert!(Validation::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn variables_and_homes_are_the_machines() {
        let mut world = World::new(1);
        world.add_directory("/srv", 0o755);
        let args = json!({"dest": "/srv/f.conf", "content": "x", "validate": "~/bin/check $HOME/rules --in=%s"});
        let Seen::Changed(_, change, _) = Bench::new(world).run(&Copy, &args) else { panic!("not changed") };
        let Some(Step::Validate(step)) = change.steps.first() else { panic!("{change:?}") };
        assert_eq!(
            (step.argv.join(" ").as_str(), step.suffix.as_str(), step.file.1.as_str()),
            ("/root/bin/check /root/rules", ".conf", "--in=")
        );
    }
}
