//! Pooling and upsampling.

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

/// Max pooling over 3 × 3 with stride 2; nothing outside the map counts.
pub(crate) fn max_pool_3_half(pool: &Arc<PlanePool>, x: &Map) -> Map {
    let [height, width] = [x.height, x.width].map(|side| (side - 1) / 2 + 1);
    pooled(
        pool,
        x,
        [height, width],
        |place, side| (2 * place).saturating_sub(1)..(2 * place + 2).min(side),
        |best, value| {
            if value > best { value } else { best }
        },
        f32::NEG_INFINITY,
        1.0,
    )
}

/// Means of 2 × 2 pixels; an odd last row or column is left out.
pub(crate) fn mean_pool_2(pool: &Arc<PlanePool>, x: &Map) -> Map {
    pooled(
        pool,
        x,
        [x.height / 2, x.width / 2],
        |place, _| 2 * place..2 * place + 2,
        |sum, value| sum + value,
        0.0,
        0.25,
    )
}

/// Each output pixel is the fold of the input pixels in its window (rows and columns as `window` says for a place and a side),
/// times `scale`.
fn pooled(
    pool: &Arc<PlanePool>,
    x: &Map,
    [height, width]: [usize; 2],
    window: impl Fn(usize, usize) -> std::ops::Range<usize> + Sync,
    fold: impl Fn(f32, f32) -> f32 + Sync,
    start: f32,
    scale: f32,
) -> Map {
    assert_eq!(x.lanes, LANES);
    Map::from_planes(pool, [x.channels, height, width], |block, plane| {
        let from = &x.planes[block];
        for y in 0..height {
            for at in 0..width {
                let mut lanes = [start; LANES];
                for row in window(y, x.height) {
                    let first = from.row(row).start;
                    for column in window(at, x.width) {
                        let pixel = &from.data()[first + column * LANES..][..LANES];
                        for (lane, value) in lanes.iter_mut().zip(pixel) {
                            *lane = fold(*lane, *value);
                        }
                    }
                }
                let place = plane.row(y).start + at * LANES;
                plane.data_mut()[place..place + LANES].copy_from_slice(&lanes.map(|lane| lane * scale));
            }
        }
    })
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
