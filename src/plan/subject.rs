//! What decides the memory of a step beside its batch.

use super::Trial;
use super::account::{Cpu, Subject};
use crate::profile::Device;
use crate::scenario::{Architecture, Deconvolution, Norm, Precision};
use serde::Serialize;

/// What decides the memory of a step beside its batch and the device.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepKind {
    /// The network.
    pub architecture: Architecture,
    /// How it normalises.
    pub norm: Norm,
    /// Settings of ND.
    pub deconvolution: Option<Deconvolution>,
    /// Of its numbers.
    pub precision: Precision,
    /// Whether steps are CUDA graphs, which have a pool of their own.
    pub cuda_graph: bool,
    /// Whether images lie pixel by pixel: convolutions on a CPU then copy less.
    pub channels_last: bool,
    /// Outputs of the classifier, where they are known.
    pub classes: Option<usize>,
}

impl From<&Trial> for StepKind {
    fn from(trial: &Trial) -> Self {
        let Trial { architecture, norm, deconvolution, recipe, .. } = trial;
        Self {
            architecture: *architecture,
            norm: *norm,
            deconvolution: *deconvolution,
            precision: recipe.precision,
            cuda_graph: recipe.cuda_graph,
            channels_last: recipe.channels_last,
            classes: trial.dataset.classes(),
        }
    }
}

impl StepKind {
    /// What its account on such a device is of; of CPUs on this machine's.
    pub fn subject(&self, device: Device) -> Subject {
        let subject = Subject::new(self.architecture, self.norm, self.deconvolution);
        Subject {
            precision: self.precision,
            classes: self.classes.map_or(subject.classes, |classes| classes as u64),
            channels_last: self.channels_last,
            cpu: (device == Device::Cpu).then(Cpu::here),
            ..subject
        }
    }

    /// Equal for steps that take the same memory for equal batches: what settings only weigh is of no size.
    pub(super) fn key(&self) -> String {
        let settings = self.deconvolution.filter(|_| self.norm == Norm::Nd);
        let deconvolution = settings.map(|settings| Deconvolution { eps: 0.0, momentum: 0.0, ..settings });
        serde_json::to_string(&Self { deconvolution, ..*self }).expect("it is plain data")
    }
}
