//! Stops of this process, as by Ctrl-Z or by a scheduler that suspends jobs: nothing is computed, and the clocks go on.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two beats of the thread that watches.
const BEAT: Duration = Duration::from_millis(200);
/// No thread of a process that runs waits so long for a processor.
const STANDSTILL: Duration = Duration::from_secs(5);

static STOPS: AtomicUsize = AtomicUsize::new(0);

/// Watches from now on, on a thread that sleeps, for times in which this process did not run.
///
/// # Errors
/// The system's, where it has no thread to give.
pub fn count_stops() -> io::Result<()> {
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
