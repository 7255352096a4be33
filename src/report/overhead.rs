//! What watching costs a step, as a table.

use super::probe::{arm_title, environments, spoilt};
use super::table::Table;
use super::words::{NOTHING, dataset_title};
use crate::record::{ProbeArm, ProbeRecord, StepOverhead};
use crate::stats::{LEVEL, median, median_interval};
use crate::units::Seconds;

/// A row a level: the time of a step, and by how much it is longer than without instruments.
pub fn overhead_table(probes: &[ProbeRecord]) -> String {
    let head = ["Network", "Telemetry", "Step", "Difference", "Relative", "Own CPU", "Samples", "Missed"];
    let mut table = Table::new(2, &head);
    for probe in probes {
        for (index, arm) in probe.cell.arms.iter().enumerate() {
            let network = format!(
                "{} {}, {}",
                probe.cell.architecture.title(),
                arm_title(arm),
                dataset_title(&probe.cell.dataset)
            );
            table.row(row(if index == 0 { network } else { String::new() }, arm, probe));
        }
    }
    let mut out = table.render();
    out += "\nStep: median over the rounds of the `step` time. Difference: to the turn without instruments of the same \
            round, median with its 95 % interval (of order statistics, from six rounds on). Relative: the same as a share \
            of a step. Own CPU: of the instruments' threads, as a share of one core.\n";
    out += &spoilt(probes);
    out + &environments(probes)
}

fn row(network: String, arm: &ProbeArm, probe: &ProbeRecord) -> Vec<String> {
    let step = median(&steps(arm)).map_or(NOTHING.into(), |s| Seconds(s).to_string());
    let relative = StepOverhead::of(probe, arm.level()).map_or(NOTHING.into(), |overhead| {
        let percent = |share: f64| format!("{:+.2}", 100.0 * share);
        let interval = overhead.interval.map(|[low, high]| format!(" [{}, {}]", percent(low), percent(high)));
        format!("{} %{}", percent(overhead.relative), interval.unwrap_or_default())
    });
    let share = arm.telemetry_overhead.as_ref().and_then(|o| o.cpu_share);
    let count = |of: fn(&crate::telemetry::TelemetrySummary) -> u64| {
        arm.telemetry.as_ref().map_or(NOTHING.into(), |telemetry| of(telemetry).to_string())
    };
    vec![
        network,
        arm.level().to_string(),
        step,
        difference(&probe.cell.arms[0], arm).unwrap_or(NOTHING.into()),
        relative,
        share.map_or(NOTHING.into(), |share| format!("{:.2} %", 100.0 * share.0)),
        count(|telemetry| telemetry.samples),
        count(|telemetry| telemetry.missed),
    ]
}

/// The `step` time of each turn.
fn steps(arm: &ProbeArm) -> Vec<f64> {
    arm.turns.iter().map(|turn| turn.step().0).collect()
}

/// By how much the steps of `on` are longer than those of `off`, turn by turn, in milliseconds.
fn difference(off: &ProbeArm, on: &ProbeArm) -> Option<String> {
    if off.level() == on.level() || !(off.flags().is_empty() && on.flags().is_empty()) {
        return None;
    }
    let differences: Vec<f64> = steps(on).iter().zip(steps(off)).map(|(on, off)| 1e3 * (on - off)).collect();
    let interval = median_interval(&differences, LEVEL).map(|i| format!(" [{:+.2}, {:+.2}]", i.low, i.high));
    Some(format!("{:+.2} ms{}", median(&differences)?, interval.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;

    #[test]
    fn the_table_has_a_row_a_level() {
        let probe = made_up::telemetry_probe(&[
            &[1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
            &[1.0; 6],
            &[1.01, 2.02, 1.01, 1.01, 1.02, 1.0],
        ]);
        insta::assert_snapshot!(overhead_table(&[probe]));
    }

    #[test]
    fn times_that_do_not_count_make_no_difference() {
        let mut probe = made_up::telemetry_probe(&[&[1.0], &[1.0], &[1.5]]);
        made_up::lose_device(&mut probe.cell.arms[2]);
        let table = overhead_table(&[probe]);
        assert!(!table.contains("+500.00 ms") && table.contains("Times that do not count"), "{table}");
    }
}
