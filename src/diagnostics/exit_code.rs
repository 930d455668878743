//! The exit codes of the program, the same for every command.

/// How a run ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitCode {
    /// Everything is as it should be, or was made so.
    Done = 0,
    /// It failed elsewhere than on a host: GitHub, the cluster's API, this machine.
    Failed = 1,
    /// A host failed or refused.
    HostFailed = 2,
    /// Changes are pending; only with `--detailed-exitcode`.
    ChangesPending = 3,
    /// A host could not be reached, or what happened on it is unknown.
    Unreachable = 4,
    /// The command line or a file is wrong; nothing was contacted.
    Usage = 64,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
