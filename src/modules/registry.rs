//! All modules, by their names.

use super::{Module, PlayModule, Spec, actions};

/// What a module's name means.
#[derive(Clone, Copy)]
pub enum Found {
    /// A module that looks at a machine.
    Module(&'static dyn Module),
    /// A module that looks at all hosts of a play together.
    Play(&'static dyn PlayModule),
    /// Something that the engine does itself; its arguments.
    Action(&'static Spec),
    /// Ansible or its collections have it, and we have not.
    NotHere,
    /// Nobody has it.
    Unknown,
}

/// The modules that look at a machine.
const MODULES: &[&dyn Module] = &[
    &super::apt::Apt,
    &super::apt_key::AptKey,
    &super::apt_repository::AptRepository,
    &super::assemble::Assemble,
    &super::async_status::AsyncStatus,
    &super::authorized_key::AuthorizedKey,
    &super::blockinfile::BlockInFile,
    &super::command::Command,
    &super::copy::Copy,
    &super::deb822_repository::Deb822Repository,
    &super::dpkg_selections::DpkgSelections,
    &super::fetch::Fetch,
    &super::file::File,
    &super::filesystem::Filesystem,
    &super::find::Find,
    &super::get_url::GetUrl,
    &super::group::Group,
    &super::hostname::Hostname,
    &super::known_hosts::KnownHosts,
    &super::homelab::cni::HomelabCni,
    &super::homelab::containerd::HomelabContainerd,
    &super::homelab::images::HomelabImages,
    &super::homelab::iscsi_initiator::HomelabIscsiInitiator,
    &super::homelab::kernel_module::HomelabKernelModule,
    &super::homelab::kube_proxy::HomelabKubeProxy,
    &super::homelab::kube_proxy_mode::HomelabKubeProxyMode,
    &super::homelab::kubernetes_packages::HomelabKubernetesPackages,
    &super::homelab::longhorn_disk::HomelabLonghornDisk,
    &super::homelab::multipath::HomelabMultipath,
    &super::homelab::network_check::HomelabNetworkCheck,
    &super::homelab::swap::HomelabSwap,
    &super::homelab::sysctl::HomelabSysctl,
    &super::homelab::time_sync::HomelabTimeSync,
    &super::lineinfile::LineInFile,
    &super::modprobe::Modprobe,
    &super::mount::Mount,
    &super::package::Package,
    &super::package_facts::PackageFacts,
    &super::package_hold::PackageHold,
    &super::parted::Parted,
    &super::ping::Ping,
    &super::raw::Raw,
    &super::reboot::Reboot,
    &super::reboot::WaitForConnection,
    &super::replace::Replace,
    &super::script::Script,
    &super::service::Service,
    &super::service_facts::ServiceFacts,
    &super::setup::Setup,
    &super::shell::Shell,
    &super::slurp::Slurp,
    &super::stat::Stat,
    &super::sysctl::Sysctl,
    &super::systemd::Systemd,
    &super::systemd::SystemdService,
    &super::tempfile::TempFile,
    &super::template::Template,
    &super::timezone::Timezone,
    &super::unarchive::Unarchive,
    &super::uri::Uri,
    &super::user::User,
    &super::wait_for::WaitFor,
];

/// The modules that look at all hosts of a play together.
const PLAY_MODULES: &[&dyn PlayModule] = &[&super::homelab::kubeadm::HomelabKubeadm, &super::homelab::preflight::HomelabPreflight];

/// All modules that look at a machine.
#[cfg(test)]
pub(super) fn modules() -> &'static [&'static dyn Module] {
    MODULES
}

/// What the engine does itself.
const ACTIONS: &[&Spec] = &[
    &actions::ADD_HOST,
    &actions::ASSERT,
    &actions::DEBUG,
    &actions::FAIL,
    &actions::GATHER_FACTS,
    &actions::GROUP_BY,
    &actions::IMPORT_PLAYBOOK,
    &actions::IMPORT_ROLE,
    &actions::IMPORT_TASKS,
    &actions::INCLUDE_ROLE,
    &actions::INCLUDE_TASKS,
    &actions::INCLUDE_VARS,
    &actions::META,
    &actions::PAUSE,
    &actions::SET_FACT,
    &actions::SET_STATS,
    &actions::VALIDATE_ARGUMENT_SPEC,
];

/// The collections that may be left out of a name.
const USUAL: [&str; 4] = ["ansible.builtin", "ansible.legacy", "ansible.posix", "community.general"];

/// The module of that name: short, or with its collection.
pub fn find(name: &str) -> Found {
    let (collection, short) = match name.rsplit_once('.') {
        Some((collection, short)) => (Some(collection), short),
        None => (None, name),
    };
    let is = |spec: &Spec| {
        spec.name == short
            && match collection {
                None => USUAL.contains(&spec.collection),
                Some(collection) => {
                    collection == spec.collection || (collection == "ansible.legacy" && spec.collection == "ansible.builtin")
                }
            }
    };
    if let Some(module) = MODULES.iter().find(|module| is(module.spec())) {
        return Found::Module(*module);
    }
    if let Some(module) = PLAY_MODULES.iter().find(|module| is(module.spec())) {
        return Found::Play(*module);
    }
    if let Some(spec) = ACTIONS.iter().find(|spec| is(spec)) {
        return Found::Action(spec);
    }
    if super::names::is_known(name) { Found::NotHere } else { Found::Unknown }
}

/// The argument tables of all modules.
pub(super) fn specs() -> impl Iterator<Item = &'static Spec> {
    MODULES.iter().map(|module| module.spec()).chain(PLAY_MODULES.iter().map(|module| module.spec())).chain(ACTIONS.iter().copied())
}

/// The names of all modules here, for "did you mean".
pub fn module_names() -> impl Iterator<Item = &'static str> {
    specs().map(|spec| spec.name)
}
