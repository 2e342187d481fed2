//! Range and matrix: from samples as coded to RGB or grey in 0..1.

use framefan_contract::{Error, Result};

use crate::picture::{ColorRange, Picture};

/// The affine map from resampled component values, as coded, to RGB or grey.
#[derive(Clone, Copy, Debug)]
pub(super) enum ToRgb {
    /// One component.
    Grey(Scale),
    /// Components R, G, B.
    Rgb([Scale; 3]),
    /// Components Y, U, V.
    Yuv {
        /// Factor of Y in all three.
        y: f32,
        /// `red[0] * V + red[1]`.
        red: [f32; 2],
        /// `green[0] * U + green[1] * V + green[2]`.
        green: [f32; 3],
        /// `blue[0] * U + blue[1]`.
        blue: [f32; 2],
    },
}

/// `value * factor + offset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    factor: f32,
    offset: f32,
}

impl ToRgb {
    /// The map for a picture's colour and depth; the formulas are in [`crate::convert`].
    pub fn new(picture: &Picture) -> Result<Self> {
        let (layout, color) = (&picture.layout, &picture.color);
        let depth = |index: usize| i32::from(layout.components[index].depth);
        // Black's code and the distance from it to white.
        let luma = |index: usize| match color.range {
            ColorRange::Limited => (16.0 * 2f64.powi(depth(index) - 8), 219.0 * 2f64.powi(depth(index) - 8)),
            ColorRange::Full => (0.0, 2f64.powi(depth(index)) - 1.0),
        };
        let scale = |index: usize| {
            let (black, span) = luma(index);
            Scale { factor: (1.0 / span) as f32, offset: (-black / span) as f32 }
        };
        if layout.is_grey() {
            return Ok(ToRgb::Grey(scale(0)));
        }
        if layout.is_rgb {
            return Ok(ToRgb::Rgb([scale(0), scale(1), scale(2)]));
        }
        let Some((kr, kb)) = color.matrix.kr_kb() else {
            return Err(Error::bad_input(format!("pixel format {} is YUV, its colour matrix says RGB", layout.name)));
        };
        let (black, luma_span) = luma(0);
        let zero = 2f64.powi(depth(1) - 1);
        let chroma_span = match color.range {
            ColorRange::Limited => 224.0 * 2f64.powi(depth(1) - 8),
            ColorRange::Full => 2f64.powi(depth(1)) - 1.0,
        };
        let kg = 1.0 - kr - kb;
        let red_v = 2.0 * (1.0 - kr) / chroma_span;
        let blue_u = 2.0 * (1.0 - kb) / chroma_span;
        let green_u = -blue_u * kb / kg;
        let green_v = -red_v * kr / kg;
        let dark = -black / luma_span;
        Ok(ToRgb::Yuv {
            y: (1.0 / luma_span) as f32,
            red: [red_v as f32, (dark - red_v * zero) as f32],
            green: [green_u as f32, green_v as f32, (dark - (green_u + green_v) * zero) as f32],
            blue: [blue_u as f32, (dark - blue_u * zero) as f32],
        })
    }

    /// Components it reads and channels it makes: 1 or 3.
    pub fn channels(&self) -> usize {
        if matches!(self, ToRgb::Grey(_)) { 1 } else { 3 }
    }

    /// Turns rows of components into rows of channels, in place.
    pub fn apply(&self, rows: &mut [&mut [f32]]) {
        match (self, rows) {
            (ToRgb::Grey(scale), [grey, ..]) => scale.apply(grey),
            (ToRgb::Rgb(scales), rows) => {
                for (scale, row) in scales.iter().zip(rows) {
                    scale.apply(row);
                }
            }
            (ToRgb::Yuv { y, red, green, blue }, [a, b, c]) => {
                for ((a, b), c) in a.iter_mut().zip(b.iter_mut()).zip(c.iter_mut()) {
                    let (luma, u, v) = (*a * y, *b, *c);
                    *a = (luma + (v * red[0] + red[1])).clamp(0.0, 1.0);
                    *b = (luma + (u * green[0] + v * green[1] + green[2])).clamp(0.0, 1.0);
                    *c = (luma + (u * blue[0] + blue[1])).clamp(0.0, 1.0);
                }
            }
            (ToRgb::Grey(_) | ToRgb::Yuv { .. }, _) => {}
        }
    }
}

impl Scale {
    fn apply(self, row: &mut [f32]) {
        for value in row {
            *value = (*value * self.factor + self.offset).clamp(0.0, 1.0);
        }
    }
}
