//! `ndbench run`: trains what is missing, or says what would be trained.

use super::args::{DeviceArg, RunArgs};
use super::dry_run::{Form, dry_run};
use super::exit::Failure;
use super::lines::JsonLines;
use super::progress::{Progress, Verbosity};
use super::selection::Selected;
use crate::data::Sources;
use crate::event::{Fanout, Sink};
use crate::profile;
use crate::record::{Record, RecordWriter, Store};
use crate::run::{Retry, Run, RunError, Summary, device, environment, set_threads};
use crate::units::Seconds;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Runs the command.
///
/// # Errors
/// Every reason why not all that was asked for is done.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let selected = args.selection.resolve()?;
    if args.dry_run {
        return print_plan(args, &selected);
    }
    let cuda = match (args.device, selected.profile.device()) {
        (Some(DeviceArg::Cuda(index)), _) => Some(index),
        (Some(DeviceArg::Cpu), _) | (None, profile::Device::Cpu) => None,
        (None, profile::Device::Cuda) => Some(0),
    };
    let device = device(cuda).map_err(Failure::Machine)?;
    let kind = if cuda.is_some() { profile::Device::Cuda } else { profile::Device::Cpu };
    if let Some(threads) = args.threads.or(selected.profile.threads()) {
        set_threads(threads);
    }
    let store = Store::open(&selected.store).map_err(|e| Failure::Store(Box::new(e)))?;
    let interrupt = interrupt_flag()?;
    let environment = environment(device);
    let sources = Sources::new(args.data.as_deref());
    let run = Run {
        store: &store,
        sources: &sources,
        device,
        environment: &environment,
        sample_every: u64::from(selected.profile.step_every(kind)),
        checkpoint_every: Duration::from_secs(args.checkpoint_every),
        retry: args.retry.as_slice().into(),
        interrupt: &interrupt,
    };
    train(args, &run, &selected)
}

fn train(args: &RunArgs, run: &Run, selected: &Selected) -> Result<(), Failure> {
    let verbosity = match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let mut writer = RecordWriter::new(run.store);
    let mut progress = Progress::new(verbosity);
    let mut lines = JsonLines::default();
    let mut sinks: Vec<&mut dyn Sink> = vec![&mut writer, &mut progress];
    if args.json {
        sinks.push(&mut lines);
    }
    let mut events = Fanout::new(sinks);
    let ended = run.all(&selected.trials, &mut events);
    let failures = events.into_failures();
    let Summary { failed, interrupted, retriable, .. } = ended.map_err(|e| match e {
        RunError::Data(e) => Failure::Data(Box::new(e)),
        RunError::Store(e) => Failure::Store(Box::new(e)),
    })?;
    if verbosity > Verbosity::Quiet {
        if retriable > 0 {
            eprintln!("{retriable} trial(s) ran out of memory or diverged; `--retry oom,diverged` trains them again");
        }
        eprintln!("records: {}", run.store.records_path().display());
    }
    match (interrupted, failed) {
        (true, _) => Err(Failure::Interrupted),
        (false, n) if n > 0 => Err(Failure::Trials(n)),
        _ if !failures.is_empty() => Err(Failure::Sinks(failures)),
        _ => Ok(()),
    }
}

/// A flag that the first SIGINT or SIGTERM sets; the second one ends the process at once.
fn interrupt_flag() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the shutdown looks at the flag before the same signal sets it.
        signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone())?;
        signal_hook::flag::register(signal, flag.clone())?;
    }
    Ok(flag)
}

fn print_plan(args: &RunArgs, selected: &Selected) -> Result<(), Failure> {
    let records = Store::open_existing(&selected.store).map(|store| store.records().0).unwrap_or_default();
    let retry = Retry::from(args.retry.as_slice());
    let done = records.into_iter().filter(|(_, r)| !retry.includes(&r.outcome));
    let done = done.map(|(_, record)| (record.trial_id.clone(), seconds(&record))).collect();
    let form = match (args.json, std::io::stdout().is_terminal()) {
        (true, _) => Form::Json,
        (_, true) => Form::Terminal,
        _ => Form::Markdown,
    };
    write!(std::io::stdout(), "{}", dry_run(&selected.trials, &done, &selected.profile, form))?;
    Ok(())
}

/// Time of a trial, evaluation included, where it counts.
fn seconds(record: &Record) -> Option<Seconds> {
    let whole = record.time_valid && record.outcome == crate::event::Outcome::Finished;
    whole.then(|| record.epochs.iter().map(|e| e.seconds.paper + e.seconds.evaluation).sum())
}
