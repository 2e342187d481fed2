//! The polynomial expansion of a picture at one level of the pyramid (Farnebäck 2003, section 2).
//!
//! Row by row: the level's picture is made as far as the filters reach, filtered down its columns, then along the row. Only
//! the last dozen rows of the picture exist at any time.

use framefan_models::kernels::Isa;

use super::filters::{Filters, REACH};
use super::geometry::Level;
use super::rows::{EDGE, Rows, replicate};
use crate::grey::{Grey, reflect};
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// Channels of an expansion: b_y, b_x, A_yy, A_xx and A_xy + A_yx at each pixel.
pub(crate) const CHANNELS: usize = 5;

/// Rows of the level's picture that are kept: as many as the filters span, and a power of two.
const KEPT: usize = 16;

/// What the pixels are shifted by. The expansion does not see a constant, and smaller numbers have smaller rounding errors.
const MIDDLE_GREY: f32 = 128.0;

/// Room to make expansions of one level's size.
pub(crate) struct Expander {
    isa: Isa,
    filters: Filters,
    picture: Rows,
    made: usize,
    tall: Rows,
    filtered: Rows,
}

/// Channels of `Expander::filtered`, the picture filtered down its columns.
const SMOOTH: usize = 0;
const SLOPE: usize = 1;
const CURVE: usize = 2;

impl Expander {
    /// Room for a level of pictures of `full_width`.
    pub fn new(isa: Isa, level: &Level, full_width: usize) -> Expander {
        Expander {
            isa,
            filters: Filters::new(),
            picture: Rows::new(level.width(), KEPT, 1),
            made: 0,
            tall: Rows::new(full_width, 1, 1),
            filtered: Rows::new(level.width(), 1, 3),
        }
    }

    /// Expands a picture at a level into `out`, of the level's size and [`CHANNELS`] channels.
    pub fn expand(&mut self, picture: Grey<'_>, level: &Level, out: &mut Rows) {
        assert_eq!((out.width(), out.height()), (level.width(), level.height()));
        self.made = 0;
        for y in 0..level.height() {
            let last = (y + REACH).min(level.height() - 1);
            while self.made <= last {
                self.make_row(picture, level, self.made);
                self.made += 1;
            }
            let kept = |y: isize| y.clamp(0, level.height() as isize - 1) as usize % KEPT;
            let rows = std::array::from_fn(|i| self.picture.line(kept(y as isize + i as isize - REACH as isize), 0));
            let down = Down { filters: &self.filters, rows, out: &mut self.filtered };
            dispatch(self.isa, down);
            for channel in [SMOOTH, SLOPE, CURVE] {
                replicate(self.filtered.line_mut(0, channel), level.width());
            }
            dispatch(self.isa, Along { filters: &self.filters, filtered: &self.filtered, out, y });
        }
    }

    /// Makes row `y` of the level's picture.
    fn make_row(&mut self, picture: Grey<'_>, level: &Level, y: usize) {
        let (start, weights) = level.rows.at(y);
        let full_size = picture.width() == level.width();
        if full_size {
            // Mirrored rows, as the three weights are a fixed kernel here.
            let row = |offset: isize| picture.row(reflect(y as isize + offset, picture.height()));
            let rows = [row(-1), row(0), row(1)];
            dispatch(self.isa, Stack { rows: &rows, weights: &[0.25, 0.5, 0.25], out: self.tall.line_mut(0, 0) });
        } else {
            let rows: Vec<&[u8]> = (start..start + weights.len()).map(|y| picture.row(y)).collect();
            dispatch(self.isa, Stack { rows: &rows, weights, out: self.tall.line_mut(0, 0) });
        }
        let line = self.tall.line_mut(0, 0);
        let width = picture.width();
        let out = self.picture.line_mut(y % KEPT, 0);
        if full_size {
            line[EDGE - 1] = line[EDGE + reflect(-1, width)];
            line[EDGE + width] = line[EDGE + reflect(width as isize, width)];
            dispatch(self.isa, Smooth { line, width, out });
        } else {
            let line = &line[EDGE..EDGE + width];
            for (x, out) in out[EDGE..EDGE + level.width()].iter_mut().enumerate() {
                let (start, weights) = level.columns.at(x);
                *out = line[start..].iter().zip(weights).fold(0.0, |sum, (pixel, weight)| sum + pixel * weight);
            }
        }
    }
}

/// A weighted sum of rows of bytes, less [`MIDDLE_GREY`].
struct Stack<'a> {
    rows: &'a [&'a [u8]],
    weights: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Stack<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.rows[0].len();
        let (rows, weights) = (self.rows, &self.weights[..self.rows.len()]);
        assert!(self.out.len() >= EDGE + width && rows.iter().all(|row| row.len() == width));
        let out = &mut self.out[EDGE..EDGE + width];
        let whole = width / LANES * LANES;
        for x in (0..whole).step_by(LANES) {
            // SAFETY: rows and output have `width` elements, and a vector from `x` ends before `whole`.
            unsafe {
                let mut sum = S::splat(0.0);
                for (row, weight) in rows.iter().zip(weights) {
                    let pixels = S::sub(S::load_u8(row.as_ptr().add(x)), S::splat(MIDDLE_GREY));
                    sum = S::mul_add(pixels, S::splat(*weight), sum);
                }
                S::store(out.as_mut_ptr().add(x), sum);
            }
        }
        if whole < width {
            // The last pixels alone, by way of a vector that is long enough.
            let mut last = [0u8; LANES];
            let mut sums = [0f32; LANES];
            // SAFETY: the arrays are one vector long.
            unsafe {
                let mut sum = S::splat(0.0);
                for (row, weight) in rows.iter().zip(weights) {
                    last[..width - whole].copy_from_slice(&row[whole..]);
                    let pixels = S::sub(S::load_u8(last.as_ptr()), S::splat(MIDDLE_GREY));
                    sum = S::mul_add(pixels, S::splat(*weight), sum);
                }
                S::store(sums.as_mut_ptr(), sum);
            }
            out[whole..].copy_from_slice(&sums[..width - whole]);
        }
    }
}

/// A line filtered with ¼, ½, ¼; all values are multiples of 1/16, so nothing is rounded.
struct Smooth<'a> {
    line: &'a [f32],
    width: usize,
    out: &'a mut [f32],
}

impl Kernel for Smooth<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        assert!(self.line.len() > EDGE + self.width.next_multiple_of(LANES) && self.out.len() >= self.line.len());
        for x in (EDGE..EDGE + self.width).step_by(LANES) {
            // SAFETY: both lines have a pixel more than the last whole vector of the width.
            unsafe {
                let at = self.line.as_ptr().add(x);
                let sides = S::add(S::load(at.sub(1)), S::load(at.add(1)));
                let middle = S::mul(S::load(at), S::splat(0.5));
                S::store(self.out.as_mut_ptr().add(x), S::mul_add(sides, S::splat(0.25), middle));
            }
        }
    }
}

/// Filters a picture down its columns.
struct Down<'a> {
    filters: &'a Filters,
    rows: [&'a [f32]; 2 * REACH + 1],
    out: &'a mut Rows,
}

impl Kernel for Down<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, stride) = (self.out.width(), self.out.stride());
        let out = self.out.row_mut(0);
        assert!(self.rows.iter().all(|row| row.len() == stride) && out.len() == 3 * stride);
        let f = self.filters;
        for x in (EDGE..EDGE + width).step_by(LANES) {
            // SAFETY: a vector at `x` lies in every line, as `Rows` has them.
            unsafe {
                let middle = S::load(self.rows[REACH].as_ptr().add(x));
                let mut smooth = S::mul(middle, S::splat(f.smooth[0]));
                let mut curve = S::mul(middle, S::splat(f.curve[0]));
                let mut slope = S::splat(0.0);
                for k in 1..=REACH {
                    let above = S::load(self.rows[REACH - k].as_ptr().add(x));
                    let below = S::load(self.rows[REACH + k].as_ptr().add(x));
                    let both = S::add(above, below);
                    smooth = S::mul_add(both, S::splat(f.smooth[k]), smooth);
                    curve = S::mul_add(both, S::splat(f.curve[k]), curve);
                    slope = S::mul_add(S::sub(below, above), S::splat(f.slope[k]), slope);
                }
                let to = out.as_mut_ptr().add(x);
                S::store(to.add(SMOOTH * stride), smooth);
                S::store(to.add(SLOPE * stride), slope);
                S::store(to.add(CURVE * stride), curve);
            }
        }
    }
}

/// Filters along a row what was filtered down the columns: the expansion's five channels.
struct Along<'a> {
    filters: &'a Filters,
    filtered: &'a Rows,
    out: &'a mut Rows,
    y: usize,
}

impl Kernel for Along<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, stride) = (self.out.width(), self.out.stride());
        let (from, out) = (self.filtered.row(0), self.out.row_mut(self.y));
        assert!(from.len() == 3 * stride && out.len() == CHANNELS * stride);
        let f = self.filters;
        for x in (EDGE..EDGE + width).step_by(LANES) {
            // SAFETY: a vector at `x`, and REACH pixels to either side, lies in every line, as `Rows` has them.
            unsafe {
                let from = from.as_ptr().add(x);
                let (smooth, slope, curve) =
                    (from.add(SMOOTH * stride), from.add(SLOPE * stride), from.add(CURVE * stride));
                let mut b_y = S::mul(S::load(slope), S::splat(f.smooth[0]));
                let mut b_x = S::splat(0.0);
                let mut a_yy = S::mul(S::load(curve), S::splat(f.smooth[0]));
                let mut a_xx = S::mul(S::load(smooth), S::splat(f.curve[0]));
                let mut a_xy = S::splat(0.0);
                for k in 1..=REACH {
                    let (left, right) = (S::load(smooth.sub(k)), S::load(smooth.add(k)));
                    b_x = S::mul_add(S::sub(right, left), S::splat(f.slope[k]), b_x);
                    a_xx = S::mul_add(S::add(right, left), S::splat(f.curve[k]), a_xx);
                    let (left, right) = (S::load(slope.sub(k)), S::load(slope.add(k)));
                    b_y = S::mul_add(S::add(right, left), S::splat(f.smooth[k]), b_y);
                    a_xy = S::mul_add(S::sub(right, left), S::splat(f.twist[k]), a_xy);
                    let both = S::add(S::load(curve.sub(k)), S::load(curve.add(k)));
                    a_yy = S::mul_add(both, S::splat(f.smooth[k]), a_yy);
                }
                let to = out.as_mut_ptr().add(x);
                S::store(to, b_y);
                S::store(to.add(stride), b_x);
                S::store(to.add(2 * stride), a_yy);
                S::store(to.add(3 * stride), a_xx);
                S::store(to.add(4 * stride), a_xy);
            }
        }
    }
}
