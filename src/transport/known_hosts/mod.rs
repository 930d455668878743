//! known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), read and judged as the OpenSSH client does it.
//!
//! russh's own reader knows neither wildcards nor negation nor markers, so this is written from hostfile.c and
//! check_host_key of sshconnect.c: any key that is recorded for a name and is not the one offered makes it *changed*,
//! whatever its type; a host on another port than 22 that is not recorded with its port is looked up without it; a
//! certificate that does not hold is judged by the plain key inside it. What `ssh` really did in such cases is
//! recorded in `tests/records/ssh`. The one difference: a changed or revoked key is refused whatever
//! `StrictHostKeyChecking` says, where ssh goes on under `no`.

mod append;
mod certificate;
mod line;
mod load;
mod name;
mod verdict;

pub use append::{AppendError, Appended, append};
pub use load::KnownHosts;
pub use name::HostName;
pub use verdict::{Decision, KeyInfo, KeyPlace, PreferredKeys, RecordedKey, Verdict};
