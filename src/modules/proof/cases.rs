//! The table of all modules: what may come of each, and where its machines and arguments come from.

use super::Outcome::{self, Changed, Failed, Refused, StepFailed, Unchanged, Unknown};
use super::{Case, files, others, packages, prove};
use crate::modules::registry;

/// Of those that change files.
const CHANGES: &[Outcome] = &[Changed, Unchanged, Refused, Unknown, Failed];
/// Of those that only look.
const LOOKS: &[Outcome] = &[Unchanged, Unknown, Failed];

/// Of one that takes nothing that could be wrong, and relies on nothing that stays.
const TELLS: &[Outcome] = &[Unchanged];

/// By what name it stands in the table: two collections may have modules of the same name.
fn key(module: &dyn crate::modules::Module) -> String {
    let spec = module.spec();
    if spec.collection == "homelab" { format!("homelab_{}", spec.name) } else { spec.name.to_owned() }
}

macro_rules! cases {
    ($($name:ident: $module:expr, $states:expr, $occurs:expr, $make:expr, $look:expr;)+) => {
        const CASES: &[Case] = &[$(Case { module: &$module, states: $states, occurs: $occurs, make: $make, look: $look }),+];
        /// One test for each.
        mod holds {
            use super::{CASES, key, prove};
            $(#[test]
            fn $name() {
                prove(CASES.iter().find(|case| key(case.module) == stringify!($name)).unwrap());
            })+
        }
    };
}

use crate::modules::{
    apt, apt_key, apt_repository, assemble, async_status, authorized_key, blockinfile, command, copy, deb822_repository, dpkg_selections,
    edited_file, fetch, file, filesystem, find, get_url, group, homelab, hostname, known_hosts, lineinfile, modprobe, mount, package,
    package_facts, package_hold, parted, ping, raw, reboot, replace, script, service, service_facts, setup, shell, slurp, stat, sysctl,
    systemd, tempfile, template, timezone, unarchive, uri, user, wait_for,
};
use edited_file::tests as edits;

cases! {
    apt: apt::Apt, 1500, &[Changed, Unchanged, Unknown, Failed], packages::apt, |_, _, _| ();
    assemble: assemble::Assemble, 600, CHANGES, files::assemble, files::assembled;
    apt_key: apt_key::AptKey, 400, CHANGES, apt_key::tests::state, |_, _, _| ();
    apt_repository: apt_repository::AptRepository, 600, CHANGES, apt_repository::tests::state, |_, _, _| ();
    async_status: async_status::AsyncStatus, 200, &[Changed, Unchanged, Unknown, Failed], others::async_status, |_, _, _| ();
    authorized_key: authorized_key::AuthorizedKey, 800, CHANGES, authorized_key::tests::state, |_, _, _| ();
    blockinfile: blockinfile::BlockInFile, 600, CHANGES, edits::block, edits::look;
    command: command::Command, 200, &[Changed, Unchanged, Refused, Unknown, Failed], others::command, |_, _, _| ();
    copy: copy::Copy, 1500, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], copy::tests::state, copy::tests::look;
    deb822_repository: deb822_repository::Deb822Repository, 600, &[Changed, Unchanged, Unknown, Failed], deb822_repository::tests::state, |_, _, _| ();
    dpkg_selections: dpkg_selections::DpkgSelections, 400, &[Changed, Unchanged, Unknown, Failed], packages::selection, |_, _, _| ();
    fetch: fetch::Fetch, 200, LOOKS, find::tests::fetched, |_, _, _| ();
    file: file::File, 1200, CHANGES, file::tests::state, file::tests::look;
    filesystem: filesystem::Filesystem, 800, CHANGES, filesystem::tests::state, |_, _, _| ();
    find: find::Find, 200, LOOKS, find::tests::sought, |_, _, _| ();
    get_url: get_url::GetUrl, 400, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], others::get_url, others::fetched;
    group: group::Group, 1000, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], user::tests::group, |_, _, _| ();
    hostname: hostname::Hostname, 400, &[Changed, Unchanged, Refused, Unknown, Failed], hostname::tests::state, |_, _, _| ();
    known_hosts: known_hosts::KnownHosts, 800, CHANGES, known_hosts::tests::state, |_, _, _| ();
    homelab_cni: homelab::cni::HomelabCni, 800, &[Changed, Unchanged, Refused, Unknown, Failed], homelab::cni::tests::state, |_, _, _| ();
    homelab_containerd: homelab::containerd::HomelabContainerd, 1000, &[Changed, Unchanged, Refused, Unknown, Failed], homelab::containerd::tests::state, |_, _, _| ();
    homelab_images: homelab::images::HomelabImages, 400, &[Changed, Unchanged, Unknown, Failed, StepFailed], homelab::images::tests::state, |_, _, _| ();
    homelab_iscsi_initiator: homelab::iscsi_initiator::HomelabIscsiInitiator, 600, CHANGES, homelab::iscsi_initiator::tests::state, |_, _, _| ();
    homelab_multipath: homelab::multipath::HomelabMultipath, 400, &[Changed, Unchanged, Unknown], homelab::multipath::tests::state, |_, _, _| ();
    homelab_kernel_module: homelab::kernel_module::HomelabKernelModule, 800, CHANGES, homelab::kernel_module::tests::state, |_, _, _| ();
    homelab_kube_proxy: homelab::kube_proxy::HomelabKubeProxy, 600, &[Changed, Unchanged, Refused, Unknown], homelab::kube_proxy::tests::state, |_, _, _| ();
    homelab_kube_proxy_mode: homelab::kube_proxy_mode::HomelabKubeProxyMode, 100, &[Unchanged, Unknown, Failed], homelab::kube_proxy_mode::tests::state, |_, _, _| ();
    homelab_kubernetes_packages: homelab::kubernetes_packages::HomelabKubernetesPackages, 1000, &[Changed, Unchanged, Refused, Unknown, Failed], homelab::kubernetes_packages::tests::state, |_, _, _| ();
    homelab_longhorn_disk: homelab::longhorn_disk::HomelabLonghornDisk, 1500, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], homelab::longhorn_disk::states::state, homelab::longhorn_disk::states::look;
    homelab_network_check: homelab::network_check::HomelabNetworkCheck, 300, &[Changed, Unchanged, Unknown, Failed, StepFailed], homelab::network_check::tests::state, |_, _, _| ();
    homelab_swap: homelab::swap::HomelabSwap, 600, CHANGES, homelab::swap::tests::state, |_, _, _| ();
    homelab_sysctl: homelab::sysctl::HomelabSysctl, 800, CHANGES, homelab::sysctl::tests::state, |_, _, _| ();
    homelab_time_sync: homelab::time_sync::HomelabTimeSync, 600, CHANGES, homelab::time_sync::tests::state, |_, _, _| ();
    lineinfile: lineinfile::LineInFile, 600, CHANGES, edits::line, edits::look;
    modprobe: modprobe::Modprobe, 600, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], modprobe::tests::state, |_, _, _| ();
    mount: mount::Mount, 1500, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], mount::tests::state, |_, _, _| ();
    package: package::Package, 600, &[Changed, Unchanged, Unknown, Failed], packages::package, |_, _, _| ();
    package_facts: package_facts::PackageFacts, 100, LOOKS, packages::facts, |_, _, _| ();
    homelab_package_hold: package_hold::PackageHold, 400, &[Changed, Unchanged, Refused, Unknown, Failed], packages::hold, |_, _, _| ();
    parted: parted::Parted, 2000, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], parted::tests::state, parted::tests::look;
    ping: ping::Ping, 50, LOOKS, others::ping, |_, _, _| ();
    raw: raw::Raw, 50, &[Changed, Refused, Failed], others::raw, |_, _, _| ();
    reboot: reboot::Reboot, 20, &[Changed], others::reboot, |_, _, _| ();
    replace: replace::Replace, 600, CHANGES, edits::replacement, edits::look;
    script: script::Script, 200, &[Changed, Unchanged, Refused, Unknown, Failed], others::script, |_, _, _| ();
    service: service::Service, 600, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], systemd::tests::service, |_, _, _| ();
    service_facts: service_facts::ServiceFacts, 50, TELLS, others::service_facts, |_, _, _| ();
    setup: setup::Setup, 50, &[Unchanged, Failed], others::setup, |_, _, _| ();
    shell: shell::Shell, 200, &[Changed, Unchanged, Refused, Unknown, Failed], others::command, |_, _, _| ();
    slurp: slurp::Slurp, 200, LOOKS, find::tests::slurped, |_, _, _| ();
    stat: stat::Stat, 300, LOOKS, files::stat, |_, _, _| ();
    sysctl: sysctl::Sysctl, 800, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], sysctl::tests::state, |_, _, _| ();
    systemd: systemd::Systemd, 600, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], systemd::tests::state, |_, _, _| ();
    systemd_service: systemd::SystemdService, 600, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], systemd::tests::state, |_, _, _| ();
    tempfile: tempfile::TempFile, 200, &[Changed, Refused, Unknown, Failed, StepFailed], others::tempfile, |_, _, _| ();
    template: template::Template, 1000, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], template::tests::state, template::tests::look;
    timezone: timezone::Timezone, 400, &[Changed, Unchanged, Unknown, Failed], timezone::tests::state, |_, _, _| ();
    unarchive: unarchive::Unarchive, 300, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], others::unarchive, |_, _, _| ();
    uri: uri::Uri, 200, CHANGES, others::uri, |_, _, _| ();
    user: user::User, 1000, &[Changed, Unchanged, Refused, Unknown, Failed, StepFailed], user::tests::user, |_, _, _| ();
    wait_for: wait_for::WaitFor, 200, &[Changed, Refused, Failed], others::wait_for, |_, _, _| ();
    wait_for_connection: reboot::WaitForConnection, 20, &[Changed], others::wait_for_connection, |_, _, _| ();
}

#[test]
fn every_module_stands_in_the_table_once() {
    let names = |of: &[&'static dyn crate::modules::Module]| {
        let mut names: Vec<_> = of.iter().map(|module| key(*module)).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(registry::modules()), names(&CASES.iter().map(|case| case.module).collect::<Vec<_>>()));
}
