//! The pass over the test images.

use super::model::Model;
use super::session::TrainError;
use super::tally::Tally;
use super::trainer::Trainer;
use crate::clock::Stopwatch;
use crate::data::Feed;
use crate::data::imagenet::BadFiles;
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

/// Judges `model` by the test images, whose pass has begun in `feed`, without gradients, with running statistics.
/// Pictures that cannot be read are noted in `bad`, and the scores are without them.
///
/// # Errors
/// Too many such pictures, or none that can be read.
pub(super) fn evaluate(
    trainer: &Trainer,
    model: &Model,
    classes: i64,
    (feed, bad): (&mut Feed, &mut BadFiles),
) -> Result<Evaluation, TrainError> {
    let recipe = &trainer.trial.trial.recipe;
    let steps = trainer.data.images().1.div_ceil(recipe.eval_batch_size.max(1) as usize);
    let mut tally = Tally::new(steps as u64, classes, (model.kind(), trainer.device));
    let mut clock = Stopwatch::paused(trainer.device, Seconds(0.0));
    clock.start();
    let mut sizes = Vec::with_capacity(steps);
    for step in 0..steps {
        if trainer.interrupt.load(Ordering::Relaxed) {
            return Ok(Evaluation::Interrupted);
        }
        let batch = no_grad(|| feed.next(model.kind(), bad))?;
        let (images, labels) = batch.expect("an evaluation has a batch for each step");
        let size = labels.size()[0] as u64;
        if size > 0 {
            let (loss, logits) = model.evaluate(&images, &labels);
            tally.add(step as u64, &loss, &logits, &labels);
        }
        sizes.push(size);
    }
    if sizes.iter().all(|size| *size == 0) {
        return Err(TrainError::NoTest);
    }
    let seconds = clock.pause();
    Ok(Evaluation::Done(tally.scores(&sizes), seconds))
}
