//! `ndbench probe`: times training steps side by side.

use super::args::ProbeArgs;
use super::exit::Failure;
use super::run::{interrupt_flag, prepare};
use super::talk;
use crate::event::Outcome;
use crate::plan::{ResolvedTrial, Trial};
use crate::probe::{Probe, TurnEnded};
use crate::record::{PROBE_SCHEMA, ProbeRecord, Store};
use crate::report::probe_table;
use crate::run::environment;
use std::time::Duration;

/// Runs the command: a record for each cell in the store, and the table, or the records, on stdout.
///
/// # Errors
/// Every reason why not all that was asked for was measured.
pub fn run(args: &ProbeArgs) -> Result<(), Failure> {
    let selected = args.selection.resolve()?;
    let device = prepare(args.device, args.threads, &selected.profile).map_err(Failure::Machine)?;
    let store = Store::open(&selected.store).map_err(|e| Failure::Store(Box::new(e)))?;
    let interrupt = interrupt_flag()?;
    let budget = Duration::from_secs(args.budget);
    let probe = Probe { device, rounds: args.rounds, budget, interrupt: &interrupt };
    let environment = environment(device);
    let (mut records, mut failed, mut interrupted) = (Vec::new(), 0, false);
    for arms in cells(&selected.trials) {
        let started = jiff::Timestamp::now();
        let mut say = |turn: TurnEnded| {
            let TurnEnded { arm: Trial { architecture, norm, dataset, .. }, round, step } = turn;
            let line = format!("{architecture} {norm} {dataset}, round {round} of {}: {step} a step", args.rounds);
            // Talk that nobody can read is no reason to lose the measurement.
            let _ = if args.quiet { Ok(()) } else { talk::say(&line) };
        };
        match probe.cell(&arms, &mut say) {
            Ok(Some(cell)) => {
                let (environment, finished) = (environment.clone(), jiff::Timestamp::now());
                let record = ProbeRecord { schema: PROBE_SCHEMA.into(), cell, environment, started, finished };
                store.write_probe(&record).map_err(|e| Failure::Store(Box::new(e)))?;
                records.push(record);
            }
            Ok(None) => {
                interrupted = true;
                break;
            }
            Err(outcome) => {
                failed += 1;
                talk::say(&format!("{} {}: {}", arms[0].architecture, arms[0].dataset, words(&outcome)))?;
            }
        }
    }
    print(args, &records)?;
    match (interrupted, failed) {
        (true, _) => Err(Failure::Interrupted),
        (false, 0) => Ok(()),
        (false, n) => Err(Failure::Trials(n)),
    }
}

fn print(args: &ProbeArgs, records: &[ProbeRecord]) -> Result<(), Failure> {
    let text = if args.json {
        let sealed = records.iter().map(ProbeRecord::to_json).collect::<Result<Vec<_>, _>>();
        let sealed = sealed.map_err(|e| Failure::Store(Box::new(e)))?;
        format!("[{}]\n", sealed.iter().map(|record| record.trim_end()).collect::<Vec<_>>().join(",\n"))
    } else {
        probe_table(records)
    };
    Ok(talk::write_all(&mut std::io::stdout(), &text)?)
}

/// The trials to compare, a list a network and data set: one trial for each way to normalise, BN first.
fn cells(trials: &[ResolvedTrial]) -> Vec<Vec<&Trial>> {
    let mut cells: Vec<Vec<&Trial>> = Vec::new();
    for trial in trials.iter().map(|t| &t.trial) {
        let same = |arm: &Trial| (arm.architecture, &arm.dataset) == (trial.architecture, &trial.dataset);
        match cells.iter_mut().find(|cell| same(cell[0])) {
            Some(cell) if cell.iter().any(|arm| arms_alike(arm, trial)) => {}
            Some(cell) => cell.push(trial),
            None => cells.push(vec![trial]),
        }
    }
    cells.iter_mut().for_each(|cell| cell.sort_by_key(|arm| arm.deconvolution.is_some()));
    cells
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
