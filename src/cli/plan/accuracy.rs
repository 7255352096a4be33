//! `ndbench plan --accuracy`: memory as it was planned against memory as it was measured.

use super::seen::Seen;
use crate::cli::exit::Failure;
use crate::cli::talk;
use crate::plan::account::Subject;
use crate::plan::{Correction, Seen as Step, StepKind};
use crate::record::{ProbeRecord, Record, cpu_of, kind_of, seen, step_kind};
use crate::telemetry::Environment;
use crate::units::Bytes;
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// A measured peak with what was planned for it.
#[derive(Debug, Clone, Serialize)]
struct Row {
    network: String,
    norm: String,
    batch: u64,
    measured: Bytes,
    /// From the network's layers; of a training, as its record has it.
    analytic: Option<Bytes>,
    /// By the line through the two smallest batches of the same; absent for these.
    probes: Option<Bytes>,
}

/// The errors of one kind of estimate.
#[derive(Debug, Serialize)]
struct Errors {
    of: &'static str,
    estimates: usize,
    /// Mean of the absolute errors, relative.
    mean: f64,
    /// The largest, relative; above and below what was measured.
    most_over: f64,
    most_under: f64,
}

/// What a store says.
#[derive(Debug, Serialize)]
struct Accuracy {
    rows: Vec<Row>,
    errors: Vec<Errors>,
}

/// Prints what was planned beside what was measured.
pub(super) fn run(store: &Path, json: bool) -> Result<(), Failure> {
    let accuracy = Accuracy::of(&Seen::read(store)?);
    let text = if json {
        format!("{:#}\n", serde_json::to_value(&accuracy).expect("it is plain data"))
    } else {
        accuracy.text()
    };
    Ok(talk::write_all(&mut io::stdout(), &text)?)
}

impl Accuracy {
    fn of(seen: &Seen) -> Self {
        let mut rows: Vec<Row> = seen.records.iter().filter_map(of_record).collect();
        rows.extend(of_probes(&seen.probes));
        rows.sort_by(|a, b| (&a.network, &a.norm, a.batch).cmp(&(&b.network, &b.norm, b.batch)));
        let errors = [
            Errors::of("analytic", rows.iter().filter_map(|row| Some((row.analytic?, row.measured)))),
            Errors::of("probes", rows.iter().filter_map(|row| Some((row.probes?, row.measured)))),
        ];
        Self { rows, errors: errors.into_iter().flatten().collect() }
    }

    fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["network", "norm", "batch", "measured", "analytic", "error", "probes", "error"]);
        for row in &self.rows {
            let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            let bytes = |bytes: Option<Bytes>| right(bytes.map_or(String::new(), |bytes| bytes.to_string()));
            let error = |planned: Option<Bytes>| {
                right(planned.map_or(String::new(), |planned| percent(error(planned, row.measured))))
            };
            table.add_row([
                Cell::new(&row.network),
                Cell::new(&row.norm),
                right(row.batch.to_string()),
                bytes(Some(row.measured)),
                bytes(row.analytic),
                error(row.analytic),
                bytes(row.probes),
                error(row.probes),
            ]);
        }
        let errors = self.errors.iter().map(|errors| {
            format!(
                "{}: {} estimates, mean error {:.1} %, at most {} over and {} under\n",
                errors.of,
                errors.estimates,
                100.0 * errors.mean,
                percent(errors.most_over),
                percent(-errors.most_under),
            )
        });
        format!("{}\n\n{}", table.trim_fmt(), errors.collect::<String>())
    }
}

impl Errors {
    /// Of planned and measured amounts; `None` where there are none.
    fn of(of: &'static str, pairs: impl Iterator<Item = (Bytes, Bytes)>) -> Option<Self> {
        let errors: Vec<f64> = pairs.map(|(planned, measured)| error(planned, measured)).collect();
        let (count, sum) = (errors.len(), errors.iter().map(|error| error.abs()).sum::<f64>());
        let most = |sign: f64| errors.iter().map(|error| sign * error).fold(0.0, f64::max);
        let (most_over, most_under) = (most(1.0), most(-1.0));
        (count > 0).then(|| Self { of, estimates: count, mean: sum / count as f64, most_over, most_under })
    }
}

/// What was planned over what was measured, less one.
fn error(planned: Bytes, measured: Bytes) -> f64 {
    planned.0 as f64 / measured.0 as f64 - 1.0
}

fn percent(share: f64) -> String {
    format!("{:+.1} %", 100.0 * share)
}

/// A training with its plan.
fn of_record(record: &Record) -> Option<Row> {
    let planned = record.planned?;
    let trial = &record.trial;
    Some(Row {
        network: trial.architecture.to_string(),
        norm: words(&StepKind::from(trial)),
        batch: trial.recipe.batch_size.into(),
        measured: record.memory.allocated?,
        analytic: Some(planned.allocated),
        probes: None,
    })
}

/// Steps of probes, each kind on each device by itself.
fn of_probes(probes: &[ProbeRecord]) -> Vec<Row> {
    let mut kinds: BTreeMap<String, (StepKind, Subject, Vec<Step>)> = BTreeMap::new();
    for probe in probes {
        for arm in &probe.cell.arms {
            let Some(step) = seen(&probe.cell, arm) else { continue };
            let kind = step_kind(&probe.cell, arm);
            let subject = subject(&kind, &probe.environment);
            let key = format!("{kind:?} {:?} {:?}", probe.environment.device, subject.cpu);
            kinds.entry(key).or_insert((kind, subject, Vec::new())).2.push(step);
        }
    }
    kinds.into_values().flat_map(|(kind, subject, steps)| of_kind(&kind, &subject, steps)).collect()
}

/// What the account of such steps is of, on the device or the CPU of that environment.
fn subject(kind: &StepKind, environment: &Environment) -> Subject {
    let subject = kind.subject(kind_of(&environment.device));
    Subject { cpu: cpu_of(environment).or(subject.cpu), ..subject }
}

/// Steps of one kind: the two smallest batches make the line that the others are held against.
fn of_kind(kind: &StepKind, subject: &Subject, mut steps: Vec<Step>) -> Vec<Row> {
    steps.sort_by_key(|step| step.batch);
    let mut batches: Vec<u64> = steps.iter().map(|step| step.batch).collect();
    batches.dedup();
    let last = batches.get(1).copied().unwrap_or(u64::MAX);
    let (fitted, _): (Vec<Step>, Vec<Step>) = steps.iter().copied().partition(|step| step.batch <= last);
    let correction = Correction::of(subject, &fitted);
    let row = |step: &Step| {
        let account = subject.step(step.batch);
        let corrected = |account: Bytes| Bytes((account.0 as f64 + correction.at(step.batch)).max(0.0) as u64);
        Row {
            network: kind.architecture.to_string(),
            norm: words(kind),
            batch: step.batch,
            measured: Bytes(step.allocated.0.saturating_sub(step.data.0)),
            analytic: account,
            probes: account.map(corrected).filter(|_| step.batch > last),
        }
    };
    steps.iter().map(row).collect()
}

/// `bn`, `nd fast`, `bn, bf16, channels last`.
fn words(kind: &StepKind) -> String {
    let implementation = kind.deconvolution.map_or(String::new(), |d| format!(" {}", d.implementation));
    let precision = kind.precision.suffix();
    let layout = if kind.channels_last { ", channels last" } else { "" };
    format!("{}{implementation}{precision}{layout}", kind.norm)
}
