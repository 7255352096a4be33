//! The pass over the test images.

use super::model::Model;
use super::tally::Tally;
use super::trainer::Trainer;
use crate::clock::Stopwatch;
use crate::data::eval_batch;
use crate::event::Scores;
use crate::units::Seconds;
use std::sync::atomic::Ordering;
use tch::no_grad;

/// How an evaluation ended.
pub(super) enum Evaluation {
    /// Over all test images, in so many seconds.
    Done(Scores, Seconds),
    /// A signal came; nothing of it is kept.
    Interrupted,
}

/// Judges `model` by the test images, without gradients, with running statistics.
pub(super) fn evaluate(trainer: &Trainer, model: &Model, classes: i64) -> Evaluation {
    let images = trainer.data.test.labels.size()[0];
    let batch = i64::from(trainer.trial.trial.recipe.eval_batch_size.max(1));
    let starts: Vec<i64> = (0..images).step_by(batch as usize).collect();
    let mut tally = Tally::new(starts.len() as u64, classes, (model.kind(), trainer.device));
    let mut clock = Stopwatch::paused(trainer.device, Seconds(0.0));
    clock.start();
    let normalisation = trainer.trial.trial.recipe.normalisation.unwrap_or(trainer.data.normalisation);
    let mut sizes = Vec::with_capacity(starts.len());
    for (step, &start) in starts.iter().enumerate() {
        if trainer.interrupt.load(Ordering::Relaxed) {
            return Evaluation::Interrupted;
        }
        let end = (start + batch).min(images);
        no_grad(|| {
            let (x, labels) = eval_batch(&trainer.data.test, &normalisation, start, end, model.kind());
            let (loss, logits) = model.evaluate(&x, &labels);
            tally.add(step as u64, &loss, &logits, &labels);
        });
        sizes.push((end - start) as u64);
    }
    let seconds = clock.pause();
    Evaluation::Done(tally.scores(&sizes), seconds)
}
