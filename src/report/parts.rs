//! Where the time of a step goes by parts of the computation, and what of the overhead of deconvolution they explain.

use super::probe::{arm_title, network_title};
use super::table::Table;
use super::words::NOTHING;
use crate::record::{PartTimes, ProbeArm, ProbeRecord, StepParts, Turn};
use crate::scenario::Norm;
use crate::stats::median;
use crate::units::Seconds;

/// Parts of a step, in the order of tables and figures.
pub(super) const PARTS: [&str; 9] = [
    "samples",
    "covariance",
    "Newton-Schulz forward",
    "Newton-Schulz back",
    "weight",
    "convolution forward",
    "convolution back",
    "sums of gradients",
    "other",
];

/// Where sums of gradients and other stand among [`PARTS`].
const SUMS: usize = PARTS.len() - 2;
const OTHER: usize = PARTS.len() - 1;

/// An arm's parts of forward and backward pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ArmParts {
    /// Seconds of each of [`PARTS`]: medians over the turns.
    pub parts: [f64; PARTS.len()],
    /// What of forward and backward pass belongs to none.
    pub rest: f64,
}

impl ArmParts {
    /// The parts of an arm; `None` where a turn has none, or the arm's times do not count.
    pub fn of(arm: &ProbeArm) -> Option<Self> {
        if !arm.flags().is_empty() {
            return None;
        }
        let turns = arm.turns.iter().map(|turn| Some((turn, list(turn.parts.as_ref()?))));
        let turns: Vec<(&Turn, [f64; PARTS.len()])> = turns.collect::<Option<_>>()?;
        let middle = |of: &dyn Fn(&Turn, &[f64; PARTS.len()]) -> f64| {
            median(&turns.iter().map(|(turn, parts)| of(turn, parts)).collect::<Vec<_>>())
        };
        let rest = middle(&|turn, parts| (turn.split.forward + turn.split.backward).0 - parts.iter().sum::<f64>())?;
        let mut parts = [0.0; PARTS.len()];
        for (i, part) in parts.iter_mut().enumerate() {
            *part = middle(&|_, parts| parts[i])?;
        }
        Some(Self { parts, rest })
    }

    /// Forward and backward pass.
    pub fn total(&self) -> f64 {
        self.parts.iter().sum::<f64>() + self.rest
    }
}

fn list(step: &StepParts) -> [f64; PARTS.len()] {
    let StepParts { forward: there, backward: back } = step;
    let both = |of: fn(&PartTimes) -> Seconds| (of(there) + of(back)).0;
    [
        both(|p| p.samples),
        both(|p| p.covariance),
        there.newton_schulz.0,
        back.newton_schulz.0,
        both(|p| p.weight),
        there.convolution.0,
        back.convolution.0,
        back.sums.0,
        both(|p| p.other),
    ]
}

/// A row an arm: its parts in milliseconds, and what of its overhead over the first arm they leave unexplained. Empty where
/// no probe has parts.
pub(super) fn parts_table(probes: &[ProbeRecord]) -> String {
    let head: Vec<String> = ["Network", ""].iter().map(|s| s.to_string()).chain(PARTS.map(capital)).collect();
    let head: Vec<&str> =
        head.iter().map(String::as_str).chain(["Rest", "Sums, share", "Other, share", "Unexplained"]).collect();
    let mut table = Table::new(2, &head);
    let mut rows = 0;
    for probe in probes {
        let arms = &probe.cell.arms;
        let base = arms.iter().find(|arm| arm.norm == Norm::Plain).or(arms.first());
        let Some(first) = base.and_then(ArmParts::of) else { continue };
        for (index, arm) in arms.iter().enumerate() {
            let Some(parts) = ArmParts::of(arm) else { continue };
            let milliseconds = |seconds: f64| format!("{:.1}", 1e3 * seconds);
            let mut row = vec![if index == 0 { network_title(probe) } else { String::new() }, arm_title(arm)];
            row.extend(parts.parts.iter().map(|s| milliseconds(*s)));
            row.push(milliseconds(parts.rest));
            let overhead = parts.total() - first.total();
            let share = |more: f64| match Some(arm) != base && overhead > 0.0 {
                true => format!("{:.1} %", 100.0 * more / overhead),
                false => NOTHING.into(),
            };
            let of = |part: usize| parts.parts[part] - first.parts[part];
            row.extend([SUMS, OTHER].map(|part| share(of(part))));
            row.push(share(parts.rest - first.rest));
            table.row(row);
            rows += 1;
        }
    }
    if rows == 0 {
        return String::new();
    }
    table.render()
        + "\nMilliseconds of forward and backward pass by parts, medians over the rounds, of a step that waits for the \
           device after each, and after each gradient. Samples: windows become columns, with `fast` less their \
           mean. Other: activations, pooling, normalisation, the loss. Rest: between operations, such as memory that is \
           freed. Shares of sums and other, and unexplained, that of the rest: what they make up of the time over that of plain \
           convolutions, or else of the first arm.\n"
}

fn capital(name: &str) -> String {
    name[..1].to_uppercase() + &name[1..]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::made_up;

    /// BN and ND whose parts are known.
    pub(crate) fn probe() -> ProbeRecord {
        let mut probe = made_up::probe(&[&[1.0, 1.0, 1.0], &[3.0, 3.0, 3.0]]);
        for (arm, schulz) in probe.cell.arms.iter_mut().zip([0.0, 0.75]) {
            for turn in &mut arm.turns {
                let times = |newton_schulz: f64, convolution: f64| PartTimes {
                    newton_schulz: Seconds(newton_schulz),
                    convolution: Seconds(convolution),
                    other: Seconds(0.125),
                    ..PartTimes::default()
                };
                turn.parts = Some(StepParts { forward: times(schulz, 0.25), backward: times(2.0 * schulz, 0.5) });
                turn.split.forward = Seconds(0.375 + schulz + 0.01 * schulz);
                turn.split.backward = Seconds(0.625 + 2.0 * schulz);
            }
        }
        probe
    }

    #[test]
    fn parts_explain_the_overhead_but_for_the_rest() {
        let probe = probe();
        let [bn, nd] = [0, 1].map(|i| ArmParts::of(&probe.cell.arms[i]).unwrap());
        assert_eq!((bn.parts[5], bn.parts[6], bn.parts[8]), (0.25, 0.5, 0.25));
        assert!(
            bn.rest.abs() < 1e-12
                && (nd.rest - 0.0075).abs() < 1e-12
                && (nd.total() - bn.total() - 2.2575).abs() < 1e-12
        );
        insta::assert_snapshot!(parts_table(&[probe]));
    }

    #[test]
    fn without_parts_there_is_no_table() {
        assert_eq!(parts_table(&[made_up::probe(&[&[1.0], &[3.0]])]), "");
    }

    #[test]
    fn an_arm_whose_times_do_not_count_has_no_parts() {
        let mut probe = probe();
        made_up::lose_device(&mut probe.cell.arms[1]);
        let table = parts_table(&[probe]);
        assert!(table.contains("| BN ") && !table.contains("| ND "), "{table}");
    }
}
