//! Who has its turn when, and for how long.

/// No turn is longer, however fast the steps.
const MOST_STEPS: f64 = 50.0;

/// The order of `arms` arms in round `number` (from 0): theirs, then the opposite, and so on.
pub(super) fn round(arms: usize, number: u32) -> Vec<usize> {
    let order = 0..arms;
    if number.is_multiple_of(2) { order.collect() } else { order.rev().collect() }
}

/// How many steps of each arm fit into `seconds`, where one step of every arm takes `step_of_all`, and the first of a
/// turn does not count: at least one that does.
pub(super) fn steps_of_turn(seconds: f64, step_of_all: f64) -> usize {
    (seconds / step_of_all - 1.0).clamp(1.0, MOST_STEPS) as usize
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
        assert_eq!(steps_of_turn(10.0, 1.0), 9);
        assert_eq!(steps_of_turn(10.0, 100.0), 1);
        assert_eq!(steps_of_turn(10.0, 1e-6), 50);
        assert_eq!(steps_of_turn(10.0, 0.0), 50);
    }
}
