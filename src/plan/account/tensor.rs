//! Tensors without numbers, and gradients on their way.

use super::ledger::Storage;
use super::tape::{Edge, Tape};

/// Images, channels, height, width; of matrices 1, how many, rows, columns.
pub(super) type Sizes = [u64; 4];

/// A tensor: its sizes, its memory, and what its gradient goes to.
#[derive(Clone)]
pub(super) struct Tensor {
    pub sizes: Sizes,
    pub(super) storage: Storage,
    pub(super) edge: Option<Edge>,
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
    pub bytes: u64,
}

impl Gradient {
    /// One that fills its memory.
    pub fn whole(storage: Storage) -> Self {
        let bytes = storage.bytes();
        Self { storage, bytes }
    }

    /// A part of so many numbers, in the same memory.
    pub fn part(&self, tape: &Tape, numbers: u64) -> Self {
        Self { storage: self.storage.clone(), bytes: tape.kernels.width * numbers }
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
