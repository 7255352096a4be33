//! Airspeed velocity (`asv`): results of version 2, as `asv publish` and `asv show` read them.
//!
//! ```text
//! asv.conf.json                                     cd here, then: asv publish
//! results/benchmarks.json                           <cell>.<measure>, with the norm as its parameter
//! results/<environment>/machine.json
//! results/<environment>/<commit>-<versions>.json    medians of the attempts, and the attempts
//! ```
//! asv knows one direction only, smaller is better: accuracies stand as errors, and images by second are left out.
//! It places results by commit, so that a build of changed sources, or of no checkout, has no place.

use super::ExportFile;
use super::name::Cell;
use super::point::{Point, points};
use super::sample::{LeftOut, Measure, Samples};
use crate::record::Record;
use crate::stats::{quantile, t_interval};
use crate::telemetry::{Device, Environment};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where the commits of the records are looked up, for asv places results by full commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AsvRepository {
    /// The checkout, for `asv.conf.json`; without one there is no such file.
    pub path: Option<String>,
    /// From a commit as records have it to the full commit and its time in seconds since 1970.
    pub commits: BTreeMap<String, (String, i64)>,
}

/// Changes where the meaning of a measure changes.
const VERSION: &str = "1";

/// The columns of a result, in asv's own order.
const COLUMNS: [&str; 13] = [
    "result",
    "params",
    "version",
    "started_at",
    "duration",
    "stats_ci_99_a",
    "stats_ci_99_b",
    "stats_q_25",
    "stats_q_75",
    "stats_number",
    "stats_repeat",
    "samples",
    "profile",
];

/// Norm to the values of its attempts.
type Row = BTreeMap<String, Vec<f64>>;

/// The files, and the commits that have no place in them.
pub fn asv(samples: &Samples, records: &[Record], repository: &AsvRepository) -> (Vec<ExportFile>, Vec<LeftOut>) {
    let environments: BTreeMap<String, &Environment> =
        records.iter().map(|r| (super::environment_label(&r.environment), &*r.environment)).collect();
    let norms = norms(samples);
    let (mut files, mut nowhere) = (Vec::new(), BTreeSet::new());
    let mut benchmarks = Map::new();
    for (label, points) in points(&samples.samples) {
        let Some(environment) = environments.get(label) else { continue };
        let mut commits: BTreeMap<&str, Vec<&Point>> = BTreeMap::new();
        for point in &points {
            if is_commit(point.commit) {
                commits.entry(point.commit).or_default().push(point);
            } else {
                nowhere.insert(point.commit.to_string());
            }
        }
        for (commit, points) in &commits {
            files.push(result(label, environment, commit, points, &norms, repository, &mut benchmarks));
        }
        if !commits.is_empty() {
            let text = pretty(&machine(label, environment));
            files.push(ExportFile::new(format!("results/{label}/machine.json"), text));
        }
    }
    benchmarks.insert("version".into(), 2.into());
    files.push(ExportFile::new("results/benchmarks.json", pretty(&Value::Object(benchmarks))));
    if let Some(path) = &repository.path {
        files.push(ExportFile::new("asv.conf.json", pretty(&configuration(path))));
    }
    let why = "names no commit, and asv places results by commit";
    let left_out = nowhere.into_iter().map(|c| LeftOut { trial: format!("build `{c}`"), why: why.into() });
    (files, left_out.collect())
}

/// A commit as git writes it.
fn is_commit(text: &str) -> bool {
    (7..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The norms of each benchmark, over all environments and commits: asv has one list of parameters for all results.
fn norms(samples: &Samples) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sample in &samples.samples {
        if let Some(name) = benchmark(&sample.cell, sample.measure) {
            found.entry(name).or_default().insert(sample.cell.norm.clone());
        }
    }
    found
}

/// `vgg16.cifar10.e100.paper_seconds`; `None` for what asv cannot show.
fn benchmark(cell: &Cell, measure: Measure) -> Option<String> {
    let measure = match measure {
        Measure::TestTop1 => "test_error".into(),
        Measure::TrainTop1 => "train_error".into(),
        Measure::ImagesPerSecond => return None,
        other => other.snake(),
    };
    let dataset = super::name::file_part(&cell.dataset.to_string());
    Some(format!("{}.{dataset}.{}.{measure}", cell.architecture, cell.length()))
}

/// As asv wants it: smaller is better.
fn turned(measure: Measure, value: f64) -> f64 {
    if matches!(measure, Measure::TestTop1 | Measure::TrainTop1) { 1.0 - value } else { value }
}

/// The file of one commit in one environment; its benchmarks are described on the way.
fn result(
    label: &str,
    environment: &Environment,
    commit: &str,
    points: &[&Point],
    norms: &BTreeMap<String, BTreeSet<String>>,
    repository: &AsvRepository,
    benchmarks: &mut Map<String, Value>,
) -> ExportFile {
    let mut rows: BTreeMap<String, (Measure, i64, Row)> = BTreeMap::new();
    for point in points {
        for (&measure, values) in &point.values {
            let Some(name) = benchmark(point.cell, measure) else { continue };
            let values = values.iter().map(|&v| turned(measure, v)).collect();
            let at = point.finished.as_millisecond();
            let row = rows.entry(name).or_insert((measure, at, Row::new()));
            row.1 = row.1.max(at);
            row.2.insert(point.cell.norm.clone(), values);
        }
    }
    let latest = points.iter().map(|p| p.finished.as_millisecond()).max().unwrap_or(0);
    let mut results = Map::new();
    for (name, (measure, at, row)) in rows {
        let params: Vec<String> = norms[&name].iter().cloned().collect();
        results.insert(name.clone(), columns(&params, at, &row));
        benchmarks.insert(name.clone(), description(&name, measure, &params));
    }
    let (full, date) = match repository.commits.get(commit) {
        Some((full, seconds)) => (full.clone(), seconds * 1000),
        None => (commit.to_string(), latest),
    };
    let software = &environment.software;
    let versions = super::name::file_part(&format!("ndbench{}-libtorch{}", software.ndbench, software.libtorch));
    let mut params = machine(label, environment);
    params.as_object_mut().expect("it is built as one").remove("version");
    params["libtorch"] = software.libtorch.clone().into();
    let content = json!({
        "version": 2,
        "commit_hash": full,
        "env_name": versions,
        "date": date,
        "params": params,
        "python": "",
        "requirements": {},
        "env_vars": {},
        "result_columns": COLUMNS,
        "results": results,
        "durations": {},
    });
    ExportFile::new(format!("results/{label}/{}-{versions}.json", &full[..full.len().min(8)]), format!("{content}\n"))
}

/// One benchmark's results in the order of [`COLUMNS`]; null where a norm was not measured. A single attempt has no
/// statistics: its interval is unknown.
fn columns(norms: &[String], at: i64, row: &Row) -> Value {
    let each = |of: &dyn Fn(&[f64]) -> Option<Value>| -> Vec<Value> {
        norms.iter().map(|norm| row.get(norm).and_then(|values| of(values)).unwrap_or(Value::Null)).collect()
    };
    let repeated = |of: &dyn Fn(&[f64]) -> Option<Value>| each(&|values| of(values).filter(|_| values.len() > 1));
    json!([
        each(&|values| Some(quantile(values, 0.5)?.into())),
        [quoted(norms)],
        VERSION,
        at,
        null,
        repeated(&|values| Some(t_interval(values, 0.99)?.low.into())),
        repeated(&|values| Some(t_interval(values, 0.99)?.high.into())),
        repeated(&|values| Some(quantile(values, 0.25)?.into())),
        repeated(&|values| Some(quantile(values, 0.75)?.into())),
        repeated(&|_| Some(1.into())),
        repeated(&|values| Some(values.len().into())),
        each(&|values| Some(values.to_vec().into())),
    ])
}

/// asv writes a parameter as Python does.
fn quoted(norms: &[String]) -> Vec<String> {
    norms.iter().map(|n| format!("'{n}'")).collect()
}

/// The entry in `benchmarks.json`.
fn description(name: &str, measure: Measure, norms: &[String]) -> Value {
    let (kind, unit) = match measure {
        Measure::PaperSeconds | Measure::StepSeconds => ("time", "seconds"),
        Measure::PeakAllocatedBytes | Measure::PeakReservedBytes | Measure::PeakResidentBytes => ("memory", "bytes"),
        Measure::EnergyPerImageJoules => ("track", "joules"),
        Measure::TestTop1 | Measure::TrainTop1 => ("track", "fraction wrong"),
        Measure::ImagesPerSecond | Measure::NdOverhead => ("track", "ND/BN"),
    };
    json!({
        "name": name,
        "code": measure.help(),
        "param_names": ["norm"],
        "params": [quoted(norms)],
        "pretty_name": name,
        "type": kind,
        "unit": unit,
        "timeout": null,
        "version": VERSION,
    })
}

/// What asv wants to know of a machine; `arch` is not in a record.
fn machine(label: &str, environment: &Environment) -> Value {
    let Environment { host, device, .. } = environment;
    let mut machine = json!({
        "machine": label,
        "os": host.os,
        "cpu": host.cpu,
        "num_cpu": host.cores.to_string(),
        "ram": host.memory.0.to_string(),
        "version": 1,
    });
    if let Device::Cuda(cuda) = device {
        machine["gpu"] = cuda.name.clone().unwrap_or_else(|| "cuda".into()).into();
    }
    machine
}

fn configuration(repository: &str) -> Value {
    json!({
        "version": 1,
        "project": "ndbench",
        "repo": repository,
        "dvcs": "git",
        "branches": ["HEAD"],
        "results_dir": "results",
        "html_dir": "html",
        "hash_length": 12,
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
