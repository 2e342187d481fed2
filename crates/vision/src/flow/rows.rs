//! Pictures of floats with several channels, in rows with room at both ends.

use crate::simd::LANES;

/// A vector's numbers, at the beginning of a cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line<T>([T; LANES]);

/// `height` rows, each of `channels` lines of pixels one after the other.
///
/// A line has `EDGE` numbers before its first pixel; after its last one it is filled up to whole vectors, and another `EDGE`
/// numbers follow. So a vector that begins anywhere from `EDGE` pixels left of a line to its last whole vector lies in it.
pub(crate) struct Rows<T = f32> {
    lines: Vec<Line<T>>,
    width: usize,
    height: usize,
    channels: usize,
    stride: usize,
}

/// Numbers at either end of a line: a vector, and the reach of every filter.
pub(crate) const EDGE: usize = 2 * LANES;

impl<T: Copy + Default> Rows<T> {
    /// Rows of zeros.
    pub fn new(width: usize, height: usize, channels: usize) -> Self {
        let stride = EDGE + width.next_multiple_of(LANES) + EDGE;
        let lines = vec![Line([T::default(); LANES]); stride / LANES * channels * height];
        Rows { lines, width, height, channels, stride }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    /// Numbers from a channel's line to the next one's.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The whole line of a channel; pixel `x` stands at `EDGE + x`.
    pub fn line(&self, y: usize, channel: usize) -> &[T] {
        let start = self.start(y, channel);
        &self.numbers()[start..start + self.stride]
    }

    /// The same, to write.
    pub fn line_mut(&mut self, y: usize, channel: usize) -> &mut [T] {
        let (start, stride) = (self.start(y, channel), self.stride);
        &mut self.numbers_mut()[start..start + stride]
    }

    /// A channel's pixels.
    pub fn pixels(&self, y: usize, channel: usize) -> &[T] {
        &self.line(y, channel)[EDGE..EDGE + self.width]
    }

    /// All channels of a row, from its first line's beginning.
    pub fn row_mut(&mut self, y: usize) -> &mut [T] {
        let (start, length) = (self.start(y, 0), self.stride * self.channels);
        &mut self.numbers_mut()[start..start + length]
    }

    /// The same, to read.
    pub fn row(&self, y: usize) -> &[T] {
        let start = self.start(y, 0);
        &self.numbers()[start..start + self.stride * self.channels]
    }

    fn start(&self, y: usize, channel: usize) -> usize {
        assert!(
            y < self.height && channel < self.channels,
            "line {y}, {channel} of {}, {}",
            self.height,
            self.channels
        );
        (y * self.channels + channel) * self.stride
    }

    /// Every number there is.
    pub fn numbers(&self) -> &[T] {
        // SAFETY: a `Line` is LANES numbers of 4 or 8 bytes, so it has no padding.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * LANES) }
    }

    /// The same, to write.
    pub fn numbers_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `numbers`.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * LANES) }
    }
}

/// Copies a line's first and last pixels over what stands before and after them.
pub(crate) fn replicate(line: &mut [f32], width: usize) {
    let (first, last) = (line[EDGE], line[EDGE + width - 1]);
    line[..EDGE].fill(first);
    line[EDGE + width..].fill(last);
}
