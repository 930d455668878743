//! What a person sees of an item of a loop.

use serde_json::Value as Json;

use super::host::Machines;
use super::loops;
use super::play::Engine;
use super::scope::View;
use super::status::{Done, Status};
use super::task::Stuck;
use crate::yaml::{Node, python_str};

impl<M: Machines> Engine<M> {
    /// The `label` that `loop_control` gives an item, or the item itself. One that names what is not there makes the item
    /// fail; one of a machine that was lost stays so.
    pub(super) async fn label(&self, view: &View, label: Option<&Node>, item: &Node, done: &mut Done) -> String {
        let Some(label) = label else { return loops::label(item) };
        match self.rendered(view, label).await {
            Ok(label) => return python_str(&label),
            Err(Stuck::Wrong(error))
                if error.undefined && !done.is_pending() && (done.status.is_good() || done.status == Status::Failed) =>
            {
                done.fails(format!("`label` of `loop_control` cannot be rendered: {}", error.message));
                let words = super::words::of_template(&error.message);
                done.result.insert("msg".to_owned(), Json::from(format!("Failed to template loop_control.label: {words}")));
            }
            Err(_) => {}
        }
        loops::label(item)
    }
}
