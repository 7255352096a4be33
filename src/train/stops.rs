//! Stops of this process, as by Ctrl-Z, by a scheduler that suspends jobs or by a container that is frozen: nothing is
//! computed, and the clocks go on.

use signal_hook::consts::SIGCONT;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two beats of the thread that watches.
const BEAT: Duration = Duration::from_millis(200);
/// No thread of a process that runs waits so long for a processor.
const STANDSTILL: Duration = Duration::from_secs(5);

static STOPS: AtomicUsize = AtomicUsize::new(0);

/// Watches from now on for times in which this process did not run: for the signal by which it goes on, and on a thread that
/// sleeps, since frozen containers go on without one.
///
/// # Errors
/// The system's, where it has no thread to give.
pub fn count_stops() -> io::Result<()> {
    let goes_on = || {
        STOPS.fetch_add(1, Ordering::Relaxed);
    };
    // SAFETY: the action only adds to an atomic, which a signal handler may.
    unsafe { signal_hook::low_level::register(SIGCONT, goes_on)? };
    let watch = || {
        loop {
            let begun = Instant::now();
            thread::sleep(BEAT);
            if begun.elapsed() > STANDSTILL {
                STOPS.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::Builder::new().name("stops".into()).spawn(watch).map(drop)
}

/// How often this process stood still since [`count_stops`].
pub(super) fn stops() -> usize {
    STOPS.load(Ordering::Relaxed)
}
