//! [`Simd`] in AVX-512 and in AVX2 with FMA.

use std::arch::x86_64::*;

use crate::simd::Simd;

/// One 512-bit register.
pub(crate) struct Avx512;

/// Two 256-bit registers.
pub(crate) struct Avx2;

const FLOOR: i32 = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;

// SAFETY of all bodies below: callers have the instruction set and valid pointers, as `Simd` demands.

impl Simd for Avx512 {
    type Vector = __m512;
    type Wide = [__m512d; 2];
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m512) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(to, value) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sqrt(value: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_sqrt_ps(value) }
    }

    #[inline(always)]
    unsafe fn floor(value: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_roundscale_ps::<FLOOR>(value) }
    }

    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn load_wide(from: *const f64) -> Self::Wide {
        // SAFETY: see above.
        unsafe { [_mm512_loadu_pd(from), _mm512_loadu_pd(from.add(8))] }
    }

    #[inline(always)]
    unsafe fn store_wide(to: *mut f64, value: Self::Wide) {
        // SAFETY: see above.
        unsafe {
            _mm512_storeu_pd(to, value[0]);
            _mm512_storeu_pd(to.add(8), value[1]);
        }
    }

    #[inline(always)]
    unsafe fn widen(value: __m512) -> Self::Wide {
        // SAFETY: see above.
        unsafe {
            let high = _mm512_shuffle_f32x4::<0b1110>(value, value);
            [_mm512_cvtps_pd(_mm512_castps512_ps256(value)), _mm512_cvtps_pd(_mm512_castps512_ps256(high))]
        }
    }

    #[inline(always)]
    unsafe fn add_wide(a: Self::Wide, b: Self::Wide) -> Self::Wide {
        // SAFETY: see above.
        unsafe { [_mm512_add_pd(a[0], b[0]), _mm512_add_pd(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn product_difference(a: Self::Wide, b: Self::Wide, c: Self::Wide, d: Self::Wide) -> __m512 {
        // SAFETY: see above.
        unsafe {
            let low = _mm512_fmsub_pd(a[0], b[0], _mm512_mul_pd(c[0], d[0]));
            let high = _mm512_fmsub_pd(a[1], b[1], _mm512_mul_pd(c[1], d[1]));
            let (low, high) = (_mm512_cvtpd_ps(low), _mm512_cvtpd_ps(high));
            let both = _mm512_insertf64x4::<1>(_mm512_castps_pd(_mm512_castps256_ps512(low)), _mm256_castps_pd(high));
            _mm512_castpd_ps(both)
        }
    }

    #[inline(always)]
    unsafe fn first(value: __m512) -> f32 {
        // SAFETY: see above.
        unsafe { _mm512_cvtss_f32(value) }
    }

    #[inline(always)]
    unsafe fn reduce_min(value: __m512) -> f32 {
        // SAFETY: see above.
        unsafe { _mm512_reduce_min_ps(value) }
    }

    #[inline(always)]
    unsafe fn reduce_max(value: __m512) -> f32 {
        // SAFETY: see above.
        unsafe { _mm512_reduce_max_ps(value) }
    }

    #[inline(always)]
    unsafe fn inside(value: __m512, low: f32, high: f32) -> __mmask16 {
        // SAFETY: see above.
        unsafe {
            let above = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(value, _mm512_set1_ps(low));
            _mm512_mask_cmp_ps_mask::<_CMP_LE_OQ>(above, value, _mm512_set1_ps(high))
        }
    }

    #[inline(always)]
    unsafe fn and(a: __mmask16, b: __mmask16) -> __mmask16 {
        a & b
    }

    #[inline(always)]
    unsafe fn any(mask: __mmask16) -> bool {
        mask != 0
    }

    #[inline(always)]
    unsafe fn all(mask: __mmask16) -> bool {
        mask == !0
    }

    #[inline(always)]
    unsafe fn select(mask: __mmask16, a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_mask_blend_ps(mask, b, a) }
    }
}

impl Simd for Avx2 {
    type Vector = [__m256; 2];
    type Wide = [__m256d; 4];
    type Mask = [__m256; 2];

    #[inline(always)]
    unsafe fn splat(value: f32) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe {
            let low = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()));
            let high = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.add(8).cast()));
            [_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)]
        }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: [__m256; 2]) {
        // SAFETY: see above.
        unsafe {
            _mm256_storeu_ps(to, value[0]);
            _mm256_storeu_ps(to.add(8), value[1]);
        }
    }

    #[inline(always)]
    unsafe fn add(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn sub(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn div(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn sqrt(value: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_sqrt_ps(value[0]), _mm256_sqrt_ps(value[1])] }
    }

    #[inline(always)]
    unsafe fn floor(value: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_round_ps::<FLOOR>(value[0]), _mm256_round_ps::<FLOOR>(value[1])] }
    }

    #[inline(always)]
    unsafe fn max(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul_add(a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    unsafe fn load_wide(from: *const f64) -> Self::Wide {
        // SAFETY: see above.
        unsafe {
            let (low, high) = ([from, from.add(4)], [from.add(8), from.add(12)]);
            [_mm256_loadu_pd(low[0]), _mm256_loadu_pd(low[1]), _mm256_loadu_pd(high[0]), _mm256_loadu_pd(high[1])]
        }
    }

    #[inline(always)]
    unsafe fn store_wide(to: *mut f64, value: Self::Wide) {
        // SAFETY: see above.
        unsafe {
            _mm256_storeu_pd(to, value[0]);
            _mm256_storeu_pd(to.add(4), value[1]);
            _mm256_storeu_pd(to.add(8), value[2]);
            _mm256_storeu_pd(to.add(12), value[3]);
        }
    }

    #[inline(always)]
    unsafe fn widen(value: [__m256; 2]) -> Self::Wide {
        // SAFETY: see above.
        unsafe {
            [
                _mm256_cvtps_pd(_mm256_castps256_ps128(value[0])),
                _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(value[0])),
                _mm256_cvtps_pd(_mm256_castps256_ps128(value[1])),
                _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(value[1])),
            ]
        }
    }

    #[inline(always)]
    unsafe fn add_wide(a: Self::Wide, b: Self::Wide) -> Self::Wide {
        // SAFETY: see above.
        unsafe {
            [_mm256_add_pd(a[0], b[0]), _mm256_add_pd(a[1], b[1]), _mm256_add_pd(a[2], b[2]), _mm256_add_pd(a[3], b[3])]
        }
    }

    #[inline(always)]
    unsafe fn product_difference(a: Self::Wide, b: Self::Wide, c: Self::Wide, d: Self::Wide) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe {
            let mut quarters = [_mm_setzero_ps(); 4];
            for i in 0..4 {
                quarters[i] = _mm256_cvtpd_ps(_mm256_fmsub_pd(a[i], b[i], _mm256_mul_pd(c[i], d[i])));
            }
            [_mm256_set_m128(quarters[1], quarters[0]), _mm256_set_m128(quarters[3], quarters[2])]
        }
    }

    #[inline(always)]
    unsafe fn first(value: [__m256; 2]) -> f32 {
        // SAFETY: see above.
        unsafe { _mm256_cvtss_f32(value[0]) }
    }

    #[inline(always)]
    unsafe fn reduce_min(value: [__m256; 2]) -> f32 {
        // SAFETY: see above.
        unsafe {
            let eight = _mm256_min_ps(value[0], value[1]);
            let four = _mm_min_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_min_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_min_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    unsafe fn reduce_max(value: [__m256; 2]) -> f32 {
        // SAFETY: see above.
        unsafe {
            let eight = _mm256_max_ps(value[0], value[1]);
            let four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    unsafe fn inside(value: [__m256; 2], low: f32, high: f32) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe {
            let (low, high) = (_mm256_set1_ps(low), _mm256_set1_ps(high));
            let above = [_mm256_cmp_ps::<_CMP_GE_OQ>(value[0], low), _mm256_cmp_ps::<_CMP_GE_OQ>(value[1], low)];
            let below = [_mm256_cmp_ps::<_CMP_LE_OQ>(value[0], high), _mm256_cmp_ps::<_CMP_LE_OQ>(value[1], high)];
            Self::and(above, below)
        }
    }

    #[inline(always)]
    unsafe fn and(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_and_ps(a[0], b[0]), _mm256_and_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn any(mask: [__m256; 2]) -> bool {
        // SAFETY: see above.
        unsafe { _mm256_movemask_ps(_mm256_or_ps(mask[0], mask[1])) != 0 }
    }

    #[inline(always)]
    unsafe fn all(mask: [__m256; 2]) -> bool {
        // SAFETY: see above.
        unsafe { _mm256_movemask_ps(_mm256_and_ps(mask[0], mask[1])) == 0xff }
    }

    #[inline(always)]
    unsafe fn select(mask: [__m256; 2], a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_blendv_ps(b[0], a[0], mask[0]), _mm256_blendv_ps(b[1], a[1], mask[1])] }
    }
}
