//! The bootstrap itself: looked at, planned, done, waited for.

pub mod apply;
pub mod live;
pub mod look;
pub mod observe;
pub mod overlay;
pub mod plan;
pub mod progress;
pub mod pull_secret;
pub mod ready;
mod refusal;
pub mod rendered;
pub mod run;
pub mod secret;
pub mod stages;
pub mod wait;

pub use refusal::Refusal;
