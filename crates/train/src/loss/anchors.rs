//! The cells of the network's levels.

use crate::network::STRIDES;

/// Places and strides of all cells, level by level, row by row.
pub struct Anchors {
    /// Centre of each cell, in input pixels.
    pub centres: Vec<[f32; 2]>,
    /// Input pixels per cell.
    pub strides: Vec<f32>,
}

impl Anchors {
    /// Of an input of this size, sides multiples of the largest stride.
    pub fn new(height: usize, width: usize) -> Anchors {
        let mut anchors = Anchors { centres: Vec::new(), strides: Vec::new() };
        for stride in STRIDES {
            let side = stride as f32;
            for y in 0..height / stride {
                for x in 0..width / stride {
                    anchors.centres.push([(x as f32 + 0.5) * side, (y as f32 + 0.5) * side]);
                    anchors.strides.push(side);
                }
            }
        }
        anchors
    }

    /// Left, top, right, bottom in input pixels, from distances in strides.
    pub fn bbox(&self, anchor: usize, [left, top, right, bottom]: [f32; 4]) -> [f32; 4] {
        let ([x, y], stride) = (self.centres[anchor], self.strides[anchor]);
        [x - left * stride, y - top * stride, x + right * stride, y + bottom * stride]
    }
}
