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

pub use anchors::Anchors;
pub use assign::overlap;
use assign::{Assignment, assign};

use crate::data::Person;
use crate::network::{BINS, Output};

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

/// The loss of an output for pictures that show these people.
pub fn loss(output: &Output, people: &[Vec<Person>], anchors: &Anchors) -> Result<Loss> {
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

    let mut targets = vec![0f32; batch * count];
    let mut positives = Positives { rows: Vec::new(), anchors: Vec::new(), people: Vec::new(), weights: Vec::new() };
    for (index, (assigned, people)) in assignments.iter().zip(people).enumerate() {
        for assignment in assigned {
            let row = index * count + assignment.anchor;
            targets[row] = assignment.weight;
            positives.rows.push(row as u32);
            positives.anchors.push(assignment.anchor);
            positives.people.push(&people[assignment.person]);
            positives.weights.push(assignment.weight);
        }
    }
    // As in the reference, sums are divided by the sum of the targets.
    let total_weight = f64::from(targets.iter().sum::<f32>()).max(1.0);
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
