//! The data sets of a run: the one in use, and those that cannot be had.

use super::{Run, RunError};
use crate::data::{DataError, TrainingData};
use crate::plan::{ResolvedTrial, Trial};
use crate::scenario::Dataset;
use crate::train::catch;
use std::collections::HashMap;

/// Only the first so many images (train, test).
type Limits = (Option<u32>, Option<u32>);

/// A data set and what it was opened for.
type Loaded = (Dataset, Limits, TrainingData);

/// Keeps one data set at a time.
#[derive(Default)]
pub(super) struct Shelf {
    loaded: Option<Loaded>,
    digests: HashMap<(Dataset, Limits), Option<String>>,
    /// Missing or broken.
    lost: Vec<Dataset>,
}

impl Shelf {
    /// The data set of `trial` was looked for in vain.
    pub fn lacks(&self, trial: &Trial) -> bool {
        self.lost.contains(&trial.dataset)
    }

    /// The data set of `trial`, kept from the trial before where it is the same.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub fn get(&mut self, trial: &Trial, run: &Run) -> Result<&TrainingData, DataError> {
        let limits = (trial.train_images, trial.test_images);
        let kept = self.loaded.take().filter(|(dataset, l, _)| (dataset, *l) == (&trial.dataset, limits));
        let loaded = match kept {
            Some(kept) => kept,
            None => {
                (trial.dataset.clone(), limits, TrainingData::open(&trial.dataset, run.sources, run.device, limits)?)
            }
        };
        Ok(&self.loaded.insert(loaded).2)
    }

    /// What [`TrainingData::digest`] says of the images of a trial that is done, each set asked once; absent where they
    /// cannot be had. What is part of the program is what it was.
    pub fn digest(&mut self, trial: &Trial, run: &Run) -> Option<String> {
        if trial.dataset == Dataset::FashionMini {
            return None;
        }
        let key = (trial.dataset.clone(), (trial.train_images, trial.test_images));
        if !self.digests.contains_key(&key) {
            let digest = catch(|| self.get(trial, run).map(|data| data.digest().to_owned()).ok());
            self.digests.insert(key.clone(), digest.ok().flatten());
        }
        self.digests[&key].clone()
    }

    /// The warning that `error` leaves out the data set of `trial`; [`Shelf::lacks`] remembers that.
    ///
    /// # Errors
    /// `error` where no data set of `trials` is left.
    pub fn warn(&mut self, trial: &Trial, error: DataError, trials: &[ResolvedTrial]) -> Result<String, RunError> {
        self.lost.push(trial.dataset.clone());
        if trials.iter().all(|t| self.lacks(&t.trial)) {
            return Err(error.into());
        }
        Ok(format!("the trials of {} are left out: {error}", trial.dataset))
    }
}
