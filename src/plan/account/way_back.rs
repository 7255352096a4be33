//! The way back through what was recorded: what lives when, as libtorch's engine of reverse-mode differentiation has it.

use super::ledger::Purpose;
use super::tape::{Edge, Node, Tape};
use super::tensor::{Gradient, Tensor};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

impl Tape {
    /// Goes back from `loss`: the latest node first, what it kept is let go when it is done. Gradients of parameters stay.
    pub fn backward(&self, loss: Tensor) {
        let Some(Edge { node, output }) = loss.edge.clone() else { return };
        let gradient = Gradient::whole(self.hold(Purpose::Flowing, loss.numbers()));
        drop(loss);
        let waiting = dependencies(&node);
        let mut walk = Walk { waiting, ready: BTreeMap::new(), gathered: HashMap::new() };
        walk.give(self, &Edge { node: node.clone(), output }, gradient, true);
        drop(node);
        while let Some((_, node)) = walk.ready.pop_last() {
            let gradients = walk.gathered.remove(&Rc::as_ptr(&node)).unwrap_or_default();
            let Some(backward) = node.backward.take() else {
                self.keep(gradients.into_iter().flatten());
                continue;
            };
            let results = backward(self, gradients);
            let mut results = results.into_iter();
            for edge in &node.next {
                let gradient = results.next().flatten();
                match (edge, gradient) {
                    (Some(edge), Some(gradient)) => walk.give(self, edge, gradient, false),
                    (Some(edge), None) => walk.arrived(edge),
                    (None, _) => {}
                }
            }
        }
    }
}

/// How many gradients each node waits for.
fn dependencies(root: &Rc<Node>) -> HashMap<*const Node, usize> {
    let mut counts = HashMap::new();
    let (mut seen, mut stack) = (HashSet::from([Rc::as_ptr(root)]), vec![root.clone()]);
    while let Some(node) = stack.pop() {
        for edge in node.next.iter().flatten() {
            *counts.entry(Rc::as_ptr(&edge.node)).or_insert(0) += 1;
            if seen.insert(Rc::as_ptr(&edge.node)) {
                stack.push(edge.node.clone());
            }
        }
    }
    counts
}

/// Where the way back is.
struct Walk {
    waiting: HashMap<*const Node, usize>,
    /// By number, so that the latest is taken; parameters in the order in which they became ready.
    ready: BTreeMap<(usize, usize), Rc<Node>>,
    gathered: HashMap<*const Node, Vec<Option<Gradient>>>,
}

impl Walk {
    fn give(&mut self, tape: &Tape, edge: &Edge, gradient: Gradient, is_first: bool) {
        let node = &edge.node;
        let outputs = node.outputs;
        let gathered = self.gathered.entry(Rc::as_ptr(node)).or_insert_with(|| (0..outputs).map(|_| None).collect());
        let slot = &mut gathered[edge.output];
        *slot = Some(match slot.take() {
            None => gradient,
            Some(old) => sum(tape, old, gradient),
        });
        if is_first {
            self.ready.insert((node.number, 0), node.clone());
        } else {
            self.arrived(edge);
        }
    }

    fn arrived(&mut self, edge: &Edge) {
        let waiting = self.waiting.get_mut(&Rc::as_ptr(&edge.node)).expect("every node was met");
        *waiting -= 1;
        if *waiting == 0 {
            let place = self.ready.len();
            self.ready.insert((edge.node.number, place), edge.node.clone());
        }
    }
}

/// Two gradients of one tensor, in the first one's memory where nobody else sees it.
fn sum(tape: &Tape, old: Gradient, new: Gradient) -> Gradient {
    if old.is_own() {
        return old;
    }
    Gradient::whole(tape.ledger.hold(Purpose::Flowing, new.bytes))
}
