//! A 3 × 3 convolution of each channel by itself, with bias and activation in one pass.
//!
//! A pixel's 16 channels are one vector, and so are the 16 filters' values of a tap: nine multiplications of vectors make a
//! pixel. A pixel's sum (bias, then tap by tap) is the same wherever a run of pixels begins, so its bits do not depend on threads.

use std::sync::Arc;

use rayon::prelude::*;

use super::map::{BORDER, Map, Plane, PlanePool};
use super::simd::{LANES, Portable, Simd};
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};
use super::{Finish, Isa};

/// Filter values of a channel.
const TAPS: usize = 9;

/// Pixels whose sums are kept at a time: with nine filter vectors they fit into AVX-512's registers.
const PIXELS: usize = 8;

/// The output rows of a task.
const ROWS_PER_TASK: usize = 8;

/// A depthwise convolution's weights, ordered for the kernel.
pub(crate) struct PackedDepthwise {
    isa: Isa,
    channels: usize,
    stride: usize,
    finish: Finish,
    /// By block of channels: `[tap][LANES]`, filled up with zeros.
    weights: Vec<f32>,
    /// `[blocks × LANES]`, filled up with zeros.
    bias: Vec<f32>,
}

impl PackedDepthwise {
    /// Orders `weight`, `[channels, 3, 3]`; the stride is 1 or 2, the padding 1, and the finish not one with slopes.
    pub fn new(isa: Isa, weight: &[f32], bias: &[f32], stride: usize, finish: Finish) -> Self {
        assert!(matches!(stride, 1 | 2), "no kernel for stride {stride}");
        assert!(!matches!(finish, Finish::PRelu), "no kernel for slopes");
        let channels = bias.len();
        assert_eq!(weight.len(), channels * TAPS);
        let blocks = channels.div_ceil(LANES);
        let mut weights = vec![0.0; blocks * TAPS * LANES];
        for (channel, taps) in weight.chunks_exact(TAPS).enumerate() {
            for (tap, value) in taps.iter().enumerate() {
                weights[(channel / LANES * TAPS + tap) * LANES + channel % LANES] = *value;
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(blocks * LANES, 0.0);
        PackedDepthwise { isa, channels, stride, finish, weights, bias: padded }
    }

    /// Runs on a map.
    pub fn run(&self, pool: &Arc<PlanePool>, x: &Map) -> Map {
        assert_eq!([x.channels, x.lanes], [self.channels, LANES]);
        let [height, width] = [x.height, x.width].map(|side| (side - 1) / self.stride + 1);
        let mut planes: Vec<Plane> = x.planes.iter().map(|_| pool.take([height, width, LANES])).collect();
        let row = (width + 2 * BORDER) * LANES;
        planes.par_iter_mut().zip(&x.planes).enumerate().for_each(|(block, (plane, from))| {
            let inside = &mut plane.data_mut()[BORDER * row..(BORDER + height) * row];
            inside.par_chunks_mut(ROWS_PER_TASK * row).enumerate().for_each(|(task, rows)| {
                for (line, output) in rows.chunks_exact_mut(row).enumerate() {
                    let y = task * ROWS_PER_TASK + line;
                    self.row(block, x, from, y, &mut output[BORDER * LANES..][..width * LANES]);
                }
            });
        });
        let planes = planes.into_iter().map(Arc::new).collect();
        Map { channels: self.channels, height, width, lanes: LANES, planes }
    }

    /// Computes one row of one block.
    fn row(&self, block: usize, x: &Map, from: &Plane, y: usize, output: &mut [f32]) {
        let input_row = (x.width + 2 * BORDER) * LANES;
        let input = &from.data()[y * self.stride * input_row..];
        let pixels = output.len() / LANES;
        // The last tap of the last pixel.
        assert!(input.len() >= 2 * input_row + ((pixels - 1) * self.stride + 3) * LANES);
        let job = Row {
            input: input.as_ptr(),
            input_row,
            input_pixel: self.stride * LANES,
            weights: self.weights[block * TAPS * LANES..][..TAPS * LANES].as_ptr(),
            bias: self.bias[block * LANES..][..LANES].as_ptr(),
            finish: self.finish,
            output: output.as_mut_ptr(),
            pixels,
        };
        // SAFETY: the slices above are as long as the job says, and `isa` is one that the processor has.
        unsafe {
            match self.isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => avx512(&job),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => avx2(&job),
                _ => portable(&job),
            }
        }
    }
}

/// One row's work.
struct Row {
    /// The first tap of the first pixel.
    input: *const f32,
    /// Floats from one input row to the next.
    input_row: usize,
    /// Floats between the input pixels of two neighbouring output pixels.
    input_pixel: usize,
    /// `[TAPS][LANES]`.
    weights: *const f32,
    /// `[LANES]`.
    bias: *const f32,
    finish: Finish,
    output: *mut f32,
    pixels: usize,
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(row: &Row) {
    // SAFETY: the function is only reached through `Isa::Avx512`; the rest as for `Row::work`.
    unsafe { row.work::<Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(row: &Row) {
    // SAFETY: the function is only reached through `Isa::Avx2`; the rest as for `Row::work`.
    unsafe { row.work::<Avx2>() }
}

unsafe fn portable(row: &Row) {
    // SAFETY: as for `Row::work`.
    unsafe { row.work::<Portable>() }
}

impl Row {
    /// Computes the row.
    ///
    /// # Safety
    /// As for [`Simd`]; the pointers must be valid for the sizes that the row states.
    #[inline(always)]
    unsafe fn work<S: Simd>(&self) {
        // SAFETY: as for this function.
        unsafe {
            let mut weights = [S::splat(0.0); TAPS];
            for (tap, weight) in weights.iter_mut().enumerate() {
                *weight = S::load(self.weights.add(tap * LANES));
            }
            let bias = S::load(self.bias);
            let mut first = 0;
            while first + PIXELS <= self.pixels {
                self.some::<S, PIXELS>(&weights, bias, first);
                first += PIXELS;
            }
            while first < self.pixels {
                self.some::<S, 1>(&weights, bias, first);
                first += 1;
            }
        }
    }

    /// Computes `COUNT` pixels from `first` on.
    ///
    /// # Safety
    /// As for [`Row::work`].
    #[allow(
        clippy::needless_range_loop,
        reason = "constant bounds over several arrays at once, which the compiler unrolls into registers"
    )]
    #[inline(always)]
    unsafe fn some<S: Simd, const COUNT: usize>(&self, weights: &[S::Vector; TAPS], bias: S::Vector, first: usize) {
        // SAFETY: as for this function.
        unsafe {
            let mut sums = [bias; COUNT];
            let corner = self.input.add(first * self.input_pixel);
            for tap in 0..TAPS {
                let from = corner.add(tap / 3 * self.input_row + tap % 3 * LANES);
                for pixel in 0..COUNT {
                    sums[pixel] = S::mul_add(S::load(from.add(pixel * self.input_pixel)), weights[tap], sums[pixel]);
                }
            }
            for pixel in 0..COUNT {
                let value = match self.finish {
                    Finish::Silu => S::silu(sums[pixel]),
                    Finish::Relu => S::max(sums[pixel], S::splat(0.0)),
                    Finish::None | Finish::PRelu => sums[pixel],
                };
                S::store(self.output.add((first + pixel) * LANES), value);
            }
        }
    }
}
