//! The pyramid of a size of pictures: how large its levels are, and how a level's picture is made from the full one.
//!
//! Level k halves the picture k times. OpenCV smooths the full picture with a Gaussian of σ = (2ᵏ − 1) / 2 and takes bilinear
//! samples of the result. Both are linear and separable, so here each coordinate of a level has one list of weights over
//! the full picture, and nothing that is not sampled is smoothed.

use crate::grey::reflect;

/// Each level has half the sides of the one before.
const SCALE: f64 = 0.5;
/// Levels above the full picture.
const LEVELS: usize = 3;
/// No level's side is shorter than this, the full picture's excepted.
const SHORTEST: f64 = 32.0;
/// Pixels from the edge whose equations count less, and by how much (Farnebäck's certainty, as OpenCV sets it).
const BORDER: [f32; 5] = [0.14, 0.14, 0.4472, 0.4472, 0.4472];

/// What is the same for all pictures of one size.
pub(crate) struct Geometry {
    /// The full picture first.
    pub levels: Vec<Level>,
}

/// One level of the pyramid.
pub(crate) struct Level {
    /// Columns of the full picture that make a column of this level.
    pub columns: Taps,
    /// Rows of the full picture that make a row of this level.
    pub rows: Taps,
    /// How much the equations of a column count.
    pub column_certainty: Vec<f32>,
    /// How much the equations of a row count.
    pub row_certainty: Vec<f32>,
    /// Where the next smaller level is sampled for a column of this one; empty at the smallest level.
    pub column_samples: Vec<Sample>,
    /// The same for the rows.
    pub row_samples: Vec<Sample>,
}

impl Level {
    pub fn width(&self) -> usize {
        self.column_certainty.len()
    }

    pub fn height(&self) -> usize {
        self.row_certainty.len()
    }
}

impl Geometry {
    /// The pyramid of pictures of a size.
    pub fn new(width: usize, height: usize) -> Geometry {
        let mut levels = 0;
        let mut scale = SCALE;
        while levels < LEVELS && width as f64 * scale >= SHORTEST && height as f64 * scale >= SHORTEST {
            levels += 1;
            scale *= SCALE;
        }
        let size = |side: usize, level: usize| (side as f64 * SCALE.powi(level as i32)).round_ties_even() as usize;
        let above = |side: usize, level: usize| match level == levels {
            true => Vec::new(),
            false => samples(size(side, level + 1), size(side, level)),
        };
        let level = |level: usize| {
            let kernel = smoothing(level);
            let (columns, rows) = (size(width, level), size(height, level));
            Level {
                columns: Taps::new(&kernel, width, columns),
                rows: Taps::new(&kernel, height, rows),
                column_certainty: certainty(columns),
                row_certainty: certainty(rows),
                column_samples: above(width, level),
                row_samples: above(height, level),
            }
        };
        Geometry { levels: (0..=levels).map(level).collect() }
    }
}

/// The Gaussian of a level, its middle in the middle.
fn smoothing(level: usize) -> Vec<f64> {
    let sigma = (SCALE.powi(-(level as i32)) - 1.0) * 0.5;
    if sigma == 0.0 {
        // OpenCV's fixed kernel of three where no σ is given.
        return vec![0.25, 0.5, 0.25];
    }
    let size = ((sigma * 5.0).round_ties_even() as usize | 1).max(3);
    let middle = (size / 2) as f64;
    let weights: Vec<f64> = (0..size).map(|i| (-(i as f64 - middle).powi(2) / (2.0 * sigma * sigma)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

fn certainty(length: usize) -> Vec<f32> {
    let at = |distance: usize| BORDER.get(distance).copied().unwrap_or(1.0);
    (0..length).map(|i| at(i) * at(length - 1 - i)).collect()
}

/// Where a bilinear sample lies: between `index` and the next one, `fraction` of the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub index: usize,
    pub fraction: f32,
}

/// Samples that stretch or shrink a line of `from` to `to`, centres of pixels on centres of pixels.
pub(crate) fn samples(from: usize, to: usize) -> Vec<Sample> {
    let scale = from as f64 / to as f64;
    let sample = |i: usize| {
        let position = (i as f64 + 0.5) * scale - 0.5;
        let index = position.floor();
        if index < 0.0 {
            Sample { index: 0, fraction: 0.0 }
        } else if index as usize + 1 >= from {
            Sample { index: from - 1, fraction: 0.0 }
        } else {
            Sample { index: index as usize, fraction: (position - index) as f32 }
        }
    };
    (0..to).map(sample).collect()
}

/// Weighted sums of neighbours, one for each coordinate of a level; all have equally many weights.
pub(crate) struct Taps {
    /// Weights of each sum.
    pub count: usize,
    /// First neighbour of each sum.
    pub starts: Vec<usize>,
    /// `count` weights for each sum.
    pub weights: Vec<f32>,
}

impl Taps {
    /// Smooths a line of `from` with a kernel (mirrored at the ends) and samples it at `to` places.
    fn new(kernel: &[f64], from: usize, to: usize) -> Taps {
        let half = (kernel.len() / 2) as isize;
        let spans: Vec<_> =
            samples(from, to).into_iter().map(|sample| line_weights(sample, kernel, half, from)).collect();
        let count = spans.iter().map(|(_, weights)| weights.len()).max().unwrap_or(1);
        let (mut starts, mut all) = (Vec::new(), Vec::new());
        for (start, weights) in spans {
            // A sum with fewer weights is filled up with zeros, at its end or, where the line ends, before its beginning.
            let shifted = start.min(from - count);
            starts.push(shifted);
            let before = start - shifted;
            all.extend(std::iter::repeat_n(0.0, before));
            all.extend(weights.iter().map(|w| *w as f32));
            all.extend(std::iter::repeat_n(0.0, count - before - weights.len()));
        }
        Taps { count, starts, weights: all }
    }

    /// First neighbour and weights of sum `i`.
    pub fn at(&self, i: usize) -> (usize, &[f32]) {
        (self.starts[i], &self.weights[i * self.count..(i + 1) * self.count])
    }
}

/// The first index and the weights of one smoothed sample of a line.
fn line_weights(sample: Sample, kernel: &[f64], half: isize, from: usize) -> (usize, Vec<f64>) {
    let mut terms = Vec::new();
    for (offset, share) in [(0, 1.0 - f64::from(sample.fraction)), (1, f64::from(sample.fraction))] {
        if share > 0.0 {
            let middle = (sample.index + offset) as isize;
            let place = |i: usize| reflect(middle + i as isize - half, from);
            terms.extend(kernel.iter().enumerate().map(|(i, weight)| (place(i), weight * share)));
        }
    }
    let first = terms.iter().map(|t| t.0).min().unwrap_or(0);
    let last = terms.iter().map(|t| t.0).max().unwrap_or(0);
    let mut weights = vec![0.0; last - first + 1];
    for (index, weight) in terms {
        weights[index - first] += weight;
    }
    (first, weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_halve_as_long_as_they_are_large_enough() {
        let sizes = |width, height| -> Vec<_> {
            Geometry::new(width, height).levels.iter().map(|l| (l.width(), l.height())).collect()
        };
        assert_eq!(sizes(1280, 720), [(1280, 720), (640, 360), (320, 180), (160, 90)]);
        // 125 · 0.5 = 62.5 and 67 · 0.5 = 33.5: halves go to the even neighbour.
        assert_eq!(sizes(125, 67), [(125, 67), (62, 34)]);
        assert_eq!(sizes(63, 1000), [(63, 1000)]);
        assert_eq!(sizes(1, 1), [(1, 1)]);
    }

    #[test]
    fn every_sum_of_weights_is_one_and_lies_in_the_line() {
        for side in [1, 2, 3, 33, 64, 65, 127, 300, 1080] {
            for level in Geometry::new(side, side).levels {
                for i in 0..level.width() {
                    let (start, weights) = level.columns.at(i);
                    assert!(start + weights.len() <= side);
                    assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{side} {i}: {weights:?}");
                }
            }
        }
    }

    #[test]
    fn a_halved_line_is_sampled_between_pixels() {
        assert_eq!(
            samples(8, 4).iter().map(|s| (s.index, s.fraction)).collect::<Vec<_>>(),
            [(0, 0.5), (2, 0.5), (4, 0.5), (6, 0.5)]
        );
        assert_eq!(
            samples(2, 4).iter().map(|s| (s.index, s.fraction)).collect::<Vec<_>>(),
            [(0, 0.0), (0, 0.25), (0, 0.75), (1, 0.0)]
        );
    }
}
