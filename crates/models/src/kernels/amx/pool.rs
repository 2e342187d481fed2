//! Pooling and upsampling in bf16.

use std::sync::Arc;

use rayon::prelude::*;

use super::map::{Bf16Map, Part, numbers, numbers_mut, place, take};
use crate::kernels::map::{Plane, PlanePool};

/// How far a pooling window reaches from its centre.
const REACH: usize = 2;

/// Max pooling over 5 × 5 with stride 1; the size stays, nothing outside the map counts.
pub(crate) fn max_pool_5(pool: &Arc<PlanePool>, x: &Bf16Map) -> Bf16Map {
    each_part(pool, x, [x.height, x.width], |lanes, from, to| {
        let (width, line) = (x.width, x.width * lanes);
        // A window's maximum is the maximum of its rows' maxima, and those of ordered numbers are found in vectors.
        let mut across = vec![0i16; x.height * line];
        let mut row = vec![0i16; line];
        for (y, maxima) in across.chunks_exact_mut(line).enumerate() {
            let numbers = &from[place(width, lanes, y, 0)..][..line];
            row.iter_mut().zip(numbers).for_each(|(ordered, number)| *ordered = in_order(*number));
            maxima.copy_from_slice(&row);
            for shift in (1..=REACH.min(width - 1)).map(|pixels| pixels * lanes) {
                highest(&mut maxima[shift..], &row[..line - shift]);
                highest(&mut maxima[..line - shift], &row[shift..]);
            }
        }
        for y in 0..x.height {
            let near = y.saturating_sub(REACH)..x.height.min(y + REACH + 1);
            row.copy_from_slice(&across[y * line..][..line]);
            near.for_each(|y| highest(&mut row, &across[y * line..][..line]));
            let numbers = &mut to[place(width, lanes, y, 0)..][..line];
            numbers.iter_mut().zip(&row).for_each(|(number, ordered)| *number = in_order(*ordered as u16) as u16);
        }
    })
}

/// A bf16 number as an integer of the same order, and back.
fn in_order(number: u16) -> i16 {
    let number = number as i16;
    number ^ ((number >> 15) & i16::MAX)
}

fn highest(best: &mut [i16], values: &[i16]) {
    best.iter_mut().zip(values).for_each(|(best, value)| *best = (*best).max(*value));
}

/// Doubles height and width by repeating pixels.
pub(crate) fn upsample_2(pool: &Arc<PlanePool>, x: &Bf16Map) -> Bf16Map {
    let width = 2 * x.width;
    each_part(pool, x, [2 * x.height, width], |lanes, from, to| {
        for y in 0..x.height {
            let row = &from[place(x.width, lanes, y, 0)..][..x.width * lanes];
            let upper = place(width, lanes, 2 * y, 0);
            let pairs = to[upper..][..width * lanes].chunks_exact_mut(2 * lanes);
            for (pixel, pair) in row.chunks_exact(lanes).zip(pairs) {
                pair[..lanes].copy_from_slice(pixel);
                pair[lanes..].copy_from_slice(pixel);
            }
            to.copy_within(upper..upper + width * lanes, place(width, lanes, 2 * y + 1, 0));
        }
    })
}

/// A map of another size: `make` is given the numbers of a pixel, a part's plane and the new plane.
fn each_part(
    pool: &Arc<PlanePool>,
    x: &Bf16Map,
    [height, width]: [usize; 2],
    make: impl Fn(usize, &[u16], &mut [u16]) + Sync,
) -> Bf16Map {
    let one = |part: &Part| {
        let lanes = part.layout.lanes;
        let mut plane: Plane = take(pool, [height, width], lanes);
        make(lanes, numbers(part.plane()), numbers_mut(&mut plane));
        Part::new(plane, part.layout)
    };
    Bf16Map { channels: x.channels, height, width, parts: x.parts.par_iter().map(one).collect() }
}
