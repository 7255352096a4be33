//! Who has its turn when, and for how long.

/// No turn is longer, however fast the steps.
const MOST_STEPS: f64 = 50.0;

/// The order of `arms` arms in round `number` (from 0): theirs, then the opposite, and so on.
pub(super) fn round(arms: usize, number: u32) -> Vec<usize> {
    let order = 0..arms;
    if number.is_multiple_of(2) { order.collect() } else { order.rev().collect() }
}

/// How many steps of each arm fit into `seconds`, where one step of every arm takes `step_of_all`, and two of a turn do not
/// count: at least one that does, and as many of the longest step as last `least` seconds.
pub(super) fn steps_of_turn(seconds: f64, step_of_all: f64, (least, longest): (f64, f64)) -> usize {
    let fitting = (seconds / step_of_all - 2.0).clamp(1.0, MOST_STEPS) as usize;
    // A step that takes no time would need any number of them.
    fitting.max((least / longest.max(1e-6)).ceil() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arm_is_as_often_early_as_late() {
        assert_eq!([round(2, 0), round(2, 1), round(2, 2)], [[0, 1], [1, 0], [0, 1]]);
        let places = |arm| (0..6).map(|n| round(3, n).iter().position(|a| *a == arm).unwrap()).sum::<usize>();
        assert_eq!([places(0), places(1), places(2)], [6, 6, 6]);
    }

    #[test]
    fn a_turn_fills_its_time_and_has_at_least_one_step() {
        let steps = |seconds, step| steps_of_turn(seconds, step, (0.0, 1.0));
        assert_eq!([steps(10.0, 1.0), steps(10.0, 100.0), steps(10.0, 1e-6), steps(10.0, 0.0)], [8, 1, 50, 50]);
        assert_eq!(steps_of_turn(1.0, 0.03, (2.5, 0.01)), 250, "slow readings need long turns");
        assert_eq!(steps_of_turn(1.0, 30.0, (2.5, 10.0)), 1);
    }
}
