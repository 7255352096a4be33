//! What probes measured, as a table.

use super::added::added_table;
use super::operations::operations_table;
use super::parts::parts_table;
use super::table::Table;
use super::words::{NOTHING, clean, dataset_title, environment_line, norm_title};
use crate::record::{ProbeArm, ProbeRecord, Turn};
use crate::stats::{LEVEL, Ratio, median, paired_ratio};
use crate::units::Seconds;
use serde::Serialize;

/// An arm in figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmFigures {
    /// Median over its turns of the median `device` time of a step.
    pub device: Seconds,
    /// Median over its turns of the host's `step` time.
    pub step: Seconds,
    /// Its `device` time to that of the first arm, from turns of the same round; absent for the first, and where the
    /// times of one of them do not count.
    pub ratio: Option<Ratio>,
}

/// The arms of a probe in figures, in their order.
pub fn arm_figures(probe: &ProbeRecord) -> Vec<ArmFigures> {
    let arms = &probe.cell.arms;
    let of = |arm: &ProbeArm, time: fn(&Turn) -> f64| arm.turns.iter().map(time).collect::<Vec<f64>>();
    let middle = |values: Vec<f64>| Seconds(median(&values).unwrap_or(f64::NAN));
    let ratio = |arm: &ProbeArm| {
        let pairs: Vec<(f64, f64)> = of(&arms[0], device).into_iter().zip(of(arm, device)).collect();
        paired_ratio(&pairs, LEVEL).filter(|_| arms[0].flags().is_empty() && arm.flags().is_empty())
    };
    let figures = |(index, arm): (usize, &ProbeArm)| ArmFigures {
        device: middle(of(arm, device)),
        step: middle(of(arm, |turn| turn.step().0)),
        ratio: if index == 0 { None } else { ratio(arm) },
    };
    arms.iter().enumerate().map(figures).collect()
}

/// The median `device` time of a step of a turn.
pub(super) fn device(turn: &Turn) -> f64 {
    median(&turn.steps.iter().map(|s| s.0).collect::<Vec<_>>()).unwrap_or(f64::NAN)
}

/// A row an arm: time of a step, its ratio to the first arm's, where it went, and memory.
pub fn probe_table(probes: &[ProbeRecord]) -> String {
    let head =
        ["Network", "", "Step", "Ratio", "Images/s", "Data", "Forward", "Backward", "Update", "Peak", "Resident"];
    let mut table = Table::new(2, &head);
    for probe in probes {
        for (index, (arm, figures)) in probe.cell.arms.iter().zip(arm_figures(probe)).enumerate() {
            table.row(row(if index == 0 { network_title(probe) } else { String::new() }, arm, &figures));
        }
    }
    let mut out = table.render();
    out += "\nStep: median `device` time of a training step, without evaluation. Ratio: to the first arm of the network, from \
            turns of one round, geometric mean with 95 % confidence interval. Data to update: parts of a step that waits after \
            each. Peak: in live tensors of this arm and of the images. Resident: of these, what lives between steps.\n";
    out += &spoilt(probes);
    let parts = parts_table(probes);
    let added = added_table(probes);
    let operations = operations_table(probes);
    for more in [added, operations, parts].iter().filter(|more| !more.is_empty()) {
        out += &format!("\n{more}\n");
    }
    out + &environments(probes)
}

/// A line of what speaks against the times of arms; empty where nothing does.
pub(super) fn spoilt(probes: &[ProbeRecord]) -> String {
    let arms = probes.iter().flat_map(|probe| probe.cell.arms.iter().map(move |arm| (probe, arm)));
    let said = arms.filter(|(_, arm)| !arm.flags().is_empty()).map(|(probe, arm)| {
        let flags: Vec<String> = arm.flags().iter().map(ToString::to_string).collect();
        format!("{}, {} {}", network_title(probe), arm_title(arm), flags.join(", "))
    });
    match said.collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        said => format!("Times that do not count: {}.\n", said.join("; ")),
    }
}

fn row(network: String, arm: &ProbeArm, figures: &ArmFigures) -> Vec<String> {
    let part = |of: fn(&Turn) -> Seconds| {
        let values: Vec<f64> = arm.turns.iter().map(|turn| of(turn).0).collect();
        median(&values).map_or(NOTHING.into(), |s| Seconds(s).to_string())
    };
    let bytes = |bytes: Option<crate::units::Bytes>| bytes.map_or(NOTHING.into(), |b| b.to_string());
    vec![
        network,
        arm_title(arm),
        figures.device.to_string(),
        ratio_text(figures.ratio),
        format!("{:.0}", f64::from(arm.batch_size) / figures.step.0),
        part(|turn| turn.split.data),
        part(|turn| turn.split.forward),
        part(|turn| turn.split.backward),
        part(|turn| turn.split.optimiser),
        bytes(arm.memory.allocated),
        bytes(arm.resident),
    ]
}

/// `3.10 [2.90, 3.31]`.
pub(super) fn ratio_text(ratio: Option<Ratio>) -> String {
    ratio.map_or(NOTHING.into(), |r| match r.interval {
        Some(i) => format!("{:.2} [{:.2}, {:.2}]", r.value, i.low, i.high),
        None => format!("{:.2}", r.value),
    })
}

/// Network and data set.
pub(super) fn network_title(probe: &ProbeRecord) -> String {
    format!("{}, {}", probe.cell.architecture.title(), dataset_title(&probe.cell.dataset))
}

/// A line for each environment in which probes ran.
pub(super) fn environments(probes: &[ProbeRecord]) -> String {
    let mut lines: Vec<String> = probes.iter().map(|p| environment_line(&p.environment)).collect();
    lines.dedup();
    lines.iter().map(|line| format!("Environment: {}\n", clean(line))).collect()
}

/// `BN`, `ND`, and the operator's implementation; the settings by which that is another function, the precision where it is not the
/// usual one, `CUDA graph` where steps were one, `NHWC` where images lay pixel by pixel.
pub(super) fn arm_title(arm: &ProbeArm) -> String {
    let implementation = arm.deconvolution.map_or(String::new(), |settings| {
        let cheaper = settings.cheaper().into_iter().map(|words| format!(", {words}"));
        format!(" {}{}", settings.implementation, cheaper.collect::<String>())
    });
    let precision = arm.precision.suffix();
    let graph = if arm.cuda_graph { ", CUDA graph" } else { "" };
    let layout = if arm.channels_last { ", NHWC" } else { "" };
    format!("{}{implementation}{precision}{graph}{layout}", norm_title(arm.norm))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::scenario::Precision;

    #[test]
    fn ratios_come_from_turns_of_the_same_round() {
        // The machine is twice as slow in the second round: the ratio does not notice.
        let probe = made_up::probe(&[&[1.0, 2.0, 1.0], &[3.0, 6.0, 3.0]]);
        let figures = arm_figures(&probe);
        assert_eq!((figures[0].device, figures[0].ratio), (Seconds(1.0), None));
        let ratio = figures[1].ratio.unwrap();
        assert!((ratio.value - 3.0).abs() < 1e-12 && ratio.n == 3);
        let interval = ratio.interval.unwrap();
        assert!((interval.low - 3.0).abs() < 1e-9 && (interval.high - 3.0).abs() < 1e-9);
    }

    #[test]
    fn times_that_do_not_count_make_no_ratio() {
        let mut probe = made_up::probe(&[&[1.0, 1.0], &[3.0, 3.0]]);
        made_up::lose_device(&mut probe.cell.arms[1]);
        assert_eq!(arm_figures(&probe)[1].ratio, None);
        let text = probe_table(&[probe]);
        assert!(text.contains("do not count: VGG-16, CIFAR-10, ND published lost its device, times: 2."), "{text}");
    }

    #[test]
    fn an_arm_names_what_is_not_usual() {
        let mut arm = made_up::probe(&[&[1.0], &[1.0]]).cell.arms.remove(1);
        assert_eq!(arm_title(&arm), "ND published");
        arm.deconvolution.as_mut().unwrap().refresh = Some(5);
        (arm.precision, arm.channels_last) = (Precision::Bf16, true);
        assert_eq!(arm_title(&arm), "ND published, refresh 5, bf16, NHWC");
    }

    #[test]
    fn the_table_has_a_row_an_arm() {
        let text = probe_table(&[made_up::probe(&[&[0.25, 0.25], &[0.75, 0.80]])]);
        assert!(text.contains("| VGG-16, CIFAR-10 | BN "), "{text}");
        assert!(text.contains("| ND published | 0.78 s | 3.10 [") && text.contains("|      512 |"), "{text}");
    }
}
