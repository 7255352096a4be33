//! One traversal of a network.

use super::whitened::Whitened;
use std::cell::RefCell;

/// One traversal of a network: training or evaluation, traced or not.
#[derive(Debug, Default)]
pub struct Pass {
    training: bool,
    /// Dropout probability that overrides the networks' own.
    dropout: Option<f64>,
    trace: Option<RefCell<Vec<LayerTrace>>>,
}

/// What one layer did during a traced pass.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerTrace {
    /// Dotted name of the layer.
    pub name: String,
    /// Its kind: `Conv2d`, `BatchNorm2d`, `FastDeconv`, `Linear`, `Delinear`.
    pub kind: &'static str,
    /// Multiply-accumulates of the whole batch, without biases, normalisation and covariances.
    pub macs: u64,
    /// Shape of the output, batch first.
    pub output: Vec<i64>,
    /// What it whitens, if it does.
    pub whitened: Option<Whitened>,
}

impl Pass {
    /// A training pass: batch statistics, running statistics updated, dropout active.
    pub fn training() -> Self {
        Self { training: true, ..Self::default() }
    }

    /// An evaluation pass: running statistics, no dropout.
    pub fn evaluation() -> Self {
        Self::default()
    }

    /// The same pass with this dropout probability instead of each network's own.
    pub fn with_dropout(self, probability: Option<f64>) -> Self {
        Self { dropout: probability, ..self }
    }

    /// The same pass, tracing every layer.
    pub fn traced(self) -> Self {
        Self { trace: Some(RefCell::default()), ..self }
    }

    /// Whether batch statistics are used and updated.
    pub fn is_training(&self) -> bool {
        self.training
    }

    /// The dropout probability for a network whose own is `default`; 0 in evaluation.
    pub fn dropout(&self, default: f64) -> f64 {
        if self.training { self.dropout.unwrap_or(default) } else { 0.0 }
    }

    /// Notes what a layer did, where the pass is traced.
    pub fn note(&self, name: &str, kind: &'static str, macs: u64, output: &tch::Tensor) {
        self.note_whitened(name, kind, macs, output, None);
    }

    /// The same of a layer that whitens.
    pub fn note_whitened(
        &self,
        name: &str,
        kind: &'static str,
        macs: u64,
        output: &tch::Tensor,
        whitened: impl Into<Option<Whitened>>,
    ) {
        if let Some(trace) = &self.trace {
            let (name, output, whitened) = (name.into(), output.size(), whitened.into());
            trace.borrow_mut().push(LayerTrace { name, kind, macs, output, whitened });
        }
    }

    /// What the layers did, in the order of execution; empty when the pass was not traced.
    pub fn into_trace(self) -> Vec<LayerTrace> {
        self.trace.map(RefCell::into_inner).unwrap_or_default()
    }
}
