//! The vocabulary of change: every module is a pure function from facts to a plan.
//!
//! ```text
//! facts -> plan  -> Unchanged | Change{diff, steps, expect, touches} | Refuse | Need(facts) | Unknown
//!          apply -> the steps, if the facts that the plan read still hold; then `expect` is read back
//! ```
//!
//! A plan asks for [`Facts`] as if they were there; what is missing ends the call with [`Stop::Need`], what could not
//! be read ends it with [`Stop::Unknown`], so a failed probe can never lead to a change. This module knows no
//! particular fact and no particular step: those are in `node`.

mod change;
mod expect;
mod fact;
mod facts;
mod store;
mod touch;

pub use change::{Change, Difference, Plan, Planned, Refusal, Stop};
pub use expect::{Claim, Expect, Unmet};
pub use fact::{Fact, FactKey, Observation, Query, Reading, Scope};
pub use facts::{Ask, Facts};
pub use store::Store;
pub use touch::Touch;
