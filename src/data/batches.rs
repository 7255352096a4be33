//! Batches of a data set, whether it lies in memory or is read while it is trained on.

use super::imagenet::{BadFiles, Batch, LoadError, Loader, ranges};
use super::{DataError, DataSet, EpochPlan, Images, Sources, Streamed, eval_batch, load};
use crate::scenario::{Dataset, Normalisation, Recipe};
use std::ops::Range;
use tch::{Device, Kind, Tensor};

/// A data set to train with.
#[derive(Debug)]
pub enum TrainingData {
    /// All of it, on the training device.
    Whole(DataSet),
    /// Read and decoded batch by batch.
    Streamed(Streamed),
}

/// The batches of a pass, one after the other.
pub struct Batches<'a>(Form<'a>);

enum Form<'a> {
    /// Cut from images in memory: in the order of an epoch, or without a plan in their own.
    Held {
        images: &'a Images,
        plan: Option<EpochPlan>,
        normalisation: Normalisation,
        /// Those that are left.
        ranges: std::vec::IntoIter<Range<usize>>,
    },
    /// Read ahead by threads.
    Read(Loader),
}

impl TrainingData {
    /// Finds `dataset` in `sources`: on `device`, or ready to be read; at most the first `limits` (train, test) images of each
    /// split, of ImageNet in turns of the classes.
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

    /// The batches of an epoch (from 1) of the training with this seed, but for those of the first `done` steps: a function of
    /// these alone, in order, augmentation and numbers.
    pub fn epoch(&self, (seed, epoch): (u64, u32), done: u64, recipe: &Recipe, device: Device) -> Batches<'_> {
        let ranges = self.ranges(recipe, done as usize);
        match self {
            Self::Whole(set) => {
                let plan = EpochPlan::new(seed, epoch, set.train.len() as i64, &recipe.augmentation, device);
                held(set, &set.train, Some(plan), ranges, recipe)
            }
            Self::Streamed(streamed) => Batches(Form::Read(streamed.epoch((seed, epoch), ranges, recipe, device))),
        }
    }

    /// The batches of an evaluation over all test images, in their own order.
    pub fn evaluation(&self, recipe: &Recipe, device: Device) -> Batches<'_> {
        let ranges = ranges(self.images().1, recipe.eval_batch_size as usize, 0);
        match self {
            Self::Whole(set) => held(set, &set.test, None, ranges, recipe),
            Self::Streamed(streamed) => Batches(Form::Read(streamed.evaluation(ranges, recipe, device))),
        }
    }

    /// The places in an epoch of each of its batches, but for the first `done`.
    fn ranges(&self, recipe: &Recipe, done: usize) -> Vec<Range<usize>> {
        let (images, batch) = (self.images().0, recipe.batch_size.max(1) as usize);
        let left_out = if recipe.drop_last { images % batch } else { 0 };
        ranges(images - left_out, batch, done)
    }
}

fn held<'a>(
    set: &DataSet,
    images: &'a Images,
    plan: Option<EpochPlan>,
    ranges: Vec<Range<usize>>,
    recipe: &Recipe,
) -> Batches<'a> {
    let normalisation = recipe.normalisation.unwrap_or(set.normalisation);
    Batches(Form::Held { images, plan, normalisation, ranges: ranges.into_iter() })
}

impl Batches<'_> {
    /// The next batch: images `[N, 3, H, W]` of `kind` and their labels, int64 `[N]`, on the device; `None` after the last.
    /// Pictures that cannot be read are missing in it and noted in `bad`; it may be empty.
    ///
    /// # Errors
    /// More bad pictures than `bad` allows, or no memory for a batch.
    ///
    /// # Panics
    /// Where libtorch fails.
    pub fn next(&mut self, kind: Kind, bad: &mut BadFiles) -> Result<Option<(Tensor, Tensor)>, LoadError> {
        match &mut self.0 {
            Form::Held { images, plan, normalisation, ranges } => Ok(ranges.next().map(|range| {
                let (start, end) = (range.start as i64, range.end as i64);
                match plan {
                    Some(plan) => plan.train_batch(images, normalisation, start, end, kind),
                    None => eval_batch(images, normalisation, start, end, kind),
                }
            })),
            Form::Read(loader) => Ok(loader.next(bad)?.map(|Batch { pixels, labels }| (pixels.to_kind(kind), labels))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
