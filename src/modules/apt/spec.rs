//! The options of `apt`.

use crate::modules::{Kind, Opt, Spec};

/// What dpkg does where it would ask.
pub(super) const DPKG_OPTIONS: &str = "force-confdef,force-confold";

pub(in crate::modules) const OPTIONS: &[Opt] = &[
    Opt::new("package", Kind::List(&Kind::Str))
        .aliases(&["pkg", "name"])
        .about("The packages, each perhaps with a version (`kubelet=1.34.*`, `curl>=8`) or an architecture (`libc6:i386`); patterns of names as the shell has them"),
    Opt::new("state", Kind::Str)
        .default("present")
        .choices(&["absent", "build-dep", "fixed", "latest", "present"])
        .about("Whether they are there, are the newest that is offered, or are gone; `build-dep` is what it takes to build them, `fixed` repairs what they depend on"),
    Opt::new("update_cache", Kind::Bool)
        .aliases(&["update-cache"])
        .about("Whether the lists of what can be installed are renewed before"),
    Opt::new("update_cache_retries", Kind::Int).default("5").about("How often that is tried"),
    Opt::new("update_cache_retry_max_delay", Kind::Int).default("12").about("The longest pause between two tries, in seconds"),
    Opt::new("cache_valid_time", Kind::Int).default("0").about("How old the lists may be, in seconds, before they are renewed"),
    Opt::new("purge", Kind::Bool).default("false").about("Whether the configuration of what is removed goes too"),
    Opt::new("deb", Kind::Path).about("A package's file on the machine, or several with commas between them; or the address of one"),
    Opt::new("default_release", Kind::Str).aliases(&["default-release"]).about("The release that versions are preferred from"),
    Opt::new("install_recommends", Kind::Bool)
        .aliases(&["install-recommends"])
        .about("Whether recommended packages come along; as the machine is configured if not said"),
    Opt::new("force", Kind::Bool)
        .default("false")
        .about("Whether things are done that break the machine or cannot be trusted: `--force-yes` of apt-get, `--force-all` of dpkg"),
    Opt::new("upgrade", Kind::Str)
        .choices(&["dist", "full", "no", "safe", "yes"])
        .default("no")
        .about("Whether all packages are upgraded: `yes` and `safe` remove nothing, `full` and `dist` may"),
    Opt::new("dpkg_options", Kind::Str).default(DPKG_OPTIONS).about("Options of dpkg without their dashes, with commas between them"),
    Opt::new("autoremove", Kind::Bool).default("false").about("Whether packages go that were installed for others' sake only and that nobody needs any more"),
    Opt::new("autoclean", Kind::Bool).default("false").about("Whether archives of packages that are offered no more are thrown away"),
    Opt::new("fail_on_autoremove", Kind::Bool).default("false").about("Whether it fails rather than remove a package"),
    Opt::new("policy_rc_d", Kind::Int).about("The status that scripts of packages get when they ask whether they may start a service; 101 forbids it"),
    Opt::new("only_upgrade", Kind::Bool).default("false").about("Whether a package that is not installed is left alone"),
    Opt::new("force_apt_get", Kind::Bool).default("false").about("Whether apt-get is used even where aptitude is installed; it always is"),
    Opt::new("clean", Kind::Bool).default("false").about("Whether all archives of packages that were kept are thrown away"),
    Opt::new("allow_unauthenticated", Kind::Bool)
        .default("false")
        .aliases(&["allow-unauthenticated"])
        .about("Whether packages are taken that nobody signed for"),
    Opt::new("allow_downgrade", Kind::Bool)
        .default("false")
        .aliases(&["allow-downgrade", "allow_downgrades", "allow-downgrades"])
        .about("Whether an older version than the installed one may be installed"),
    Opt::new("allow_change_held_packages", Kind::Bool).default("false").about("Whether packages that are held may be changed"),
    Opt::new("lock_timeout", Kind::Int).default("60").about("How long another package manager is waited for, in seconds"),
    Opt::new("auto_install_module_deps", Kind::Bool).default("true").about("Of no meaning here: nothing has to be installed for this module"),
];

/// Of these one at most.
pub(in crate::modules) const EXCLUSIVE: &[&[&str]] = &[&["deb", "package", "upgrade"]];
/// Of these one at least; always so, in effect, as with Ansible: one of them has a default.
pub(in crate::modules) const ONE_OF: &[&[&str]] = &[&["autoremove", "deb", "package", "update_cache", "upgrade"]];

pub(in crate::modules) static SPEC: Spec = Spec {
    options: OPTIONS,
    exclusive: EXCLUSIVE,
    one_of: ONE_OF,
    about: "Packages are installed, upgraded or removed with apt",
    notes: &[
        "Nothing has to be installed on the machine for it, python3-apt neither; `auto_install_module_deps` has no meaning.",
        "Where another package manager runs it is waited for, also for the lists (Ansible's waits for dpkg only in several of its ways), and when the time is over it is said which process holds it.",
        "What a machine that went down in the middle of an installation left half installed is finished first, and shown as part of the change.",
        "A package that is installed already, but for others' sake only, is marked as wanted for its own sake; as in Ansible, that is not reported as a change.",
        "A name that several packages provide is satisfied by any of them that is installed; Ansible reports a change each time.",
        "In a dry run nothing is touched: Ansible renews nothing but empties the archives for `clean`, and fails where python3-apt is missing. What is to be installed after lists that would be renewed is only probable, and said to be.",
        "A list that cannot be had is an error, also for passing reasons; Ansible goes on with the old one.",
        "What `deb` names on a server is brought by the machine, to be looked at, and again where it is to be installed. What it depends on is not said in a dry run.",
        "A version with `*` is upgraded as soon as a newer one that fits is offered, as with Ansible: a package that is held needs an exact version, or `allow_change_held_packages`.",
        "While a step runs, needrestart only lists what it would restart: services restart by handlers, where the playbook says so.",
        "`aptitude` is never used: `safe` and `full` are apt-get's `upgrade --with-new-pkgs` and `dist-upgrade`.",
    ],
    example: "- name: Kubernetes' packages\n  ansible.builtin.apt:\n    name: [kubelet=1.34.2-1.1, kubeadm=1.34.2-1.1]\n    update_cache: true\n    cache_valid_time: 3600\n",
    ..Spec::new("ansible.builtin", "apt")
};
