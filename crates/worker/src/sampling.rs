//! Which frames an analyzer looks at.

use framefan_analyzers::Sampling;
use framefan_contract::time::sample_cell;
use framefan_contract::video::VideoInfo;

/// Whether the frame at `pts` is on the grid, given the frame displayed before it.
///
/// A chunk stage passes `previous = None` for a chunk's first frame, which is therefore always taken: the predecessor
/// belongs to another chunk. The reducer, which knows it, drops that record when the grid does not hold the frame. So
/// the sections do not depend on where chunks begin, and no chunk needs its neighbour's frames to sample.
pub fn is_sampled(sampling: Sampling, video: &VideoInfo, previous: Option<i64>, pts: i64) -> bool {
    match (sampling, previous) {
        (Sampling::EveryFrame, _) | (_, None) => true,
        (Sampling::Fps(fps), Some(previous)) => {
            let cell = |pts| sample_cell(pts, video.origin_pts, video.time_base, fps);
            cell(pts) != cell(previous)
        }
    }
}
