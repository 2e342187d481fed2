//! Feature maps for the kernels: channels in blocks of 16, each block a plane of its own with a border of zeros.
//!
//! A pixel's 16 channels lie side by side, so one vector holds them. The border is as wide as a 3 × 3 filter reaches, which
//! spares the kernels all questions about edges. Planes are shared: to cut a map or to join maps is to copy references.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::simd::LANES;

/// Zero pixels around a plane.
pub(crate) const BORDER: usize = 1;

/// Sixteen floats on a cache line of their own.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub [f32; LANES]);

/// Height, width, and channels side by side at each pixel.
type Shape = [usize; 3];

/// One plane of a map, `[height + 2, width + 2, lanes]`.
pub(crate) struct Plane {
    lines: Vec<Line>,
    shape: Shape,
    home: Arc<PlanePool>,
}

impl Plane {
    /// All floats, border included, and a few after them.
    pub fn data(&self) -> &[f32] {
        // SAFETY: a `Line` is LANES floats without padding.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * LANES) }
    }

    /// The same, to write. The border must stay zero.
    pub fn data_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `data`.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * LANES) }
    }

    /// Where the pixels of row `y` lie in the data, border not counted.
    pub fn row(&self, y: usize) -> Range<usize> {
        let [_, width, lanes] = self.shape;
        let first = ((y + BORDER) * (width + 2 * BORDER) + BORDER) * lanes;
        first..first + width * lanes
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        self.home.free().entry(self.shape).or_default().push(lines);
    }
}

/// Planes that are not in use, by shape. Their borders are zero.
#[derive(Default)]
pub(crate) struct PlanePool {
    free: Mutex<BTreeMap<Shape, Vec<Vec<Line>>>>,
    room: usize,
}

impl PlanePool {
    /// Of planes that have so many more lines of 64 bytes after their end, which hold zeros.
    #[cfg(target_arch = "x86_64")]
    pub fn with_room(lines: usize) -> PlanePool {
        PlanePool { free: Mutex::default(), room: lines }
    }

    fn free(&self) -> MutexGuard<'_, BTreeMap<Shape, Vec<Vec<Line>>>> {
        // Every change is one push or pop, so a panic elsewhere leaves nothing half done.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A plane whose border is zero and whose other pixels hold anything.
    pub fn take(self: &Arc<Self>, shape: Shape) -> Plane {
        let used = self.free().get_mut(&shape).and_then(Vec::pop);
        let [height, width, lanes] = shape;
        let floats = (height + 2 * BORDER) * (width + 2 * BORDER) * lanes;
        let lines = used.unwrap_or_else(|| vec![Line([0.0; LANES]); floats.div_ceil(LANES) + self.room]);
        Plane { lines, shape, home: self.clone() }
    }
}

/// A feature map of one picture.
#[derive(Clone)]
pub(crate) struct Map {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// Channels side by side at each pixel: [`LANES`], or 1 for a picture of fewer channels.
    pub lanes: usize,
    /// Blocks of [`LANES`] channels; what the last one has beyond `channels` is not used. A picture has one plane with its
    /// channels, each with its border, one below the other.
    pub planes: Vec<Arc<Plane>>,
}

impl Map {
    /// Takes a picture `[channels, height, width]` in. One with fewer channels than a block stays as it is.
    pub fn from_planar(pool: &Arc<PlanePool>, values: &[f32], [channels, height, width]: Shape) -> Map {
        assert_eq!(values.len(), channels * height * width);
        if channels >= LANES {
            return Map::interleaved(pool, values, [channels, height, width]);
        }
        // The lower border of a channel and the upper one of the next are rows of the plane, whatever they held before.
        let mut plane = pool.take([channels * (height + 2 * BORDER), width, 1]);
        for (channel, values) in values.chunks_exact(height * width).enumerate() {
            let first = channel * (height + 2 * BORDER);
            for (y, from) in values.chunks_exact(width).enumerate() {
                let row = plane.row(first + y);
                plane.data_mut()[row].copy_from_slice(from);
            }
            for y in height..height + 2 * BORDER {
                let row = plane.row(first + y);
                plane.data_mut()[row].fill(0.0);
            }
        }
        Map { channels, height, width, lanes: 1, planes: vec![Arc::new(plane)] }
    }

    /// A map of blocks with the values `[channels, height, width]`.
    fn interleaved(pool: &Arc<PlanePool>, values: &[f32], [channels, height, width]: Shape) -> Map {
        Map::from_planes(pool, [channels, height, width], |block, plane| {
            let first = block * LANES;
            for y in 0..height {
                let row = plane.row(y);
                let pixels = plane.data_mut()[row].chunks_exact_mut(LANES);
                for (x, pixel) in pixels.enumerate() {
                    for (lane, value) in pixel.iter_mut().enumerate().take(channels - first) {
                        *value = values[((first + lane) * height + y) * width + x];
                    }
                }
            }
        })
    }

    /// A map of blocks made plane by plane: `fill` is given a plane's number and the new plane.
    pub fn from_planes(
        pool: &Arc<PlanePool>,
        [channels, height, width]: Shape,
        fill: impl Fn(usize, &mut Plane) + Sync,
    ) -> Map {
        let make = |block| {
            let mut plane = pool.take([height, width, LANES]);
            fill(block, &mut plane);
            Arc::new(plane)
        };
        let planes = (0..channels.div_ceil(LANES)).into_par_iter().map(make).collect();
        Map { channels, height, width, lanes: LANES, planes }
    }

    /// Joins maps of one size; all but the last have whole blocks.
    pub fn concat(maps: &[Map]) -> Map {
        let mut joined = maps[0].clone();
        for map in &maps[1..] {
            assert!(joined.channels.is_multiple_of(LANES), "{} channels are no whole blocks", joined.channels);
            assert_eq!([joined.height, joined.width, joined.lanes], [map.height, map.width, map.lanes]);
            joined.channels += map.channels;
            joined.planes.extend_from_slice(&map.planes);
        }
        joined
    }

    /// Joins maps of one size with any numbers of channels, by copying where a block is not whole.
    pub fn concat_any(pool: &Arc<PlanePool>, maps: &[Map]) -> Map {
        let (_, inner) = maps.split_last().expect("there is something to join");
        if inner.iter().all(|map| map.channels.is_multiple_of(LANES)) {
            return Map::concat(maps);
        }
        let (height, width) = (maps[0].height, maps[0].width);
        assert!(maps.iter().all(|map| [map.height, map.width, map.lanes] == [height, width, LANES]));
        // For each channel of the result, the plane and lane that it comes from.
        let sources: Vec<(&Arc<Plane>, usize)> = (maps.iter())
            .flat_map(|map| (0..map.channels).map(|channel| (&map.planes[channel / LANES], channel % LANES)))
            .collect();
        Map::from_planes(pool, [sources.len(), height, width], |block, plane| {
            let lanes = &sources[block * LANES..sources.len().min((block + 1) * LANES)];
            for y in 0..height {
                let row = plane.row(y);
                let output = &mut plane.data_mut()[row.clone()];
                output.fill(0.0);
                for (lane, (source, from)) in lanes.iter().enumerate() {
                    let values = source.data()[row.clone()].iter().skip(*from).step_by(LANES);
                    for (value, output) in values.zip(output.iter_mut().skip(lane).step_by(LANES)) {
                        *output = *value;
                    }
                }
            }
        })
    }

    /// Cuts a map in two halves of whole blocks.
    pub fn halve(&self) -> [Map; 2] {
        let half = self.channels / 2;
        assert!(half.is_multiple_of(LANES), "{half} channels are no whole blocks");
        let part = |planes: &[Arc<Plane>]| Map { channels: half, planes: planes.to_vec(), ..*self };
        [part(&self.planes[..half / LANES]), part(&self.planes[half / LANES..])]
    }
}
