//! Where chunks begin.

use std::cmp::Ordering;

use framefan_contract::Rational;
use framefan_contract::time::sample_cell;

/// Keyframes farther apart than this many chunk lengths are cut between.
const LONG_GOP: i64 = 4;

/// The wanted grid of chunks: multiples of a length, counted from the first displayed frame.
pub(crate) struct Grid {
    pub(crate) origin_pts: i64,
    pub(crate) time_base: Rational,
    pub(crate) chunk_seconds: Rational,
}

/// Starts of chunks, ascending, the first being the start of the video.
pub(crate) struct Boundaries {
    pub(crate) starts: Vec<i64>,
    /// How many gaps between keyframes were cut.
    pub(crate) long_gops: usize,
}

impl Grid {
    /// Which chunk-long cell of the grid `pts` falls in.
    fn cell(&self, pts: i64) -> i64 {
        let per_second = Rational { num: self.chunk_seconds.den, den: self.chunk_seconds.num };
        sample_cell(pts, self.origin_pts, self.time_base, per_second)
    }

    /// Compares the time from `from` to `to` with `num / den` chunk lengths.
    fn compare(&self, from: i64, to: i64, num: i64, den: i64) -> Ordering {
        let duration = (i128::from(to) - i128::from(from)) * i128::from(self.time_base.num) * i128::from(den);
        let length = i128::from(self.chunk_seconds.num) * i128::from(num) * i128::from(self.time_base.den);
        (duration * i128::from(self.chunk_seconds.den)).cmp(&length)
    }
}

/// Cuts `[times[0], end)` at the first keyframe at or after each multiple of the chunk length; between keyframes that
/// are far apart, at the first frame. A piece shorter than a third of the length is joined to the one before it.
///
/// `times` and `keys` are ascending; `times` is not empty and `end` is after its last.
pub(crate) fn boundaries(grid: &Grid, start: i64, times: &[i64], keys: &[i64], end: i64) -> Boundaries {
    let mut cuts: Vec<i64> = Vec::new();
    let mut long_gops = 0;
    let mut before = start;
    for key in keys.iter().copied().chain([end]) {
        if grid.compare(before, key, LONG_GOP, 1) == Ordering::Greater {
            long_gops += 1;
            let inside = times.partition_point(|&t| t <= before)..times.partition_point(|&t| t < key);
            let mut cell = grid.cell(before);
            // The key's own cell starts at the key.
            let key_cell = if key < end { grid.cell(key) } else { i64::MAX };
            for &time in &times[inside] {
                let now = grid.cell(time);
                if now > cell && now < key_cell {
                    cuts.push(time);
                }
                cell = now;
            }
        }
        if key < end && grid.cell(key) > grid.cell(before) {
            cuts.push(key);
        }
        before = key;
    }

    let mut starts = vec![start];
    // No cut at the first frame itself, where the video starts before it: that would be a piece without frames.
    for cut in cuts.into_iter().filter(|&cut| cut > times[0]) {
        join_short(grid, &mut starts, cut);
        // What is short at the very beginning has none before it and joins the next.
        if starts.len() > 1 || grid.compare(start, cut, 1, 3) != Ordering::Less {
            starts.push(cut);
        }
    }
    join_short(grid, &mut starts, end);
    Boundaries { starts, long_gops }
}

/// Joins the last piece to the one before it when it ends at `end` too soon.
fn join_short(grid: &Grid, starts: &mut Vec<i64>, end: i64) {
    if let [_, .., last] = starts[..]
        && grid.compare(last, end, 1, 3) == Ordering::Less
    {
        starts.pop();
    }
}
