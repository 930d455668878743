//! The cluster's side: which one it is, what of Flux is there, what is applied, what is waited for.

mod connect;

pub use connect::{ConnectError, Connected, connect};
