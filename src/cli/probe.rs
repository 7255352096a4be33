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
use crate::scenario::{Deconvolution, Implementation};
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
    let implementations = if args.implementation.is_empty() { &Implementation::ALL } else { &args.implementation[..] };
    for arms in cells(&selected.trials, implementations) {
        let arms: Vec<&Trial> = arms.iter().collect();
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

/// The trials to compare, a list a network and data set: one trial for each way to normalise, BN first; ND with each of
/// `implementations`.
fn cells(trials: &[ResolvedTrial], implementations: &[Implementation]) -> Vec<Vec<Trial>> {
    let mut cells: Vec<Vec<Trial>> = Vec::new();
    for trial in trials.iter().flat_map(|t| variants(&t.trial, implementations)) {
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

/// The trial with each of `implementations` of its operator; a trial with BN as it is.
fn variants(trial: &Trial, implementations: &[Implementation]) -> Vec<Trial> {
    match trial.deconvolution {
        None => vec![trial.clone()],
        Some(settings) => {
            let with = |&implementation| Some(Deconvolution { implementation, ..settings });
            implementations.iter().map(|i| Trial { deconvolution: with(i), ..trial.clone() }).collect()
        }
    }
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
        let cells = cells(&trials, &Implementation::ALL);
        let arms = |cell: &[Trial]| cell.iter().map(|t| t.deconvolution.map(|d| d.implementation)).collect::<Vec<_>>();
        assert_eq!(cells.len(), 2);
        assert_eq!(arms(&cells[0]), [None, Some(Implementation::Published), Some(Implementation::Fast)]);
        assert!(cells[1].iter().all(|t| t.architecture == Architecture::Dpn92));
    }
}
