//! Signals that ask a run to end.

use super::exit::Failure;
use crate::record::told_to_end;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

/// Milliseconds. Launchers signal a process and then its group: what follows the first signal so closely is the same wish
/// once more. A later one is somebody's impatience.
const ONE_WISH: i64 = 1000;

/// SIGUSR2 came before any other signal.
static WARNED: AtomicBool = AtomicBool::new(false);

/// Whether what ended the run is SIGUSR2, by which a scheduler warns of the end of a job's time.
pub(super) fn was_warned() -> bool {
    WARNED.load(Ordering::Relaxed)
}

/// A flag that the first SIGINT, SIGTERM, SIGHUP or SIGUSR2 sets; one that comes more than a second later ends the
/// process at once. Signals that whoever started the process had it ignore (`nohup`, a shell's background) stay ignored.
///
/// # Errors
/// The system refuses.
pub(super) fn interrupt_flag() -> Result<Arc<AtomicBool>, Failure> {
    let (flag, first) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let tell = noted()?;
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR2] {
        if is_ignored(signal) {
            continue;
        }
        let (flag, first) = (flag.clone(), first.clone());
        let action = move || {
            let now = milliseconds();
            match first.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    WARNED.store(signal == SIGUSR2, Ordering::Relaxed);
                    flag.store(true, Ordering::Relaxed);
                }
                Err(then) if now - then > ONE_WISH => signal_hook::low_level::exit(130),
                Err(_) => {}
            }
        };
        // SAFETY: the action reads a clock and writes atomics, or ends the process by `_exit`: all that a signal handler may.
        unsafe { signal_hook::low_level::register(signal, action)? };
        signal_hook::low_level::pipe::register(signal, tell.try_clone()?)?;
    }
    Ok(flag)
}

/// What is written into this is noted with the locks that the process holds: it has been told to end. By a thread, since
/// a handler of signals cannot write files and a training may be busy for long.
fn noted() -> io::Result<UnixStream> {
    let (mut heard, tell) = UnixStream::pair()?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        // To the end: nobody may write into a pipe that is closed.
        while heard.read_exact(&mut [0]).is_ok() {
            told_to_end();
        }
    })?;
    Ok(tell)
}

/// Of a clock that is never set; not 0.
fn milliseconds() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call only fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    1 + 1000 * now.tv_sec + now.tv_nsec / 1_000_000
}

/// Whoever started the process asked it to ignore the signal.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: the call changes nothing and fills the structure, which is plain data, before it is read.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}
