//! How values read in tables: shared by Markdown, terminal and figure.

use super::model::{AccuracyRow, MemoryKind, Overall, Report, Side, TimeRow};
use crate::plan::Trial;
use crate::scenario::{Dataset, Norm};
use crate::stats::{Interval, Ratio, Summary};
use crate::telemetry::{Device, Environment};
use serde_json::Value;
use std::collections::BTreeSet;

/// Stands where nothing was published and nothing can be computed.
pub(super) const NOTHING: &str = "–";

/// `VGG-16 ND, CIFAR-10, 20 epochs`.
pub(super) fn cell_name(trial: &Trial) -> String {
    let Trial { architecture, norm, epochs, .. } = trial;
    format!("{} {}, {}, {}", architecture.title(), norm_title(*norm), dataset_title(&trial.dataset), length(*epochs))
}

/// `1 epoch`, `20 epochs`.
pub(super) fn length(epochs: u32) -> String {
    plural(epochs as usize, "epoch")
}

/// `1 thing`, `2 things`.
pub(super) fn plural(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// `BN`, `ND`, `plain`.
pub(super) fn norm_title(norm: Norm) -> &'static str {
    match norm {
        Norm::Bn => "BN",
        Norm::Nd => "ND",
        Norm::Plain => "plain",
    }
}

/// The name as publications print it.
pub(super) fn dataset_title(dataset: &Dataset) -> String {
    match dataset {
        Dataset::Cifar10 => "CIFAR-10".into(),
        Dataset::Cifar100 => "CIFAR-100".into(),
        Dataset::Mnist => "MNIST".into(),
        Dataset::FashionMnist => "Fashion-MNIST".into(),
        Dataset::FashionMini => "Fashion-MNIST subset".into(),
        Dataset::Imagenet => "ImageNet".into(),
        Dataset::Folder(name) => clean(name),
    }
}

/// `92.10 ± 0.20`, or `92.10` for a single value.
pub(super) fn spread(summary: &Summary) -> String {
    match summary.sd {
        Some(sd) => format!("{:.2} ± {sd:.2}", summary.mean),
        None => format!("{:.2}", summary.mean),
    }
}

/// A result, or the states of the attempts in its place.
pub(super) fn result(summary: Option<&Summary>, unfinished: &[String]) -> String {
    summary.map_or_else(|| states(unfinished), spread)
}

/// `missing`; `2 missing, 1 diverged`.
pub(super) fn states(unfinished: &[String]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for state in unfinished {
        match counts.iter_mut().find(|(s, _)| s == state) {
            Some((_, n)) => *n += 1,
            None => counts.push((state, 1)),
        }
    }
    match counts[..] {
        [] => NOTHING.into(),
        [(state, _)] => state.into(),
        _ => counts.iter().map(|(state, n)| format!("{n} {state}")).collect::<Vec<_>>().join(", "),
    }
}

/// `3`; `2 of 3 (1 missing)`.
pub(super) fn attempts(row: &AccuracyRow) -> String {
    let done = row.test_top1.map_or(0, |s| s.n);
    match (done, row.unfinished.len()) {
        (done, 0) if done == row.planned => done.to_string(),
        (done, 0) => format!("{done} of {}", row.planned),
        (done, n) => {
            let states = states(&row.unfinished);
            let states = if states.contains(',') { states } else { format!("{n} {states}") };
            format!("{done} of {} ({states})", row.planned)
        }
    }
}

/// Seconds with four digits or so: `4.12`, `37.4`, `3357`.
pub(super) fn seconds(s: f64) -> String {
    match s {
        s if s < 10.0 => format!("{s:.2}"),
        s if s < 100.0 => format!("{s:.1}"),
        s => format!("{s:.0}"),
    }
}

/// Images per second, with as many digits.
pub(super) fn speed(side: &Side) -> String {
    side.images_per_second.map_or(NOTHING.into(), |s| seconds(s.mean))
}

/// The time of a side, or why there is none.
pub(super) fn side_seconds(side: &Side) -> String {
    side.seconds.map_or_else(|| states(&side.unfinished), |s| seconds(s.mean))
}

/// `2.71 [2.50, 2.94]`; `2.71 (one block, no interval)`.
pub(super) fn ratio(row: &TimeRow) -> String {
    match row.ratio {
        Some(Ratio { value, interval: Some(Interval { low, high, .. }), .. }) => {
            format!("{value:.2} [{low:.2}, {high:.2}]")
        }
        Some(Ratio { value, .. }) => format!("{value:.2} (one block, no interval)"),
        None => "no block".into(),
    }
}

/// `3.20 [2.38, 3.97]`; `2.71 (fewer than three networks, no interval)`.
pub(super) fn pooled(overall: &Overall) -> String {
    match overall.interval {
        Some(Interval { low, high, .. }) => format!("{:.2} [{low:.2}, {high:.2}]", overall.ratio),
        None => format!("{:.2} (fewer than three networks, no interval)", overall.ratio),
    }
}

/// Of the sampled steps: `; of steady steps 3.05 [2.61, 3.57]`, empty where none were sampled.
pub(super) fn pooled_steady(overall: &Overall) -> String {
    overall.steady.as_ref().map_or_else(String::new, |steady| {
        let interval = steady.interval.map_or_else(String::new, |i| format!(" [{:.2}, {:.2}]", i.low, i.high));
        format!("; of steady steps {:.2}{interval}", steady.value)
    })
}

/// The headline: what was compared and its ND/BN, of several networks where they are pooled, otherwise of each.
pub(super) fn ratio_words(report: &Report) -> Vec<(String, String)> {
    let several = report.environments.len() > 1;
    let place = |label: &str| if several { format!(", environment {label}") } else { String::new() };
    let together = report.overall.iter().map(|o| {
        let (data, epochs) = (dataset_title(&o.dataset), length(o.epochs));
        let what = format!("ND/BN, {} networks, {data}, {epochs}{}", o.rows, place(&o.environment));
        (what, pooled(o))
    });
    let alone = report.time.iter().filter(|row| row.ratio.is_some()).filter(|row| {
        let key = |o: &Overall| {
            (&o.dataset, o.epochs, Some(&o.environment)) == (&row.dataset, row.epochs, row.environment.as_ref())
        };
        !report.overall.iter().any(key)
    });
    let alone = alone.map(|row| {
        let (data, epochs) = (dataset_title(&row.dataset), length(row.epochs));
        let place = row.environment.as_deref().map_or(String::new(), place);
        (format!("ND/BN, {}, {data}, {epochs}{place}", row.architecture.title()), ratio(row))
    });
    together.chain(alone).collect()
}

/// What a peak is.
pub(super) fn memory_words(kind: MemoryKind) -> &'static str {
    match kind {
        MemoryKind::Allocated => "bytes in live tensors on the device",
        MemoryKind::Resident => "resident set of the whole process",
    }
}

/// `A: NVIDIA H200, driver 570; …`, one line.
pub(super) fn environment_line(environment: &Environment) -> String {
    let Environment { host, software, device, threads, settings } = environment;
    let device = match device {
        Device::Cpu => format!("{}, {}", host.cpu, plural(*threads as usize, "thread")),
        Device::Cuda(cuda) => {
            let known =
                |what: &str, value: &Option<String>| format!("{what} {}", value.as_deref().unwrap_or("unknown"));
            let name = cuda.name.as_deref().unwrap_or("unnamed CUDA device");
            let uuid = cuda.uuid.as_deref().unwrap_or("no UUID");
            let driver =
                [known("driver", &cuda.driver), known("CUDA", &cuda.cuda), known("cuDNN", &cuda.cudnn)].join(", ");
            format!("{name} ({uuid}), {driver}; host {}, {}", host.cpu, plural(*threads as usize, "thread"))
        }
    };
    let versions = format!("libtorch {}, ndbench {}", software.libtorch, software.ndbench);
    let variables: String = settings
        .iter()
        .filter(|(key, _)| !key.starts_with("cpu"))
        .map(|(key, value)| format!("; {key}={value}"))
        .collect();
    clean(&format!("{device}, {} memory, {}; {versions}{variables}", host.memory, host.os))
}

/// The dotted keys in which two environments differ, those aside that make no other environment.
pub(super) fn differing(one: &Environment, other: &Environment) -> Vec<String> {
    fn compare(path: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
        match (one, other) {
            (Value::Object(a), Value::Object(b)) => {
                let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                keys.into_iter().for_each(|key| compare(&below(key), &one[key], &other[key], found));
            }
            _ if one == other => {}
            _ => found.push(path.into()),
        }
    }
    let [first, second] = [one, other].map(|e| serde_json::to_value(e).expect("an environment is plain data"));
    let mut found = Vec::new();
    compare("", &first, &second, &mut found);
    let known = one.gpu().is_some() && other.gpu().is_some();
    let other_device = if known { ["device.index", "device.uuid"].as_slice() } else { &[] };
    found.retain(|key| !["host.name", "software.commit"].iter().chain(other_device).any(|same| same == key));
    found
}

/// One line without control characters: texts may come from foreign files.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
