//! What a run tells: events, and how they are shown.
//!
//! Everything that a person or a program can see of a run is an [`Event`]. Events go through one [`Reporter`] to one
//! thread, which takes the secrets out of them and hands them to the renderers: text for people, JSON, the log.

mod captured;
pub mod escape;
mod event;
mod finding;
mod human;
mod json;
pub mod log;
mod outcome;
mod progress;
mod redact;
mod redacted;
mod reporter;
#[cfg(test)]
mod test_screen;

pub use captured::Captured;
pub use event::{
    Answer, ClusterSheet, DiskLine, DiskProposal, DiskSheet, Ended, Event, FactSheet, HostAnswer, NoticeLevel, Ping, Problem, Shown,
    Stamped, TaskAnswer, TaskOutcome, VERSION, end_of_run,
};
pub use finding::{Finding, Severity};
pub use human::{Human, Look, duration};
pub use json::{Json, JsonLines};
pub use outcome::Outcome;
pub use progress::Progress;
pub use redact::{MASK, Registered, SHORTEST, Secrets, Stream};
pub use reporter::{Desk, Renderer, Reporter, Unwritten, start};
