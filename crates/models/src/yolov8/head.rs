//! From the heads' maps to boxes, scores and keypoints in input pixels, in candle's operations.
//!
//! Each side of a box is a distribution over 16 distances (Li et al., "Generalized Focal Loss", 2020); its mean counts.

use candle_core::{D, DType, Device, Tensor};
use framefan_contract::Result;

use super::network::HeadMaps;
use crate::backend::internal;

/// Input pixels per cell of each level.
pub(super) const STRIDES: [usize; 3] = [8, 16, 32];

/// `[B, 4 + classes + 3 × keypoints, A]`, always in `f32`: coordinates of many pixels have no room in half precision.
pub(super) fn decode(levels: &[HeadMaps<Tensor>], distance_bins: &[f32], device: &Device) -> Result<Tensor> {
    decode_levels(levels, distance_bins, device).map_err(internal)
}

fn decode_levels(levels: &[HeadMaps<Tensor>], bins: &[f32], device: &Device) -> candle_core::Result<Tensor> {
    let bins = Tensor::new(bins, device)?.reshape((1, 1, bins.len(), 1))?;
    let mut decoded = Vec::with_capacity(levels.len());
    for (maps, stride) in levels.iter().zip(STRIDES) {
        decoded.push(decode_level(maps, &bins, stride as f64, device)?);
    }
    Tensor::cat(&decoded, D::Minus1)
}

fn decode_level(maps: &HeadMaps<Tensor>, bins: &Tensor, stride: f64, device: &Device) -> candle_core::Result<Tensor> {
    let (batch, _, height, width) = maps.boxes.dims4()?;
    let cells = height * width;
    // Centres of the cells in strides: [1, 2, cells], x and then y.
    let x = Tensor::arange(0f32, width as f32, device)?.reshape((1, width))?.broadcast_as((height, width))?;
    let y = Tensor::arange(0f32, height as f32, device)?.reshape((height, 1))?.broadcast_as((height, width))?;
    let corners = Tensor::stack(&[x, y], 0)?.reshape((1, 2, cells))?;
    let centres = (&corners + 0.5)?;

    let sides = maps.boxes.to_dtype(DType::F32)?.reshape((batch, 4, bins.elem_count(), cells))?;
    let distances = candle_nn::ops::softmax(&sides, 2)?.broadcast_mul(bins)?.sum(2)?; // [B, 4, cells]
    let left_top = distances.narrow(1, 0, 2)?;
    let right_bottom = distances.narrow(1, 2, 2)?;
    let centre = (((&right_bottom - &left_top)? / 2.0)?.broadcast_add(&centres)? * stride)?;
    let size = ((&left_top + &right_bottom)? * stride)?;

    let scores = candle_nn::ops::sigmoid(&maps.classes.to_dtype(DType::F32)?.flatten_from(2)?)?;
    let mut rows = vec![centre, size, scores];
    if let Some(keypoints) = &maps.keypoints {
        let values = keypoints.dim(1)?;
        let points = keypoints.to_dtype(DType::F32)?.reshape((batch, values / 3, 3, cells))?;
        let place = (points.narrow(2, 0, 2)? * 2.0)?.broadcast_add(&corners.unsqueeze(1)?)?;
        let visibility = candle_nn::ops::sigmoid(&points.narrow(2, 2, 1)?.contiguous()?)?;
        rows.push(Tensor::cat(&[(place * stride)?, visibility], 2)?.reshape((batch, values, cells))?);
    }
    Tensor::cat(&rows, 1)
}
