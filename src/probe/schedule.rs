//! Who has its turn when, and for how long.

/// No turn is longer, however fast the steps.
const MOST_STEPS: f64 = 50.0;

/// So long is a piece of a turn, if a step is no longer: on a machine that others share, what lies further apart differs
/// more.
const PIECE: f64 = 0.3;

/// A piece of a turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Of which round, from 1.
    pub round: u32,
    /// Whose, by its place among those that take turns.
    pub of: usize,
    /// So many steps count.
    pub steps: usize,
    /// The turn ends with it.
    pub is_last: bool,
}

/// The pieces of all turns of `arms` arms, in order: each turn has one with each of `steps`, and the arms alternate piece by
/// piece, in their order, then in the opposite, and so on.
pub(super) fn schedule(rounds: u32, arms: usize, steps: &[usize]) -> impl Iterator<Item = Piece> {
    let pieces = (1..=rounds).flat_map(|round| steps.iter().enumerate().map(move |(n, &steps)| (round, n, steps)));
    pieces.enumerate().flat_map(move |(number, (round, n, steps_of_piece))| {
        let is_last = n + 1 == steps.len();
        order(arms, number).into_iter().map(move |of| Piece { round, of, steps: steps_of_piece, is_last })
    })
}

fn order(arms: usize, number: usize) -> Vec<usize> {
    let order = 0..arms;
    if number.is_multiple_of(2) { order.collect() } else { order.rev().collect() }
}

/// How many steps that count a piece has, where the longest takes `longest` seconds.
pub(super) fn steps_of_piece(longest: f64) -> usize {
    ((PIECE / longest.max(1e-6)) as usize).max(1)
}

/// How many steps of each arm fit into `seconds`, where one step of every arm takes `step_of_all`, and one of a turn and one
/// of each piece of it, of up to `most` steps, do not count: at least one that does, and as many of the longest step as last
/// `least` seconds.
pub(super) fn steps_of_turn(seconds: f64, step_of_all: f64, (least, longest): (f64, f64), most: usize) -> usize {
    let in_one_piece = seconds / step_of_all - 2.0;
    let in_pieces = (seconds / step_of_all - 1.0) / (1.0 + 1.0 / most as f64);
    let fitting = in_one_piece.min(in_pieces).clamp(1.0, MOST_STEPS) as usize;
    // A step that takes no time would need any number of them.
    fitting.max((least / longest.max(1e-6)).ceil() as usize)
}

/// The pieces of a turn of `steps` steps, of up to `most` steps each: how many each has, in order.
pub(super) fn pieces(steps: usize, most: usize) -> Vec<usize> {
    let count = steps.div_ceil(most);
    (0..count).map(|n| steps * (n + 1) / count - steps * n / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arm_is_as_often_early_as_late() {
        let arms =
            |rounds, arms, steps: &[usize]| schedule(rounds, arms, steps).map(|piece| piece.of).collect::<Vec<_>>();
        assert_eq!(arms(3, 2, &[4]), [0, 1, 1, 0, 0, 1]);
        let order = arms(6, 3, &[1]);
        let places = |arm| order.iter().enumerate().filter(|(_, of)| **of == arm).map(|(n, _)| n % 3).sum::<usize>();
        assert_eq!([places(0), places(1), places(2)], [6, 6, 6]);
        let pieces: Vec<_> = schedule(2, 2, &[3, 5]).map(|p| (p.round, p.of, p.steps, p.is_last)).collect();
        assert_eq!(pieces[..4], [(1, 0, 3, false), (1, 1, 3, false), (1, 1, 5, true), (1, 0, 5, true)]);
        assert_eq!(pieces[4..], pieces[..4].iter().map(|p| (2, p.1, p.2, p.3)).collect::<Vec<_>>());
    }

    #[test]
    fn a_turn_fills_its_time_and_has_at_least_one_step() {
        let steps = |seconds, step| steps_of_turn(seconds, step, (0.0, 1.0), usize::MAX);
        assert_eq!([steps(10.0, 1.0), steps(10.0, 100.0), steps(10.0, 1e-6), steps(10.0, 0.0)], [8, 1, 50, 50]);
        assert_eq!(steps_of_turn(1.0, 0.03, (2.5, 0.01), usize::MAX), 250, "slow readings need long turns");
        assert_eq!(steps_of_turn(1.0, 30.0, (2.5, 10.0), 1), 1);
        assert_eq!(steps_of_turn(13.0, 1.0, (0.0, 0.1), 3), 9, "three pieces of 3 and 1, and 1");
    }

    #[test]
    fn the_pieces_of_a_turn_are_alike_and_make_it_whole() {
        assert_eq!([1.0, 0.09].map(steps_of_piece), [1, 3]);
        assert_eq!(pieces(3, 1), [1, 1, 1]);
        assert_eq!(pieces(10, 3), [2, 3, 2, 3]);
        assert_eq!(pieces(50, usize::MAX), [50]);
    }
}
