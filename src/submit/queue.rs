//! Which rows of which plans wait or run.

use super::SubmitError;
use super::slurm::ask;
use crate::plan::{Frozen, FrozenError, PLAN_FILE, TrialId};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

/// What the names of job arrays begin with; then follow the name of the plan, the row before the array's first, and the limit in
/// minutes. That of a report ends in `-report`.
pub const JOB: &str = "ndbench-";

/// A job that waits or runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Job {
    /// The plan's name.
    plan: String,
    /// The row, from 1; absent for a report.
    row: Option<usize>,
    /// The number of the array.
    number: String,
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
}

impl Queue {
    /// The user's own, of plans that lie in `plans`.
    ///
    /// # Errors
    /// Slurm does not answer, or a plan cannot be read.
    pub fn read(plans: &Path) -> Result<Self, SubmitError> {
        let text = ask("squeue", &["--me", "-h", "-r", "-o", "%j|%K|%F"], "")?;
        let jobs: Vec<Job> = text.lines().filter_map(job).collect();
        let mut queue = Self::default();
        for plan in jobs.iter().map(|job| job.plan.as_str()).collect::<BTreeSet<_>>() {
            let frozen = match Frozen::read(&plans.join(format!("{plan}{PLAN_FILE}"))) {
                // One of another store.
                Err(FrozenError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => continue,
                frozen => frozen?,
            };
            for job in jobs.iter().filter(|job| job.plan == plan) {
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

/// `ndbench-3f2a9c1b-1000-240|7|31` is row 1007, of array 31.
fn job(line: &str) -> Option<Job> {
    let fields: Vec<&str> = line.trim().split('|').collect();
    let [name, index, number] = fields.as_slice() else { return None };
    let words: Vec<&str> = name.strip_prefix(JOB)?.split('-').collect();
    let (plan, row) = match words.as_slice() {
        [plan, "report"] => (plan, None),
        [plan, before, _] => (plan, Some(before.parse::<usize>().ok()?.checked_add(index.parse().ok()?)?)),
        _ => return None,
    };
    (row != Some(0)).then(|| Job { plan: (*plan).into(), row, number: (*number).into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_known_by_their_names() {
        let known = |line| job(line).map(|job| (job.plan, job.row, job.number));
        assert_eq!(known("ndbench-3f2a9c1b-1000-240|7|31"), Some(("3f2a9c1b".into(), Some(1007), "31".into())));
        assert_eq!(known("ndbench-3f2a9c1b-report|N/A|32"), Some(("3f2a9c1b".into(), None, "32".into())));
        for foreign in [
            "bash|N/A|1",
            "ndbench-x|3|1",
            "",
            "ndbench-3f2a9c1b-0-30|[1-4%2]|1",
            "ndbench-x-0-30|0|1",
            "ndbench-x-18446744073709551615-30|1|1",
        ] {
            assert_eq!(known(foreign), None, "{foreign}");
        }
    }
}
