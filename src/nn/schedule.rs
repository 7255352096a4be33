//! Which statistics of its input a whitening layer takes in a training step.

use super::store::Scope;
use std::cell::Cell;
use std::rc::Rc;

/// The statistics that a pass takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taken {
    /// Those of its batch.
    Measured,
    /// Those measured last, of a training step before.
    Kept,
    /// The running ones.
    Remembered,
}

/// What a layer takes step by step, and how many steps it has counted.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Statistics are measured in the first `freeze_iter + 1` of every `10 freeze_iter` steps; absent: they never freeze.
    freeze_iter: Option<i64>,
    /// They are measured in every so many steps; 1 for each.
    refresh: i64,
    steps: Rc<Cell<i64>>,
}

impl Schedule {
    /// The schedule of a layer, known to its store; its counter is `steps`, from 0.
    pub fn new(scope: &Scope, freeze_iter: Option<i64>, refresh: i64) -> Self {
        let schedule = Self { freeze_iter, refresh, steps: scope.counter("steps") };
        scope.store().add_schedule(schedule.clone());
        schedule
    }

    /// What the next training step takes.
    pub fn next(&self) -> Taken {
        match (self.steps.get(), self.freeze_iter) {
            (step, Some(freeze_iter)) if step > freeze_iter => Taken::Remembered,
            (step, _) if step % self.refresh == 0 => Taken::Measured,
            _ => Taken::Kept,
        }
    }

    /// Counts a training step, where that matters.
    pub fn advance(&self) {
        // Where nothing freezes, so large that it does not matter.
        let cycle = self.freeze_iter.map_or(i64::MAX, |freeze_iter| 10 * freeze_iter);
        if self.freeze_iter.is_some() || self.refresh > 1 {
            self.steps.set((self.steps.get() + 1) % cycle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Store;
    use tch::{Device, Kind};

    #[test]
    fn statistics_freeze_and_thaw_and_are_kept_in_between() {
        let store = Store::new(Device::Cpu, Kind::Float);
        let taken = |freeze_iter, refresh, steps: usize| {
            let schedule = Schedule::new(&store.root(), freeze_iter, refresh);
            let step = |_| {
                let next = schedule.next();
                schedule.advance();
                format!("{next:?}").remove(0)
            };
            (0..steps).map(step).collect::<String>()
        };
        assert_eq!(taken(None, 1, 5), "MMMMM");
        assert_eq!(taken(None, 3, 7), "MKKMKKM");
        assert_eq!(taken(Some(1), 1, 22), "MMRRRRRRRRMMRRRRRRRRMM");
        assert_eq!(taken(Some(2), 2, 22), "MKMRRRRRRRRRRRRRRRRRMK");
    }

    #[test]
    fn a_store_counts_for_all_its_layers() {
        let store = Store::new(Device::Cpu, Kind::Float);
        let one = Schedule::new(&store.root().sub("a"), Some(1), 1);
        let _never = Schedule::new(&store.root().sub("b"), None, 1);
        assert_eq!(store.taken(), [Taken::Measured; 2]);
        store.advance();
        one.advance();
        assert_eq!(store.taken(), [Taken::Remembered, Taken::Measured]);
    }
}
