//! Keypoints: how near they are by COCO's measure, and whether they are in the picture.

use candle_core::{Result, Tensor};
use framefan_models::COCO_SIGMAS;

use super::Positives;
use super::anchors::Anchors;
use crate::network::KEYPOINTS;

/// Weight of a keypoint's distance, in units of its own exactness, beside its dissimilarity.
const DISTANCE_GAIN: f64 = 0.5;

/// People who cover fewer pixels are taken for this large: of small ones nobody can tell the keypoints that exactly.
const SMALLEST: f32 = 32.0 * 32.0;

/// Share of its box that a person covers, about.
const COVERED: f32 = 0.53;

/// Of raw values `[P, 51]`: the loss of places and that of visibilities.
pub fn losses(raw: &Tensor, positives: &Positives, anchors: &Anchors) -> Result<[Tensor; 2]> {
    let device = raw.device();
    let count = positives.rows.len();
    let raw = raw.reshape((count, KEYPOINTS, 3))?;
    let [mut truth, mut factors, mut weights, mut seen] = [const { Vec::<f32>::new() }; 4];
    for (person, anchor) in positives.people.iter().zip(&positives.anchors) {
        let ([x, y], stride) = (anchors.centres[*anchor], anchors.strides[*anchor]);
        let [left, top, right, bottom] = person.bbox;
        let area = ((right - left) * (bottom - top) * COVERED).max(SMALLEST);
        let inside = person.keypoints.iter().filter(|k| k[2] > 0.0).count().max(1);
        for (keypoint, sigma) in person.keypoints.iter().zip(COCO_SIGMAS) {
            // The raw value that would be decoded to the place.
            truth.push(((keypoint[0] - x) / stride + 0.5) / 2.0);
            truth.push(((keypoint[1] - y) / stride + 0.5) / 2.0);
            // Squared distance of raw values → exponent of the similarity.
            factors.push((2.0 * stride).powi(2) / (2.0 * (2.0 * sigma as f32).powi(2) * area));
            let within = if keypoint[2] > 0.0 { 1.0 } else { 0.0 };
            weights.push(within / inside as f32);
            seen.push(within);
        }
    }
    let rows = (count, KEYPOINTS);
    let truth = Tensor::from_vec(truth, (count, KEYPOINTS, 2), device)?;
    let factors = Tensor::from_vec(factors, rows, device)?;
    let weights = Tensor::from_vec(weights, rows, device)?;
    let seen = Tensor::from_vec(seen, rows, device)?;

    let apart = (raw.narrow(2, 0, 2)? - truth)?.sqr()?.sum(2)?;
    let exponents = (apart * factors)?;
    // Similarity alone hardly changes far from the truth, so there the distance itself leads.
    let dissimilarity = (1.0 - exponents.neg()?.exp()?)?;
    let distance = ((exponents + 1e-6)?.sqrt()? * DISTANCE_GAIN)?;
    let wrong = (dissimilarity + distance)?;
    let places = ((wrong * weights)?.sum_all()? / count as f64)?;
    let visibilities = super::cross_entropy(&raw.narrow(2, 2, 1)?.squeeze(2)?.contiguous()?, &seen)?.mean_all()?;
    Ok([places, visibilities])
}
