//! Whether images can be had.

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;
use crate::cluster::known::Known;

/// An installation pulls about so many: those of the control plane, the CNI, and Longhorn's.
const PULLS: u32 = 30;

pub(super) fn check(node: &Evidence, found: &mut Findings) {
    for registry in &node.images {
        match seen(&registry.answer, "ImagePull", node, &format!("whether {} answers", registry.name), found) {
            Some(Err(why_not)) => {
                let seen = format!("{} does not answer: {why_not}", registry.name);
                let todo = "give the node a way there, a mirror (`registry_mirrors`), or an archive (`image_bundle`)";
                found.error("ImagePull", &[node], seen, "no pod starts without its image", todo);
            }
            Some(Ok(())) => {
                if let Known::Is(left) = registry.left
                    && left < PULLS
                {
                    let seen = format!("{} lets the node pull {left} more images for now", registry.name);
                    let why = "behind one address all nodes share that number, and pods then wait for hours";
                    found.warning("ImagePull", &[node], seen, why, "use a mirror (`registry_mirrors`), or wait");
                }
            }
            None => {}
        }
    }
}
