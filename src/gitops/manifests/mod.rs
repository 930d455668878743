//! The files with which a repository holds Flux itself, byte for byte as the Flux CLI writes them.
//!
//! ```text
//! a release's base files -> Bundle  \
//!                                    render::components -> gotk-components.yaml
//! what a person wants    -> Options /
//! where Flux reads from  -> Sync      sync::manifest    -> gotk-sync.yaml
//! what its folder holds            -> folder::kustomization -> kustomization.yaml
//! ```
//!
//! The CLI builds the first with kustomize, whose transformers could do anything; what it has them do is always the same. The base
//! files were written by kustomize too, so what is not touched needs only to stay as it is: `document.rs` finds and changes lines by
//! their place in the document, and nothing is parsed into values and written anew. A document that is not written so is refused.

pub mod bundle;
mod component;
mod document;
pub mod folder;
mod name;
pub mod options;
mod pins;
pub mod render;
mod scalar;
pub mod store;
pub mod sync;

pub use bundle::{Bundle, BundleError};
pub use component::Component;
pub use folder::KUSTOMIZATION_FILE;
pub use options::{LogLevel, OptionError, Options, Version, Wanted};
pub use render::{RenderError, components};
pub use sync::{Sync, SyncError};
