//! Bytes that a computation holds, by purpose: now, and when it held the most.

use super::allocator::Allocator;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What memory is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The data set.
    Data,
    /// What the optimiser trains.
    Parameters,
    /// Running statistics.
    Statistics,
    /// What the optimiser remembers of earlier gradients.
    Momentum,
    /// Gradients of parameters.
    Gradients,
    /// Images, outputs of layers, and what is kept of them for the way back.
    Activations,
    /// Gradients of activations, under way.
    Flowing,
    /// Windows that ND unfolds, and their gradients.
    Samples,
    /// Covariances, the iterates of Newton-Schulz, weights that have absorbed them, and their gradients.
    Matrices,
    /// Copies in the layout that the convolutions compute in.
    Workspaces,
}

const PURPOSES: usize = 10;

/// Bytes by purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// The data set.
    pub data: u64,
    /// What the optimiser trains.
    pub parameters: u64,
    /// Running statistics.
    pub statistics: u64,
    /// What the optimiser remembers of earlier gradients.
    pub momentum: u64,
    /// Gradients of parameters.
    pub gradients: u64,
    /// Images, outputs of layers, and what is kept of them for the way back.
    pub activations: u64,
    /// Gradients of activations, under way.
    pub flowing: u64,
    /// Windows that ND unfolds, and their gradients.
    pub samples: u64,
    /// Covariances, the iterates of Newton-Schulz, weights that have absorbed them, and their gradients.
    pub matrices: u64,
    /// Copies in the layout that the convolutions compute in.
    pub workspaces: u64,
}

impl Parts {
    fn of(bytes: [u64; PURPOSES]) -> Self {
        let [data, parameters, statistics, momentum, gradients, ..] = bytes;
        let [.., activations, flowing, samples, matrices, workspaces] = bytes;
        Self { data, parameters, statistics, momentum, gradients, activations, flowing, samples, matrices, workspaces }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { data, parameters, statistics, momentum, gradients, .. } = self;
        let Self { activations, flowing, samples, matrices, workspaces, .. } = self;
        let resident = data + parameters + statistics + momentum + gradients;
        resident + activations + flowing + samples + matrices + workspaces
    }
}

/// Bytes that are held.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    live: Cell<[u64; PURPOSES]>,
    /// When the sum was largest.
    peak: Cell<[u64; PURPOSES]>,
    most: Cell<u64>,
    /// Of the device that holds them, where it has one.
    allocator: Option<RefCell<Allocator>>,
}

impl Ledger {
    /// Of a device whose allocator may take so many bytes of it.
    pub fn on_device(limit: u64) -> Self {
        Self { allocator: Some(RefCell::new(Allocator::new(limit))), ..Self::default() }
    }

    /// The device's allocator.
    pub fn allocator(&self) -> Option<&RefCell<Allocator>> {
        self.allocator.as_ref()
    }

    /// Starts a new peak.
    pub fn reset(&self) {
        self.peak.set(self.live.get());
        self.most.set(self.live().total());
    }

    /// Holds `bytes` for as long as the storage lives.
    pub fn hold(self: &Rc<Self>, purpose: Purpose, bytes: u64) -> Storage {
        let mut live = self.live.get();
        live[purpose as usize] += bytes;
        self.live.set(live);
        let sum = live.iter().sum();
        if sum > self.most.get() {
            self.most.set(sum);
            self.peak.set(live);
        }
        let block = self.allocator.as_ref().filter(|_| bytes > 0).map(|allocator| allocator.borrow_mut().take(bytes));
        Storage(Rc::new(Held { ledger: self.clone(), purpose, bytes, block }))
    }

    /// What is held now.
    pub fn live(&self) -> Parts {
        Parts::of(self.live.get())
    }

    /// What was held when it was the most.
    pub fn peak(&self) -> Parts {
        Parts::of(self.peak.get())
    }
}

/// Memory that is held; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Storage(Rc<Held>);

#[derive(Debug)]
struct Held {
    ledger: Rc<Ledger>,
    purpose: Purpose,
    bytes: u64,
    /// Of the device's allocator.
    block: Option<usize>,
}

impl Storage {
    /// Whether nothing else holds it.
    pub fn is_sole(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }

    /// How much it is.
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut live = self.ledger.live.get();
        live[self.purpose as usize] -= self.bytes;
        self.ledger.live.set(live);
        if let (Some(block), Some(allocator)) = (self.block, &self.ledger.allocator) {
            allocator.borrow_mut().put(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_what_was_held_together() {
        let ledger = Rc::new(Ledger::default());
        let kept = ledger.hold(Purpose::Activations, 10);
        let shared = kept.clone();
        assert!(!kept.is_sole());
        drop(ledger.hold(Purpose::Samples, 5));
        drop(kept);
        assert!(shared.is_sole());
        assert_eq!((ledger.live().total(), ledger.peak().total(), ledger.peak().samples), (10, 15, 5));
        drop(shared);
        drop(ledger.hold(Purpose::Matrices, 12));
        assert_eq!((ledger.live().total(), ledger.peak().total(), ledger.peak().matrices), (0, 15, 0));
    }
}
