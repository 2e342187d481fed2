//! Images for people and for classic image analysis: RGB or grey in 8 bits, as displayed.

use framefan_contract::{Error, Result};

use super::color::ToRgb;
use super::resample::{Filter, Resampler};
use crate::picture::{ColorMatrix, Orientation, Picture};

/// An RGB image: `height` rows of `width` times R, G, B.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `3 * width * height` bytes, row by row.
    pub data: Vec<u8>,
}

/// A grey image: `height` rows of `width` values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreyImage {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `width * height` bytes, row by row, 0 black to 255 white.
    pub data: Vec<u8>,
}

/// The picture as displayed, with its long side at most `max_side` pixels (`None`: as large as it is). Shrinking takes the
/// mean over each pixel's area, plane by plane; colour is as [`crate::convert`] defines it, rounded to 8 bits.
///
/// # Errors
/// `Usage` when `max_side` is 0, `Defect` when the picture contradicts its layout.
pub fn rgb8(picture: &Picture, orientation: Orientation, max_side: Option<u32>) -> Result<RgbImage> {
    let (width, height) = shrunk(orientation.displayed(picture.width, picture.height), max_side)?;
    let data = render::<3>(picture, orientation, (width, height), |rgb| rgb)?;
    Ok(RgbImage { width, height, data })
}

/// The luma of the picture as displayed, expanded to the full range of 8 bits and rounded; for RGB formats BT.601 luma.
///
/// # Errors
/// `Defect` when the picture contradicts its layout.
pub fn luma8(picture: &Picture, orientation: Orientation) -> Result<GreyImage> {
    let (width, height) = orientation.displayed(picture.width, picture.height);
    let data = if picture.layout.is_rgb {
        let (kr, kb) = ColorMatrix::Bt601.kr_kb().unwrap_or_default();
        let (red, green, blue) = (kr as f32, (1.0 - kr - kb) as f32, kb as f32);
        render::<1>(picture, orientation, (width, height), |[r, g, b]| [r * red + g * green + b * blue])?
    } else {
        let mut grey = *picture;
        grey.layout.count = 1;
        render::<1>(&grey, orientation, (width, height), |[y, _, _]| [y])?
    };
    Ok(GreyImage { width, height, data })
}

/// `size` with its long side at most `max_side`, in proportion, no side under 1.
fn shrunk((width, height): (usize, usize), max_side: Option<u32>) -> Result<(usize, usize)> {
    let long = width.max(height);
    let limit = max_side.map_or(long, |side| side as usize);
    if limit == 0 {
        return Err(Error::usage("an image with a long side of 0 pixels"));
    }
    if long <= limit {
        return Ok((width, height));
    }
    let scale = |side: usize| ((2 * side * limit + long) / (2 * long)).max(1);
    Ok((scale(width), scale(height)))
}

/// Renders the picture at `size` with `N` bytes a pixel.
fn render<const N: usize>(
    picture: &Picture,
    orientation: Orientation,
    (width, height): (usize, usize),
    pixel: impl Fn([f32; 3]) -> [f32; N],
) -> Result<Vec<u8>> {
    picture.check()?;
    let to_rgb = ToRgb::new(picture)?;
    let mut resampler = Resampler::new(picture, orientation, (width, height), Filter::Area)?;
    let mut data = vec![0u8; N * width * height];
    resampler.run(picture, &to_rgb, |tile| {
        // The step from one value of a line to the next, and from one line to the next, in pixels.
        let (step, line_step) = if tile.is_column { (width, 1) } else { (1, width) };
        for line in 0..tile.lines {
            let channels = [0, 1, 2].map(|channel| tile.line(channel, line));
            let cells = data[(tile.first + line) * line_step * N..].chunks_mut(step * N);
            for (((cell, &r), &g), &b) in cells.zip(channels[0]).zip(channels[1]).zip(channels[2]) {
                for (byte, value) in cell.iter_mut().zip(pixel([r, g, b])) {
                    *byte = (value * 255.0 + 0.5) as u8;
                }
            }
        }
    });
    Ok(data)
}
