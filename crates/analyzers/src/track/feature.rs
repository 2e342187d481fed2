//! Appearance features: vectors of unit length whose angle says how alike two things look.

use framefan_contract::{Error, Result};
use half::f16;

/// Bytes of a value in a sidecar: half precision, little-endian.
const VALUE_BYTES: usize = 2;

/// Values that are summed side by side, in a fixed order.
const LANES: usize = 16;

/// A vector of unit length.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature(Vec<f32>);

impl Feature {
    /// `values` brought to unit length; `None` for the zero vector and for what is not finite.
    pub fn new(mut values: Vec<f32>) -> Option<Self> {
        let length = f64::from(dot(&values, &values)).sqrt();
        if !(length.is_finite() && length > 0.0) {
            return None;
        }
        for value in &mut values {
            *value = (f64::from(*value) / length) as f32;
        }
        Some(Feature(values))
    }

    /// The values.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Cosine distance: 0 for the same direction, 1 for a right angle, 2 for the opposite one.
    pub fn distance(&self, other: &Feature) -> f64 {
        1.0 - f64::from(dot(&self.0, &other.0))
    }

    /// Moves to `other` by the share 1 − `memory`, and back to unit length.
    pub fn blend(&mut self, other: &Feature, memory: f32) {
        let mixed: Vec<f32> =
            self.0.iter().zip(&other.0).map(|(old, new)| memory * old + (1.0 - memory) * new).collect();
        if let Some(mixed) = Feature::new(mixed) {
            *self = mixed;
        }
    }

    /// Appends the feature to a sidecar.
    pub fn write(&self, sidecar: &mut Vec<u8>) {
        sidecar.extend(self.0.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()));
    }
}

/// `count` features of equal length that fill `sidecar`.
///
/// # Errors
/// `Defect` when they do not fill it, or one has no direction.
pub fn read_all(sidecar: &[u8], count: usize) -> Result<Vec<Feature>> {
    if count == 0 && sidecar.is_empty() {
        return Ok(Vec::new());
    }
    let broken = || Error::defect(format!("a sidecar of {} bytes for {count} features", sidecar.len()));
    if count == 0 || sidecar.is_empty() || !sidecar.len().is_multiple_of(count * VALUE_BYTES) {
        return Err(broken());
    }
    let mut features = Vec::with_capacity(count);
    for bytes in sidecar.chunks_exact(sidecar.len() / count) {
        let values =
            bytes.chunks_exact(VALUE_BYTES).map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32()).collect();
        features.push(Feature::new(values).ok_or_else(broken)?);
    }
    Ok(features)
}

/// The scalar product, in the same order everywhere.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let (whole_a, rest_a) = a.as_chunks::<LANES>();
    let (whole_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in whole_a.iter().zip(whole_b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_angles() {
        let right = Feature::new(vec![3.0, 0.0]).unwrap();
        let up = Feature::new(vec![0.0, 0.5]).unwrap();
        let between = Feature::new(vec![1.0, 1.0]).unwrap();
        assert_eq!((right.distance(&right), right.distance(&up)), (0.0, 1.0));
        assert!((right.distance(&between) - (1.0 - 0.5f64.sqrt())).abs() < 1e-6);
        assert_eq!(Feature::new(vec![0.0, 0.0]), None);
        assert_eq!(Feature::new(vec![f32::NAN, 1.0]), None);
    }

    #[test]
    fn blending_moves_a_part_of_the_way() {
        let mut feature = Feature::new(vec![1.0, 0.0]).unwrap();
        feature.blend(&Feature::new(vec![0.0, 1.0]).unwrap(), 0.9);
        assert!((feature.values()[1] / feature.values()[0] - 1.0 / 9.0).abs() < 1e-6, "{feature:?}");
    }

    #[test]
    fn sidecars_keep_features_to_half_precision() {
        let features: Vec<Feature> =
            (1..4).map(|n| Feature::new((0..50).map(|i| ((i * n) as f32).sin()).collect()).unwrap()).collect();
        let mut sidecar = Vec::new();
        features.iter().for_each(|feature| feature.write(&mut sidecar));
        assert_eq!(sidecar.len(), 300);
        let read = read_all(&sidecar, 3).unwrap();
        assert!(features.iter().zip(&read).all(|(a, b)| a.distance(b).abs() < 1e-5));
        assert!(read[0].distance(&features[1]) > 0.01);
        assert_eq!(read_all(&[], 0).unwrap(), []);
        for (bytes, count) in [(299, 3), (0, 2), (8, 0), (300, 7)] {
            assert!(read_all(&sidecar[..bytes], count).is_err(), "{bytes} bytes of {count}");
        }
    }
}
