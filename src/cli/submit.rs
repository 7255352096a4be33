//! `ndbench submit`: what is missing in a store, to Slurm.

use super::args::{EngineArg, SubmitArgs};
use super::exit::Failure;
use super::missing::Missing;
use super::trainers::trainers;
use super::{stored, talk};
use crate::plan::{Frozen, TrialId};
use crate::profile::Device;
use crate::record::Store;
use crate::submit::{Limits, Queue, Submission, SubmitError, queued};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf, absolute};

/// Submits the blocks whose trials are neither in the store nor in the queue.
///
/// # Errors
/// A scenario or profile that breaks a rule, jobs that do not fit the cluster, a cluster that does not answer or refuses.
pub fn run(args: &SubmitArgs) -> Result<(), Failure> {
    if args.engine == EngineArg::Kubernetes {
        return super::kubernetes::run(args);
    }
    if let Some(folder) = args.data.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(Failure::Input(format!("--data {}: there is no such folder", folder.display()).into()));
    }
    let selected = args.selection.resolve()?;
    let store = absolute(&selected.store)?;
    let slurm = selected.profile.slurm();
    // Scripts can be read where there is no cluster.
    let asked = Limits::read(slurm).map_err(SubmitError::from).and_then(|limits| Ok((limits, queued(&store)?)));
    let (limits, mut queue, silent) = match (asked, args.dry_run) {
        (Ok((limits, queue)), _) => (limits, queue, None),
        (Err(SubmitError::Slurm(why)), true) => (Limits::unknown(), Queue::default(), Some(why)),
        (Err(why), _) => return Err(refused(why)),
    };
    // After the queue, as status does: a task that ends meanwhile leaves its record before it leaves the queue.
    let missing = Missing::of(args, &selected, &store, |id| queue.tasks.contains_key(id))?;
    let ours = |is: &dyn Fn(&TrialId) -> bool| selected.trials.iter().filter(|t| is(&t.trial.id())).count();
    talk::say(&format!(
        "{} trials: {} done, {} in the queue, {} to submit in {} block(s)",
        selected.trials.len(),
        ours(&|id| missing.done.contains(id)),
        ours(&|id| queue.tasks.contains_key(id)),
        missing.count(),
        missing.frozen.rows.len()
    ))?;
    let known = silent.is_none().then_some(&queue);
    stored::died_words(died(&store, &missing.frozen, known)).iter().try_for_each(|died| talk::say(died))?;
    if !args.dry_run {
        release(&mut queue)?;
    }
    queue.held_words().try_for_each(|held| talk::say(&held))?;
    let tasks = selected.trials.iter().filter_map(|trial| queue.tasks.get(&trial.trial.id()));
    let before: BTreeSet<String> = tasks.map(|task| task.array().into()).collect();
    // A report on these trials that could not be submitted before is made up for.
    let about = (selected.scenario.name().to_owned(), selected.trials.iter().map(|trial| trial.trial.id()).collect());
    if missing.count() == 0 && (before.is_empty() || queue.reports.contains(&about)) {
        return Ok(());
    }
    let program = program(args)?;
    let report = format!("report-{}", selected.scenario.name());
    let data = args.data.iter().flat_map(|data| ["--data".into(), shown(data)]);
    let more: Vec<String> = data.chain(args.retry_words()).collect();
    let (frozen, limits, before) = (&missing.frozen, &limits, &before);
    let on_gpu = selected.profile.device() == Device::Cuda;
    let submission =
        Submission { frozen, on_gpu, slurm, limits, before, program: &program, report: &report, more: &more };
    let misfits = submission.misfits();
    misfits.iter().try_for_each(|misfit| talk::say(&format!("does not fit: {misfit}")))?;
    submission.remarks().iter().try_for_each(|remark| talk::say(&format!("warning: {remark}")))?;
    if args.dry_run {
        if let Some(why) = silent {
            talk::say(&format!("the cluster's limits are not known: {why}"))?;
        }
        let text: String = submission.scripts().into_iter().map(|s| format!("# {}\n{}\n", s.name, s.text)).collect();
        return Ok(talk::write_all(&mut io::stdout(), &text)?);
    }
    if !misfits.is_empty() {
        return Err(Failure::Machine("nothing was submitted: the jobs do not fit the cluster; see above".into()));
    }
    let mut told = Ok(());
    let submitted = submission.submit(&mut |script, number| {
        let tasks = script.tasks.map_or("the report, after all of them".into(), |n| format!("{n} block(s)"));
        told = talk::say(&format!("job {number}: {}, {tasks}", script.name));
    });
    submitted.map_err(refused)?;
    Ok(told?)
}

/// What Slurm failed to launch may start again.
fn release(queue: &mut Queue) -> io::Result<()> {
    match queue.release() {
        Ok(tasks) if tasks.is_empty() => Ok(()),
        Ok(tasks) => talk::say(&format!("released, since Slurm held them after a failed launch: {}", tasks.join(" "))),
        // The rest can be submitted all the same.
        Err(why) => talk::say(&format!("held after a failed launch, and not released: {why}")),
    }
}

fn refused(error: SubmitError) -> Failure {
    match error {
        SubmitError::Slurm(e) => Failure::Machine(e.to_string()),
        e => Failure::File(Box::new(e)),
    }
}

/// What the tasks run: this program, if it can train.
fn program(args: &SubmitArgs) -> Result<PathBuf, Failure> {
    match &args.program {
        Some(program) => {
            if !program.is_file() {
                talk::say(&format!(
                    "warning: --program {}: there is no such file here; every node must have it",
                    program.display()
                ))?;
            }
            Ok(absolute(program)?)
        }
        None if cfg!(feature = "torch") => Ok(std::env::current_exe()?),
        None => Err(Failure::Input("this program is built without libtorch; --program names one that trains".into())),
    }
}

/// How many of the trials that are to be trained somebody died training.
fn died(store: &Path, frozen: &Frozen, queue: Option<&Queue>) -> usize {
    let ids: Vec<TrialId> = frozen.rows.iter().flat_map(|row| row.trials.iter().cloned()).collect();
    let holders = Store::open_existing(store).map(|store| trainers(&store, &ids, queue)).unwrap_or_default();
    holders.iter().flatten().filter(|holder| holder.lives == Some(false)).count()
}

pub(super) fn shown(path: &Path) -> String {
    absolute(path).unwrap_or(path.into()).to_string_lossy().into_owned()
}
