//! `ndbench probe`: times training steps side by side.

use super::args::ProbeArgs;
use super::exit::Failure;
use super::interrupt::interrupt_flag;
use super::run::prepare;
use super::{probes, talk};
use crate::event::Outcome;
use crate::plan::{ResolvedTrial, Trial};
use crate::probe::{Entry, Probe, Probed, TurnEnded};
use crate::record::{
    PROBE_SCHEMA, ProbeRecord, StepOverhead, Store, TelemetryOverhead, overhead_name, probe_name, remember_overhead,
};
use crate::run::{environment, instruments};
use crate::scenario::{Deconvolution, Implementation, Norm, Recipe};
use crate::telemetry::{Environment, Level};
use std::time::Duration;

/// Runs the command: a record for each cell in the store, and the table, or the records, on stdout.
///
/// # Errors
/// Every reason why not all that was asked for was measured.
pub fn run(args: &ProbeArgs) -> Result<(), Failure> {
    let selected = args.selection.resolve()?;
    let device = prepare(&args.compute, &selected.profile).map_err(Failure::Machine)?;
    if args.graphs && !device.is_cuda() {
        return Err(Failure::Machine("--graphs needs a CUDA device: leave it out, or add --device cuda".into()));
    }
    if selected.trials.iter().any(|t| t.trial.recipe.accumulate > 1) {
        let why = "probes take whole batches: add --set recipe.accumulate=1, and a recipe.batch_size that fits";
        return Err(Failure::Input(why.into()));
    }
    let store = Store::open(&selected.store).map_err(|e| Failure::Store(Box::new(e)))?;
    let interrupt = interrupt_flag()?;
    let budget = Duration::from_secs(args.budget);
    let start = |level| instruments(device, level, args.instruments.nvml_library());
    let (rounds, floor) = (args.rounds, args.floor);
    let probe = Probe { device, rounds, budget, floor, instruments: &start, interrupt: &interrupt };
    let environment = environment(device);
    let (mut records, mut failed, mut interrupted) = (Vec::new(), 0, false);
    for arms in arms(args, &selected.trials) {
        let started = jiff::Timestamp::now();
        let name = probe_name(&arms[0].0, started);
        let series = |n: usize| store.probe_series_path(&name, n);
        let entry = |(n, (trial, level)): (usize, &(Trial, Level))| (trial.clone(), *level, series(n));
        let owned: Vec<_> = arms.iter().enumerate().map(entry).collect();
        let entries: Vec<Entry> =
            owned.iter().map(|(trial, level, series)| Entry { trial, level: *level, series: series.clone() }).collect();
        let probed = probe.cell(&entries, &mut |turn| say(args, turn));
        if !matches!(probed, Ok(Some(_))) {
            // No record will tell of these readings; they may not even have begun.
            owned.iter().for_each(|(.., series)| drop(std::fs::remove_file(series)));
        }
        match probed {
            Ok(Some(probed)) => {
                probed.notices.iter().try_for_each(|notice| talk::say(notice))?;
                let record = record(probed, &environment, started, &store);
                store.write_probe(&record).map_err(|e| Failure::Store(Box::new(e)))?;
                if let Err(e) = remember_overhead(&record) {
                    talk::say(&format!("records of other stores will not name this probe: {e}"))?;
                }
                records.push(record);
            }
            Ok(None) => {
                interrupted = true;
                break;
            }
            Err(outcome) => {
                failed += 1;
                let Trial { architecture, dataset, .. } = &arms[0].0;
                talk::say(&format!("{architecture} {dataset}: {}", words(&outcome)))?;
            }
        }
    }
    probes::print(&records, args.json)?;
    match (interrupted, failed) {
        (true, _) => Err(Failure::Interrupted),
        (false, 0) => Ok(()),
        (false, n) => Err(Failure::Trials(n)),
    }
}

/// Tells of a turn, unless nothing is to be said.
fn say(args: &ProbeArgs, turn: TurnEnded) {
    let TurnEnded {
        entry: Entry { trial: Trial { architecture, norm, dataset, deconvolution, recipe, .. }, level, .. },
        round,
        step,
    } = turn;
    let implementation = deconvolution.map_or(String::new(), |d| format!(" {}", d.implementation));
    let graph = if recipe.cuda_graph { ", CUDA graph" } else { "" };
    let watched = if args.telemetry_ab { format!(", telemetry {level}") } else { String::new() };
    let line = format!(
        "{architecture} {norm}{implementation} {dataset}{graph}{watched}, round {round} of {}: {step} a step",
        args.rounds
    );
    // Talk that nobody can read is no reason to lose the measurement.
    let _ = if args.quiet { Ok(()) } else { talk::say(&line) };
}

/// The record of a cell, with what the instruments cost each arm.
fn record(probed: Probed, environment: &Environment, started: jiff::Timestamp, store: &Store) -> ProbeRecord {
    let Probed { cell, calls, .. } = probed;
    let (schema, environment, finished) = (PROBE_SCHEMA.into(), environment.clone(), jiff::Timestamp::now());
    let mut record = ProbeRecord { schema, cell, environment, calls, started, finished };
    let overhead = |n: usize| {
        let arm = &record.cell.arms[n];
        let telemetry = arm.telemetry.as_ref()?;
        let of = overhead_name(record.cell.architecture, arm.norm, arm.deconvolution.as_ref());
        Some(match StepOverhead::of(&record, telemetry.level) {
            Some(step) => TelemetryOverhead::from_parts(telemetry, Some(step)),
            None => TelemetryOverhead::of(telemetry, &of, &record.environment, store),
        })
    };
    let overheads: Vec<_> = (0..record.cell.arms.len()).map(overhead).collect();
    record.cell.arms.iter_mut().zip(overheads).for_each(|(arm, overhead)| arm.telemetry_overhead = overhead);
    record
}

/// What takes turns with each other, a list a probe.
fn arms(args: &ProbeArgs, trials: &[ResolvedTrial]) -> Vec<Vec<(Trial, Level)>> {
    let implementations = if args.implementation.is_empty() { &Implementation::ALL } else { &args.implementation[..] };
    let cells = cells(trials, implementations, args.floor);
    if args.telemetry_ab {
        let levels = |trial: Trial| Level::ALL.map(|level| (trial.clone(), level)).to_vec();
        return cells.into_iter().flatten().map(levels).collect();
    }
    let level = args.instruments.telemetry;
    let cells = if args.graphs { cells.into_iter().map(with_graphs).collect() } else { cells };
    cells.into_iter().map(|cell| cell.into_iter().map(|trial| (trial, level)).collect()).collect()
}

/// The trials to compare, a list a network and data set: one trial for each way to normalise, BN first; ND with each of
/// `implementations`, after `plain` convolutions if asked.
fn cells(trials: &[ResolvedTrial], implementations: &[Implementation], plain: bool) -> Vec<Vec<Trial>> {
    let mut cells: Vec<Vec<Trial>> = Vec::new();
    for trial in trials.iter().flat_map(|t| variants(&t.trial, implementations, plain)) {
        let same = |arm: &Trial| (arm.architecture, &arm.dataset) == (trial.architecture, &trial.dataset);
        match cells.iter_mut().find(|cell| same(&cell[0])) {
            Some(cell) if cell.iter().any(|arm| arms_alike(arm, &trial)) => {}
            Some(cell) => cell.push(trial),
            None => cells.push(vec![trial]),
        }
    }
    cells.iter_mut().for_each(|cell| cell.sort_by_key(|arm| arm.deconvolution.is_some()));
    cells
}

/// The trial with each of `implementations` of its operator, after one with `plain` convolutions; a trial with BN as it is.
fn variants(trial: &Trial, implementations: &[Implementation], plain: bool) -> Vec<Trial> {
    match trial.deconvolution {
        None => vec![trial.clone()],
        Some(settings) => {
            let with = |&implementation| Some(Deconvolution { implementation, ..settings });
            let plain = plain.then(|| Trial { norm: Norm::Plain, deconvolution: None, ..trial.clone() });
            let whitening = implementations.iter().map(|i| Trial { deconvolution: with(i), ..trial.clone() });
            plain.into_iter().chain(whitening).collect()
        }
    }
}

/// Each trial without CUDA graphs, then with them.
fn with_graphs(cell: Vec<Trial>) -> Vec<Trial> {
    let both = |trial: Trial| {
        [false, true].map(|cuda_graph| Trial { recipe: Recipe { cuda_graph, ..trial.recipe }, ..trial.clone() })
    };
    cell.into_iter().flat_map(both).collect()
}

/// Trials that differ in nothing that a step's time depends on.
fn arms_alike(one: &Trial, other: &Trial) -> bool {
    (one.norm, one.deconvolution, one.recipe) == (other.norm, other.deconvolution, other.recipe)
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Oom { message, .. } => format!("out of memory: {message}"),
        Outcome::Failed { message } => message.clone(),
        other => other.word().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset};

    #[test]
    fn a_cell_has_bn_once_and_each_implementation_of_nd_once() {
        let mut trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 3);
        trials.extend(made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 20, 1));
        trials.extend(made_up::cell(Architecture::Dpn92, Dataset::Cifar10, 1, 1));
        let cells = cells(&trials, &Implementation::ALL, false);
        let arms = |cell: &[Trial]| cell.iter().map(|t| t.deconvolution.map(|d| d.implementation)).collect::<Vec<_>>();
        assert_eq!(cells.len(), 2);
        assert_eq!(arms(&cells[0]), [None, Some(Implementation::Published), Some(Implementation::Fast)]);
        assert!(cells[1].iter().all(|t| t.architecture == Architecture::Dpn92));
        let norms = self::cells(&trials, &[Implementation::Fast], true).swap_remove(0).into_iter().map(|t| t.norm);
        assert_eq!(norms.collect::<Vec<_>>(), [Norm::Bn, Norm::Plain, Norm::Nd]);
    }

    #[test]
    fn with_graphs_each_arm_comes_twice() {
        let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1);
        let cell = cells(&trials, &[Implementation::Fast], false).swap_remove(0);
        let arms: Vec<_> = with_graphs(cell).iter().map(|arm| (arm.norm, arm.recipe.cuda_graph)).collect();
        assert_eq!(arms, [(Norm::Bn, false), (Norm::Bn, true), (Norm::Nd, false), (Norm::Nd, true)]);
    }
}
