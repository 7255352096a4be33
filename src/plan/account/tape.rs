//! Tensors without numbers, and the way back through what made them: what lives when, as reverse-mode differentiation has it.

use super::ledger::{Ledger, Purpose, Storage};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// Images, channels, height, width; of matrices 1, how many, rows, columns.
pub(super) type Sizes = [u64; 4];

/// A tensor: its sizes, its memory, and what its gradient goes to.
#[derive(Clone)]
pub(super) struct Tensor {
    pub sizes: Sizes,
    storage: Storage,
    edge: Option<Edge>,
}

impl Tensor {
    /// How many numbers it has.
    pub fn numbers(&self) -> u64 {
        self.sizes.iter().product()
    }

    /// Whether a gradient of it is asked for.
    pub fn is_differentiated(&self) -> bool {
        self.edge.is_some()
    }

    /// Its memory, which lives as long as this does.
    pub fn storage(&self) -> Storage {
        self.storage.clone()
    }

    /// The same memory, seen with other sizes.
    pub fn view(&self, sizes: Sizes) -> Self {
        Self { sizes, ..self.clone() }
    }
}

/// A gradient on its way.
pub(super) struct Gradient {
    storage: Storage,
    /// Of the tensor; its memory may be larger.
    bytes: u64,
}

impl Gradient {
    /// One that fills its memory.
    pub fn whole(storage: Storage) -> Self {
        let bytes = storage.bytes();
        Self { storage, bytes }
    }

    /// A part of so many numbers, in the same memory.
    pub fn part(&self, tape: &Tape, numbers: u64) -> Self {
        Self { storage: self.storage.clone(), bytes: tape.width * numbers }
    }

    /// Whether it fills its memory, and nobody else sees that.
    pub fn is_own(&self) -> bool {
        self.bytes == self.storage.bytes() && self.storage.is_sole()
    }

    /// This one for another tensor too.
    pub fn same(&self) -> Self {
        Self { storage: self.storage.clone(), bytes: self.bytes }
    }
}

/// Gradients of a node's outputs become those of its inputs.
type Backward = Box<dyn FnOnce(&Tape, Vec<Option<Gradient>>) -> Vec<Option<Gradient>>>;

struct Node {
    /// Later nodes go first on the way back.
    number: usize,
    next: Vec<Option<Edge>>,
    outputs: usize,
    /// Absent of a parameter, where gradients end.
    backward: RefCell<Option<Backward>>,
}

/// An output of a node.
#[derive(Clone)]
struct Edge {
    node: Rc<Node>,
    output: usize,
}

/// What one layer did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFacts {
    /// Its kind: `Conv2d`, `BatchNorm2d`, `FastDeconv`, `Linear`, `Delinear`.
    pub kind: &'static str,
    /// Multiply-accumulates of the whole batch, without biases, normalisation and covariances.
    pub macs: u64,
    /// Images, channels, height, width.
    pub output: [u64; 4],
    /// Rows of a covariance; 0 where nothing is whitened.
    pub features: u64,
}

/// Records what a network does to its memory.
pub(super) struct Tape {
    pub ledger: Rc<Ledger>,
    /// Bytes of a number.
    pub width: u64,
    /// Whether convolutions copy what they read and write into a layout of their own.
    pub copies: bool,
    /// Whether there is a way back.
    pub training: bool,
    nodes: Cell<usize>,
    parameters: Cell<u64>,
    statistics: Cell<u64>,
    gradients: RefCell<Vec<Gradient>>,
    layers: RefCell<Vec<LayerFacts>>,
}

impl Tape {
    /// An empty one, beside what `ledger` holds.
    pub fn new(ledger: Rc<Ledger>, width: u64, copies: bool, training: bool) -> Self {
        let zero = || Cell::new(0);
        let (gradients, layers) = (RefCell::default(), RefCell::default());
        Self {
            ledger,
            width,
            copies,
            training,
            nodes: Cell::new(0),
            parameters: zero(),
            statistics: zero(),
            gradients,
            layers,
        }
    }

    /// Numbers of the parameters and of the running statistics that were met.
    pub fn resident(&self) -> (u64, u64) {
        (self.parameters.get(), self.statistics.get())
    }

    /// The layers, in the order of execution.
    pub fn into_layers(self) -> Vec<LayerFacts> {
        self.layers.into_inner()
    }

    /// Notes what a layer did.
    pub fn note(&self, facts: LayerFacts) {
        self.layers.borrow_mut().push(facts);
    }

    /// Memory for so many numbers.
    pub fn hold(&self, purpose: Purpose, numbers: u64) -> Storage {
        self.ledger.hold(purpose, self.width * numbers)
    }

    /// A tensor that nothing is differentiated through.
    pub fn constant(&self, purpose: Purpose, sizes: Sizes) -> Tensor {
        Tensor { sizes, storage: self.hold(purpose, sizes.iter().product()), edge: None }
    }

    /// A parameter. Its memory is held elsewhere: parameters live before and after the step.
    pub fn parameter(&self, sizes: Sizes) -> Tensor {
        let numbers: u64 = sizes.iter().product();
        self.parameters.set(self.parameters.get() + numbers);
        let leaf = || Node { number: usize::MAX, next: Vec::new(), outputs: 1, backward: RefCell::new(None) };
        let edge = self.training.then(|| Edge { node: Rc::new(leaf()), output: 0 });
        Tensor { sizes, storage: self.hold(Purpose::Parameters, 0), edge }
    }

    /// Running statistics of so many numbers, held elsewhere too.
    pub fn statistics(&self, numbers: u64) {
        self.statistics.set(self.statistics.get() + numbers);
    }

    /// The result of an operation on `inputs`, in new memory.
    pub fn result(
        &self,
        (purpose, sizes): (Purpose, Sizes),
        inputs: &[&Tensor],
        backward: impl FnOnce(&Tape, Gradient) -> Vec<Option<Gradient>> + 'static,
    ) -> Tensor {
        let storage = self.hold(purpose, sizes.iter().product());
        self.seen_as(storage, sizes, inputs, backward)
    }

    /// The result of an operation on `inputs`, in memory that there is.
    pub fn seen_as(
        &self,
        storage: Storage,
        sizes: Sizes,
        inputs: &[&Tensor],
        backward: impl FnOnce(&Tape, Gradient) -> Vec<Option<Gradient>> + 'static,
    ) -> Tensor {
        let single = move |tape: &Tape, gradients: Vec<Option<Gradient>>| match gradients.into_iter().next().flatten() {
            Some(gradient) => backward(tape, gradient),
            None => Vec::new(),
        };
        let mut outputs = self.results(vec![(storage, sizes)], inputs, single);
        outputs.pop().expect("there is one output")
    }

    /// Several results of one operation.
    pub fn results(
        &self,
        outputs: Vec<(Storage, Sizes)>,
        inputs: &[&Tensor],
        backward: impl FnOnce(&Tape, Vec<Option<Gradient>>) -> Vec<Option<Gradient>> + 'static,
    ) -> Vec<Tensor> {
        let needed = inputs.iter().any(|input| input.is_differentiated());
        let node = needed.then(|| {
            self.nodes.set(self.nodes.get() + 1);
            let next = inputs.iter().map(|input| input.edge.clone()).collect();
            let backward: Backward = Box::new(backward);
            let (number, outputs) = (self.nodes.get(), outputs.len());
            Rc::new(Node { number, next, outputs, backward: RefCell::new(Some(backward)) })
        });
        let outputs = outputs.into_iter().enumerate();
        let edge = |output| node.clone().map(|node| Edge { node, output });
        outputs.map(|(output, (storage, sizes))| Tensor { sizes, storage, edge: edge(output) }).collect()
    }

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
                self.gradients.borrow_mut().extend(gradients.into_iter().flatten());
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
