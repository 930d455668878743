//! What a person wants of the bootstrap, and where each setting came from.
//!
//! ```text
//! flags, bootstrap/flux.yaml (file), .env (dotenv), the cluster as it is (adopted) -> Layers -> resolve -> Settings
//! ```
//!
//! Every place says what it says in a [`Layer`], whose fields are named as the Flux CLI's flags; the first that says something wins.

mod address;
mod adopted;
mod check;
pub mod dotenv;
mod duration;
pub mod entry;
pub mod file;
mod layer;
mod merge;
mod origin;
mod pin;
pub mod print;
mod resolve;

pub use address::Address;
pub use adopted::{Adopted, Installation};
pub use duration::duration;
pub use entry::entry;
pub use layer::{FIELDS, Field, InFile, Kind, Layer, REDACTED, Value};
pub use merge::{DEFAULT_VERSION, defaults};
pub use origin::{Origin, Whence};
pub use pin::pin;
pub use resolve::{Credentials, Settings, resolve};
