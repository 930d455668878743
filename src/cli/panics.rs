//! A bug in the code for one host is that host's problem, not the end of the run.

use std::any::Any;
use std::cell::RefCell;

thread_local! {
    /// Where this thread last panicked.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The name of the threads on which hosts are worked on.
pub(super) const WORKER: &str = "hosts";

/// From now on panics of workers are remembered instead of printed: the message goes through the report, where secrets
/// are taken out.
pub(super) fn install() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if crate::yaml::panics_are_caught() {
            // told as a mistake in the document
        } else if std::thread::current().name() == Some(WORKER) {
            LAST.set(info.location().map(ToString::to_string));
        } else {
            before(info);
        }
    }));
}

/// What a panic that was caught on this thread said, and where.
pub(super) fn describe(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|&text| text.to_owned()).or_else(|| payload.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "no message".to_owned());
    match LAST.take() {
        Some(place) => format!("a bug in this program: {text} ({place})"),
        None => format!("a bug in this program: {text}"),
    }
}
