//! How wrong an output is: YOLOv8's loss (Jocher et al., 2023) with its gains.
//!
//! Scores by binary cross-entropy against how well an anchor is aligned; boxes by their distance-IoU (Zheng et al., 2020)
//! and by the distribution of their sides (Li et al., 2020); keypoints by object keypoint similarity, as COCO scores them, and
//! by their distance.

mod anchors;
mod assign;
mod boxes;
mod keypoints;

use candle_core::{DType, Result, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use anchors::Anchors;
pub use assign::overlap;
use assign::{Assignment, assign};

use crate::data::Person;
use crate::network::{BINS, KEYPOINTS, Output};

/// Gains of the parts.
const BOX_GAIN: f64 = 7.5;
const SCORE_GAIN: f64 = 0.5;
const SIDES_GAIN: f64 = 1.5;
const KEYPOINT_GAIN: f64 = 6.0;
const VISIBILITY_GAIN: f64 = 1.0;

/// The loss and its parts before gains: boxes, scores, sides, keypoints, visibilities.
pub struct Loss {
    /// What is to be made small.
    pub total: Tensor,
    /// Scalars.
    pub parts: [Tensor; 5],
}

/// Positives of a batch: where they are in the flattened output, and what they should say.
struct Positives<'a> {
    /// Row of `[B · A]`.
    rows: Vec<u32>,
    anchors: Vec<usize>,
    people: Vec<&'a Person>,
    weights: Vec<f32>,
}

/// What a score is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scoring {
    /// How well the box is aligned.
    Boxes,
    /// This, and how good the keypoints are, so that the best poses come first (as in YOLO-NAS-Pose, Deci, 2023).
    Poses,
}

/// The loss of an output for pictures that show these people.
pub fn loss(output: &Output, people: &[Vec<Person>], anchors: &Anchors, scoring: Scoring) -> Result<Loss> {
    let device = output.scores.device();
    let (batch, count) = output.scores.dims2()?;
    let distances = boxes::distances(&output.boxes.detach().reshape((batch * count, 4, BINS))?)?;
    let distances = distances.flatten_all()?.to_vec1::<f32>()?;
    let scores = candle_nn::ops::sigmoid(&output.scores.detach())?.flatten_all()?.to_vec1::<f32>()?;
    let assignments: Vec<Vec<Assignment>> = people
        .par_iter()
        .enumerate()
        .map(|(index, people)| {
            let picture = index * count..(index + 1) * count;
            assign(people, anchors, &distances[4 * picture.start..4 * picture.end], &scores[picture])
        })
        .collect();

    let keypoints = match scoring {
        Scoring::Boxes => None,
        Scoring::Poses => Some(output.keypoints.detach().flatten_all()?.to_vec1::<f32>()?),
    };
    let mut targets = vec![0f32; batch * count];
    let mut positives = Positives { rows: Vec::new(), anchors: Vec::new(), people: Vec::new(), weights: Vec::new() };
    for (index, (assigned, people)) in assignments.iter().zip(people).enumerate() {
        for assignment in assigned {
            let row = index * count + assignment.anchor;
            let person = &people[assignment.person];
            // The root: a pose of half the similarity is worth more than half.
            let quality = keypoints.as_ref().map_or(1.0, |raw| {
                keypoints::similarity(&raw[row * 3 * KEYPOINTS..], person, assignment.anchor, anchors).sqrt()
            });
            targets[row] = assignment.weight * quality;
            positives.rows.push(row as u32);
            positives.anchors.push(assignment.anchor);
            positives.people.push(person);
            positives.weights.push(assignment.weight);
        }
    }
    // As in the reference, sums are divided by the sum of the weights.
    let total_weight = f64::from(positives.weights.iter().sum::<f32>()).max(1.0);
    let targets = Tensor::from_vec(targets, (batch, count), device)?;
    let scores = (cross_entropy(&output.scores, &targets)?.sum_all()? / total_weight)?;
    let [boxes, sides, keypoints, visibilities] = if positives.rows.is_empty() {
        let none = Tensor::zeros((), DType::F32, device)?;
        [none.clone(), none.clone(), none.clone(), none]
    } else {
        let rows = Tensor::new(positives.rows.as_slice(), device)?;
        let of = |map: &Tensor| map.flatten_to(1)?.index_select(&rows, 0);
        let [boxes, sides] = boxes::losses(&of(&output.boxes)?, &positives, anchors, total_weight)?;
        let [keypoints, visibilities] = keypoints::losses(&of(&output.keypoints)?, &positives, anchors)?;
        [boxes, sides, keypoints, visibilities]
    };
    let total =
        [(&boxes, BOX_GAIN), (&sides, SIDES_GAIN), (&keypoints, KEYPOINT_GAIN), (&visibilities, VISIBILITY_GAIN)]
            .into_iter()
            .try_fold((&scores * SCORE_GAIN)?, |sum, (part, gain)| sum + (part * gain)?)?;
    Ok(Loss { total, parts: [boxes, scores, sides, keypoints, visibilities] })
}

/// Of each logit, against a target between 0 and 1: max(x, 0) − x t + ln(1 + e^−|x|).
fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let tail = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    (logits.relu()? - (logits * targets)?)? + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean score loss of an output that says a box exactly and its keypoints `apart` pixels from the truth.
    fn score_loss(apart: f32, scoring: Scoring) -> f32 {
        let device = candle_core::Device::Cpu;
        let anchors = Anchors::new(64, 64);
        let keypoints = [[30.0, 40.0, 2.0]; KEYPOINTS];
        let people = vec![vec![Person { bbox: [12.0, 12.0, 52.0, 60.0], keypoints, area: 1000.0 }]];
        let (count, mut boxes, mut places) = (anchors.strides.len(), Vec::new(), Vec::new());
        for ([x, y], stride) in anchors.centres.iter().zip(&anchors.strides) {
            for side in [x - 12.0, y - 12.0, 52.0 - x, 60.0 - y] {
                let bin = (side / stride).clamp(0.0, (BINS - 1) as f32).round() as usize;
                boxes.extend((0..BINS).map(|b| if b == bin { 20.0f32 } else { 0.0 }));
            }
            for _ in 0..KEYPOINTS {
                let raw = |at: f32, centre: f32| ((at - centre) / stride + 0.5) / 2.0;
                places.extend([raw(30.0 + apart, *x), raw(40.0, *y), 5.0]);
            }
        }
        let output = Output {
            boxes: Tensor::from_vec(boxes, (1, count, 4 * BINS), &device).unwrap(),
            scores: Tensor::full(4f32, (1, count), &device).unwrap(),
            keypoints: Tensor::from_vec(places, (1, count, 3 * KEYPOINTS), &device).unwrap(),
        };
        loss(&output, &people, &anchors, scoring).unwrap().parts[1].to_scalar().unwrap()
    }

    #[test]
    fn scores_of_poses_fall_with_their_keypoints() {
        // High scores are right for good poses, and the worse the poses the less.
        let [good, bad, worse] = [0.0, 6.0, 12.0].map(|apart| score_loss(apart, Scoring::Poses));
        assert!(good < bad && bad < worse, "{good} {bad} {worse}");
        let boxes = [0.0, 12.0].map(|apart| score_loss(apart, Scoring::Boxes));
        assert_eq!(boxes[0], boxes[1]);
        assert!((boxes[0] - good).abs() < 1e-4 * good);
    }
}
