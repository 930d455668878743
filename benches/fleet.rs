//! Twenty thousand hosts in two hundred groups, as files of an inventory.

use std::fmt::Write;
use std::path::{Path, PathBuf};

pub const HOSTS: usize = 20_000;
pub const GROUPS: usize = 200;
const PARENTS: usize = 10;
/// The hosts of a group.
const EACH: usize = HOSTS / GROUPS;
/// A union, an intersection with a glob, and an exclusion with one.
pub const PATTERN: &str = "p1:p2:&node*7.lan:!g01?";

/// How the same hosts and groups are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Ini,
    Yaml,
    /// INI with one line a group; then all hosts of a group have the same variables.
    Ranges,
}

impl Form {
    pub const ALL: [Self; 3] = [Self::Ini, Self::Yaml, Self::Ranges];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ini => "INI",
            Self::Yaml => "YAML",
            Self::Ranges => "INI, ranges",
        }
    }
}

/// The names of all groups that have a file in `group_vars`.
fn groups() -> impl Iterator<Item = String> {
    (0..GROUPS).map(group).chain((0..PARENTS).map(|parent| format!("p{parent}")))
}

fn group(number: usize) -> String {
    format!("g{number:03}")
}

/// Writes the inventory and its `group_vars` into a directory; gives the inventory's path.
pub fn write(dir: &Path, form: Form) -> PathBuf {
    std::fs::create_dir_all(dir.join("group_vars")).unwrap();
    for name in groups() {
        let text = format!("file_of: {name}\npackages: [curl, 'htop']\nlimits: {{open: 1024, motd: \"on {{{{ role }}}}\"}}\n");
        std::fs::write(dir.join("group_vars").join(format!("{name}.yml")), text).unwrap();
    }
    let (name, text) = match form {
        Form::Ini => ("hosts", ini(false)),
        Form::Ranges => ("hosts", ini(true)),
        Form::Yaml => ("hosts.yml", yaml()),
    };
    std::fs::write(dir.join(name), text).unwrap();
    dir.join(name)
}

fn ini(ranges: bool) -> String {
    let mut text = String::new();
    let variables = |host: usize| {
        let address = address(host);
        format!(
            "ansible_host={address} rack={} zone='zone {}' disks=\"['sda', 'sdb']\" url='https://{{{{ ansible_host }}}}:{{{{ port }}}}/'",
            host % 40,
            host % 7
        )
    };
    for number in 0..GROUPS {
        let (first, end) = (number * EACH, (number + 1) * EACH);
        writeln!(text, "[{}]", group(number)).unwrap();
        if ranges {
            writeln!(text, "node[{first:05}:{:05}].lan {}", end - 1, variables(first)).unwrap();
        } else {
            (first..end).for_each(|host| writeln!(text, "node{host:05}.lan {}", variables(host)).unwrap());
        }
        writeln!(text, "[{}:vars]\nport={}\nrole=role {number}", group(number), 8000 + number).unwrap();
    }
    for parent in 0..PARENTS {
        writeln!(text, "[p{parent}:children]").unwrap();
        (parent..GROUPS).step_by(PARENTS).for_each(|number| writeln!(text, "{}", group(number)).unwrap());
        writeln!(text, "[p{parent}:vars]\nsite=site{parent}").unwrap();
    }
    text
}

fn yaml() -> String {
    let mut text = String::from("all:\n  children:\n");
    for parent in 0..PARENTS {
        writeln!(text, "    p{parent}:\n      vars: {{site: site{parent}}}\n      children:").unwrap();
        for number in (parent..GROUPS).step_by(PARENTS) {
            writeln!(text, "        {}:\n          vars: {{port: {}, role: role {number}}}", group(number), 8000 + number).unwrap();
            text.push_str("          hosts:\n");
            for host in number * EACH..(number + 1) * EACH {
                let address = address(host);
                writeln!(
                    text,
                    "            node{host:05}.lan:\n              ansible_host: {address}\n              rack: {}\n              zone: zone {}\n              \
                     disks: [sda, sdb]\n              url: 'https://{{{{ ansible_host }}}}:{{{{ port }}}}/'",
                    host % 40,
                    host % 7
                )
                .unwrap();
            }
        }
    }
    text
}

fn address(host: usize) -> String {
    format!("10.0.{}.{}", host / 250, host % 250 + 1)
}
