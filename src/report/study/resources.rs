//! Tables that the study has not: where the time of a step goes, and memory; BN beside ND.

use super::super::model::{EnvironmentEntry, Report, ResourceRow, TimeRow};
use super::super::words::{dataset_title, environment_line, length, norm_title, states};
use super::names::slug;
use super::value::{Cell, Datum, Head, Row, Source, StudyTable};
use crate::scenario::{Architecture, Dataset, Norm};
use crate::stats::{Interval, Ratio};
use crate::units::{Bytes, Seconds};

/// A column: its head, its quantity, its unit, its value and how that reads.
struct Column {
    head: &'static str,
    quantity: &'static str,
    unit: &'static str,
    value: fn(&ResourceRow) -> Option<f64>,
    shown: fn(f64) -> String,
    /// Whether ND/BN is shown too, and of what.
    ratio: RatioOf,
    /// What stands where there are records but no value.
    absent: &'static str,
}

/// What the ratio ND/BN of a column is made of.
#[derive(Clone, Copy)]
enum RatioOf {
    /// There is none.
    Nothing,
    /// The two values that stand in the row.
    Values,
    /// The blocks that count.
    Blocks(fn(&TimeRow) -> Option<Ratio>),
}

impl RatioOf {
    fn is_shown(self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// Milliseconds of a part of a step.
const fn part(head: &'static str, quantity: &'static str, value: fn(&ResourceRow) -> Option<f64>) -> Column {
    Column {
        head,
        quantity,
        unit: "ms",
        value,
        shown: |v| format!("{v:.2}"),
        ratio: RatioOf::Nothing,
        absent: "not measured",
    }
}

const STEP: [Column; 6] = [
    part("Data", "step_data", |r| Some(milliseconds(r.step?.split.data))),
    part("Forward", "step_forward", |r| Some(milliseconds(r.step?.split.forward))),
    part("Backward", "step_backward", |r| Some(milliseconds(r.step?.split.backward))),
    part("Optimiser", "step_optimiser", |r| Some(milliseconds(r.step?.split.optimiser))),
    Column {
        ratio: RatioOf::Blocks(|row| row.steady_ratio),
        ..part("Steady", "step", |r| Some(milliseconds(r.step?.total())))
    },
    Column {
        ratio: RatioOf::Blocks(|row| row.ratio),
        absent: "does not count",
        ..part("Paper", "step_paper", |r| Some(milliseconds(r.paper_step?)))
    },
];

/// Bytes of a kind of memory.
const fn memory(head: &'static str, quantity: &'static str, value: fn(&ResourceRow) -> Option<f64>) -> Column {
    Column {
        head,
        quantity,
        unit: "bytes",
        value,
        shown: |v| Bytes(v as u64).to_string(),
        ratio: RatioOf::Values,
        absent: "not measured",
    }
}

const MEMORY: [Column; 4] = [
    memory("Allocated", "memory_allocated", |r| Some(r.memory.allocated?.0 as f64)),
    memory("Reserved", "memory_reserved", |r| Some(r.memory.reserved?.0 as f64)),
    memory("Resident", "memory_resident", |r| Some(r.memory.resident?.0 as f64)),
    memory("Per image", "memory_per_image", |r| Some(r.memory_per_image?.0 as f64)),
];

/// Joules.
const fn energy(head: &'static str, quantity: &'static str, value: fn(&ResourceRow) -> Option<f64>) -> Column {
    Column {
        head,
        quantity,
        unit: "J",
        value,
        shown: |v| format!("{v:.3}"),
        ratio: RatioOf::Values,
        absent: "not measured",
    }
}

const ENERGY: [Column; 2] = [
    energy("Image", "energy_per_image", |r| Some(r.energy?.per_image)),
    Column { shown: |v| format!("{v:.0}"), ..energy("Epoch", "energy_per_epoch", |r| Some(r.energy?.per_epoch)) },
];

/// One data set in one environment.
struct Place<'r> {
    dataset: &'r Dataset,
    environment: &'r EnvironmentEntry,
    /// The store has other environments as well.
    several: bool,
    /// All rows of the data set.
    rows: Vec<&'r ResourceRow>,
    /// Its ratios from blocks, in this environment.
    times: Vec<&'r TimeRow>,
}

/// The tables of every data set and environment with a finished record.
pub(super) fn tables<'r>(report: &'r Report) -> Vec<StudyTable> {
    let mut datasets: Vec<&Dataset> = report.resources.iter().map(|r| &r.dataset).collect();
    datasets.dedup();
    let several = report.environments.len() > 1;
    let place = |dataset, environment: &'r EnvironmentEntry| Place {
        dataset,
        environment,
        several,
        rows: report.resources.iter().filter(|r| r.dataset == *dataset).collect(),
        times: report
            .time
            .iter()
            .filter(|r| r.dataset == *dataset && r.environment.as_ref() == Some(&environment.label))
            .collect(),
    };
    let places = datasets.into_iter().flat_map(|d| report.environments.iter().map(move |e| place(d, e)));
    let filled = places.filter(|p| p.here().any(|r| r.records > 0));
    filled.flat_map(|place| [Some(place.steps()), Some(place.memory()), place.energy()]).flatten().collect()
}

impl Place<'_> {
    /// The rows of the environment.
    fn here(&self) -> impl Iterator<Item = &ResourceRow> {
        self.rows.iter().copied().filter(|r| r.environment.as_ref() == Some(&self.environment.label))
    }

    fn steps(&self) -> StudyTable {
        let mut notes = vec![
            "Data, Forward, Backward, Optimiser: mean host time of the parts over the sampled steps; the device is waited \
             for after each part of a sampled step. Steady: their sum, first epoch left out. Paper: training time by the \
             study's definition over the number of steps, first epoch included, of the trainings whose times count. ND/BN: \
             geometric mean over the blocks that count, with 95 % confidence interval, as in the table of training times."
                .to_owned(),
        ];
        if self.here().any(|r| r.step.is_some_and(|s| s.first_epoch)) {
            notes.push("Trainings of one epoch have no other: their sampled steps are those of the first.".into());
        }
        let data = dataset_title(self.dataset);
        self.table("steps", format!("Where the time of a training step goes on {data}, milliseconds."), &STEP, notes)
    }

    fn memory(&self) -> StudyTable {
        let mut notes = vec![
            "Largest peak of the attempts. Allocated: bytes in live tensors on the CUDA device. Reserved: bytes that the \
             caching allocator held. Resident: resident set of the whole process on the host. Per image: Allocated, or \
             Resident where that is not measured, over the images of a batch. A record has the peak of its whole \
             training: memory by epoch is not measured."
                .to_owned(),
        ];
        if self.energy().is_none() {
            notes.push("Energy per image and per epoch: not measured.".into());
        }
        let caption = format!("Peak memory of a training on {}.", dataset_title(self.dataset));
        self.table("memory", caption, &MEMORY, notes)
    }

    /// Absent where nothing was measured.
    fn energy(&self) -> Option<StudyTable> {
        self.here().find(|r| r.energy.is_some())?;
        let notes = vec![
            "Energy that the device used over the training images seen and over the epochs, evaluation included; means \
             over the attempts."
                .to_owned(),
        ];
        let caption = format!("Energy of a training on {}, joules.", dataset_title(self.dataset));
        Some(self.table("energy", caption, &ENERGY, notes))
    }

    fn table(&self, stem: &str, caption: String, columns: &[Column], mut notes: Vec<String>) -> StudyTable {
        let EnvironmentEntry { label, class, environment, .. } = self.environment;
        let suffix = if self.several { format!("-{label}") } else { String::new() };
        notes.push(format!("From environment {label} ({class}): {}.", environment_line(environment)));
        let ratios: Vec<&Column> = columns.iter().filter(|c| c.ratio.is_shown()).collect();
        let mut top = vec![Head::new("Training", 1)];
        top.extend(Norm::ALL.map(|norm| Head::new(norm_title(norm), columns.len())));
        top.push(Head::new("ND/BN", ratios.len()));
        let mut head = vec![Head::new("", 1)];
        head.extend(Norm::ALL.iter().flat_map(|_| columns.iter().map(|c| Head::new(c.head, 1))));
        head.extend(ratios.iter().map(|c| Head::new(c.head, 1)));
        let mut keys: Vec<_> = self.rows.iter().map(|r| (r.architecture, r.epochs)).collect();
        keys.dedup();
        StudyTable {
            name: format!("{stem}-{}{suffix}", slug(self.dataset)),
            number: None,
            caption,
            environment: Some(class.clone()),
            head: vec![top, head],
            rows: keys.into_iter().map(|(a, e)| self.row(a, e, columns)).collect(),
            notes,
        }
    }

    fn row(&self, architecture: Architecture, epochs: u32, columns: &[Column]) -> Row {
        let of_row = |r: &&&ResourceRow| (r.architecture, r.epochs) == (architecture, epochs);
        let own: Vec<&ResourceRow> = self.rows.iter().filter(of_row).copied().collect();
        let pair = Norm::ALL.map(|norm| here(&own, norm, &self.environment.label));
        let sides = Norm::ALL.iter().zip(&pair);
        let mut cells: Vec<Cell> =
            sides.flat_map(|(n, row)| columns.iter().map(|c| cell(&own, *n, *row, c)).collect::<Vec<_>>()).collect();
        cells.extend(columns.iter().filter(|c| c.ratio.is_shown()).map(|c| self.ratio(&own, pair, c)));
        Row { label: format!("{}, {}", architecture.title(), length(epochs)), cells }
    }

    /// ND/BN of a column.
    fn ratio(&self, own: &[&ResourceRow], pair: [Option<&ResourceRow>; 2], column: &Column) -> Cell {
        let RatioOf::Blocks(ratio) = column.ratio else { return quotient(own, pair, column) };
        let [Some(bn), Some(nd)] = pair else { return Cell::empty() };
        let of_pair =
            |row: &&&TimeRow| row.bn.cell.as_ref() == Some(&bn.cell) && row.nd.cell.as_ref() == Some(&nd.cell);
        let found = self.times.iter().find(of_pair).and_then(|row| ratio(row));
        found.map_or_else(Cell::empty, |r| ratio_cell(bn, column, r.value, r.interval, Some(r.n)))
    }
}

/// The row of a norm in an environment.
fn here<'r>(rows: &[&'r ResourceRow], norm: Norm, label: &str) -> Option<&'r ResourceRow> {
    rows.iter().copied().find(|r| r.norm == norm && r.environment.as_deref() == Some(label))
}

fn cell(own: &[&ResourceRow], norm: Norm, row: Option<&ResourceRow>, column: &Column) -> Cell {
    // Without a row here, the cell's others say whether it ran elsewhere.
    let Some(any) = row.or_else(|| own.iter().copied().find(|r| r.norm == norm)) else { return Cell::empty() };
    let value = row.and_then(column.value);
    let state = match row {
        _ if value.is_some() => "present".into(),
        Some(row) if row.records > 0 => column.absent.into(),
        Some(row) => states(&row.unfinished),
        None if any.environment.is_some() => "elsewhere".into(),
        None => "missing".into(),
    };
    let shown = value.map_or_else(|| state.clone(), column.shown);
    let (n, of) = (row.map_or(0, |r| r.records), any.planned);
    Cell {
        shown,
        datum: Some(Datum {
            dataset: any.dataset.to_string(),
            architecture: any.architecture.to_string(),
            norm: norm.to_string(),
            epochs: any.epochs,
            source: Source::Ours,
            quantity: column.quantity,
            unit: column.unit,
            value,
            interval: None,
            n: Some(n),
            of: Some(of),
            state,
        }),
    }
}

/// The two rows' values of a column, one over the other.
fn quotient(own: &[&ResourceRow], [bn, nd]: [Option<&ResourceRow>; 2], column: &Column) -> Cell {
    let Some(any) = own.first() else { return Cell::empty() };
    let values = bn.and_then(column.value).filter(|b| *b > 0.0).zip(nd.and_then(column.value));
    values.map_or_else(Cell::empty, |(bn, nd)| ratio_cell(any, column, nd / bn, None, None))
}

/// ND/BN as a cell, with `interval`.
fn ratio_cell(
    any: &ResourceRow,
    column: &Column,
    value: f64,
    interval: Option<Interval>,
    blocks: Option<usize>,
) -> Cell {
    let ends = interval.map(|i| (i.low, i.high));
    let interval = interval.map_or_else(String::new, |i| format!(" [{:.2}, {:.2}]", i.low, i.high));
    Cell {
        shown: format!("{value:.2}{interval}"),
        datum: Some(Datum {
            dataset: any.dataset.to_string(),
            architecture: any.architecture.to_string(),
            norm: "nd/bn".into(),
            epochs: any.epochs,
            source: Source::Ours,
            quantity: column.quantity,
            unit: "1",
            value: Some(value),
            interval: ends,
            n: blocks,
            of: None,
            state: "present".into(),
        }),
    }
}

fn milliseconds(seconds: Seconds) -> f64 {
    1e3 * seconds.0
}
