//! Which batches a device's memory holds.

use super::need::need;
use super::seen::Sightings;
use super::{Need, StepKind, Trial};
use crate::profile::Profile;
use crate::scenario::Recipe;
use crate::units::Bytes;
use serde::Serialize;

/// No batch is larger, nor than the data set.
const MOST: u32 = 1 << 20;

/// Batches are given in multiples of this.
const GRAIN: u32 = 8;

/// Whether a trial will run out of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// It fits, without a retry of the allocator, even if it takes the estimate's band more.
    Low,
    /// It fits if it takes what is estimated.
    Watch,
    /// It is estimated not to fit, or was seen to run out of memory.
    High,
}

/// A trial's step on a device.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Capacity {
    /// With the trial's batch.
    pub need: Need,
    /// Whether that is too much.
    pub risk: Risk,
    /// The largest batch that is estimated to fit; 0 where none does.
    pub largest: u32,
    /// The largest that fits, without a retry of the allocator, though it take the band more; 0 where none does.
    pub safe: u32,
    /// So many such trainings fit on the device at a time, each with the band more than estimated.
    pub at_a_time: u64,
    /// The smallest batch, or part of one, of such trainings that was seen to run out of this device's memory.
    pub ran_out: Option<u64>,
}

impl Capacity {
    /// Of `trial` on the device of `profile`, on which `seen` was seen; `None` where nothing is known of its memory.
    pub fn of(trial: &Trial, profile: &Profile, seen: &Sightings) -> Option<Self> {
        let memory = profile.memory();
        let (need_here, risk) = assess(trial, profile, seen)?;
        let cautious = with_band(profile, need_here.band);
        let need_of = |batch_size: u32, profile: &Profile| {
            let recipe = Recipe { batch_size, ..trial.recipe };
            need(&Trial { recipe, train_images: None, ..trial.clone() }, profile, seen)
        };
        let fits = |batch| need_of(batch, profile).is_some_and(|need| !need.fails);
        let is_safe = |batch| need_of(batch, &cautious).is_some_and(|need| !need.fails && need.retries == 0);
        let ran_out = seen.failed(&StepKind::from(trial), &trial.recipe);
        let most = trial.dataset.images().map_or(MOST, |(train, _)| train.min(MOST));
        let most = ran_out
            .map_or(most, |batch| most.min((batch.saturating_sub(1) as u32).saturating_mul(trial.recipe.accumulate)));
        let largest = largest(most, fits);
        let safe = self::largest(largest, is_safe);
        let context = profile.context().0;
        let each = (need_here.device.0 as f64 * (1.0 + need_here.band)) as u64 + context;
        Some(Self { need: need_here, risk, largest, safe, at_a_time: (memory.0 + context) / each.max(1), ran_out })
    }
}

/// What `trial` needs, and whether that is too much.
fn assess(trial: &Trial, profile: &Profile, seen: &Sightings) -> Option<(Need, Risk)> {
    let here = need(trial, profile, seen)?;
    let least = seen.failed(&StepKind::from(trial), &trial.recipe);
    let ran_out = least.is_some_and(|least| u64::from(trial.recipe.part_size()) >= least);
    let cautious = || need(trial, &with_band(profile, here.band), seen);
    let risk = match () {
        () if here.fails || ran_out => Risk::High,
        () if cautious().is_some_and(|need| !need.fails && need.retries == 0) => Risk::Low,
        () => Risk::Watch,
    };
    Some((here, risk))
}

/// The device with less memory, as if estimates took the band more.
fn with_band(profile: &Profile, band: f64) -> Profile {
    profile.clone().with_memory(Bytes((profile.memory().0 as f64 / (1.0 + band)) as u64))
}

/// The largest multiple of [`GRAIN`] up to `most` for which `fits`, which holds for all below one that it holds for.
fn largest(most: u32, fits: impl Fn(u32) -> bool) -> u32 {
    // Doubling first: large steps take longest to account for.
    let (mut low, mut high) = (0, most / GRAIN + 1);
    let mut next = 1;
    while next < high && fits(next * GRAIN) {
        (low, next) = (next, next * 2);
    }
    high = high.min(next);
    while high - low > 1 {
        let middle = u32::midpoint(low, high);
        if fits(middle * GRAIN) { low = middle } else { high = middle }
    }
    low * GRAIN
}

#[cfg(test)]
#[path = "capacity_tests.rs"]
mod tests;
