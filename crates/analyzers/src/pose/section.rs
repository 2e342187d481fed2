//! The types of the `pose` section of `final_results.json`, and of the chunk stage's records.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One landmark: x and y in pixels of the frame as displayed, and the score in 0..=1. A landmark that the network places
/// outside the frame keeps its place.
pub type Keypoint = [f64; 3];

/// One person in one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// Score of the detection, 0..=1.
    pub score: f64,
    /// Left, top, width and height in pixels of the frame as displayed, clipped to the frame.
    pub bbox: [f64; 4],
    /// The 17 landmarks in COCO's order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left before right,
    /// as the person would say it.
    pub keypoints: [Keypoint; 17],
}

/// The data of a record: everyone in the frame, the best score first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PoseRecord {
    /// The people.
    pub people: Vec<Person>,
}

/// Everyone in one sampled frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FramePeople {
    /// Number of the frame in presentation order, from 0.
    pub frame: u64,
    /// Seconds from the first displayed frame.
    pub time_s: f64,
    /// The people, the best score first.
    pub people: Vec<Person>,
}

/// The whole section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Section {
    /// The sampled frames in presentation order.
    pub frames: Vec<FramePeople>,
    /// What they add up to.
    #[serde(flatten)]
    pub summary: Summary,
}

/// The section without its frames: small, whatever the length of the video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Statistics of the whole video and over time.
    pub metrics: Metrics,
    /// What stands out, by start time.
    pub findings: Vec<Finding>,
    /// A few frames worth a picture, by time.
    pub moments: Vec<Moment>,
}

/// Statistics of the whole video and over time. Only people with a score of `person_score` or more are counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// Sampled frames.
    pub sampled_frames: u64,
    /// Seconds between samples on the sample grid.
    pub sample_period_s: f64,
    /// How many people.
    pub people: PeopleMetrics,
    /// When people are visible.
    pub presence: Presence,
    /// Joint angles of the main person, by joint (`left_knee`, …).
    pub angles: BTreeMap<String, AngleMetrics>,
    /// Movement of the main person's head.
    pub head: MovementMetrics,
    /// Movement of the main person's hips.
    pub hips: MovementMetrics,
    /// Knee bends of the main person.
    pub repetitions: Repetitions,
    /// The same over time.
    pub series: Series,
    /// Findings left out because a rule had too many, by rule.
    pub omitted_findings: BTreeMap<String, u64>,
}

/// People per sampled frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PeopleMetrics {
    /// Mean number.
    pub mean: f64,
    /// Largest number.
    pub max: u64,
    /// Frames by number of people: `histogram[n]` had `n`; the last entry also holds all larger numbers.
    pub histogram: Vec<u64>,
    /// Frames with at least one person.
    pub frames_with_people: u64,
    /// Share of the frames with at least one person, 0..=1.
    pub share_with_people: f64,
    /// Share of the main person's landmarks that are visible, 0..=1; null when nobody was.
    pub visible_keypoint_share: Option<f64>,
}

/// When people are visible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Presence {
    /// Number of appearances.
    pub count: u64,
    /// Seconds inside appearances.
    pub total_s: f64,
    /// The appearances in order; only the first few hundred of a video that has more.
    pub appearances: Vec<Appearance>,
}

/// A span of time in which someone is visible without a long pause. People are not told apart: when one hands over to the
/// next without a pause, it is one appearance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Appearance {
    /// First sampled frame.
    pub start_frame: u64,
    /// Last sampled frame.
    pub end_frame: u64,
    /// Time of the first sampled frame.
    pub start_s: f64,
    /// Time of the last sampled frame.
    pub end_s: f64,
    /// Most people at once.
    pub max_people: u64,
    /// Best score.
    pub best_score: f64,
}

/// One joint's angle, in degrees, over all samples where it could be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AngleMetrics {
    /// Samples.
    pub count: u64,
    /// Mean; null without samples, as the following.
    pub mean: Option<f64>,
    /// Smallest.
    pub min: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
    /// Largest less smallest.
    pub range: Option<f64>,
    /// When it was smallest, seconds.
    pub min_at_s: Option<f64>,
    /// When it was largest, seconds.
    pub max_at_s: Option<f64>,
}

/// Movement in the image plane, in body heights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MovementMetrics {
    /// Length of the path, body heights.
    pub path: f64,
    /// Seconds over which it was followed.
    pub followed_s: f64,
    /// Mean speed, body heights per second; null when it was never followed, as the following.
    pub mean_speed: Option<f64>,
    /// Largest speed between two samples, body heights per second.
    pub max_speed: Option<f64>,
    /// When that was, seconds.
    pub max_speed_at_s: Option<f64>,
    /// Largest vertical range within one stretch that could be followed, body heights.
    pub vertical_range: Option<f64>,
}

/// Knee bends: both knees together below the lower threshold, then above the higher one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repetitions {
    /// How many were completed.
    pub count: u64,
    /// Mean seconds of one, from the lower threshold to the higher one; null when there is none, as the following.
    pub mean_duration_s: Option<f64>,
    /// Mean of the smallest angle in each, degrees.
    pub mean_depth_deg: Option<f64>,
}

/// Values over time in bins of equal width; every array has one entry a bin, null where nothing could be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Width of a bin in seconds. Bin `i` covers `[i × bin_s, (i + 1) × bin_s)`; the last one is open.
    pub bin_s: f64,
    /// Number of bins.
    pub bins: usize,
    /// Sampled frames.
    pub samples: Vec<u64>,
    /// Mean number of people.
    pub people_mean: Vec<Option<f64>>,
    /// Largest number of people.
    pub people_max: Vec<u64>,
    /// Share of the main person's landmarks that are visible.
    pub visible_keypoint_share: Vec<Option<f64>>,
    /// Joint angles in degrees, by joint.
    pub angles: BTreeMap<String, Band>,
    /// Movement of the head.
    pub head: MovementSeries,
    /// Movement of the hips.
    pub hips: MovementSeries,
}

/// Mean, smallest and largest value of each bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Band {
    /// Values.
    pub count: Vec<u64>,
    /// Mean.
    pub mean: Vec<Option<f64>>,
    /// Smallest.
    pub min: Vec<Option<f64>>,
    /// Largest.
    pub max: Vec<Option<f64>>,
}

/// Movement in each bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MovementSeries {
    /// Length of the path, body heights.
    pub path: Vec<Option<f64>>,
    /// Mean speed, body heights per second.
    pub mean_speed: Vec<Option<f64>>,
    /// Largest speed, body heights per second.
    pub max_speed: Vec<Option<f64>>,
    /// Range of the height in the picture, body heights.
    pub vertical_range: Vec<Option<f64>>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Worth a look.
    Notice,
    /// Look at this first.
    Warning,
}

impl Severity {
    /// The name in the result.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Notice => "notice",
            Severity::Warning => "warning",
        }
    }
}

/// A span of time that a rule names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Unique in the section: the rule and a number.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// One line for people.
    pub title: String,
    /// How much it matters.
    pub severity: Severity,
    /// Time of the first sampled frame.
    pub start_s: f64,
    /// Time of the last sampled frame.
    pub end_s: f64,
    /// First sampled frame.
    pub start_frame: u64,
    /// Last sampled frame.
    pub end_frame: u64,
    /// The most extreme value in the span.
    pub value: f64,
    /// What it was compared with.
    pub threshold: f64,
    /// Unit of both.
    pub unit: String,
    /// When the value was reached, what was measured and how.
    pub detail: String,
}

/// A frame worth a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// Number of the frame in presentation order, from 0.
    pub frame: u64,
    /// Presentation timestamp.
    pub pts: i64,
    /// Seconds from the first displayed frame.
    pub time_s: f64,
    /// What it was chosen for (`best_confidence`, `most_people`, `deepest_knee_bend`, `fastest_movement`, `highest_arm`,
    /// `appearance`).
    pub kinds: Vec<String>,
    /// The same in words.
    pub reason: String,
    /// Everyone in the frame, as in `frames`.
    pub people: Vec<Person>,
}
