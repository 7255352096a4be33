//! `ndbench plan`: what a matrix needs of each device in memory and time, before anything is trained.

use super::args::PlanArgs;
use super::exit::Failure;
use super::talk;
use crate::plan::{BAND, Capacity, Filter, Repetitions, ResolvedTrial, Risk, Trial, estimate, expand};
use crate::profile::{Amount, Device, Profile};
use crate::scenario::Scenario;
use crate::units::{Bytes, Seconds};
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;

/// Prints the plan.
///
/// # Errors
/// A scenario, profile or filter that breaks a rule, or an output that cannot be written.
pub fn run(args: &PlanArgs) -> Result<(), Failure> {
    let input = |e: Box<dyn std::error::Error + Send + Sync>| Failure::Input(e);
    let scenario = Scenario::load(&args.selection.scenario).map_err(|e| input(e.into()))?;
    let filter = Filter::parse(&args.selection.only).map_err(|e| input(e.into()))?;
    let mut plans = Vec::new();
    for machine in machines(args)? {
        let trials = expand(&scenario, &machine.profile, &args.selection.overrides(), &filter);
        plans.push(plan(&machine, &trials.map_err(|e| input(e.into()))?));
    }
    let text = if args.json {
        format!("{:#}\n", serde_json::to_value(&plans).expect("a plan is plain data"))
    } else {
        plans.iter().map(DevicePlan::text).collect::<Vec<_>>().join("\n") + &footer(&plans)
    };
    Ok(talk::write_all(&mut io::stdout(), &text)?)
}

/// A device to plan for.
struct Machine {
    name: String,
    profile: Profile,
    /// Nothing is known of it but its memory.
    memory_only: bool,
}

/// The devices that were asked for.
fn machines(args: &PlanArgs) -> Result<Vec<Machine>, Failure> {
    let load = |name: &str| Profile::load(name).map_err(|e| Failure::Input(Box::new(e)));
    let of = |name: &str, profile: Profile| Machine { name: name.into(), profile, memory_only: false };
    if let Some(name) = &args.selection.profile {
        return Ok(vec![of(name, load(name)?)]);
    }
    if args.gpu.is_empty() {
        let built_in = crate::profile::BUILT_IN.iter().map(|(name, _)| Ok(of(name, load(name)?)));
        let all: Vec<Machine> = built_in.collect::<Result<_, Failure>>()?;
        return Ok(all.into_iter().filter(|machine| machine.profile.device() == Device::Cuda).collect());
    }
    let machine = |name: &String| match name.parse::<Amount>() {
        Ok(Amount(memory)) => {
            let profile = load("a100-80gb")?.with_memory(memory);
            Ok(Machine { name: name.clone(), profile, memory_only: true })
        }
        Err(_) => Ok(of(name, load(name)?)),
    };
    args.gpu.iter().map(machine).collect()
}

/// What a matrix needs of one device.
#[derive(Debug, Serialize)]
struct DevicePlan {
    device: String,
    /// What a trial may use.
    memory: Bytes,
    cells: Vec<CellPlan>,
    trials: usize,
    /// Trials that are estimated not to fit.
    too_large: usize,
    /// Of all trials, one after the other; absent where nothing is known of one.
    seconds: Option<Seconds>,
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
    trials: usize,
}

fn plan(machine: &Machine, trials: &[ResolvedTrial]) -> DevicePlan {
    let mut order: Vec<String> = Vec::new();
    let mut cells: BTreeMap<String, Vec<&ResolvedTrial>> = BTreeMap::new();
    for trial in trials {
        let cell = Trial { attempt: 1, epochs: 1, base_seed: 0, ..trial.trial.clone() };
        let key = serde_json::to_string(&cell).expect("a trial is plain data");
        let of = cells.entry(key.clone()).or_default();
        if of.is_empty() {
            order.push(key);
        }
        of.push(trial);
    }
    let seconds = |trial: &Trial| {
        let known = !machine.memory_only;
        known.then(|| estimate(trial, &machine.profile, &Repetitions::default()).seconds).flatten()
    };
    let cells: Vec<CellPlan> = order.iter().map(|key| cell(&cells[key], machine, &seconds)).collect();
    let is_high = |cell: &&CellPlan| cell.capacity.is_some_and(|capacity| capacity.risk == Risk::High);
    DevicePlan {
        device: machine.name.clone(),
        memory: machine.profile.memory(),
        too_large: cells.iter().filter(is_high).map(|cell| cell.trials).sum(),
        cells,
        trials: trials.len(),
        seconds: trials.iter().map(|trial| seconds(&trial.trial)).sum(),
    }
}

fn cell(trials: &[&ResolvedTrial], machine: &Machine, seconds: &dyn Fn(&Trial) -> Option<Seconds>) -> CellPlan {
    let longest = trials.iter().max_by_key(|trial| trial.trial.epochs).expect("a cell has a trial");
    let trial = &longest.trial;
    let implementation = trial.deconvolution.map_or(String::new(), |d| format!(" {}", d.implementation));
    let variant = longest.variant.as_ref().map_or(implementation, |name| format!(" {name}"));
    CellPlan {
        architecture: trial.architecture.to_string(),
        dataset: trial.dataset.to_string(),
        norm: format!("{}{variant}", trial.norm),
        batch_size: trial.recipe.batch_size,
        capacity: Capacity::of(trial, &machine.profile),
        epoch: seconds(trial).map(|all| Seconds(all.0 / f64::from(trial.epochs))),
        trials: trials.len(),
    }
}

impl DevicePlan {
    fn text(&self) -> String {
        let fits = match self.too_large {
            0 => "all are estimated to fit".into(),
            n => format!("{n} are estimated not to fit"),
        };
        let hours = |seconds: Seconds| format!("{:.1} GPU-hours", seconds.0 / 3600.0);
        let time = self.seconds.map_or("time unknown".into(), hours);
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header([
            "network",
            "data",
            "norm",
            "batch",
            "allocated",
            "reserved",
            "device",
            "of it",
            "risk",
            "largest",
            "safe",
            "at a time",
            "epoch",
        ]);
        for cell in &self.cells {
            table.add_row(self.row(cell));
        }
        format!("{}, {}: {} trials, {fits}; {time}\n\n{}\n", self.device, self.memory, self.trials, table.trim_fmt())
    }

    fn row(&self, cell: &CellPlan) -> Vec<Cell> {
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let of = |text: &dyn Fn(&Capacity) -> String| right(cell.capacity.as_ref().map_or("?".into(), text));
        let batch = |batch: u32| if batch == 0 { "none".into() } else { batch.to_string() };
        vec![
            Cell::new(&cell.architecture),
            Cell::new(&cell.dataset),
            Cell::new(&cell.norm),
            right(cell.batch_size.to_string()),
            of(&|c| c.need.allocated.to_string()),
            of(&|c| c.need.reserved.to_string()),
            of(&|c| c.need.device.to_string()),
            of(&|c| format!("{:.0} %", 100.0 * c.need.device.0 as f64 / self.memory.0 as f64)),
            of(&|c| word(c.risk).into()),
            of(&|c| batch(c.largest)),
            of(&|c| batch(c.safe)),
            of(&|c| c.at_a_time.to_string()),
            right(cell.epoch.map_or("?".into(), |seconds| seconds.to_string())),
        ]
    }
}

fn word(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Watch => "watch",
        Risk::High => "high",
    }
}

/// What the columns mean and what they rest on.
fn footer(plans: &[DevicePlan]) -> String {
    let suffice = |plan: &&DevicePlan| plan.cells.iter().all(|cell| cell.capacity.is_some_and(|c| c.risk == Risk::Low));
    let enough: Vec<&str> = plans.iter().filter(suffice).map(|plan| plan.device.as_str()).collect();
    let enough = if enough.is_empty() { "none of these".into() } else { enough.join(", ") };
    format!(
        "\nEnough for all, with the band: {enough}.\n\
         Allocated: live tensors at the peak, from what steps take on a CPU, linear in the batch, good to {band:.0} % there; on no GPU \
         was it measured. Reserved: that times the profile's factor, an assumption. Device: reserved and the profile's base. \
         Risk: low where {band:.0} % more fits too, high where it does not fit. Largest: batch that is estimated to fit, safe: with {band:.0} % \
         more. At a time: trainings on one device, whose times then do not count. Epoch: with evaluation, from the study's \
         times or the profile's rates.\n",
        band = 100.0 * BAND
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Overrides;

    fn table1(machine: &Machine) -> DevicePlan {
        let filter = Filter::parse(&["architecture=vgg16,architecture=dpn92"]).unwrap();
        let scenario = Scenario::load("table1-cifar10").unwrap();
        plan(machine, &expand(&scenario, &machine.profile, &Overrides::default(), &filter).unwrap())
    }

    #[test]
    fn a_device_is_planned_for_cell_by_cell() {
        let profile = Profile::load("v100-16gb").unwrap();
        let known = table1(&Machine { name: "v100-16gb".into(), profile, memory_only: false });
        insta::assert_snapshot!(known.text() + &footer(&[known]));
    }

    #[test]
    fn of_a_slice_only_the_memory_is_known() {
        let small = |memory: &str| {
            let profile = Profile::load("a100-80gb").unwrap().with_memory(memory.parse::<Amount>().unwrap().0);
            table1(&Machine { name: memory.into(), profile, memory_only: true })
        };
        let plan = small("4.75GiB");
        assert!(plan.seconds.is_none() && plan.cells.iter().all(|cell| cell.epoch.is_none()));
        let none = small("100MiB");
        assert_eq!(none.too_large, none.trials);
        assert!(none.text().contains(" none ") && footer(&[none]).contains("none of these"));
    }
}
