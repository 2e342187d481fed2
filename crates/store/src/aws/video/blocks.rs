//! Which bytes of a video to fetch, and in what pieces: a map of blocks that never overlap.
//!
//! Inside the ranges that were announced, blocks are large and the next ones are fetched before they are asked for; never
//! past the end of a range. Elsewhere a block is small, and twice as long as its predecessor where it continues one: an
//! index is read in few requests, a look at a few bytes costs little, and what is fetched beyond the last byte read stays
//! below [`LARGEST_OUTSIDE`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::block::Block;

/// Bytes of a block inside an announced range.
pub(super) const BLOCK: u64 = 2 << 20;

/// Bytes that are on their way or wait ahead of a reader.
pub(super) const AHEAD: u64 = 4 * BLOCK;

/// Bytes of the first block of a read elsewhere.
pub(super) const SMALLEST_OUTSIDE: u64 = 64 << 10;

/// Bytes of the largest block elsewhere.
pub(super) const LARGEST_OUTSIDE: u64 = 512 << 10;

/// Bytes kept in memory, besides what is on its way.
pub(super) const KEPT: u64 = 48 << 20;

/// The blocks that are there or on their way.
pub(super) struct Blocks {
    size: u64,
    /// Announced ranges `[start, end)`, ascending and apart from each other.
    ranges: Vec<[u64; 2]>,
    /// By their start.
    blocks: BTreeMap<u64, Kept>,
    /// Counts reads; a block remembers its last one.
    clock: u64,
}

struct Kept {
    block: Arc<Block>,
    used: u64,
}

impl Blocks {
    pub(super) fn new(size: u64) -> Self {
        Blocks { size, ranges: Vec::new(), blocks: BTreeMap::new(), clock: 0 }
    }

    /// Replaces the announced ranges.
    pub(super) fn announce(&mut self, ranges: &[[u64; 2]]) {
        let mut sorted: Vec<[u64; 2]> =
            ranges.iter().map(|&[start, end]| [start, end.min(self.size)]).filter(|[start, end]| start < end).collect();
        sorted.sort_unstable();
        self.ranges.clear();
        for range in sorted {
            match self.ranges.last_mut() {
                Some(last) if range[0] <= last[1] => last[1] = last[1].max(range[1]),
                _ => self.ranges.push(range),
            }
        }
    }

    /// The block that holds the byte at `at`, for a read of `length` bytes from there; and the blocks to be fetched, which
    /// may be none.
    pub(super) fn want(&mut self, at: u64, length: u64) -> (Arc<Block>, Vec<Arc<Block>>) {
        self.clock += 1;
        let mut new = Vec::new();
        let block = match self.covering(at) {
            Some(block) => block,
            None => self.add(at, self.length_at(at, length), &mut new),
        };
        self.touch(&block);
        self.look_ahead(at, &mut new);
        self.forget();
        (block, new)
    }

    /// Forgets a block, for instance because it could not be fetched.
    pub(super) fn remove(&mut self, block: &Arc<Block>) {
        if self.blocks.get(&block.start).is_some_and(|kept| Arc::ptr_eq(&kept.block, block)) {
            self.blocks.remove(&block.start);
        }
    }

    /// All blocks.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.blocks.values().map(|kept| &kept.block)
    }

    fn touch(&mut self, block: &Block) {
        if let Some(kept) = self.blocks.get_mut(&block.start) {
            kept.used = self.clock;
        }
    }

    fn covering(&self, at: u64) -> Option<Arc<Block>> {
        let (_, kept) = self.blocks.range(..=at).next_back()?;
        (kept.block.end > at).then(|| Arc::clone(&kept.block))
    }

    /// The position in `ranges` of the first one that ends after `at`.
    fn range_from(&self, at: u64) -> usize {
        self.ranges.partition_point(|range| range[1] <= at)
    }

    /// How long a block that begins at `at` may be at most: up to the next block, the next border of a range, the end.
    fn room(&self, at: u64) -> u64 {
        let next = self.blocks.range(at..).next().map_or(self.size, |(&start, _)| start);
        let border = match self.ranges.get(self.range_from(at)) {
            Some(&[start, end]) => {
                if at < start {
                    start
                } else {
                    end
                }
            }
            None => self.size,
        };
        next.min(border) - at
    }

    /// How long a block is that is asked for.
    fn length_at(&self, at: u64, length: u64) -> u64 {
        let inside = self.ranges.get(self.range_from(at)).is_some_and(|range| range[0] <= at);
        let wish = if inside {
            BLOCK
        } else {
            let before = self.blocks.range(..at).next_back().map(|(_, kept)| &kept.block);
            // A block that ends a range says nothing of how far reading goes on behind it.
            let is_outside = |start: u64| self.ranges.get(self.range_from(start)).is_none_or(|range| start < range[0]);
            let continued = before.filter(|block| block.end == at && is_outside(block.start));
            let grown = continued.map_or(0, |block| (block.end - block.start) * 2);
            grown.clamp(SMALLEST_OUTSIDE, LARGEST_OUTSIDE).max(length.min(BLOCK))
        };
        wish.min(self.room(at))
    }

    fn add(&mut self, at: u64, length: u64, new: &mut Vec<Arc<Block>>) -> Arc<Block> {
        let block = Arc::new(Block::new(at, at + length));
        self.blocks.insert(at, Kept { block: Arc::clone(&block), used: self.clock });
        new.push(Arc::clone(&block));
        block
    }

    /// Begins the blocks that a reader at `from`, inside a range, will want next: of the following [`AHEAD`] bytes of the
    /// ranges, whole blocks only. What lies there is kept.
    fn look_ahead(&mut self, from: u64, new: &mut Vec<Arc<Block>>) {
        let first = self.range_from(from);
        if self.ranges.get(first).is_none_or(|range| range[0] > from) {
            return;
        }
        let mut ahead = 0;
        for position in first..self.ranges.len() {
            let [start, end] = self.ranges[position];
            let mut at = start.max(from);
            while at < end {
                if let Some(block) = self.covering(at) {
                    self.touch(&block);
                    ahead += block.end.min(end) - at;
                    at = block.end;
                } else {
                    let length = self.room(at).min(BLOCK);
                    if ahead + length > AHEAD {
                        return;
                    }
                    self.add(at, length, new);
                    ahead += length;
                    at += length;
                }
                if ahead >= AHEAD {
                    return;
                }
            }
        }
    }

    /// Forgets the blocks that were not used for longest, when there are too many.
    fn forget(&mut self) {
        let mut kept: u64 = self.all().filter(|block| block.is_over()).map(|block| block.end - block.start).sum();
        while kept > KEPT {
            let over = self.blocks.iter().filter(|(_, kept)| kept.block.is_over() && kept.used < self.clock);
            let Some((&start, oldest)) = over.min_by_key(|(_, kept)| kept.used) else { return };
            kept -= oldest.block.end - oldest.block.start;
            self.blocks.remove(&start);
        }
    }
}
