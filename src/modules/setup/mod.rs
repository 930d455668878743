//! `setup`: what Ansible calls facts, made from ours.
//!
//! [`TABLE`] says which of Ansible's facts are made together and by which function; that function asks for the facts it
//! needs. So only what is named is read. What could not be read is left out, never empty.

mod devices;
mod distribution;
mod gather;
mod hardware;
mod local;
mod network;
mod platform;
mod services;
mod system;
mod time;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::expand::expand_one;
use super::spec::{Kind, Opt, Spec};
use super::{Decision, Module, Task};
use crate::plan::{Facts, Stop};
use gather::{Gather, Made};

/// Reads facts.
pub struct Setup;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("gather_subset", Kind::List(&Kind::Str)).about("Which kinds of facts; `!kind` leaves one out").default("all"),
        // how long reading may take is the connection's matter
        Opt::new("gather_timeout", Kind::Int).about("Has no effect here").default("10"),
        Opt::new("filter", Kind::List(&Kind::Str)).about("Only facts whose names these patterns fit").default("''"),
        Opt::new("fact_path", Kind::Path).about("The directory of the machine's own facts").default(FACT_PATH),
    ],
    about: "Reads facts about a machine",
    ..Spec::new("ansible.builtin", "setup")
};

const FACT_PATH: &str = "/etc/ansible/facts.d";

/// Facts that are made together.
struct Group {
    /// The collector of Ansible that they belong to, for `gather_subset`.
    collector: &'static str,
    /// Their names without `ansible_`; the network's also has one for each interface.
    names: &'static [&'static str],
    /// Makes them: names and values.
    make: fn(&Gather<'_>) -> Made,
}

const TABLE: &[Group] = &[
    Group {
        collector: "platform",
        names: &["system", "kernel", "kernel_version", "machine", "architecture", "hostname", "nodename"],
        make: platform::kernel,
    },
    Group { collector: "platform", names: &["userspace_bits", "userspace_architecture"], make: platform::userspace },
    Group { collector: "platform", names: &["fqdn", "domain"], make: platform::full_name },
    Group { collector: "platform", names: &["machine_id"], make: platform::machine_id },
    Group { collector: "python", names: &["python"], make: platform::python },
    Group {
        collector: "distribution",
        names: &[
            "distribution",
            "distribution_version",
            "distribution_release",
            "distribution_major_version",
            "distribution_minor_version",
            "distribution_file_path",
            "distribution_file_variety",
            "distribution_file_parsed",
            "os_family",
        ],
        make: distribution::distribution,
    },
    Group { collector: "lsb", names: &["lsb"], make: distribution::lsb },
    Group { collector: "pkg_mgr", names: &["pkg_mgr"], make: services::package_manager },
    Group { collector: "systemd", names: &["systemd"], make: services::systemd },
    Group { collector: "service_mgr", names: &["service_mgr"], make: services::service_manager },
    Group {
        collector: "user",
        names: &[
            "user_id",
            "user_uid",
            "user_gid",
            "user_gecos",
            "user_dir",
            "user_shell",
            "real_user_id",
            "effective_user_id",
            "real_group_id",
            "effective_group_id",
        ],
        make: system::user,
    },
    Group { collector: "env", names: &["env"], make: system::environment },
    Group { collector: "date_time", names: &["date_time"], make: time::date_time },
    Group { collector: "cmdline", names: &["cmdline", "proc_cmdline"], make: system::cmdline },
    Group { collector: "dns", names: &["dns"], make: system::dns },
    Group { collector: "fips", names: &["fips"], make: system::fips },
    Group { collector: "selinux", names: &["selinux"], make: system::selinux },
    Group { collector: "apparmor", names: &["apparmor"], make: system::apparmor },
    Group { collector: "chroot", names: &["is_chroot"], make: system::chroot },
    Group { collector: "loadavg", names: &["loadavg"], make: system::load },
    Group {
        collector: "ssh_pub_keys",
        names: &[
            "ssh_host_key_dsa_public",
            "ssh_host_key_dsa_public_keytype",
            "ssh_host_key_rsa_public",
            "ssh_host_key_rsa_public_keytype",
            "ssh_host_key_ecdsa_public",
            "ssh_host_key_ecdsa_public_keytype",
            "ssh_host_key_ed25519_public",
            "ssh_host_key_ed25519_public_keytype",
        ],
        make: system::host_keys,
    },
    Group { collector: "iscsi", names: &["iscsi_iqn"], make: system::iscsi },
    Group { collector: "local", names: &["local"], make: local::local },
    Group {
        collector: "hardware",
        names: &["memtotal_mb", "memfree_mb", "swaptotal_mb", "swapfree_mb", "memory_mb"],
        make: hardware::memory,
    },
    Group {
        collector: "hardware",
        names: &[
            "processor",
            "processor_count",
            "processor_cores",
            "processor_threads_per_core",
            "processor_vcpus",
            "processor_nproc",
            "flags",
        ],
        make: hardware::processors,
    },
    Group { collector: "hardware", names: &["uptime_seconds"], make: hardware::uptime },
    Group {
        collector: "hardware",
        names: &[
            "bios_date",
            "bios_vendor",
            "bios_version",
            "board_asset_tag",
            "board_name",
            "board_serial",
            "board_vendor",
            "board_version",
            "chassis_asset_tag",
            "chassis_serial",
            "chassis_vendor",
            "chassis_version",
            "form_factor",
            "product_name",
            "product_serial",
            "product_uuid",
            "product_version",
            "system_vendor",
        ],
        make: hardware::firmware,
    },
    Group { collector: "hardware", names: &["mounts"], make: devices::mounts },
    Group { collector: "hardware", names: &["devices"], make: devices::devices },
    Group {
        collector: "virtual",
        names: &["virtualization_type", "virtualization_role", "virtualization_tech_guest", "virtualization_tech_host"],
        make: hardware::virtualization,
    },
    Group {
        collector: "network",
        names: &["interfaces", "default_ipv4", "default_ipv6", "all_ipv4_addresses", "all_ipv6_addresses"],
        make: network::network,
    },
];

/// Ansible's collectors, with what else `gather_subset` may call them. The first ones are always read unless `!min` is said.
const COLLECTORS: &[(&str, bool, &[&str])] = &[
    ("apparmor", true, &[]),
    ("caps", true, &["system_capabilities", "system_capabilities_enforced"]),
    ("cmdline", true, &[]),
    ("date_time", true, &[]),
    ("distribution", true, &["distribution_version", "distribution_release", "distribution_major_version", "os_family"]),
    ("dns", true, &[]),
    ("env", true, &[]),
    ("fips", true, &[]),
    ("local", true, &[]),
    ("lsb", true, &[]),
    ("pkg_mgr", true, &[]),
    ("platform", true, &["system", "kernel", "kernel_version", "machine", "python_version", "architecture", "machine_id"]),
    ("python", true, &[]),
    ("selinux", true, &[]),
    ("service_mgr", true, &[]),
    (
        "ssh_pub_keys",
        true,
        &[
            "ssh_host_pub_keys",
            "ssh_host_key_dsa_public",
            "ssh_host_key_rsa_public",
            "ssh_host_key_ecdsa_public",
            "ssh_host_key_ed25519_public",
        ],
    ),
    (
        "user",
        true,
        &[
            "user_id",
            "user_uid",
            "user_gid",
            "user_gecos",
            "user_dir",
            "user_shell",
            "real_user_id",
            "effective_user_id",
            "effective_group_ids",
        ],
    ),
    ("chroot", false, &["is_chroot"]),
    ("facter", false, &[]),
    ("fibre_channel_wwn", false, &[]),
    ("hardware", false, &["devices", "dmi", "mounts", "processor", "processor_cores", "processor_count"]),
    ("iscsi", false, &[]),
    ("loadavg", false, &[]),
    ("network", false, &["interfaces", "default_ipv4", "default_ipv6", "all_ipv4_addresses", "all_ipv6_addresses"]),
    ("nvme", false, &[]),
    ("ohai", false, &[]),
    ("systemd", false, &[]),
    ("virtual", false, &["virtualization_type", "virtualization_role", "virtualization_tech_guest", "virtualization_tech_host"]),
];

/// Collectors that come with others: their `required_facts`.
const NEEDS: &[(&str, &[&str])] = &[
    ("network", &["distribution", "platform"]),
    ("hardware", &["platform"]),
    ("pkg_mgr", &["distribution"]),
    ("service_mgr", &["distribution", "platform"]),
];

/// Interfaces' names begin like this (systemd.net-naming-scheme(7), and what container and virtual networks make).
const INTERFACES: [&str; 16] =
    ["eth", "en", "wl", "ww", "bond", "br", "docker", "cni", "cilium", "flannel", "lxc", "veth", "virbr", "tun", "wg", "vlan"];

/// Whether there is such a fact, by its name without `ansible_`: one of the table's, or an interface.
pub fn knows(name: &str) -> bool {
    TABLE.iter().any(|group| group.names.contains(&name)) || name == "lo" || INTERFACES.iter().any(|prefix| name.starts_with(prefix))
}

/// The collector of Ansible that makes a fact of that name, without `ansible_`: what is in no table may be an interface.
pub fn collector_of(name: &str) -> &'static str {
    TABLE.iter().find(|group| group.names.contains(&name)).map_or("network", |group| group.collector)
}

/// The facts of these names that `collectors` make, the local ones from `fact_path` (with or without `ansible_`; `None`: all), each with `ansible_` before its name, as the
/// module returns them. A name that is in no table may be an interface's.
///
/// # Errors
/// What has to be read first. What cannot be known is left out.
pub fn facts_for(
    names: Option<&BTreeSet<String>>,
    collectors: &BTreeSet<&'static str>,
    fact_path: Option<&str>,
    facts: &Facts<'_>,
) -> Result<Map<String, Value>, Stop> {
    let fact_path = fact_path.unwrap_or(FACT_PATH);
    let Some(names) = names else { return made(facts, fact_path, |group| collectors.contains(group.collector)) };
    let names: BTreeSet<&str> = names.iter().map(|name| name.strip_prefix("ansible_").unwrap_or(name)).collect();
    let is_known = |name: &&str| TABLE.iter().any(|group| group.names.contains(name)) || is_never_made(name);
    let others = names.iter().any(|name| !is_known(name));
    made(facts, fact_path, |group| {
        let is_named = group.names.iter().any(|name| names.contains(name)) || (others && group.collector == "network");
        is_named && collectors.contains(group.collector)
    })
}

/// What Ansible has and no machine of ours: it is no interface either.
fn is_never_made(name: &str) -> bool {
    ["python_version", "gather_subset", "module_setup", "facts", "check_mode", "lvm", "system_capabilities"].contains(&name)
}

fn made(facts: &Facts<'_>, fact_path: &str, is_wanted: impl Fn(&Group) -> bool) -> Result<Map<String, Value>, Stop> {
    let gather = Gather::new(facts, fact_path);
    let mut map = Map::new();
    for group in TABLE.iter().filter(|group| is_wanted(group)) {
        for (name, value) in (group.make)(&gather) {
            map.insert(format!("ansible_{}", name.replace('-', "_")), value);
        }
    }
    // all that is missing at once
    gather.finish()?;
    Ok(map)
}

impl Module for Setup {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let subset = task.args.list("gather_subset").unwrap_or_else(|| vec!["all"]);
        let collectors = match collectors(&subset) {
            Ok(collectors) => collectors,
            Err(why) => return Ok(Decision::fail(why)),
        };
        let filters = task.args.list("filter").unwrap_or_default();
        let patterns: Vec<glob::Pattern> = filters
            .iter()
            .flat_map(|filter| {
                let prefixed = (!filter.starts_with("ansible_")).then(|| format!("ansible_{filter}"));
                [Some((*filter).to_owned()), prefixed]
            })
            .flatten()
            .filter_map(|pattern| glob::Pattern::new(&pattern).ok())
            .collect();
        let passes = |name: &str| filters.iter().all(|filter| filter.is_empty()) || patterns.iter().any(|pattern| pattern.matches(name));
        let fact_path = expand_one(task, facts, task.args.str("fact_path").unwrap_or(FACT_PATH))?;
        let mut map = made(facts, &fact_path, |group| {
            let named = group.names.iter().any(|name| passes(&format!("ansible_{name}")));
            collectors.contains(group.collector) && (named || group.collector == "network")
        })?;
        map.insert("gather_subset".into(), subset.into());
        map.insert("module_setup".into(), true.into());
        map.retain(|name, _| passes(name));
        Ok(Decision::unchanged().with("ansible_facts", map))
    }
}

/// The collectors that `gather_subset` names.
///
/// # Errors
/// Ansible's words for a name that means none.
pub fn collectors(subset: &[&str]) -> Result<BTreeSet<&'static str>, String> {
    let minimal = || COLLECTORS.iter().filter(|(_, minimal, _)| *minimal).map(|(name, ..)| *name);
    let others = || COLLECTORS.iter().filter(|(_, minimal, _)| !*minimal).map(|(name, ..)| *name);
    let mut wanted: BTreeSet<&'static str> = minimal().collect();
    let (mut named, mut excluded) = (BTreeSet::new(), BTreeSet::new());
    for name in subset {
        match name.strip_prefix('!') {
            None if *name == "min" => {}
            None if *name == "all" => wanted.extend(others()),
            None => {
                if named_by(name).next().is_none() {
                    let mut all: Vec<&str> =
                        COLLECTORS.iter().flat_map(|(name, _, others)| others.iter().copied().chain([*name])).collect();
                    all.sort_unstable();
                    return Err(format!("Bad subset '{name}' given to Ansible. gather_subset options allowed: all, {}", all.join(", ")));
                }
                named.extend(named_by(name));
            }
            Some("min") => excluded.extend(minimal()),
            Some("all") => excluded.extend(others()),
            Some(name) => excluded.extend(named_by(name)),
        }
    }
    wanted.retain(|name| !excluded.contains(name));
    wanted.extend(named);
    // also what was excluded
    let needed: Vec<&str> = NEEDS.iter().filter(|(name, _)| wanted.contains(name)).flat_map(|(_, needs)| needs.iter().copied()).collect();
    wanted.extend(needed);
    Ok(wanted)
}

/// The collectors that a name stands for.
fn named_by(name: &str) -> impl Iterator<Item = &'static str> + '_ {
    COLLECTORS.iter().filter(move |(collector, _, others)| *collector == name || others.contains(&name)).map(|(name, ..)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Scope, Store};

    #[test]
    fn every_collector_of_the_table_is_known_and_no_name_stands_twice() {
        let mut names = BTreeSet::new();
        for group in TABLE {
            assert!(COLLECTORS.iter().any(|(name, ..)| *name == group.collector), "{}", group.collector);
            assert!(group.names.iter().all(|name| names.insert(*name)), "{:?}", group.names);
        }
    }

    #[test]
    fn subsets_mean_what_they_mean_in_ansible() {
        let all = collectors(&["all"]).unwrap();
        assert!(all.contains("hardware") && all.contains("platform"));
        let minimal = collectors(&["!all"]).unwrap();
        assert!(minimal.contains("platform") && !minimal.contains("hardware") && !minimal.contains("network"));
        assert_eq!(collectors(&["network"]).unwrap(), minimal.iter().copied().chain(["network"]).collect());
        assert_eq!(collectors(&["!all", "!min", "mounts"]).unwrap(), ["hardware", "platform"].into());
        assert_eq!(collectors(&["!all", "!min", "!platform", "network"]).unwrap(), ["distribution", "network", "platform"].into());
        assert_eq!(collectors(&["!all", "!min"]).unwrap(), BTreeSet::new());
        let without = collectors(&["all", "!hardware"]).unwrap();
        assert!(!without.contains("hardware") && without.contains("network"));
        assert!(collectors(&["networks"]).unwrap_err().starts_with("Bad subset 'networks'"));
    }

    #[test]
    fn only_what_is_named_is_read() {
        let store = Store::default();
        let facts = Facts::new(&store, Scope::new("h", "root"));
        let all = collectors(&["all"]).unwrap();
        let needs = |names: &[&str]| match facts_for(Some(&names.iter().map(|name| (*name).to_owned()).collect()), &all, None, &facts) {
            Err(Stop::Need(need)) => need.into_iter().map(|key| key.query.kind).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(needs(&["ansible_kernel"]), ["architecture", "hostname", "kernel"]);
        assert_eq!(needs(&["ansible_memtotal_mb"]), ["texts"]);
        assert!(needs(&["ansible_eth0"]).contains(&"interfaces".to_owned()));
        assert!(facts_for(Some(&["ansible_python_version".to_owned()].into()), &all, None, &facts).unwrap().is_empty());
        let Err(Stop::Need(need)) = facts_for(None, &all, None, &facts) else { panic!("known") };
        assert!(need.len() > 20, "{}", need.len());
        // nor what the subset leaves out
        let minimal = collectors(&["!all"]).unwrap();
        assert!(facts_for(Some(&["memtotal_mb".to_owned()].into()), &minimal, None, &facts).unwrap().is_empty());
        let Err(Stop::Need(less)) = facts_for(None, &minimal, None, &facts) else { panic!("known") };
        assert!(less.is_subset(&need) && less.len() < need.len());
        assert_eq!((collector_of("mounts"), collector_of("eth0"), collector_of("kernel")), ("hardware", "network", "platform"));
    }
}
