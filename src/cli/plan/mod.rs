//! `ndbench plan`: what a matrix needs of each device in memory and time, before anything is trained.

mod accuracy;
mod context;
mod energy;
mod figure;
mod machines;
mod requests;
mod seen;
mod table;
#[cfg(test)]
mod tests;

use super::args::PlanArgs;
use super::exit::Failure;
use super::talk;
use crate::files::write_atomic;
use crate::plan::{
    Basis, Capacity, Estimate, Filter, Repetitions, ResolvedTrial, Risk, Sightings, Trial, estimate, expand,
};
use crate::scenario::Scenario;
use crate::units::{Bytes, Joules, Seconds};
use context::Context;
use energy::Energies;
use machines::{Machine, machines};
use requests::{Request, requests};
use seen::Seen;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

/// Prints the plan.
///
/// # Errors
/// A scenario, profile or filter that breaks a rule, a store that cannot be read, or an output that cannot be written.
pub fn run(args: &PlanArgs) -> Result<(), Failure> {
    if let Some(store) = &args.accuracy {
        return accuracy::run(store, args.json);
    }
    let input = |e: Box<dyn std::error::Error + Send + Sync>| Failure::Input(e);
    let scenario = Scenario::load(&args.selection.scenario).map_err(|e| input(e.into()))?;
    let filter = Filter::parse(&args.selection.only).map_err(|e| input(e.into()))?;
    let store = args.selection.store.clone().unwrap_or_else(|| PathBuf::from("results").join(scenario.name()));
    let seen = Seen::read(&store)?;
    let mut plans = Vec::new();
    let machines: Vec<Machine> = machines(args)?.into_iter().map(|machine| machine.measured(&seen)).collect();
    for machine in &machines {
        let trials = expand(&scenario, &machine.profile, &args.selection.overrides(), &filter);
        plans.push(plan(machine, &trials.map_err(|e| input(e.into()))?, &seen));
    }
    if let Some(path) = &args.figure {
        let trials = expand(&scenario, &machines[0].profile, &args.selection.overrides(), &filter);
        let drawn = figure::draw(&machines, &trials.map_err(|e| input(e.into()))?, &seen);
        write_atomic(path, drawn.as_bytes()).map_err(|e| {
            let text = format!("cannot write {}: {e}", path.display());
            Failure::File(text.into())
        })?;
    }
    let text = if args.json {
        format!("{:#}\n", serde_json::to_value(&plans).expect("a plan is plain data"))
    } else {
        plans.iter().map(DevicePlan::text).collect::<Vec<_>>().join("\n") + &table::footer(&plans)
    };
    Ok(talk::write_all(&mut io::stdout(), &text)?)
}

/// What a matrix needs of one device.
#[derive(Debug, Serialize)]
struct DevicePlan {
    device: String,
    /// What a trial may use.
    memory: Bytes,
    /// What a process takes beside its allocator, where records of such a device tell.
    context: Option<Context>,
    cells: Vec<CellPlan>,
    trials: usize,
    /// Trials that are estimated not to fit.
    too_large: usize,
    /// Every trial fits, with the band of its estimate.
    suffices: bool,
    /// Of all trials, one after the other; absent where nothing is known of one.
    seconds: Option<Seconds>,
    /// Of all trials, where records of such a device tell that of every one.
    energy: Option<Joules>,
    /// Job arrays that train all of it that fits.
    slurm: Vec<Request>,
    /// Blocks that these leave out: a trial of each is estimated not to fit.
    slurm_left_out: usize,
}

/// Trials that differ in attempt, seed and length.
#[derive(Debug, Serialize)]
struct CellPlan {
    architecture: String,
    dataset: String,
    norm: String,
    batch_size: u32,
    /// Absent where nothing is known.
    capacity: Option<Capacity>,
    /// Of an epoch in the longest training, evaluation included; absent where nothing is known.
    epoch: Option<Seconds>,
    /// What that rests on.
    epoch_basis: Basis,
    /// How far one more like what it rests on may be from it, as a share; absent where that is not known.
    epoch_band: Option<f64>,
    /// Of all its trials; absent where no record of such a device tells.
    energy: Option<Joules>,
    trials: usize,
}

fn plan(machine: &Machine, trials: &[ResolvedTrial], seen: &Seen) -> DevicePlan {
    let (sightings, energies, repetitions) = if machine.memory_only {
        (Sightings::default(), Energies::default(), Repetitions::default().alone())
    } else {
        (seen.memory(&machine.profile), seen.energy(&machine.profile), seen.times(&machine.profile))
    };
    let time = |trial: &Trial| estimate(trial, &machine.profile, &repetitions);
    let seconds = |trial: &ResolvedTrial| time(&trial.trial).seconds;
    let groups = cells(trials);
    let energy = |trials: &[&ResolvedTrial]| trials.iter().map(|trial| energies.joules(&trial.trial)).sum();
    let plan_of = |trials: &Vec<_>| CellPlan { energy: energy(trials), ..cell(trials, machine, &sightings, &time) };
    let cells: Vec<CellPlan> = groups.iter().map(plan_of).collect();
    let risk = |cell: &CellPlan| cell.capacity.map(|capacity| capacity.risk);
    let is_too_large = |cell: &CellPlan| risk(cell) == Some(Risk::High);
    let too_large = groups.iter().zip(&cells).filter(|(_, cell)| is_too_large(cell)).flat_map(|(trials, _)| trials);
    let left_out: BTreeSet<&str> = too_large.map(|trial| &*trial.block.id).collect();
    let fitting: Vec<&ResolvedTrial> = trials.iter().filter(|trial| !left_out.contains(&*trial.block.id)).collect();
    DevicePlan {
        device: machine.name.clone(),
        memory: machine.profile.memory(),
        context: machine.context.clone(),
        too_large: cells.iter().filter(|cell| is_too_large(cell)).map(|cell| cell.trials).sum(),
        suffices: cells.iter().all(|cell| risk(cell) == Some(Risk::Low)),
        energy: cells.iter().map(|cell| cell.energy).sum(),
        cells,
        trials: trials.len(),
        seconds: trials.iter().map(seconds).sum(),
        slurm: requests(machine, &fitting, &seconds),
        slurm_left_out: left_out.len(),
    }
}

/// Trials that differ in attempt, seed and length, in the order of the first of each.
fn cells(trials: &[ResolvedTrial]) -> Vec<Vec<&ResolvedTrial>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut cells: Vec<Vec<&ResolvedTrial>> = Vec::new();
    for trial in trials {
        let cell = Trial { attempt: 1, epochs: 1, base_seed: 0, ..trial.trial.clone() };
        let key = serde_json::to_string(&cell).expect("a trial is plain data");
        let place = *places.entry(key).or_insert(cells.len());
        if place == cells.len() {
            cells.push(Vec::new());
        }
        cells[place].push(trial);
    }
    cells
}

fn cell(
    trials: &[&ResolvedTrial],
    machine: &Machine,
    sightings: &Sightings,
    time: &dyn Fn(&Trial) -> Estimate,
) -> CellPlan {
    let longest = trials.iter().max_by_key(|trial| trial.trial.epochs).expect("a cell has a trial");
    let trial = &longest.trial;
    let estimate = time(trial);
    CellPlan {
        architecture: trial.architecture.to_string(),
        dataset: trial.dataset.to_string(),
        norm: norm(longest),
        batch_size: trial.recipe.batch_size,
        capacity: Capacity::of(trial, &machine.profile, sightings),
        epoch: estimate.seconds.map(|all| Seconds(all.0 / f64::from(trial.epochs))),
        epoch_basis: estimate.basis,
        epoch_band: estimate.band,
        energy: None,
        trials: trials.len(),
    }
}

/// The norm with its implementation, or the variant's name; the precision where it is not the usual one.
fn norm(trial: &ResolvedTrial) -> String {
    let implementation = trial.trial.deconvolution.map_or(String::new(), |d| format!(" {}", d.implementation));
    let variant = trial.variant.as_ref().map_or(implementation, |name| format!(" {name}"));
    format!("{}{variant}{}", trial.trial.norm, trial.trial.recipe.precision.suffix())
}
