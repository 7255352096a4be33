//! Memory of this process.

use super::Reading;
use crate::units::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The resident set of this process.
pub fn resident() -> Reading<Bytes> {
    status(["VmRSS"]).map(|[bytes]| bytes)
}

/// What this process was promised of memory of its own, and what it uses of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Promised: what `RLIMIT_DATA` counts.
    pub promised: Bytes,
    /// Everything that has an address, files and libraries included: what `RLIMIT_AS` counts.
    pub address_space: Bytes,
    /// Used: what would have to be swapped out.
    pub used: Bytes,
}

impl Footprint {
    /// As it is now.
    pub fn read() -> Reading<Self> {
        status(["VmData", "VmSize", "RssAnon"]).map(|[promised, address_space, used]| Self {
            promised,
            address_space,
            used,
        })
    }
}

/// Fields of `/proc/self/status` that count memory.
fn status<const N: usize>(fields: [&str; N]) -> Reading<[Bytes; N]> {
    if !cfg!(target_os = "linux") {
        return Reading::Unsupported;
    }
    let text = match std::fs::read_to_string("/proc/self/status") {
        Ok(text) => text,
        Err(e) => return Reading::Failed { why: format!("/proc/self/status: {e}") },
    };
    let mut values = [Bytes(0); N];
    for (value, field) in values.iter_mut().zip(fields) {
        match parse(&text, field) {
            Some(bytes) => *value = bytes,
            None => return Reading::Failed { why: format!("/proc/self/status has no {field}") },
        }
    }
    Reading::Value(values)
}

/// Finds `field:   1234 kB` in `text`.
fn parse(text: &str, field: &str) -> Option<Bytes> {
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib.checked_mul(1024)?))
}

/// The largest resident set of this process since [`PeakResident::start`].
///
/// The kernel keeps the peak and is asked to start anew; where it refuses, a thread samples. There is one peak a
/// process: starting another measurement ends the meaning of those that run.
#[derive(Debug)]
pub struct PeakResident {
    sampler: Option<Sampler>,
}

impl PeakResident {
    /// Starts anew.
    pub fn start() -> Self {
        // 5 resets the peak that the kernel keeps (proc_pid_clear_refs(5)).
        let reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
        let measured = status(["VmHWM"]).value().is_some();
        Self { sampler: (!(reset && measured)).then(Sampler::start) }
    }

    /// The peak so far. A sampled one may have missed what lasted less than 20 ms.
    pub fn bytes(&self) -> Reading<Bytes> {
        match &self.sampler {
            Some(sampler) => sampler.bytes(),
            None => status(["VmHWM"]).map(|[bytes]| bytes),
        }
    }
}

/// A thread that reads the resident set again and again.
#[derive(Debug)]
struct Sampler {
    shared: Arc<(AtomicBool, AtomicU64)>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    fn start() -> Self {
        let shared = Arc::new((AtomicBool::new(false), AtomicU64::new(0)));
        let theirs = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let (stop, peak) = &*theirs;
            while !stop.load(Ordering::Relaxed) {
                if let Reading::Value(now) = resident() {
                    peak.fetch_max(now.0, Ordering::Relaxed);
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
        });
        Self { shared, thread: Some(thread) }
    }

    fn bytes(&self) -> Reading<Bytes> {
        match resident() {
            Reading::Value(now) => Reading::Value(Bytes(self.shared.1.load(Ordering::Relaxed).max(now.0))),
            missing => missing,
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.shared.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It only reads a file and cannot panic; there would be nothing to do about it anyway.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "VmRSSx:\t 1 kB\nVmRSS:\t    2048 kB\nVmHWM:\tmuch\n";
        assert_eq!(parse(text, "VmRSS"), Some(Bytes(2 << 20)));
        assert_eq!(parse(text, "VmHWM"), None);
        assert_eq!(parse(text, "VmSwap"), None);
    }

    /// 256 MiB, each page touched, given back before this returns.
    fn touch() {
        let block: Vec<u8> = std::hint::black_box(vec![1; 256 << 20]);
        std::thread::sleep(Duration::from_millis(100));
        drop(std::hint::black_box(block));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_peak_outlives_the_memory_and_ends_with_the_measurement() {
        let name = "telemetry::memory::tests::a_peak_outlives_the_memory_and_ends_with_the_measurement";
        crate::testing::in_own_process(name, measure);
    }

    #[cfg(target_os = "linux")]
    fn measure() {
        let [kernel, sampled] = [PeakResident::start(), PeakResident { sampler: Some(Sampler::start()) }];
        let before = resident().value().unwrap().0;
        touch();
        for peak in [&kernel, &sampled] {
            let seen = peak.bytes().value().unwrap().0;
            assert!(seen > before + (200 << 20), "{seen} after {before}");
        }
        let anew = PeakResident::start().bytes().value().unwrap().0;
        assert!(anew < before + (128 << 20), "{anew} after {before}");
    }
}
