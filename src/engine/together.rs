//! What the items of a loop come to together.

use serde_json::Value as Json;

use super::status::{Done, Status};

/// What all items together came to.
pub(super) fn together(results: Vec<Done>) -> Done {
    if results.is_empty() {
        return Done::new(Status::Skipped).with("skipped_reason", "No items in the list").with("results", Vec::<Json>::new());
    }
    let status = match results.iter().map(|done| done.status).max() {
        Some(worst) if !worst.is_good() => worst,
        _ if results.iter().any(|done| done.status == Status::Pending) => Status::Pending,
        _ if results.iter().any(|done| done.status == Status::Changed) => Status::Changed,
        _ if results.iter().any(|done| done.status == Status::Ok) => Status::Ok,
        _ => Status::Skipped,
    };
    let message = match status {
        Status::Failed | Status::Refused => "One or more items failed",
        Status::Skipped => "All items skipped",
        _ => "All items completed",
    };
    let registered: Vec<Json> = results.iter().map(|done| Json::Object(done.registered())).collect();
    let bad = || results.iter().filter(|done| done.status == status && (!status.is_good() || status == Status::Pending));
    let mut done = Done::new(status).with("results", registered).with("msg", message);
    done.why = each(bad().filter_map(|done| done.why.as_deref()), "; ");
    done.hint = each(bad().filter_map(|done| done.hint.as_deref()).flat_map(str::lines), "\n");
    if status == Status::Failed && results.iter().any(Done::has_changed) {
        done.result.insert("changed".to_owned(), Json::Bool(true));
    }
    // the word of each item that ended so counts: it may hang on the item
    done.ignored = !status.is_good() && results.iter().filter(|item| !item.status.is_good()).all(|item| item.ignored);
    done.items = results;
    done
}

/// What several items say, each thing once.
fn each<'a>(texts: impl Iterator<Item = &'a str>, between: &str) -> Option<String> {
    let mut said: Vec<&str> = Vec::new();
    for text in texts {
        if !said.contains(&text) {
            said.push(text);
        }
    }
    (!said.is_empty()).then(|| said.join(between))
}
