//! Rows of time and memory, and the ratio of ND to BN from blocks.

use super::accuracy::comparable;
use super::matrix::{Matrix, Run, group_by, labels};
use super::model::{BlockTimes, LeftOut, MemoryKind, Overall, Side, TimeRow};
use super::resources::steps;
use crate::published::{Figures, Published};
use crate::record::{Flag, Record};
use crate::scenario::Norm;
use crate::stats::{LEVEL, Summary, median, paired_ratio, pooled_ratio};
use crate::units::{Bytes, Seconds};

/// One row a network, length, ND variant and environment, in the order of the study's tables.
pub(super) fn rows(matrix: &Matrix, published: &Published) -> Vec<TimeRow> {
    let mut rows = Vec::new();
    for runs in group_by(&matrix.runs, |run| &run.pair) {
        let of = |norm| runs.iter().copied().filter(|run| run.resolved.trial.norm == norm).collect::<Vec<&Run>>();
        let (bn, nd) = (of(Norm::Bn), of(Norm::Nd));
        if bn.is_empty() && nd.is_empty() {
            continue;
        }
        let mut variants = group_by(nd, |run| &run.cell);
        if variants.is_empty() {
            variants.push(Vec::new());
        }
        for nd in variants {
            let both: Vec<&Run> = bn.iter().chain(&nd).copied().collect();
            rows.extend(labels(&both).into_iter().map(|label| row(&bn, &nd, label, published)));
        }
    }
    rows.sort_by_key(|r| (r.dataset.clone(), r.architecture, r.epochs, r.environment.clone()));
    rows
}

/// The geometric means over the networks, one a data set, length and environment with at least two ratios.
pub(super) fn overall(rows: &[TimeRow]) -> Vec<Overall> {
    let counted = rows.iter().filter_map(|r| Some((r, r.environment.clone().filter(|_| r.ratio.is_some())?)));
    group_by(counted, |(r, label)| (r.dataset.clone(), r.epochs, label.clone()))
        .into_iter()
        .filter(|group| group.len() > 1)
        .filter_map(|group| {
            let (first, label) = &group[0];
            let by_network = group_by(&group, |(r, _)| r.architecture);
            let pool = |ratio: fn(&BlockTimes) -> Option<f64>| {
                let of = |rows: &Vec<&(&TimeRow, String)>| {
                    rows.iter().flat_map(|(r, _)| r.blocks.iter().filter_map(ratio)).collect()
                };
                let networks: Vec<Vec<f64>> =
                    by_network.iter().map(of).filter(|ratios: &Vec<f64>| !ratios.is_empty()).collect();
                pooled_ratio(&networks, LEVEL)
            };
            let pooled = pool(|block| Some(block.ratio()))?;
            Some(Overall {
                dataset: first.dataset.clone(),
                epochs: first.epochs,
                environment: label.clone(),
                ratio: pooled.value,
                interval: pooled.interval,
                steady: pool(BlockTimes::steady_ratio),
                rows: group.len(),
            })
        })
        .collect()
}

/// The row of BN and one ND variant in one environment; one of the two is not empty.
fn row(bn: &[&Run], nd: &[&Run], label: Option<String>, published: &Published) -> TimeRow {
    let trial = &bn.iter().chain(nd).next().expect("a group has a run").resolved.trial;
    let (blocks, left_out) = label.as_deref().map(|l| blocks(bn, nd, l)).unwrap_or_default();
    let pairs: Vec<(f64, f64)> = blocks.iter().map(|b| (b.bn_seconds, b.nd_seconds)).collect();
    let interrupted = left_out.iter().map(|block| block.steps);
    let steps: Vec<(f64, f64)> = blocks.iter().map(|block| block.steps).chain(interrupted).flatten().collect();
    let kind = memory_kind(bn, nd, label.as_deref());
    let side = |runs: &[&Run]| side(runs, label.as_deref(), kind, published);
    let (bn, nd) = (side(bn), side(nd));
    TimeRow {
        dataset: trial.dataset.clone(),
        architecture: trial.architecture,
        epochs: trial.epochs,
        ratio: paired_ratio(&pairs, LEVEL),
        steady_ratio: paired_ratio(&steps, LEVEL),
        blocks,
        left_out,
        memory_kind: kind,
        memory_ratio: bn.memory.zip(nd.memory).filter(|(b, _)| b.0 > 0).map(|(b, n)| n.0 as f64 / b.0 as f64),
        study_ratio: bn.study_seconds.zip(nd.study_seconds).map(|(b, n)| n / b),
        environment: label,
        bn,
        nd,
    }
}

/// The blocks that count, and the blocks that do not, with the reason.
fn blocks(bn: &[&Run], nd: &[&Run], label: &str) -> (Vec<BlockTimes>, Vec<LeftOut>) {
    let (mut counted, mut left_out) = (Vec::new(), Vec::new());
    for runs in group_by(bn.iter().chain(nd), |run| &run.resolved.block.id) {
        if runs.iter().all(|run| !run.records.contains_key(label)) {
            continue;
        }
        let block = runs[0].resolved.block.id.clone();
        let of = |norm: Norm| runs.iter().find(|run| run.resolved.trial.norm == norm);
        let (bn, nd) = (of(Norm::Bn), of(Norm::Nd));
        let [one, two] = [bn, nd].map(|run| run.and_then(|run| run.records.get(label).copied()));
        let pair = one.zip(two);
        let apart = pair.and_then(|(bn, nd)| bn.side_by_side(nd).err());
        let steps_by = |step: fn(&Record) -> Option<f64>| pair.and_then(|(bn, nd)| step(bn).zip(step(nd)));
        match (time_of(bn, label), time_of(nd, label), apart) {
            (Ok(bn_seconds), Ok(nd_seconds), None) => {
                let gap = pair.map_or(Seconds(0.0), |(bn, nd)| gap(bn, nd));
                counted.push(BlockTimes { block, bn_seconds, nd_seconds, steps: steps_by(steady_step), gap });
            }
            (Ok(_), Ok(_), Some(why)) => {
                left_out.push(LeftOut { block, why: format!("BN and ND {why}"), steps: None });
            }
            (bn, nd, apart) => {
                let reasons =
                    [("BN", bn), ("ND", nd)].map(|(norm, time)| time.err().map(|why| format!("{norm} {why}")));
                let why = reasons.into_iter().flatten().collect::<Vec<_>>().join(", ");
                let steps = if apart.is_none() { steps_by(step_in_parts) } else { None };
                left_out.push(LeftOut { block, why, steps });
            }
        }
    }
    (counted, left_out)
}

/// Seconds of a trial in an environment, or why they do not count.
fn time_of(run: Option<&&&Run>, label: &str) -> Result<f64, String> {
    let run = run.ok_or("is not part of the matrix")?;
    let Some(record) = run.records.get(label) else {
        let elsewhere: Vec<&str> = run.records.keys().map(String::as_str).collect();
        return Err(if elsewhere.is_empty() {
            "is missing".into()
        } else {
            format!("ran in environment {} only", elsewhere.join(", "))
        });
    };
    if !record.is_finished() {
        return Err(format!("is {}", record.outcome.word()));
    }
    valid_seconds(record).ok_or_else(|| match record.flags()[..] {
        [] => "took no time".into(),
        ref flags => format!("{}, so its time does not count", listed(flags)),
    })
}

/// Flags as one clause.
fn listed(flags: &[Flag]) -> String {
    flags.iter().map(Flag::to_string).collect::<Vec<_>>().join(", ")
}

/// Training time of a record that nothing speaks against.
pub(super) fn valid_seconds(record: &Record) -> Option<f64> {
    let seconds = record.paper_seconds().0;
    (record.is_timed() && seconds > 0.0).then_some(seconds)
}

/// From the end of one training to the beginning of the other; none where they overlap.
fn gap(one: &Record, other: &Record) -> Seconds {
    let between = one.started.max(other.started).duration_since(one.finished.min(other.finished));
    Seconds(between.as_secs_f64().max(0.0))
}

/// Mean of the sampled steps of a record, seconds, without the first epoch where there are more.
fn steady_step(record: &Record) -> Option<f64> {
    steps(&[record]).map(|means| means.total().0)
}

/// Sampled step of a finished record, seconds, against whose time no more speaks than that the training did not run through: the
/// median over its epochs but the first, of three at least.
fn step_in_parts(record: &Record) -> Option<f64> {
    let ran = record.is_finished() && record.flags().iter().all(|flag| *flag == Flag::Paused);
    let epochs = record.epochs.iter().skip(1).filter_map(|epoch| epoch.seconds.step);
    let steps: Vec<f64> = epochs.map(|step| step.total().0).collect();
    median(&steps).filter(|_| ran && steps.len() >= 3)
}

/// Training images per second of a record with a valid time, without the first epoch where there are more.
fn throughput(record: &Record) -> Option<f64> {
    valid_seconds(record)?;
    let steady = if record.epochs.len() > 1 { &record.epochs[1..] } else { &record.epochs[..] };
    let images: u64 = steady.iter().map(|e| e.images).sum();
    let seconds: f64 = steady.iter().map(|e| e.seconds.paper.0).sum();
    (seconds > 0.0).then(|| images as f64 / seconds)
}

/// BN or ND of a row.
fn side(runs: &[&Run], label: Option<&str>, kind: Option<MemoryKind>, published: &Published) -> Side {
    let records = finished(runs, label);
    let seconds: Vec<f64> = records.iter().filter_map(|r| valid_seconds(r)).collect();
    let figures = runs.first().and_then(|run| comparable(&run.resolved.trial, &records, published));
    let mut unfinished: Vec<String> = runs.iter().filter_map(|run| run.state(label)).collect();
    unfinished.extend(records.iter().filter_map(|r| Some(r.flags().first()?.word().into())));
    Side {
        cell: runs.first().map(|run| run.cell.clone()),
        seconds: Summary::of(&seconds),
        images_per_second: Summary::of(&records.iter().filter_map(|r| throughput(r)).collect::<Vec<_>>()),
        unfinished,
        memory: kind.and_then(|kind| records.iter().filter_map(|r| peak(r, kind)).max()),
        study_seconds: figures.and_then(Figures::seconds).map(|s| s.mean),
    }
}

/// The kind of memory that every finished record of the row has; what the allocator counts before the resident set.
fn memory_kind(bn: &[&Run], nd: &[&Run], label: Option<&str>) -> Option<MemoryKind> {
    let records: Vec<&Record> = finished(bn, label).into_iter().chain(finished(nd, label)).collect();
    let all_have = |kind: &MemoryKind| !records.is_empty() && records.iter().all(|r| peak(r, *kind).is_some());
    [MemoryKind::Allocated, MemoryKind::Resident].into_iter().find(all_have)
}

fn peak(record: &Record, kind: MemoryKind) -> Option<Bytes> {
    match kind {
        MemoryKind::Allocated => record.memory.allocated,
        MemoryKind::Resident => record.memory.resident,
    }
}

fn finished<'a>(runs: &[&Run<'a>], label: Option<&str>) -> Vec<&'a Record> {
    label.iter().flat_map(|l| runs.iter().filter_map(move |run| run.finished(l))).collect()
}
