//! Kubernetes on a bed: its programs (`programs.sh`), and a control plane of plain processes among the bed's machines, without a
//! kernel of its own, a kubelet or a container: a real etcd of one to five members and a real kube-apiserver on loopback.
//!
//! ```ignore
//! let bed = Bed::new()?;
//! bed.enter()?;                                   // 127.0.0.1 is the bed's from here on
//! let etcd = Etcd::start(&bed, 3)?;
//! let api = ApiServer::start(&bed, &etcd)?;
//! assert_eq!(api.ask("GET", "/readyz", None)?, (200, "ok".into()));
//! let gate = api.gate()?;                         // for what is to be counted, or cut off: gate.kubeconfig()
//! gate.at(7, move || kill(program));              // the seventh request is done, and its answer lost
//! assert_eq!(gate.log().len(), 7);
//! ```

mod api_server;
mod authority;
mod etcd;
mod gate;
pub(super) mod http;
mod images;
mod packages;
mod programs;

pub use api_server::{ApiServer, Asker};
pub use authority::{Authority, Signed};
pub use etcd::{Etcd, Listed};
pub use gate::Gate;
pub use images::{images, node_image};
pub use packages::Packages;
pub use programs::program;
