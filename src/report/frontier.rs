//! What other settings of ND cost and bring: training time and accuracy of each, beside BN and the scenario's own ND.

use super::probe::ratio_text;
use super::table::Table;
use super::time::valid_seconds;
use super::words::{NOTHING, clean, dataset_title, environment_line, length, norm_title, spread};
use crate::event::Outcome;
use crate::plan::{ResolvedTrial, Trial};
use crate::record::Record;
use crate::scenario::{Architecture, Dataset, Norm};
use crate::stats::{LEVEL, Paired, Ratio, Summary, paired_ratio, paired_t};
use crate::telemetry::Environment;
use crate::units::Seconds;
use serde::Serialize;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One network, data set, length and environment, and what was trained of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Frontier {
    /// The network.
    pub architecture: Architecture,
    /// The data.
    pub dataset: Dataset,
    /// Length of the trainings.
    pub epochs: u32,
    /// Where they ran.
    pub environment: Arc<Environment>,
    /// BN, ND and its variants, in the order of the scenario.
    pub points: Vec<Point>,
}

/// One way to train.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// `BN`, `ND`, or the name of a variant.
    pub name: String,
    /// BN or ND.
    pub norm: Norm,
    /// Test top-1 after the last epoch, per cent.
    pub test_top1: Option<Summary>,
    /// Attempts that diverged.
    pub diverged: usize,
    /// Training time of those that count, seconds.
    pub seconds: Option<Summary>,
    /// Training time to that of BN, from attempts that have both.
    pub overhead: Option<Ratio>,
    /// Training time to that of the scenario's own ND, from attempts that have both.
    pub of_nd: Option<Ratio>,
    /// Test top-1 less that of the scenario's own ND, points, from attempts that have both.
    pub gain: Option<Paired>,
}

/// The finished record of each attempt.
type Attempts<'a> = BTreeMap<u32, &'a Record>;

/// What `records` say of `trials`; an entry for each network, data set, length and environment with a finished record.
pub fn frontiers<R: Borrow<Record>>(trials: &[ResolvedTrial], records: &[R]) -> Vec<Frontier> {
    let ended = records.iter().map(Borrow::borrow).filter(|record| record.outcome.is_final());
    let mut by_environment: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    ended.for_each(|record| by_environment.entry(record.environment.fingerprint()).or_default().push(record));
    let mut cells: Vec<Vec<&ResolvedTrial>> = Vec::new();
    for resolved in trials {
        match cells.iter_mut().find(|cell| cell[0].trial.cell() == resolved.trial.cell()) {
            Some(cell) => cell.push(resolved),
            None => cells.push(vec![resolved]),
        }
    }
    let each = cells.iter().flat_map(|cell| by_environment.values().map(move |records| frontier(cell, records)));
    each.flatten().collect()
}

/// The trials of one cell, as `records` of one environment tell of them.
fn frontier(cell: &[&ResolvedTrial], records: &[&Record]) -> Option<Frontier> {
    let mut arms: Vec<(String, Norm, Attempts)> = Vec::new();
    let mut diverged: BTreeMap<String, usize> = BTreeMap::new();
    for resolved in cell {
        let name = resolved.variant.as_deref().unwrap_or(norm_title(resolved.trial.norm));
        let index = arms.iter().position(|(known, ..)| known == name).unwrap_or_else(|| {
            arms.push((name.into(), resolved.trial.norm, Attempts::new()));
            arms.len() - 1
        });
        let own = || records.iter().filter(|record| record.trial == resolved.trial);
        let finished = own().find(|record| record.outcome == Outcome::Finished);
        let bad = own().any(|record| matches!(record.outcome, Outcome::Diverged { .. }));
        *diverged.entry(name.into()).or_default() += usize::from(finished.is_none() && bad);
        arms[index].2.extend(finished.map(|record| (record.trial.attempt, *record)));
    }
    let first = arms.iter().find_map(|(.., attempts)| attempts.values().next())?;
    let Trial { architecture, dataset, epochs, .. } = first.trial.clone();
    let own = |norm: Norm| arms.iter().find(|arm| arm.0 == norm_title(norm)).map(|arm| &arm.2);
    let points = arms.iter().map(|(name, norm, attempts)| {
        let pairs = |other: Option<&Attempts>, of: fn(&Record) -> Option<f64>| -> Vec<(f64, f64)> {
            let both = other.into_iter().flatten().filter_map(|(n, record)| Some((of(record)?, of(attempts.get(n)?)?)));
            both.collect()
        };
        let all = |of: fn(&Record) -> Option<f64>| {
            Summary::of(&attempts.values().filter_map(|record| of(record)).collect::<Vec<_>>())
        };
        let [is_bn, is_nd] = [Norm::Bn, Norm::Nd].map(|norm| *name == norm_title(norm));
        Point {
            name: name.clone(),
            norm: *norm,
            test_top1: all(top1),
            diverged: diverged[name],
            seconds: all(valid_seconds),
            overhead: paired_ratio(&pairs(own(Norm::Bn), valid_seconds), LEVEL).filter(|_| !is_bn),
            of_nd: paired_ratio(&pairs(own(Norm::Nd), valid_seconds), LEVEL).filter(|_| !is_nd),
            gain: paired_t(&pairs(own(Norm::Nd), top1), LEVEL).filter(|_| !is_nd),
        }
    });
    let points = points.collect();
    Some(Frontier { architecture, dataset, epochs, environment: first.environment.clone(), points })
}

/// Test top-1 after the last epoch, per cent.
fn top1(record: &Record) -> Option<f64> {
    record.epochs.last().map(|epoch| 100.0 * epoch.test_top1)
}

/// The accuracy of a point, and how many attempts have none.
fn tested(point: &Point) -> String {
    match (point.test_top1.map(|summary| spread(&summary)), point.diverged) {
        (None, 0) => NOTHING.into(),
        (Some(text), 0) => text,
        (None, n) => format!("{n} diverged"),
        (Some(text), n) => format!("{text}, {n} diverged"),
    }
}

/// A table for each entry.
pub fn frontier_tables(frontiers: &[Frontier]) -> String {
    let mut text = String::new();
    for Frontier { architecture, dataset, epochs, environment, points } in frontiers {
        text += &format!("{}, {} of {}\n\n", architecture.title(), length(*epochs), dataset_title(dataset));
        let mut table = Table::new(1, &["", "Time", "To BN", "To ND", "Test %", "To ND, points"]);
        for point in points {
            let gain = point.gain.map_or(NOTHING.into(), |paired| match paired.interval {
                Some(i) => format!("{:+.2} [{:+.2}, {:+.2}]", paired.difference, i.low, i.high),
                None => format!("{:+.2}", paired.difference),
            });
            table.row(vec![
                point.name.clone(),
                point.seconds.map_or(NOTHING.into(), |s| Seconds(s.mean).to_string()),
                ratio_text(point.overhead),
                ratio_text(point.of_nd),
                tested(point),
                gain,
            ]);
        }
        text += &format!("{}\nEnvironment: {}\n\n", table.render(), clean(&environment_line(environment)));
    }
    text + "Time: one training without evaluation. To BN, to ND: its ratio to theirs, with the scenario's own settings of ND, geometric \
            mean over the attempts that have both, with 95 % confidence interval. Test: top-1 after the last epoch. To ND, points: \
            less that of the same ND, mean over the attempts that have both, with 95 % confidence interval; each attempt of each \
            form has a seed of its own.\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::scenario::Deconvolution;

    #[test]
    fn variants_stand_beside_bn_and_nd() {
        let mut trials = made_up::cell(Architecture::Vgg16, Dataset::FashionMini, 1, 3);
        for attempt in 1..=3 {
            let mut trial = trials.iter().find(|t| t.trial.norm == Norm::Nd).unwrap().trial.clone();
            trial.attempt = attempt;
            trial.deconvolution = Some(Deconvolution { refresh: Some(4), ..Deconvolution::default() });
            trials.push(ResolvedTrial { variant: Some("refresh-4".into()), ..made_up::resolved(trial) });
        }
        let records: Vec<Record> = trials
            .iter()
            .map(|t| {
                let attempt = 0.01 * f64::from(t.trial.attempt);
                let (score, seconds) = match (&t.variant, t.trial.norm) {
                    (Some(_), _) => (0.80, 20.0),
                    (None, Norm::Nd) => (0.82, 30.0),
                    _ => (0.70, 10.0),
                };
                made_up::record(t, score + attempt, seconds)
            })
            .collect();
        let found = frontiers(&trials, &records);
        assert_eq!(found.len(), 1);
        let names: Vec<&str> = found[0].points.iter().map(|point| point.name.as_str()).collect();
        assert_eq!(names, ["BN", "ND", "refresh-4"]);
        let refresh = &found[0].points[2];
        assert!((refresh.overhead.unwrap().value - 2.0).abs() < 1e-9 && refresh.overhead.unwrap().n == 3);
        assert!((refresh.of_nd.unwrap().value - 2.0 / 3.0).abs() < 1e-9);
        assert!((refresh.gain.unwrap().difference + 2.0).abs() < 1e-9);
        assert_eq!((found[0].points[0].overhead, found[0].points[1].gain), (None, None));
        let text = frontier_tables(&found);
        assert!(text.contains("| refresh-4 ") && text.contains("-2.00 [-2.00, -2.00]"), "{text}");
        assert!(frontiers(&trials, &[] as &[Record]).is_empty());
    }
}
