//! Every reading of trials as OpenMetrics text, under the names that live metrics have: what dashboards show of device
//! and host while a training goes on they then show of one that is over. `docs/telemetry.md` has the form of the files.

mod peaks;

use super::LeftOut;
use super::openmetrics::{Millis, pairs, seconds};
use crate::record::Record;
use flate2::read::MultiGzDecoder;
use peaks::PeaksSoFar;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

/// The label that sets these readings apart from what others have measured on the machine.
const JOB: &str = "ndbench";

/// What a device is stands in the history so often, in milliseconds: Prometheus forgets after five minutes.
const INFO_EVERY: Millis = 60_000;

/// A metric of a column: its name without `_total`, and whether it is a counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Family {
    name: String,
    is_counter: bool,
}

/// Values by their time.
type Values = Vec<(Millis, f64)>;

/// The readings of trials, so far as they were kept.
#[derive(Debug, Default)]
pub struct Readings {
    /// By metric, then by labels.
    families: BTreeMap<Family, BTreeMap<String, Values>>,
    /// Trials whose readings are not to be had.
    pub left_out: Vec<LeftOut>,
}

impl Readings {
    /// Reads the series of `records`, each with the file that it lies in.
    pub fn of<'a>(records: impl IntoIterator<Item = (&'a Path, &'a Record)>) -> Self {
        let mut readings = Self::default();
        for (path, record) in records {
            if let Err(why) = readings.add(path, record) {
                readings.left_out.push(LeftOut { trial: record.trial_id.to_string(), why });
            }
        }
        readings
    }

    fn add(&mut self, path: &Path, record: &Record) -> Result<(), String> {
        let series = record.telemetry.as_ref().and_then(|telemetry| telemetry.series.as_ref());
        let file = &series.ok_or("no readings were kept: only --telemetry full does")?.file;
        // Records and series lie in folders of the store.
        let store = path.parent().and_then(Path::parent).unwrap_or(Path::new("."));
        let path = store.join("telemetry").join(file);
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let mut rows = csv::Reader::from_reader(MultiGzDecoder::new(File::open(&path).map_err(|e| failed(&e))?));
        let columns: Vec<String> = rows.headers().map_err(|e| failed(&e))?.iter().map(String::from).collect();
        let mut peaks = PeaksSoFar::default();
        for row in rows.records() {
            // What was read before the damage counts.
            let row = row.map_err(|e| failed(&e))?;
            self.take(&columns, &row, record, &mut peaks);
        }
        Ok(())
    }

    fn take(&mut self, columns: &[String], row: &csv::StringRecord, record: &Record, peaks: &mut PeaksSoFar) {
        let cells: HashMap<&str, &str> = columns.iter().map(String::as_str).zip(row).collect();
        let Some(Ok(at)) = cells.get("unix_seconds").map(|cell| cell.parse::<f64>()) else { return };
        let at = (at * 1e3).round() as Millis;
        let uuid = *cells.get("gpu_uuid").unwrap_or(&"");
        let place = [("job", JOB), ("instance", record.environment.host.name.as_str())];
        for (column, cell) in &cells {
            let (Some(metric), Ok(value)) = (metric(column), cell.parse::<f64>()) else { continue };
            let peaks = peaks.read((column, uuid), at, value);
            for (family, label, value) in [(metric.0, metric.1, value)].into_iter().chain(peaks) {
                let device = [("gpu_uuid", uuid)].into_iter().filter(|_| family.name.starts_with("ndbench_gpu_"));
                let labels: Vec<_> = place.into_iter().chain(device).chain(label).collect();
                self.values(family, &labels).push((at, value));
            }
        }
        let mut devices = record.telemetry.iter().flat_map(|telemetry| &telemetry.gpus).map(|gpu| &gpu.device);
        if let Some(device) = devices.find(|device| !uuid.is_empty() && device.uuid == uuid) {
            let known = [("gpu_uuid", uuid), ("gpu_model", &device.name), ("driver_version", &device.driver)];
            self.values(gauge("gpu_info"), &[place.as_slice(), &known].concat()).push((at, 1.0));
        }
        let software = &record.environment.software;
        let build = [("version", software.ndbench.as_str()), ("commit", &software.commit)];
        self.values(gauge("build_info"), &[place.as_slice(), &build].concat()).push((at, 1.0));
        let bytes = |column: &str| cells.get(column)?.parse::<f64>().ok();
        let parts = ["memory_used_bytes", "memory_free_bytes", "memory_reserved_bytes"].map(bytes);
        if let [Some(used), Some(free), Some(reserved)] = parts {
            let labels = [place.as_slice(), &[("gpu_uuid", uuid)]].concat();
            self.values(gauge("gpu_memory_total_bytes"), &labels).push((at, used + free + reserved));
        }
    }

    fn values(&mut self, family: Family, labels: &[(&str, &str)]) -> &mut Values {
        self.families.entry(family).or_default().entry(pairs(labels)).or_default()
    }

    /// The whole text, `# EOF` included.
    pub fn text(self) -> String {
        let mut text = String::new();
        for (Family { name, is_counter }, series) in self.families {
            let (kind, suffix) = if is_counter { ("counter", "_total") } else { ("gauge", "") };
            writeln!(text, "# TYPE {name} {kind}").expect("a text grows");
            for (labels, mut values) in series {
                values.sort_by_key(|(at, _)| *at);
                // Of two trials that ran at the same time on one machine the host's readings are the same.
                values.dedup_by_key(|(at, _)| *at);
                if name.ends_with("_info") {
                    values.dedup_by(|(at, _), (last, _)| *at - *last < INFO_EVERY);
                }
                for (at, value) in values {
                    writeln!(text, "{name}{suffix}{{{labels}}} {value} {}", seconds(at)).expect("a text grows");
                }
            }
        }
        text + "# EOF\n"
    }
}

/// The live metric of a column of the series, and the label that it has beside the device's; none of columns that say when
/// and where.
fn metric(column: &str) -> Option<(Family, Option<(&'static str, &str)>)> {
    let reason = column.strip_prefix("throttle_").and_then(|rest| rest.strip_suffix("_seconds"));
    Some(match column {
        "unix_seconds" | "execution" | "gpu_uuid" => return None,
        "utilisation_ratio" => (gauge("gpu_utilization_ratio"), None),
        "memory_utilisation_ratio" => (gauge("gpu_memory_utilization_ratio"), None),
        "sm_clock_hertz" => (gauge("gpu_clock_hertz"), Some(("domain", "sm"))),
        "memory_clock_hertz" => (gauge("gpu_clock_hertz"), Some(("domain", "memory"))),
        "ecc_uncorrected" => (counter("gpu_ecc_errors"), Some(("severity", "uncorrected"))),
        "process_cpu_seconds" | "allocator_retries" => (counter(column), None),
        "process_resident_bytes" => (gauge("process_resident_memory_bytes"), None),
        "host_cpu_ratio" => (gauge("host_cpu_utilization_ratio"), None),
        _ if reason.is_some() => (counter("gpu_throttle_seconds"), reason.map(|reason| ("reason", reason))),
        _ if ["allocator_", "host_", "cgroup_"].iter().any(|prefix| column.starts_with(prefix)) => {
            (gauge(column), None)
        }
        _ => {
            let name = format!("gpu_{column}").replace("transmitted", "transmit").replace("received", "receive");
            let is_sum = ["_joules", "busy_seconds", "_transmit_bytes", "_receive_bytes"];
            (if is_sum.iter().any(|end| name.ends_with(end)) { counter(&name) } else { gauge(&name) }, None)
        }
    })
}

fn gauge(name: &str) -> Family {
    Family { name: format!("ndbench_{name}"), is_counter: false }
}

fn counter(name: &str) -> Family {
    Family { name: format!("ndbench_{name}"), is_counter: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::metrics::everything_page;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset};
    use crate::telemetry::{DeviceSummary, GpuSummary, SeriesFile, TelemetrySummary, series_header};
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    #[test]
    fn every_column_is_a_live_metric() {
        let page = everything_page();
        for column in series_header().trim_end().split(',') {
            let Some((Family { name, is_counter }, label)) = metric(column) else { continue };
            let (kind, suffix) = if is_counter { ("counter", "_total") } else { ("gauge", "") };
            assert!(page.contains(&format!("# TYPE {name}{suffix} {kind}\n")), "{column}: {name}{suffix} {kind}");
            if let Some((key, value)) = label {
                assert!(page.contains(&format!("{key}=\"{value}\"")), "{column}: {key}={value}");
            }
        }
    }

    #[test]
    fn readings_come_in_the_order_of_their_times_and_what_is_missing_is_named() {
        let (folder, _) = made_up::store();
        let trial = || made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1).remove(0);
        let with = |file: Option<&str>| {
            let series = file.map(|file| SeriesFile { file: file.into(), rows: 3, lost: 0, executions: 1 });
            let mut record = made_up::record(&trial(), 0.5, 10.0);
            let device = DeviceSummary { uuid: "GPU-1".into(), name: "H200".into(), ..DeviceSummary::default() };
            let gpus = vec![GpuSummary { device, ..GpuSummary::default() }];
            record.telemetry = Some(TelemetrySummary { series, gpus, ..TelemetrySummary::default() }.into());
            record
        };
        let path = folder.path().join("records/x.json");
        std::fs::create_dir_all(folder.path().join("telemetry")).unwrap();
        let file = File::create(folder.path().join("telemetry/a.csv.gz")).unwrap();
        let mut gz = GzEncoder::new(file, Compression::fast());
        let rows = "unix_seconds,execution,gpu_uuid,power_watts,busy_seconds,host_cpu_ratio,process_resident_bytes\n\
                    1700000000.100,1,GPU-1,250,,,7\n1700000001.100,1,GPU-1,251.5,0.25,,\n1700000000.500,1,,,,0.5,5\n\
                    1700000031.200,1,GPU-1,240,,,\n";
        gz.write_all(rows.as_bytes()).unwrap();
        gz.finish().unwrap();
        let records = [with(Some("a.csv.gz")), with(Some("gone.csv.gz")), with(None)];
        let readings = Readings::of(records.iter().map(|record| (path.as_path(), record)));
        let why: Vec<&str> = readings.left_out.iter().map(|left_out| left_out.why.as_str()).collect();
        assert!(why.len() == 2 && why[0].contains("gone.csv.gz") && why[1].contains("--telemetry full"), "{why:?}");
        insta::assert_snapshot!(readings.text());
    }
}
