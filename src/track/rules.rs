//! Rules that raise alarms over a history: ours, and those of other tools.

use crate::stats::{ShiftRule, mad, median, shifts};

/// When a history raises an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Ours.
    Shift(ShiftRule),
    /// A point differs from the one before by more than a share of it: TorchBench's workflow has 0.07, and
    /// github-action-benchmark alerts where a time is 200 % of the one before, 1.0.
    Previous(f64),
    /// A point is further from the median of up to twenty before it, at least ten, than so many of their scaled median
    /// absolute deviations, or of 2 % where these are less.
    Mad(f64),
}

/// The rules that are compared, with their names.
pub fn peers() -> Vec<(String, Rule)> {
    vec![
        ("ndbench: ranks of the last 4 and 5".into(), Rule::Shift(ShiftRule::default())),
        ("7 % from the run before".into(), Rule::Previous(0.07)),
        ("200 % of the run before".into(), Rule::Previous(1.0)),
        ("4 MAD, floor 2 %".into(), Rule::Mad(4.0)),
    ]
}

/// Each kind of rule with a row of thresholds.
pub fn curves() -> Vec<(String, Rule)> {
    let shift = [2.3, 2.5, 2.65, 2.8, 3.0, 3.2].map(|deviations| {
        let rule = Rule::Shift(ShiftRule { deviations, ..ShiftRule::default() });
        (format!("ndbench, {deviations} deviations"), rule)
    });
    let share = [0.03, 0.05, 0.07, 0.1, 0.2, 0.4].map(|share| {
        let rule = Rule::Previous(share);
        (format!("{:.0} % from the run before", 100.0 * share), rule)
    });
    let mads = [2.0, 3.0, 4.0, 6.0, 10.0, 20.0].map(|k| (format!("{k} MAD, floor 2 %"), Rule::Mad(k)));
    [shift.to_vec(), share.to_vec(), mads.to_vec()].concat()
}

impl Rule {
    /// The points, from 0, with which alarms are raised, each from the points up to it alone. `logs` are logarithms of
    /// times.
    pub fn alarms(&self, logs: &[f64]) -> Vec<usize> {
        match *self {
            Self::Shift(rule) => shifts(logs, &rule).iter().map(|shift| shift.seen).collect(),
            Self::Previous(share) => {
                let far = |i: &usize| (logs[*i] - logs[i - 1]).exp_m1().abs() > share;
                (1..logs.len()).filter(far).collect()
            }
            Self::Mad(k) => {
                (10..logs.len()).filter(|&i| is_beyond(&logs[i.saturating_sub(20)..i], logs[i], k)).collect()
            }
        }
    }
}

fn is_beyond(before: &[f64], value: f64, k: f64) -> bool {
    let (Some(centre), Some(spread)) = (median(before), mad(before)) else { return false };
    (value - centre).abs() > k * spread.max(0.02)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_alarms_where_it_says() {
        let mut logs: Vec<f64> = (0..40).map(|i| 0.001 * f64::from(i % 3)).collect();
        logs[20..].iter_mut().for_each(|v| *v += 0.1);
        let alarms = |rule: Rule| rule.alarms(&logs);
        assert_eq!(alarms(Rule::Previous(0.07)), [20]);
        assert_eq!(alarms(Rule::Previous(1.0)), Vec::<usize>::new());
        assert_eq!(alarms(Rule::Mad(4.0))[0], 20);
        assert_eq!(alarms(Rule::Shift(ShiftRule::default())), [23]);
        assert_eq!(Rule::Mad(4.0).alarms(&logs[..9]), Vec::<usize>::new());
    }
}
