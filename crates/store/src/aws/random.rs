//! Randomness from the operating system, by way of the standard library's hash keys.

use std::hash::{BuildHasher, RandomState};

/// A name that nobody else has given: 128 random bits.
pub(super) fn unique() -> String {
    let keys = RandomState::new();
    format!("{:016x}{:016x}", keys.hash_one(1), keys.hash_one(2))
}

/// Between 0 and 1.
pub(super) fn fraction() -> f64 {
    (RandomState::new().hash_one(0) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_fractions_spread() {
        let names: std::collections::HashSet<String> = (0..10_000).map(|_| unique()).collect();
        assert!(names.len() == 10_000 && names.iter().all(|name| name.len() == 32));
        let fractions: Vec<f64> = (0..10_000).map(|_| fraction()).collect();
        assert!(fractions.iter().all(|f| (0.0..1.0).contains(f)));
        let mean = fractions.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
    }
}
