//! Signals as values: blocked everywhere in this process, and waited for in one place.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

/// What is passed on, with the real-time signals, and the news of a child's end or stop. Not what the kernel sends for a
/// fault.
const SIGNALS: [libc::c_int; 15] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGTSTP,
    libc::SIGCONT,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGXCPU,
    libc::SIGWINCH,
    libc::SIGIO,
    libc::SIGCHLD,
];

fn all() -> impl Iterator<Item = libc::c_int> {
    SIGNALS.into_iter().chain(libc::SIGRTMIN()..=libc::SIGRTMAX())
}

/// A signal that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub signal: i32,
    /// A process sent it; otherwise it is the system's own, such as a terminal's key, which whole groups get.
    pub sent: bool,
}

/// Signals that wait until they are asked for.
#[derive(Clone, Copy)]
pub struct Signals {
    set: libc::sigset_t,
    /// What was blocked before.
    before: libc::sigset_t,
}

impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signals{SIGNALS:?}")
    }
}

impl Signals {
    /// Blocks them in this thread and in those that it starts from now on.
    ///
    /// # Errors
    /// What the system says.
    pub fn block() -> io::Result<Self> {
        let (mut set, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: `sigemptyset` makes the set, `sigaddset` adds valid numbers to it, and `pthread_sigmask` makes the other.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in all() {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            match libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr()) {
                0 => Ok(Self { set: set.assume_init(), before: before.assume_init() }),
                code => Err(io::Error::from_raw_os_error(code)),
            }
        }
    }

    /// Blocks in the calling thread what was blocked before, for a program that is about to be started: programs inherit
    /// what is blocked. May be called between fork and exec.
    ///
    /// # Errors
    /// What the system says.
    pub fn restore(&self) -> io::Result<()> {
        // SAFETY: the set was made by the system.
        match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut()) } {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    /// Those that have arrived and were not asked for yet.
    pub fn waiting() -> Vec<libc::c_int> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: `sigpending` makes the set.
        if unsafe { libc::sigpending(set.as_mut_ptr()) } != 0 {
            return Vec::new();
        }
        // SAFETY: the set was made, and the numbers are valid.
        all().filter(|signal| unsafe { libc::sigismember(set.as_ptr(), *signal) } == 1).collect()
    }

    /// The next one that arrives within `patience`.
    ///
    /// # Errors
    /// What the system says.
    pub fn wait(&self, patience: Duration) -> io::Result<Option<Received>> {
        let time = libc::timespec {
            tv_sec: patience.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        // SAFETY: `siginfo_t` is plain data, for which zero is valid; the call reads the set and the time.
        let (signal, info) = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            (libc::sigtimedwait(&raw const self.set, &raw mut info, &raw const time), info)
        };
        if signal > 0 {
            return Ok(Some(Received { signal, sent: info.si_code <= 0 }));
        }
        match io::Error::last_os_error() {
            e if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => Ok(None),
            e => Err(e),
        }
    }
}
