//! The passes of a training over its data, one after the other.

use super::imagenet::{BadFiles, Batch, LoadError, Loader, PhotoPass, ranges};
use super::{DataSet, EpochPlan, Images, Streamed, TrainingData, eval_batch};
use crate::scenario::{Normalisation, Recipe};
use std::ops::Range;
use tch::{Device, Kind, Tensor};

/// A pass over the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// An epoch of training: what its batches hold is a function of seed and epoch.
    Training {
        /// Of the training.
        seed: u64,
        /// From 1.
        epoch: u32,
        /// So many steps of it are left out: they were done before.
        done: u64,
    },
    /// All test images, in their own order.
    Evaluation,
}

/// The batches of a training.
pub struct Feed<'a> {
    data: &'a TrainingData,
    recipe: Recipe,
    device: Device,
    form: Form<'a>,
}

enum Form<'a> {
    /// Cut from images in memory.
    Held(&'a DataSet, Cutting<'a>),
    /// Read ahead by threads, from the first pass on.
    Read { streamed: &'a Streamed, loader: Option<Loader>, following: Option<Pass> },
}

/// What is left of a pass over images in memory.
struct Cutting<'a> {
    images: &'a Images,
    /// The order of an epoch; without one, their own.
    plan: Option<EpochPlan>,
    normalisation: Normalisation,
    ranges: std::vec::IntoIter<Range<usize>>,
}

impl<'a> Feed<'a> {
    pub(super) fn new(data: &'a TrainingData, recipe: Recipe, device: Device) -> Self {
        let form = match data {
            TrainingData::Whole(set) => {
                let normalisation = recipe.normalisation.unwrap_or(set.normalisation);
                let nothing = Cutting { images: &set.test, plan: None, normalisation, ranges: Vec::new().into_iter() };
                Form::Held(set, nothing)
            }
            TrainingData::Streamed(streamed) => Form::Read { streamed, loader: None, following: None },
        };
        Self { data, recipe, device, form }
    }

    /// Begins `pass`. Where pictures are read as they go, the first batches of `following` are made while the last ones of
    /// `pass` are used; it changes no number.
    pub fn begin(&mut self, pass: Pass, following: Option<Pass>) {
        let ranges = self.ranges(pass);
        match &mut self.form {
            Form::Held(set, cutting) => {
                (cutting.images, cutting.plan) = match pass {
                    Pass::Training { seed, epoch, .. } => {
                        let (images, augmentation) = (set.train.len() as i64, &self.recipe.augmentation);
                        (&set.train, Some(EpochPlan::new(seed, epoch, images, augmentation, self.device)))
                    }
                    Pass::Evaluation => (&set.test, None),
                };
                cutting.ranges = ranges.into_iter();
            }
            Form::Read { streamed, loader, following: expected } => {
                let (streamed, recipe, device) = (*streamed, self.recipe, self.device);
                let goes_on = loader.as_mut().is_some_and(|loader| *expected == Some(pass) && loader.go_on());
                if !goes_on {
                    // Before the new one begins, so that no more batches are in memory than should be.
                    *loader = None;
                }
                let loader = loader.get_or_insert_with(|| {
                    let mut loader = Loader::new(streamed.making(&recipe, device));
                    loader.then(photo_pass(streamed, pass, ranges, &recipe));
                    loader
                });
                *expected = following;
                if let Some(following) = following {
                    let ranges = batch_ranges(self.data, &recipe, following);
                    loader.then(photo_pass(streamed, following, ranges, &recipe));
                }
            }
        }
    }

    /// The next batch of the pass: images `[N, 3, H, W]` of `kind` and their labels, int64 `[N]`, on the device; `None`
    /// after the last. Pictures that cannot be read are missing in it and noted in `bad`; it may be empty.
    ///
    /// # Errors
    /// More bad pictures than `bad` allows, no memory for a batch, or storage that fails.
    ///
    /// # Panics
    /// Where libtorch fails.
    pub fn next(&mut self, kind: Kind, bad: &mut BadFiles) -> Result<Option<(Tensor, Tensor)>, LoadError> {
        match &mut self.form {
            Form::Held(_, cutting) => Ok(cutting.next(kind)),
            Form::Read { loader: None, .. } => Ok(None),
            Form::Read { loader: Some(loader), .. } => {
                Ok(loader.next(bad)?.map(|Batch { pixels, labels }| (pixels.to_kind(kind), labels)))
            }
        }
    }

    fn ranges(&self, pass: Pass) -> Vec<Range<usize>> {
        batch_ranges(self.data, &self.recipe, pass)
    }
}

/// The places of each batch of a pass.
fn batch_ranges(data: &TrainingData, recipe: &Recipe, pass: Pass) -> Vec<Range<usize>> {
    match pass {
        Pass::Training { done, .. } => data.ranges(recipe, done as usize),
        Pass::Evaluation => ranges(data.images().1, recipe.eval_batch_size as usize, 0),
    }
}

fn photo_pass(streamed: &Streamed, pass: Pass, batches: Vec<Range<usize>>, recipe: &Recipe) -> PhotoPass {
    match pass {
        Pass::Training { seed, epoch, .. } => streamed.epoch((seed, epoch), batches, recipe),
        Pass::Evaluation => streamed.evaluation(batches, recipe),
    }
}

impl Cutting<'_> {
    fn next(&mut self, kind: Kind) -> Option<(Tensor, Tensor)> {
        let range = self.ranges.next()?;
        let (start, end) = (range.start as i64, range.end as i64);
        Some(match &self.plan {
            Some(plan) => plan.train_batch(self.images, &self.normalisation, start, end, kind),
            None => eval_batch(self.images, &self.normalisation, start, end, kind),
        })
    }
}
