//! 3 × 3 convolutions with stride 1 by Winograd's minimal filtering F(4 × 4, 3 × 3): a quarter of the multiplications.
//!
//! Tiles of 6 × 6 input pixels are transformed (Bᵀ d B), multiplied with transformed filters (G g Gᵀ) point by point, summed
//! over the input channels, and transformed back (Aᵀ m A) to 4 × 4 output pixels. The matrices are those of Lavin and Gray,
//! "Fast Algorithms for Convolutional Neural Networks", 2016, section 4.3. For each of the 36 points the sum over channels
//! is a matrix product, computed by the tiles of 1 × 1 convolutions.
//!
//! A pixel's bits depend on where it lies in its tile, so on its place in the map, and not on how tiles are dealt out.

use std::cell::RefCell;

use rayon::prelude::*;

use super::Isa;
use super::map::{BORDER, Line, Map};
use super::simd::{LANES, Portable, Simd};
use super::tile::{Finish, InputBlock, MAX_GROUP, Tile, group, tiles};
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};

/// Output pixels across and down a tile.
const OUT: usize = 4;
/// Input pixels across and down a tile.
const IN: usize = OUT + 2;
/// Points of a transformed tile.
pub(super) const POINTS: usize = IN * IN;
/// Tiles that a task transforms together, at most. Two buffers of 36 points × 64 channels × 12 tiles fill a quarter of the
/// second-level cache of a current core.
const TILES_PER_TASK: usize = 12;

/// G: from a filter's three taps to six points.
const G: [[f64; 3]; IN] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// G g Gᵀ of a filter of 3 × 3 taps, row by row: 36 points.
pub(super) fn transform_filter(taps: &[f32]) -> [f64; POINTS] {
    let mut half = [[0.0; 3]; IN];
    for (row, g) in half.iter_mut().zip(&G) {
        for (x, value) in row.iter_mut().enumerate() {
            *value = (0..3).map(|y| g[y] * f64::from(taps[y * 3 + x])).sum();
        }
    }
    let mut points = [0.0; POINTS];
    for (point, value) in points.iter_mut().enumerate() {
        let (row, g) = (&half[point / IN], &G[point % IN]);
        *value = (0..3).map(|x| row[x] * g[x]).sum();
    }
    points
}

/// A convolution's shape and transformed weights.
pub(super) struct Filters<'a> {
    pub isa: Isa,
    pub inputs: usize,
    pub finish: Finish,
    /// For each point, by group of output blocks: `[input block][channel][group × LANES]`.
    pub weights: &'a [f32],
    /// `[output blocks × LANES]`.
    pub bias: &'a [f32],
    /// `[output blocks × LANES]`, for [`Finish::PRelu`].
    pub slopes: &'a [f32],
}

/// What all tasks of one run share.
struct Run<'a> {
    filters: &'a Filters<'a>,
    x: &'a Map,
    outputs: &'a [*mut f32],
    plus: &'a [*const f32],
    tiles_across: usize,
}

// SAFETY: tasks only read the input, and each writes output pixels of its own.
unsafe impl Sync for Run<'_> {}

thread_local! {
    /// Transformed inputs and products of the task that this thread works on.
    static SCRATCH: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// Convolves the map `x`, whose lanes are blocks, into planes of the same size. `plus` has null for a block to which nothing
/// is added.
///
/// # Safety
/// The pointers must be those of planes of the input's height and width, one for each block of outputs; nobody else may
/// touch the outputs; the processor must have the instruction set.
pub(super) unsafe fn run(filters: &Filters<'_>, x: &Map, outputs: &[*mut f32], plus: &[*const f32]) {
    let tiles_across = x.width.div_ceil(OUT);
    let tiles = tiles_across * x.height.div_ceil(OUT);
    let threads = rayon::current_num_threads();
    // As many tasks for each thread, of nearly the same size.
    let tasks = threads * tiles.div_ceil(threads * TILES_PER_TASK);
    let tiles_per_task = tiles.div_ceil(tasks);
    let run = Run { filters, x, outputs, plus, tiles_across };
    (0..tiles.div_ceil(tiles_per_task)).into_par_iter().for_each(|task| {
        let first = task * tiles_per_task;
        // SAFETY: every tile is in exactly one task; the rest as for this function.
        unsafe { run.work(first..tiles.min(first + tiles_per_task)) }
    });
}

impl Run<'_> {
    /// Computes some tiles.
    ///
    /// # Safety
    /// No other thread may work on these tiles.
    unsafe fn work(&self, range: std::ops::Range<usize>) {
        let count = range.len();
        let inputs = self.x.planes.len();
        let outputs = self.outputs.len();
        SCRATCH.with_borrow_mut(|scratch| {
            let lines = POINTS * count * (inputs + outputs);
            if scratch.len() < lines {
                scratch.resize(lines, Line([0.0; LANES]));
            }
            let transformed: *mut f32 = scratch.as_mut_ptr().cast();
            // SAFETY: the scratch has room for both; the kernels' instruction set is one that the processor has.
            unsafe {
                let products = transformed.add(POINTS * count * inputs * LANES);
                let job = Job { run: self, range, transformed, products };
                match self.filters.isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(&job),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(&job),
                    _ => portable(&job),
                }
            }
        });
    }
}

/// One task: its tiles and its buffers.
struct Job<'a> {
    run: &'a Run<'a>,
    range: std::ops::Range<usize>,
    /// `[point][input block][tile][LANES]`.
    transformed: *mut f32,
    /// `[point][output block][tile][LANES]`.
    products: *mut f32,
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(job: &Job<'_>) {
    // SAFETY: the function is only reached through `Isa::Avx512`; the rest as for `Job::work`.
    unsafe { job.work::<Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(job: &Job<'_>) {
    // SAFETY: the function is only reached through `Isa::Avx2`; the rest as for `Job::work`.
    unsafe { job.work::<Avx2>() }
}

unsafe fn portable(job: &Job<'_>) {
    // SAFETY: as for `Job::work`.
    unsafe { job.work::<Portable>() }
}

impl Job<'_> {
    /// The three steps.
    ///
    /// # Safety
    /// As for [`Simd`]; the buffers must be as large as they state, and nobody else may touch them or these tiles' pixels.
    #[inline(always)]
    unsafe fn work<S: Simd>(&self) {
        let (inputs, outputs) = (self.run.x.planes.len(), self.run.outputs.len());
        // SAFETY: as for this function.
        unsafe {
            for block in 0..inputs {
                for index in 0..self.range.len() {
                    self.transform::<S>(block, index);
                }
            }
            self.multiply();
            for block in 0..outputs {
                for index in 0..self.range.len() {
                    self.transform_back::<S>(block, index);
                }
            }
        }
    }

    /// The top left output pixel of a tile: row and column.
    fn corner(&self, index: usize) -> [usize; 2] {
        let tile = self.range.start + index;
        [tile / self.run.tiles_across * OUT, tile % self.run.tiles_across * OUT]
    }

    /// Bᵀ d B of 16 channels of a tile.
    ///
    /// # Safety
    /// As for [`Job::work`].
    #[allow(
        clippy::needless_range_loop,
        reason = "constant bounds over several arrays at once, which the compiler unrolls into registers"
    )]
    #[inline(always)]
    unsafe fn transform<S: Simd>(&self, block: usize, index: usize) {
        let map = self.run.x;
        let [top, left] = self.corner(index);
        let row = (map.width + 2 * BORDER) * LANES;
        let data = map.planes[block].data().as_ptr();
        // SAFETY: as for this function; pixels beyond the border are not read.
        unsafe {
            let mut pixels = [[S::splat(0.0); IN]; IN];
            let first = data.add(top * row + left * LANES);
            let (rows, columns) = (map.height + 2 * BORDER - top, map.width + 2 * BORDER - left);
            if rows >= IN && columns >= IN {
                for (y, line) in pixels.iter_mut().enumerate() {
                    for (x, value) in line.iter_mut().enumerate() {
                        *value = S::load(first.add(y * row + x * LANES));
                    }
                }
            } else {
                for (y, line) in pixels.iter_mut().enumerate().take(rows) {
                    for (x, value) in line.iter_mut().enumerate().take(columns) {
                        *value = S::load(first.add(y * row + x * LANES));
                    }
                }
            }
            // Loops, not closures: a closure would not have the instruction set of the function around it.
            let mut half = [[S::splat(0.0); IN]; IN];
            for x in 0..IN {
                let column = [pixels[0][x], pixels[1][x], pixels[2][x], pixels[3][x], pixels[4][x], pixels[5][x]];
                let column = points::<S>(column);
                for y in 0..IN {
                    half[y][x] = column[y];
                }
            }
            let step = self.range.len() * map.planes.len() * LANES;
            let to = self.transformed.add((block * self.range.len() + index) * LANES);
            for y in 0..IN {
                let row = points::<S>(half[y]);
                for x in 0..IN {
                    S::store(to.add((y * IN + x) * step), row[x]);
                }
            }
        }
    }

    /// For each point, the products summed over the input channels.
    ///
    /// # Safety
    /// As for [`Job::work`].
    unsafe fn multiply(&self) {
        /// The bias is added after the transform back.
        static NO_BIAS: [f32; MAX_GROUP * LANES] = [0.0; MAX_GROUP * LANES];
        let filters = self.run.filters;
        let (count, inputs, outputs) = (self.range.len(), self.run.x.planes.len(), self.run.outputs.len());
        let blocks: Vec<InputBlock> = (0..inputs)
            .map(|block| InputBlock {
                // SAFETY: inside the buffer.
                data: unsafe { self.transformed.add(block * count * LANES) },
                channels: LANES.min(filters.inputs - block * LANES),
                channel_step: 1,
            })
            .collect();
        for point in 0..POINTS {
            for first in (0..outputs).step_by(group(filters.isa)) {
                let members = group(filters.isa).min(outputs - first);
                let compiled = tiles(filters.isa, members, LANES);
                let weights = &filters.weights[(point * outputs + first) * LANES * filters.inputs..];
                let passes = count.div_ceil(compiled.len());
                let mut done = 0;
                for pass in 0..passes {
                    let width = count * (pass + 1) / passes - done;
                    let mut tile = Tile {
                        inputs: blocks.as_ptr(),
                        input_blocks: inputs,
                        input_offset: (point * inputs * count + done) * LANES,
                        input_row: 0,
                        input_pixel: LANES,
                        kernel: 1,
                        weights: weights.as_ptr(),
                        bias: NO_BIAS.as_ptr(),
                        finish: Finish::None,
                        slopes: NO_BIAS.as_ptr(),
                        outputs: [std::ptr::null_mut(); MAX_GROUP],
                        plus: [std::ptr::null(); MAX_GROUP],
                    };
                    for member in 0..members {
                        let place = (point * outputs + first + member) * count + done;
                        // SAFETY: inside the buffer.
                        tile.outputs[member] = unsafe { self.products.add(place * LANES) };
                    }
                    // SAFETY: the buffers are as large as the tile says; the processor has the instruction set.
                    unsafe { compiled[width - 1](&tile) }
                    done += width;
                }
            }
        }
    }

    /// Aᵀ m A of 16 channels of a tile, with bias, activation and addition.
    ///
    /// # Safety
    /// As for [`Job::work`].
    #[allow(
        clippy::needless_range_loop,
        reason = "constant bounds over several arrays at once, which the compiler unrolls into registers"
    )]
    #[inline(always)]
    unsafe fn transform_back<S: Simd>(&self, block: usize, index: usize) {
        let run = self.run;
        let [top, left] = self.corner(index);
        // SAFETY: as for this function; pixels outside the map are not written.
        unsafe {
            let step = self.range.len() * run.outputs.len() * LANES;
            let from = self.products.add((block * self.range.len() + index) * LANES);
            let mut points = [[S::splat(0.0); IN]; IN];
            for (y, line) in points.iter_mut().enumerate() {
                for (x, value) in line.iter_mut().enumerate() {
                    *value = S::load(from.add((y * IN + x) * step));
                }
            }
            let mut half = [[S::splat(0.0); IN]; OUT];
            for x in 0..IN {
                let column = [points[0][x], points[1][x], points[2][x], points[3][x], points[4][x], points[5][x]];
                let column = pixels::<S>(column);
                for y in 0..OUT {
                    half[y][x] = column[y];
                }
            }
            let bias = S::load(run.filters.bias.as_ptr().add(block * LANES));
            let slopes = S::load(run.filters.slopes.as_ptr().add(block * LANES));
            let (rows, columns) = ((run.x.height - top).min(OUT), (run.x.width - left).min(OUT));
            for y in 0..OUT {
                if y >= rows {
                    break;
                }
                let place = ((top + y + BORDER) * (run.x.width + 2 * BORDER) + left + BORDER) * LANES;
                let row = pixels::<S>(half[y]);
                for x in 0..OUT {
                    if x >= columns {
                        break;
                    }
                    let mut value = S::add(row[x], bias);
                    value = match run.filters.finish {
                        Finish::None | Finish::Relu => value,
                        Finish::Silu => S::silu(value),
                        Finish::PRelu => S::prelu(value, slopes),
                    };
                    if !run.plus[block].is_null() {
                        value = S::add(value, S::load(run.plus[block].add(place + x * LANES)));
                    }
                    if matches!(run.filters.finish, Finish::Relu) {
                        value = S::max(value, S::splat(0.0));
                    }
                    S::store(run.outputs[block].add(place + x * LANES), value);
                }
            }
        }
    }
}

/// Bᵀ d: six pixels to six points.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
unsafe fn points<S: Simd>(d: [S::Vector; IN]) -> [S::Vector; IN] {
    // SAFETY: as for this function.
    unsafe {
        let (two, minus_four) = (S::splat(2.0), S::splat(-4.0));
        let even = S::mul_add(d[2], minus_four, d[4]);
        let odd = S::mul_add(d[1], minus_four, d[3]);
        let inner_even = S::sub(d[4], d[2]);
        let inner_odd = S::mul(S::sub(d[3], d[1]), two);
        let (four, minus_five) = (S::splat(4.0), S::splat(-5.0));
        [
            S::mul_add(d[0], four, S::mul_add(d[2], minus_five, d[4])),
            S::add(even, odd),
            S::sub(even, odd),
            S::add(inner_even, inner_odd),
            S::sub(inner_even, inner_odd),
            S::mul_add(d[1], four, S::mul_add(d[3], minus_five, d[5])),
        ]
    }
}

/// Aᵀ m: six points to four pixels.
///
/// # Safety
/// As for [`Simd`].
#[inline(always)]
unsafe fn pixels<S: Simd>(m: [S::Vector; IN]) -> [S::Vector; OUT] {
    // SAFETY: as for this function.
    unsafe {
        let (two, four, eight) = (S::splat(2.0), S::splat(4.0), S::splat(8.0));
        let (outer_sum, outer_difference) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (inner_sum, inner_difference) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        [
            S::add(S::add(m[0], outer_sum), inner_sum),
            S::mul_add(inner_difference, two, outer_difference),
            S::mul_add(inner_sum, four, outer_sum),
            S::add(S::mul_add(inner_difference, eight, outer_difference), m[5]),
        ]
    }
}
