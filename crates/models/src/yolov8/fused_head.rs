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
        let decoded: Vec<Vec<f32>> =
            (0..height).into_par_iter().map(|y| decode_row(maps, distance_bins, stride as f32, y)).collect();
        for values in decoded {
            for (row, part) in values.chunks_exact(width).enumerate() {
                output[row * anchors + first..][..width].copy_from_slice(part);
            }
            first += width;
        }
    }
    output
}

/// Rows of the output that a level fills.
fn level_rows(maps: &HeadMaps<Map>) -> usize {
    4 + maps.classes.channels + maps.keypoints.as_ref().map_or(0, |map| map.channels)
}

/// One row of cells: `[rows, width]`.
fn decode_row(maps: &HeadMaps<Map>, bins: &[f32], stride: f32, y: usize) -> Vec<f32> {
    let width = maps.boxes.width;
    let mut values = vec![0f32; level_rows(maps) * width];
    for x in (0..width).filter(|x| has_score(&maps.classes, y, *x)) {
        decode_anchor(maps, bins, stride, [y, x], |row, value| values[row * width + x] = value);
    }
    values
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

/// All values of a cell, row by row.
fn decode_anchor(
    maps: &HeadMaps<Map>,
    bins: &[f32],
    stride: f32,
    [y, x]: [usize; 2],
    mut write: impl FnMut(usize, f32),
) {
    let side = |block: usize| mean_distance(pixel(&maps.boxes, block, y, x), bins);
    let [left, top, right, bottom] = [side(0), side(1), side(2), side(3)];
    let (centre_x, centre_y) = (x as f32 + 0.5, y as f32 + 0.5);
    let bbox = [(right - left) / 2.0 + centre_x, (bottom - top) / 2.0 + centre_y, left + right, top + bottom];
    for (row, value) in bbox.into_iter().enumerate() {
        write(row, value * stride);
    }
    let classes = maps.classes.channels;
    for block in 0..maps.classes.planes.len() {
        let scores = sigmoid(pixel(&maps.classes, block, y, x));
        for (lane, score) in scores.into_iter().take(classes - block * LANES).enumerate() {
            write(4 + block * LANES + lane, score);
        }
    }
    let Some(keypoints) = &maps.keypoints else { return };
    for block in 0..keypoints.planes.len() {
        let raw = pixel(keypoints, block, y, x);
        let visibility = sigmoid(raw);
        for lane in 0..LANES.min(keypoints.channels - block * LANES) {
            let channel = block * LANES + lane;
            let value = match channel % 3 {
                0 => (raw[lane] * 2.0 + x as f32) * stride,
                1 => (raw[lane] * 2.0 + y as f32) * stride,
                _ => visibility[lane],
            };
            write(4 + classes + channel, value);
        }
    }
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
