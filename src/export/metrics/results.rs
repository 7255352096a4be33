//! What the finished records of a store say now: of each cell and environment, the newest commit's results.

use super::exposition::Source;
use super::families::{Families, Labels};
use crate::export::name::{Cell, environment_label};
use crate::export::point::{Point, points};
use crate::export::sample::{Measure, Samples, distinct};
use crate::record::Record;
use crate::stats::{LEVEL, Ratio, paired_ratio};
use crate::telemetry::{Device, Environment};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The results of one cell in one environment.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Tells it from other slots; safe in a path: `vgg16-cifar10-nd-e100-cpu-0123456789ab`.
    pub name: String,
    labels: Vec<(&'static str, String)>,
    /// Medians over the attempts.
    values: Vec<(Measure, f64)>,
    attempts: usize,
    overhead: Option<Ratio>,
    /// Trials of any commit, by how they ended.
    outcomes: BTreeMap<&'static str, usize>,
    /// When the newest record was finished, seconds since 1970.
    finished: f64,
    environment: Arc<Environment>,
}

/// Slots as a source of metrics.
#[derive(Debug, Clone, Default)]
pub struct Results(pub Vec<Slot>);

/// The slots of `records`, in the order of environments and cells.
pub fn slots(records: &[Record]) -> Vec<Slot> {
    let samples = Samples::of(records);
    let mut newest: BTreeMap<(&str, &Cell), Point> = BTreeMap::new();
    for (environment, points) in points(&samples.samples) {
        // In the order of their time: the last one stays.
        newest.extend(points.into_iter().map(|point| ((environment, point.cell), point)));
    }
    let mut groups: BTreeMap<(String, Cell), Vec<&Record>> = BTreeMap::new();
    for record in distinct(records) {
        groups.entry((environment_label(&record.environment), Cell::of(&record.trial))).or_default().push(record);
    }
    groups
        .iter()
        .map(|((label, cell), records)| slot(label, cell, records, newest.get(&(label.as_str(), cell))))
        .collect()
}

fn slot(label: &str, cell: &Cell, records: &[&Record], point: Option<&Point>) -> Slot {
    let mut outcomes = BTreeMap::new();
    records.iter().for_each(|r| *outcomes.entry(r.outcome.word()).or_default() += 1);
    let of_commit = |r: &&&Record| point.is_none_or(|p| p.commit == r.environment.software.commit);
    let newest = records.iter().filter(of_commit).max_by_key(|r| r.finished).unwrap_or(&records[0]);
    let value = |m: Measure| Some((m, point?.median(m)?));
    let ratios = point.and_then(|p| p.values.get(&Measure::NdOverhead));
    let pairs: Vec<(f64, f64)> = ratios.into_iter().flatten().map(|&ratio| (1.0, ratio)).collect();
    Slot {
        name: format!("{}-{label}", cell.file()),
        labels: cell.labels().into_iter().chain([("environment", label.into())]).collect(),
        values: Measure::ALL.into_iter().filter(|m| *m != Measure::NdOverhead).filter_map(value).collect(),
        attempts: point.and_then(|p| p.values.values().map(Vec::len).max()).unwrap_or(0),
        overhead: paired_ratio(&pairs, LEVEL),
        outcomes,
        finished: newest.finished.as_millisecond() as f64 / 1e3,
        environment: newest.environment.clone(),
    }
}

impl Source for Slot {
    fn collect(&self, families: &mut Families) {
        let labels: Vec<(&str, &str)> = self.labels.iter().map(|(key, value)| (*key, value.as_str())).collect();
        for (measure, value) in &self.values {
            families.gauge(&measure.metric().0, measure.help(), &labels, *value);
        }
        self.overheads(families, &labels);
        let help = "Attempts in the results";
        families.gauge("ndbench_result_attempts", help, &labels, self.attempts as f64);
        let help = "When the newest record was finished";
        families.gauge("ndbench_result_finished_timestamp_seconds", help, &labels, self.finished);
        for (outcome, count) in &self.outcomes {
            let labels = [&labels[..], &[("outcome", *outcome)]].concat();
            families.gauge("ndbench_result_trials", "Trials by how they ended", &labels, *count as f64);
        }
        let software = &self.environment.software;
        let build = [("commit", &software.commit), ("version", &software.ndbench), ("libtorch", &software.libtorch)];
        let build = build.map(|(key, value)| (key, value.as_str()));
        families.gauge("ndbench_result_info", "What measured", &[&labels[..], &build].concat(), 1.0);
    }
}

impl Slot {
    fn overheads(&self, families: &mut Families, labels: Labels) {
        let Some(overhead) = self.overhead else { return };
        families.gauge(&Measure::NdOverhead.metric().0, Measure::NdOverhead.help(), labels, overhead.value);
        let [low, high] = [overhead.interval.map(|i| i.low), overhead.interval.map(|i| i.high)];
        let help = "Lower end of the overhead's confidence interval of 95 %";
        families.gauge("ndbench_nd_overhead_low_ratio", help, labels, low);
        let help = "Upper end of the overhead's confidence interval of 95 %";
        families.gauge("ndbench_nd_overhead_high_ratio", help, labels, high);
    }
}

impl Source for Results {
    fn collect(&self, families: &mut Families) {
        self.0.iter().for_each(|slot| slot.collect(families));
        let mut environments: BTreeMap<String, &Environment> = BTreeMap::new();
        for slot in &self.0 {
            environments.insert(environment_label(&slot.environment), &slot.environment);
        }
        environments.into_iter().for_each(|(label, environment)| describe(families, &label, environment));
    }
}

/// What a label of an environment stands for.
fn describe(families: &mut Families, label: &str, environment: &Environment) {
    let Environment { host, device, threads, .. } = environment;
    let (cores, threads) = (host.cores.to_string(), threads.to_string());
    let (gpu, driver, memory) = match device {
        Device::Cpu => ("", "", Some(host.memory)),
        Device::Cuda(cuda) => {
            let [name, driver] = [&cuda.name, &cuda.driver].map(|text| text.as_deref().unwrap_or("unknown"));
            (name, driver, cuda.memory)
        }
    };
    let labels = [
        ("environment", label),
        ("os", host.os.as_str()),
        ("cpu", host.cpu.as_str()),
        ("cores", &cores),
        ("threads", &threads),
        ("gpu", gpu),
        ("driver", driver),
    ];
    families.gauge("ndbench_environment_info", "Where it was measured", &labels, 1.0);
    let help = "Memory of the device that computed";
    let labels = [("environment", label)];
    families.gauge("ndbench_environment_memory_bytes", help, &labels, memory.map(|m| m.0 as f64));
}
