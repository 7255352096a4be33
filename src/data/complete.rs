//! Whether a data set with a fixed name is all there.

use super::error::{DataError, Short};
use super::sources::Place;
use super::split::Part;
use crate::scenario::Dataset;

/// The images of both splits (train, test), and the files they came from.
pub(super) type Counts<'a> = [(usize, &'a [Part]); 2];

/// The splits of which there are fewer images, or more, than in the official set. None where the name fixes no numbers.
pub(super) fn shortage(dataset: &Dataset, counts: &Counts) -> Vec<Short> {
    let Some((train, test)) = dataset.images() else { return Vec::new() };
    let splits = [("train", train), ("test", test)].into_iter().zip(counts);
    let shorts = splits.map(|((split, official), (found, parts))| {
        let files = parts.iter().map(|part| (part.file.clone(), part.images)).collect();
        Short { split, found: *found, official: official as usize, files }
    });
    shorts.filter(|short| short.found != short.official).collect()
}

/// Refuses a part of an official set, unless `limits` (train, test) ask for no more than is there, or so few are missing
/// that a training may go on without them; then a remark says so.
///
/// # Errors
/// [`DataError::Incomplete`].
pub(super) fn check(
    dataset: &Dataset,
    place: &Place,
    counts: &Counts,
    limits: (Option<u32>, Option<u32>),
) -> Result<Option<String>, DataError> {
    let mut short = shortage(dataset, counts);
    let remark = (!short.is_empty()).then(|| {
        let (train, test) = dataset.images().unwrap_or_default();
        format!("{} + {} images; the official set has {train} + {test}", counts[0].0, counts[1].0)
    });
    short.retain(|s| {
        let asked = if s.split == "train" { limits.0 } else { limits.1 };
        let missing = s.official.saturating_sub(s.found) as u64;
        let enough = (1..=dataset.may_lack(s.official as u64)).contains(&missing);
        asked.map_or(!enough, |images| images as usize > s.found)
    });
    if short.is_empty() {
        return Ok(remark);
    }
    Err(DataError::Incomplete { dataset: dataset.clone(), place: place.path.clone(), short })
}
