//! What the original, the study and the records say about every cell of a table, one measure in one environment.

use super::super::audit;
use super::super::model::{AccuracyRow, EnvironmentEntry, IMPLAUSIBLE_POINTS, Report, TimeRow};
use super::super::words::states;
use super::names::study_name;
use crate::published::{Cell, Figures, Published};
use crate::scenario::{Architecture, Dataset, Norm};
use crate::stats::Summary;
use std::collections::{BTreeMap, BTreeSet};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Measure {
    /// Top-1, percent.
    Accuracy,
    /// Seconds of training by the `paper` definition.
    Seconds,
}

/// One measure on one data set; ours from one environment.
pub(in crate::report) struct Grid<'a> {
    pub measure: Measure,
    pub dataset: Dataset,
    /// Where ours come from; absent where there is no record.
    pub environment: Option<&'a EnvironmentEntry>,
    /// The store has other environments as well.
    pub several: bool,
    /// Something is published about the data set.
    pub published: bool,
    pub architectures: Vec<Architecture>,
    pub epochs: Vec<u32>,
    /// Cells of the scenario that the table has no place for.
    pub outside: usize,
    /// Cells of the scenario that are trained otherwise than the study trained them.
    pub otherwise: usize,
    entries: BTreeMap<Cell, Entry>,
    /// ND/BN of our times, from blocks, of the networks and lengths that the study has.
    ratios: BTreeMap<(Architecture, u32), f64>,
}

/// One cell.
#[derive(Default)]
pub(in crate::report) struct Entry {
    pub original: Option<f64>,
    /// The study's attempts.
    pub study: Option<Summary>,
    /// The mean as the study prints it, where that is another.
    pub printed: Option<f64>,
    /// The study's mean lies implausibly far above the original.
    pub implausible: bool,
    pub ours: Ours,
}

/// What the records say.
#[derive(Default)]
pub(in crate::report) struct Ours {
    pub summary: Option<Summary>,
    /// Attempts that the scenario asks for; none where it has no such cell.
    pub planned: Option<usize>,
    /// Why there is no value; `present` where there is one.
    pub state: String,
}

impl<'a> Grid<'a> {
    /// One grid a data set and environment, in order; `all`: also data sets of which the report says nothing.
    pub fn all(report: &'a Report, published: &Published, measure: Measure, all: bool) -> Vec<Self> {
        let mut datasets: BTreeSet<Dataset> = report.accuracy.iter().map(|row| row.dataset.clone()).collect();
        if all {
            datasets.extend(published.cells().keys().map(|cell| cell.dataset.clone()));
        }
        let of = |dataset: Dataset| {
            let here = |e: &&EnvironmentEntry| {
                report.accuracy.iter().any(|r| r.dataset == dataset && r.environment.as_ref() == Some(&e.label))
            };
            let mut places: Vec<Option<&EnvironmentEntry>> =
                report.environments.iter().filter(here).map(Some).collect();
            if places.is_empty() {
                places.push(None);
            }
            places.into_iter().map(|place| Self::new(report, published, measure, &dataset, place)).collect::<Vec<_>>()
        };
        datasets.into_iter().flat_map(of).collect()
    }

    fn new(
        report: &Report,
        published: &Published,
        measure: Measure,
        dataset: &Dataset,
        environment: Option<&'a EnvironmentEntry>,
    ) -> Self {
        let rows: Vec<&AccuracyRow> = report.accuracy.iter().filter(|r| r.dataset == *dataset).collect();
        let known: Vec<&Cell> = published.cells().keys().filter(|c| c.dataset == *dataset).collect();
        let label = environment.map(|e| e.label.as_str());
        let cells: BTreeSet<Cell> = if known.is_empty() {
            rows.iter().map(|r| cell(r)).collect()
        } else {
            known.into_iter().cloned().collect()
        };
        let planned: BTreeSet<Cell> = rows.iter().map(|r| cell(r)).collect();
        let comparable: Vec<&AccuracyRow> = rows
            .iter()
            .copied()
            .filter(|r| published.figures(&cell(r)).is_none() || r.study.is_some() || r.original.is_some())
            .collect();
        let matching: BTreeSet<Cell> = comparable.iter().map(|r| cell(r)).collect();
        let wrong = misprinted(published, measure);
        let entry = |c: &Cell| {
            let rows: Vec<&AccuracyRow> = comparable.iter().copied().filter(|r| cell(r) == *c).collect();
            let mut entry =
                published.figures(c).map_or_else(Entry::default, |f| Entry::published(f, measure, wrong.contains(c)));
            entry.ours = Ours::of(report, &rows, label, measure);
            if rows.is_empty() && planned.contains(c) {
                entry.ours.state = "other settings".into();
            }
            entry
        };
        let ours = |r: &&TimeRow| {
            let cells = comparable.iter().filter(|a| a.environment == r.environment).map(|a| Some(&a.cell));
            let cells: Vec<_> = cells.collect();
            r.environment.as_deref() == label
                && cells.contains(&r.bn.cell.as_ref())
                && cells.contains(&r.nd.cell.as_ref())
        };
        let times = report.time.iter().filter(|r| r.dataset == *dataset).filter(ours);
        Grid {
            ratios: times.filter_map(|r| Some(((r.architecture, r.epochs), r.ratio?.value))).collect(),
            measure,
            dataset: dataset.clone(),
            environment,
            several: report.environments.len() > 1,
            published: cells.iter().any(|c| published.figures(c).is_some()),
            architectures: distinct(cells.iter().map(|c| c.architecture)),
            epochs: distinct(cells.iter().map(|c| c.epochs)),
            outside: planned.difference(&cells).count(),
            otherwise: planned.difference(&matching).count(),
            entries: cells.iter().map(|c| (c.clone(), entry(c))).collect(),
        }
    }

    /// A cell; absent where the table has none.
    pub fn entry(&self, architecture: Architecture, norm: Norm, epochs: u32) -> Option<&Entry> {
        self.entries.get(&Cell { dataset: self.dataset.clone(), architecture, norm, epochs })
    }

    /// ND/BN of our training times, from the blocks that count.
    pub fn ratio(&self, architecture: Architecture, epochs: u32) -> Option<f64> {
        self.ratios.get(&(architecture, epochs)).copied()
    }

    /// All cells in order.
    pub fn entries(&self) -> impl Iterator<Item = (&Cell, &Entry)> {
        self.entries.iter()
    }

    /// The name of a network: the study's own beside its figures.
    pub fn network(&self, architecture: Architecture) -> &'static str {
        if self.published { study_name(architecture) } else { architecture.title() }
    }

    /// A name for files: `stem`, with the environment where there are several.
    pub fn name(&self, stem: &str) -> String {
        match self.environment {
            Some(e) if self.several => format!("{stem}-{}", e.label),
            _ => stem.into(),
        }
    }
}

/// The cells whose printed mean is not that of the attempts.
fn misprinted(published: &Published, measure: Measure) -> BTreeSet<Cell> {
    let measure = match measure {
        Measure::Accuracy => audit::Measure::Accuracy,
        Measure::Seconds => audit::Measure::Seconds,
    };
    let findings = audit::findings(published).into_iter().filter(|f| f.measure == measure);
    let cell = |finding: audit::Finding| match finding.place {
        audit::Place::Cifar(cell) => Some(cell),
        audit::Place::Imagenet { .. } => None,
    };
    findings.filter_map(cell).collect()
}

impl Entry {
    fn published(figures: &Figures, measure: Measure, wrong: bool) -> Self {
        let (original, study, printed) = match measure {
            Measure::Accuracy => (figures.original_percent, figures.accuracy(), figures.printed_percent),
            Measure::Seconds => (None, figures.seconds(), figures.printed_seconds),
        };
        let printed = printed.filter(|_| wrong);
        let implausible = study.zip(original).is_some_and(|(s, o)| s.mean > o + IMPLAUSIBLE_POINTS);
        Entry { original, study, printed, implausible, ours: Ours::default() }
    }
}

impl Ours {
    /// From the rows of one cell, one an environment.
    fn of(report: &Report, rows: &[&AccuracyRow], label: Option<&str>, measure: Measure) -> Self {
        let Some(first) = rows.first() else {
            return Ours { summary: None, planned: None, state: "not planned".into() };
        };
        let planned = Some(first.planned);
        let Some(row) = rows.iter().find(|r| r.environment.as_deref() == label) else {
            let state = if rows.iter().all(|r| r.environment.is_none()) { "missing" } else { "elsewhere" };
            return Ours { summary: None, planned, state: state.into() };
        };
        let (summary, unfinished) = match measure {
            Measure::Accuracy => (row.test_top1, row.unfinished.clone()),
            Measure::Seconds => seconds(report, row),
        };
        let state = if summary.is_some() { "present".into() } else { states(&unfinished) };
        Ours { summary, planned, state }
    }
}

/// The training times of a row's cell in its environment.
fn seconds(report: &Report, row: &AccuracyRow) -> (Option<Summary>, Vec<String>) {
    let here = report.time.iter().filter(|t| t.environment == row.environment);
    let side = here.flat_map(|t| [&t.bn, &t.nd]).find(|side| side.cell.as_ref() == Some(&row.cell));
    side.map_or_else(|| (None, row.unfinished.clone()), |side| (side.seconds, side.unfinished.clone()))
}

fn cell(row: &AccuracyRow) -> Cell {
    Cell { dataset: row.dataset.clone(), architecture: row.architecture, norm: row.norm, epochs: row.epochs }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<BTreeSet<T>>().into_iter().collect()
}
