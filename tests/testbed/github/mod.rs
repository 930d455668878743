//! A GitHub of our own (`Hub`): its REST endpoints over real bare git repositories, each request and answer held to GitHub's own
//! description of its API; on a bed, all that under GitHub's own names ([`Ssh`], [`Https`]).
//!
//! ```ignore
//! let bed = Bed::new()?;
//! bed.enter()?;                                         // 127.0.0.1 is the bed's from here on
//! let hub = Hub::start();                               // http://127.0.0.1:…, `hub.address`
//! let dir = hub.empty("wbyc/lab");                      // a bare repository, for git's own commands
//! let ssh = Ssh::start(&bed, &hub)?;                    // ssh://git@github.com/wbyc/lab, for who is in all of the bed's namespaces
//! hub.add_key("wbyc/lab", "ours", "ssh-ed25519 …", true);
//! let https = Https::start(&bed, &hub)?;                // https://github.com/wbyc/lab.git and https://api.github.com, the same way
//! ```
//!
//! The hub itself wants neither a bed nor root. Each request has to be as GitHub describes it, or the test fails when the hub is dropped;
//! only those of the Flux CLI, known by their user agent, are let through as GitHub lets them.

pub mod description;
pub mod endpoints;
pub mod git;
mod https;
pub mod hub;
mod ssh;
pub mod wire;

pub use https::Https;
pub use hub::{How, Hub, TOKEN};
pub use ssh::Ssh;
