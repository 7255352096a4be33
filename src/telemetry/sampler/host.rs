//! The machine and this process, looked at again and again.

use crate::telemetry::snapshot::{AllocatorSnapshot, HostSnapshot, ProcessSnapshot};
use crate::telemetry::{Reading, cgroup, resident};
use crate::units::{Bytes, Ratio, Seconds};
use std::time::Duration;
use sysinfo::{MemoryRefreshKind, System};

/// Time between two looks at what changes slowly.
const EVERY: Duration = Duration::from_secs(1);

/// Asks libtorch's allocator of this process; must be cheap and never wait for the device.
pub type AllocatorProbe = Box<dyn Fn() -> Option<AllocatorSnapshot> + Send>;

/// What is looked at, and what was seen.
pub(super) struct HostWatch {
    system: System,
    allocator: Option<AllocatorProbe>,
    next: Duration,
    looks: u64,
    pub host: HostSnapshot,
    pub process: ProcessSnapshot,
    pub allocated: Option<AllocatorSnapshot>,
}

impl HostWatch {
    pub fn new(allocator: Option<AllocatorProbe>) -> Self {
        Self {
            system: System::new(),
            allocator,
            next: Duration::ZERO,
            looks: 0,
            host: HostSnapshot::default(),
            process: ProcessSnapshot::default(),
            allocated: None,
        }
    }

    /// Looks at the memory and CPU time of this process, and once a second, or when `hurried`, at the machine; whether it
    /// did the latter.
    pub fn look(&mut self, now: Duration, hurried: bool) -> bool {
        self.process.cpu = process_cpu();
        self.process.resident = match resident() {
            Reading::Value(bytes) => Some(bytes),
            Reading::Unsupported | Reading::Failed { .. } => None,
        };
        self.process.resident_peak = self.process.resident_peak.max(self.process.resident);
        self.allocated = self.allocator.as_ref().and_then(|ask| ask());
        if now < self.next && !hurried {
            return false;
        }
        self.next = now + EVERY;
        self.look_at_machine();
        true
    }

    fn look_at_machine(&mut self) {
        self.system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        self.system.refresh_cpu_usage();
        self.looks += 1;
        let known = |bytes: u64| (bytes > 0).then_some(Bytes(bytes));
        let group = cgroup::tightest();
        self.host = HostSnapshot {
            // A share needs two looks.
            cpu: (self.looks > 1).then(|| Ratio(f64::from(self.system.global_cpu_usage()).clamp(0.0, 100.0) / 100.0)),
            memory_used: known(self.system.used_memory()),
            memory_available: known(self.system.available_memory()),
            memory_total: known(self.system.total_memory()),
            cgroup_used: group.map(|group| group.used),
            cgroup_limit: group.map(|group| group.limit),
        };
    }
}

/// CPU time of this process, user and system.
fn process_cpu() -> Option<Seconds> {
    usage(libc::RUSAGE_SELF).map(Seconds::from)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_seen_once_a_second_and_the_process_at_each_look() {
        let probe: AllocatorProbe = Box::new(|| Some(AllocatorSnapshot { allocated: Bytes(1), reserved: Bytes(2) }));
        let mut watch = HostWatch::new(Some(probe));
        assert!(watch.look(Duration::ZERO, false));
        assert_eq!(watch.host.cpu, None, "one look makes no share");
        let before = watch.process;
        assert!(before.resident.unwrap() > Bytes(1 << 20) && before.resident_peak == before.resident);
        std::hint::black_box((0..20_000_000u64).fold(0, |a, b| a ^ b.wrapping_mul(a + 1)));
        assert!(!watch.look(Duration::from_millis(100), false));
        assert!(watch.process.cpu > before.cpu, "CPU time is a counter");
        assert!(watch.look(Duration::from_millis(200), true));
        assert!(watch.host.cpu.is_some() && watch.host.memory_used < watch.host.memory_total, "{:?}", watch.host);
        assert_eq!(watch.allocated.map(|a| a.reserved), Some(Bytes(2)));
    }
}
