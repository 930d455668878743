//! Whether images can be had.

use super::evidence::Evidence;
use super::finding::Findings;
use super::seen;

/// An installation pulls about so many of a registry that counts: Longhorn's, and those of pods that look at the network.
const PULLS: u32 = 30;

pub(super) fn check(node: &Evidence, found: &mut Findings) {
    for registry in &node.images {
        let name = &registry.name;
        match seen(&registry.answer, "ImagePull", node, &format!("whether {name} answers"), found) {
            Some(Err(why_not)) if registry.is_needed => {
                let todo = "give the node a way there, a mirror (`registry_mirrors`), or an archive (`image_bundle`)";
                found.error("ImagePull", &[node], format!("{name} does not answer: {why_not}"), "no pod starts without its image", todo);
            }
            Some(Err(why_not)) => {
                let why = "the pods that look at the network in the end have their image there, and Longhorn all of its";
                let todo = "give the node a way there, or a mirror (`registry_mirrors`); `network_check_image` names another image";
                found.warning("ImagePull", &[node], format!("{name} does not answer: {why_not}"), why, todo);
            }
            Some(Ok(())) => {
                let what = format!("how many images {name} lets the node pull");
                if let Some(left) = seen(&registry.left, "ImagePull", node, &what, found).filter(|left| **left < PULLS) {
                    let seen = format!("{name} lets the node pull {left} more images for now");
                    let why = "behind one address all nodes share that number, and pods then wait for hours";
                    found.warning("ImagePull", &[node], seen, why, "use a mirror (`registry_mirrors`), or wait");
                }
            }
            None => {}
        }
    }
}
