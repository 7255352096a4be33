//! The machine and this process, looked at again and again.

use crate::telemetry::cpu_time::usage;
use crate::telemetry::snapshot::{AllocatorSnapshot, HostSnapshot, ProcessSnapshot};
use crate::telemetry::{Reading, cgroup, resident, tree_below};
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
    /// The processes below this one, where these are watched instead of it.
    below: Option<Below>,
    pub host: HostSnapshot,
    pub process: ProcessSnapshot,
    pub allocated: Option<AllocatorSnapshot>,
}

/// The processes below this one.
struct Below {
    /// Time between two looks at them.
    every: Duration,
    next: Duration,
    pids: Vec<u32>,
}

/// What a look has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct New {
    /// Of the machine.
    pub machine: bool,
    /// Of the process, or those below it.
    pub process: bool,
}

impl HostWatch {
    pub fn new(allocator: Option<AllocatorProbe>) -> Self {
        Self {
            system: System::new(),
            allocator,
            next: Duration::ZERO,
            looks: 0,
            below: None,
            host: HostSnapshot::default(),
            process: ProcessSnapshot::default(),
            allocated: None,
        }
    }

    /// Looks at the memory and CPU time of this process, or every so often of those below it, and once a second at the
    /// machine; at all of them when `hurried`.
    pub fn look(&mut self, now: Duration, hurried: bool) -> New {
        let due = |next: &mut Duration, every: Duration| {
            let late = now.checked_sub(*next);
            // On the grid of its turns, whether or not it was looked at out of turn: that a tick comes a little earlier than
            // others makes no turn unused.
            late.iter().for_each(|late| *next += every * ((late.as_nanos() / every.as_nanos()) as u32 + 1));
            late.is_some() || hurried
        };
        let machine = due(&mut self.next, EVERY);
        if machine {
            self.look_at_machine();
        }
        let process = match &mut self.below {
            None => {
                self.look_at_process();
                true
            }
            Some(below) => due(&mut below.next, below.every),
        };
        if process && self.below.is_some() {
            self.look_below();
        }
        self.allocated = self.allocator.as_ref().and_then(|ask| ask());
        New { machine, process }
    }

    /// Makes the next looks due by so much later.
    pub fn postpone(&mut self, by: Duration) {
        self.next += by;
        self.below.iter_mut().for_each(|below| below.next += by);
    }

    /// From now on watches the processes below this one, `every` so often, instead of this one.
    pub fn watch_below(&mut self, every: Duration) {
        let below = Below { every, next: Duration::ZERO, pids: Vec::new() };
        (self.below, self.process, self.next) = (Some(below), ProcessSnapshot::default(), Duration::ZERO);
    }

    /// The processes below this one, as far as they are watched.
    pub fn below(&self) -> Option<&[u32]> {
        self.below.as_ref().map(|below| below.pids.as_slice())
    }

    fn look_at_process(&mut self) {
        self.process.cpu = process_cpu();
        self.process.resident = match resident() {
            Reading::Value(bytes) => Some(bytes),
            Reading::Unsupported | Reading::Failed { .. } => None,
        };
        self.process.resident_peak = self.process.resident_peak.max(self.process.resident);
    }

    fn look_below(&mut self) {
        let Some(usage) = tree_below(std::process::id()) else {
            self.process = ProcessSnapshot::default();
            return;
        };
        // Times of processes that nobody waited for disappear; a counter does not fall.
        let before = self.process.cpu.map_or(0.0, |s| s.0);
        self.process.cpu = Some(Seconds(usage.cpu.0.max(before)));
        // Where no process is left there is none whose memory could be told.
        self.process.resident = (!usage.pids.is_empty()).then_some(usage.resident);
        self.process.resident_peak = self.process.resident_peak.max(self.process.resident);
        if let Some(below) = &mut self.below {
            below.pids = usage.pids;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn processes_below_are_seen_instead_of_this_one() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut watch = HostWatch::new(None);
        watch.look(Duration::ZERO, false);
        watch.watch_below(Duration::from_millis(200));
        assert_eq!(watch.process, ProcessSnapshot::default());
        assert_eq!(watch.look(Duration::from_millis(100), false), New { machine: true, process: true });
        assert_eq!(watch.look(Duration::from_millis(199), false), New { machine: false, process: false });
        assert_eq!(watch.look(Duration::from_millis(200), false), New { machine: false, process: true });
        assert!(watch.below().unwrap().contains(&child.id()) && watch.process.cpu.is_some(), "{:?}", watch.process);
        // A program that has just begun holds next to nothing.
        let grown = (1..1000).any(|second| {
            std::thread::sleep(Duration::from_millis(10));
            watch.look(Duration::from_secs(second), false);
            watch.process.resident_peak >= Some(Bytes(1 << 16))
        });
        assert!(grown, "{:?}", watch.process);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_host_is_seen_once_a_second_and_the_process_at_each_look() {
        let probe: AllocatorProbe = Box::new(|| Some(AllocatorSnapshot { reserved: Bytes(2), ..Default::default() }));
        let mut watch = HostWatch::new(Some(probe));
        assert!(watch.look(Duration::ZERO, false).machine);
        assert_eq!(watch.host.cpu, None, "one look makes no share");
        let before = watch.process;
        assert!(before.resident.unwrap() > Bytes(1 << 20) && before.resident_peak == before.resident);
        std::hint::black_box((0..20_000_000u64).fold(0u64, |a, b| a ^ b.wrapping_mul(a.wrapping_add(1))));
        assert!(!watch.look(Duration::from_millis(100), false).machine);
        assert!(watch.process.cpu > before.cpu, "CPU time is a counter");
        assert!(watch.look(Duration::from_millis(200), true).machine);
        assert!(watch.look(Duration::from_millis(1000), false).machine, "a look out of turn moves none of the others");
        assert!(watch.host.cpu.is_some() && watch.host.memory_used < watch.host.memory_total, "{:?}", watch.host);
        assert_eq!(watch.allocated.map(|a| a.reserved), Some(Bytes(2)));
    }
}
