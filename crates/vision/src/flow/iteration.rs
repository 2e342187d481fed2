//! One iteration of the flow: equations from the flow so far, their sums over 15 × 15 pixels, and the displacement that
//! solves them (Farnebäck 2003, section 3).
//!
//! Rows of flow go in, and rows of better flow come out seven rows later, so that iterations follow each other row by row
//! while the expansions' rows are near. Sums down the columns are those of van Herk and Gil–Werman: rows are cut into runs of
//! 15, and every window of 15 rows is the end of one run and the beginning of the next. So nothing is taken away from a running
//! total, and the result does not depend on where one starts.
//!
//! Sums are doubles: along an edge the two products of the determinant nearly cancel, and what is left of sums of floats
//! would be noise, where OpenCV's (of doubles too) is not.

use framefan_models::kernels::Isa;

use super::expansion::CHANNELS;
use super::geometry::Level;
use super::matrices::Matrices;
use super::rows::{EDGE, Rows, replicate};
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// Pixels from the middle of a window to its edge.
const HALF: usize = 7;
/// Pixels along a side of a window.
pub(crate) const WINDOW: usize = 2 * HALF + 1;
/// Keeps the solution small where the equations say little: OpenCV's 10⁻³ for means over the window; these are sums.
pub(crate) const REGULARIZER: f32 = 1e-3 * ((WINDOW * WINDOW) * (WINDOW * WINDOW)) as f32;

/// The two pictures' expansions at a level.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub level: &'a Level,
    pub previous: &'a Rows,
    pub next: &'a Rows,
}

/// One iteration in progress.
pub(crate) struct Iteration {
    isa: Isa,
    /// The newest row's equations, and their sums of two and of four neighbours to the right.
    equations: Rows,
    twos: Rows,
    fours: Rows,
    /// Sums along the row, of the current run; where the run has not come yet, sums to the end of the run before.
    runs: Rows<f64>,
    /// Sum of the current run so far.
    current: Rows<f64>,
    /// Rows taken in, those before the first and after the last row included.
    taken: usize,
}

impl Iteration {
    /// Room for rows of `width`.
    pub fn new(isa: Isa, width: usize) -> Iteration {
        Iteration {
            isa,
            equations: Rows::new(width, 1, CHANNELS),
            twos: Rows::new(width, 1, CHANNELS),
            fours: Rows::new(width, 1, CHANNELS),
            runs: Rows::new(width, WINDOW, CHANNELS),
            current: Rows::new(width, 1, CHANNELS),
            taken: 0,
        }
    }

    /// Makes it ready for a new pair.
    pub fn restart(&mut self) {
        self.taken = 0;
    }

    /// Takes row `y` of the flow so far (a row of two channels). Returns whether `out` now holds a row of better flow: the
    /// first one is row 0, and it comes when row 7 is taken, or with [`Iteration::drain`].
    pub fn take(&mut self, pair: Pair<'_>, y: usize, flow: &Rows, out: &mut Rows) -> bool {
        let Pair { level, previous, next } = pair;
        dispatch(self.isa, Matrices { level, previous, next, flow, y, out: &mut self.equations });
        for channel in 0..CHANNELS {
            replicate(self.equations.line_mut(0, channel), level.width());
        }
        dispatch(self.isa, Neighbours { equations: &self.equations, twos: &mut self.twos, fours: &mut self.fours });
        if y == 0 {
            // The rows before the first are like it.
            for _ in 0..HALF {
                self.advance(out);
            }
        }
        self.advance(out)
    }

    /// After the last row: the next row of better flow. To be called for the last seven rows, fewer if there are not so many.
    pub fn drain(&mut self, out: &mut Rows) {
        while !self.advance(out) {}
    }

    /// Takes the newest row's equations (again).
    fn advance(&mut self, out: &mut Rows) -> bool {
        let slot = self.taken % WINDOW;
        self.taken += 1;
        let complete = self.taken >= WINDOW;
        let step = Step {
            equations: &self.equations,
            twos: &self.twos,
            fours: &self.fours,
            runs: &mut self.runs,
            current: &mut self.current,
            slot,
            complete,
            out,
        };
        dispatch(self.isa, step);
        if slot == WINDOW - 1 {
            dispatch(self.isa, Backwards { runs: &mut self.runs });
        }
        complete
    }
}

/// Sums of two and of four neighbours.
struct Neighbours<'a> {
    equations: &'a Rows,
    twos: &'a mut Rows,
    fours: &'a mut Rows,
}

impl Kernel for Neighbours<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let end = EDGE + self.equations.width().next_multiple_of(LANES);
        for channel in 0..CHANNELS {
            let from = self.equations.line(0, channel);
            let (twos, fours) = (self.twos.line_mut(0, channel), self.fours.line_mut(0, channel));
            assert!(from.len() >= end + LANES + 3 && twos.len() == from.len() && fours.len() == from.len());
            for x in (EDGE - LANES..end + LANES).step_by(LANES) {
                // SAFETY: what is read ends three floats after a vector past the last pixel's, where lines end later.
                unsafe {
                    let at = from.as_ptr().add(x);
                    let two = S::add(S::load(at), S::load(at.add(1)));
                    let next_two = S::add(S::load(at.add(2)), S::load(at.add(3)));
                    S::store(twos.as_mut_ptr().add(x), two);
                    S::store(fours.as_mut_ptr().add(x), S::add(two, next_two));
                }
            }
        }
    }
}

/// Sums along the row, down the columns, and the solution where the window is complete.
struct Step<'a> {
    equations: &'a Rows,
    twos: &'a Rows,
    fours: &'a Rows,
    runs: &'a mut Rows<f64>,
    current: &'a mut Rows<f64>,
    /// The row's number in its run.
    slot: usize,
    complete: bool,
    out: &'a mut Rows,
}

impl Kernel for Step<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, stride) = (self.equations.width(), self.equations.stride());
        let whole_run = self.slot == WINDOW - 1;
        let start = self.slot == 0;
        let row = CHANNELS * stride;
        let (ones, twos, fours) = (self.equations.row(0), self.twos.row(0), self.fours.row(0));
        let current = self.current.row_mut(0);
        let runs = self.runs.numbers_mut();
        let out = self.out.row_mut(0);
        assert!([ones.len(), twos.len(), fours.len(), current.len()] == [row; 4]);
        assert!(runs.len() == WINDOW * row && out.len() == 2 * stride);
        let new = runs[self.slot * row..].as_mut_ptr();
        let older = runs[(self.slot + 1) % WINDOW * row..].as_ptr();
        for x in (EDGE..EDGE + width).step_by(LANES) {
            // SAFETY: a vector at `x`, and HALF pixels to either side, lies in every line, as `Rows` has them; `new` and
            // `older` begin rows of `runs`.
            unsafe {
                let mut sums = [S::widen(S::splat(0.0)); CHANNELS];
                for (channel, sum) in sums.iter_mut().enumerate() {
                    let at = channel * stride + x;
                    let (one, two, four) = (ones.as_ptr().add(at), twos.as_ptr().add(at), fours.as_ptr().add(at));
                    // 4 + 4 + 4 + 2 + 1 neighbours, from 7 on the left to 7 on the right.
                    let eight = S::add_wide(S::widen(S::load(four.sub(7))), S::widen(S::load(four.sub(3))));
                    let three = S::add_wide(S::widen(S::load(two.add(5))), S::widen(S::load(one.add(7))));
                    let along = S::add_wide(eight, S::add_wide(S::widen(S::load(four.add(1))), three));
                    S::store_wide(new.add(at), along);
                    let kept = current.as_mut_ptr().add(at);
                    let run = if start { along } else { S::add_wide(S::load_wide(kept), along) };
                    S::store_wide(kept, run);
                    *sum = if whole_run { run } else { S::add_wide(run, S::load_wide(older.add(at))) };
                }
                if self.complete {
                    let [g11, g12, g22, h1, h2] = sums;
                    // Never negative but for rounding.
                    let determinant = S::max(S::product_difference(g11, g22, g12, g12), S::splat(0.0));
                    let scale = S::div(S::splat(1.0), S::add(determinant, S::splat(REGULARIZER)));
                    let dx = S::mul(S::product_difference(g11, h2, g12, h1), scale);
                    let dy = S::mul(S::product_difference(g22, h1, g12, h2), scale);
                    S::store(out.as_mut_ptr().add(x), dx);
                    S::store(out.as_mut_ptr().add(stride + x), dy);
                }
            }
        }
        if self.complete {
            // The equations look at whole vectors.
            for channel in 0..2 {
                let line = &mut out[channel * stride..(channel + 1) * stride];
                let last = line[EDGE + width - 1];
                line[EDGE + width..].fill(last);
            }
        }
    }
}

/// Turns the rows of a whole run into sums from each row to the run's end.
struct Backwards<'a> {
    runs: &'a mut Rows<f64>,
}

impl Kernel for Backwards<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (width, row) = (self.runs.width(), CHANNELS * self.runs.stride());
        let stride = self.runs.stride();
        let runs = self.runs.numbers_mut();
        assert!(runs.len() == WINDOW * row);
        for channel in 0..CHANNELS {
            for x in (EDGE..EDGE + width).step_by(LANES) {
                // SAFETY: a vector at `x` lies in every line of every row.
                unsafe {
                    let at = runs.as_mut_ptr().add(channel * stride + x);
                    let mut sum = S::load_wide(at.add((WINDOW - 1) * row));
                    for slot in (0..WINDOW - 1).rev() {
                        let place = at.add(slot * row);
                        sum = S::add_wide(sum, S::load_wide(place));
                        S::store_wide(place, sum);
                    }
                }
            }
        }
    }
}
