//! The data sets of a run: the one on the device, and those that cannot be had.

use super::{Run, RunError};
use crate::data::{DataError, DataSet, load};
use crate::plan::{ResolvedTrial, Trial};
use crate::scenario::Dataset;

/// A data set on the device and what it was loaded for.
type Loaded = (Dataset, (Option<u32>, Option<u32>), DataSet);

/// Keeps one data set at a time.
#[derive(Default)]
pub(super) struct Shelf {
    loaded: Option<Loaded>,
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
    /// Why it cannot be had; [`Shelf::lacks`] remembers that.
    pub fn get(&mut self, trial: &Trial, run: &Run) -> Result<&DataSet, DataError> {
        let limits = (trial.train_images, trial.test_images);
        let kept = self.loaded.take().filter(|(dataset, l, _)| (dataset, *l) == (&trial.dataset, limits));
        let loaded = match kept {
            Some(kept) => kept,
            None => match load(&trial.dataset, run.sources, run.device, limits) {
                Ok(data) => (trial.dataset.clone(), limits, data),
                Err(e) => {
                    self.lost.push(trial.dataset.clone());
                    return Err(e);
                }
            },
        };
        Ok(&self.loaded.insert(loaded).2)
    }

    /// The warning that `error` leaves out the data set of `trial`.
    ///
    /// # Errors
    /// `error` where no data set of `trials` is left.
    pub fn warn(&self, trial: &Trial, error: DataError, trials: &[ResolvedTrial]) -> Result<String, RunError> {
        if trials.iter().all(|t| self.lacks(&t.trial)) {
            return Err(error.into());
        }
        Ok(format!("the trials of {} are left out: {error}", trial.dataset))
    }
}
