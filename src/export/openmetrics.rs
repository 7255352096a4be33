//! OpenMetrics text: <https://prometheus.io/docs/specs/om/open_metrics_spec/>, with the time of each value, so that
//! `promtool tsdb create-blocks-from openmetrics` makes a history of it.
//!
//! Labels are few and of few values: no trial, attempt or commit stands on a series of values. The commits stand in
//! `ndbench_result_info`, beside each value at its time, and in `ndbench_build_info`.

use super::sample::{Measure, Sample, Samples};
use crate::record::Record;
use crate::stats::median;
use crate::telemetry::{Device, Environment};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Milliseconds since 1970: OpenMetrics has seconds with fractions, Prometheus no finer.
pub(super) type Millis = i64;

/// The whole text, `# EOF` included. Values of one series and one millisecond become their median.
pub fn openmetrics(samples: &Samples, records: &[Record]) -> String {
    let mut text = String::new();
    for measure in Measure::ALL {
        let mut series: BTreeMap<String, BTreeMap<Millis, Vec<f64>>> = BTreeMap::new();
        for sample in samples.samples.iter().filter(|s| s.measure == measure) {
            let at = sample.finished.as_millisecond();
            series.entry(labels(sample)).or_default().entry(at).or_default().push(sample.value);
        }
        if series.is_empty() {
            continue;
        }
        let name = family(&mut text, measure);
        for (labels, values) in &series {
            for (&at, values) in values {
                let value = median(values).expect("an entry is made with a finite value");
                writeln!(text, "{name}{{{labels}}} {value} {}", seconds(at)).expect("a text grows");
            }
        }
    }
    results(&mut text, samples);
    infos(&mut text, samples, records);
    text + "# EOF\n"
}

/// The head of a family; its name.
fn family(text: &mut String, measure: Measure) -> String {
    let (name, unit) = measure.metric();
    *text += &format!("# HELP {name} {}.\n# TYPE {name} gauge\n", measure.help());
    if let Some(unit) = unit {
        *text += &format!("# UNIT {name} {unit}\n");
    }
    name
}

fn labels(sample: &Sample) -> String {
    let cell = sample.cell.labels();
    let cell = cell.iter().map(|(key, value)| (*key, value.as_str()));
    pairs(&cell.chain([("environment", sample.environment.as_str())]).collect::<Vec<_>>())
}

/// The commit behind every value, at its time, with the value's labels.
fn results(text: &mut String, samples: &Samples) {
    let mut lines: BTreeMap<String, BTreeSet<Millis>> = BTreeMap::new();
    for sample in &samples.samples {
        let labels = format!("{},{}", labels(sample), pairs(&[("commit", &sample.commit)]));
        lines.entry(labels).or_default().insert(sample.finished.as_millisecond());
    }
    let lines = lines.iter().flat_map(|(labels, times)| times.iter().map(move |at| (labels, at)));
    info(text, "ndbench_result", "What measured", lines);
}

/// What measured, and where: one line a build, one an environment, at the time of its last record.
fn infos(text: &mut String, samples: &Samples, records: &[Record]) {
    let mut builds: BTreeMap<String, Millis> = BTreeMap::new();
    let mut environments: BTreeMap<String, Millis> = BTreeMap::new();
    let known = samples.environments();
    for record in records.iter().filter(|r| r.is_finished()) {
        let label = super::environment_label(&record.environment);
        if !known.contains(&label) {
            continue;
        }
        let at = record.finished.as_millisecond();
        let note = |map: &mut BTreeMap<String, Millis>, key: String| {
            let last = map.entry(key).or_insert(at);
            *last = at.max(*last);
        };
        let software = &record.environment.software;
        let build = [
            ("environment", label.as_str()),
            ("version", &software.ndbench),
            ("commit", &software.commit),
            ("libtorch", &software.libtorch),
        ];
        note(&mut builds, pairs(&build));
        note(&mut environments, environment(&label, &record.environment));
    }
    info(text, "ndbench_build", "The builds that measured", builds.iter());
    info(text, "ndbench_environment", "Where it was measured", environments.iter());
}

/// A family of such lines, with its head where there are any.
fn info<'a>(text: &mut String, name: &str, help: &str, lines: impl Iterator<Item = (&'a String, &'a Millis)>) {
    for (number, (labels, &at)) in lines.enumerate() {
        if number == 0 {
            *text += &format!("# HELP {name} {help}.\n# TYPE {name} info\n");
        }
        *text += &format!("{name}_info{{{labels}}} 1 {}\n", seconds(at));
    }
}

/// What the fingerprint covers; what could not be read is left out.
fn environment(label: &str, environment: &Environment) -> String {
    let Environment { host, device, threads, .. } = environment;
    let (cores, memory, threads) = (host.cores.to_string(), host.memory.0.to_string(), threads.to_string());
    let mut found = vec![
        ("environment", label),
        ("os", &host.os),
        ("cpu", &host.cpu),
        ("cores", &cores),
        ("memory_bytes", &memory),
        ("threads", &threads),
    ];
    if let Device::Cuda(cuda) = device {
        let readings = [("gpu", &cuda.name), ("driver", &cuda.driver), ("cuda", &cuda.cuda), ("cudnn", &cuda.cudnn)];
        found.extend(readings.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))));
    }
    pairs(&found)
}

pub(super) fn pairs(labels: &[(&str, &str)]) -> String {
    labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect::<Vec<_>>().join(",")
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

pub(super) fn seconds(at: Millis) -> String {
    let sign = if at < 0 { "-" } else { "" };
    format!("{sign}{}.{:03}", at.unsigned_abs() / 1000, at.unsigned_abs() % 1000)
}
