//! Whether a data set with a fixed name is all there.

use super::error::{DataError, Short};
use super::sources::Place;
use super::split::{Raw, Split};
use crate::scenario::Dataset;

/// The splits of which there are fewer images, or more, than in the official set. None where the name fixes no numbers.
pub(super) fn shortage(dataset: &Dataset, raw: &Raw) -> Vec<Short> {
    let Some((train, test)) = dataset.images() else { return Vec::new() };
    let short = |name, split: &Split, official: u32| {
        let files = split.parts.iter().map(|part| (part.file.clone(), part.images)).collect();
        let short = Short { split: name, found: split.len(), official: official as usize, files };
        (short.found != short.official).then_some(short)
    };
    [short("train", &raw.train, train), short("test", &raw.test, test)].into_iter().flatten().collect()
}

/// Refuses a part of an official set, unless `limits` (train, test) ask for no more than is there; then a remark says so.
///
/// # Errors
/// [`DataError::Incomplete`].
pub(super) fn check(
    dataset: &Dataset,
    place: &Place,
    raw: &mut Raw,
    limits: (Option<u32>, Option<u32>),
) -> Result<(), DataError> {
    let mut short = shortage(dataset, raw);
    if !short.is_empty() {
        let (train, test) = dataset.images().unwrap_or_default();
        let found = (raw.train.len(), raw.test.len());
        raw.remarks.push(format!("{} + {} images; the official set has {train} + {test}", found.0, found.1));
    }
    short.retain(|s| {
        let asked = if s.split == "train" { limits.0 } else { limits.1 };
        asked.is_none_or(|images| images as usize > s.found)
    });
    if short.is_empty() {
        return Ok(());
    }
    Err(DataError::Incomplete { dataset: dataset.clone(), place: place.path.clone(), short })
}
