//! Users that a change wants idle: userdel(8) and usermod(8) refuse one that runs something, and our own shell of that user is
//! something.

use super::Change;
use super::script::Function;
use super::steps::Step;

/// Waits, two seconds at most, until nothing of a user runs any more.
pub(super) const IDLE: Function = Function {
    name: "s_idle",
    needs: &[],
    text: r#"s_idle() (
  tries=20
  while [ "$tries" -gt 0 ] && [ -n "$(find /proc -maxdepth 1 -name '[0-9]*' -user "$1" 2>/dev/null)" ]; do
    sleep 0.1
    tries=$((tries - 1))
  done
)"#,
};

/// The users that may run nothing while these steps are carried out.
pub(super) fn idle(change: &Change) -> impl Iterator<Item = &str> {
    change.steps.iter().filter_map(|step| match step {
        Step::RemoveUser(step) => Some(step.name.as_str()),
        Step::ChangeUser(step) if step.uid.is_some() || step.move_home => Some(step.name.as_str()),
        _ => None,
    })
}
