//! What calls to a device's driver cost, as a table.

use super::table::Table;
use super::words::environment_line;
use crate::record::{CallCost, ProbeRecord};
use crate::telemetry::snapshot::CALL_BOUNDS;
use crate::units::Seconds;
use std::collections::BTreeMap;

/// A row for each kind of call on each environment's device, over all its probes; empty where no probe watched a
/// device. A stand-in for the driver is none.
pub fn calls_table(probes: &[ProbeRecord]) -> String {
    let mut devices: BTreeMap<String, Vec<CallCost>> = BTreeMap::new();
    for probe in probes.iter().filter(|probe| !probe.has_stub()) {
        let sums = devices.entry(environment_line(&probe.environment)).or_default();
        for call in &probe.calls {
            match sums.iter_mut().find(|sum| sum.call == call.call) {
                Some(sum) => add(sum, call),
                None => sums.push(call.clone()),
            }
        }
    }
    devices.retain(|_, calls| !calls.is_empty());
    let tables: Vec<String> = devices.iter().map(|(device, calls)| format!("{device}\n\n{}", table(calls))).collect();
    if tables.is_empty() { String::new() } else { tables.join("\n") + WORDS }
}

const WORDS: &str = "\nCalls to the device's driver: how often each was made and how often it failed, its mean time, and bounds of \
                     the times of half and of nine tenths of the calls.\n";

fn table(calls: &[CallCost]) -> String {
    let mut table = Table::new(1, &["Call", "Made", "Failed", "Mean", "Half within", "9 of 10 within"]);
    for call in calls {
        let mean = Seconds(call.seconds.0 / call.count.max(1) as f64);
        table.row(vec![
            call.call.clone(),
            call.count.to_string(),
            call.failed.to_string(),
            microseconds(mean),
            within(call, 0.5),
            within(call, 0.9),
        ]);
    }
    table.render()
}

fn add(sum: &mut CallCost, other: &CallCost) {
    sum.count += other.count;
    sum.failed += other.failed;
    sum.seconds += other.seconds;
    sum.buckets.iter_mut().zip(&other.buckets).for_each(|(mine, theirs)| *mine += theirs);
}

/// The least of the bounds within which such a share of the calls ended.
fn within(call: &CallCost, share: f64) -> String {
    let mut ended = 0;
    let reached = call.buckets.iter().position(|bucket| {
        ended += bucket;
        ended as f64 >= share * call.count as f64
    });
    match reached.and_then(|bucket| CALL_BOUNDS.get(bucket)) {
        Some(bound) => microseconds(*bound),
        None => format!("over {}", microseconds(CALL_BOUNDS[CALL_BOUNDS.len() - 1])),
    }
}

fn microseconds(time: Seconds) -> String {
    format!("{:.0} µs", 1e6 * time.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;

    fn call(name: &str, count: u64, seconds: f64, buckets: &[u64]) -> CallCost {
        let buckets = buckets.iter().copied().chain([0; 10]).take(10).collect();
        CallCost { call: name.into(), count, seconds: Seconds(seconds), buckets, failed: 1 }
    }

    #[test]
    fn calls_of_all_probes_of_a_device_are_summed() {
        let mut probes = [made_up::probe(&[&[1.0], &[3.0]]), made_up::probe(&[&[1.0], &[3.0]])];
        assert_eq!(calls_table(&probes), "");
        probes[0].calls =
            vec![call("power", 3, 0.0003, &[1, 2]), call("energy", 1, 0.2, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 1])];
        probes[1].calls = vec![call("power", 7, 0.0007, &[5, 0, 0, 2])];
        let table = calls_table(&probes);
        let cells = |name: &str| {
            let line = table.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{table}"));
            line.split('|').map(str::trim).map(str::to_owned).collect::<Vec<_>>()[2..7].to_vec()
        };
        assert_eq!(cells("power"), ["10", "2", "100 µs", "10 µs", "300 µs"], "{table}");
        assert_eq!(cells("energy"), ["1", "1", "200000 µs", "over 100000 µs", "over 100000 µs"], "{table}");
    }
}
