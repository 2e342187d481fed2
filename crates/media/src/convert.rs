//! From a decoded picture to what networks and people want: a letterboxed planar RGB tensor, an RGB image, or grey.
//!
//! What a pixel of the letterbox is, exactly:
//!
//! 1. **Resampling.** Each stored plane is resampled on its own, straight to the output's pixels, bilinearly with
//!    half-pixel centres and clamped edges, as OpenCV's `INTER_LINEAR` does: output column `o` of `m` over a picture `n`
//!    wide lies at `t = (o + 1/2) n / m`, and takes the two samples around it, however much smaller the output is. There
//!    is no full-size RGB picture in between.
//! 2. **Chroma siting.** A chroma sample `i` that stands for `s` columns has its centre at `s i + 1/2` when it is on the
//!    left column, at `s i + s/2` when it is between them, at `s i + s - 1/2` on the last one; rows likewise
//!    ([`ChromaLocation`]). Chroma is interpolated at `t` between these centres.
//! 3. **Orientation.** Rotation and mirroring turn the coordinate `t`, not the pixels.
//! 4. **Range and matrix.** With `d` bits and `k = 2^(d-8)`: limited luma is `(v - 16k) / 219k`, limited chroma
//!    `(v - 128k) / 224k`; full luma is `v / (2^d - 1)`, full chroma `(v - 128k) / (2^d - 1)` (H.273 section 8.3). With
//!    the weights of [`ColorMatrix::kr_kb`](crate::ColorMatrix::kr_kb) and `Kg = 1 - Kr - Kb`:
//!    `R = Y + 2 (1 - Kr) V`, `B = Y + 2 (1 - Kb) U`, `G = Y - (2 Kb (1 - Kb) U + 2 Kr (1 - Kr) V) / Kg`.
//!    Transfer functions are left alone: networks are trained on the values as coded.
//! 5. **Clamp** to 0..1. Padding is 114/255.
//!
//! Interpolation weights are computed in `f64` and applied in `f32`, by plain multiplications and additions in a fixed
//! order: the bits depend neither on the instruction set nor on who calls.

use framefan_contract::{Error, Result};

use crate::letterbox::Letterbox;
use crate::picture::{ChromaLocation, Orientation, Picture, PixelLayout};

mod color;
mod resample;
mod samples;
mod still;
mod taps;

pub use still::{GreyImage, RgbImage, luma8, rgb8};

use color::ToRgb;
use resample::{Filter, Resampler};

/// The grey of a letterbox's padding.
pub const PADDING: f32 = 114.0 / 255.0;

/// Converts pictures of one video for one letterbox; keeps its tables from one picture to the next.
pub struct Converter {
    orientation: Orientation,
    letterbox: Letterbox,
    prepared: Option<(Geometry, Resampler)>,
}

/// All of a picture that the tables depend on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Geometry {
    width: usize,
    height: usize,
    layout: PixelLayout,
    chroma_location: ChromaLocation,
}

impl Converter {
    /// A converter for pictures with this orientation that are displayed with the letterbox's source size.
    pub fn new(orientation: Orientation, letterbox: Letterbox) -> Self {
        Converter { orientation, letterbox, prepared: None }
    }

    /// The letterbox it fills.
    pub fn letterbox(&self) -> &Letterbox {
        &self.letterbox
    }

    /// Fills `out`, planes R, G, B of `letterbox.height` rows of `letterbox.width`, with values in 0..1.
    ///
    /// # Errors
    /// `BadInput` when the picture's displayed size is not the letterbox's source size; `Defect` when the picture
    /// contradicts its layout or `out` does not hold [`Letterbox::values`] values.
    pub fn letterbox_rgb(&mut self, picture: &Picture, out: &mut [f32]) -> Result<()> {
        let letterbox = self.letterbox;
        if out.len() != letterbox.values() {
            return Err(Error::defect(format!(
                "output of {} values for a letterbox of {}x{}",
                out.len(),
                letterbox.width,
                letterbox.height
            )));
        }
        let displayed = self.orientation.displayed(picture.width, picture.height);
        if displayed != (letterbox.source_width as usize, letterbox.source_height as usize) {
            return Err(Error::bad_input(format!(
                "a frame is displayed as {}x{}, the video as {}x{}",
                displayed.0, displayed.1, letterbox.source_width, letterbox.source_height
            )));
        }
        picture.check()?;
        let to_rgb = ToRgb::new(picture)?;
        let geometry = Geometry {
            width: picture.width,
            height: picture.height,
            layout: picture.layout,
            chroma_location: picture.chroma_location,
        };
        let resampler = match &mut self.prepared {
            Some((known, resampler)) if *known == geometry => resampler,
            prepared => {
                let size = (letterbox.content_width as usize, letterbox.content_height as usize);
                let resampler = Resampler::new(picture, self.orientation, size, Filter::Bilinear)?;
                &mut prepared.insert((geometry, resampler)).1
            }
        };

        let (width, height) = (letterbox.width as usize, letterbox.height as usize);
        let (left, top) = (letterbox.pad_x as usize, letterbox.pad_y as usize);
        let (content_width, content_height) = (letterbox.content_width as usize, letterbox.content_height as usize);
        for plane in out.chunks_exact_mut(width * height) {
            pad(plane, width, left..left + content_width, top..top + content_height);
        }
        resampler.run(picture, &to_rgb, |tile| {
            for (channel, plane) in out.chunks_exact_mut(width * height).enumerate() {
                let content = &mut plane[top * width..];
                if tile.is_column {
                    let columns = left + tile.first..left + tile.first + tile.lines;
                    for (y, row) in content.chunks_exact_mut(width).take(content_height).enumerate() {
                        for (line, value) in row[columns.clone()].iter_mut().enumerate() {
                            *value = tile.line(channel, line)[y];
                        }
                    }
                } else {
                    for line in 0..tile.lines {
                        let start = (tile.first + line) * width + left;
                        content[start..start + content_width].copy_from_slice(tile.line(channel, line));
                    }
                }
            }
        });
        Ok(())
    }
}

/// [`Converter::letterbox_rgb`] for a single picture.
///
/// # Errors
/// As there.
pub fn letterbox_rgb(
    picture: &Picture,
    orientation: Orientation,
    letterbox: &Letterbox,
    out: &mut [f32],
) -> Result<()> {
    Converter::new(orientation, *letterbox).letterbox_rgb(picture, out)
}

/// Fills all of a plane but the content with the padding.
fn pad(plane: &mut [f32], width: usize, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) {
    for (y, row) in plane.chunks_exact_mut(width).enumerate() {
        if rows.contains(&y) {
            row[..columns.start].fill(PADDING);
            row[columns.end..].fill(PADDING);
        } else {
            row.fill(PADDING);
        }
    }
}
