//! From the heads' maps to boxes, scores and keypoints in input pixels, for the fused kernels' maps: the same arithmetic
//! as [`head`](super::head), on one picture.

use rayon::prelude::*;

use super::head::STRIDES;
use super::network::{DISTANCE_BINS, HeadMaps};
use crate::kernels::map::Map;
use crate::kernels::simd::{LANES, exp, sigmoid};

// One block of a boxes map is one side of the box.
const _: () = assert!(DISTANCE_BINS == LANES);

/// `[4 + classes + 3 × keypoints, A]`, row-major.
pub(super) fn decode(levels: &[HeadMaps<Map>], distance_bins: &[f32]) -> Vec<f32> {
    let rows = levels.iter().map(level_rows).max().unwrap_or(0);
    let anchors: usize = levels.iter().map(|maps| maps.boxes.height * maps.boxes.width).sum();
    let mut output = vec![0f32; rows * anchors];
    let mut first = 0;
    for (maps, stride) in levels.iter().zip(STRIDES) {
        let (height, width) = (maps.boxes.height, maps.boxes.width);
        let columns = |y: usize| {
            let cells = (0..width).filter(move |x| has_score(&maps.classes, y, *x));
            cells.map(move |x| (y * width + x, decode_cell(maps, distance_bins, stride as f32, [y, x])))
        };
        let found: Vec<(usize, Vec<f32>)> = (0..height).into_par_iter().flat_map_iter(columns).collect();
        for (cell, values) in found {
            for (row, value) in values.into_iter().enumerate() {
                output[row * anchors + first + cell] = value;
            }
        }
        first += height * width;
    }
    output
}

/// Rows of the output that a level fills.
fn level_rows(maps: &HeadMaps<Map>) -> usize {
    4 + maps.classes.channels + maps.keypoints.as_ref().map_or(0, |map| map.channels)
}

/// Whether any class has a score over [`NEGLIGIBLE`](super::NEGLIGIBLE) at a cell.
fn has_score(classes: &Map, y: usize, x: usize) -> bool {
    // The logarithm of NEGLIGIBLE / (1 − NEGLIGIBLE).
    const LOGIT: f32 = -6.906_755;
    (0..classes.planes.len()).any(|block| {
        let logits = pixel(classes, block, y, x);
        logits[..LANES.min(classes.channels - block * LANES)].iter().any(|logit| *logit > LOGIT)
    })
}

/// All values of a cell.
fn decode_cell(maps: &HeadMaps<Map>, bins: &[f32], stride: f32, [y, x]: [usize; 2]) -> Vec<f32> {
    let side = |block: usize| mean_distance(pixel(&maps.boxes, block, y, x), bins);
    let [left, top, right, bottom] = [side(0), side(1), side(2), side(3)];
    let (centre_x, centre_y) = (x as f32 + 0.5, y as f32 + 0.5);
    let bbox = [(right - left) / 2.0 + centre_x, (bottom - top) / 2.0 + centre_y, left + right, top + bottom];
    let mut values = Vec::with_capacity(level_rows(maps));
    values.extend(bbox.map(|value| value * stride));
    let classes = maps.classes.channels;
    for block in 0..maps.classes.planes.len() {
        let scores = sigmoid(pixel(&maps.classes, block, y, x));
        values.extend(scores.into_iter().take(classes - block * LANES));
    }
    let Some(keypoints) = &maps.keypoints else { return values };
    for block in 0..keypoints.planes.len() {
        let raw = pixel(keypoints, block, y, x);
        let visibility = sigmoid(raw);
        for lane in 0..LANES.min(keypoints.channels - block * LANES) {
            values.push(match (block * LANES + lane) % 3 {
                0 => (raw[lane] * 2.0 + x as f32) * stride,
                1 => (raw[lane] * 2.0 + y as f32) * stride,
                _ => visibility[lane],
            });
        }
    }
    values
}

/// The 16 channels of a block at a pixel.
fn pixel(map: &Map, block: usize, y: usize, x: usize) -> [f32; LANES] {
    let plane = &map.planes[block];
    let first = plane.row(y).start + x * LANES;
    let mut lanes = [0f32; LANES];
    lanes.copy_from_slice(&plane.data()[first..first + LANES]);
    lanes
}

/// The mean of a distribution that is given as logits.
fn mean_distance(logits: [f32; LANES], bins: &[f32]) -> f32 {
    let highest = logits.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let weights = exp(logits.map(|logit| logit - highest));
    let (mut sum, mut moment) = (0f32, 0f32);
    for (weight, bin) in weights.into_iter().zip(bins) {
        sum += weight;
        moment += weight * bin;
    }
    moment / sum
}
