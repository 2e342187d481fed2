//! A grey picture of bytes, as every measure takes it.

use framefan_contract::{Error, Result};

/// A grey picture: `height` rows of `width` bytes, 0 black to 255 white, one row after the other.
#[derive(Clone, Copy, Debug)]
pub struct Grey<'a> {
    pixels: &'a [u8],
    width: usize,
    height: usize,
}

impl<'a> Grey<'a> {
    /// Borrows a picture's bytes.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) when the picture is empty or `pixels` is not `width · height` long.
    pub fn new(pixels: &'a [u8], width: usize, height: usize) -> Result<Self> {
        if width == 0 || height == 0 || width.checked_mul(height) != Some(pixels.len()) {
            let given = pixels.len();
            return Err(Error::usage(format!("{given} bytes are no grey picture of {width}×{height} pixels")));
        }
        Ok(Grey { pixels, width, height })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All rows, one after the other.
    pub fn pixels(&self) -> &'a [u8] {
        self.pixels
    }

    /// Row `y`, `width` bytes.
    pub fn row(&self, y: usize) -> &'a [u8] {
        &self.pixels[y * self.width..(y + 1) * self.width]
    }
}

/// The index that OpenCV's `BORDER_REFLECT_101` takes for `index` of a line of `length`: `dcb|abcd|cba`.
pub(crate) fn reflect(index: isize, length: usize) -> usize {
    let last = length as isize - 1;
    if last == 0 {
        return 0;
    }
    let mut index = index;
    while index < 0 || index > last {
        index = if index < 0 { -index } else { 2 * last - index };
    }
    index as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_leaves_the_edge_out() {
        let line: Vec<usize> = (-4..8).map(|i| reflect(i, 4)).collect();
        assert_eq!(line, [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!([-2, -1, 0, 1, 2].map(|i| reflect(i, 2)), [0, 1, 0, 1, 0]);
        assert_eq!([-1, 0, 1].map(|i| reflect(i, 1)), [0, 0, 0]);
    }

    #[test]
    fn a_picture_has_all_its_pixels() {
        let pixels = [0u8; 6];
        assert_eq!(Grey::new(&pixels, 3, 2).unwrap().row(1).len(), 3);
        for (width, height) in [(2, 2), (0, 6), (6, 0), (usize::MAX, 2)] {
            let error = Grey::new(&pixels, width, height).unwrap_err();
            assert_eq!(error.kind(), framefan_contract::ErrorKind::Usage);
        }
    }
}
