//! What a training step holds in memory, from the network's own layers: an account without numbers, made before any device
//! is seen and without libtorch.
//!
//! A network runs on a tape whose tensors have sizes and owners but no values. Operations allocate what
//! libtorch's allocate, keep what its derivatives need, and let it go on the way back, in libtorch's order; the ledger adds
//! up. `docs/planning.md` has the rules.

mod allocator;
mod convolution;
mod cpu;
mod layers;
mod ledger;
mod matrices;
mod networks;
mod operations;
mod tape;
mod tensor;
mod way_back;
mod whitening;

pub use cpu::Cpu;
pub use ledger::Parts;
pub use tape::LayerFacts;

use crate::scenario::{Architecture, Deconvolution, MatrixPrecision, Norm, Precision};
use crate::units::Bytes;
use convolution::Copies;
use layers::Layers;
use ledger::{Ledger, Purpose, Storage};
use std::rc::Rc;
use tape::{Kernels, Tape, Way};

/// A network and its input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Subject {
    /// Which.
    pub network: Architecture,
    /// How it normalises.
    pub norm: Norm,
    /// Settings of ND.
    pub deconvolution: Deconvolution,
    /// Of its numbers.
    pub precision: Precision,
    /// Outputs of the classifier.
    pub classes: u64,
    /// Side of an image.
    pub side: u64,
    /// Images lie in memory pixel by pixel.
    pub channels_last: bool,
    /// The CPU that computes it; absent of a GPU.
    pub cpu: Option<Cpu>,
}

/// A device with a caching allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gpu {
    /// What the allocator may take.
    pub memory: Bytes,
}

/// What is held at the peaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Of a training step, with the data set, momentum and its batch of images.
    pub step: Parts,
    /// Of an evaluation, with the same.
    pub evaluation: Parts,
    /// When the way back begins.
    pub kept: Parts,
    /// What the device's allocator took.
    pub reserved: Option<Reserved>,
}

/// What a caching allocator took for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// The most.
    pub peak: Bytes,
    /// How often it had to give memory back first, and to begin anew.
    pub retries: u64,
    /// There was too little.
    pub failed: bool,
}

impl Account {
    /// In live tensors at the peak.
    pub fn allocated(&self) -> Bytes {
        Bytes(self.step.total().max(self.evaluation.total()))
    }
}

/// Batches and what there is beside the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Images of a training step.
    pub batch: u64,
    /// Of them, images of a part, where the gradients of one part after the other are added up; else all.
    pub part: u64,
    /// Images of an evaluation step; 0: there is none.
    pub evaluation: u64,
    /// The data set.
    pub data: Bytes,
}

impl Subject {
    /// The network on images of its side, as it trains on a CPU with AVX-512.
    pub fn new(architecture: Architecture, norm: Norm, deconvolution: Option<Deconvolution>) -> Self {
        Self {
            network: architecture,
            norm,
            deconvolution: deconvolution.unwrap_or_default(),
            precision: Precision::Fp32,
            classes: architecture.classes() as u64,
            side: architecture.side().into(),
            channels_last: false,
            cpu: Some(Cpu::WIDE),
        }
    }

    /// The account of training and evaluating under a load, on `gpu` or with the host's memory. `None` where the operator
    /// or the arithmetic has settings whose memory is not known.
    pub fn account(&self, load: Load, gpu: Option<Gpu>) -> Option<Account> {
        if !self.is_known() {
            return None;
        }
        let (parameters, statistics) = self.resident();
        let ledger = Rc::new(gpu.map_or_else(Ledger::default, |gpu| Ledger::on_device(gpu.memory.0)));
        let width = self.width();
        let resident = [
            (Purpose::Data, load.data.0),
            (Purpose::Parameters, width * parameters),
            (Purpose::Statistics, width * statistics),
            (Purpose::Momentum, width * parameters),
        ];
        let _held = resident.map(|(purpose, bytes)| ledger.hold(purpose, bytes));
        ledger.reset();
        // A caching allocator finds its form in the first steps.
        let steps = if gpu.is_some() { 2 } else { 1 };
        let mut kept = Parts::default();
        for _ in 0..steps {
            kept = self.train(&ledger, load);
        }
        let step = ledger.peak();
        ledger.reset();
        if load.evaluation > 0 {
            let _batch = self.images(&ledger, load.evaluation);
            self.pass(ledger.clone(), load.evaluation, Way::Forth);
        }
        let reserved = ledger.allocator().map(|allocator| {
            let allocator = allocator.borrow();
            Reserved { peak: Bytes(allocator.peak), retries: allocator.retries, failed: allocator.failed }
        });
        Some(Account { step, evaluation: ledger.peak(), kept, reserved })
    }

    /// In live tensors at the peak of a step of `batch` images, without a data set.
    pub fn step(&self, batch: u64) -> Option<Bytes> {
        let load = Load { batch, part: batch, evaluation: 0, data: Bytes(0) };
        self.account(load, None).map(|account| Bytes(account.step.total()))
    }

    /// Numbers of parameters and of running statistics.
    pub fn resident(&self) -> (u64, u64) {
        self.pass(Rc::default(), 1, Way::Forth).0.resident()
    }

    /// The layers, for one image.
    pub fn layers(&self) -> Vec<LayerFacts> {
        self.pass(Rc::default(), 1, Way::Forth).0.into_layers()
    }

    /// One training step; what was held when its last way back began. Of parts the first two tell all.
    fn train(&self, ledger: &Rc<Ledger>, load: Load) -> Parts {
        let _batch = self.images(ledger, load.batch);
        let (with_gradients, kept) = self.pass(ledger.clone(), load.part, Way::Back);
        if load.part == load.batch {
            return kept;
        }
        let again = self.pass(ledger.clone(), load.part, Way::BackAgain).1;
        drop(with_gradients);
        again
    }

    /// The memory of so many images.
    fn images(&self, ledger: &Rc<Ledger>, images: u64) -> Storage {
        ledger.hold(Purpose::Activations, self.width() * images * 3 * self.side * self.side)
    }

    /// One pass of images that are held elsewhere; what was held when the way back began.
    fn pass(&self, ledger: Rc<Ledger>, images: u64, way: Way) -> (Tape, Parts) {
        let copies = match (self.cpu, self.channels_last) {
            (None, _) => Copies::Nothing,
            (Some(_), false) => Copies::Everything,
            (Some(_), true) => Copies::Weights,
        };
        let narrow = self.cpu.and_then(Cpu::narrow_threads);
        let kernels = Kernels { width: self.width(), copies, narrow, channels_last: self.channels_last };
        let tape = Tape::new(ledger, kernels, way);
        let layers = Layers { tape: &tape, norm: self.norm, deconvolution: &self.deconvolution };
        let batch = tape.elsewhere([images, 3, self.side, self.side]);
        let laid_out =
            if self.channels_last { tape.constant(Purpose::Activations, batch.sizes) } else { batch.clone() };
        let logits = networks::run(self.network, layers, laid_out, self.classes);
        let loss = tape.cross_entropy(logits);
        let kept = tape.ledger.live();
        if way != Way::Forth {
            tape.backward(loss);
        }
        (tape, kept)
    }

    fn width(&self) -> u64 {
        if self.precision == Precision::Fp64 { 8 } else { 4 }
    }

    /// Statistics that are kept, or go on from others, or are less precise, have memory of their own; so have the casts of
    /// autocast.
    fn is_known(&self) -> bool {
        let Deconvolution { refresh, warm_start, matrix_precision, .. } = self.deconvolution;
        let exact = refresh.is_none() && !warm_start && matrix_precision != Some(MatrixPrecision::Bf16);
        self.precision != Precision::Bf16 && (self.norm != Norm::Nd || exact)
    }
}

#[cfg(test)]
mod tests;
