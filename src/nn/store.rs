//! Parameters and buffers under dotted names.

use super::schedule::{Schedule, Taken};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tch::{Device, Kind, Tensor};

/// How a parameter is filled before training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Uniform between minus and plus the bound.
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// One value everywhere.
    Constant(f64),
}

/// What a parameter does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Kernel of a convolution or matrix of a linear layer.
    Weight,
    /// Scale of a batch normalisation.
    Scale,
    /// Added at the end, by any layer.
    Bias,
}

/// A tensor that is trained.
#[derive(Debug)]
pub struct Parameter {
    /// Dotted name.
    pub name: String,
    /// The values; a leaf that requires its gradient.
    pub tensor: Tensor,
    /// How it is filled.
    pub init: Init,
    /// What it does.
    pub role: Role,
}

/// A tensor that is remembered but not trained, such as running statistics.
#[derive(Debug)]
pub struct Buffer {
    /// Dotted name.
    pub name: String,
    /// The values.
    pub tensor: Tensor,
}

/// The parameters, buffers and counters of one network, in the order of their creation.
#[derive(Debug)]
pub struct Store {
    device: Device,
    kind: Kind,
    parameters: RefCell<Vec<Parameter>>,
    buffers: RefCell<Vec<Buffer>>,
    counters: RefCell<Vec<(String, Rc<Cell<i64>>)>>,
    schedules: RefCell<Vec<Schedule>>,
}

impl Store {
    /// An empty store whose tensors will live on `device` as `kind`.
    pub fn new(device: Device, kind: Kind) -> Self {
        Self {
            device,
            kind,
            parameters: RefCell::default(),
            buffers: RefCell::default(),
            counters: RefCell::default(),
            schedules: RefCell::default(),
        }
    }

    /// The scope without a prefix.
    pub fn root(&self) -> Scope<'_> {
        Scope { store: self, prefix: String::new() }
    }

    /// Where the tensors live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The element type of parameters.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Fills every parameter by its initialiser from `seed`, in the order of creation, on the CPU in single precision, so
    /// that the values depend on neither device nor precision.
    pub fn initialise(&self, seed: u64) {
        tch::manual_seed(seed as i64);
        let _no_grad = tch::no_grad_guard();
        for p in self.parameters.borrow_mut().iter_mut() {
            let on_cpu = Tensor::empty(p.tensor.size(), (Kind::Float, Device::Cpu));
            let filled = fill(on_cpu, p.init);
            p.tensor.copy_(&filled);
        }
    }

    /// Calls `visit` with every parameter in the order of creation.
    pub fn each_parameter(&self, mut visit: impl FnMut(&mut Parameter)) {
        self.parameters.borrow_mut().iter_mut().for_each(&mut visit);
    }

    /// Calls `visit` with every buffer in the order of creation.
    pub fn each_buffer(&self, mut visit: impl FnMut(&mut Buffer)) {
        self.buffers.borrow_mut().iter_mut().for_each(&mut visit);
    }

    /// The counters (steps seen by layers that freeze) in the order of creation.
    pub fn counters(&self) -> Vec<(String, Rc<Cell<i64>>)> {
        self.counters.borrow().clone()
    }

    /// What the next training step takes in each layer that whitens, in the order of creation.
    pub fn taken(&self) -> Vec<Taken> {
        self.schedules.borrow().iter().map(Schedule::next).collect()
    }

    /// Counts a training step for each layer that whitens, without calling them.
    pub fn advance(&self) {
        self.schedules.borrow().iter().for_each(Schedule::advance);
    }

    pub(super) fn add_schedule(&self, schedule: Schedule) {
        self.schedules.borrow_mut().push(schedule);
    }

    /// Trainable scalars in all parameters.
    pub fn parameter_count(&self) -> u64 {
        self.parameters.borrow().iter().map(|p| p.tensor.numel() as u64).sum()
    }
}

fn fill(mut tensor: Tensor, init: Init) -> Tensor {
    match init {
        Init::Uniform(bound) => tensor.uniform_(-bound, bound),
        Init::Normal(std) => tensor.normal_(0.0, std),
        Init::Constant(value) => tensor.fill_(value),
    }
}

/// A place in the store: everything created through it has its prefix.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    store: &'a Store,
    prefix: String,
}

impl<'a> Scope<'a> {
    /// The scope `name` inside this one.
    pub fn sub(&self, name: impl std::fmt::Display) -> Scope<'a> {
        Scope { store: self.store, prefix: self.path(name) }
    }

    /// The store that everything created through this scope lives in.
    pub fn store(&self) -> &'a Store {
        self.store
    }

    /// The dotted name of this scope.
    pub fn name(&self) -> &str {
        &self.prefix
    }

    /// The element type of parameters.
    pub fn kind(&self) -> Kind {
        self.store.kind
    }

    /// Where the tensors live.
    pub fn device(&self) -> Device {
        self.store.device
    }

    /// A new trained tensor of `shape`, filled by [`Store::initialise`].
    pub fn parameter(&self, name: &str, shape: &[i64], role: Role, init: Init) -> Tensor {
        let tensor = Tensor::zeros(shape, (self.store.kind, self.store.device)).set_requires_grad(true);
        let handle = tensor.shallow_clone();
        self.store.parameters.borrow_mut().push(Parameter { name: self.path(name), tensor, init, role });
        handle
    }

    /// A new remembered tensor with these values, moved to the store's device.
    pub fn buffer(&self, name: &str, values: Tensor) -> Tensor {
        let tensor = values.to_device(self.store.device);
        let handle = tensor.shallow_clone();
        self.store.buffers.borrow_mut().push(Buffer { name: self.path(name), tensor });
        handle
    }

    /// A new counter, from 0, that checkpoints keep. A step that depends on it needs a [`Schedule`]: a graph would repeat
    /// what it was at its capture.
    pub fn counter(&self, name: &str) -> Rc<Cell<i64>> {
        let counter = Rc::new(Cell::new(0));
        self.store.counters.borrow_mut().push((self.path(name), counter.clone()));
        counter
    }

    fn path(&self, name: impl std::fmt::Display) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }
}
