//! Resamples the planes of a picture line by line and turns the lines into RGB or grey.
//!
//! A line runs along the stored rows: it is a row of the output, or a column when the picture is displayed on its side.
//! Columns come several at a time, so that they can be written across the rows of the output.

use framefan_contract::{Error, Result};

use super::color::ToRgb;
use super::samples::blend_rows;
use super::taps::{Axis, Siting, Taps, siting};
use crate::picture::{Orientation, Picture};

/// Columns made at a time when the picture is displayed on its side: a cache line of `f32`.
const COLUMNS: usize = 16;

/// How an output is made from the samples around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// Two samples per axis at any scale.
    Bilinear,
    /// The mean of all samples under the output; bilinear when enlarging.
    Area,
}

/// Tables and buffers for pictures of one layout and size.
pub(super) struct Resampler {
    /// For luma (or all components of RGB), then for chroma.
    grids: [Grid; 2],
    is_column: bool,
    /// Values in a line of the output.
    length: usize,
    /// Lines of the output.
    lines: usize,
    row: Vec<f32>,
    tile: Vec<f32>,
}

/// The tables of one component.
struct Grid {
    /// Columns of the stored component.
    columns: usize,
    /// Along a stored row.
    along: Taps,
    /// Across the stored rows.
    across: Taps,
}

/// Some finished lines of the output.
pub(super) struct Tile<'a> {
    /// Lines are columns of the output instead of rows.
    pub is_column: bool,
    /// Number of the first line.
    pub first: usize,
    /// How many lines there are.
    pub lines: usize,
    length: usize,
    channels: usize,
    data: &'a [f32],
}

impl Tile<'_> {
    /// Line `first + line` of a channel; all channels of a grey picture are the same.
    pub fn line(&self, channel: usize, line: usize) -> &[f32] {
        &self.data[((channel.min(self.channels - 1)) * COLUMNS + line) * self.length..][..self.length]
    }
}

impl Resampler {
    /// Tables for pictures like `picture`, displayed with `orientation` and scaled to `size` (width, height).
    pub fn new(picture: &Picture, orientation: Orientation, size: (usize, usize), filter: Filter) -> Result<Self> {
        let mirrored = orientation.mirrored;
        // Whether the output runs against the stored columns and rows. Undo the mirroring, then the clockwise turn.
        let (against_columns, against_rows) = match orientation.rotation {
            0 => (mirrored, false),
            90 => (false, !mirrored),
            180 => (!mirrored, true),
            270 => (true, mirrored),
            other => return Err(Error::defect(format!("a rotation of {other} degrees, expected 0, 90, 180 or 270"))),
        };
        let (length, lines) = orientation.displayed(size.0, size.1);
        let chroma_siting = siting(picture.chroma_location);
        let grid = |component: usize| {
            let (columns, rows) = picture.layout.size_of(component, picture.width, picture.height);
            let (log2_w, log2_h) = picture.layout.subsampling(component);
            let along = Axis {
                pixels: picture.width,
                samples: columns,
                factor: 1 << log2_w,
                siting: if log2_w == 0 { Siting::Middle } else { chroma_siting.0 },
                outputs: length,
                reversed: against_columns,
            };
            let across = Axis {
                pixels: picture.height,
                samples: rows,
                factor: 1 << log2_h,
                siting: if log2_h == 0 { Siting::Middle } else { chroma_siting.1 },
                outputs: lines,
                reversed: against_rows,
            };
            match filter {
                Filter::Bilinear => Grid { columns, along: along.bilinear(), across: across.bilinear() },
                Filter::Area => Grid { columns, along: along.area(), across: across.area() },
            }
        };
        let grids = [grid(0), grid(1)];
        let row = grids.iter().map(|grid| grid.columns + grid.along.count()).max().unwrap_or(0);
        Ok(Resampler {
            grids,
            is_column: orientation.swaps_axes(),
            length,
            lines,
            row: vec![0.0; row],
            tile: vec![0.0; 3 * COLUMNS * length],
        })
    }

    /// Makes all lines and hands them on in order. The picture must have passed [`Picture::check`].
    pub fn run(&mut self, picture: &Picture, to_rgb: &ToRgb, mut place: impl FnMut(&Tile)) {
        let channels = to_rgb.channels();
        let at_once = if self.is_column { COLUMNS } else { 1 };
        let mut weights = Vec::new();
        for first in (0..self.lines).step_by(at_once) {
            let lines = at_once.min(self.lines - first);
            for line in 0..lines {
                for (component, plane) in self.tile.chunks_exact_mut(COLUMNS * self.length).take(channels).enumerate() {
                    let is_chroma = picture.layout.subsampling(component) != (0, 0);
                    let grid = &self.grids[usize::from(is_chroma)];
                    weights.clear();
                    weights.extend(grid.across.weights.iter().map(|tap| tap[first + line]));
                    let row = &mut self.row[..grid.columns + grid.along.count() - 1];
                    let (samples, beyond) = row.split_at_mut(grid.columns);
                    blend_rows(picture, component, grid.across.first[first + line] as usize, &weights, samples);
                    // Other components leave their samples here; a weight of 0 does not silence an infinity, so be sure.
                    beyond.fill(0.0);
                    grid.along.apply(row, &mut plane[line * self.length..][..self.length]);
                }
                let (a, rest) = self.tile.split_at_mut(COLUMNS * self.length);
                let (b, c) = rest.split_at_mut(COLUMNS * self.length);
                let line = line * self.length..(line + 1) * self.length;
                to_rgb.apply(&mut [&mut a[line.clone()], &mut b[line.clone()], &mut c[line]]);
            }
            place(&Tile { is_column: self.is_column, first, lines, length: self.length, channels, data: &self.tile });
        }
    }
}
