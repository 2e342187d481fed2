//! Feature maps in bf16: channels in planes of 32, 16 or, for pictures, 4 numbers a pixel, with a border of zeros.

use std::sync::Arc;

use rayon::prelude::*;

use super::finish::interleave;
use crate::kernels::map::{BORDER, Plane, PlanePool};

/// Lines of 64 bytes after each plane's end: a tile reads 16 pixels at a distance of two, 64 bytes of each, also where a row ends
/// before.
const ROOM: usize = 48;

/// bf16 numbers where the planes' pool counts floats.
const PER_FLOAT: usize = 2;

/// Numbers of a pixel in the planes of a map: 32 as long as there are so many, 16 for the rest. Maps of up to 32 channels have
/// planes of 16, so that their halves are whole.
pub(super) fn lanes_of(channels: usize) -> Vec<usize> {
    if channels <= 32 {
        return vec![16; channels.div_ceil(16)];
    }
    let (whole, rest) = (channels / 32, channels % 32);
    let mut lanes = vec![32; whole];
    match rest {
        0 => {}
        1..=16 => lanes.push(16),
        _ => lanes.push(32),
    }
    lanes
}

/// Some channels of a map: part of a plane.
#[derive(Clone)]
pub(crate) struct Part {
    plane: Arc<Plane>,
    /// How it lies in its plane.
    pub layout: PartLayout,
}

/// How channels lie in a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartLayout {
    /// Numbers of a pixel in the plane: 4, 16 or 32.
    pub lanes: usize,
    /// The first of them that is of this part.
    pub first: usize,
    /// How many are.
    pub channels: usize,
}

/// A feature map of one picture.
#[derive(Clone)]
pub(crate) struct Bf16Map {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub parts: Vec<Part>,
}

/// Rows of a picture that are worth a task of their own.
const ROWS_AT_ONCE: usize = 32;

/// A pool of planes that tiles may read beyond the end of.
pub(crate) fn plane_pool() -> Arc<PlanePool> {
    Arc::new(PlanePool::with_room(ROOM))
}

/// A new plane of so many numbers a pixel.
pub(super) fn take(pool: &Arc<PlanePool>, [height, width]: [usize; 2], lanes: usize) -> Plane {
    pool.take([height, width, lanes / PER_FLOAT])
}

/// A plane's numbers, border and room included.
pub(super) fn numbers(plane: &Plane) -> &[u16] {
    let data = plane.data();
    // SAFETY: a float is two numbers of 16 bits, and any bits are one.
    unsafe { std::slice::from_raw_parts(data.as_ptr().cast(), data.len() * PER_FLOAT) }
}

/// The same, to write. The border must stay zero.
pub(super) fn numbers_mut(plane: &mut Plane) -> &mut [u16] {
    let data = plane.data_mut();
    // SAFETY: as in `numbers`; a float may have any bits.
    unsafe { std::slice::from_raw_parts_mut(data.as_mut_ptr().cast(), data.len() * PER_FLOAT) }
}

/// The number in a plane of a pixel's first lane.
pub(super) fn place(width: usize, lanes: usize, y: usize, x: usize) -> usize {
    ((y + BORDER) * (width + 2 * BORDER) + x + BORDER) * lanes
}

/// The nearest bf16, ties to even, of a number that is not NaN.
pub(super) fn to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

/// The same number in `f32`.
#[cfg(test)]
pub(super) fn to_f32(number: u16) -> f32 {
    f32::from_bits(u32::from(number) << 16)
}

impl Part {
    /// A plane that is filled.
    pub fn new(plane: Plane, layout: PartLayout) -> Part {
        Part { plane: Arc::new(plane), layout }
    }

    /// The first of its channels at the top left pixel, border included.
    pub fn data(&self) -> *const u16 {
        numbers(&self.plane)[self.layout.first..].as_ptr()
    }

    /// The plane that it is of.
    pub fn plane(&self) -> &Plane {
        &self.plane
    }
}

impl Bf16Map {
    /// A map of planes that are filled already, with the layout of [`lanes_of`].
    pub fn from_planes([channels, height, width]: [usize; 3], planes: Vec<Plane>) -> Bf16Map {
        let lanes = lanes_of(channels);
        assert_eq!(planes.len(), lanes.len());
        let mut left = channels;
        let parts = planes.into_iter().zip(lanes).map(|(plane, lanes)| {
            let here = left.min(lanes);
            left -= here;
            Part::new(plane, PartLayout { lanes, first: 0, channels: here })
        });
        Bf16Map { channels, height, width, parts: parts.collect() }
    }

    /// Takes a picture `[channels, height, width]` of up to 16 channels in.
    pub fn from_planar(pool: &Arc<PlanePool>, values: &[f32], [channels, height, width]: [usize; 3]) -> Bf16Map {
        assert_eq!(values.len(), channels * height * width);
        assert!((1..=16).contains(&channels), "{channels} channels are no picture");
        let lanes = if channels <= 4 { 4 } else { 16 };
        let mut plane = take(pool, [height, width], lanes);
        let pitch = (width + 2 * BORDER) * lanes;
        let rows = &mut numbers_mut(&mut plane)[BORDER * pitch..][..height * pitch];
        rows.par_chunks_exact_mut(pitch).with_min_len(ROWS_AT_ONCE).enumerate().for_each(|(y, row)| {
            let row = &mut row[BORDER * lanes..][..width * lanes];
            let channels = values.chunks_exact(height * width).map(|channel| &channel[y * width..][..width]);
            if lanes == 4 {
                let mut rows = [None; 4];
                rows.iter_mut().zip(channels).for_each(|(row, channel)| *row = Some(channel));
                // SAFETY: whoever makes maps has asked whether there are tiles, and with them the instructions for rows.
                unsafe { interleave(rows, row) }
            } else {
                row.fill(0);
                for (channel, values) in channels.enumerate() {
                    row.chunks_exact_mut(lanes).zip(values).for_each(|(pixel, value)| pixel[channel] = to_bf16(*value));
                }
            }
        });
        let part = Part::new(plane, PartLayout { lanes, first: 0, channels });
        Bf16Map { channels, height, width, parts: vec![part] }
    }

    /// How its channels lie.
    pub fn layout(&self) -> Vec<PartLayout> {
        self.parts.iter().map(|part| part.layout).collect()
    }

    /// Joins maps of one size along the channels; no data moves.
    pub fn concat(maps: &[Bf16Map]) -> Bf16Map {
        let mut joined = maps[0].clone();
        for map in &maps[1..] {
            assert_eq!([joined.height, joined.width], [map.height, map.width]);
            joined.channels += map.channels;
            joined.parts.extend_from_slice(&map.parts);
        }
        joined
    }

    /// Cuts a map into two with half of the channels each, a multiple of 16; no data moves.
    pub fn halve(&self) -> [Bf16Map; 2] {
        let half = self.channels / 2;
        assert!(half.is_multiple_of(16), "{half} channels are no whole blocks");
        let mut halves = [0, 1].map(|_| Bf16Map { channels: half, parts: Vec::new(), ..*self });
        let mut done = 0;
        for part in &self.parts {
            let PartLayout { first, channels, .. } = part.layout;
            let before = half.saturating_sub(done).min(channels);
            for (map, first, channels) in [(0, first, before), (1, first + before, channels - before)] {
                if channels > 0 {
                    let layout = PartLayout { first, channels, ..part.layout };
                    halves[map].parts.push(Part { plane: part.plane.clone(), layout });
                }
            }
            done += channels;
        }
        halves
    }
}
