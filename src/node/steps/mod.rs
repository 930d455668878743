//! What can be done to a machine, as data.
//!
//! A [`Step`] is typed and serializable: it is shown, logged, carried out by a shell function on a real machine and by
//! [`super::simulated`] in memory. Every kind of step has one file here, with its shell function as a constant text;
//! values reach that text only as its arguments. The functions have bodies in parentheses, so they run in a child shell:
//! their variables, traps and directories are theirs alone. A program of others' that may leave something running is
//! called with the lock's descriptor closed (`9>&-`): a daemon must not keep a machine locked.

mod accounts;
mod apt;
mod apt_key;
mod backup;
mod check;
mod clock;
mod cluster;
mod cluster_network;
mod cluster_objects;
mod directory;
mod disk;
mod etcd;
mod filesystem;
mod flags;
mod gpt;
mod home;
mod hostname;
mod http;
mod images;
mod kube_proxy;
mod kubeadm;
mod launch;
mod lease;
mod link;
mod module;
mod mount;
mod owner;
mod package;
mod parted;
mod remove;
mod run;
mod sources;
mod swap;
mod sync;
mod sysctl;
mod temporary;
mod times;
mod unarchive;
mod unit;
mod validate;
mod wait;
mod wipe;
mod write;

#[cfg(test)]
mod file_tests;

use serde::{Deserialize, Serialize};

pub use accounts::{AddGroup, AddUser, ChangeAging, ChangeGroup, ChangeUser, Membership, RemoveGroup, RemoveUser, SetPassword};
pub use apt::{Apt, AptProgram, Fate, FinishInterrupted, MarkManual, SelectPackage};
pub use apt_key::{AptKeyChange, ChangeAptKeys};
pub use backup::{BACKUP_FILE, Backup};
pub use check::Invalid;
pub use clock::{SetHardwareClock, SetTimeZone};
pub(crate) use clock::{adjtime, is_local};
pub use cluster::{ApproveRequest, DeleteNode, GrantAdmin, MarkNode, MintJoin, RevokeJoins};
pub use cluster_network::CheckNetwork;
pub use cluster_objects::{ApplyObjects, WaitForObjects};
pub use directory::MakeDirectory;
pub use disk::{FormatPartition, LabelDisk, NamePartition};
pub use etcd::{EtcdAsked, RemoveMember};
pub use filesystem::{GrowFilesystem, MakeFilesystem};
pub use flags::ChangeFlags;
pub use home::{MakeHome, MakeSshKey};
pub use hostname::SetHostname;
pub use http::{Answer, Asker, Body, Certificates, Fetch, Fetched, Had, Http, Request, Save, digest_in};
pub use images::{ImportImages, PullImages};
pub use kube_proxy::{ConfigureKubeProxy, RollOutKubeProxy};
pub use kubeadm::{INIT_MARK, Kubeadm, MATERIAL, PutMaterial, RESET_MARK, ResetNode, StaticPodFolder};
pub use launch::Launch;
pub use lease::{HoldLease, LeaseDoes, UnderLease};
pub use link::{HardLink, SymbolicLink};
pub use module::{LoadModule, UnloadModule};
pub use mount::{Mount, Remount, Unmount};
pub use owner::{ChangeMode, ChangeOwner};
pub use package::{Install, LISTS_RENEWED, Manager, Mark, MarkPackages, RefreshLists, RemovePackages, Wanted};
pub use parted::{Parted, PartedDoes, Place, place};
pub use remove::{Remove, RemoveWhat};
pub use run::{HostTime, Ran, Run};
pub use sources::TrySources;
pub use swap::SwapOff;
pub use sync::WaitForSync;
pub(crate) use sysctl::NOT_SET;
pub use sysctl::{LoadSysctls, SetSysctl};
pub use temporary::MakeTemporary;
pub use times::{SetTimes, Time};
pub use unarchive::{Unarchive, Unpacked};
pub use unit::{UnitAction, UnitStep};
pub use validate::Validate;
pub use wait::{Port, Until, WaitFor, Waited};
pub use wipe::WipeDisk;
pub use write::{Source, WriteFile};

use super::script::Function;
use crate::plan::Touch;

/// A shell function and what it is called with.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// Its arguments.
    pub words: Vec<String>,
}

impl Call {
    fn new(function: &'static Function, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { function, words: words.into_iter().map(Into::into).collect() }
    }
}

/// What every kind of step knows about itself.
pub trait Action {
    /// The shell function that carries it out, with its arguments.
    fn call(&self) -> Call;

    /// What it may move beside what it means to.
    fn touches(&self) -> Vec<Touch>;

    /// What it does, in a few words for people, e.g. `write /etc/hosts`.
    fn describe(&self) -> String;

    /// Whether its values can be used at all.
    ///
    /// # Errors
    /// Which value cannot, and why.
    fn check(&self) -> Result<(), Invalid>;

    /// Whether it may take so long, and is so bad to cut in half, that it runs as a unit of its own.
    fn is_long(&self) -> bool {
        false
    }

    /// Whether somebody who watches wants to know that it is this that takes its time. What it says of itself is shown to anybody.
    fn is_watched(&self) -> bool {
        false
    }
}

macro_rules! steps {
    ($($(#[$doc:meta])+ $name:ident($kind:ty),)+) => {
        /// One thing that is done to a machine.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "step", rename_all = "snake_case")]
        pub enum Step {
            $($(#[$doc])+ $name($kind),)+
        }

        impl Step {
            /// What it knows about itself, whatever its kind.
            pub fn action(&self) -> &dyn Action {
                match self {
                    $(Self::$name(step) => step,)+
                }
            }
        }

        $(impl From<$kind> for Step {
            fn from(step: $kind) -> Self {
                Self::$name(step)
            }
        })+
    };
}

steps! {
    /// A file's whole content, owner and mode, put in place at once.
    WriteFile(WriteFile),
    /// A copy of a file beside it.
    Backup(Backup),
    /// A program that looks at new content.
    Validate(Validate),
    /// When a file was read and changed last.
    SetTimes(SetTimes),
    /// A file, link or directory that goes away.
    Remove(Remove),
    /// A new file or directory with a name that nobody has.
    MakeTemporary(MakeTemporary),
    /// A new directory.
    MakeDirectory(MakeDirectory),
    /// A symbolic link.
    SymbolicLink(SymbolicLink),
    /// A second name for a file.
    HardLink(HardLink),
    /// Permission bits.
    ChangeMode(ChangeMode),
    /// Owner and group.
    ChangeOwner(ChangeOwner),
    /// Flags on the filesystem.
    ChangeFlags(ChangeFlags),
    /// A new user.
    AddUser(AddUser),
    /// A user's properties.
    ChangeUser(ChangeUser),
    /// A user's password hash.
    SetPassword(SetPassword),
    /// How old a user's password may get.
    ChangeAging(ChangeAging),
    /// A user's home.
    MakeHome(MakeHome),
    /// A user's SSH keys.
    MakeSshKey(MakeSshKey),
    /// A user that goes away.
    RemoveUser(RemoveUser),
    /// A new group.
    AddGroup(AddGroup),
    /// A group's id.
    ChangeGroup(ChangeGroup),
    /// A group that goes away.
    RemoveGroup(RemoveGroup),
    /// Whether a user is in a group.
    Membership(Membership),
    /// Packages that are installed, up- or downgraded.
    Install(Install),
    /// Packages that are removed or purged.
    RemovePackages(RemovePackages),
    /// Packages that are held or released.
    MarkPackages(MarkPackages),
    /// The package manager's lists, read anew.
    RefreshLists(RefreshLists),
    /// Package sources that are tried.
    TrySources(TrySources),
    /// Keys that apt trusts.
    ChangeAptKeys(ChangeAptKeys),
    /// The machine's name.
    SetHostname(SetHostname),
    /// The time zone.
    SetTimeZone(SetTimeZone),
    /// What the hardware clock holds.
    SetHardwareClock(SetHardwareClock),
    /// A call of apt-get or dpkg.
    Apt(Apt),
    /// Packages that are wanted for their own sake.
    MarkManual(MarkManual),
    /// Packages that were left half installed.
    FinishInterrupted(FinishInterrupted),
    /// What dpkg is to do with a package.
    SelectPackage(SelectPackage),
    /// The service manager.
    Unit(UnitStep),
    /// A kernel parameter at run time.
    SetSysctl(SetSysctl),
    /// All kernel parameters that a file names.
    LoadSysctls(LoadSysctls),
    /// A kernel module that is loaded.
    LoadModule(LoadModule),
    /// A kernel module that is unloaded.
    UnloadModule(UnloadModule),
    /// Swap that is given up.
    SwapOff(SwapOff),
    /// kube-proxy's configuration in the cluster.
    ConfigureKubeProxy(ConfigureKubeProxy),
    /// kube-proxy's pods, made anew.
    RollOutKubeProxy(RollOutKubeProxy),
    /// A file with tokens or keys, for kubeadm.
    PutMaterial(PutMaterial),
    /// kubeadm, which makes a cluster or joins a machine to it.
    Kubeadm(Kubeadm),
    /// kubeadm's files, taken away.
    ResetNode(ResetNode),
    /// The folder of static pods.
    StaticPodFolder(StaticPodFolder),
    /// A token to join with.
    MintJoin(MintJoin),
    /// The lease of a run in the cluster.
    HoldLease(HoldLease),
    /// Tokens, taken back.
    RevokeJoins(RevokeJoins),
    /// The rights of admin.conf.
    GrantAdmin(GrantAdmin),
    /// A kubelet's request for its certificate, approved.
    ApproveRequest(ApproveRequest),
    /// A Node that goes away.
    DeleteNode(DeleteNode),
    /// A member of etcd that goes away.
    RemoveMember(RemoveMember),
    /// What a Node bears.
    MarkNode(MarkNode),
    /// Images of an archive, for containerd.
    ImportImages(ImportImages),
    /// Images of registries, for containerd.
    PullImages(PullImages),
    /// Objects of a manifest, applied to the cluster.
    ApplyObjects(ApplyObjects),
    /// Their pods are waited for.
    WaitForObjects(WaitForObjects),
    /// Pods that ask each other across the nodes.
    CheckNetwork(CheckNetwork),
    /// A clock that is waited for.
    WaitForSync(WaitForSync),
    /// A partition that is made, named, marked or removed.
    Parted(Parted),
    /// A filesystem that is made.
    MakeFilesystem(MakeFilesystem),
    /// A filesystem that takes all of its device.
    GrowFilesystem(GrowFilesystem),
    /// A disk with a new table.
    LabelDisk(LabelDisk),
    /// A filesystem in our partition.
    FormatPartition(FormatPartition),
    /// Our partition with another name.
    NamePartition(NamePartition),
    /// A disk that is emptied.
    WipeDisk(WipeDisk),
    /// Something that is mounted.
    Mount(Mount),
    /// Something that is unmounted.
    Unmount(Unmount),
    /// Something that is mounted with other options.
    Remount(Remount),
    /// A file that is brought from a server.
    Fetch(Fetch),
    /// An archive that is unpacked.
    Unarchive(Unarchive),
    /// Something that is asked of a server.
    Request(Request),
    /// Something that is waited for.
    WaitFor(WaitFor),
    /// A program in the background.
    Launch(Launch),
    /// A program.
    Run(Run),
}

impl Step {
    /// The shell function that carries it out, with its arguments.
    ///
    /// # Errors
    /// A value that cannot be used.
    pub fn call(&self) -> Result<Call, Invalid> {
        self.action().check()?;
        let call = self.action().call();
        call.words.iter().try_for_each(|word| check::text("argument", word))?;
        Ok(call)
    }

    /// What it may move beside what it means to.
    pub fn touches(&self) -> Vec<Touch> {
        self.action().touches()
    }

    /// What it does, in a few words for people.
    pub fn describe(&self) -> String {
        self.action().describe()
    }

    /// Whether it runs as a unit of its own, which a lost connection cannot cut.
    pub fn is_long(&self) -> bool {
        self.action().is_long()
    }
}

/// Ends a step with a message: the reason on stderr, status 1.
pub(crate) const FAIL: Function = Function {
    name: "s_fail",
    needs: &[],
    text: r#"s_fail() {
  printf '%s\n' "$*" >&2
  exit 1
}"#,
};

/// A permission mode as chmod(1) takes it.
///
/// Five digits: with fewer GNU chmod leaves a directory's set-user-id and set-group-id bits as they are.
pub(crate) fn octal(mode: u32) -> String {
    format!("0{:04o}", mode & 0o7777)
}
