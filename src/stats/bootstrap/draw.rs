//! Drawing with replacement.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A generator whose numbers depend on the seed alone.
pub struct Draw(ChaCha8Rng);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `n`. The scaling favours some numbers by n / 2^32 at most, which nothing here can see.
    pub fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// Calls `each` with choices of n out of n, with replacement: every one of the n^n once where they are no more than
    /// `most`, else `most` random ones.
    pub fn choices(&mut self, n: usize, most: usize, mut each: impl FnMut(&[usize])) {
        let mut choice = vec![0; n];
        match u32::try_from(n).ok().and_then(|power| n.checked_pow(power)).filter(|&all| all <= most) {
            Some(all) => {
                for number in 0..all {
                    let mut rest = number;
                    for place in &mut choice {
                        (*place, rest) = (rest % n, rest / n);
                    }
                    each(&choice);
                }
            }
            None => {
                for _ in 0..most {
                    choice.iter_mut().for_each(|place| *place = self.below(n));
                    each(&choice);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn few_values_are_drawn_in_every_way_once() {
        let mut seen = BTreeSet::new();
        Draw::new(1).choices(3, 27, |c| assert!(seen.insert(c.to_vec()), "{c:?} twice"));
        assert_eq!(seen.len(), 27);
        let mut count = 0;
        Draw::new(1).choices(3, 26, |_| count += 1);
        assert_eq!(count, 26);
    }

    #[test]
    fn draws_cover_the_range_and_depend_on_the_seed_alone() {
        let draws = |seed: u64| {
            let mut draw = Draw::new(seed);
            (0..400).map(|_| draw.below(7)).collect::<Vec<_>>()
        };
        assert_eq!(draws(5), draws(5));
        assert_ne!(draws(5), draws(6));
        for n in 0..7 {
            // 57 expected, standard deviation 7.
            let count = draws(5).iter().filter(|&&d| d == n).count();
            assert!((22..=92).contains(&count), "{n}: {count}");
        }
    }
}
