//! When what is in hand will be done.

use crate::units::Seconds;

/// A block that is not done, and who has it in hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// What is left of it; absent where nothing is known.
    pub left: Option<Seconds>,
    /// It is being trained.
    pub runs: bool,
    /// It will be: it waits in a queue, or for the trainer of those before it.
    pub waits: bool,
}

/// The time until the last block in hand is done, and how many are trained at a time, where as many as now go on to be:
/// those that run first, then those that wait in their order, each as soon as one is done. Absent where none runs, or
/// nothing is known of one.
pub fn end(blocks: &[Block]) -> Option<(Seconds, usize)> {
    let left = |block: &&Block| block.left.map(|left| left.0);
    let mut busy: Vec<f64> =
        blocks.iter().filter(|block| block.runs).map(|block| left(&block)).collect::<Option<_>>()?;
    for block in blocks.iter().filter(|block| !block.runs && block.waits) {
        let next = busy.iter_mut().min_by(|a, b| a.total_cmp(b))?;
        *next += left(&block)?;
    }
    let last = busy.iter().copied().reduce(f64::max)?;
    Some((Seconds(last), busy.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_follow_each_other_on_as_many_places_as_are_taken() {
        let block = |left: f64, runs: bool, waits: bool| Block { left: Some(Seconds(left)), runs, waits };
        let (runs, waits) = (|left| block(left, true, false), |left| block(left, false, true));
        assert_eq!(end(&[]), None);
        assert_eq!(end(&[waits(5.0)]), None, "nobody has begun");
        assert_eq!(end(&[runs(5.0), block(99.0, false, false)]), Some((Seconds(5.0), 1)), "nobody has the other");
        let blocks = [waits(4.0), runs(3.0), waits(10.0), runs(8.0), waits(1.0)];
        // 4 and 1 follow 3 and 7 on the first place; 10 begins at 7.
        assert_eq!(end(&blocks), Some((Seconds(17.0), 2)));
        assert_eq!(end(&[runs(3.0), Block { left: None, runs: false, waits: true }]), None);
    }
}
