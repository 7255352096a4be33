//! Which rows of which plans wait or run.

use super::SubmitError;
use super::slurm::{SlurmError, ask};
use crate::plan::{Frozen, FrozenError, PLAN_FILE, TrialId};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

/// What the names of job arrays begin with; then follow the name of the plan, the row before the array's first, and the limit in
/// minutes. That of a report ends in `-report`.
pub const JOB: &str = "ndbench-";

/// What Slurm's reason begins with where it could not launch a task, put it back and holds it.
const FAILED: &str = "launch failed";

/// A job that waits or runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Job {
    /// The plan's name.
    plan: String,
    /// The row, from 1; absent for a report.
    row: Option<usize>,
    /// The number of the array.
    number: String,
    /// What Slurm calls it, `31_7`.
    task: String,
    /// Why Slurm does not start it: it is held until somebody releases it.
    held: Option<String>,
}

/// What the user has in Slurm's hands of one store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    /// Trials that wait or run.
    pub trials: BTreeSet<TrialId>,
    /// The numbers of their arrays.
    pub arrays: BTreeSet<String>,
    /// A report waits for them.
    pub has_report: bool,
    /// What is held until somebody releases it, as Slurm calls it, by the reason.
    pub held: BTreeMap<String, Vec<String>>,
}

impl Queue {
    /// The user's own, of plans that lie in `plans`.
    ///
    /// # Errors
    /// Slurm does not answer, or a plan cannot be read.
    pub fn read(plans: &Path) -> Result<Self, SubmitError> {
        let text = ask("squeue", &["--me", "-h", "-r", "-o", "%j|%K|%F|%r"], "")?;
        let jobs: Vec<Job> = text.lines().filter_map(job).collect();
        let mut queue = Self::default();
        for plan in jobs.iter().map(|job| job.plan.as_str()).collect::<BTreeSet<_>>() {
            let frozen = match Frozen::read(&plans.join(format!("{plan}{PLAN_FILE}"))) {
                // One of another store.
                Err(FrozenError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => continue,
                frozen => frozen?,
            };
            for job in jobs.iter().filter(|job| job.plan == plan) {
                if let Some(reason) = &job.held {
                    queue.held.entry(reason.clone()).or_default().push(job.task.clone());
                }
                match job.row.map(|row| frozen.rows.get(row - 1)) {
                    Some(Some(row)) => {
                        queue.trials.extend(row.trials.iter().cloned());
                        queue.arrays.insert(job.number.clone());
                    }
                    Some(None) => {}
                    None => queue.has_report = true,
                }
            }
        }
        Ok(queue)
    }
}

impl Queue {
    /// What is held, in words.
    pub fn held_words(&self) -> impl Iterator<Item = String> {
        self.held.iter().map(|(reason, tasks)| {
            let (n, tasks) = (tasks.len(), tasks.join(","));
            format!("{n} of them held, {reason}: `scontrol release {tasks}` lets them start")
        })
    }

    /// Lets go of what Slurm holds since it could not launch it, as after a node or the controller has forgotten a task;
    /// what a person holds stays held. The tasks.
    ///
    /// # Errors
    /// Slurm does not answer, or refuses.
    pub fn release(&mut self) -> Result<Vec<String>, SlurmError> {
        let (failed, held): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.held).into_iter().partition(|(reason, _)| reason.starts_with(FAILED));
        self.held = held;
        let failed: Vec<String> = failed.into_values().flatten().collect();
        if !failed.is_empty() {
            ask("scontrol", &["release", &failed.join(",")], "")?;
        }
        Ok(failed)
    }
}

/// `ndbench-3f2a9c1b-1000-240|7|31|None` is row 1007, of array 31.
fn job(line: &str) -> Option<Job> {
    let fields: Vec<&str> = line.trim().splitn(4, '|').collect();
    let [name, index, number, reason @ ..] = fields.as_slice() else { return None };
    let words: Vec<&str> = name.strip_prefix(JOB)?.split('-').collect();
    let (plan, row) = match words.as_slice() {
        [plan, "report"] => (plan, None),
        [plan, before, _] => (plan, Some(before.parse::<usize>().ok()?.checked_add(index.parse().ok()?)?)),
        _ => return None,
    };
    let task = if row.is_some() { format!("{number}_{index}") } else { (*number).into() };
    // `JobHeldUser`, `JobHeldAdmin`, `launch failed requeued held`.
    let held = reason.first().filter(|reason| reason.to_ascii_lowercase().contains("held")).map(ToString::to_string);
    (row != Some(0)).then(|| Job { plan: (*plan).into(), row, number: (*number).into(), task, held })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_known_by_their_names() {
        let known = |line| job(line).map(|job| (job.plan, job.row, job.number));
        assert_eq!(known("ndbench-3f2a9c1b-1000-240|7|31|None"), Some(("3f2a9c1b".into(), Some(1007), "31".into())));
        assert_eq!(known("ndbench-3f2a9c1b-report|N/A|32|Dependency"), Some(("3f2a9c1b".into(), None, "32".into())));
        for foreign in [
            "bash|N/A|1|None",
            "ndbench-x|3|1|None",
            "",
            "ndbench-3f2a9c1b-0-30|[1-4%2]|1|None",
            "ndbench-x-0-30|0|1|None",
            "ndbench-x-18446744073709551615-30|1|1|None",
        ] {
            assert_eq!(known(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn what_is_held_is_known_by_its_reason() {
        let held = |line: &str| job(line).and_then(|job| job.held.map(|reason| (job.task, reason)));
        let failed = "launch failed requeued held";
        assert_eq!(held("ndbench-x-1000-30|7|31|launch failed requeued held"), Some(("31_7".into(), failed.into())));
        assert_eq!(held("ndbench-x-report|N/A|32|JobHeldAdmin"), Some(("32".into(), "JobHeldAdmin".into())));
        for waiting in ["None", "Resources", "Dependency", "BeginTime"] {
            assert_eq!(held(&format!("ndbench-x-0-30|7|31|{waiting}")), None);
        }
    }
}
