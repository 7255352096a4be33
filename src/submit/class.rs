//! Wall-time classes: all tasks of a job array share one time limit.

use crate::units::Seconds;

/// The limits that there are, minutes.
const CLASSES: [u64; 11] = [30, 60, 120, 240, 480, 960, 1440, 2880, 4320, 7200, 10_080];

/// Estimates are good to a factor of about two.
const MARGIN: f64 = 2.0;

/// For the start: modules, libtorch, the data set.
const START: f64 = 600.0;

/// The limit in minutes of a block that is estimated to take `seconds`: the least class that holds twice that and ten
/// minutes, and `most` where there is none or nothing is known. What takes longer goes on from its checkpoint.
pub fn class(seconds: Option<Seconds>, most: u64) -> u64 {
    let needed = seconds.map_or(f64::INFINITY, |seconds| (MARGIN * seconds.0 + START) / 60.0);
    let holds = |class: &u64| *class as f64 >= needed;
    CLASSES.into_iter().find(holds).map_or(most, |class| class.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_gets_the_least_limit_that_holds_it() {
        let of = |seconds: f64| class(Some(Seconds(seconds)), 2880);
        assert_eq!([of(0.0), of(600.0), of(601.0), of(3600.0)], [30, 30, 60, 240]);
        assert_eq!([of(80_000.0), of(1e9), class(None, 2880)], [2880; 3]);
        assert_eq!(class(Some(Seconds(3600.0)), 90), 90, "no longer than the partition allows");
    }
}
