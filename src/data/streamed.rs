//! A data set that is read and decoded while it is trained on: ImageNet, which fits no memory.

use super::complete;
use super::error::DataError;
use super::imagenet::{BadFiles, ImageNet, Making, Order, PhotoPass, Storage, View, shuffled};
use super::load::not_found;
use super::sources::Sources;
use crate::scenario::{Dataset, Normalisation, Recipe};
use std::ops::Range;
use tch::Device;

/// Batches that are made ahead of the one under way. Two keep all threads at work; a third bridges a slow file.
const AHEAD: usize = 3;

/// A prepared ImageNet, and how it is read.
#[derive(Debug)]
pub struct Streamed {
    /// Pictures, classes, digest.
    pub set: ImageNet,
    /// Threads that read and decode; they change no number.
    pub threads: usize,
    /// What was noticed while it was looked for.
    pub remarks: Vec<String>,
}

impl Streamed {
    /// The first prepared ImageNet of `sources` that is not too small for `limits` (train, test). Decoding takes as many
    /// threads as the process may use, or of a training on the CPU as many as that computes with.
    ///
    /// # Errors
    /// [`DataError`]: not found, a damaged index, incomplete, or fewer pictures than the limits ask for.
    pub(super) fn open(
        sources: &Sources,
        device: Device,
        limits: (Option<u32>, Option<u32>),
    ) -> Result<Self, DataError> {
        let dataset = Dataset::Imagenet;
        let mut passed = None;
        for place in sources.find(&dataset) {
            let set = ImageNet::open(&place.path)?;
            match complete::check(&dataset, &place, &[(set.train.len(), &[]), (set.val.len(), &[])], limits) {
                Ok(part) => {
                    let remarks = part.into_iter().chain(smaller(set.storage)).collect();
                    return Ok(Self { set: set.limited(limits)?, threads: threads(device), remarks });
                }
                Err(why) => passed = passed.or(Some(why)),
            }
        }
        Err(passed.unwrap_or_else(|| not_found(&dataset, sources)))
    }

    /// The training pictures of an epoch in its order, in batches of these ranges of places.
    pub(super) fn epoch(&self, (seed, epoch): (u64, u32), batches: Vec<Range<usize>>, recipe: &Recipe) -> PhotoPass {
        let photos = self.set.train.clone();
        let order = shuffled(seed, epoch, photos.len());
        let (view, normalisation) = (View::Training { seed, epoch }, self.normalisation(recipe));
        PhotoPass { photos, order, batches, view, normalisation }
    }

    /// The validation pictures in the order of their index.
    pub(super) fn evaluation(&self, batches: Vec<Range<usize>>, recipe: &Recipe) -> PhotoPass {
        let photos = self.set.val.clone();
        let order = (0..photos.len() as u32).collect();
        PhotoPass { photos, order, batches, view: View::Evaluation, normalisation: self.normalisation(recipe) }
    }

    /// As many bad pictures as a training may go on without.
    pub(super) fn bad_files(&self) -> BadFiles {
        let pictures = self.set.train.len() + self.set.val.len();
        BadFiles::up_to(Dataset::Imagenet.may_lack(pictures as u64) as usize)
    }

    fn normalisation(&self, recipe: &Recipe) -> Normalisation {
        recipe.normalisation.unwrap_or(self.set.normalisation)
    }

    pub(super) fn making(&self, recipe: &Recipe, device: Device) -> Making {
        let order = if recipe.channels_last { Order::Pixels } else { Order::Planes };
        Making { threads: self.threads, ahead: AHEAD, order, device, scaled: true }
    }
}

/// What to remark of pictures that are not as they were found.
fn smaller(storage: Storage) -> Option<String> {
    let Storage::Scaled { shorter_side } = storage else { return None };
    Some(format!(
        "the pictures were scaled to a shorter side of {shorter_side} before: not what the study's networks saw"
    ))
}

fn threads(device: Device) -> usize {
    match device {
        Device::Cpu => tch::get_num_threads().max(1) as usize,
        _ => std::thread::available_parallelism().map_or(1, usize::from),
    }
}
