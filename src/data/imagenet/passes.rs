//! The order of pictures in a pass.

use crate::data::augment::permutation;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::ops::Range;

/// The numbers `0..images` in the order of an epoch of training: a function of the seed and the epoch.
pub fn shuffled(seed: u64, epoch: u32, images: usize) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(epoch));
    permutation(&mut rng, images as i64).into_iter().map(|number| number as u32).collect()
}

/// Ranges of `batch` places each, the last one with what is left; `before` of them are left out.
pub fn ranges(images: usize, batch: usize, before: usize) -> Vec<Range<usize>> {
    let starts = (0..images).step_by(batch.max(1)).skip(before);
    starts.map(|start| start..(start + batch).min(images)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_comes_once_and_epochs_differ() {
        let orders = [(9, 1), (9, 2), (8, 1)].map(|(seed, epoch)| shuffled(seed, epoch, 1000));
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        }
        assert!(orders[0] != orders[1] && orders[0] != orders[2]);
    }

    #[test]
    fn ranges_cover_what_is_left() {
        assert_eq!(ranges(10, 4, 0), [0..4, 4..8, 8..10]);
        assert_eq!(ranges(10, 4, 2).first(), Some(&(8..10)));
        assert_eq!(ranges(10, 4, 3), []);
    }
}
