//! Minima of a row of numbers, block by block: range minima without a look at every number.

use std::ops::Range;

const BLOCK: usize = 256;

/// A row of numbers that answers questions about its small ones.
pub(crate) struct Minima {
    values: Vec<i64>,
    /// Minimum of each [`BLOCK`] values.
    blocks: Vec<i64>,
}

impl Minima {
    pub(crate) fn new(values: Vec<i64>) -> Self {
        let blocks = values.chunks(BLOCK).map(|block| block.iter().copied().min().unwrap_or(i64::MAX)).collect();
        Minima { values, blocks }
    }

    /// The least number in `range`; `i64::MAX` when it is empty.
    pub(crate) fn min(&self, range: Range<usize>) -> i64 {
        let mut least = i64::MAX;
        let mut at = range.start;
        while at < range.end {
            if at.is_multiple_of(BLOCK) && at + BLOCK <= range.end {
                least = least.min(self.blocks[at / BLOCK]);
                at += BLOCK;
            } else {
                least = least.min(self.values[at]);
                at += 1;
            }
        }
        least
    }

    /// The last position before `end` whose number is at most `limit`.
    pub(crate) fn last_at_most(&self, end: usize, limit: i64) -> Option<usize> {
        let mut end = end;
        while end > 0 {
            if end.is_multiple_of(BLOCK) && self.blocks[end / BLOCK - 1] > limit {
                end -= BLOCK;
                continue;
            }
            end -= 1;
            if self.values[end] <= limit {
                return Some(end);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_agree_with_plain_scans() {
        let values: Vec<i64> = (0..2000i64).map(|i| (i * 7919) % 1009 + i / 100 * 40).collect();
        let minima = Minima::new(values.clone());
        for start in (0..2000).step_by(37) {
            for end in (start..=2000).step_by(53) {
                let plain = values[start..end].iter().copied().min().unwrap_or(i64::MAX);
                assert_eq!(minima.min(start..end), plain, "{start}..{end}");
            }
        }
        for end in (0..=2000).step_by(41) {
            for limit in (-1..1900).step_by(97) {
                let plain = values[..end].iter().rposition(|&v| v <= limit);
                assert_eq!(minima.last_at_most(end, limit), plain, "before {end}, at most {limit}");
            }
        }
    }
}
