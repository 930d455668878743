//! What a run tells on its way.

/// One thing that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// What is being done now.
    Doing(&'a str),
    /// What was done, or found done.
    Done(&'a str),
    /// What an object that is waited for says of itself.
    Says {
        /// `Kind namespace/name`.
        object: &'a str,
        /// Its own words.
        said: &'a str,
    },
}

/// Who is told.
pub type Tell<'a> = &'a (dyn Fn(Told<'_>) + Sync);
