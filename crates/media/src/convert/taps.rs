//! Interpolation tables: which samples of an axis make each output, and with which weights.

use crate::picture::ChromaLocation;

/// One stored axis (columns or rows) of one component, and the output laid over it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Pixels of the picture along the axis.
    pub pixels: usize,
    /// Samples of the component along it.
    pub samples: usize,
    /// Pixels that one sample stands for: 1, 2, 4, …
    pub factor: usize,
    /// Where among them the sample lies.
    pub siting: Siting,
    /// Output positions.
    pub outputs: usize,
    /// The output runs against the axis.
    pub reversed: bool,
}

/// Where a sample lies among the pixels it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Siting {
    First,
    Middle,
    Last,
}

/// For output `o`: the sum over `k < count` of `weights[k][o] * sample[first[o] + k]`. `first[o] + k` may pass the last
/// sample by less than `count`; the weight is 0 there.
#[derive(Clone, Debug)]
pub(super) struct Taps {
    pub first: Vec<u32>,
    pub weights: Vec<Vec<f32>>,
}

/// Horizontal and vertical siting.
pub(super) fn siting(location: ChromaLocation) -> (Siting, Siting) {
    match location {
        ChromaLocation::Left => (Siting::First, Siting::Middle),
        ChromaLocation::Center => (Siting::Middle, Siting::Middle),
        ChromaLocation::TopLeft => (Siting::First, Siting::First),
        ChromaLocation::Top => (Siting::Middle, Siting::First),
        ChromaLocation::BottomLeft => (Siting::First, Siting::Last),
        ChromaLocation::Bottom => (Siting::Middle, Siting::Last),
    }
}

impl Axis {
    /// Distance from the axis' start, in samples, of the point `output` (0 to `outputs`, fractions allowed); sample `i`
    /// covers `i` to `i + 1`.
    fn position(&self, output: f64) -> f64 {
        let forward = output * self.pixels as f64 / self.outputs as f64;
        let pixel = if self.reversed { self.pixels as f64 - forward } else { forward };
        let factor = self.factor as f64;
        let shift = match self.siting {
            Siting::First => 0.5 - factor / 2.0,
            Siting::Middle => 0.0,
            Siting::Last => factor / 2.0 - 0.5,
        };
        (pixel - shift) / factor
    }

    /// Two samples around each output's centre.
    pub fn bilinear(&self) -> Taps {
        let last = self.samples as f64 - 1.0;
        let mut taps = Taps { first: Vec::with_capacity(self.outputs), weights: vec![Vec::new(); 2] };
        for output in 0..self.outputs {
            let index = (self.position(output as f64 + 0.5) - 0.5).clamp(0.0, last);
            let fraction = (index - index.floor()) as f32;
            taps.first.push(index.floor() as u32);
            taps.weights[0].push(1.0 - fraction);
            taps.weights[1].push(fraction);
        }
        if taps.weights[1].iter().all(|&weight| weight == 0.0) {
            taps.weights.pop();
        }
        taps
    }

    /// The mean over each output's area; where an output is narrower than a sample, as [`Axis::bilinear`].
    pub fn area(&self) -> Taps {
        let width = self.pixels as f64 / self.outputs as f64 / self.factor as f64;
        if width <= 1.0 {
            return self.bilinear();
        }
        let count = width.ceil() as usize + 1;
        let mut taps = Taps { first: Vec::with_capacity(self.outputs), weights: vec![vec![0.0; self.outputs]; count] };
        for output in 0..self.outputs {
            let (a, b) = (self.position(output as f64), self.position(output as f64 + 1.0));
            let (low, high) = (a.min(b), a.max(b));
            let last = self.samples - 1;
            let first = (low.max(0.0).floor() as usize).min(last);
            taps.first.push(first as u32);
            for (k, weights) in taps.weights.iter_mut().enumerate() {
                let sample = first + k;
                if sample > last {
                    break;
                }
                // The outer samples also stand for what lies beyond the edge.
                let from = if sample == 0 { low } else { low.max(sample as f64) };
                let to = if sample == last { high } else { high.min(sample as f64 + 1.0) };
                weights[output] = ((to - from).max(0.0) / (high - low)) as f32;
            }
        }
        taps
    }
}

impl Taps {
    /// Samples that make an output.
    pub fn count(&self) -> usize {
        self.weights.len()
    }

    /// Writes the outputs made from `samples`, which has `count - 1` finite values more than the axis.
    pub fn apply(&self, samples: &[f32], out: &mut [f32]) {
        match self.weights.as_slice() {
            [_] => {
                for (value, &first) in out.iter_mut().zip(&self.first) {
                    *value = samples[first as usize];
                }
            }
            [w0, w1] => {
                for (((value, &first), &a), &b) in out.iter_mut().zip(&self.first).zip(w0).zip(w1) {
                    let pair = &samples[first as usize..first as usize + 2];
                    *value = pair[0] * a + pair[1] * b;
                }
            }
            many => {
                out.fill(0.0);
                for (k, weights) in many.iter().enumerate() {
                    for ((value, &first), &weight) in out.iter_mut().zip(&self.first).zip(weights) {
                        *value += samples[first as usize + k] * weight;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_stay_inside() {
        for pixels in [1usize, 2, 3, 5, 17, 64, 101] {
            for outputs in [1usize, 2, 3, 8, 33, 64, 150] {
                for factor in [1usize, 2, 4] {
                    for siting in [Siting::First, Siting::Middle, Siting::Last] {
                        for reversed in [false, true] {
                            let samples = pixels.div_ceil(factor);
                            let axis = Axis { pixels, samples, factor, siting, outputs, reversed };
                            for taps in [axis.bilinear(), axis.area()] {
                                for output in 0..outputs {
                                    let sum: f32 = taps.weights.iter().map(|w| w[output]).sum();
                                    assert!((sum - 1.0).abs() < 1e-6, "{axis:?} {output} {sum}");
                                    for (k, weights) in taps.weights.iter().enumerate() {
                                        let inside = (taps.first[output] as usize + k) < samples;
                                        assert!(weights[output] >= 0.0 && (inside || weights[output] == 0.0));
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
