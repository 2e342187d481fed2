//! The inner loop of a convolution: a few neighbouring pixels of one or two blocks of output channels, kept in registers
//! while all input channels and filter taps pass by.
//!
//! The order of the sum (bias, then input block by block, tap by tap, channel by channel) is the same for every tile size,
//! so a pixel's bits do not depend on where the tiles begin or on who computes them.

use super::Isa;
use super::simd::{LANES, Portable, Simd};
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};

/// Most blocks of output channels that are computed at a time.
pub(super) const MAX_GROUP: usize = 2;

/// A run of input channels.
#[derive(Clone, Copy)]
pub(super) struct InputBlock {
    /// The first channel of the top left pixel, border included.
    pub data: *const f32,
    /// Channels, 1 to [`LANES`].
    pub channels: usize,
    /// Floats from one channel of a pixel to the next.
    pub channel_step: usize,
}

/// What is done to the sum.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Finish {
    None,
    Silu,
    /// With a slope for each output channel.
    PRelu,
    /// The only one that follows the addition of a map.
    Relu,
}

/// One tile's work.
pub(super) struct Tile {
    pub inputs: *const InputBlock,
    pub input_blocks: usize,
    /// From an input block's beginning to the tile's first tap.
    pub input_offset: usize,
    /// Floats from one input row to the next.
    pub input_row: usize,
    /// Floats from one input pixel to the next.
    pub input_pixel: usize,
    /// Filter taps across and down.
    pub kernel: usize,
    /// `[input block][tap][channel][GROUP × LANES]`.
    pub weights: *const f32,
    /// `[GROUP × LANES]`.
    pub bias: *const f32,
    pub finish: Finish,
    /// `[GROUP × LANES]`, read for [`Finish::PRelu`] only.
    pub slopes: *const f32,
    /// The tile's first pixel in each output block.
    pub outputs: [*mut f32; MAX_GROUP],
    /// What is added to each output block, or null.
    pub plus: [*const f32; MAX_GROUP],
}

/// A compiled tile.
pub(super) type TileFn = unsafe fn(&Tile);

/// Computes `PIXELS` neighbouring output pixels of `GROUP` blocks. `STEP` is the distance in floats between the input pixels of
/// two neighbouring output pixels.
///
/// # Safety
/// As for [`Simd`]; all pointers of the tile must be valid for the sizes it states, and nobody else may touch its outputs.
#[allow(
    clippy::needless_range_loop,
    reason = "constant bounds over several arrays at once, which the compiler unrolls into registers"
)]
#[inline(always)]
unsafe fn tile<S: Simd, const GROUP: usize, const PIXELS: usize, const STEP: usize>(t: &Tile) {
    // SAFETY: as for this function.
    unsafe {
        let mut sums = [[S::splat(0.0); PIXELS]; GROUP];
        for block in 0..GROUP {
            sums[block] = [S::load(t.bias.add(block * LANES)); PIXELS];
        }
        let mut weights = t.weights;
        for block in 0..t.input_blocks {
            let input = &*t.inputs.add(block);
            let first = input.data.add(t.input_offset);
            for tap_y in 0..t.kernel {
                for tap_x in 0..t.kernel {
                    let mut tap = first.add(tap_y * t.input_row + tap_x * t.input_pixel);
                    for _ in 0..input.channels {
                        let mut filters = [S::splat(0.0); GROUP];
                        for (block, filter) in filters.iter_mut().enumerate() {
                            *filter = S::load(weights.add(block * LANES));
                        }
                        weights = weights.add(GROUP * LANES);
                        for pixel in 0..PIXELS {
                            let value = S::splat(*tap.add(pixel * STEP));
                            for block in 0..GROUP {
                                sums[block][pixel] = S::mul_add(value, filters[block], sums[block][pixel]);
                            }
                        }
                        tap = tap.wrapping_add(input.channel_step);
                    }
                }
            }
        }
        finish::<S, GROUP, PIXELS>(t, &sums);
    }
}

/// Activation, addition and store.
///
/// # Safety
/// As for [`tile`].
#[allow(
    clippy::needless_range_loop,
    reason = "constant bounds over several arrays at once, which the compiler unrolls into registers"
)]
#[inline(always)]
unsafe fn finish<S: Simd, const GROUP: usize, const PIXELS: usize>(t: &Tile, sums: &[[S::Vector; PIXELS]; GROUP]) {
    // SAFETY: as for this function.
    unsafe {
        for block in 0..GROUP {
            for pixel in 0..PIXELS {
                S::store(t.outputs[block].add(pixel * LANES), sums[block][pixel]);
            }
        }
        for block in 0..GROUP {
            let output = t.outputs[block];
            match t.finish {
                Finish::None | Finish::Relu => {}
                Finish::Silu => {
                    for pixel in 0..PIXELS {
                        let place = output.add(pixel * LANES);
                        S::store(place, S::silu(S::load(place)));
                    }
                }
                Finish::PRelu => {
                    let slopes = S::load(t.slopes.add(block * LANES));
                    for pixel in 0..PIXELS {
                        let place = output.add(pixel * LANES);
                        S::store(place, S::prelu(S::load(place), slopes));
                    }
                }
            }
            if !t.plus[block].is_null() {
                for pixel in 0..PIXELS {
                    let place = output.add(pixel * LANES);
                    S::store(place, S::add(S::load(place), S::load(t.plus[block].add(pixel * LANES))));
                }
            }
            if matches!(t.finish, Finish::Relu) {
                for pixel in 0..PIXELS {
                    let place = output.add(pixel * LANES);
                    S::store(place, S::max(S::load(place), S::splat(0.0)));
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<const GROUP: usize, const PIXELS: usize, const STEP: usize>(t: &Tile) {
    // SAFETY: the function is only reached through `Isa::Avx512`; the rest as for `tile`.
    unsafe { tile::<Avx512, GROUP, PIXELS, STEP>(t) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<const GROUP: usize, const PIXELS: usize, const STEP: usize>(t: &Tile) {
    // SAFETY: the function is only reached through `Isa::Avx2`; the rest as for `tile`.
    unsafe { tile::<Avx2, GROUP, PIXELS, STEP>(t) }
}

unsafe fn portable<const GROUP: usize, const PIXELS: usize, const STEP: usize>(t: &Tile) {
    // SAFETY: as for `tile`.
    unsafe { tile::<Portable, GROUP, PIXELS, STEP>(t) }
}

/// The compiled tiles `[GROUP = $group]` of 1, 2, 3… pixels for each step.
macro_rules! tiles {
    ($name:ident, $group:literal, $step:expr; $($pixels:literal)*) => {
        match $step {
            1 => &[$($name::<$group, $pixels, 1>,)*],
            2 => &[$($name::<$group, $pixels, 2>,)*],
            16 => &[$($name::<$group, $pixels, 16>,)*],
            32 => &[$($name::<$group, $pixels, 32>,)*],
            step => unreachable!("no tiles for a step of {step} floats"),
        }
    };
}

/// Tiles of 1, 2, 3… pixels for `group` blocks of output channels. As many sums as the registers hold, less the operands.
pub(super) fn tiles(isa: Isa, group: usize, step: usize) -> &'static [TileFn] {
    match (isa, group) {
        #[cfg(target_arch = "x86_64")]
        (Isa::Avx512, 2) => tiles!(avx512, 2, step; 1 2 3 4 5 6 7 8 9 10 11 12),
        #[cfg(target_arch = "x86_64")]
        (Isa::Avx512, _) => tiles!(avx512, 1, step; 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18),
        #[cfg(target_arch = "x86_64")]
        (Isa::Avx2, _) => tiles!(avx2, 1, step; 1 2 3 4 5 6),
        _ => tiles!(portable, 1, step; 1 2),
    }
}

/// How many blocks of output channels this instruction set computes at a time.
pub(super) const fn group(isa: Isa) -> usize {
    match isa {
        Isa::Avx512 => MAX_GROUP,
        Isa::Avx2 | Isa::Portable => 1,
    }
}
