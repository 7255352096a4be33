//! What a device must hold for a trial.

use super::account::{Account, Gpu, Load, Reserved};
use super::estimate::{images, sees_its_side};
use super::seen::{Rests, Sightings};
use super::{StepKind, Trial};
use crate::profile::{Device, Profile};
use crate::units::Bytes;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Bytes of an image: a value is one.
const IMAGE: u64 = 3 * 32 * 32;

/// What a device must hold for a trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Need {
    /// In live tensors at the peak: of a step with the momentum, or of an evaluation, and the images, one byte a value.
    pub allocated: Bytes,
    /// What an allocator takes for them.
    pub reserved: Bytes,
    /// That, and what there is before the first tensor.
    pub device: Bytes,
    /// How often the allocator would have to give memory back first, and begin anew.
    pub retries: u64,
    /// It would find too little.
    pub fails: bool,
    /// What `allocated` rests on.
    pub rests: Rests,
    /// How far it may be above its estimate, as a share.
    pub band: f64,
}

/// What `trial` needs of the device of `profile`, on which `seen` was seen; `None` where nothing is known of its
/// operator, or of its network for images of that size.
pub fn need(trial: &Trial, profile: &Profile, seen: &Sightings) -> Option<Need> {
    if !sees_its_side(trial) {
        return None;
    }
    let (device, assumed) = (profile.device(), profile.estimates());
    let kind = StepKind::from(trial);
    let correction = seen.correction(&kind, device);
    let load = load(trial);
    let more = correction.at(load.part);
    let room = profile.memory().0.saturating_sub(assumed.base_memory.0);
    let gpu = (device == Device::Cuda).then(|| Gpu { memory: Bytes(with(room, -more)) });
    let account = account(&kind, device, load, gpu)?;
    let step = with(account.step.total(), more);
    let allocated = Bytes(step.max(account.evaluation.total()));
    let tensors = allocated.0 - load.data.0;
    let factored = Bytes(load.data.0 + (assumed.memory_factor * tensors as f64) as u64);
    let Reserved { peak, retries, failed } =
        account.reserved.unwrap_or(Reserved { peak: factored, retries: 0, failed: false });
    let reserved = if gpu.is_some() { Bytes(with(peak.0, more)) } else { factored };
    let used = Bytes(assumed.base_memory.0 + reserved.0);
    let fails = failed || (gpu.is_none() && used > profile.memory());
    let band = correction.rests.band(device);
    Some(Need { allocated, reserved, device: used, retries, fails, rests: correction.rests, band })
}

/// Accounts that were made: the trials of a matrix are many, and what decides their memory is little.
static MADE: Mutex<BTreeMap<String, Option<Account>>> = Mutex::new(BTreeMap::new());

/// The account of such steps, made once.
pub(super) fn account(kind: &StepKind, device: Device, load: Load, gpu: Option<Gpu>) -> Option<Account> {
    let key = format!("{} {device:?} {load:?} {gpu:?}", kind.key());
    // Whatever panicked left it whole.
    let made = || MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = made().get(&key) {
        return known.clone();
    }
    let account = kind.subject(device).account(load, gpu);
    made().insert(key, account.clone());
    account
}

/// An amount with some more, or less.
fn with(bytes: u64, more: f64) -> u64 {
    (bytes as f64 + more).max(0.0) as u64
}

/// The images of a trial that lie on the device, one byte a value: those of ImageNet come batch by batch. Absent where
/// nobody knows how many there are.
pub fn data_set(trial: &Trial) -> Option<Bytes> {
    if trial.dataset.side() != 32 {
        return Some(Bytes(0));
    }
    images(trial).map(|(train, test)| Bytes((u64::from(train) + u64::from(test)) * IMAGE))
}

/// The batches of a trial and its data set. Of a folder whose size is not known, the images are left out and batches are
/// taken as full.
pub(super) fn load(trial: &Trial) -> Load {
    let (batch, evaluation) = (u64::from(trial.recipe.batch_size), u64::from(trial.recipe.eval_batch_size));
    let data = data_set(trial).unwrap_or_default();
    let (train, test) = images(trial).map_or((batch, evaluation), |(train, test)| (train.into(), test.into()));
    let (batch, part) = (batch.min(train), u64::from(trial.recipe.part_size()));
    Load { batch, part: part.min(batch), evaluation: evaluation.min(test), data }
}
