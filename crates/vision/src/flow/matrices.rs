//! The equations of the displacement at each pixel of a row: `A d = Δb` of the two expansions, as a least squares sum wants it.
//!
//! The second picture's expansion is taken where the flow so far points, between four pixels. Flow is smooth, so the 16
//! pixels of a vector mostly point by the same whole number of pixels, or by one of two neighbours: then the four corners
//! are whole vectors of the expansion, and what a lane does not need has weight zero. The others are fetched one by one.

use super::expansion::CHANNELS;
use super::geometry::Level;
use super::rows::{EDGE, Rows};
use crate::simd::{Kernel, LANES, Simd};

/// Makes row `y` of the equations: `G₁₁, G₁₂, G₂₂, h₁, h₂` of Farnebäck 2003, section 3, in OpenCV's order.
pub(crate) struct Matrices<'a> {
    pub level: &'a Level,
    pub previous: &'a Rows,
    pub next: &'a Rows,
    /// The flow so far: a row of two channels. What stands behind its last pixel is the last pixel's.
    pub flow: &'a Rows,
    pub y: usize,
    /// One row of five channels.
    pub out: &'a mut Rows,
}

impl Kernel for Matrices<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, height) = (self.level.width(), self.level.height());
        let stride = self.next.stride();
        let previous = self.previous.row(self.y);
        let (dx, dy) = (self.flow.line(0, 0), self.flow.line(0, 1));
        let out = self.out.row_mut(0);
        let next = self.next.numbers();
        assert!(previous.len() == CHANNELS * stride && out.len() == CHANNELS * stride);
        assert!(dx.len() == stride && dy.len() == stride && next.len() == height * CHANNELS * stride);
        let certainty = self.level.row_certainty[self.y];
        let columns = &self.level.column_certainty;
        for x in (0..width).step_by(LANES) {
            // SAFETY: a vector at a multiple of LANES below the width lies in every line, as `Rows` has them; `Sampler` asks
            // for no other of the next picture.
            unsafe {
                let (dx, dy) = (S::load(dx.as_ptr().add(EDGE + x)), S::load(dy.as_ptr().add(EDGE + x)));
                let sampler = Sampler { next, stride, width, height };
                let Sampled { inside, values: [n_by, n_bx, n_ayy, n_axx, n_axy] } =
                    sampler.sample::<S>(x, self.y, dx, dy);
                let own = previous.as_ptr().add(EDGE + x);
                let (zero, half, quarter) = (S::splat(0.0), S::splat(0.5), S::splat(0.25));

                // Where the flow leaves the picture, the first picture's expansion stands for both, without a difference.
                let [p_ayy, p_axx, p_axy] =
                    [S::load(own.add(2 * stride)), S::load(own.add(3 * stride)), S::load(own.add(4 * stride))];
                let mut a_yy = S::select(inside, S::mul(S::add(p_ayy, n_ayy), half), p_ayy);
                let mut a_xx = S::select(inside, S::mul(S::add(p_axx, n_axx), half), p_axx);
                let mut a_xy = S::select(inside, S::mul(S::add(p_axy, n_axy), quarter), S::mul(p_axy, half));
                let d_y = S::mul(S::sub(S::load(own), S::select(inside, n_by, zero)), half);
                let d_x = S::mul(S::sub(S::load(own.add(stride)), S::select(inside, n_bx, zero)), half);
                let mut b_y = S::add(d_y, S::mul_add(a_yy, dy, S::mul(a_xy, dx)));
                let mut b_x = S::add(d_x, S::mul_add(a_xy, dy, S::mul(a_xx, dx)));

                let near_edge = x < LANES || x + 2 * LANES > width;
                if certainty != 1.0 || near_edge {
                    let mut weights = [1.0; LANES];
                    let known = columns.len().min(x + LANES) - x;
                    weights[..known].copy_from_slice(&columns[x..x + known]);
                    let weight = S::mul(S::load(weights.as_ptr()), S::splat(certainty));
                    (b_y, b_x) = (S::mul(b_y, weight), S::mul(b_x, weight));
                    (a_yy, a_xx, a_xy) = (S::mul(a_yy, weight), S::mul(a_xx, weight), S::mul(a_xy, weight));
                }
                let cross = S::mul(a_xy, a_xy);
                let to = out.as_mut_ptr().add(EDGE + x);
                S::store(to, S::mul_add(a_yy, a_yy, cross));
                S::store(to.add(stride), S::mul(S::add(a_yy, a_xx), a_xy));
                S::store(to.add(2 * stride), S::mul_add(a_xx, a_xx, cross));
                S::store(to.add(3 * stride), S::mul_add(a_yy, b_y, S::mul(a_xy, b_x)));
                S::store(to.add(4 * stride), S::mul_add(a_xy, b_y, S::mul(a_xx, b_x)));
            }
        }
    }
}

/// Flow that differs by fewer whole pixels than this within a vector is interpolated with vectors.
const WIDEST: u32 = 6;

/// Takes values of an expansion between its pixels.
struct Sampler<'a> {
    next: &'a [f32],
    stride: usize,
    width: usize,
    height: usize,
}

/// Interpolated values, and which of them lie in the picture.
struct Sampled<S: Simd> {
    inside: S::Mask,
    values: [S::Vector; CHANNELS],
}

impl Sampler<'_> {
    /// The expansion at `(x + lane + dx, y + dy)`.
    ///
    /// # Safety
    /// As [`Simd`]; `next` has `height · CHANNELS` lines of `stride` as [`Rows`] lays them out.
    #[inline(always)]
    unsafe fn sample<S: Simd>(&self, x: usize, y: usize, dx: S::Vector, dy: S::Vector) -> Sampled<S> {
        // SAFETY: as for this function; `blend` is called where its conditions hold.
        unsafe {
            let place_x = S::add(S::counting(x as f32), dx);
            let place_y = S::add(S::splat(y as f32), dy);
            let (corner_x, corner_y) = (S::floor(place_x), S::floor(place_y));
            let inside = S::and(
                S::inside(corner_x, 0.0, self.width as f32 - 2.0),
                S::inside(corner_y, 0.0, self.height as f32 - 2.0),
            );
            let moved = S::sub(corner_x, S::counting(x as f32));
            let ((least_x, spread_x), (least_y, spread_y)) = (S::span(moved), S::span(corner_y));
            // The first column that is read, and the first after the last one.
            let first = x as f32 + least_x;
            let readable = first >= -(EDGE as f32)
                && first + spread_x + (LANES + 1) as f32 <= (self.stride - EDGE) as f32
                && least_y.abs() < 1e6;
            let from = S::sub(place_x, S::add(S::counting(x as f32), S::splat(least_x)));
            let below = S::sub(place_y, S::splat(least_y));
            let first = (EDGE as f32 + first) as usize;
            let least_y = least_y as isize;
            let values = match (readable, spread_x as u32, spread_y as u32) {
                (true, 0, 0) => self.blend::<S, 2, 2>(first, least_y, from, below),
                (true, 1, 0) => self.blend::<S, 3, 2>(first, least_y, from, below),
                (true, 0, 1) => self.blend::<S, 2, 3>(first, least_y, from, below),
                (true, 1, 1) => self.blend::<S, 3, 3>(first, least_y, from, below),
                (true, 0..WIDEST, 0..WIDEST) => {
                    let (columns, rows) = (spread_x as usize + 2, spread_y as usize + 2);
                    self.blend_wide::<S>([columns, rows], first, least_y, from, below)
                }
                _ => self.gather::<S>(corner_x, corner_y, S::sub(place_x, corner_x), S::sub(place_y, corner_y)),
            };
            Sampled { inside, values }
        }
    }

    /// Interpolates between `COLUMNS × ROWS` vectors; the lanes' places are counted from the first.
    ///
    /// # Safety
    /// As [`Simd`]; `COLUMNS` vectors from float `first` of a line lie in the line. Rows outside the picture are taken from
    /// its edge.
    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        reason = "iterators are not always inlined into the function with the instructions"
    )]
    unsafe fn blend<S: Simd, const COLUMNS: usize, const ROWS: usize>(
        &self,
        first: usize,
        row: isize,
        x: S::Vector,
        y: S::Vector,
    ) -> [S::Vector; CHANNELS] {
        // SAFETY: as for this function.
        unsafe {
            let mut weights_x = [S::splat(0.0); COLUMNS];
            for k in 0..COLUMNS {
                weights_x[k] = hat::<S>(x, k as f32);
            }
            let mut sums = [S::splat(0.0); CHANNELS];
            for i in 0..ROWS {
                let weight_y = hat::<S>(y, i as f32);
                let row = (row + i as isize).clamp(0, self.height as isize - 1) as usize;
                let row = self.next.as_ptr().add(row * CHANNELS * self.stride + first);
                for channel in 0..CHANNELS {
                    let line = row.add(channel * self.stride);
                    let mut across = S::mul(S::load(line), weights_x[0]);
                    for k in 1..COLUMNS {
                        across = S::mul_add(S::load(line.add(k)), weights_x[k], across);
                    }
                    sums[channel] = S::mul_add(across, weight_y, sums[channel]);
                }
            }
            sums
        }
    }

    /// The same for up to `WIDEST + 1` columns and rows.
    ///
    /// # Safety
    /// As [`Sampler::blend`].
    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        reason = "iterators are not always inlined into the function with the instructions"
    )]
    unsafe fn blend_wide<S: Simd>(
        &self,
        [columns, rows]: [usize; 2],
        first: usize,
        row: isize,
        x: S::Vector,
        y: S::Vector,
    ) -> [S::Vector; CHANNELS] {
        // SAFETY: as for this function.
        unsafe {
            let mut sums = [S::splat(0.0); CHANNELS];
            for k in 0..columns {
                let weight_x = hat::<S>(x, k as f32);
                for i in 0..rows {
                    let weight = S::mul(weight_x, hat::<S>(y, i as f32));
                    let row = (row + i as isize).clamp(0, self.height as isize - 1) as usize;
                    let at = self.next.as_ptr().add(row * CHANNELS * self.stride + first + k);
                    for channel in 0..CHANNELS {
                        sums[channel] = S::mul_add(S::load(at.add(channel * self.stride)), weight, sums[channel]);
                    }
                }
            }
            sums
        }
    }

    /// Interpolates each lane between its own four pixels; lanes outside the picture get zeros.
    ///
    /// # Safety
    /// As [`Simd`].
    #[inline(always)]
    unsafe fn gather<S: Simd>(
        &self,
        corner_x: S::Vector,
        corner_y: S::Vector,
        x: S::Vector,
        y: S::Vector,
    ) -> [S::Vector; CHANNELS] {
        let (mut corners_x, mut corners_y, mut xs, mut ys) = ([0.0; LANES], [0.0; LANES], [0.0; LANES], [0.0; LANES]);
        // SAFETY: the arrays are one vector long.
        unsafe {
            S::store(corners_x.as_mut_ptr(), corner_x);
            S::store(corners_y.as_mut_ptr(), corner_y);
            S::store(xs.as_mut_ptr(), x);
            S::store(ys.as_mut_ptr(), y);
        }
        let mut values = [[0f32; LANES]; CHANNELS];
        for lane in 0..LANES {
            let (corner_x, corner_y) = (corners_x[lane], corners_y[lane]);
            let within = |corner: f32, side: usize| corner >= 0.0 && corner <= side as f32 - 2.0;
            if !(within(corner_x, self.width) && within(corner_y, self.height)) {
                continue;
            }
            let (x, y) = (xs[lane], ys[lane]);
            let start = corner_y as usize * CHANNELS * self.stride + EDGE + corner_x as usize;
            for (channel, values) in values.iter_mut().enumerate() {
                let upper = &self.next[start + channel * self.stride..][..2];
                let lower = &self.next[start + (CHANNELS + channel) * self.stride..][..2];
                let across = |pair: &[f32]| pair[0] * (1.0 - x) + pair[1] * x;
                values[lane] = across(upper) * (1.0 - y) + across(lower) * y;
            }
        }
        // SAFETY: each array is one vector long.
        unsafe {
            let mut vectors = [S::splat(0.0); CHANNELS];
            for (vector, lanes) in vectors.iter_mut().zip(&values) {
                *vector = S::load(lanes.as_ptr());
            }
            vectors
        }
    }
}

/// How much the pixel at `place` counts for a point at `x`: linear, 1 at the pixel, 0 from its neighbours on.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn hat<S: Simd>(x: S::Vector, place: f32) -> S::Vector {
    // SAFETY: as for this function.
    unsafe {
        let distance = S::abs(S::sub(x, S::splat(place)));
        S::max(S::sub(S::splat(1.0), distance), S::splat(0.0))
    }
}
