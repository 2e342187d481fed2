//! The types of the `track` section of `final_results.json`, and of the chunk stage's records.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing detected in one frame, before anyone knows which it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedDetection {
    /// Class, by COCO's number.
    pub class: u16,
    /// Score, 0..=1.
    pub score: f64,
    /// Left, top, width and height in pixels of the frame as displayed, clipped to the frame.
    pub bbox: [f64; 4],
    /// Whether the sidecar has a feature of it; features come in the order of the detections.
    #[serde(default, skip_serializing_if = "is_false")]
    pub feature: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The data of a record: everything detected in the frame, the best score first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrackRecord {
    /// The detections.
    pub detections: Vec<RecordedDetection>,
}

/// One thing in one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrackedDetection {
    /// Number of the frame in presentation order, from 0.
    pub frame: u64,
    /// Which thing it is, from 1, the same through the whole video.
    pub track_id: u64,
    /// Name of its class.
    pub class: String,
    /// Left, top, width and height in pixels of the frame as displayed, clipped to the frame.
    pub bbox: [f64; 4],
    /// Score of the detection, 0..=1.
    pub confidence: f64,
}

/// One thing through the whole video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrackSummary {
    /// The `track_id` of its detections.
    pub track_id: u64,
    /// Name of its class.
    pub class: String,
    /// First frame with a detection.
    pub first_frame: u64,
    /// Last frame with a detection.
    pub last_frame: u64,
    /// Time of the first, seconds from the first displayed frame.
    pub first_s: f64,
    /// Time of the last.
    pub last_s: f64,
    /// Detections.
    pub detections: u64,
    /// Mean of their scores.
    pub mean_confidence: f64,
    /// Pauses between detections that are longer than a track waits, `buffer_s`.
    pub gaps: u64,
}

/// The whole section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Section {
    /// Detections of tracks in order of the frames; in a frame, as the network gave them, the best score first.
    pub detections: Vec<TrackedDetection>,
    /// The tracks by number.
    pub tracks: Vec<TrackSummary>,
    /// What was looked at and left out.
    pub counts: Counts,
}

/// What was looked at and left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Sampled frames.
    pub frames: u64,
    /// Detections of a score that is reported which belong to no track: seen too seldom in a row.
    pub untracked: u64,
}
