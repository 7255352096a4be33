//! Which rows of which plans wait or run.

use super::SubmitError;
use super::slurm::{SlurmError, ask};
use crate::plan::{Frozen, FrozenError, PLAN_FILE, TrialId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

/// What the names of job arrays begin with; then follow the name of the plan, how many of its rows are before the array's
/// first (none, where an array has a plan of its own), and the limit in minutes. That of a report ends in `-report`.
pub const JOB: &str = "ndbench-";

/// What Slurm's reason begins with where it could not launch a task, put it back and holds it.
const FAILED: &str = "launch failed";

/// Whether Slurm's reason is that a task asks for less than each job must, as for no GPU where a QOS is for those.
fn is_too_little(reason: &str) -> bool {
    reason.starts_with("QOSMin")
}

/// Slurm's reason where no node fits a task, such as one that has been excluded from all that would: it is held as well.
const NOWHERE: &str = "BadConstraints";

/// Whether Slurm's reason is that a task asks for more than one job may have, as by a limit that came later: waiting does
/// not help.
fn is_too_much(reason: &str) -> bool {
    reason.contains("PerJob") || ["PartitionTimeLimit", "MaxMemPerLimit"].contains(&reason)
}

/// A job that waits or runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Job {
    /// The plan's name.
    plan: String,
    /// The row, from 1; absent for a report.
    row: Option<usize>,
    /// How Slurm sees it.
    task: Task,
}

/// A task as Slurm sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Task {
    /// What Slurm calls it, `31_7`.
    pub id: String,
    /// `RUNNING`, `PENDING` and so on.
    pub state: String,
    /// The node where it is; empty before it has one.
    pub node: String,
    /// Why it waits.
    pub reason: String,
    /// The nodes that it is kept from, since they could not train it, `alpha,beta[1-3]`.
    pub excluded: String,
}

impl Task {
    /// It is at work, or on its way from or to it.
    pub fn runs(&self) -> bool {
        !self.node.is_empty()
    }

    /// The number of its array.
    pub fn array(&self) -> &str {
        self.id.split('_').next().unwrap_or_default()
    }

    /// It waits until somebody does something: `JobHeldUser`, `JobHeldAdmin`, `launch failed requeued held`,
    /// `BadConstraints`, `QOSMaxMemoryPerJob`.
    fn is_held(&self) -> bool {
        self.waits_in_vain() || self.reason.to_ascii_lowercase().contains("held")
    }

    /// It cannot start as it is, whatever ends and whoever lets it go.
    pub fn waits_in_vain(&self) -> bool {
        self.reason == NOWHERE || is_too_much(&self.reason) || is_too_little(&self.reason)
    }
}

/// `31_7 running on alpha`, `31_8 pending (Resources), not on beta`.
impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, node, reason, excluded } = self;
        let state = state.to_ascii_lowercase();
        match (self.runs(), reason.as_str()) {
            (true, _) => write!(f, "{id} {state} on {node}"),
            (false, "" | "None") => write!(f, "{id} {state}"),
            (false, _) => write!(f, "{id} {state} ({reason})"),
        }?;
        if excluded.is_empty() { Ok(()) } else { write!(f, ", not on {excluded}") }
    }
}

/// What the user has in Slurm's hands of one store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    /// The tasks of trials that wait or run.
    pub tasks: BTreeMap<TrialId, Task>,
    /// The scenarios of which a report waits, each with the trials that it is about.
    pub reports: BTreeSet<(String, Vec<TrialId>)>,
    /// What is held until somebody releases it, as Slurm calls it, by the reason.
    pub held: BTreeMap<String, Vec<String>>,
    /// All that the user has in Slurm's hands, of this store or not, as Slurm calls it.
    pub jobs: BTreeSet<String>,
}

impl Queue {
    /// The user's own, of plans that lie in `plans`.
    ///
    /// # Errors
    /// Slurm does not answer, or a plan cannot be read.
    pub fn read(plans: &Path) -> Result<Self, SubmitError> {
        let text = ask("squeue", &["--me", "-a", "-h", "-r", "-o", "%j|%K|%F|%T|%N|%r|%x"], "")?;
        let jobs: Vec<Job> = text.lines().filter_map(job).collect();
        let mut queue = Self { jobs: text.lines().filter_map(number).collect(), ..Self::default() };
        for plan in jobs.iter().map(|job| job.plan.as_str()).collect::<BTreeSet<_>>() {
            let frozen = match Frozen::read(&plans.join(format!("{plan}{PLAN_FILE}"))) {
                // One of another store.
                Err(FrozenError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => continue,
                frozen => frozen?,
            };
            for job in jobs.iter().filter(|job| job.plan == plan) {
                if job.task.is_held() {
                    queue.held.entry(job.task.reason.clone()).or_default().push(job.task.id.clone());
                }
                match job.row.map(|row| frozen.rows.get(row - 1)) {
                    Some(Some(row)) => {
                        queue.tasks.extend(row.trials.iter().map(|trial| (trial.clone(), job.task.clone())));
                    }
                    Some(None) => {}
                    None => {
                        // Where this program cannot tell what it is about, it is about something else.
                        queue.reports.extend(frozen.thaw(None).ok().map(|thawed| {
                            let trials = thawed.trials.iter().map(|trial| trial.trial.id());
                            (thawed.scenario.name().to_owned(), trials.collect())
                        }));
                    }
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
            let n = tasks.len();
            let again = |what: &str, why: &str, then: &str| {
                let tasks = tasks.join(" ");
                format!("{n} of them {what}, {reason}: {why}; `scancel {tasks}` ends them, and submit {then}")
            };
            match reason.as_str() {
                NOWHERE => {
                    let why = "no node is left for them, since others could not train them or have gone";
                    again("held", why, "begins with all nodes")
                }
                reason if is_too_much(reason) => {
                    let why = "they ask for more than a job may have";
                    again("cannot start", why, "again with a profile that asks for less")
                }
                reason if is_too_little(reason) => {
                    let why = "they ask for less than a job must";
                    let then = "again with a profile that asks for more, or whose slurm.report_options give the report another \
                                partition";
                    again("cannot start", why, then)
                }
                _ => format!("{n} of them held, {reason}: `scontrol release {}` lets them start", tasks.join(",")),
            }
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

/// What Slurm calls the job of a line, whatever its name, which may have any sign in it: `31_7`, or `32` where it is in
/// no array.
fn number(line: &str) -> Option<String> {
    let [_, _, _, _, number, index] = *line.trim().rsplitn(7, '|').collect::<Vec<_>>().first_chunk()?;
    Some(if index == "N/A" { number.into() } else { format!("{number}_{index}") })
}

/// `ndbench-3f2a9c1b-1000-240|7|31|RUNNING|alpha|None|` is row 1007, of array 31.
fn job(line: &str) -> Option<Job> {
    let fields: Vec<&str> = line.trim().split('|').collect();
    let [name, index, number, state, node, reason, excluded] = *fields.as_slice() else { return None };
    let words: Vec<&str> = name.strip_prefix(JOB)?.split('-').collect();
    let (plan, row) = match words.as_slice() {
        [plan, "report"] => (plan, None),
        [plan, before, _] => (plan, Some(before.parse::<usize>().ok()?.checked_add(index.parse().ok()?)?)),
        _ => return None,
    };
    let id = if row.is_some() { format!("{number}_{index}") } else { number.into() };
    let task = Task { id, state: state.into(), node: node.into(), reason: reason.into(), excluded: excluded.into() };
    (row != Some(0)).then(|| Job { plan: (*plan).into(), row, task })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_known_by_their_names() {
        let known = |line| job(line).map(|job| (job.plan, job.row, job.task.array().to_owned()));
        let running = "ndbench-3f2a9c1b-1000-240|7|31|RUNNING|alpha|None|";
        assert_eq!(known(running), Some(("3f2a9c1b".into(), Some(1007), "31".into())));
        let report = "ndbench-3f2a9c1b-report|N/A|32|PENDING||Dependency|";
        assert_eq!(known(report), Some(("3f2a9c1b".into(), None, "32".into())));
        for foreign in [
            "bash|N/A|1|RUNNING|alpha|None|",
            "ndbench-x|3|1|PENDING||None|",
            "",
            "ndbench-x-0-30|3|1|PENDING",
            "ndbench-3f2a9c1b-0-30|[1-4%2]|1|PENDING||None|",
            "ndbench-x-0-30|0|1|PENDING||None|",
            "ndbench-x-18446744073709551615-30|1|1|PENDING||None|",
        ] {
            assert_eq!(known(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn every_job_has_a_number_whatever_it_is_called() {
        let of = |line: &str| number(line);
        assert_eq!(of("ndbench-x-0-30|7|31|RUNNING|alpha|None|").as_deref(), Some("31_7"));
        assert_eq!(of("a|b|N/A|32|PENDING||Priority|").as_deref(), Some("32"));
        assert_eq!(of("half|1"), None);
    }

    #[test]
    fn tasks_are_told_in_words_and_held_ones_are_known_by_their_reason() {
        let task = |line: &str| job(line).unwrap().task;
        for (line, words, held) in [
            (
                "ndbench-x-1000-30|7|31|PENDING||launch failed requeued held|",
                "31_7 pending (launch failed requeued held)",
                true,
            ),
            ("ndbench-x-report|N/A|32|PENDING||JobHeldAdmin|", "32 pending (JobHeldAdmin)", true),
            ("ndbench-x-0-30|7|31|PENDING||Resources|", "31_7 pending (Resources)", false),
            (
                "ndbench-x-0-30|7|31|PENDING||Resources|beta,c[1-3]",
                "31_7 pending (Resources), not on beta,c[1-3]",
                false,
            ),
            ("ndbench-x-0-30|7|31|PENDING||BadConstraints|", "31_7 pending (BadConstraints)", true),
            ("ndbench-x-0-30|7|31|PENDING||QOSMaxGRESPerJob|", "31_7 pending (QOSMaxGRESPerJob)", true),
            ("ndbench-x-report|N/A|32|PENDING||QOSMinGRES|", "32 pending (QOSMinGRES)", true),
            ("ndbench-x-0-30|7|31|PENDING||QOSMaxJobsPerUserLimit|", "31_7 pending (QOSMaxJobsPerUserLimit)", false),
            ("ndbench-x-0-30|7|31|PENDING||None|", "31_7 pending", false),
            ("ndbench-x-0-30|7|31|RUNNING|alpha|None|", "31_7 running on alpha", false),
        ] {
            let task = task(line);
            assert_eq!((task.to_string().as_str(), task.is_held()), (words, held));
        }
    }
}
