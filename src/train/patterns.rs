//! Which training steps are taken by a graph, and by which.
//!
//! A graph repeats what it was captured with: a batch of one size, and for each layer that whitens which statistics it
//! takes. So there is one for each pattern of statistics that occurs, and none for batches of another size.

use crate::nn::Taken;
use std::collections::BTreeMap;

/// Steps of a pattern before its capture: libraries choose their kernels in them, and the optimiser makes what it keeps.
const WARM_UP: u32 = 2;

/// Graphs by what each layer takes.
#[derive(Debug)]
pub(super) struct Patterns<G> {
    /// Images of the batches that they are for.
    batch: i64,
    seen: BTreeMap<Vec<Taken>, Pattern<G>>,
}

#[derive(Debug)]
struct Pattern<G> {
    /// Steps taken without a graph, up to [`WARM_UP`].
    steps: u32,
    graph: Option<G>,
}

impl<G> Patterns<G> {
    /// No graph yet; they will be for batches of so many images.
    pub fn new(batch: u32) -> Self {
        Self { batch: i64::from(batch), seen: BTreeMap::new() }
    }

    /// Where the graph is for the next step, which is of `images` images and in which layers take `taken`; where it is
    /// missing, it is to be captured now. `None` for a step without a graph, which counts as taken.
    pub fn next(&mut self, images: i64, taken: Vec<Taken>) -> Option<&mut Option<G>> {
        if images != self.batch {
            return None;
        }
        let pattern = self.seen.entry(taken).or_insert(Pattern { steps: 0, graph: None });
        if pattern.steps < WARM_UP {
            pattern.steps += 1;
            return None;
        }
        Some(&mut pattern.graph)
    }

    /// How many graphs there are.
    #[cfg(test)]
    pub fn captured(&self) -> usize {
        self.seen.values().filter(|pattern| pattern.graph.is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Schedule, Store};
    use tch::{Device, Kind};

    /// What becomes of steps with batches of `sizes` images: `.` without a graph, `c` captured, `r` a graph again; and how
    /// many graphs there are. The layers freeze after `freeze_iter` steps or keep their statistics for `refresh` steps.
    fn steps(layers: &[(Option<i64>, i64)], sizes: &[i64]) -> (String, usize) {
        let store = Store::new(Device::Cpu, Kind::Float);
        for (freeze_iter, refresh) in layers {
            Schedule::new(&store.root(), *freeze_iter, *refresh);
        }
        let mut patterns = Patterns::new(8);
        let mut step = |images: &i64| {
            let taken = store.taken();
            let kind = match patterns.next(*images, taken.clone()) {
                None => '.',
                Some(Some(captured)) => {
                    assert_eq!(*captured, taken, "a graph repeats what it was captured with");
                    'r'
                }
                Some(empty) => {
                    *empty = Some(taken);
                    'c'
                }
            };
            store.advance();
            kind
        };
        let kinds = sizes.iter().map(&mut step).collect();
        (kinds, patterns.captured())
    }

    #[test]
    fn a_network_that_always_does_the_same_has_one_graph() {
        assert_eq!(steps(&[], &[8; 6]), ("..crrr".into(), 1));
        assert_eq!(steps(&[(None, 1); 3], &[8; 6]), ("..crrr".into(), 1));
    }

    #[test]
    fn the_last_smaller_batch_of_an_epoch_is_taken_without() {
        assert_eq!(steps(&[], &[8, 8, 5, 8, 8, 5, 8]), ("...cr.r".into(), 1));
        assert_eq!(steps(&[], &[5; 6]), ("......".into(), 0));
    }

    #[test]
    fn statistics_that_freeze_and_thaw_have_graphs_of_their_own() {
        // Measured in steps 1 to 5 of every 40.
        let (kinds, graphs) = steps(&[(Some(4), 1), (None, 1)], &[8; 46]);
        assert_eq!(kinds, format!("..crr..c{}", "r".repeat(38)), "thawed, they have the first again");
        assert_eq!(graphs, 2);
    }

    #[test]
    fn statistics_that_are_kept_have_a_graph_of_their_own() {
        assert_eq!(steps(&[(None, 3)], &[8; 12]), ("....crcrrrrr".into(), 2));
    }
}
