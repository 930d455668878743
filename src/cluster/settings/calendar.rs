//! Until when a version of Kubernetes gets fixes (kubernetes.io/releases/patch-releases).

/// The day on which a minor version ends, as `2026-10-27`; none for one that is not known.
pub fn end_of_life(minor: u32) -> Option<&'static str> {
    match minor {
        32 => Some("2026-02-28"),
        33 => Some("2026-06-28"),
        34 => Some("2026-10-27"),
        35 => Some("2027-02-28"),
        36 => Some("2027-06-28"),
        _ => None,
    }
}
