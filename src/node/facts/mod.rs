//! Facts: what can be read from a machine without changing it.
//!
//! One file per subject: the value's type, the [`crate::plan::Fact`] that asks for it, its shell function, and the
//! parser of what that prints. [`KINDS`] is the one table that ties them together: a [`Query`] becomes a call by it, and
//! a raw text becomes a reading. To add a fact, write a file like `digest.rs` and add its `KIND` to the table.
//!
//! What a probe prints for one query never depends on what else is asked in the same script.

mod apt;
mod apt_keys;
mod apt_sources;
mod blankness;
mod block_devices;
mod checksum;
mod clock;
mod clock_sync;
mod cluster_network;
mod cluster_objects;
mod containerd;
mod content;
mod cri;
mod deb_file;
mod device_contents;
mod device_use;
mod digest;
mod directory;
mod download;
mod dpkg_lock;
mod endpoint;
mod environment;
mod etcd_members;
mod everything;
mod exclusive;
mod file_type;
mod filesystem_extent;
mod filesystem_sizes;
mod foretold_device;
mod fstab;
mod group;
mod hard_links;
mod hardware;
mod hardware_clock;
mod identity;
mod image_contents;
mod images;
mod installed;
mod interfaces;
mod kernel;
mod kube_proxy;
mod kubeadm_unit;
mod kubeconfig;
mod kubectl;
mod lines_in;
mod listing;
mod local_facts;
mod local_time;
mod login;
mod lvm_group;
mod manifest_objects;
mod matches;
mod module;
mod mount;
mod next_kernel;
mod once;
mod open_ports;
mod os_release;
mod package;
mod packages;
mod parse;
mod parted;
mod path;
mod physical_volume;
mod ports;
mod probes;
mod programs;
mod pulls_left;
mod reach;
mod readyz;
mod real_path;
mod reboot;
mod resolved;
mod root_names;
mod routes;
mod saying;
mod services;
mod shadow;
mod small_file;
mod soundness;
mod stat;
mod status;
mod swap_units;
mod swaps;
mod sync_latency;
mod sysctl;
mod sysctl_order;
mod texts;
mod tree;
mod umask;
mod unit;
mod unit_enabled;
mod unit_properties;
mod user;
mod virtualization;
mod volume_group;
mod web_answer;
mod who_has;
mod wipe_mark;
mod working_directory;

pub use apt::{AptLists, AptNames, AptPolicy, AptSimulation, Offer, Prospect, Simulated};
pub use apt_keys::AptKeys;
pub use apt_sources::{AptSources, SourcesFile};
pub use blankness::{Blankness, Extent, Zeros};
pub use block_devices::{BlockDevice, BlockDevices};
pub use checksum::{Checksum, HexDigest};
pub use clock::{Clock, ClockReading};
pub(crate) use clock_sync::CLOCK_SYNC;
pub use clock_sync::{ClockSync, SyncState};
pub use cluster_network::{CHECKED as NETWORK_CHECKED, ClusterNetwork, NetworkNode, NetworkState};
pub use cluster_objects::{
    CertificateRequest, ClusterAnswer, ClusterContents, ClusterNode, ClusterObjects, ClusterObjectsState, JoinToken, ReadyCondition,
    RunLease,
};
pub use containerd::{Containerd, ContainerdSettings, CriSettings};
pub(crate) use containerd::{
    FILE as CONTAINERD_FILE, NEWEST as NEWEST_CONTAINERD_CONFIGURATION, PLUGINS as CRI_PLUGINS, image_plugin, names_cri, runtime_plugin,
};
pub use content::{Content, FileContent};
pub use cri::{Cri, CriState};
pub use deb_file::{DebAt, DebFile, DebPackage, Served};
pub use device_contents::{Contents, DeviceContents, Entry as PartitionEntry, Holding, Partition, Signature};
pub use device_use::{DeviceUse, Layer, MountOf, Uses};
pub use digest::{Digest, Sha256};
pub use directory::{Directory, Entry};
pub use download::{Download, Downloaded};
pub use dpkg_lock::DpkgLock;
pub use endpoint::Endpoint;
pub use environment::Environment;
pub(in crate::node) use etcd_members::{ETCDCTL, KUBEADM_ETCD, KUBEADM_ETCD_CERTIFICATES};
pub use etcd_members::{EtcdMember, EtcdMembers, etcd_leader};
pub use everything::everything;
pub use exclusive::{ExclusiveOpen, Openness};
pub use file_type::{FileFlags, Flags, Mime, MimeType};
pub use filesystem_extent::{FilesystemExtent, FilesystemRoom};
pub use filesystem_sizes::{FilesystemSize, FilesystemSizes};
pub use foretold_device::{ForetoldDevice, WillHold};
pub use fstab::{Fstab, FstabEntry};
pub use group::{Group, GroupEntry, GroupNumbered};
pub use hard_links::{HardLinks, Inode};
pub use hardware::{Memory, MemoryState, ProcessorState, Processors};
pub use hardware_clock::HardwareClock;
pub use identity::{MachineId, ProductUuid};
pub use image_contents::{Image, ImageContents};
pub use images::MissingImages;
pub use installed::{Automatic, Installed, InstalledPackage, Interrupted, Selection};
pub use interfaces::{Interface, InterfaceAddress, Interfaces};
pub use kernel::{Architecture, Hostname, Kernel, KernelVersion};
pub use kube_proxy::{ANNOTATION as KUBE_PROXY_ANNOTATION, KubeProxy, KubeProxyState, RunningKubeProxy, RunningProxy};
pub use kubeadm_unit::KubeadmUnit;
pub use kubeconfig::{Kubeconfig, KubeconfigState};
pub(in crate::node) use kubectl::KUBECTL;
pub use lines_in::{ConfigurationLines, FileLine, LinesIn};
pub use listing::{Listed, Listing, ListingEntry};
pub use local_facts::{LocalFact, LocalFacts};
pub use local_time::LocalTime;
pub use login::{Login, LoginUser};
pub use lvm_group::{GroupState, LvmGroup};
pub use manifest_objects::{DaemonSets, ManifestObjects, ObjectsState, OtherObject};
pub use matches::Matches;
pub use module::{Module, ModulePlace, ModuleState};
pub use mount::{Mount, MountAt, Mounts};
pub use next_kernel::{NextKernelModule, NextModule};
pub(in crate::node) use once::ONCE;
pub use open_ports::{ClosePorts, LISTENER, OpenPorts, Opened};
pub use os_release::{OperatingSystem, OsRelease};
pub use package::{Package, PackageManager, PackageState, PackageStatus};
pub use packages::{KnownPackage, Packages};
pub use parted::{PartedPrint, Printed, PrintedRow};
pub use physical_volume::{LvmState, PhysicalVolume};
pub use ports::{ListeningPort, Ports};
pub use probes::Probes;
pub use programs::MissingPrograms;
pub use pulls_left::PullsLeft;
pub use reach::{Reach, ReachPorts};
pub use readyz::Readyz;
pub use real_path::RealPath;
pub use reboot::{RebootRequired, RebootState};
pub use resolved::Resolved;
pub use root_names::RootNames;
pub use routes::{Route, Routes};
pub use saying::Saying;
pub use services::{ServiceEntry, Services};
pub use shadow::{Shadow, ShadowEntry};
pub(in crate::node) use soundness::SOUNDNESS_OF;
pub use soundness::{FilesystemSoundness, Soundness};
pub use stat::{FileKind, FileStat, Mode, Stat};
pub use status::{FullStat, Status};
pub use swap_units::{SwapUnit, SwapUnits};
pub use swaps::{Swap, Swaps};
pub use sync_latency::SyncLatency;
pub use sysctl::{Sysctl, SysctlState};
pub use sysctl_order::Setting;
pub(crate) use sysctl_order::{as_shown, with_slashes};
pub use texts::{Text, Texts};
pub use tree::{Tree, TreeEntry};
pub use umask::Umask;
pub(crate) use unit::whole_name;
pub use unit::{Unit, UnitState};
pub use unit_enabled::{Enablement, UnitEnabled, UnitScope};
pub use unit_properties::UnitProperties;
pub use user::{Account, Password, User};
pub use virtualization::{CgroupSetup, Cgroups, Virtualization, VirtualizationKind};
pub use volume_group::VolumeGroup;
pub use web_answer::{WebAnswer, WebServer};
pub use who_has::{ITSELF as HAS_ITSELF, WhoHas};
pub use wipe_mark::{Begun, WipeMark};
pub use working_directory::WorkingDirectory;

use serde_json::Value;

use super::script::Function;
use crate::plan::Query;

/// How one kind of fact is read.
#[derive(Debug)]
pub struct Kind {
    /// Its name in a [`Query`].
    pub name: &'static str,
    /// The shell function that reads it: `"$1"` holds the indices of the answers, then come the words of each query.
    pub function: &'static Function,
    /// Whether one call answers all queries of this kind; else each has a call of its own.
    pub merged: bool,
    /// A query's words in the call, always the same number for a merged kind; or why it makes no sense to ask.
    pub words: fn(&[String]) -> Result<Vec<String>, String>,
    /// What the probe printed for that query (its arguments come first) as a value.
    pub parse: fn(&[String], &str) -> Result<Value, String>,
}

/// All kinds of facts.
pub const KINDS: &[&Kind] = &[
    &apt::LISTS,
    &apt::NAMES,
    &apt::POLICY,
    &apt::SIMULATION,
    &apt_keys::KIND,
    &apt_sources::KIND,
    &blankness::KIND,
    &block_devices::KIND,
    &checksum::KIND,
    &clock::KIND,
    &clock_sync::KIND,
    &cluster_network::KIND,
    &containerd::KIND,
    &cluster_objects::KIND,
    &content::KIND,
    &cri::KIND,
    &deb_file::AT,
    &deb_file::KIND,
    &device_contents::KIND,
    &device_use::KIND,
    &digest::KIND,
    &directory::KIND,
    &dpkg_lock::KIND,
    &download::KIND,
    &endpoint::KIND,
    &environment::KIND,
    &etcd_members::KIND,
    &exclusive::KIND,
    &file_type::FLAGS,
    &file_type::MIME,
    &filesystem_extent::KIND,
    &filesystem_sizes::KIND,
    &foretold_device::KIND,
    &fstab::KIND,
    &group::KIND,
    &group::NUMBERED,
    &hard_links::KIND,
    &hardware::MEMORY,
    &hardware::PROCESSORS,
    &hardware_clock::KIND,
    &identity::MACHINE_ID,
    &identity::PRODUCT_UUID,
    &images::KIND,
    &installed::AUTOMATIC,
    &installed::INSTALLED,
    &installed::INTERRUPTED,
    &installed::SELECTION,
    &interfaces::KIND,
    &kernel::ARCHITECTURE,
    &kernel::HOSTNAME,
    &kernel::KERNEL,
    &kube_proxy::KIND,
    &kube_proxy::RUNNING,
    &kubeadm_unit::KIND,
    &kubeconfig::KIND,
    &lines_in::CONFIGURATION,
    &lines_in::KIND,
    &listing::KIND,
    &local_time::KIND,
    &local_facts::KIND,
    &login::KIND,
    &lvm_group::KIND,
    &manifest_objects::DAEMON_SETS,
    &manifest_objects::KIND,
    &matches::KIND,
    &module::KIND,
    &mount::ALL,
    &mount::AT,
    &next_kernel::KIND,
    &open_ports::CLOSE,
    &open_ports::OPEN,
    &os_release::KIND,
    &package::KIND,
    &packages::KIND,
    &parted::KIND,
    &physical_volume::KIND,
    &volume_group::KIND,
    &image_contents::KIND,
    &programs::KIND,
    &pulls_left::KIND,
    &reach::KIND,
    &ports::KIND,
    &readyz::KIND,
    &real_path::KIND,
    &reboot::KIND,
    &resolved::KIND,
    &root_names::KIND,
    &routes::KIND,
    &services::KIND,
    &shadow::KIND,
    &saying::KIND,
    &stat::FOLLOWED,
    &soundness::KIND,
    &stat::KIND,
    &status::KIND,
    &swap_units::KIND,
    &swaps::KIND,
    &sync_latency::KIND,
    &sysctl::KIND,
    &tree::KIND,
    &umask::KIND,
    &texts::KIND,
    &unit::KIND,
    &unit::OF_USER,
    &unit_enabled::KIND,
    &unit_enabled::OF_OTHERS,
    &unit_properties::KIND,
    &user::KIND,
    &virtualization::CGROUPS,
    &virtualization::VIRTUALIZATION,
    &web_answer::KIND,
    &who_has::KIND,
    &wipe_mark::KIND,
    &working_directory::KIND,
];

/// The kind of a query.
pub fn kind_of(query: &Query) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == query.kind).copied()
}

/// A value as JSON, for [`Kind::parse`].
fn json(value: impl serde::Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod surroundings_tests;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_a_parser_fall_over(
            text in prop_oneof![any::<String>(), "[a-z0-9=:/ \t\n\"'\\\\,.*()\\[\\]{}@-]{0,60}"],
            args in prop::collection::vec("[/a-z0-9.]{0,8}", 0..3),
        ) {
            for kind in KINDS {
                let _ = (kind.words)(&args);
                let _ = (kind.parse)(&args, &text);
            }
        }
    }
}
