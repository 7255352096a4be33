//! A matrix on a cluster. What is missing in the store is frozen in a plan, and each block is a task of a job array of
//! Slurm, or a pod of an Indexed Job of Kubernetes: BN and ND of a cell in one allocation, in the plan's order, which
//! alternates. Tasks need nobody: each trains its row, goes on from a checkpoint, and leaves its records in the store, so
//! that submitting again submits what is still missing.

mod asked;
mod class;
mod cluster;
mod kubernetes;
#[cfg(test)]
mod kubernetes_tests;
mod nodes;
mod qos;
mod queue;
mod script;
mod slurm;
mod training;

pub use class::class as time_class;
pub use cluster::{Limits, name as cluster_name};
pub use kubernetes::{Pods, TooLarge};
pub use queue::{Queue, Task};
pub use slurm::SlurmError;

use crate::plan::{Frozen, Row, plans};
use crate::profile::{Slurm, time_limit, time_minutes};
use asked::Asked;
use script::{Array, Common};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The exit code of a run that SIGUSR2 has warned of the end of its time, or that could not begin a trial yet.
pub const WARNED: u8 = 75;

/// The exit code of a run that a signal has ended.
pub const INTERRUPTED: u8 = 130;

/// The exit code of a run on a machine that cannot do what was asked, such as one whose GPU is gone.
pub const NO_DEVICE: u8 = 6;

/// The exit code of a run that lacks data: a node may not have what others have.
pub const NO_DATA: u8 = 4;

/// The exit code of a run that left out trials since other processes are training them.
pub const ELSEWHERE: u8 = 7;

/// The exit code of a run that cannot use the store: a node may have lost the file system.
pub const NO_STORE: u8 = 5;

/// What is to be submitted.
pub struct Submission<'a> {
    /// The frozen matrix with its rows.
    pub frozen: &'a Frozen,
    /// They train on GPUs.
    pub on_gpu: bool,
    /// How jobs are submitted.
    pub slurm: &'a Slurm,
    /// What the cluster allows.
    pub limits: &'a Limits,
    /// The arrays that train trials of the matrix already; the report waits for them too.
    pub before: &'a BTreeSet<String>,
    /// What the tasks run.
    pub program: &'a Path,
    /// What the folder of the report is called, in that of the scripts, before the plan's name: two submissions may
    /// report at once.
    pub report: &'a str,
    /// What each task's command line has besides the row.
    pub more: &'a [String],
}

/// A script, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The job's name.
    pub name: String,
    /// The text.
    pub text: String,
    /// How many tasks it has; absent for the report.
    pub tasks: Option<usize>,
}

/// Scripts or plans that cannot be written, or jobs that Slurm refuses.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Slurm does not answer, or refuses.
    #[error(transparent)]
    Slurm(#[from] SlurmError),
    /// The plan cannot be written.
    #[error(transparent)]
    Plan(#[from] crate::plan::FrozenError),
}

/// The rows by their wall-time class, the longest first, within `longest` minutes, cut so that none has more than `most`.
fn arrays(rows: &[Row], longest: u64, most: usize) -> Vec<Array> {
    let mut classes: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        classes.entry(class::class(row.seconds, longest)).or_default().push(index + 1);
    }
    let cut = |(minutes, rows): (u64, Vec<usize>)| {
        let array = |(n, rows): (usize, &[usize])| Array { before: n * most, rows: rows.into(), minutes };
        rows.chunks(most).enumerate().map(array).collect::<Vec<_>>()
    };
    classes.into_iter().rev().flat_map(cut).collect()
}

/// What of a store is in Slurm's hands already.
///
/// # Errors
/// Slurm does not answer, or a plan of the store cannot be read.
pub fn queued(store: &Path) -> Result<Queue, SubmitError> {
    Queue::read(&plans(store))
}

impl Submission<'_> {
    /// Where scripts and the tasks' output go.
    fn folder(&self) -> PathBuf {
        self.frozen.store.join("slurm")
    }

    /// The scripts: the job arrays, the longest first, and the report.
    pub fn scripts(&self) -> Vec<Script> {
        let folder = self.folder();
        let script = |frozen: &Frozen, of: &dyn Fn(&Common) -> Script| {
            let name = frozen.name();
            let path = plans(&self.frozen.store).join(name.clone() + crate::plan::PLAN_FILE);
            of(&Common { program: self.program, plan: (&path, &name), folder: &folder, slurm: self.slurm })
        };
        let array = |(array, frozen): &(Array, Frozen)| {
            let tasks = Some(array.rows.len());
            script(frozen, &|common| Script {
                name: array.name(common.plan.1),
                text: array.script(common, self.more),
                tasks,
            })
        };
        let mut scripts: Vec<Script> = self.arrays().iter().map(array).collect();
        scripts.push(script(self.frozen, &|common| {
            let name = common.plan.1;
            let text = script::report(common, &format!("{}-{name}", self.report), self.limits.minutes);
            Script { name: format!("{}{name}-report", queue::JOB), text, tasks: None }
        }));
        scripts
    }

    /// The job arrays, the longest first, each with a plan of its own, which has its rows and no others.
    fn arrays(&self) -> Vec<(Array, Frozen)> {
        // Indices are from 1 to below the cluster's size.
        let most = usize::try_from(self.limits.array_size.saturating_sub(1)).unwrap_or(usize::MAX).max(1);
        let planned = |Array { rows, minutes, .. }| {
            let mut frozen = self.frozen.clone();
            frozen.rows = rows.iter().map(|row| self.frozen.rows[row - 1].clone()).collect();
            (Array { before: 0, rows: (1..=rows.len()).collect(), minutes }, frozen)
        };
        arrays(&self.frozen.rows, self.limits.longest(self.slurm), most).into_iter().map(planned).collect()
    }

    /// What does not fit the cluster, in words.
    pub fn misfits(&self) -> Vec<String> {
        let mut misfits = self.limits.misfits(self.slurm);
        let (rows, jobs) = (self.frozen.rows.len() as u64, self.limits.jobs);
        if rows >= jobs {
            misfits.push(format!(
                "the cluster takes {jobs} jobs at a time, and there are {rows} blocks; submit fewer with --only"
            ));
        }
        // The report is one too.
        let first = self.limits.qos.iter().find_map(|qos| Some((qos.jobs?, qos)));
        misfits.extend(first.filter(|(jobs, qos)| qos.queued + rows >= *jobs).map(|(jobs, qos)| {
            let queued = if qos.queued > 0 { format!(", {} are there already", qos.queued) } else { String::new() };
            format!(
                "slurm.qos: {} takes {jobs} jobs of a user at a time{queued}, and there are {rows} blocks and a report; submit \
                 fewer with --only",
                qos.name
            )
        }));
        if !script::can_be_written(&self.folder()) {
            misfits.push(format!(
                "--store {}: Slurm writes no output into a folder with a backslash or a line's end in its name; give the \
                 store another one",
                self.frozen.store.display()
            ));
        }
        misfits
    }

    /// What a submission should know beforehand, in words.
    pub fn remarks(&self) -> Vec<String> {
        let unchecked = Asked::of(self.slurm).unchecked;
        let unchecked = (!unchecked.is_empty()).then(|| {
            format!("slurm.options: whether the cluster can do what {} say(s) is not checked", unchecked.join(" "))
        });
        let silent = self.limits.silent.as_ref().map(|why| {
            format!(
                "what qualities of service allow is not known, since the cluster's accounting does not answer: {why}"
            )
        });
        self.too_long()
            .into_iter()
            .chain(self.too_much_time())
            .chain(unchecked)
            .chain(silent)
            .chain(self.shares())
            .collect()
    }

    /// Of tasks that have no GPU of their own.
    fn shares(&self) -> Option<String> {
        let of_gpus = |gres: &str| gres == "gpu" || gres.starts_with("gpu:");
        let asked = Asked::of(self.slurm);
        let has = asked.gres.iter().any(|wish| wish.value.split(',').any(of_gpus));
        let may_have = asked.unchecked.iter().any(|name| ["--tres-per-task", "--gpus-per-socket"].contains(&&**name));
        (self.on_gpu && !has && !asked.alone && !may_have).then(|| {
            "slurm.gres asks for no GPU of a task's own, as \"gpu:1\" does: times of trainings that share one do not count".into()
        })
    }

    /// Of a time limit that the quality of service does not allow.
    fn too_much_time(&self) -> Option<String> {
        let time = self.slurm.max_time.as_deref()?;
        let asked = time_minutes(time)?;
        let (minutes, name) = self.limits.qos.iter().find_map(|qos| Some((qos.minutes?, &qos.name)))?;
        (asked > minutes).then(|| {
            let most = time_limit(minutes);
            format!("slurm.max_time: the QOS {name} allows {most}, and no task gets the {time} that are asked for")
        })
    }

    /// Of blocks that so many restarts do not bring to their end.
    fn too_long(&self) -> Option<String> {
        let (longest, turns) = (self.limits.longest(self.slurm), u64::from(training::RETRIES) + 1);
        let trained = (longest * 60 - script::warning(longest)) * turns;
        let too_long = |row: &&Row| row.seconds.is_some_and(|seconds| seconds.0 > trained as f64);
        let too_long: Vec<&Row> = self.frozen.rows.iter().filter(too_long).collect();
        let longer = too_long.iter().filter_map(|row| row.seconds).reduce(|a, b| if a > b { a } else { b })?;
        Some(format!(
            "{} block(s) take up to {longer}, and a task is started {turns} times, {longest} minutes each: raise \
             slurm.max_time, or submit again when they have ended",
            too_long.len()
        ))
    }

    /// Writes plans and scripts, submits the arrays and then the report, which waits for them and for those before. `each`
    /// hears of every job and its number.
    ///
    /// # Errors
    /// A file that cannot be written, or a job that Slurm refuses: those before it stay submitted, and the report with them.
    pub fn submit(&self, each: &mut dyn FnMut(&Script, &str)) -> Result<(), SubmitError> {
        let folder = plans(&self.frozen.store);
        // Of one array alone it is the whole one.
        self.frozen.write(&folder)?;
        self.arrays().iter().try_for_each(|(_, frozen)| frozen.write(&folder).map(|_| ()))?;
        let folder = self.folder();
        let write_error = |path: &Path| {
            let path = path.to_path_buf();
            move |source| SubmitError::Write { path, source }
        };
        fs::create_dir_all(&folder).map_err(write_error(&folder))?;
        let mut numbers: Vec<String> = self.before.iter().cloned().collect();
        let mut refused = None;
        for script in self.scripts() {
            let is_left_out = if script.tasks.is_some() { refused.is_some() } else { numbers.is_empty() };
            if is_left_out {
                continue;
            }
            let path = folder.join(format!("{}.sh", script.name));
            crate::files::write_atomic(&path, script.text.as_bytes()).map_err(write_error(&path))?;
            // Whatever becomes of them.
            let after = format!("--dependency=afterany:{}", numbers.join(":"));
            let waits = if script.tasks.is_none() { vec![after.as_str()] } else { vec![] };
            let arguments = [vec!["--parsable"], waits].concat();
            match slurm::ask("sbatch", &arguments, &script.text) {
                Ok(number) => {
                    // With a cluster's name behind a semicolon, where there are several.
                    let number = number.trim().split(';').next().unwrap_or_default().to_owned();
                    each(&script, &number);
                    numbers.push(number);
                }
                // It may have been taken: a report that did not wait for it would be too early.
                Err(why @ SlurmError::Silent { .. }) => return Err(why.into()),
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        refused.map_or(Ok(()), |why| Err(why.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Overrides, Text, TrialId};
    use crate::units::Seconds;

    #[test]
    fn rows_share_arrays_by_their_time_and_each_array_has_a_plan_of_its_rows() {
        let text = || Text { label: "x".into(), text: String::new() };
        let mut frozen = Frozen::new(text(), text(), Overrides::default(), vec![], "/store".into());
        let row = |n: u32| {
            let seconds = (n != 7).then_some(Seconds(if n.is_multiple_of(2) { 3600.0 } else { 60.0 }));
            Row { block: n.to_string(), trials: vec![TrialId(n.to_string())], seconds }
        };
        frozen.rows = (1..=7).map(row).collect();
        let limits = Limits { array_size: 3, jobs: 6, minutes: Some(1440), ..Limits::unknown() };
        let slurm = Slurm::default();
        let submission = Submission {
            on_gpu: false,
            frozen: &frozen,
            slurm: &slurm,
            limits: &limits,
            before: &BTreeSet::new(),
            program: Path::new("/nd"),
            report: "report-x",
            more: &[],
        };
        let planned = submission.arrays();
        let of = |(array, frozen): &(Array, Frozen)| {
            let blocks: Vec<&str> = frozen.rows.iter().map(|row| row.block.as_str()).collect();
            assert_eq!((array.before, array.rows.last()), (0, Some(&blocks.len())));
            (array.minutes, blocks.join(","))
        };
        let wanted = [(1440, "7"), (240, "2,4"), (240, "6"), (30, "1,3"), (30, "5")];
        assert_eq!(
            planned.iter().map(of).collect::<Vec<_>>(),
            wanted.map(|(minutes, rows)| (minutes, rows.to_owned()))
        );
        for ((_, frozen), script) in planned.iter().zip(submission.scripts()) {
            assert!(
                script.text.contains(&format!("/store/plans/{}.plan.json --row", frozen.name())),
                "{}",
                script.text
            );
        }
        let all = Limits { array_size: 100, minutes: Some(30), ..limits.clone() };
        let one = Submission { limits: &all, ..submission }.arrays();
        assert!(one.len() == 1 && one[0].1 == frozen, "an array alone has the whole plan");
        assert!(submission.misfits()[0].contains("6 jobs at a time, and there are 7 blocks"));
        let brief = Limits { minutes: Some(6), ..limits.clone() };
        assert_eq!(submission.remarks(), [""; 0]);
        let remark = Submission { limits: &brief, ..submission }.remarks().remove(0);
        let said = "3 block(s) take up to 1 h 00 min, and a task is started 11 times, 6 minutes each";
        assert!(remark.starts_with(said), "{remark}");
        let scripts = submission.scripts();
        assert_eq!(scripts.iter().filter_map(|script| script.tasks).sum::<usize>(), 7);
        let options = toml::from_str("options = [\"-w node7\", \"--mail-type=FAIL\", \"--licenses=x\"]").unwrap();
        let remarks = Submission { slurm: &options, ..submission }.remarks();
        assert_eq!(remarks, ["slurm.options: whether the cluster can do what -w --licenses say(s) is not checked"]);
        let qos = |name: &str, minutes, jobs| qos::Qos { name: name.into(), minutes, jobs, ..qos::Qos::default() };
        let under = Limits {
            qos: vec![qos("short", Some(90), None), qos("few", Some(60), Some(7)), qos("long", Some(600), Some(2))],
            jobs: 8,
            ..limits.clone()
        };
        let longer = toml::from_str("max_time = \"2:00:00\"").unwrap();
        let limited = Submission { limits: &under, slurm: &longer, ..submission };
        assert_eq!(
            limited.remarks(),
            ["slurm.max_time: the QOS short allows 01:30:00, and no task gets the 2:00:00 that are asked for"]
        );
        let misfits = limited.misfits();
        let said = "slurm.qos: few takes 7 jobs of a user at a time, and there are 7 blocks and a report";
        assert!(misfits.len() == 1 && misfits[0].starts_with(said), "{misfits:?}");
        let mut enough = Limits { qos: vec![qos("ten", None, Some(10))], jobs: 8, ..limits.clone() };
        assert_eq!(Submission { limits: &enough, ..submission }.misfits(), [""; 0]);
        enough.qos[0].queued = 3;
        let said = "slurm.qos: ten takes 10 jobs of a user at a time, 3 are there already, and there are 7 blocks";
        assert!(Submission { limits: &enough, ..submission }.misfits()[0].starts_with(said));
        assert!(scripts[1].text.contains("#SBATCH --array=1-2\n") && scripts[2].text.contains("#SBATCH --array=1\n"));
    }
}
