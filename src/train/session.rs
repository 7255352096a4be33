//! The training loop.

use super::evaluate::{Evaluation, evaluate};
use super::instruments::Instruments;
use super::memory::Meter;
use super::model::Model;
use super::tally::Tally;
use super::trainer::Trainer;
use crate::clock::{Laps, Stopwatch};
use crate::data::imagenet::{BadFiles, LoadError};
use crate::data::{Feed, Pass};
use crate::event::{EpochResult, Event, Fanout, Outcome, Progress, Scores, StepSplit};
use crate::native::NativeError;
use crate::units::Seconds;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What a training cannot begin or go on with.
#[derive(Debug, thiserror::Error)]
pub(super) enum TrainError {
    #[error(transparent)]
    Native(#[from] NativeError),
    #[error(transparent)]
    Pictures(#[from] LoadError),
    #[error("{images} training images make no step of {batch}: lower recipe.batch_size, or do not drop the last batch")]
    NoStep { images: u64, batch: u64 },
    #[error("there are no test images")]
    NoTest,
    #[error("out of memory while the checkpoint is read")]
    NoMemoryForCheckpoint,
}

/// A training under way.
pub(super) struct Session<'a> {
    pub(super) trainer: &'a Trainer<'a>,
    pub(super) model: Model,
    /// Its images.
    feed: Feed<'a>,
    pub(super) tally: Tally,
    pub(super) progress: Progress,
    pub(super) meter: &'a Meter,
    pub(super) instruments: &'a Instruments<'a>,
    pub(super) saved: Instant,
    /// What the record is to say, whatever happens to this process.
    pub(super) remarks: Vec<String>,
    /// Pictures that could not be read so far.
    pub(super) bad: BadFiles,
    /// Images of each step of an epoch, where none is bad.
    sizes: Vec<u64>,
    classes: i64,
}

impl<'a> Session<'a> {
    /// A training before its first step.
    pub fn new(
        trainer: &'a Trainer<'a>,
        meter: &'a Meter,
        instruments: &'a Instruments<'a>,
    ) -> Result<Self, TrainError> {
        let trial = &trainer.trial.trial;
        let (images, test_images) = trainer.data.images();
        let sizes = trainer.data.steps(&trial.recipe);
        if sizes.is_empty() {
            return Err(TrainError::NoStep { images: images as u64, batch: trial.recipe.batch_size.into() });
        }
        if test_images == 0 {
            return Err(TrainError::NoTest);
        }
        let model = Model::new(trainer.network, trial.recipe, trial.seed(), trainer.device);
        let classes = trainer.data.classes() as i64;
        let tally = Tally::new(sizes.len() as u64, classes, (model.kind(), trainer.device));
        let (progress, saved) = (Progress::default(), Instant::now());
        let remarks = trainer.remarks.to_vec();
        let bad = trainer.data.bad_files();
        let feed = trainer.data.feed(&trial.recipe, trainer.device);
        Ok(Self { trainer, model, feed, tally, progress, meter, instruments, saved, remarks, bad, sizes, classes })
    }

    /// Tells `events` a remark that checkpoints keep; once.
    pub(super) fn remark(&mut self, remark: String, events: &mut Fanout) {
        if !self.remarks.contains(&remark) {
            events.send(Event::Warning(remark.clone()));
            self.remarks.push(remark);
        }
    }

    /// Tells `events` of pictures that could not be read; of each once.
    fn tell_bad(&mut self, events: &mut Fanout) {
        let news = self.bad.take_news();
        news.into_iter().for_each(|(path, why)| events.send(Event::LeftOut { path, why }));
    }

    /// Optimiser steps in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.sizes.len() as u64
    }

    /// Epochs done and steps of the epoch begun.
    pub fn position(&self) -> (u32, u64) {
        (self.progress.epochs.len() as u32, self.progress.step)
    }

    /// Results of the epochs done.
    pub fn epochs(&self) -> &[EpochResult] {
        &self.progress.epochs
    }

    /// Trains to the end, or to an interrupt, or until the loss is not finite.
    pub fn run(&mut self, events: &mut Fanout) -> Result<Outcome, TrainError> {
        let ended = self.epochs_left(events);
        self.tell_bad(events);
        ended
    }

    fn epochs_left(&mut self, events: &mut Fanout) -> Result<Outcome, TrainError> {
        let epochs = self.trainer.trial.trial.epochs;
        while self.progress.epoch() <= epochs {
            if let Some(ended) = self.train_epoch(events)? {
                return Ok(ended);
            }
            events.send(Event::EvaluationStarted { epoch: self.progress.epoch() });
            let evaluation = self.evaluate()?;
            self.tell_bad(events);
            let (scores, seconds) = match evaluation {
                Evaluation::Done(scores, seconds) => (scores, seconds),
                Evaluation::Interrupted => return Ok(self.interrupted(events)),
            };
            if !scores.loss.is_finite() {
                return Ok(self.diverged(self.steps_per_epoch()));
            }
            self.end_epoch(scores, seconds, events);
        }
        Ok(Outcome::Finished)
    }

    fn evaluate(&mut self) -> Result<Evaluation, TrainError> {
        let Trainer { trial, .. } = *self.trainer;
        let next = self.progress.epoch() + 1;
        let following = (next <= trial.trial.epochs).then(|| self.pass(next, 0));
        self.feed.begin(Pass::Evaluation, following);
        evaluate(self.trainer, &self.model, self.classes, (&mut self.feed, &mut self.bad))
    }

    /// An epoch, but for its first `done` steps.
    fn pass(&self, epoch: u32, done: u64) -> Pass {
        Pass::Training { seed: self.trainer.trial.trial.seed(), epoch, done }
    }

    /// The steps left of the epoch under way; an outcome where the training ends within it.
    fn train_epoch(&mut self, events: &mut Fanout) -> Result<Option<Outcome>, TrainError> {
        let mut clock = Stopwatch::paused(self.trainer.device, self.progress.paper);
        clock.start();
        let epoch = self.progress.epoch();
        let pass = self.pass(epoch, self.progress.step);
        self.feed.begin(pass, Some(Pass::Evaluation));
        while self.progress.step < self.steps_per_epoch() {
            let split = self.step()?;
            self.tell_bad(events);
            let step = self.progress.step;
            if let Some(bad) = self.bad_step(split.is_some()) {
                return Ok(Some(self.diverged(bad + 1)));
            }
            events.send(Event::Step { epoch, step, images: self.seen(step - 1), split });
            if self.trainer.interrupt.load(Ordering::Relaxed) {
                self.progress.paper = clock.pause();
                return Ok(Some(self.interrupted(events)));
            }
            if self.checkpoint_due() {
                self.progress.paper = clock.pause();
                self.save(events);
                clock.start();
            }
        }
        self.progress.paper = clock.pause();
        Ok(self.bad_step(true).map(|bad| self.diverged(bad + 1)))
    }

    /// One step of the optimiser; where its time went, if it was sampled. None of its pictures can be read: no step is
    /// taken.
    fn step(&mut self) -> Result<Option<StepSplit>, TrainError> {
        let Trainer { trial, device, sample_every, .. } = *self.trainer;
        let (epoch, step) = (self.progress.epoch(), self.progress.step);
        let sampled = sample_every > 0 && step.is_multiple_of(sample_every);
        let laps = sampled.then(|| Laps::start(device));
        let rate = self.rate(step);
        let batch = self.feed.next(self.model.kind(), &mut self.bad)?.expect("an epoch has a batch for each step");
        let images = batch.1.size()[0] as u64;
        if images < self.sizes[step as usize] {
            self.progress.smaller.insert(step, images);
        }
        let mut split = None;
        if images > 0 {
            tch::manual_seed(step_seed(trial.trial.seed(), epoch, step));
            let tally = &mut self.tally;
            let see = |loss: &_, logits: &_, labels: &_| tally.add(step, loss, logits, labels);
            split = self.model.step(|_| batch, rate, laps, see)?;
        }
        self.progress.step += 1;
        self.instruments.trained(images);
        if let Some(split) = split {
            self.progress.sample(split);
        }
        Ok(split)
    }

    /// How many images a step (from 0) of the epoch under way has seen.
    fn seen(&self, step: u64) -> u64 {
        self.progress.smaller.get(&step).copied().unwrap_or(self.sizes[step as usize])
    }

    /// The learning rate of a step (from 0) of the epoch under way.
    fn rate(&self, step: u64) -> f64 {
        let trial = &self.trainer.trial.trial;
        let per_epoch = self.steps_per_epoch();
        let done = self.progress.epochs.len() as u64 * per_epoch + step;
        trial.recipe.schedule.rate(trial.recipe.lr, done, u64::from(trial.epochs) * per_epoch)
    }

    /// The first step (from 0) of this epoch whose loss is not finite. Where looking waits for the device, it looks only
    /// if `waiting_is_fine`; what it misses it finds at a later look.
    fn bad_step(&self, waiting_is_fine: bool) -> Option<u64> {
        let done = self.progress.step;
        if self.trainer.device == tch::Device::Cpu {
            // One look a step: only the newest loss can be news.
            let newest = self.tally.losses.double_value(&[done as i64 - 1]);
            return if newest.is_finite() { None } else { Some(done - 1) };
        }
        if waiting_is_fine { self.tally.first_bad(done) } else { None }
    }

    fn end_epoch(&mut self, test: Scores, evaluation: Seconds, events: &mut Fanout) {
        let seen: Vec<u64> = (0..self.steps_per_epoch()).map(|step| self.seen(step)).collect();
        let train = self.tally.scores(&seen);
        let result = EpochResult {
            epoch: self.progress.epoch(),
            train_loss: train.loss,
            train_top1: train.top1,
            train_top5: train.top5,
            test_loss: test.loss,
            test_top1: test.top1,
            test_top5: test.top5,
            lr: self.rate(self.steps_per_epoch() - 1),
            images: seen.iter().sum(),
            seconds: self.progress.times(evaluation),
        };
        self.progress.end_epoch(result);
        self.tally = Tally::new(self.steps_per_epoch(), self.classes, (self.model.kind(), self.trainer.device));
        events.send(Event::EpochFinished(Box::new(result)));
        if self.progress.epoch() <= self.trainer.trial.trial.epochs {
            self.save(events);
        }
    }

    fn interrupted(&mut self, events: &mut Fanout) -> Outcome {
        self.instruments.settle();
        self.save(events);
        let (epochs, steps) = self.position();
        Outcome::Interrupted { epochs, steps }
    }

    fn diverged(&self, step: u64) -> Outcome {
        Outcome::Diverged { epoch: self.progress.epoch(), step }
    }
}

/// A seed for what a step draws, different for every trial, epoch and step.
fn step_seed(seed: u64, epoch: u32, step: u64) -> i64 {
    let words = [seed, u64::from(epoch), step].map(u64::to_le_bytes).concat();
    let digest = crate::files::sha256_hex(&words);
    u64::from_str_radix(&digest[..16], 16).expect("a SHA-256 digest is hexadecimal") as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_seed_of_its_own() {
        let mut seeds: Vec<i64> = (1..4).flat_map(|e| (0..4).map(move |s| step_seed(9, e, s))).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 12);
    }
}
