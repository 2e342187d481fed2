//! From a network's output `[C, A]`, a column per anchor, to detections in input pixels.
//!
//! Rows 0 to 3 are a box (centre x, centre y, width, height). A pose output has one score row and then x, y and visibility
//! of each keypoint; a detector's output has a score row for each class.

use crate::nms::{Candidate, suppress};

/// Rows of a box.
const BOX_ROWS: usize = 4;
/// Rows of a keypoint.
const KEYPOINT_ROWS: usize = 3;

/// How exactly people place each of COCO's 17 keypoints, in shares of a person's size: the constants σ of its object keypoint
/// similarity, as pycocotools has them.
pub const COCO_SIGMAS: [f64; 17] = [
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089,
    0.089,
];

/// A person with its keypoints, in input pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct PoseDetection {
    /// Confidence, 0 to 1.
    pub score: f32,
    /// Left, top, width, height.
    pub bbox: [f32; 4],
    /// x, y and visibility (0 to 1) of each keypoint, in the order of the network's training set.
    pub keypoints: Vec<[f32; 3]>,
}

/// An object of one class, in input pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxDetection {
    /// Index of the class in the network's training set.
    pub class: usize,
    /// Confidence, 0 to 1.
    pub score: f32,
    /// Left, top, width, height.
    pub bbox: [f32; 4],
}

/// The poses of one picture: anchors whose score is over `threshold`, after suppression of overlaps over `iou`, by falling
/// score (of equal scores the earlier anchor first).
///
/// # Panics
/// When `output` is not `channels × anchors` long, or `channels` is not 5 + 3 × keypoints.
pub fn decode_poses(output: &[f32], channels: usize, anchors: usize, threshold: f32, iou: f32) -> Vec<PoseDetection> {
    assert!(channels > BOX_ROWS && (channels - BOX_ROWS - 1).is_multiple_of(KEYPOINT_ROWS), "{channels} channels");
    let columns = Columns::new(output, channels, anchors);
    let mut found = Vec::new();
    let mut candidates = Vec::new();
    for anchor in 0..anchors {
        let score = columns.at(BOX_ROWS, anchor);
        if score > threshold {
            found.push(anchor);
            candidates.push(Candidate { bbox: columns.bbox(anchor), score, class: 0 });
        }
    }
    let mut detections = Vec::new();
    for index in suppress(&candidates, iou) {
        let anchor = found[index];
        let keypoints = (BOX_ROWS + 1..channels)
            .step_by(KEYPOINT_ROWS)
            .map(|row| [0, 1, 2].map(|part| columns.at(row + part, anchor)))
            .collect();
        detections.push(PoseDetection { score: candidates[index].score, bbox: candidates[index].bbox, keypoints });
    }
    detections
}

/// The objects of one picture: each anchor's best class (of equal scores the lower class) where its score is over
/// `threshold`, after class-wise suppression of overlaps over `iou`, by falling score (of equal scores the earlier anchor first).
///
/// # Panics
/// When `output` is not `channels × anchors` long, or has no class rows.
pub fn decode_boxes(output: &[f32], channels: usize, anchors: usize, threshold: f32, iou: f32) -> Vec<BoxDetection> {
    assert!(channels > BOX_ROWS, "{channels} channels");
    let columns = Columns::new(output, channels, anchors);
    let mut candidates = Vec::new();
    for anchor in 0..anchors {
        let mut best = Candidate { bbox: [0.0; 4], score: threshold, class: usize::MAX };
        for class in 0..channels - BOX_ROWS {
            let score = columns.at(BOX_ROWS + class, anchor);
            if score > best.score {
                best.score = score;
                best.class = class;
            }
        }
        if best.class != usize::MAX {
            best.bbox = columns.bbox(anchor);
            candidates.push(best);
        }
    }
    let mut detections = Vec::new();
    for index in suppress(&candidates, iou) {
        let Candidate { bbox, score, class } = candidates[index];
        detections.push(BoxDetection { class, score, bbox });
    }
    detections
}

/// An output `[C, A]`, read by column.
struct Columns<'a> {
    output: &'a [f32],
    anchors: usize,
}

impl<'a> Columns<'a> {
    fn new(output: &'a [f32], channels: usize, anchors: usize) -> Self {
        assert_eq!(output.len(), channels * anchors, "an output of {channels} channels and {anchors} anchors");
        Columns { output, anchors }
    }

    fn at(&self, row: usize, anchor: usize) -> f32 {
        self.output[row * self.anchors + anchor]
    }

    /// Left, top, width, height.
    fn bbox(&self, anchor: usize) -> [f32; 4] {
        let [x, y, w, h] = [0, 1, 2, 3].map(|row| self.at(row, anchor));
        [x - w / 2.0, y - h / 2.0, w, h]
    }
}
