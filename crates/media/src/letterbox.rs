//! The letterbox: how a displayed picture is placed on a network's input, and the way back for points.

use framefan_contract::{Error, Result};

/// Input sides are multiples of this: the coarsest stride of the networks.
pub const SIDE_MULTIPLE: u32 = 32;

/// The longest input side accepted.
pub const MAX_LONG_SIDE: u32 = 8192;

/// A displayed picture scaled as a whole to the middle of a network's input, the rest of which is padding.
///
/// The long side of the input is the wanted one, rounded up to a multiple of 32; the short side is the scaled short side
/// of the picture, rounded up likewise. Pictures are scaled up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Letterbox {
    /// Width of the input, a multiple of 32.
    pub width: u32,
    /// Height of the input, a multiple of 32.
    pub height: u32,
    /// Columns of the input that the picture covers, at least 1.
    pub content_width: u32,
    /// Rows of the input that the picture covers, at least 1.
    pub content_height: u32,
    /// Columns of padding left of the picture.
    pub pad_x: u32,
    /// Rows of padding above the picture.
    pub pad_y: u32,
    /// Width of the picture as displayed.
    pub source_width: u32,
    /// Height of the picture as displayed.
    pub source_height: u32,
}

impl Letterbox {
    /// The letterbox of a picture displayed as `source_width` by `source_height` on an input whose long side is
    /// `long_side`, rounded up to a multiple of 32.
    ///
    /// # Errors
    /// `Usage` when `long_side` is 0 or over [`MAX_LONG_SIDE`], `BadInput` when the picture has no pixels.
    pub fn new(source_width: u32, source_height: u32, long_side: u32) -> Result<Self> {
        if long_side == 0 || long_side > MAX_LONG_SIDE {
            return Err(Error::usage(format!("the input's long side is {long_side}, expected 1 to {MAX_LONG_SIDE}")));
        }
        if source_width == 0 || source_height == 0 {
            return Err(Error::bad_input(format!("a picture of {source_width}x{source_height} has no pixels")));
        }
        let long = long_side.next_multiple_of(SIDE_MULTIPLE);
        let (source_long, source_short) = (source_width.max(source_height), source_width.min(source_height));
        // In integers: a short side that scales to exactly a multiple of 32 must not gain another 32 from a rounding error.
        let scaled = u64::from(source_short) * u64::from(long);
        let step = u64::from(source_long) * u64::from(SIDE_MULTIPLE);
        let short = scaled.div_ceil(step) as u32 * SIDE_MULTIPLE;
        let (width, height) = if source_width >= source_height { (long, short) } else { (short, long) };

        // In f64 with ties to even, as Python computes `round(h * min(H / h, W / w))`: the same size to the pixel.
        let scale = (f64::from(height) / f64::from(source_height)).min(f64::from(width) / f64::from(source_width));
        let content = |source: u32, limit: u32| {
            let rounded = (f64::from(source) * scale).round_ties_even();
            (rounded as u32).clamp(1, limit)
        };
        let (content_width, content_height) = (content(source_width, width), content(source_height, height));
        Ok(Letterbox {
            width,
            height,
            content_width,
            content_height,
            pad_x: (width - content_width) / 2,
            pad_y: (height - content_height) / 2,
            source_width,
            source_height,
        })
    }

    /// The point of the displayed picture that lies at (`x`, `y`) of the input, both in pixels from the top left corner
    /// (0 is the left edge of the first pixel). It is the inverse of the resampling, so each axis has its own scale: the
    /// content's sides are whole pixels. Points on the padding come out outside the picture.
    pub fn to_source(&self, x: f32, y: f32) -> (f32, f32) {
        let (scale_x, scale_y) = self.scale();
        (
            ((f64::from(x) - f64::from(self.pad_x)) * scale_x) as f32,
            ((f64::from(y) - f64::from(self.pad_y)) * scale_y) as f32,
        )
    }

    /// Pixels of the displayed picture per pixel of the input, along x and y.
    pub fn scale(&self) -> (f64, f64) {
        (
            f64::from(self.source_width) / f64::from(self.content_width),
            f64::from(self.source_height) / f64::from(self.content_height),
        )
    }

    /// Values of one input: 3 channels of `height` rows of `width`.
    pub fn values(&self) -> usize {
        3 * self.pixels()
    }

    /// Pixels of one input.
    pub fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(w: u32, h: u32, long: u32) -> [u32; 6] {
        let l = Letterbox::new(w, h, long).unwrap();
        [l.width, l.height, l.content_width, l.content_height, l.pad_x, l.pad_y]
    }

    #[test]
    fn known_sizes() {
        assert_eq!(sides(1280, 720, 640), [640, 384, 640, 360, 0, 12]);
        assert_eq!(sides(1920, 1080, 640), [640, 384, 640, 360, 0, 12]);
        assert_eq!(sides(720, 1280, 640), [384, 640, 360, 640, 12, 0]);
        assert_eq!(sides(640, 640, 640), [640, 640, 640, 640, 0, 0]);
        assert_eq!(sides(640, 640, 631), [640, 640, 640, 640, 0, 0]);
        assert_eq!(sides(320, 192, 640), [640, 384, 640, 384, 0, 0]);
        assert_eq!(sides(1366, 768, 640), [640, 384, 640, 360, 0, 12]);
        assert_eq!(sides(20_000, 1, 640), [640, 32, 640, 1, 0, 15]);
        assert_eq!(sides(1, 20_000, 640), [32, 640, 1, 640, 15, 0]);
        assert_eq!(sides(1, 1, 1), [32, 32, 32, 32, 0, 0]);
        assert!(Letterbox::new(0, 5, 640).is_err());
        assert!(Letterbox::new(5, 5, 0).is_err());
    }

    #[test]
    fn all_sizes_fill_the_long_side_and_map_back_to_the_corners() {
        for w in (1..2000).step_by(37) {
            for h in (1..2000).step_by(41) {
                for long in [32, 320, 640, 1000] {
                    let l = Letterbox::new(w, h, long).unwrap();
                    assert_eq!((l.width % 32, l.height % 32), (0, 0));
                    assert_eq!(l.width.max(l.height), long.next_multiple_of(32));
                    let (long_content, long_input) =
                        if w >= h { (l.content_width, l.width) } else { (l.content_height, l.height) };
                    assert_eq!(long_content, long_input, "{w}x{h} to {long}");
                    assert!(l.pad_x + l.content_width <= l.width && l.pad_y + l.content_height <= l.height);
                    assert!(l.pad_x <= 16 && l.pad_y <= 16);
                    assert_eq!(l.to_source(l.pad_x as f32, l.pad_y as f32), (0.0, 0.0));
                    let (x, y) = l.to_source((l.pad_x + l.content_width) as f32, (l.pad_y + l.content_height) as f32);
                    assert!((x - w as f32).abs() < 1e-3 && (y - h as f32).abs() < 1e-3, "{w}x{h} to {long}: {x} {y}");
                }
            }
        }
    }
}
