//! The flow between two pictures: from the smallest level of the pyramid to the full one, three iterations on each.

use framefan_models::kernels::Isa;

use super::geometry::{Geometry, Level, Sample};
use super::iteration::{Iteration, Pair};
use super::rows::{EDGE, Rows, replicate};
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// Iterations on a level.
pub(crate) const ITERATIONS: usize = 3;

/// Room for the flow of pairs of one size.
pub(crate) struct Workspace {
    isa: Isa,
    levels: Vec<LevelSpace>,
}

struct LevelSpace {
    iterations: [Iteration; ITERATIONS],
    /// A row on its way: into the first iteration, and out of each.
    rows: [Rows; ITERATIONS + 1],
    /// The level's flow, but not the full picture's.
    flow: Option<Rows>,
    /// Two rows of the smaller level's flow, stretched to this level's width.
    stretched: [Rows; 2],
}

impl Workspace {
    pub fn new(isa: Isa, geometry: &Geometry) -> Workspace {
        let space = |(number, level): (usize, &Level)| {
            let row = || Rows::new(level.width(), 1, 2);
            LevelSpace {
                iterations: std::array::from_fn(|_| Iteration::new(isa, level.width())),
                rows: std::array::from_fn(|_| row()),
                flow: (number > 0).then(|| Rows::new(level.width(), level.height(), 2)),
                stretched: std::array::from_fn(|_| row()),
            }
        };
        Workspace { isa, levels: geometry.levels.iter().enumerate().map(space).collect() }
    }

    /// Computes the flow from `previous` to `next`, expansions of all levels, and gives its rows to `sink` in order: number,
    /// horizontal and vertical displacement. The lines are padded as [`Rows`] pads them.
    pub fn flow(&mut self, geometry: &Geometry, previous: &[Rows], next: &[Rows], mut sink: impl FnMut(usize, &Rows)) {
        for number in (0..geometry.levels.len()).rev() {
            let level = &geometry.levels[number];
            let pair = Pair { level, previous: &previous[number], next: &next[number] };
            let (space, smaller) = self.levels[number..].split_at_mut(1);
            let space = &mut space[0];
            let smaller = smaller.first().and_then(|space| space.flow.as_ref());
            let mut flow = space.flow.take();
            let mut keep = |y: usize, row: &Rows| match &mut flow {
                Some(flow) => flow.row_mut(y).copy_from_slice(row.row(0)),
                None => sink(y, row),
            };
            run_level(self.isa, space, pair, smaller, &mut keep);
            space.flow = flow;
        }
    }
}

fn run_level(
    isa: Isa,
    space: &mut LevelSpace,
    pair: Pair<'_>,
    smaller: Option<&Rows>,
    sink: &mut impl FnMut(usize, &Rows),
) {
    let LevelSpace { iterations, rows, stretched, .. } = space;
    iterations.iter_mut().for_each(Iteration::restart);
    let height = pair.level.height();
    let mut cache = StretchedRows { rows: stretched, holds: [None; 2] };
    // How many rows each iteration has given.
    let mut given = [0; ITERATIONS];
    for y in 0..height {
        match smaller {
            Some(smaller) => cache.start(isa, smaller, pair.level, y, &mut rows[0]),
            None => rows[0].row_mut(0).fill(0.0),
        }
        pass_on(0, y, iterations, rows, &mut given, pair, sink);
    }
    for stage in 0..ITERATIONS {
        while given[stage] < height {
            let (_, after) = rows.split_at_mut(stage + 1);
            iterations[stage].drain(&mut after[0]);
            given[stage] += 1;
            pass_on(stage + 1, given[stage] - 1, iterations, rows, &mut given, pair, sink);
        }
    }
}

/// Gives row `y` that lies ready for `stage` to it, and what comes out to the stages after it.
fn pass_on(
    mut stage: usize,
    mut y: usize,
    iterations: &mut [Iteration; ITERATIONS],
    rows: &mut [Rows; ITERATIONS + 1],
    given: &mut [usize; ITERATIONS],
    pair: Pair<'_>,
    sink: &mut impl FnMut(usize, &Rows),
) {
    while stage < ITERATIONS {
        let (before, after) = rows.split_at_mut(stage + 1);
        if !iterations[stage].take(pair, y, &before[stage], &mut after[0]) {
            return;
        }
        y = given[stage];
        given[stage] += 1;
        stage += 1;
    }
    sink(y, &rows[ITERATIONS]);
}

/// The smaller level's flow as a start: doubled, bilinear.
struct StretchedRows<'a> {
    rows: &'a mut [Rows; 2],
    /// Which row of the smaller level each holds.
    holds: [Option<usize>; 2],
}

impl StretchedRows<'_> {
    /// Makes row `y` of a level's first flow.
    fn start(&mut self, isa: Isa, smaller: &Rows, level: &Level, y: usize, out: &mut Rows) {
        let Sample { index, fraction } = level.row_samples[y];
        let below = (index + 1).min(smaller.height() - 1);
        for row in [index, below] {
            let place = row % 2;
            if self.holds[place] != Some(row) {
                for channel in 0..2 {
                    let line = smaller.line(row, channel);
                    let to = self.rows[place].line_mut(0, channel);
                    stretch(line, &level.column_samples, &mut to[EDGE..]);
                    replicate(to, level.width());
                }
                self.holds[place] = Some(row);
            }
        }
        let (upper, lower) = (&self.rows[index % 2], &self.rows[below % 2]);
        dispatch(isa, Between { upper, lower, fraction, out });
    }
}

/// Samples a line, whose last pixel is repeated behind it.
fn stretch(line: &[f32], samples: &[Sample], out: &mut [f32]) {
    for (out, sample) in out.iter_mut().zip(samples) {
        let [left, right] = [line[EDGE + sample.index], line[EDGE + sample.index + 1]];
        *out = left * (1.0 - sample.fraction) + right * sample.fraction;
    }
}

/// Twice what lies between two rows, `fraction` of the way.
struct Between<'a> {
    upper: &'a Rows,
    lower: &'a Rows,
    fraction: f32,
    out: &'a mut Rows,
}

impl Kernel for Between<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (upper, lower, out) = (self.upper.row(0), self.lower.row(0), self.out.row_mut(0));
        assert!(upper.len() == out.len() && lower.len() == out.len() && out.len().is_multiple_of(LANES));
        for x in (0..out.len()).step_by(LANES) {
            // SAFETY: all rows have equally many floats, whole vectors.
            unsafe {
                let above = S::mul(S::load(upper.as_ptr().add(x)), S::splat(2.0 * (1.0 - self.fraction)));
                let below = S::load(lower.as_ptr().add(x));
                S::store(out.as_mut_ptr().add(x), S::mul_add(below, S::splat(2.0 * self.fraction), above));
            }
        }
    }
}
