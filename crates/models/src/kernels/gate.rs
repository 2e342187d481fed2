//! Channel gates: several maps of one shape, each scaled channel by channel by what a small network makes of its channels'
//! means, added up (Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification", 2019, section 3.2).

use std::sync::Arc;

use rayon::prelude::*;

use super::map::{Map, PlanePool};
use super::simd::{LANES, sigmoid};

/// The small network: two layers, `σ(W₂ · max(0, W₁ · means + b₁) + b₂)`.
pub(crate) struct Gate {
    /// `[hidden, channels]`.
    pub squeeze: Vec<f32>,
    /// `[hidden]`.
    pub squeeze_bias: Vec<f32>,
    /// `[channels, hidden]`.
    pub excite: Vec<f32>,
    /// `[channels]`.
    pub excite_bias: Vec<f32>,
}

impl Gate {
    /// The scale of each channel, filled up with zeros to whole blocks.
    fn scales(&self, means: &[f32]) -> Vec<f32> {
        let channels = self.excite_bias.len();
        let dot = |bias: &f32, row: &[f32], values: &[f32]| {
            row.iter().zip(values).fold(*bias, |sum, (weight, value)| sum + weight * value)
        };
        let hidden: Vec<f32> = (self.squeeze.chunks_exact(channels).zip(&self.squeeze_bias))
            .map(|(row, bias)| dot(bias, row, means).max(0.0))
            .collect();
        let mut scales: Vec<f32> = (self.excite.chunks_exact(hidden.len()).zip(&self.excite_bias))
            .map(|(row, bias)| dot(bias, row, &hidden))
            .collect();
        scales.resize(channels.next_multiple_of(LANES), 0.0);
        for block in scales.chunks_exact_mut(LANES) {
            let mut lanes = [0.0; LANES];
            lanes.copy_from_slice(block);
            block.copy_from_slice(&sigmoid(lanes));
        }
        scales
    }

    /// Σ gate(x) · x over the maps.
    pub fn sum(&self, pool: &Arc<PlanePool>, maps: &[Map]) -> Map {
        let first = &maps[0];
        assert!(maps.iter().all(|map| [map.channels, map.height, map.width, map.lanes]
            == [self.excite_bias.len(), first.height, first.width, LANES]));
        let scales: Vec<Vec<f32>> = maps.iter().map(|map| self.scales(&channel_means(map))).collect();
        Map::from_planes(pool, [first.channels, first.height, first.width], |block, plane| {
            for y in 0..first.height {
                let row = plane.row(y);
                let output = &mut plane.data_mut()[row.clone()];
                for (number, (map, scales)) in maps.iter().zip(&scales).enumerate() {
                    let scales = &scales[block * LANES..][..LANES];
                    let pixels = map.planes[block].data()[row.clone()].chunks_exact(LANES);
                    for (sum, pixel) in output.chunks_exact_mut(LANES).zip(pixels) {
                        for ((sum, value), scale) in sum.iter_mut().zip(pixel).zip(scales) {
                            *sum = if number == 0 { value * scale } else { *sum + value * scale };
                        }
                    }
                }
            }
        })
    }
}

/// The mean of each channel over all pixels.
pub(crate) fn channel_means(map: &Map) -> Vec<f32> {
    assert_eq!(map.lanes, LANES);
    let count = (map.height * map.width) as f32;
    let block_means = |block: usize| {
        let plane = &map.planes[block];
        let mut total = [0f32; LANES];
        for y in 0..map.height {
            // Row by row, so that a large map's sum loses little to rounding.
            let mut row = [0f32; LANES];
            for pixel in plane.data()[plane.row(y)].chunks_exact(LANES) {
                for (sum, value) in row.iter_mut().zip(pixel) {
                    *sum += value;
                }
            }
            for (sum, value) in total.iter_mut().zip(row) {
                *sum += value;
            }
        }
        total.map(|sum| sum / count)
    };
    let mut means: Vec<f32> = (0..map.planes.len()).into_par_iter().flat_map_iter(block_means).collect();
    means.truncate(map.channels);
    means
}
