//! CPU time of this process and its threads, as the system counts it.

use std::time::Duration;

/// CPU time of the calling thread so far; zero where the system does not tell.
pub(super) fn thread_cpu() -> Duration {
    #[cfg(target_os = "linux")]
    let used = usage(libc::RUSAGE_THREAD);
    #[cfg(not(target_os = "linux"))]
    let used = None;
    used.unwrap_or_default()
}

/// CPU time that `who` of getrusage(2) stands for.
pub(super) fn usage(who: libc::c_int) -> Option<Duration> {
    // SAFETY: `rusage` is plain numbers, for which zero is valid; the call only writes to it.
    let (status, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::getrusage(who, &raw mut usage), usage)
    };
    let span = |t: libc::timeval| Duration::new(t.tv_sec.max(0) as u64, t.tv_usec.max(0) as u32 * 1000);
    (status == 0).then(|| span(usage.ru_utime) + span(usage.ru_stime))
}
