//! Dense optical flow between consecutive pictures by polynomial expansion.
//!
//! Gunnar Farnebäck, "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003, with the pyramid and the borders
//! of OpenCV's `calcOpticalFlowFarneback(previous, next, None, 0.5, 3, 15, 3, 5, 1.2, 0)`: up to three halved levels, windows
//! of 15 × 15 pixels, three iterations, neighbourhoods of 11 × 11 pixels with σ = 1.2. One difference is on purpose: in pictures
//! with a side of 6 to 9 pixels an unsigned difference of OpenCV's wraps, and it forgets that pixels near the edge count less.
//!
//! It agrees with OpenCV to about 10⁻⁵ pixels, but for places where the flow is not determined and OpenCV's is rounding noise:
//! along perfectly straight lines, which drawings have and photographs have not.
//!
//! The result's bits depend on whether the processor multiplies and adds in one step (AVX-512 and AVX2 do), and on nothing
//! else: not on threads, not on what else is measured.

mod expansion;
pub(crate) mod filters;
pub(crate) mod geometry;
mod iteration;
mod matrices;
mod pair;
mod rows;

use std::sync::{Mutex, PoisonError};

use framefan_contract::{Error, Result};
use framefan_models::kernels::Isa;
use rayon::prelude::*;

use crate::grey::Grey;
use crate::simd::{Kernel, LANES, Simd, dispatch};
use expansion::{CHANNELS, Expander};
use geometry::Geometry;
pub(crate) use iteration::{REGULARIZER, WINDOW};
pub(crate) use pair::ITERATIONS;
use pair::Workspace;
use rows::{EDGE, Rows};

/// Flow between pictures of one size.
///
/// It keeps the memory it works in: about 60 bytes a pixel for each thread that worked at the same time.
pub struct Farneback {
    width: usize,
    height: usize,
    isa: Isa,
    geometry: Geometry,
    rooms: Mutex<Vec<Room>>,
}

/// A displacement for each pixel of the first of two pictures, in pixels, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowField {
    /// Pixels in a row.
    pub width: usize,
    /// Horizontal displacements, positive to the right.
    pub x: Vec<f32>,
    /// Vertical displacements, positive downwards.
    pub y: Vec<f32>,
}

/// What one thread works in.
struct Room {
    expanders: Vec<Expander>,
    /// Expansions of two pictures, all levels.
    expansions: [Vec<Rows>; 2],
    workspace: Workspace,
}

impl Farneback {
    /// Prepares for pictures of a size, with the fastest instructions that the processor has.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) when there is no pixel.
    pub fn new(width: usize, height: usize) -> Result<Self> {
        Farneback::with_isa(width, height, Isa::detect())
    }

    /// The same with the instructions of `isa`.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) when there is no pixel, or the processor lacks these instructions.
    pub fn with_isa(width: usize, height: usize, isa: Isa) -> Result<Self> {
        if width == 0 || height == 0 {
            return Err(Error::usage(format!("a picture of {width}×{height} pixels has no flow")));
        }
        if !Isa::available().contains(&isa) {
            return Err(Error::usage(format!("this processor has no {} instructions", isa.as_str())));
        }
        Ok(Farneback { width, height, isa, geometry: Geometry::new(width, height), rooms: Mutex::default() })
    }

    /// Mean length in pixels of the flow from each picture to the next one: one value less than there are pictures.
    ///
    /// Pairs are shared out to the threads of the current rayon pool.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) when a picture has another size.
    pub fn motion(&self, pictures: &[Grey<'_>]) -> Result<Vec<f64>> {
        self.check(pictures)?;
        let pairs = pictures.len().saturating_sub(1);
        // A thread goes through neighbouring pairs: what it expanded as the next picture is then the previous one. Two shares a
        // thread, so that none waits long for one that was held up.
        let share = pairs.div_ceil(2 * rayon::current_num_threads()).max(1);
        let starts: Vec<usize> = (0..pairs).step_by(share).collect();
        let parts: Vec<Vec<f64>> =
            starts.into_par_iter().map(|start| self.run(&pictures[start..=(start + share).min(pairs)])).collect();
        Ok(parts.concat())
    }

    /// The flow from one picture to the next.
    ///
    /// # Errors
    /// As [`Farneback::motion`].
    pub fn flow(&self, previous: Grey<'_>, next: Grey<'_>) -> Result<FlowField> {
        self.check(&[previous, next])?;
        let mut field = FlowField { width: self.width, x: Vec::new(), y: Vec::new() };
        self.with_room(|room| {
            room.expand(&self.geometry, previous, 0);
            room.expand(&self.geometry, next, 1);
            let [previous, next] = &room.expansions;
            room.workspace.flow(&self.geometry, previous, next, |_, row| {
                field.x.extend_from_slice(row.pixels(0, 0));
                field.y.extend_from_slice(row.pixels(0, 1));
            });
        });
        Ok(field)
    }

    fn run(&self, pictures: &[Grey<'_>]) -> Vec<f64> {
        self.with_room(|room| {
            let (mut means, mut place, mut still) = (Vec::new(), 0, false);
            room.expand(&self.geometry, pictures[0], place);
            for pair in pictures.windows(2) {
                // Slides stand still, and short batches are filled up with their last picture: that is measured once.
                let same = pair[0].pixels() == pair[1].pixels();
                match means.last() {
                    Some(&mean) if same && still => means.push(mean),
                    _ => {
                        let previous = place;
                        if !same {
                            place = 1 - place;
                            room.expand(&self.geometry, pair[1], place);
                        }
                        means.push(self.mean_length(room, previous, place));
                    }
                }
                still = same;
            }
            means
        })
    }

    /// Mean length of the flow between two pictures that were expanded into these places.
    fn mean_length(&self, room: &mut Room, previous: usize, next: usize) -> f64 {
        let Room { expansions, workspace, .. } = room;
        let mut total = 0.0;
        workspace.flow(&self.geometry, &expansions[previous], &expansions[next], |_, row| {
            dispatch(self.isa, Lengths { row, total: &mut total });
        });
        total / (self.width * self.height) as f64
    }

    fn check(&self, pictures: &[Grey<'_>]) -> Result<()> {
        match pictures.iter().find(|p| (p.width(), p.height()) != (self.width, self.height)) {
            None => Ok(()),
            Some(other) => Err(Error::usage(format!(
                "a picture of {}×{} pixels came among pictures of {}×{}",
                other.width(),
                other.height(),
                self.width,
                self.height
            ))),
        }
    }

    fn with_room<T>(&self, work: impl FnOnce(&mut Room) -> T) -> T {
        let rooms = || self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = rooms().pop();
        let mut room = kept.unwrap_or_else(|| Room::new(self.isa, &self.geometry));
        let result = work(&mut room);
        rooms().push(room);
        result
    }
}

impl Room {
    fn new(isa: Isa, geometry: &Geometry) -> Room {
        let levels = &geometry.levels;
        let full_width = levels[0].width();
        let expansions = || levels.iter().map(|l| Rows::new(l.width(), l.height(), CHANNELS)).collect();
        Room {
            expanders: levels.iter().map(|level| Expander::new(isa, level, full_width)).collect(),
            expansions: [expansions(), expansions()],
            workspace: Workspace::new(isa, geometry),
        }
    }

    fn expand(&mut self, geometry: &Geometry, picture: Grey<'_>, place: usize) {
        for ((expander, level), out) in self.expanders.iter_mut().zip(&geometry.levels).zip(&mut self.expansions[place])
        {
            expander.expand(picture, level, out);
        }
    }
}

/// Adds the lengths of a row's displacements to a total.
struct Lengths<'a> {
    row: &'a Rows,
    total: &'a mut f64,
}

impl Kernel for Lengths<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let width = self.row.width();
        let (dx, dy) = (self.row.line(0, 0), self.row.line(0, 1));
        let mut lanes = [0f32; LANES];
        // SAFETY: a vector at a multiple of LANES below the width lies in both lines, as `Rows` has them.
        unsafe {
            let mut sum = S::splat(0.0);
            for x in (0..width).step_by(LANES) {
                let (dx, dy) = (S::load(dx.as_ptr().add(EDGE + x)), S::load(dy.as_ptr().add(EDGE + x)));
                let length = S::sqrt(S::mul_add(dx, dx, S::mul(dy, dy)));
                let inside = S::inside(S::counting(x as f32), 0.0, width as f32 - 1.0);
                sum = S::add(sum, S::select(inside, length, S::splat(0.0)));
            }
            S::store(lanes.as_mut_ptr(), sum);
        }
        *self.total += lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>();
    }
}
