//! Metrics of a program under watch.

use super::exposition::Source;
use super::families::Families;
use crate::telemetry::{SlurmJob, TreeUsage};
use crate::units::{Bytes, Seconds};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A program and the number of its processes.
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
    /// How many there are.
    pub processes: usize,
    /// The most there were.
    pub processes_peak: usize,
    /// CPU time of all there were; absent before the first look.
    pub cpu: Option<Seconds>,
    /// The largest sum of resident sets; absent before the first look.
    pub resident_peak: Option<Bytes>,
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
        seen.processes = usage.pids.len();
        seen.processes_peak = seen.processes_peak.max(seen.processes);
        // Times of processes that nobody waited for disappear.
        seen.cpu = Some(Seconds(usage.cpu.0.max(seen.cpu.map_or(0.0, |s| s.0))));
        seen.resident_peak = seen.resident_peak.max(Some(usage.resident));
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        *self.lock()
    }
}

impl Source for WatchedProgram {
    fn collect(&self, families: &mut Families) {
        let labels = [
            ("program", self.name.as_str()),
            ("slurm_cluster", &self.job.cluster),
            ("slurm_job_id", &self.job.id),
            ("slurm_array_task_id", &self.job.array_task),
        ];
        families.gauge("ndbench_watch_info", "The program under watch", &labels, 1.0);
        let help = "When the program was started";
        families.gauge("ndbench_watch_start_timestamp_seconds", help, &[], self.started.0);
        let help = "Processes of the program";
        families.gauge("ndbench_watch_processes", help, &[], self.seen().processes as f64);
    }
}
