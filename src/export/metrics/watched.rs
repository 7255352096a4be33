//! Metrics of a program under watch.

use super::exposition::Source;
use super::families::Families;
use super::job::SlurmJob;
use crate::telemetry::TreeUsage;
use crate::units::{Bytes, Seconds};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the processes of a program use, look by look.
#[derive(Debug)]
pub struct WatchedProgram {
    name: String,
    job: SlurmJob,
    started: Seconds,
    seen: Mutex<Seen>,
}

/// What was seen of a program's processes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    /// How many there are, and the most there were.
    pub processes: (usize, usize),
    /// Counter: their CPU time; absent before the first look.
    pub cpu: Option<Seconds>,
    /// Their resident sets together now, and the largest sum; absent before the first look.
    pub resident: Option<(Bytes, Bytes)>,
}

impl WatchedProgram {
    /// A program called `name`, of the job `job`, that was started so many seconds after 1970.
    pub fn new(name: String, job: SlurmJob, started: Seconds) -> Self {
        Self { name, job, started, seen: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a look.
    pub fn note(&self, usage: &TreeUsage) {
        let mut seen = self.lock();
        let (now, peak) = (usage.pids.len(), seen.resident.map_or(Bytes(0), |(_, peak)| peak));
        seen.processes = (now, seen.processes.1.max(now));
        // Times of processes that nobody waits for disappear; a counter does not fall.
        seen.cpu = Some(Seconds(usage.cpu.0.max(seen.cpu.map_or(0.0, |s| s.0))));
        seen.resident = Some((usage.resident, usage.resident.max(peak)));
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        *self.lock()
    }
}

impl Source for WatchedProgram {
    fn collect(&self, families: &mut Families) {
        let Seen { processes, cpu, resident } = self.seen();
        let labels = [
            ("program", self.name.as_str()),
            ("slurm_cluster", &self.job.cluster),
            ("slurm_job_id", &self.job.id),
            ("slurm_array_task_id", &self.job.array_task),
        ];
        families.gauge("ndbench_watch_info", "The program under watch", &labels, 1.0);
        let help = "When the program was started";
        families.gauge("ndbench_watch_start_timestamp_seconds", help, &[], self.started.0);
        families.gauge("ndbench_watch_processes", "Its processes", &[], processes.0 as f64);
        let help = "CPU time of its processes, user and system";
        families.counter("ndbench_watch_cpu_seconds_total", help, &[], cpu.map(|s| s.0));
        let help = "Resident sets of its processes together; memory that several share counts for each";
        families.gauge("ndbench_watch_resident_bytes", help, &[], resident.map(|(now, _)| now.0 as f64));
        let help = "The largest sum of resident sets that was seen";
        families.gauge("ndbench_watch_resident_peak_bytes", help, &[], resident.map(|(_, peak)| peak.0 as f64));
    }
}
