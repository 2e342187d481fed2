//! From a tile's sums to the map's numbers: bias, activation, shortcut, rounding.

use std::arch::x86_64::*;

use super::map::to_bf16;
use super::tile::SIDE;
use crate::kernels::Finish;

/// One tile of sums and where it goes.
#[derive(Clone, Copy)]
pub(super) struct Finished {
    /// `[SIDE pixels][SIDE outputs]`.
    pub sums: *const f32,
    /// Pixels that are to be written, 1 to [`SIDE`].
    pub pixels: usize,
    /// `[SIDE]`.
    pub bias: *const f32,
    /// `[SIDE]`, read for [`Finish::PRelu`] only.
    pub slopes: *const f32,
    pub finish: Finish,
    /// The first pixel of what is added, in bf16, or null.
    pub plus: *const u16,
    /// Numbers from pixel to pixel.
    pub plus_pixel: usize,
    pub to: Destination,
}

/// Where the first pixel goes, and the numbers from pixel to pixel.
#[derive(Clone, Copy)]
pub(super) enum Destination {
    Bf16(*mut u16, usize),
    F32(*mut f32, usize),
}

impl Destination {
    /// That of the pixel of this number.
    pub fn at(self, pixel: usize) -> Destination {
        match self {
            Destination::Bf16(to, step) => Destination::Bf16(to.wrapping_add(pixel * step), step),
            Destination::F32(to, step) => Destination::F32(to.wrapping_add(pixel * step), step),
        }
    }
}

/// Finishes and writes a tile.
///
/// # Safety
/// [`available`](super::tile::available) must have said yes; all pointers must be valid for the pixels, and nobody else may touch
/// the destination.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512bf16")]
pub(super) unsafe fn finish(tile: &Finished) {
    // SAFETY: as for this function.
    unsafe {
        match (tile.finish, tile.plus.is_null()) {
            (Finish::None, true) => to_place::<NONE, false>(tile),
            (Finish::None, false) => to_place::<NONE, true>(tile),
            (Finish::Silu, true) => to_place::<SILU, false>(tile),
            (Finish::Silu, false) => to_place::<SILU, true>(tile),
            (Finish::PRelu, true) => to_place::<PRELU, false>(tile),
            (Finish::PRelu, false) => to_place::<PRELU, true>(tile),
            (Finish::Relu, true) => to_place::<RELU, false>(tile),
            (Finish::Relu, false) => to_place::<RELU, true>(tile),
        }
    }
}

const NONE: u8 = 0;
const SILU: u8 = 1;
const PRELU: u8 = 2;
const RELU: u8 = 3;

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512bf16")]
unsafe fn to_place<const FINISH: u8, const PLUS: bool>(tile: &Finished) {
    // SAFETY: as for `finish`.
    unsafe {
        let (bias, slopes) = (_mm512_loadu_ps(tile.bias), _mm512_loadu_ps(tile.slopes));
        let value = |pixel: usize| {
            let sum = _mm512_add_ps(_mm512_loadu_ps(tile.sums.add(pixel * SIDE)), bias);
            let mut value = match FINISH {
                SILU => silu(sum),
                PRELU => {
                    let zero = _mm512_setzero_ps();
                    _mm512_fmadd_ps(_mm512_min_ps(sum, zero), slopes, _mm512_max_ps(sum, zero))
                }
                _ => sum,
            };
            if PLUS {
                let plus = _mm256_loadu_si256(tile.plus.add(pixel * tile.plus_pixel).cast());
                let plus = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(plus));
                value = _mm512_add_ps(value, _mm512_castsi512_ps(plus));
            }
            if FINISH == RELU {
                value = _mm512_max_ps(value, _mm512_setzero_ps());
            }
            value
        };
        match tile.to {
            Destination::Bf16(to, step) => {
                let write = |pixel: usize| {
                    let rounded: __m256bh = _mm512_cvtneps_pbh(value(pixel));
                    _mm256_storeu_si256(to.add(pixel * step).cast(), std::mem::transmute::<__m256bh, __m256i>(rounded));
                };
                // A known number of rounds is written out.
                match tile.pixels {
                    SIDE => (0..SIDE).for_each(write),
                    pixels => (0..pixels).for_each(write),
                }
            }
            Destination::F32(to, step) => {
                for pixel in 0..tile.pixels {
                    _mm512_storeu_ps(to.add(pixel * step), value(pixel));
                }
            }
        }
    }
}

/// x · sigmoid(x) to within 2⁻¹² of its value, which rounding to bf16 (2⁻⁹) hides.
///
/// # Safety
/// The processor must have the instruction set.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
unsafe fn silu(x: __m512) -> __m512 {
    // e⁻ˣ = 2ᵗ = 2^⌊t⌋ · 2ʳ with r in [0, 1), 2ʳ by a polynomial through both ends, relative error below 1.3e-04. Intel defines every
    // bit of the approximate reciprocal, and nobody else makes processors with AMX.
    const POLYNOMIAL: [f32; 3] = [0.079_320_6, 0.224_879_4, 0.695_8];
    const TO_THE_NEXT_LOWER: i32 = _MM_FROUND_TO_NEG_INF;
    let t = _mm512_mul_ps(x, _mm512_set1_ps(-std::f32::consts::LOG2_E));
    let r = _mm512_reduce_ps::<TO_THE_NEXT_LOWER>(t);
    let mut power = _mm512_set1_ps(POLYNOMIAL[0]);
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(POLYNOMIAL[1]));
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(POLYNOMIAL[2]));
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(1.0));
    let power = _mm512_scalef_ps(power, t);
    _mm512_mul_ps(x, _mm512_rcp14_ps(_mm512_add_ps(power, _mm512_set1_ps(1.0))))
}

/// A row of a picture: pixel by pixel the rounded numbers of four channels; zeros for those that there are not.
///
/// # Safety
/// [`available`](super::tile::available) must have said yes.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512bf16")]
pub(super) unsafe fn interleave(channels: [Option<&[f32]>; 4], row: &mut [u16]) {
    let whole = row.len() / (4 * SIDE) * SIDE;
    // Of 16 pixels, pairs of channels as 32 bits each: the first eight pixels, the others.
    let pairs = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    let eight = _mm512_set1_epi32(8);
    for (x, pixels) in (0..whole).step_by(SIDE).zip(row.chunks_exact_mut(4 * SIDE)) {
        // Loops, not closures: a closure would not have the instruction set of the function around it.
        let mut rounded = [_mm512_setzero_si512(); 4];
        for (rounded, channel) in rounded.iter_mut().zip(channels) {
            if let Some(values) = channel {
                // SAFETY: 16 values of the channel follow; the types are the same bits.
                *rounded = unsafe {
                    let values = _mm512_loadu_ps(values[x..x + SIDE].as_ptr());
                    _mm512_cvtepu16_epi32(std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(values)))
                };
            }
        }
        let first = _mm512_or_si512(rounded[0], _mm512_slli_epi32::<16>(rounded[1]));
        let second = _mm512_or_si512(rounded[2], _mm512_slli_epi32::<16>(rounded[3]));
        // SAFETY: the chunk has 64 numbers of 16 bits.
        unsafe {
            let to: *mut i32 = pixels.as_mut_ptr().cast();
            _mm512_storeu_epi32(to, _mm512_permutex2var_epi32(first, pairs, second));
            let others = _mm512_add_epi32(pairs, eight);
            _mm512_storeu_epi32(to.add(SIDE), _mm512_permutex2var_epi32(first, others, second));
        }
    }
    for (x, pixel) in row.chunks_exact_mut(4).enumerate().skip(whole) {
        for (number, channel) in pixel.iter_mut().zip(channels) {
            *number = channel.map_or(0, |values| to_bf16(values[x]));
        }
    }
}
