//! What the page says of each section: small, whatever the length of the video.

use std::collections::BTreeMap;

use framefan_analyzers::pose::section::Summary;
use framefan_contract::video::VideoInfo;

pub mod golden_frames;
pub mod track;

pub use golden_frames::GoldenFrames;
pub use track::Tracks;

/// The sections of a job, without what is there for each frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sections {
    /// Of `pose`, when it was asked for.
    pub pose: Option<Summary>,
    /// Of `track`.
    pub track: Option<Tracks>,
    /// Of `golden_frames`.
    pub golden_frames: Option<GoldenFrames>,
}

/// The frames that a report of `sections` would like to show: number and presentation timestamp, ascending.
///
/// The result tells timestamps only in the moments of `pose`. Others are worked out from the time, which the result rounds
/// to microseconds: in a finer time base the frame meant is the one nearest to the timestamp.
pub fn wanted_pictures(video: &VideoInfo, sections: &Sections) -> Vec<(u64, i64)> {
    let mut wanted = BTreeMap::new();
    let pts = |time_s: f64| {
        let units = time_s * video.time_base.den as f64 / video.time_base.num as f64;
        video.origin_pts.saturating_add(units.round() as i64)
    };
    if let Some(scene) = sections.track.as_ref().and_then(|track| track.scene) {
        wanted.insert(scene.frame, pts(scene.time_s));
    }
    for golden in sections.golden_frames.iter().flat_map(GoldenFrames::shown) {
        wanted.insert(golden.measured.frame, pts(golden.measured.time_s));
    }
    for moment in sections.pose.iter().flat_map(|pose| &pose.moments) {
        wanted.insert(moment.frame, moment.pts);
    }
    wanted.into_iter().collect()
}
