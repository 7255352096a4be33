//! Stops of this process, as by Ctrl-Z or by a scheduler that suspends jobs: nothing is computed, and the clocks go on.

use signal_hook::consts::SIGCONT;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

static STOPS: AtomicUsize = AtomicUsize::new(0);

/// Counts the stops of this process from now on.
///
/// # Errors
/// The system's, where it refuses a handler.
pub fn count_stops() -> io::Result<()> {
    let count = || {
        STOPS.fetch_add(1, Ordering::Relaxed);
    };
    // SAFETY: all that the handler does is to add to an atomic number.
    unsafe { signal_hook::low_level::register(SIGCONT, count) }.map(drop)
}

/// How often this process was stopped and went on since [`count_stops`].
pub(super) fn stops() -> usize {
    STOPS.load(Ordering::Relaxed)
}
