//! Sixteen floats at a time, whatever the processor's registers hold, and the choice of the instruction set at run time.
//!
//! A row of a picture is worked on in blocks of 16 pixels on every processor. AVX-512 and AVX2 round every operation alike,
//! so they give the same bits; plain Rust has no fused multiplication and gives its own.

use framefan_models::kernels::Isa;

/// Floats in a vector.
pub(crate) const LANES: usize = 16;

/// Operations on vectors of [`LANES`] floats. All functions must be inlined into a function that enables the instruction set.
///
/// # Safety
/// Every function needs a processor with the implementor's instruction set; pointers must be valid for what is read or written.
pub(crate) trait Simd {
    /// A vector.
    type Vector: Copy;
    /// A vector of as many doubles.
    type Wide: Copy;
    /// One truth value for each lane.
    type Mask: Copy;

    unsafe fn splat(value: f32) -> Self::Vector;
    unsafe fn load(from: *const f32) -> Self::Vector;
    /// Sixteen bytes as floats.
    unsafe fn load_u8(from: *const u8) -> Self::Vector;
    unsafe fn store(to: *mut f32, value: Self::Vector);
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn div(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn sqrt(value: Self::Vector) -> Self::Vector;
    unsafe fn floor(value: Self::Vector) -> Self::Vector;
    unsafe fn max(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b + c, rounded once where the instruction set can.
    unsafe fn mul_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    unsafe fn load_wide(from: *const f64) -> Self::Wide;
    unsafe fn store_wide(to: *mut f64, value: Self::Wide);
    unsafe fn widen(value: Self::Vector) -> Self::Wide;
    unsafe fn add_wide(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// a · b − c · d.
    unsafe fn product_difference(a: Self::Wide, b: Self::Wide, c: Self::Wide, d: Self::Wide) -> Self::Vector;
    /// The first lane.
    unsafe fn first(value: Self::Vector) -> f32;
    unsafe fn reduce_min(value: Self::Vector) -> f32;
    unsafe fn reduce_max(value: Self::Vector) -> f32;
    /// Which lanes lie in `low..=high`; a lane that is not a number does not.
    unsafe fn inside(value: Self::Vector, low: f32, high: f32) -> Self::Mask;
    unsafe fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    unsafe fn any(mask: Self::Mask) -> bool;
    unsafe fn all(mask: Self::Mask) -> bool;
    /// `a` where the mask is set, `b` elsewhere.
    unsafe fn select(mask: Self::Mask, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// first, first + 1, …
    #[inline(always)]
    unsafe fn counting(first: f32) -> Self::Vector {
        const STEPS: [f32; LANES] =
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];
        // SAFETY: as for this function.
        unsafe { Self::add(Self::splat(first), Self::load(STEPS.as_ptr())) }
    }

    /// Of whole numbers: the least lane, and the greatest one less the least. Quick where they are 0 or 1 apart.
    #[inline(always)]
    unsafe fn span(value: Self::Vector) -> (f32, f32) {
        // SAFETY: as for this function.
        unsafe {
            let first = Self::first(value);
            let rest = Self::sub(value, Self::splat(first));
            let below = Self::any(Self::inside(rest, f32::NEG_INFINITY, -0.5));
            let above = Self::any(Self::inside(rest, 0.5, f32::INFINITY));
            if Self::all(Self::inside(rest, -1.0, 1.0)) && !(below && above) {
                return (if below { first - 1.0 } else { first }, if below || above { 1.0 } else { 0.0 });
            }
            let least = Self::reduce_min(value);
            (least, Self::reduce_max(value) - least)
        }
    }

    #[inline(always)]
    unsafe fn abs(value: Self::Vector) -> Self::Vector {
        // SAFETY: as for this function.
        unsafe { Self::max(value, Self::sub(Self::splat(0.0), value)) }
    }
}

/// A computation written once for all instruction sets.
pub(crate) trait Kernel {
    /// Runs it. Must be `#[inline(always)]`, as all that it calls with `S`.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`.
    unsafe fn run<S: Simd>(self);
}

/// Runs a kernel with the instructions of `isa`, which the processor must have (see [`Isa::available`]).
pub(crate) fn dispatch(isa: Isa, kernel: impl Kernel) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: callers take `isa` from what the processor was asked for.
        Isa::Avx512 => unsafe { avx512(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx2 => unsafe { avx2(kernel) },
        // SAFETY: `Portable` needs no instruction set.
        _ => unsafe { kernel.run::<Portable>() },
    }
}

/// # Safety
/// The processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
unsafe fn avx512<K: Kernel>(kernel: K) {
    // SAFETY: the features are enabled here.
    unsafe { kernel.run::<crate::x86::Avx512>() }
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<K: Kernel>(kernel: K) {
    // SAFETY: the features are enabled here.
    unsafe { kernel.run::<crate::x86::Avx2>() }
}

/// Plain Rust.
pub(crate) struct Portable;

#[inline(always)]
fn each(a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    let mut result = a;
    for lane in 0..LANES {
        result[lane] = f(a[lane], b[lane]);
    }
    result
}

impl Simd for Portable {
    type Vector = [f32; LANES];
    type Wide = [f64; LANES];
    type Mask = [bool; LANES];

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::Vector {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Vector {
        // SAFETY: the caller vouches for LANES readable floats.
        unsafe { from.cast::<[f32; LANES]>().read() }
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self::Vector {
        // SAFETY: the caller vouches for LANES readable bytes.
        unsafe { from.cast::<[u8; LANES]>().read() }.map(f32::from)
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::Vector) {
        // SAFETY: the caller vouches for LANES writable floats.
        unsafe { to.cast::<[f32; LANES]>().write(value) }
    }

    #[inline(always)]
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each(a, b, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each(a, b, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each(a, b, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn div(a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each(a, b, |a, b| a / b)
    }

    #[inline(always)]
    unsafe fn sqrt(value: Self::Vector) -> Self::Vector {
        value.map(f32::sqrt)
    }

    #[inline(always)]
    unsafe fn floor(value: Self::Vector) -> Self::Vector {
        value.map(f32::floor)
    }

    #[inline(always)]
    unsafe fn max(a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn mul_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        // Not f32::mul_add, which calls a slow function where the processor cannot do it.
        let mut result = c;
        for lane in 0..LANES {
            result[lane] = a[lane] * b[lane] + c[lane];
        }
        result
    }

    #[inline(always)]
    unsafe fn load_wide(from: *const f64) -> Self::Wide {
        // SAFETY: the caller vouches for LANES readable doubles.
        unsafe { from.cast::<[f64; LANES]>().read() }
    }

    #[inline(always)]
    unsafe fn store_wide(to: *mut f64, value: Self::Wide) {
        // SAFETY: the caller vouches for LANES writable doubles.
        unsafe { to.cast::<[f64; LANES]>().write(value) }
    }

    #[inline(always)]
    unsafe fn widen(value: Self::Vector) -> Self::Wide {
        value.map(f64::from)
    }

    #[inline(always)]
    unsafe fn add_wide(a: Self::Wide, b: Self::Wide) -> Self::Wide {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn product_difference(a: Self::Wide, b: Self::Wide, c: Self::Wide, d: Self::Wide) -> Self::Vector {
        std::array::from_fn(|lane| (a[lane] * b[lane] - c[lane] * d[lane]) as f32)
    }

    #[inline(always)]
    unsafe fn first(value: Self::Vector) -> f32 {
        value[0]
    }

    #[inline(always)]
    unsafe fn reduce_min(value: Self::Vector) -> f32 {
        value.into_iter().fold(value[0], f32::min)
    }

    #[inline(always)]
    unsafe fn reduce_max(value: Self::Vector) -> f32 {
        value.into_iter().fold(value[0], f32::max)
    }

    #[inline(always)]
    unsafe fn inside(value: Self::Vector, low: f32, high: f32) -> Self::Mask {
        value.map(|v| v >= low && v <= high)
    }

    #[inline(always)]
    unsafe fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        std::array::from_fn(|lane| a[lane] & b[lane])
    }

    #[inline(always)]
    unsafe fn any(mask: Self::Mask) -> bool {
        mask.contains(&true)
    }

    #[inline(always)]
    unsafe fn all(mask: Self::Mask) -> bool {
        !mask.contains(&false)
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        std::array::from_fn(|lane| if mask[lane] { a[lane] } else { b[lane] })
    }
}
