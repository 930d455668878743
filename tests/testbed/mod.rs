//! Throwaway machines for tests, benchmarks and `make nodes`: real Debian systems with a real sshd, each with an address
//! of its own, in a network namespace that nothing else can reach.
//!
//! ```ignore
//! let bed = Bed::new()?;
//! let m = bed.machine("m1").sudo(Sudo::Password("pw".into())).without_python().start()?;
//! bed.enter()?;                                   // this thread, and what it starts, now reaches m.address
//! assert_eq!(m.root_says("id -u")?, "0");         // not by ssh: for assertions
//! ```
//!
//! Three kinds: **nspawn** starts in about a second and shares the host's kernel; **User-mode Linux** takes half a minute and
//! has its own kernel with modules, sysctls, reboot and disks; **QEMU** is slower again, and has what User-mode Linux cannot
//! have, such as NVMe disks.
//!
//! Everything of a bed lives in namespaces (network, mount, process) whose first process is the *keeper* (`keeper.sh`). It
//! waits for the end of a pipe that only the owner holds: when the owner ends, however it ends, the keeper removes the bed's
//! directory and cgroups and ends too, and the kernel kills every machine and undoes every mount, bridge and tap. So nothing
//! depends on destructors or signal handlers, and two runs at once share nothing but the cache of root file systems.
//!
//! Root is needed throughout. `install.sh` installs what is missing.
#![allow(
    dead_code,                   // each user of this library uses a part of it
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

mod bed;
mod boot_permits;
mod disks;
mod error;
pub mod flux;
pub mod github;
mod jump;
mod keeper;
mod keys;
pub mod kubernetes;
mod machine;
mod nspawn;
mod process;
mod processors;
mod qemu;
mod roots;
mod seed;
mod service;
mod snapshot;
mod spec;
mod sweep;
mod uml;
mod wire;

pub use bed::Bed;
pub use disks::{digests_of, fill, image_digest};
pub use error::{Error, Result};
pub use jump::JumpChain;
pub use keys::HostKeyType;
pub use machine::Machine;
pub use process::children;
pub use roots::Suite;
pub use service::Service;
pub use snapshot::Snapshot;
pub use spec::{Kind, Login, MachineSpec, Noise, Shell, Sudo};
