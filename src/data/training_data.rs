//! A data set to train with, whether it lies in memory or is read while it is trained on.

use super::feed::Feed;
use super::imagenet::{BadFiles, ranges};
use super::{DataError, DataSet, Sources, Streamed, load};
use crate::scenario::{Dataset, Recipe};
use std::ops::Range;
use tch::Device;

/// A data set to train with.
#[derive(Debug)]
pub enum TrainingData {
    /// All of it, on the training device.
    Whole(DataSet),
    /// Read and decoded batch by batch.
    Streamed(Streamed),
}

impl TrainingData {
    /// Finds `dataset` in `sources`: on `device`, or ready to be read; at most the first `limits` (train, test) images of
    /// each split, of ImageNet in turns of the classes.
    ///
    /// # Errors
    /// [`DataError`]: not found, unreadable, broken, incomplete, or nothing left after the limits.
    pub fn open(
        dataset: &Dataset,
        sources: &Sources,
        device: Device,
        limits: (Option<u32>, Option<u32>),
    ) -> Result<Self, DataError> {
        match dataset {
            Dataset::Imagenet => Streamed::open(sources, device, limits).map(Self::Streamed),
            held => load(held, sources, device, limits).map(Self::Whole),
        }
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        match self {
            Self::Whole(set) => set.class_names.len(),
            Self::Streamed(streamed) => streamed.set.class_names.len(),
        }
    }

    /// Names the content: 16 hexadecimal digits.
    pub fn digest(&self) -> &str {
        match self {
            Self::Whole(set) => &set.digest,
            Self::Streamed(streamed) => &streamed.set.digest,
        }
    }

    /// What was skipped or noticed while it was looked for.
    pub fn remarks(&self) -> &[String] {
        match self {
            Self::Whole(set) => &set.remarks,
            Self::Streamed(streamed) => &streamed.remarks,
        }
    }

    /// The numbers of training and of test images.
    pub fn images(&self) -> (usize, usize) {
        match self {
            Self::Whole(set) => (set.train.len(), set.test.len()),
            Self::Streamed(streamed) => (streamed.set.train.len(), streamed.set.val.len()),
        }
    }

    /// An empty list of pictures that cannot be read, which ends a training when it is too long.
    pub fn bad_files(&self) -> BadFiles {
        match self {
            Self::Whole(_) => BadFiles::up_to(0),
            Self::Streamed(streamed) => streamed.bad_files(),
        }
    }

    /// How many images each step of an epoch sees, where none is bad.
    pub fn steps(&self, recipe: &Recipe) -> Vec<u64> {
        self.ranges(recipe, 0).into_iter().map(|range| range.len() as u64).collect()
    }

    /// Its batches for trainings with `recipe` on `device`.
    pub fn feed(&self, recipe: &Recipe, device: Device) -> Feed<'_> {
        Feed::new(self, *recipe, device)
    }

    /// The places in an epoch of each of its batches, but for the first `done`.
    pub(super) fn ranges(&self, recipe: &Recipe, done: usize) -> Vec<Range<usize>> {
        let (images, batch) = (self.images().0, recipe.batch_size.max(1) as usize);
        let left_out = if recipe.drop_last { images % batch } else { 0 };
        ranges(images - left_out, batch, done)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Images;
    use super::*;
    use crate::scenario::Normalisation;
    use tch::{Kind, Tensor};

    fn steps(batch_size: u32, drop_last: bool) -> Vec<u64> {
        let labels = Tensor::zeros([10], (Kind::Int64, Device::Cpu));
        let images =
            || Images { pixels: Tensor::zeros([10, 3, 1, 1], (Kind::Uint8, Device::Cpu)), labels: labels.copy() };
        let data = TrainingData::Whole(DataSet {
            train: images(),
            test: images(),
            class_names: Vec::new(),
            normalisation: Normalisation { mean: [0.0; 3], std: [1.0; 3] },
            digest: String::new(),
            remarks: Vec::new(),
        });
        data.steps(&Recipe { batch_size, drop_last, ..Recipe::default() })
    }

    #[test]
    fn the_last_partial_batch_is_a_step_unless_it_is_dropped() {
        assert_eq!(steps(4, false), [4, 4, 2]);
        assert_eq!(steps(4, true), [4, 4]);
        assert_eq!(steps(5, false), [5, 5]);
        assert!(steps(11, true).is_empty());
    }
}
