//! Specular highlights of a picture: where a shiny surface mirrors the light.
//!
//! By the dichromatic model (Shafer 1985) a highlight has the light's colour and is brighter than any matt surface, so it is
//! found by brightness with the light's colour balance: the first step of M. Arnold, A. Ghosh, S. Ameling and G. Lacey,
//! "Automatic Segmentation and Inpainting of Specular Highlights for Endoscopic Imaging", EURASIP Journal on Image and Video
//! Processing 2010, with its threshold of 240. With E the luma and P₉₅ a channel's 95th percentile, a pixel is specular where
//! `E > 240`, `G > 240 · P₉₅(G) / P₉₅(E)` or `B > 240 · P₉₅(B) / P₉₅(E)`. Connected pixels are one highlight; as in that paper a
//! large bright area is none (theirs: 5000 pixels of a picture of about 500 × 500, so 2% here).

use framefan_contract::{Error, Result};

use crate::components::components;
use crate::grey::Grey;

/// Brightness from which on a pixel is specular.
const BRIGHT: u64 = 240;
/// A larger share of the picture is no highlight but a bright area: 1 / `AREAS`.
const AREAS: u64 = 50;
/// What a pixel that is clipped has in all channels.
const CLIPPED: u8 = 255;

/// A colour picture: `height` rows of `width` pixels of three bytes R, G, B.
#[derive(Clone, Copy, Debug)]
pub struct Rgb<'a> {
    pixels: &'a [u8],
    width: usize,
}

impl<'a> Rgb<'a> {
    /// Borrows a picture's bytes.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) when the picture is empty or `pixels` is not `3 · width · height` long.
    pub fn new(pixels: &'a [u8], width: usize, height: usize) -> Result<Self> {
        let expected = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
        if expected == Some(0) || expected != Some(pixels.len()) {
            let given = pixels.len();
            return Err(Error::usage(format!("{given} bytes are no RGB picture of {width}×{height} pixels")));
        }
        Ok(Rgb { pixels, width })
    }
}

/// One highlight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Highlight {
    /// Pixels.
    pub area: u64,
    /// Column of its centre of gravity; 0 is the middle of the leftmost column.
    pub x: f64,
    /// Row of its centre of gravity; 0 is the middle of the top row.
    pub y: f64,
}

/// What glints in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Glint {
    /// Share of the picture's pixels in highlights, 0 to 1.
    pub share: f64,
    /// Share of the picture's pixels that are clipped: all channels at 255. Bright areas count here too.
    pub clipped_share: f64,
    /// The highlights, largest first, then row by row.
    pub highlights: Vec<Highlight>,
}

/// Highlights of a colour picture.
pub fn glint(picture: Rgb<'_>) -> Glint {
    let pixels = picture.pixels.as_chunks::<3>().0;
    let luma: Vec<u8> = pixels.iter().map(luma).collect();
    let level = |values: &mut dyn Iterator<Item = u8>| percentile_95(values);
    let (e, g, b) = (
        level(&mut luma.iter().copied()),
        level(&mut pixels.iter().map(|p| p[1])),
        level(&mut pixels.iter().map(|p| p[2])),
    );
    // In a picture that is black but for less than a twentieth there is no colour balance to speak of.
    let bright = |value: u8, level: u64| e > 0 && u64::from(value) * e > BRIGHT * level;
    let mask = pixels.iter().zip(&luma);
    let mask = mask.map(|(p, luma)| u64::from(*luma) > BRIGHT || bright(p[1], g) || bright(p[2], b)).collect();
    let clipped = pixels.iter().filter(|p| **p == [CLIPPED; 3]).count();
    summed(mask, picture.width, clipped)
}

/// Highlights of a grey picture: where it is brighter than the threshold.
pub fn glint_of_grey(picture: Grey<'_>) -> Glint {
    let rows = || (0..picture.height()).flat_map(|y| picture.row(y));
    let mask = rows().map(|value| u64::from(*value) > BRIGHT).collect();
    summed(mask, picture.width(), rows().filter(|value| **value == CLIPPED).count())
}

fn summed(mask: Vec<bool>, width: usize, clipped: usize) -> Glint {
    let pixels = mask.len() as u64;
    let mut found = components(&mask, width);
    found.retain(|component| component.area * AREAS <= pixels);
    // A stable sort: equal areas stay in the order of their first pixels.
    found.sort_by_key(|component| std::cmp::Reverse(component.area));
    let area: u64 = found.iter().map(|component| component.area).sum();
    Glint {
        share: area as f64 / pixels as f64,
        clipped_share: clipped as f64 / pixels as f64,
        highlights: found.iter().map(|c| Highlight { area: c.area, x: c.x, y: c.y }).collect(),
    }
}

/// 0.2989 R + 0.5870 G + 0.1140 B, to the nearest whole number (halves up).
fn luma([r, g, b]: &[u8; 3]) -> u8 {
    ((2989 * u32::from(*r) + 5870 * u32::from(*g) + 1140 * u32::from(*b) + 5000) / 10_000) as u8
}

/// The least value that at least 95% of the values do not exceed.
fn percentile_95(values: &mut dyn Iterator<Item = u8>) -> u64 {
    let mut counts = [0u64; 256];
    for value in values {
        counts[usize::from(value)] += 1;
    }
    let all: u64 = counts.iter().sum();
    let mut so_far = 0;
    let level = counts.iter().position(|count| {
        so_far += count;
        so_far * 20 >= all * 19
    });
    level.unwrap_or(0) as u64
}
