//! docs/cluster-states.md, made from the states, the guards and the waits that the decision is made of.

use std::fmt::Write as _;

use super::guard::Guard;
use super::refused::For;
use super::state::State;

/// The table of states, in Markdown.
pub fn page() -> String {
    let mut page = String::from(
        "# What a host is, and what is done\n\n\
         Made from the code (`make docs`). Each host is judged by all that is seen of it: files, kubelet and ports on the machine, Nodes and \
         certificate requests in the API, members in etcd. An answer that did not come is unknown, never absent, and unknown changes nothing.\n\n\
         | state | what is seen | what is done |\n|---|---|---|\n",
    );
    for state in State::samples() {
        let about = state.about();
        let _ = writeln!(page, "| {} | {} | {} |", about.name, about.evidence, about.action);
    }
    page.push_str(
        "\nOnce a cluster answers, what `kubeadm init` did not get to is made first; then at most one control plane is acted on at a time, and \
         workers side by side: none holds up another. What cannot be taken back (init, removing a member, deleting a Node, resetting a machine \
         with etcd data) is asked for once, or wants `--yes`. The same is tried at most twice on a host within a run.\n\n\
         ## What stops an action\n\n| action | if |\n|---|---|\n",
    );
    for guard in Guard::ALL {
        let (action, danger) = guard.about();
        let _ = writeln!(page, "| {action} | {danger} |");
    }
    page.push_str(
        "\nA voter is removed only if, besides, a majority of all voters answers without it, and a majority of those that stay. \
         `init` is for the first control plane of the inventory, or for the one where an earlier `init` has left certificates; \
         all control planes of the inventory are meant, whatever `--limit` says.\n\n\
         ## What is waited for\n\n| a host waits | at most |\n|---|---|\n",
    );
    for what in For::ALL {
        let seconds = what.at_most().as_secs();
        let time = if seconds < 60 { format!("{seconds} s") } else { format!("{} min", seconds / 60) };
        let _ = writeln!(page, "| {} | {time} |", what.word());
    }
    page
}
