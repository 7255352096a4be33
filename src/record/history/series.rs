//! Series: the times of one arm in one environment, from commit to commit.

use super::{Entry, StepTime};
use crate::stats::{Shift, ShiftRule, median, shifts};
use crate::units::Seconds;
use std::collections::BTreeMap;

/// Probes of one commit that begin within so long of the first of them make one point: those of a night.
const NIGHT: jiff::SignedDuration = jiff::SignedDuration::from_hours(6);

/// The times of one arm in one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The label of the environment.
    pub environment: String,
    /// The arm, with the time of its first probe.
    pub arm: StepTime,
    /// In order of time.
    pub points: Vec<Point>,
}

/// The probes of a commit in a night.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The commit of the program.
    pub commit: String,
    /// When the first of them began.
    pub at: jiff::Timestamp,
    /// Of a step: median over the probes.
    pub seconds: Seconds,
    /// How many probes.
    pub probes: usize,
}

impl Series {
    /// Where the level became another one: of the logarithms, so that changes are shares.
    pub fn shifts(&self) -> Vec<Shift> {
        let logs: Vec<f64> = self.points.iter().map(|point| point.seconds.0.ln()).collect();
        shifts(&logs, &ShiftRule::default())
    }
}

/// The series of `entries`, which are in order of time; sorted by environment and arm.
pub fn series(entries: &[Entry]) -> Vec<Series> {
    let mut found: BTreeMap<(String, String), Vec<(&Entry, &StepTime)>> = BTreeMap::new();
    for entry in entries {
        let label = entry.environment_label();
        for step in &entry.steps {
            found.entry((label.clone(), step.name())).or_default().push((entry, step));
        }
    }
    let of = |((environment, _), steps): ((String, String), Vec<(&Entry, &StepTime)>)| Series {
        environment,
        arm: steps[0].1.clone(),
        points: points(&steps),
    };
    found.into_iter().map(of).collect()
}

fn points(steps: &[(&Entry, &StepTime)]) -> Vec<Point> {
    let (mut points, mut rest) = (Vec::new(), steps);
    while let Some((first, _)) = rest.first() {
        let same = |(entry, _): &&(&Entry, &StepTime)| {
            entry.environment.software.commit == first.environment.software.commit
                && entry.started.duration_since(first.started) < NIGHT
        };
        let night = rest.iter().take_while(same).count();
        let times: Vec<f64> = rest[..night].iter().map(|(_, step)| step.seconds.0).collect();
        let seconds = Seconds(median(&times).expect("times of records are finite"));
        let commit = first.environment.software.commit.clone();
        points.push(Point { commit, at: first.started, seconds, probes: night });
        rest = &rest[night..];
    }
    points
}

#[cfg(test)]
mod tests {
    use super::super::super::made_up;
    use super::*;

    fn entry(hour: i64, commit: &str, bn: f64) -> Entry {
        let mut probe = made_up::probe(&[&[bn], &[3.0]]);
        probe.started = jiff::Timestamp::from_second(3600 * hour).unwrap();
        probe.environment.software.commit = commit.into();
        Entry::of(&probe).unwrap()
    }

    #[test]
    fn probes_of_a_night_and_commit_are_one_point() {
        let entries =
            [entry(0, "a", 1.0), entry(1, "a", 9.0), entry(2, "a", 2.0), entry(3, "b", 4.0), entry(24, "b", 5.0)];
        let all = series(&entries);
        assert_eq!(all.iter().map(|s| s.arm.norm_name()).collect::<Vec<_>>(), ["bn", "nd-published"]);
        let points: Vec<_> = all[0].points.iter().map(|p| (p.commit.as_str(), p.seconds.0, p.probes)).collect();
        assert_eq!(points, [("a", 2.0, 3), ("b", 4.0, 1), ("b", 5.0, 1)]);
    }

    #[test]
    fn a_step_of_a_twentieth_is_a_shift() {
        let time = |day: i64| if day < 20 { 1.0 } else { 1.05 } + 0.001 * (day % 3) as f64;
        let entries: Vec<Entry> = (0..25).map(|day| entry(24 * day, &format!("c{day}"), time(day))).collect();
        let all = series(&entries);
        let found = all[0].shifts();
        assert_eq!(found.iter().map(|s| s.at).collect::<Vec<_>>(), [20]);
        assert_eq!(all[1].shifts(), []);
    }
}
