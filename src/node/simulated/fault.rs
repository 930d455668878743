//! What can go wrong in the middle of anything.

/// A fault, which strikes at one micro-action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The machine loses power; what was not synced may be lost, and /run is empty when it is back.
    MachineCrash,
    /// The connection is lost; the machine knows (`noticed`) or believes in it for hours.
    ConnectionLost {
        /// Whether the machine knows.
        noticed: bool,
    },
    /// The controller is killed: its connections are closed by its system.
    ControllerKilled,
    /// From here to the end of the step nothing is done, and the step says that it was.
    Lie,
}

/// Which fault strikes, and after how many micro-actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// Which.
    pub fault: Fault,
    /// After how many micro-actions from now.
    pub after: u64,
}
