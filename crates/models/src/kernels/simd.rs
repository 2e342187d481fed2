//! Sixteen floats at a time, whatever the processor's registers hold: the vocabulary that the kernels are written in.

/// Floats in a vector, and channels in a block.
pub(crate) const LANES: usize = 16;

/// Operations on vectors of [`LANES`] floats. All functions must be inlined into a function that enables the instruction set.
///
/// # Safety
/// Every function needs a processor with the implementor's instruction set; pointers must be valid for what is read or written.
pub(super) trait Simd {
    /// A vector.
    type Vector: Copy;

    unsafe fn splat(value: f32) -> Self::Vector;
    unsafe fn load(from: *const f32) -> Self::Vector;
    unsafe fn store(to: *mut f32, value: Self::Vector);
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn div(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn max(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn min(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b + c, rounded once where the instruction set can.
    unsafe fn mul_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The nearest whole number, for |value| below 2²².
    unsafe fn round(value: Self::Vector) -> Self::Vector;
    /// 2 to the power of a whole number from −126 to 127.
    unsafe fn power_of_two(exponent: Self::Vector) -> Self::Vector;

    /// eˣ to within 2 units in the last place, for x from −87 to 88; x beyond is taken to the nearer bound.
    #[inline(always)]
    unsafe fn exp(x: Self::Vector) -> Self::Vector {
        // x = n · ln 2 + r with |r| ≤ ln 2 / 2, and eʳ by the Cephes library's polynomial.
        const LN_2_HIGH: f32 = 0.693_359_4;
        const LN_2_LOW: f32 = -2.121_944_4e-4;
        const POLYNOMIAL: [f32; 6] =
            [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];
        // SAFETY: as for this function.
        unsafe {
            let x = Self::min(Self::max(x, Self::splat(-87.0)), Self::splat(88.0));
            let n = Self::round(Self::mul(x, Self::splat(std::f32::consts::LOG2_E)));
            let r = Self::mul_add(n, Self::splat(-LN_2_HIGH), x);
            let r = Self::mul_add(n, Self::splat(-LN_2_LOW), r);
            let mut p = Self::splat(POLYNOMIAL[0]);
            for coefficient in &POLYNOMIAL[1..] {
                p = Self::mul_add(p, r, Self::splat(*coefficient));
            }
            let p = Self::mul_add(Self::mul(r, r), p, Self::add(r, Self::splat(1.0)));
            Self::mul(p, Self::power_of_two(n))
        }
    }

    /// 1 / (1 + e⁻ˣ).
    #[inline(always)]
    unsafe fn sigmoid(x: Self::Vector) -> Self::Vector {
        // A true division: approximate reciprocals differ between makers of processors.
        // SAFETY: as for this function.
        unsafe {
            let one = Self::splat(1.0);
            Self::div(one, Self::add(one, Self::exp(Self::sub(Self::splat(0.0), x))))
        }
    }

    /// x · sigmoid(x).
    #[inline(always)]
    unsafe fn silu(x: Self::Vector) -> Self::Vector {
        // SAFETY: as for this function.
        unsafe { Self::div(x, Self::add(Self::splat(1.0), Self::exp(Self::sub(Self::splat(0.0), x)))) }
    }

    /// x where it is positive, x · slope elsewhere.
    #[inline(always)]
    unsafe fn prelu(x: Self::Vector, slope: Self::Vector) -> Self::Vector {
        // SAFETY: as for this function.
        unsafe {
            let zero = Self::splat(0.0);
            Self::mul_add(Self::min(x, zero), slope, Self::max(x, zero))
        }
    }
}

/// Plain Rust.
pub(super) struct Portable;

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
    unsafe fn max(a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn min(a: Self::Vector, b: Self::Vector) -> Self::Vector {
        each(a, b, |a, b| if a < b { a } else { b })
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
    unsafe fn round(value: Self::Vector) -> Self::Vector {
        // Adding 1.5 · 2²³ leaves no bits for a fraction.
        value.map(|v| (v + 12_582_912.0) - 12_582_912.0)
    }

    #[inline(always)]
    unsafe fn power_of_two(exponent: Self::Vector) -> Self::Vector {
        exponent.map(|n| f32::from_bits(((n as i32 + 127) << 23) as u32))
    }
}

/// eˣ of plain values, in the same bits on every processor.
pub(crate) fn exp(x: [f32; LANES]) -> [f32; LANES] {
    // SAFETY: `Portable` needs no instruction set.
    unsafe { Portable::exp(x) }
}

/// 1 / (1 + e⁻ˣ) of plain values, in the same bits on every processor.
pub(crate) fn sigmoid(x: [f32; LANES]) -> [f32; LANES] {
    // SAFETY: `Portable` needs no instruction set.
    unsafe { Portable::sigmoid(x) }
}
