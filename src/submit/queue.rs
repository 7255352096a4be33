//! Which rows of which plans wait or run.

use super::slurm::{SlurmError, ask};
use crate::plan::{Frozen, PLAN_FILE, TrialId};
use std::collections::BTreeSet;
use std::path::Path;

/// What the names of job arrays begin with; then follow the name of the plan and the row before the array's first.
pub const JOB: &str = "ndbench-";

/// A task of a job array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The plan's name.
    pub plan: String,
    /// The row, from 1.
    pub row: usize,
}

/// The user's own tasks that wait or run.
///
/// # Errors
/// Slurm does not answer.
pub fn tasks() -> Result<Vec<Task>, SlurmError> {
    ask("squeue", &["--me", "-h", "-r", "-o", "%j|%K"], "").map(|text| text.lines().filter_map(task).collect())
}

/// `ndbench-3f2a9c1b-1000|7` is row 1007.
fn task(line: &str) -> Option<Task> {
    let (name, index) = line.trim().split_once('|')?;
    let (plan, before) = name.strip_prefix(JOB)?.split_once('-')?;
    Some(Task { plan: plan.into(), row: before.parse::<usize>().ok()? + index.parse::<usize>().ok()? })
}

/// The trials of `tasks` whose plans lie in `folder`.
pub fn trials(tasks: &[Task], folder: &Path) -> BTreeSet<TrialId> {
    let plans: BTreeSet<&str> = tasks.iter().map(|task| task.plan.as_str()).collect();
    let rows = plans.into_iter().filter_map(|plan| {
        // A plan of another store is none of ours.
        let frozen = Frozen::read(&folder.join(format!("{plan}{PLAN_FILE}"))).ok()?;
        let own = tasks.iter().filter(|task| task.plan == plan);
        Some(own.filter_map(|task| frozen.rows.get(task.row - 1).cloned()).collect::<Vec<_>>())
    });
    rows.flatten().flat_map(|row| row.trials).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_known_by_the_names_of_their_arrays() {
        let known = |line| task(line).map(|task| (task.plan, task.row));
        assert_eq!(known("ndbench-3f2a9c1b-1000|7"), Some(("3f2a9c1b".into(), 1007)));
        for foreign in ["ndbench-3f2a9c1b-report|N/A", "bash|N/A", "ndbench-x|3", "", "ndbench-3f2a9c1b-0|[1-4%2]"] {
            assert_eq!(known(foreign), None, "{foreign}");
        }
    }
}
