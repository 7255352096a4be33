//! What network deconvolution adds to the same network with plain convolutions, and how far that is above its floor.

use super::probe::{arm_title, device, network_title, ratio_text};
use super::table::Table;
use super::words::{NOTHING, plural};
use crate::record::{ProbeArm, ProbeRecord};
use crate::scenario::{Implementation, Norm};
use crate::stats::{LEVEL, Ratio, geometric_mean, median, paired_ratio};
use crate::units::Seconds;

/// An arm with ND in figures.
struct Added {
    step: Seconds,
    /// Its step less that of plain convolutions.
    added: Seconds,
    /// That, to what the published implementation adds, from turns of the same round.
    added_ratio: Option<Ratio>,
    /// Its step to that of the published implementation.
    step_ratio: Option<Ratio>,
    /// Its peak of live tensors to that of the published implementation.
    peak_ratio: Option<f64>,
    /// The step of plain convolutions and what the products of whitening take at least.
    floor: Option<Seconds>,
}

/// A row an arm with ND of each probe that has plain convolutions too, and the geometric means of each implementation. Empty
/// where there is no such probe.
pub(super) fn added_table(probes: &[ProbeRecord]) -> String {
    let head = ["Network", "", "Plain", "Added", "To published", "Step", "To published", "Peak", "Floor", "Step/floor"];
    let mut table = Table::new(2, &head);
    let mut all: Vec<(String, Added)> = Vec::new();
    for probe in probes {
        let Some(plain) = probe.cell.arms.iter().find(|arm| arm.norm == Norm::Plain) else { continue };
        for (index, arm) in probe.cell.arms.iter().filter(|arm| arm.norm == Norm::Nd).enumerate() {
            let added = figures(arm, plain, published(probe));
            let network = if index == 0 { network_title(probe) } else { String::new() };
            table.row(row(network, arm, plain, &added));
            all.push((arm_title(arm), added));
        }
    }
    let mut titles: Vec<&String> = all.iter().map(|(title, _)| title).collect();
    titles.sort();
    titles.dedup();
    let networks = |title: &String| all.iter().filter(|(t, _)| t == title).map(|(_, added)| added).collect::<Vec<_>>();
    for title in titles.iter().filter(|title| networks(title).len() > 1) {
        table.row(means(title, &networks(title)));
    }
    if all.is_empty() {
        return String::new();
    }
    table.render()
        + "\nPlain: median step with ordinary convolutions and biases instead. Added: median over the rounds of the step less that. To published: \
           ratio to the published implementation's, from turns of one round, geometric mean with 95 % confidence interval. \
           Peak: of live tensors, to the published implementation's. Floor: the plain step, and the products that whitening cannot do without, each at the rate of a product of its \
           size on this device, symmetric ones half.\n"
}

fn published(probe: &ProbeRecord) -> Option<&ProbeArm> {
    let is = |arm: &&ProbeArm| arm.deconvolution.is_some_and(|d| d.implementation == Implementation::Published);
    probe.cell.arms.iter().find(is)
}

fn figures(arm: &ProbeArm, plain: &ProbeArm, published: Option<&ProbeArm>) -> Added {
    let (own, without) = (steps(arm), steps(plain));
    let all_count = [Some(arm), Some(plain), published].into_iter().flatten().all(|arm| arm.flags().is_empty());
    let more = |steps: &[f64]| steps.iter().zip(&without).map(|(step, plain)| step - plain).collect::<Vec<f64>>();
    let ratio = |of: &dyn Fn(&[f64]) -> Vec<f64>| {
        let theirs = steps(published.filter(|published| *published != arm)?);
        paired_ratio(&of(&theirs).into_iter().zip(of(&own)).collect::<Vec<_>>(), LEVEL).filter(|_| all_count)
    };
    let middle = |values: &[f64]| median(values).unwrap_or(f64::NAN);
    let peak = |arm: &ProbeArm| arm.memory.allocated.map(|bytes| bytes.0 as f64);
    Added {
        step: Seconds(middle(&own)),
        added: Seconds(middle(&more(&own))),
        added_ratio: ratio(&|steps| more(steps)),
        step_ratio: ratio(&|steps| steps.to_vec()),
        peak_ratio: published
            .filter(|published| *published != arm)
            .and_then(|published| Some(peak(arm)? / peak(published)?)),
        floor: floor_of(arm, plain).filter(|_| all_count),
    }
}

/// The least time of a step of `arm`: the `plain` one, and the products of whitening; `None` where these were not measured.
pub(super) fn floor_of(arm: &ProbeArm, plain: &ProbeArm) -> Option<Seconds> {
    arm.floor.map(|floor| plain_step(plain) + floor.total())
}

/// The median step of plain convolutions.
pub(super) fn plain_step(plain: &ProbeArm) -> Seconds {
    Seconds(median(&steps(plain)).unwrap_or(f64::NAN))
}

/// The median `device` time of a step of each turn, seconds.
fn steps(arm: &ProbeArm) -> Vec<f64> {
    arm.turns.iter().map(device).collect()
}

fn row(network: String, arm: &ProbeArm, plain: &ProbeArm, added: &Added) -> Vec<String> {
    vec![
        network,
        arm_title(arm),
        plain_step(plain).to_string(),
        added.added.to_string(),
        ratio_text(added.added_ratio),
        added.step.to_string(),
        ratio_text(added.step_ratio),
        added.peak_ratio.map_or(NOTHING.into(), |ratio| format!("{ratio:.2}")),
        added.floor.map_or(NOTHING.into(), |floor| floor.to_string()),
        added.floor.map_or(NOTHING.into(), |floor| format!("{:.2}", added.step.0 / floor.0)),
    ]
}

/// The geometric means of an implementation's ratios; of those that all networks have.
fn means(title: &str, networks: &[&Added]) -> Vec<String> {
    let mean = |of: &dyn Fn(&Added) -> Option<f64>| {
        let values: Option<Vec<f64>> = networks.iter().map(|added| of(added)).collect();
        values.and_then(|v| geometric_mean(&v)).map_or(NOTHING.into(), |m| format!("{m:.2}"))
    };
    vec![
        format!("Geometric mean, {}", plural(networks.len(), "network")),
        title.into(),
        NOTHING.into(),
        NOTHING.into(),
        mean(&|a| a.added_ratio.map(|r| r.value)),
        NOTHING.into(),
        mean(&|a| a.step_ratio.map(|r| r.value)),
        mean(&|a| a.peak_ratio),
        NOTHING.into(),
        mean(&|a| a.floor.map(|floor| a.step.0 / floor.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Floor, made_up};
    use crate::units::Bytes;

    /// BN, plain, published and fast; the machine is twice as slow in the second round.
    fn probe() -> ProbeRecord {
        let mut probe = made_up::probe(&[&[1.0, 2.0], &[4.0, 8.0]]);
        let [bn, mut nd] = [0, 1].map(|arm| probe.cell.arms[arm].clone());
        let slower = |arm: &ProbeArm, factor: f64| {
            let mut arm = arm.clone();
            arm.turns.iter_mut().flat_map(|turn| &mut turn.steps).for_each(|step| step.0 *= factor);
            arm
        };
        let mut plain = slower(&bn, 0.5);
        plain.norm = Norm::Plain;
        let mut fast = slower(&nd, 0.5);
        fast.deconvolution.as_mut().unwrap().implementation = Implementation::Fast;
        fast.memory.allocated = Some(Bytes(3 << 20));
        let floor =
            Floor { newton_schulz: Seconds(0.5), covariance: Seconds(0.125), weight: Seconds(0.125), operations: None };
        fast.floor = Some(floor);
        nd.memory.allocated = Some(Bytes(4 << 20));
        probe.cell.arms = vec![bn, plain, nd, fast];
        probe
    }

    #[test]
    fn what_is_added_and_its_floor() {
        let probe = probe();
        let arms = &probe.cell.arms;
        let fast = figures(&arms[3], &arms[1], published(&probe));
        // Rounds: plain 0.5 and 1, published 4 and 8, fast 2 and 4.
        assert_eq!((fast.step, fast.added), (Seconds(3.0), Seconds(2.25)));
        assert!((fast.added_ratio.unwrap().value - 1.5 / 3.5).abs() < 1e-12);
        assert!((fast.step_ratio.unwrap().value - 0.5).abs() < 1e-12);
        assert_eq!((fast.floor, fast.peak_ratio), (Some(Seconds(0.75 + 0.75)), Some(0.75)));
        let published = figures(&arms[2], &arms[1], published(&probe));
        assert!(published.added_ratio.is_none() && published.floor.is_none());
    }

    #[test]
    fn the_table_ends_with_means_where_there_are_several_networks() {
        let one = added_table(&[probe()]);
        assert!(one.contains("| ND fast ") && !one.contains("Geometric mean,"), "{one}");
        let two = added_table(&[probe(), probe()]);
        assert!(two.contains("| Geometric mean, 2 networks | ND fast ") && two.contains(" 0.43 |"), "{two}");
        assert_eq!(added_table(&[made_up::probe(&[&[1.0], &[2.0]])]), "");
    }
}
