//! What libtorch's caching allocator takes of a GPU for the memory that a computation asks for.
//!
//! Requests are rounded up to 512 bytes and cut from segments: of 2 MiB for requests up to 1 MiB, of 20 MiB for those below
//! 10 MiB, of the request itself in multiples of 2 MiB above. What is freed stays with the allocator, which takes the
//! smallest free block that fits. When the device has no more, all segments without a block in use go back to it first.

use std::collections::BTreeSet;

const MIB: u64 = 1 << 20;
const GRAIN: u64 = 512;
/// The largest request of the small segments, and what may be left over of a large block without being cut off.
const SMALL: u64 = MIB;
const SMALL_SEGMENT: u64 = 2 * MIB;
const LARGE: u64 = 10 * MIB;
const LARGE_SEGMENT: u64 = 20 * MIB;

/// An allocator on a device of so many bytes.
#[derive(Debug)]
pub(super) struct Allocator {
    limit: u64,
    blocks: Vec<Block>,
    /// Of small and of large segments, by size.
    free: [BTreeSet<(u64, usize)>; 2],
    reserved: u64,
    /// The largest amount that was reserved.
    pub peak: u64,
    /// How often segments went back to the device since it had no more.
    pub retries: u64,
    /// Something did not fit.
    pub failed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Block {
    bytes: u64,
    is_free: bool,
    is_small: bool,
    /// Neighbours in the segment.
    before: Option<usize>,
    after: Option<usize>,
}

impl Allocator {
    pub fn new(limit: u64) -> Self {
        Self { limit, blocks: Vec::new(), free: Default::default(), reserved: 0, peak: 0, retries: 0, failed: false }
    }

    /// A block for so many bytes.
    pub fn take(&mut self, bytes: u64) -> usize {
        let bytes = bytes.max(1).next_multiple_of(GRAIN);
        let is_small = bytes <= SMALL;
        let pool = usize::from(!is_small);
        let found = self.free[pool].range((bytes, 0)..).next().copied();
        let index = match found {
            Some(place) => {
                self.free[pool].remove(&place);
                place.1
            }
            None => self.segment(bytes, is_small),
        };
        self.blocks[index].is_free = false;
        self.cut(index, bytes);
        index
    }

    /// Takes a segment from the device.
    fn segment(&mut self, bytes: u64, is_small: bool) -> usize {
        let size = match bytes {
            _ if is_small => SMALL_SEGMENT,
            _ if bytes < LARGE => LARGE_SEGMENT,
            _ => bytes.next_multiple_of(SMALL_SEGMENT),
        };
        if self.reserved + size > self.limit {
            self.retries += 1;
            self.give_back();
            self.failed |= self.reserved + size > self.limit;
        }
        self.reserved += size;
        self.peak = self.peak.max(self.reserved);
        self.blocks.push(Block { bytes: size, is_free: false, is_small, before: None, after: None });
        self.blocks.len() - 1
    }

    /// Cuts off what is left over of a block.
    fn cut(&mut self, index: usize, bytes: u64) {
        let block = self.blocks[index];
        let rest = block.bytes - bytes;
        if rest < GRAIN || (!block.is_small && rest <= SMALL) {
            return;
        }
        let new = self.blocks.len();
        self.blocks.push(Block { bytes: rest, is_free: true, before: Some(index), ..block });
        self.blocks[index] = Block { bytes, after: Some(new), ..block };
        if let Some(after) = block.after {
            self.blocks[after].before = Some(new);
        }
        self.free[usize::from(!block.is_small)].insert((rest, new));
    }

    /// A block is free again, and one with its free neighbours.
    pub fn put(&mut self, index: usize) {
        let pool = usize::from(!self.blocks[index].is_small);
        self.blocks[index].is_free = true;
        let Block { before, after, .. } = self.blocks[index];
        let mut whole = index;
        if let Some(after) = after.filter(|after| self.blocks[*after].is_free) {
            self.free[pool].remove(&(self.blocks[after].bytes, after));
            self.join(whole, after);
        }
        if let Some(before) = before.filter(|before| self.blocks[*before].is_free) {
            self.free[pool].remove(&(self.blocks[before].bytes, before));
            self.join(before, whole);
            whole = before;
        }
        self.free[pool].insert((self.blocks[whole].bytes, whole));
    }

    /// Two neighbours become the first.
    fn join(&mut self, first: usize, second: usize) {
        let Block { bytes, after, .. } = self.blocks[second];
        self.blocks[first].bytes += bytes;
        self.blocks[first].after = after;
        if let Some(after) = after {
            self.blocks[after].before = Some(first);
        }
    }

    /// Segments without a block in use go back to the device.
    fn give_back(&mut self) {
        for pool in 0..2 {
            let blocks = &self.blocks;
            let is_segment = |index: usize| blocks[index].before.is_none() && blocks[index].after.is_none();
            let (whole, parts) = self.free[pool].iter().partition::<BTreeSet<_>, _>(|(_, index)| is_segment(*index));
            self.reserved -= whole.iter().map(|(bytes, _)| bytes).sum::<u64>();
            self.free[pool] = parts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_have_the_documented_sizes() {
        let reserved = |bytes: u64| {
            let mut allocator = Allocator::new(u64::MAX);
            allocator.take(bytes);
            allocator.reserved / MIB
        };
        assert_eq!([1, MIB, MIB + 1, 10 * MIB - 512, 10 * MIB, 21 * MIB].map(reserved), [2, 2, 20, 20, 10, 22]);
    }

    #[test]
    fn freed_memory_is_used_again_and_neighbours_join() {
        let mut allocator = Allocator::new(u64::MAX);
        let blocks = [(); 4].map(|()| allocator.take(5 * MIB));
        assert_eq!(allocator.reserved, 20 * MIB);
        blocks[1..3].iter().for_each(|block| allocator.put(*block));
        allocator.take(10 * MIB - 512);
        assert_eq!(allocator.reserved, 20 * MIB, "the two were one");
        allocator.take(5 * MIB);
        assert_eq!(allocator.reserved, 40 * MIB);
    }

    #[test]
    fn what_nobody_uses_goes_back_before_memory_runs_out() {
        let mut allocator = Allocator::new(50 * MIB);
        let block = allocator.take(30 * MIB);
        allocator.put(block);
        let block = allocator.take(40 * MIB);
        assert_eq!((allocator.retries, allocator.failed, allocator.reserved), (1, false, 40 * MIB));
        allocator.take(20 * MIB);
        assert!(allocator.failed && allocator.retries == 2);
        allocator.put(block);
    }
}
