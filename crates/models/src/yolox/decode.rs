//! From the heads' maps to boxes and scores in input pixels (`decode_outputs` in the authors' `yolo_head.py`): the centre is
//! the cell's corner plus an offset, width and height are exponentials, all of them in strides; a class's score is the
//! probability that anything is there times that of the class.

use candle_core::{D, DType, Device, Tensor};

use super::network::{HeadMaps, PLACE_ROWS};
use crate::kernels::map::Map;
use crate::kernels::simd::{LANES, exp, sigmoid};

/// Input pixels per cell of each level.
pub(super) const STRIDES: [usize; 3] = [8, 16, 32];

/// Rows of a box.
const BOX_ROWS: usize = PLACE_ROWS - 1;

/// `[B, 4 + classes, A]`, always in `f32`: coordinates of many pixels have no room in half precision.
pub(super) fn tensors(levels: &[HeadMaps<Tensor>], device: &Device) -> candle_core::Result<Tensor> {
    let mut decoded = Vec::with_capacity(levels.len());
    for (maps, stride) in levels.iter().zip(STRIDES) {
        let (batch, _, height, width) = maps.place.dims4()?;
        let x = Tensor::arange(0f32, width as f32, device)?.reshape((1, width))?.broadcast_as((height, width))?;
        let y = Tensor::arange(0f32, height as f32, device)?.reshape((height, 1))?.broadcast_as((height, width))?;
        let corners = Tensor::stack(&[x, y], 0)?.reshape((1, 2, height * width))?;
        let place = maps.place.to_dtype(DType::F32)?.reshape((batch, PLACE_ROWS, height * width))?;
        let centre = (place.narrow(1, 0, 2)?.broadcast_add(&corners)? * stride as f64)?;
        let size = (place.narrow(1, 2, 2)?.exp()? * stride as f64)?;
        let objectness = candle_nn::ops::sigmoid(&place.narrow(1, BOX_ROWS, 1)?.contiguous()?)?;
        let classes = candle_nn::ops::sigmoid(&maps.classes.to_dtype(DType::F32)?.flatten_from(2)?)?;
        decoded.push(Tensor::cat(&[centre, size, classes.broadcast_mul(&objectness)?], 1)?);
    }
    Tensor::cat(&decoded, D::Minus1)
}

/// The same of one picture's maps, row-major.
pub(super) fn maps(levels: &[HeadMaps<Map>]) -> Vec<f32> {
    let rows = BOX_ROWS + levels[0].classes.channels;
    let anchors: usize = levels.iter().map(|maps| maps.place.height * maps.place.width).sum();
    let mut output = vec![0f32; rows * anchors];
    let mut anchor = 0;
    for (maps, stride) in levels.iter().zip(STRIDES) {
        let stride = stride as f32;
        for y in 0..maps.place.height {
            for x in 0..maps.place.width {
                let raw = pixel(&maps.place, 0, y, x);
                let (sizes, chances) = (exp(raw), sigmoid(raw));
                let values = [raw[0] + x as f32, raw[1] + y as f32, sizes[2], sizes[3]];
                for (row, value) in values.into_iter().enumerate() {
                    output[row * anchors + anchor] = value * stride;
                }
                for block in 0..maps.classes.planes.len() {
                    let scores = sigmoid(pixel(&maps.classes, block, y, x));
                    let count = LANES.min(maps.classes.channels - block * LANES);
                    for (lane, score) in scores.into_iter().take(count).enumerate() {
                        output[(BOX_ROWS + block * LANES + lane) * anchors + anchor] = score * chances[BOX_ROWS];
                    }
                }
                anchor += 1;
            }
        }
    }
    output
}

/// The 16 channels of a block at a pixel.
fn pixel(map: &Map, block: usize, y: usize, x: usize) -> [f32; LANES] {
    let plane = &map.planes[block];
    let first = plane.row(y).start + x * LANES;
    let mut lanes = [0f32; LANES];
    lanes.copy_from_slice(&plane.data()[first..first + LANES]);
    lanes
}
