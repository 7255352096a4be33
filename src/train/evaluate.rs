//! Loss, and the pass over the test images.

use super::tally::Tally;
use super::trainer::Trainer;
use crate::clock::Stopwatch;
use crate::data::eval_batch;
use crate::event::Scores;
use crate::nn::{Layer, Pass};
use crate::units::Seconds;
use std::sync::atomic::Ordering;
use tch::{Kind, Reduction, Tensor, no_grad};

/// The loss of logits `[N, classes]` against labels `[N]`.
pub(super) trait Loss {
    /// Mean cross-entropy, nats, a scalar.
    fn mean_cross_entropy(&self, labels: &Tensor) -> Tensor;
}

impl Loss for Tensor {
    fn mean_cross_entropy(&self, labels: &Tensor) -> Tensor {
        self.cross_entropy_loss(labels, None::<Tensor>, Reduction::Mean, -100, 0.0)
    }
}

/// How an evaluation ended.
pub(super) enum Evaluation {
    /// Over all test images, in so many seconds.
    Done(Scores, Seconds),
    /// A signal came; nothing of it is kept.
    Interrupted,
}

/// Judges `network` by the test images, without gradients, with running statistics.
pub(super) fn evaluate(trainer: &Trainer, network: &dyn Layer, classes: i64, kind: Kind) -> Evaluation {
    let images = trainer.data.test.labels.size()[0];
    let batch = i64::from(trainer.trial.trial.recipe.eval_batch_size.max(1));
    let starts: Vec<i64> = (0..images).step_by(batch as usize).collect();
    let mut tally = Tally::new(starts.len() as u64, classes, (kind, trainer.device));
    let mut clock = Stopwatch::paused(trainer.device, Seconds(0.0));
    clock.start();
    let pass = Pass::evaluation();
    let mut sizes = Vec::with_capacity(starts.len());
    for (step, &start) in starts.iter().enumerate() {
        if trainer.interrupt.load(Ordering::Relaxed) {
            return Evaluation::Interrupted;
        }
        let end = (start + batch).min(images);
        no_grad(|| {
            let (x, labels) = eval_batch(&trainer.data.test, &trainer.data.normalisation, start, end, kind);
            let logits = network.forward(&x, &pass);
            tally.add(step as u64, &logits.mean_cross_entropy(&labels), &logits, &labels);
        });
        sizes.push((end - start) as u64);
    }
    let seconds = clock.pause();
    Evaluation::Done(tally.scores(&sizes), seconds)
}
