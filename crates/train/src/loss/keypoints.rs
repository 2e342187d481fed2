//! Keypoints: how near they are by COCO's measure, and whether they are in the picture.

use candle_core::{Result, Tensor};
use framefan_models::COCO_SIGMAS;

use super::Positives;
use super::anchors::Anchors;
use crate::data::Person;
use crate::network::KEYPOINTS;

/// Weight of a keypoint's distance, in units of its own exactness, beside its dissimilarity.
const DISTANCE_GAIN: f64 = 0.5;

/// People who cover fewer pixels are taken for this large: of small ones nobody can tell the keypoints that exactly.
const SMALLEST: f32 = 32.0 * 32.0;

/// Share of its box that a person covers, about.
const COVERED: f32 = 0.53;

/// What raw values are compared with: for each keypoint the raw x and y that would be decoded to its place, the factor from the
/// squared distance of raw values to the exponent of the similarity, and whether it is in the picture.
fn aims<'a>(
    person: &'a Person,
    anchor: usize,
    anchors: &Anchors,
) -> impl Iterator<Item = ([f32; 2], f32, bool)> + use<'a> {
    let ([x, y], stride) = (anchors.centres[anchor], anchors.strides[anchor]);
    let [left, top, right, bottom] = person.bbox;
    let area = ((right - left) * (bottom - top) * COVERED).max(SMALLEST);
    person.keypoints.iter().zip(COCO_SIGMAS).map(move |(keypoint, sigma)| {
        let raw = [((keypoint[0] - x) / stride + 0.5) / 2.0, ((keypoint[1] - y) / stride + 0.5) / 2.0];
        let factor = (2.0 * stride).powi(2) / (2.0 * (2.0 * sigma as f32).powi(2) * area);
        (raw, factor, keypoint[2] > 0.0)
    })
}

/// Object keypoint similarity of an anchor's 51 raw values to a person, 1 for a person without keypoints in the picture.
pub fn similarity(raw: &[f32], person: &Person, anchor: usize, anchors: &Anchors) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (([x, y], factor, inside), raw) in aims(person, anchor, anchors).zip(raw.chunks_exact(3)) {
        if inside {
            sum += (-((raw[0] - x).powi(2) + (raw[1] - y).powi(2)) * factor).exp();
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { 1.0 }
}

/// Of raw values `[P, 51]`: the loss of places and that of visibilities.
pub fn losses(raw: &Tensor, positives: &Positives, anchors: &Anchors) -> Result<[Tensor; 2]> {
    let device = raw.device();
    let count = positives.rows.len();
    let raw = raw.reshape((count, KEYPOINTS, 3))?;
    let [mut truth, mut factors, mut weights, mut seen] = [const { Vec::<f32>::new() }; 4];
    for (person, anchor) in positives.people.iter().zip(&positives.anchors) {
        let within = person.keypoints.iter().filter(|k| k[2] > 0.0).count().max(1);
        for (raw, factor, inside) in aims(person, *anchor, anchors) {
            let inside = if inside { 1.0 } else { 0.0 };
            truth.extend(raw);
            factors.push(factor);
            weights.push(inside / within as f32);
            seen.push(inside);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_is_that_of_hand_calculation() {
        let anchors = Anchors::new(128, 128);
        // The cell of stride 8 whose centre is (36, 44).
        let anchor = anchors.centres.iter().position(|centre| *centre == [36.0, 44.0]).unwrap();
        let mut keypoints = [[0.0; 3]; 17];
        (keypoints[0], keypoints[15]) = ([40.0, 30.0, 2.0], [30.0, 90.0, 1.0]);
        let person = Person { bbox: [10.0, 20.0, 60.0, 100.0], keypoints, area: 1.0 };
        // Decoded as (raw · 2 − 0.5) · stride + centre: the nose exactly, an ankle 5 pixels too far right.
        let mut raw = [9.0; 51];
        let encoded = |at: f32, centre: f32| ((at - centre) / 8.0 + 0.5) / 2.0;
        (raw[0], raw[1]) = (encoded(40.0, 36.0), encoded(30.0, 44.0));
        (raw[45], raw[46]) = (encoded(35.0, 36.0), encoded(90.0, 44.0));
        // Area 0.53 · 50 · 80 = 2120; the ankle's sigma is 0.089.
        let ankle = (-25.0 / (2.0 * (2.0 * 0.089f32).powi(2) * 2120.0)).exp();
        let found = similarity(&raw, &person, anchor, &anchors);
        assert!((found - (1.0 + ankle) / 2.0).abs() < 1e-5, "{found}, ankle {ankle}");
        let nobody = Person { keypoints: [[0.0; 3]; 17], ..person };
        assert_eq!(similarity(&raw, &nobody, anchor, &anchors), 1.0);
    }
}
