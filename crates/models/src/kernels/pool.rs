//! Max pooling and upsampling.

use std::sync::Arc;

use super::map::{Map, PlanePool};
use super::simd::LANES;

/// How far a pooling window reaches from its centre.
const REACH: usize = 2;

/// Max pooling over 5 × 5 with stride 1; the size stays, nothing outside the map counts.
pub(crate) fn max_pool_5(pool: &Arc<PlanePool>, x: &Map) -> Map {
    assert_eq!(x.lanes, LANES);
    Map::from_planes(pool, [x.channels, x.height, x.width], |block, plane| {
        let from = &x.planes[block];
        // A window's maximum is the maximum of its rows' maxima.
        let mut across = vec![0f32; x.height * x.width * LANES];
        for (y, maxima) in across.chunks_exact_mut(x.width * LANES).enumerate() {
            let row = &from.data()[from.row(y)];
            window_maxima(x.width, maxima, |at| &row[at * LANES..(at + 1) * LANES]);
        }
        let mut column = vec![0f32; x.height * LANES];
        for at in 0..x.width {
            window_maxima(x.height, &mut column, |y| &across[(y * x.width + at) * LANES..][..LANES]);
            for (y, maxima) in column.chunks_exact(LANES).enumerate() {
                let place = plane.row(y).start + at * LANES;
                plane.data_mut()[place..place + LANES].copy_from_slice(maxima);
            }
        }
    })
}

/// For each of `count` pixels in a line the maximum of those around it.
fn window_maxima<'a>(count: usize, maxima: &mut [f32], pixel: impl Fn(usize) -> &'a [f32]) {
    for (centre, maximum) in maxima.chunks_exact_mut(LANES).enumerate() {
        maximum.copy_from_slice(pixel(centre));
        for near in centre.saturating_sub(REACH)..count.min(centre + REACH + 1) {
            for (best, value) in maximum.iter_mut().zip(pixel(near)) {
                *best = if *value > *best { *value } else { *best };
            }
        }
    }
}

/// Doubles height and width by repeating pixels.
pub(crate) fn upsample_2(pool: &Arc<PlanePool>, x: &Map) -> Map {
    assert_eq!(x.lanes, LANES);
    Map::from_planes(pool, [x.channels, 2 * x.height, 2 * x.width], |block, plane| {
        let from = &x.planes[block];
        for y in 0..x.height {
            let (upper, lower) = (plane.row(2 * y), plane.row(2 * y + 1));
            let data = plane.data_mut();
            for (pixel, pair) in
                from.data()[from.row(y)].chunks_exact(LANES).zip(data[upper.clone()].chunks_exact_mut(2 * LANES))
            {
                pair[..LANES].copy_from_slice(pixel);
                pair[LANES..].copy_from_slice(pixel);
            }
            data.copy_within(upper, lower.start);
        }
    })
}
