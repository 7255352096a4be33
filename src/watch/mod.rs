//! A program under watch: started, its signals passed on, its end awaited.
//!
//! The program stays in this process group, so a terminal's keys reach it as they always do; what others send to this
//! process is passed on. Whatever descends from the program stays below this process until the end, also when its parent
//! has gone. Told to stop as by a terminal's key, this process stops once its program has.

mod signals;

pub use signals::{Received, Signals};

use crate::telemetry::resident;
use crate::units::Bytes;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// Before the first look; each pause is twice the one before, up to what was asked for.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// What this process may grow by before it forks.
const SLACK: u64 = 4 << 20;

/// A program that goes on for so long after it was told to stop does not heed that; some tidy up first.
const HEEDS: Duration = Duration::from_secs(10);

/// A program at work.
#[derive(Debug)]
pub struct Watched {
    child: Child,
    signals: Signals,
    /// Those that arrived before the program was there, whoever sent them.
    early: Vec<libc::c_int>,
    since: Instant,
    /// When this process was told to stop; its program has not yet.
    told_to_stop: Option<Instant>,
    /// The resident set of this process when it started the program.
    own: Bytes,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// From its start to its end.
    pub time: Duration,
    /// The largest resident set that one of its processes had, as far as someone has waited for them; absent where it was
    /// smaller than this process, from which it was forked.
    pub largest_process: Option<Bytes>,
}

impl Ended {
    /// The exit code by which a shell would pass the end on: the program's own, or 128 and the number of the signal that
    /// killed it.
    pub fn code(&self) -> u8 {
        let signal = self.status.signal().map_or(0, |signal| 128 + signal);
        u8::try_from(self.status.code().unwrap_or(signal)).unwrap_or(u8::MAX)
    }
}

impl Watched {
    /// Starts `command`, its first entry with the others as arguments. `signals` are those that were blocked before this
    /// process had a second thread.
    ///
    /// # Errors
    /// The program cannot be started: what the system says.
    pub fn start(command: &[OsString], signals: Signals) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        adopt_orphans();
        let mut command = Command::new(program);
        // SAFETY: what is called between fork and exec neither allocates nor locks.
        unsafe { command.args(arguments).pre_exec(move || signals.restore()) };
        // Between fork and exec the program is as large as this process, and the system counts that too.
        let own = resident().value().unwrap_or_default();
        let early = Signals::waiting();
        let child = command.spawn()?;
        Ok(Self { child, signals, early, since: Instant::now(), told_to_stop: None, own })
    }

    /// Waits for the program's end, and calls `tick` meanwhile: about every so often, and sooner in the beginning, since
    /// many programs are short.
    ///
    /// # Errors
    /// What the system says of waiting.
    pub fn wait(mut self, every: Duration, mut tick: impl FnMut()) -> io::Result<Ended> {
        let mut pause = FIRST_PAUSE.min(every);
        let mut next = Instant::now() + pause;
        loop {
            if let Some(status) = self.child.try_wait()? {
                let largest_process = Some(largest_child()).filter(|bytes| bytes.0 > self.own.0 + SLACK);
                return Ok(Ended { status, time: self.since.elapsed(), largest_process });
            }
            bury_orphans(self.child.id());
            let left = next.saturating_duration_since(Instant::now());
            match self.signals.wait(left)? {
                Some(received) => {
                    self.pass_on(received);
                    self.stop_with_the_program();
                }
                None => {
                    tick();
                    pause = (2 * pause).min(every);
                    next = Instant::now() + pause;
                }
            }
        }
    }

    /// A signal of the terminal has reached the program already, if there was one.
    fn pass_on(&mut self, received: Received) {
        match received.signal {
            libc::SIGTSTP => self.told_to_stop = Some(Instant::now()),
            libc::SIGCONT => self.told_to_stop = None,
            _ => {}
        }
        let early = self.early.iter().position(|signal| *signal == received.signal);
        let is_early = early.map(|place| self.early.swap_remove(place)).is_some();
        if (received.sent || is_early) && received.signal != libc::SIGCHLD {
            // SAFETY: a plain call; the program has not been waited for, so its number is still its own. One that is
            // ending takes no signal, and needs none.
            unsafe { libc::kill(self.child.id() as libc::pid_t, received.signal) };
        }
    }

    /// Stops this process, if it is to, once its program stands still: one that does not heed the signal is still watched.
    fn stop_with_the_program(&mut self) {
        let is_to_stop = self.told_to_stop.is_some_and(|told| told.elapsed() < HEEDS);
        // A stop would undo a signal to go on that waits already.
        if is_to_stop && is_stopped(self.child.id()) && !Signals::waiting().contains(&libc::SIGCONT) {
            self.told_to_stop = None;
            // SAFETY: a plain call; this process goes on behind it.
            unsafe { libc::raise(libc::SIGSTOP) };
        }
    }
}

/// A child of this process stands still.
fn is_stopped(child: u32) -> bool {
    let options = libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `siginfo_t` is plain data, for which zero is valid; WNOWAIT only looks.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_PID, child, &raw mut info, options) == 0 && info.si_pid() as u32 == child
    }
}

/// The largest resident set of the processes that were waited for.
fn largest_child() -> Bytes {
    // SAFETY: `rusage` is plain data, for which zero is valid, and the call only fills it.
    let kib = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage.ru_maxrss
    };
    Bytes(1024 * kib.max(0) as u64)
}

/// Descendants whose parents end become children of this process, so that they are still seen.
fn adopt_orphans() {
    // SAFETY: plain numbers. A system that refuses has orphans adopted by its first process.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
}

/// Takes note of the ends of adopted processes, of which `program` is none.
fn bury_orphans(program: u32) {
    loop {
        // SAFETY: `siginfo_t` is plain data, for which zero is valid; WNOWAIT leaves the process to be waited for.
        let ended = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            if libc::waitid(libc::P_ALL, 0, &raw mut info, options) != 0 {
                return;
            }
            info.si_pid()
        };
        if ended <= 0 || ended as u32 == program {
            return;
        }
        // SAFETY: a child of this process that has ended, and nobody else waits for it.
        unsafe { libc::waitpid(ended, std::ptr::null_mut(), libc::WNOHANG) };
    }
}
