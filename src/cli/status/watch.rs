//! When there is nothing more to wait for.

use super::state::State;
use std::time::{Duration, Instant};

/// So many looks in a row have found nobody: between two trials, and before the first one, a trainer holds none.
const LOOKS: u32 = 2;

/// A trainer of which nobody here knows whether it lives shows by a checkpoint that it does, one a minute.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// Who has in hand what is left to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// A trainer that lives or a queue, or nobody can say.
    Somebody,
    /// A trainer on another machine, if it lives.
    Perhaps,
    /// Nobody, as far as one can see from here.
    Nobody,
}

/// What the looks so far have found.
#[derive(Debug, Default)]
pub struct Watch {
    /// How many in a row have found nobody.
    empty: u32,
    /// What had become of the trials, and since when.
    last: Option<(Vec<State>, Instant)>,
}

impl Watch {
    /// Whether nothing will change any more of what a look at this time has found.
    pub fn is_over(&mut self, hand: Hand, states: Vec<State>, now: Instant) -> bool {
        self.empty = if hand == Hand::Nobody { self.empty + 1 } else { 0 };
        let since = match &self.last {
            Some((before, since)) if hand == Hand::Perhaps && *before == states => *since,
            _ => now,
        };
        self.last = Some((states, since));
        self.empty >= LOOKS || now.duration_since(since) >= SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::Held;
    use super::*;

    #[test]
    fn it_ends_when_two_looks_have_found_nobody() {
        let (mut watch, now) = (Watch::default(), Instant::now());
        let ends = [Hand::Nobody, Hand::Somebody, Hand::Nobody, Hand::Perhaps, Hand::Nobody, Hand::Nobody]
            .map(|hand| watch.is_over(hand, vec![State::Missing], now));
        assert_eq!(ends, [false, false, false, false, false, true]);
    }

    #[test]
    fn a_trainer_elsewhere_is_waited_for_as_long_as_it_gets_on() {
        let (mut watch, begun) = (Watch::default(), Instant::now());
        let mut look = |minutes: u64, steps: u64, hand: Hand| {
            let held = Held { by: "process 7 on far".into(), epochs: 0, steps, deaths: 0 };
            watch.is_over(hand, vec![State::Held(held)], begun + Duration::from_secs(60 * minutes))
        };
        for (minutes, steps, hand, ends) in [
            (0, 1, Hand::Perhaps, false),
            (14, 1, Hand::Perhaps, false),
            (16, 2, Hand::Perhaps, false),
            (30, 2, Hand::Perhaps, false),
            // Slurm is silent, or has it in hand again.
            (32, 2, Hand::Somebody, false),
            (46, 2, Hand::Perhaps, false),
            (47, 2, Hand::Perhaps, true),
        ] {
            assert_eq!(look(minutes, steps, hand), ends, "minute {minutes}");
        }
    }
}
