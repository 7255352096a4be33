//! `ndbench run`: trains what is missing, or says what would be trained.

use super::args::{ComputeArgs, DeviceArg, RunArgs};
use super::dry_run::{Form, dry_run};
use super::exit::Failure;
use super::forecast::{Forecast, Planned};
use super::interrupt::{interrupt_flag, was_warned};
use super::lines::JsonLines;
use super::progress::{Progress, Verbosity};
use super::repetitions::{repetitions, repetitions_elsewhere, seconds};
use super::report::warning;
use super::selection::Selected;
use super::stored::{self, done, results};
use super::talk;
use crate::data::Sources;
use crate::event::{Event, Fanout, Sink, SinkError};
use crate::export::metrics::{BuildInfo, Exposition, MetricsSink, Training};
use crate::plan::{Repetitions, TrialId, estimate};
use crate::profile::{self, Profile};
use crate::record::{Record, RecordWriter, Store};
use crate::run::{Device, Run, RunError, Summary, device, environment, instruments, set_threads};
use crate::telemetry::{Environment, SlurmJob, node_name};
use crate::train::count_stops;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

/// Runs the command.
///
/// # Errors
/// Every reason why not all that was asked for is done.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    // Before anything that takes time: an interrupt is to find nothing unprepared.
    let interrupt = if args.dry_run { Arc::default() } else { interrupt_flag()? };
    let selected = args.selection.resolve_row(args.row)?;
    let device = prepare(&args.compute, &selected.profile);
    if args.dry_run {
        return print_plan(args, &selected, device);
    }
    args.publish.check()?;
    let store = Store::open(&selected.store).map_err(|e| Failure::Store(Box::new(e)))?;
    if args.row.is_some() {
        note(&store, &selected, device.as_ref().err())?;
    }
    let device = device.map_err(Failure::Machine)?;
    count_stops()?;
    let environment = environment(device);
    let sources = Sources::new(args.data.as_deref());
    let telemetry = instruments(device, args.instruments.telemetry, args.instruments.nvml_library());
    let run = Run {
        store: &store,
        sources: &sources,
        device,
        environment: &environment,
        telemetry: &telemetry,
        sample_every: u64::from(selected.profile.step_every(kind(device))),
        checkpoint_every: Duration::from_secs(args.checkpoint_every),
        sharers: args.sharers,
        retry: args.retry.as_slice().into(),
        interrupt: &interrupt,
        block: args.row.is_some(),
    };
    let done = train(args, &run, &selected);
    let why = match &done {
        Err(Failure::Machine(why)) => Some(why.clone()),
        Err(Failure::Data(why)) => Some(why.to_string()),
        _ => None,
    };
    if let (Some(_), Some(why)) = (args.row, why) {
        note(&store, &selected, Some(&why))?;
    }
    done
}

/// Notes in the store why this machine cannot train the row of a plan, or that it can: there may be others that try it.
fn note(store: &Store, selected: &Selected, refused: Option<&String>) -> std::io::Result<()> {
    let (trials, node): (Vec<TrialId>, _) = (selected.trials.iter().map(|t| t.trial.id()).collect(), node_name());
    let noted = match refused {
        Some(why) => store.refuse(&trials, &node, why),
        None => store.admit(&trials, &node),
    };
    // The training does not need it.
    noted.or_else(|e| talk::say(&format!("warning: {e}")))
}

/// The device to run on, or why it cannot be used; sets the threads.
pub(super) fn prepare(args: &ComputeArgs, profile: &Profile) -> Result<Device, String> {
    let cuda = match (args.device, wanted(args, profile)) {
        (_, profile::Device::Cpu) => None,
        (Some(DeviceArg::Cuda(index)), _) => Some(index),
        (_, profile::Device::Cuda) => Some(0),
    };
    let device = device(cuda)?;
    if let Some(threads) = args.threads.or(profile.threads()) {
        set_threads(threads);
    }
    Ok(device)
}

/// The kind of device that trials run on.
fn wanted(args: &ComputeArgs, profile: &Profile) -> profile::Device {
    match args.device {
        Some(DeviceArg::Cuda(_)) => profile::Device::Cuda,
        Some(DeviceArg::Cpu) => profile::Device::Cpu,
        None => profile.device(),
    }
}

/// What `records` and probes of the store say of the times to come, on the profile's device or on the one asked for in its
/// place.
fn known(
    args: &ComputeArgs,
    selected: &Selected,
    records: &[Record],
    here: Option<&Environment>,
) -> Result<Repetitions, Failure> {
    let (probes, profile) = (stored::probes(&selected.store)?, &selected.profile);
    Ok(if wanted(args, profile) == profile.device() {
        repetitions(records, &probes, profile, here)
    } else {
        repetitions_elsewhere(records, &probes, here)
    })
}

/// What a profile calls the device.
fn kind(device: Device) -> profile::Device {
    if device.is_cuda() { profile::Device::Cuda } else { profile::Device::Cpu }
}

fn train(args: &RunArgs, run: &Run, selected: &Selected) -> Result<(), Failure> {
    let verbosity = match (args.quiet, args.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let (records, skipped) = run.store.records();
    let records: Vec<Record> = records.into_iter().map(|(_, record)| record).collect();
    let mut writer = RecordWriter::new(run.store, SlurmJob::here().some(), run.sharers);
    let mut progress = Progress::new(verbosity, forecast(args, selected, &records, run)?);
    let mut lines = JsonLines::default();
    let training = Arc::new(Training::default());
    let mut metrics = MetricsSink::new(training.clone(), SlurmJob::here());
    let exposition = Exposition::new(vec![Arc::new(BuildInfo), training, Arc::new(run.telemetry.latest())]);
    let _live = match args.listen.start(Arc::new(exposition), args.quiet) {
        // A task of a cluster trains all the same, but shows nothing unprotected.
        Err(why @ (Failure::File(_) | Failure::Machine(_))) if args.row.is_some() => {
            talk::say(&format!("warning: no live metrics: {why}"))?;
            None
        }
        live => live?,
    };
    let mut sinks: Vec<&mut dyn Sink> = vec![&mut writer, &mut progress, &mut metrics];
    if args.json {
        sinks.push(&mut lines);
    }
    let mut events = Fanout::new(sinks);
    for file in &skipped {
        events.send(Event::Warning(warning(file)));
    }
    let ended = run.all(&selected.trials, &mut events);
    let mut failures = events.into_failures();
    let summary = ended.map_err(|e| match e {
        RunError::Data(e) => Failure::Data(Box::new(e)),
        RunError::Store(e) => Failure::Store(Box::new(e)),
        RunError::Gpu(_) => Failure::Machine(e.to_string()),
    })?;
    if !args.publish.is_empty() {
        let done = verdict(summary, Vec::new()).is_ok() && failures.is_empty();
        failures.extend(args.publish.publish(selected.scenario.name(), &results(run.store, &selected.trials), done));
    }
    if let Some(text) = ending(summary, run.store, verbosity)
        && let Err(e) = talk::say(&text)
    {
        failures.push(SinkError { sink: "stderr".into(), what: e.to_string() });
    }
    verdict(summary, failures)
}

/// The last lines of a run: what may be tried again, which is worth a warning, and where the records lie.
fn ending(summary: Summary, store: &Store, verbosity: Verbosity) -> Option<String> {
    let again = (summary.retriable > 0).then(|| {
        let n = summary.retriable;
        format!("warning: {n} trial(s) ran out of memory or diverged; `--retry oom,diverged` trains them again")
    });
    let records = (verbosity > Verbosity::Quiet).then(|| format!("records: {}", store.records_path().display()));
    let lines: Vec<String> = again.into_iter().chain(records).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Of several reasons why not all is done, the gravest.
fn verdict(summary: Summary, failures: Vec<SinkError>) -> Result<(), Failure> {
    let Summary { failed, elsewhere, looked_at, refused, without_data, interrupted, .. } = summary;
    let left_out = |n: usize, why: &str| format!("{n} trial(s) were left out: {why}; see the warnings");
    match () {
        () if interrupted && was_warned() => Err(Failure::Warned),
        () if interrupted => Err(Failure::Interrupted),
        () if looked_at > 0 => Err(Failure::LookedAt(looked_at)),
        () if failed > 0 => Err(Failure::Trials(failed)),
        () if !failures.is_empty() => Err(Failure::Sinks(failures)),
        () if refused > 0 => Err(Failure::Store(left_out(refused, "their records cannot be read").into())),
        () if without_data > 0 => Err(Failure::Data(
            left_out(without_data, "their data sets are missing, broken, or no longer what they were trained with")
                .into(),
        )),
        () if elsewhere > 0 => Err(Failure::Elsewhere(elsewhere)),
        () => Ok(()),
    }
}

fn forecast(args: &RunArgs, selected: &Selected, records: &[Record], run: &Run) -> Result<Forecast, Failure> {
    let done = done(records, run.retry);
    let repetitions = known(&args.compute, selected, records, Some(run.environment))?;
    let planned = selected.trials.iter().map(|t| {
        let id = t.trial.id();
        let seconds = estimate(&t.trial, &selected.profile, &repetitions).seconds;
        Planned { epochs: t.trial.epochs, seconds, done: done.contains_key(&id), id }
    });
    Ok(Forecast::new(planned.collect()))
}

fn print_plan(args: &RunArgs, selected: &Selected, device: Result<Device, String>) -> Result<(), Failure> {
    // To plan for a device that is elsewhere, one names its profile; this one is said to be here.
    if let (Err(why), Some(_)) = (&device, args.compute.device) {
        talk::say(&format!("warning: {why}"))?;
    }
    let records = stored::records(&selected.store)?;
    let here = device.ok().map(environment);
    let repetitions = known(&args.compute, selected, &records, here.as_ref())?;
    let form = match (args.json, std::io::stdout().is_terminal()) {
        (true, _) => Form::Json,
        (_, true) => Form::Terminal,
        _ => Form::Markdown,
    };
    let done = done(&records, args.retry.as_slice().into()).into_iter();
    let done = done.map(|(id, record)| (id.clone(), seconds(record))).collect();
    let text = dry_run(&selected.trials, &done, &repetitions, &selected.profile, form);
    Ok(talk::write_all(&mut std::io::stdout(), &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_why_not_all_is_done_has_its_exit_code_and_the_gravest_wins() {
        let code = |summary, failures| verdict(summary, failures).map_or_else(|f| f.code(), |()| 0);
        let sink = || vec![SinkError { sink: "progress".into(), what: "disk full".into() }];
        let mut summary = Summary::default();
        assert_eq!(code(summary, vec![]), 0);
        assert_eq!(code(summary, sink()), 1);
        summary.elsewhere = 1;
        assert_eq!(code(summary, vec![]), 7);
        summary.without_data = 1;
        assert_eq!(code(summary, vec![]), 4);
        summary.refused = 1;
        assert_eq!(code(summary, vec![]), 5);
        summary.failed = 1;
        assert_eq!(code(summary, sink()), 1);
        summary.looked_at = 1;
        assert_eq!(code(summary, sink()), 75, "a task is put back");
        summary.interrupted = true;
        assert_eq!(code(summary, vec![]), 130);
    }
}
