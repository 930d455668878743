//! `ansible.builtin.package_facts`

use serde_json::{Map, Value, json};

use super::{Decision, Kind, Module, Opt, Spec, Task};
use crate::node::facts::{Packages, Stat};
use crate::plan::{Facts, Stop};

/// Which packages are installed, as facts.
#[derive(Debug)]
pub struct PackageFacts;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("manager", Kind::List(&Kind::Str))
            .default("auto")
            .about("Whose packages: `auto` for the first manager that is there, or `apt`"),
        Opt::new("strategy", Kind::Str)
            .choices(&["first", "all"])
            .default("first")
            .about("Whether the packages of the first manager count, or of all that are there; there is only one here"),
    ],
    about: "Which packages are installed, as the fact `packages`: a list for each name, with version, architecture and where it comes from",
    notes: &[
        "Only apt's packages are known here so far; nothing has to be installed on the machine for it. Managers that are named and not there are left out, as with Ansible, and where none is left the task fails.",
    ],
    example: "- name: What is installed\n  ansible.builtin.package_facts:\n\n- name: Only where containerd is there\n  ansible.builtin.debug:\n    msg: \"{{ ansible_facts.packages.containerd[0].version }}\"\n  when: \"'containerd' in ansible_facts.packages\"\n",
    ..Spec::new("ansible.builtin", "package_facts")
};

/// The managers that Ansible's module knows.
const KNOWN: [&str; 15] =
    ["apk", "apt", "dnf", "dnf5", "openbsd_pkg", "pacman", "pkg", "pkg5", "pkgng", "portage", "rpm", "xbps", "yum", "zypper", "zypp"];

impl Module for PackageFacts {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let managers: Vec<String> = task.args.list("manager").unwrap_or_default().iter().map(|name| name.to_lowercase()).collect();
        let auto = managers.iter().any(|name| name == "auto");
        let mut unsupported: Vec<&str> =
            managers.iter().map(String::as_str).filter(|name| *name != "auto" && !KNOWN.contains(name)).collect();
        unsupported.dedup();
        if !unsupported.is_empty() {
            return Ok(Decision::fail(if auto {
                "Could not auto detect a usable package manager, check warnings for details.".to_owned()
            } else {
                format!("Unsupported package managers requested: {}", unsupported.join(", "))
            }));
        }
        let is_asked = auto || managers.iter().any(|name| name == "apt");
        if !is_asked || facts.get(Stat::followed("/usr/bin/apt-get"))?.is_none() {
            let shown: Vec<String> = managers.iter().map(|name| format!("'{name}'")).collect();
            return Ok(Decision::fail(format!(
                "Could not detect a supported package manager from the following list: [{}], or the required Python library is not installed. Check warnings for details.",
                shown.join(", ")
            )));
        }
        let mut packages: Map<String, Value> = Map::new();
        for known in facts.get(Packages)?.unwrap_or_default() {
            let entry = json!({
                "name": known.name, "version": known.version, "arch": known.architecture, "category": known.section,
                "origin": known.origin, "source": "apt",
            });
            if let Value::Array(all) = packages.entry(known.name).or_insert_with(|| json!([])) {
                all.push(entry);
            }
        }
        Ok(Decision::unchanged().with("ansible_facts", json!({"packages": packages})))
    }
}
