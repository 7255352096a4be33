//! From a scenario to its trials.

use super::{Block, Filter, PlanError, ResolvedTrial, Trial};
use crate::profile::{Arithmetic, Device, Profile};
use crate::scenario::{Architecture, Matrix, Norm, Precision, Recipe, Scenario};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a scenario says how images lie.
const LAYOUT: &str = "recipe.channels_last";

/// What the command line changes in a scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// `--attempts N`.
    pub attempts: Option<u32>,
    /// `--epochs LIST`; empty: as the scenario says.
    pub epochs: Vec<u32>,
    /// `--set KEY=VALUE`, a dotted key of the scenario and its TOML value; applied in order, after the others.
    pub set: Vec<String>,
}

impl Overrides {
    /// The scenario with these changes.
    ///
    /// # Errors
    /// [`PlanError::Setting`], [`PlanError::Name`], [`PlanError::Twice`] and [`PlanError::Settings`].
    pub fn apply(&self, scenario: &Scenario) -> Result<Scenario, PlanError> {
        let mut changed = scenario.clone();
        if let Some(attempts) = self.attempts {
            changed = changed.with("--attempts", "matrix.attempts", &attempts.to_string())?;
        }
        if !self.epochs.is_empty() {
            changed = changed.with("--epochs", "matrix.epochs", &format!("{:?}", self.epochs))?;
        }
        let flags = [
            ("--attempts", "matrix.attempts", self.attempts.is_some()),
            ("--epochs", "matrix.epochs", !self.epochs.is_empty()),
        ];
        for setting in &self.set {
            let (key, value) = setting.split_once('=').ok_or_else(|| PlanError::Setting(setting.clone()))?;
            let plain = key.replace(['"', '\'', ' '], "");
            if plain == "name" {
                return Err(PlanError::Name);
            }
            if let Some((flag, key, _)) = flags.iter().find(|(_, key, given)| *given && plain == *key) {
                return Err(PlanError::Twice { flag, key });
            }
            changed = changed.with("--set", key.trim(), value.trim())?;
        }
        Ok(changed)
    }
}

/// The place of one block in the matrix: which entries of its lists.
struct Cell {
    epochs: usize,
    attempt: u32,
    dataset: usize,
    architecture: usize,
}

/// The trials of `scenario` on the machine of `profile`, in the order in which they are to run.
///
/// Short trainings come first, then by attempt, then in the scenario's order of data sets and architectures. So a
/// reader has a complete table of one-epoch results after a small part of the time, and one value in every cell before
/// any cell has its second; stopped at any moment, the matrix is as wide as it can be. (The study went cell by cell, all
/// attempts of one before the next.)
///
/// The BN and the ND trial of a cell and attempt form a block and follow one another. Odd attempts run in the order of
/// [`Norm::TRAINED`], BN before ND, even attempts in the reverse order, so that a machine that slows down or warms up favours
/// neither. A filter leaves out trials and changes nothing else: each keeps its id and its place in the block.
///
/// # Errors
/// Overrides that break a rule, a filter that leaves nothing, arithmetic that the device does not have.
pub fn expand(
    scenario: &Scenario,
    profile: &Profile,
    overrides: &Overrides,
    filter: &Filter,
) -> Result<Vec<ResolvedTrial>, PlanError> {
    let scenario = overrides.apply(scenario)?;
    let precision = precision(&scenario, profile)?;
    let says = scenario.source(LAYOUT).is_some();
    let channels_last = if says { scenario.recipe().channels_last } else { profile.channels_last() };
    let of_machine = |recipe: Recipe| Recipe { precision, channels_last, ..recipe };
    graphs(&scenario, profile)?;
    let (mut trials, mut shared) = (Vec::new(), BTreeMap::new());
    for cell in cells(scenario.matrix()) {
        let architecture = scenario.matrix().architectures[cell.architecture];
        for (position, (norm, variant)) in order(&scenario, architecture, cell.attempt).into_iter().enumerate() {
            let trial = trial(&scenario, &of_machine, &cell, norm, variant);
            if filter.keeps(&trial) {
                let new = || Arc::new(sources(&scenario, profile, &trial, &cell, variant));
                let key = (cell.epochs, cell.dataset, cell.architecture, norm, variant);
                let sources = shared.entry(key).or_insert_with(new).clone();
                let block = Block { id: format!("{}/{}", trial.cell(), trial.attempt), position: position as u32 };
                trials.push(ResolvedTrial { trial, sources, block, variant: variant.map(Arc::from) });
            }
        }
    }
    if trials.is_empty() {
        let (matrix, scenario) = (choices(&scenario), scenario.name().into());
        return Err(PlanError::NothingLeft { scenario, filter: filter.to_string(), matrix });
    }
    Ok(trials)
}

/// Every cell and attempt, in running order.
fn cells(matrix: &Matrix) -> Vec<Cell> {
    let mut lengths: Vec<usize> = (0..matrix.epochs.len()).collect();
    lengths.sort_by_key(|i| matrix.epochs[*i]);
    let mut cells = Vec::new();
    for epochs in lengths {
        for attempt in 1..=matrix.attempts {
            for dataset in 0..matrix.datasets.len() {
                for architecture in 0..matrix.architectures.len() {
                    cells.push(Cell { epochs, attempt, dataset, architecture });
                }
            }
        }
    }
    cells
}

/// The norms of one block in running order, whatever the order in the file; after ND its variants by their names.
fn order(scenario: &Scenario, architecture: Architecture, attempt: u32) -> Vec<(Norm, Option<&str>)> {
    let own = scenario.norms(architecture);
    let norms = Norm::TRAINED.into_iter().filter(|n| own.contains(n)).map(|norm| (norm, None));
    let variants = scenario.variants().keys().filter(|_| own.contains(&Norm::Nd));
    let variants = variants.map(|name| (Norm::Nd, Some(name.as_str())));
    let mut order: Vec<_> = norms.chain(variants).collect();
    if attempt.is_multiple_of(2) {
        order.reverse();
    }
    order
}

fn trial(
    scenario: &Scenario,
    of_machine: &dyn Fn(Recipe) -> Recipe,
    cell: &Cell,
    norm: Norm,
    variant: Option<&str>,
) -> Trial {
    let matrix = scenario.matrix();
    let architecture = matrix.architectures[cell.architecture];
    let recipe = of_machine(scenario.recipe_of(architecture));
    let deconvolution = variant.map_or(scenario.deconvolution(), |name| &scenario.variants()[name]);
    Trial {
        architecture,
        dataset: matrix.datasets[cell.dataset].clone(),
        norm,
        epochs: matrix.epochs[cell.epochs],
        attempt: cell.attempt,
        recipe,
        batch_norm: *scenario.batch_norm(),
        deconvolution: (norm == Norm::Nd).then_some(*deconvolution),
        train_images: scenario.train_images(),
        test_images: scenario.test_images(),
        base_seed: scenario.base_seed(),
    }
}

/// The scenario's precision, or else the profile's.
fn precision(scenario: &Scenario, profile: &Profile) -> Result<Precision, PlanError> {
    let offers = [(Precision::Tf32, profile.tf32(), "TF32"), (Precision::Bf16, profile.bf16(), "bfloat16")];
    let Some(place) = scenario.source("recipe.precision") else {
        let on = offers.iter().find(|(_, has, _)| *has == Arithmetic::On);
        return Ok(on.map_or(Precision::Fp32, |(precision, ..)| *precision));
    };
    let asked = scenario.recipe().precision;
    match offers.iter().find(|(precision, has, _)| *precision == asked && *has == Arithmetic::Absent) {
        Some((_, _, what)) => Err(PlanError::NoArithmetic { place, what, profile: profile.name().into() }),
        None => Ok(asked),
    }
}

/// CUDA graphs are asked for where there can be some.
fn graphs(scenario: &Scenario, profile: &Profile) -> Result<(), PlanError> {
    if !scenario.recipe().cuda_graph || profile.device() == Device::Cuda {
        return Ok(());
    }
    let place = scenario.source("recipe.cuda_graph").unwrap_or_else(|| scenario.name().into());
    Err(PlanError::NoGraphs { place, profile: profile.name().into() })
}

/// Where each value of a trial came from, by its dotted key.
fn sources(
    scenario: &Scenario,
    profile: &Profile,
    trial: &Trial,
    cell: &Cell,
    variant: Option<&str>,
) -> BTreeMap<String, String> {
    let mut keys = Vec::new();
    leaves(String::new(), &serde_json::to_value(trial).expect("a trial is plain data"), &mut keys);
    // Written in a trial where they are not the study's only; their source counts in any case.
    keys.extend(["batch_norm.momentum", "batch_norm.eps"].map(String::from));
    let own = |key: &str| format!("networks.{}.{key}", trial.architecture);
    let source = |key: &str| match key {
        "architecture" => scenario.source(&format!("matrix.architectures[{}]", cell.architecture)),
        "dataset" => scenario.source(&format!("matrix.datasets[{}]", cell.dataset)),
        "epochs" => scenario.source(&format!("matrix.epochs[{}]", cell.epochs)),
        "norm" => scenario.source(&own("norms")).or_else(|| scenario.source("matrix.norms")),
        "recipe.lr" => scenario.source(&own("lr")).or_else(|| scenario.source(key)),
        "attempt" => scenario.source("matrix.attempts"),
        "recipe.precision" => {
            let bf16 = profile.bf16() == Arithmetic::On;
            scenario.source(key).or_else(|| profile.source(if bf16 { "precision.bf16" } else { "precision.tf32" }))
        }
        LAYOUT => scenario.source(key).or_else(|| profile.source("device.channels_last")),
        _ => match (key.strip_prefix("deconvolution."), variant) {
            (Some(setting), Some(name)) => scenario.source(&format!("variants.{name}.{setting}")),
            _ => scenario.source(key),
        },
    };
    let named = |key: String| (source(&key).unwrap_or_else(|| "default".into()), key);
    keys.into_iter().map(named).map(|(source, key)| (key, source)).collect()
}

/// The dotted keys of all values in `value` that are no objects.
fn leaves(key: String, value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                leaves(if key.is_empty() { name.clone() } else { format!("{key}.{name}") }, field, keys);
            }
        }
        // BN has no deconvolution, hence no source of it.
        Value::Null if key == "deconvolution" => {}
        _ => keys.push(key),
    }
}

/// What a filter can choose from.
fn choices(scenario: &Scenario) -> String {
    fn list<T: ToString>(values: &[T]) -> String {
        values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
    }
    let matrix = scenario.matrix();
    let mut norms = Norm::TRAINED.to_vec();
    norms.retain(|norm| matrix.architectures.iter().any(|a| scenario.norms(*a).contains(norm)));
    format!(
        "architectures {}; datasets {}; norms {}; epochs {}; attempts 1 to {}",
        list(&matrix.architectures),
        list(&matrix.datasets),
        list(&norms),
        list(&matrix.epochs),
        matrix.attempts
    )
}
