//! Errors a person can act on: what is wrong, where it stands, what to do.
//!
//! Everything that reads files (ssh_config, inventories, playbooks) collects [`Diagnostic`]s and returns
//! them all at once as [`Diagnostics`], before the first connection is made.

mod bytes;
mod causes;
mod diagnostic;
mod exit_code;
mod passwords;
mod similar;
mod source;

pub use bytes::{read_bytes, reason};
pub use causes::with_causes;
pub use diagnostic::{Diagnostic, Diagnostics, Level};
pub use exit_code::ExitCode;
pub use passwords::{may_be_a_password, names_a_secret, passwords_in};
pub use similar::{how_many_compared, similar, suggestion, within};
pub use source::{Place, Source, Text};
