//! A decoded picture as plain data: borrowed planes and a description of how to read them, without FFmpeg types.
//!
//! The description is FFmpeg's `AVPixFmtDescriptor` in words of our own, so any planar, semi-planar or packed YUV, grey
//! or RGB format with whole bytes per sample can be read. Not described here: palettes, bit streams, Bayer patterns,
//! floats, and surfaces on a GPU. Alpha is described and never used.

use framefan_contract::{Error, Result};

/// A decoded picture as stored, before any rotation.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// How samples lie in the planes.
    pub layout: PixelLayout,
    /// The planes; unused ones are empty ([`PlaneRef::default`]).
    pub planes: [PlaneRef<'a>; 4],
    /// What the samples mean.
    pub color: Color,
    /// Where chroma samples lie between luma samples.
    pub chroma_location: ChromaLocation,
}

/// The bytes of one plane, top row first.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlaneRef<'a> {
    /// Bytes from the first sample of the first row to at least the last sample of the last row.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// How the samples of a picture lie in its planes (`AVPixFmtDescriptor`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PixelLayout {
    /// FFmpeg's name of the pixel format (`yuv420p`, …).
    pub name: &'static str,
    /// How many of `components` count: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha.
    pub count: usize,
    /// Y, U, V, A or R, G, B, A; grey formats have their alpha in place 1.
    pub components: [Component; 4],
    /// Components 1 and 2 of YUV formats have `ceil(width / 2^log2_chroma_w)` columns.
    pub log2_chroma_w: u8,
    /// Components 1 and 2 of YUV formats have `ceil(height / 2^log2_chroma_h)` rows.
    pub log2_chroma_h: u8,
    /// Components are R, G, B instead of Y, U, V.
    pub is_rgb: bool,
    /// Samples of more than one byte have their high byte first.
    pub big_endian: bool,
}

/// Where to find one component's sample: `(word at column * step + offset) >> shift & (2^depth - 1)`, where the word is
/// one byte when `shift + depth <= 8`, two up to 16, else four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Component {
    /// Plane that holds it.
    pub plane: usize,
    /// Bytes from one sample to the next in a row.
    pub step: usize,
    /// Bytes before the first sample of a row. FFmpeg counts one less for one-byte words of big-endian formats: add it.
    pub offset: usize,
    /// Bits below the sample's lowest bit.
    pub shift: u8,
    /// Bits of the sample.
    pub depth: u8,
}

/// What sample values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Color {
    /// Which values are black and white.
    pub range: ColorRange,
    /// How YUV becomes RGB. Grey and RGB formats do not look at it.
    pub matrix: ColorMatrix,
}

/// Which sample values are black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColorRange {
    /// In 8 bits, luma and RGB 16 to 235, chroma 16 to 240; more bits append zeros.
    Limited,
    /// All values: 0 to `2^depth - 1`.
    Full,
}

/// The luma weights of red and blue; see [`ColorMatrix::kr_kb`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColorMatrix {
    /// Rec. ITU-R BT.601 (also called SMPTE 170M, BT.470BG).
    Bt601,
    /// Rec. ITU-R BT.709.
    Bt709,
    /// Rec. ITU-R BT.2020, non-constant luminance.
    Bt2020,
    /// Samples are RGB already.
    Rgb,
}

/// Where chroma samples lie between the luma samples they stand for (H.273 `ChromaLocType`, `AVChromaLocation`).
/// It matters only along an axis that is subsampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChromaLocation {
    /// On the left column, between the rows: MPEG-2, H.264 and later by default.
    Left,
    /// Between columns and rows: JPEG, MPEG-1.
    Center,
    /// On the left column and the top row.
    TopLeft,
    /// Between the columns, on the top row.
    Top,
    /// On the left column and the bottom row.
    BottomLeft,
    /// Between the columns, on the bottom row.
    Bottom,
}

/// How a stored picture is turned to be displayed upright: first rotated, then mirrored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Orientation {
    /// Clockwise turn in degrees: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Left and right change places after the rotation.
    pub mirrored: bool,
}

impl Picture<'_> {
    /// Checks that every sample the layout names lies inside its plane, so that readers need not fear a broken picture.
    ///
    /// # Errors
    /// [`framefan_contract::ErrorKind::Defect`] names the component that does not fit.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: String| {
            Error::defect(format!("{} picture of {}x{}: {what}", self.layout.name, self.width, self.height))
        };
        if self.width == 0 || self.height == 0 {
            return Err(wrong("no pixels".into()));
        }
        if !(1..=4).contains(&self.layout.count) {
            return Err(wrong(format!("{} components, expected 1 to 4", self.layout.count)));
        }
        for (index, component) in self.layout.components[..self.layout.count].iter().enumerate() {
            let bytes = component.word_bytes();
            if component.depth == 0
                || component.depth > 16
                || component.shift > 16
                || component.offset + bytes > component.step
            {
                return Err(wrong(format!("component {index} cannot be read: {component:?}")));
            }
            let (columns, rows) = self.layout.size_of(index, self.width, self.height);
            let plane = self.planes.get(component.plane).copied().unwrap_or_default();
            let row = columns.saturating_mul(component.step);
            let needed = (rows - 1).saturating_mul(plane.stride).saturating_add(row);
            if plane.stride < row || plane.data.len() < needed {
                return Err(wrong(format!(
                    "component {index} does not fit plane {} of {} bytes",
                    component.plane,
                    plane.data.len()
                )));
            }
        }
        Ok(())
    }
}

impl PixelLayout {
    /// Columns and rows of component `index` in a picture of `width` by `height`.
    pub fn size_of(&self, index: usize, width: usize, height: usize) -> (usize, usize) {
        let (log2_w, log2_h) = self.subsampling(index);
        (width.div_ceil(1 << log2_w), height.div_ceil(1 << log2_h))
    }

    /// Base-2 logarithms of how many luma columns and rows one sample of component `index` stands for.
    pub fn subsampling(&self, index: usize) -> (u8, u8) {
        let is_chroma = !self.is_rgb && self.count >= 3 && (index == 1 || index == 2);
        if is_chroma { (self.log2_chroma_w, self.log2_chroma_h) } else { (0, 0) }
    }

    /// Whether the layout has no colour.
    pub fn is_grey(&self) -> bool {
        self.count < 3
    }
}

impl Component {
    /// Bytes of the word that holds a sample: 1, 2 or 4.
    pub fn word_bytes(&self) -> usize {
        match u32::from(self.shift) + u32::from(self.depth) {
            0..=8 => 1,
            9..=16 => 2,
            _ => 4,
        }
    }
}

impl ColorMatrix {
    /// The weights of red and blue in luma, `Y' = Kr R' + (1 - Kr - Kb) G' + Kb B'`, as their recommendations state them:
    /// BT.601-7 section 2.5.1, BT.709-6 item 3.2, BT.2020-2 table 4. [`ColorMatrix::Rgb`] has none.
    pub fn kr_kb(self) -> Option<(f64, f64)> {
        match self {
            ColorMatrix::Bt601 => Some((0.299, 0.114)),
            ColorMatrix::Bt709 => Some((0.2126, 0.0722)),
            ColorMatrix::Bt2020 => Some((0.2627, 0.0593)),
            ColorMatrix::Rgb => None,
        }
    }
}

impl ChromaLocation {
    /// The location to assume when the stream does not state one: centred for JPEG's own formats (`yuvj…`), else left, as
    /// H.264 defines and FFmpeg assumes.
    pub fn unspecified(pixel_format: &str) -> Self {
        if pixel_format.starts_with("yuvj") { ChromaLocation::Center } else { ChromaLocation::Left }
    }
}

impl Orientation {
    /// Whether width and height change places.
    pub fn swaps_axes(self) -> bool {
        self.rotation % 180 == 90
    }

    /// Width and height as displayed of a picture stored as `width` by `height`.
    pub fn displayed<T>(self, width: T, height: T) -> (T, T) {
        if self.swaps_axes() { (height, width) } else { (width, height) }
    }
}
