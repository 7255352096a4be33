//! Records what a network does to its memory, and what its operations need on the way back.

use super::convolution::Copies;
use super::ledger::{Ledger, Purpose, Storage};
use super::tensor::{Gradient, Sizes, Tensor};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Gradients of a node's outputs become those of its inputs.
pub(super) type Backward = Box<dyn FnOnce(&Tape, Vec<Option<Gradient>>) -> Vec<Option<Gradient>>>;

/// An operation that was recorded, or a parameter.
pub(super) struct Node {
    /// Later nodes go first on the way back.
    pub number: usize,
    pub next: Vec<Option<Edge>>,
    pub outputs: usize,
    /// Absent of a parameter, where gradients end.
    pub backward: RefCell<Option<Backward>>,
}

/// An output of a node.
#[derive(Clone)]
pub(super) struct Edge {
    pub node: Rc<Node>,
    pub output: usize,
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

/// How operations compute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernels {
    /// Bytes of a number.
    pub width: u64,
    /// What convolutions copy.
    pub copies: Copies,
    /// Threads of a CPU without AVX-512.
    pub narrow: Option<u64>,
    /// Images lie in memory pixel by pixel.
    pub channels_last: bool,
}

/// Where a pass goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Forward only.
    Forth,
    /// And back.
    Back,
    /// And back, to gradients that lie there already.
    BackAgain,
}

/// Records what a network does to its memory.
pub(super) struct Tape {
    pub ledger: Rc<Ledger>,
    pub kernels: Kernels,
    way: Way,
    nodes: Cell<usize>,
    parameters: Cell<u64>,
    statistics: Cell<u64>,
    /// Of parameters.
    gradients: RefCell<Vec<Gradient>>,
    layers: RefCell<Vec<LayerFacts>>,
}

impl Tape {
    /// An empty one, beside what `ledger` holds.
    pub fn new(ledger: Rc<Ledger>, kernels: Kernels, way: Way) -> Self {
        let zero = || Cell::new(0);
        let (gradients, layers) = (RefCell::default(), RefCell::default());
        Self { ledger, kernels, way, nodes: Cell::new(0), parameters: zero(), statistics: zero(), gradients, layers }
    }

    /// Whether there is a way back.
    pub fn is_training(&self) -> bool {
        self.way != Way::Forth
    }

    /// A parameter's gradient is whole: it stays, or is added to one that lies there.
    pub fn keep(&self, gradients: impl IntoIterator<Item = Gradient>) {
        if self.way == Way::Back {
            self.gradients.borrow_mut().extend(gradients);
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
        self.ledger.hold(purpose, self.kernels.width * numbers)
    }

    /// A tensor that nothing is differentiated through.
    pub fn constant(&self, purpose: Purpose, sizes: Sizes) -> Tensor {
        Tensor { sizes, storage: self.hold(purpose, sizes.iter().product()), edge: None }
    }

    /// The same, in memory that somebody else holds.
    pub fn elsewhere(&self, sizes: Sizes) -> Tensor {
        Tensor { sizes, storage: self.hold(Purpose::Activations, 0), edge: None }
    }

    /// A parameter. Its memory is held elsewhere: parameters live before and after the step.
    pub fn parameter(&self, sizes: Sizes) -> Tensor {
        let numbers: u64 = sizes.iter().product();
        self.parameters.set(self.parameters.get() + numbers);
        let leaf = || Node { number: usize::MAX, next: Vec::new(), outputs: 1, backward: RefCell::new(None) };
        let edge = self.is_training().then(|| Edge { node: Rc::new(leaf()), output: 0 });
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
}
