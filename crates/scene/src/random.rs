//! Seeded random numbers in independent streams, fixed for ever: SplitMix64 (Steele, Lea and Flood, 2014).

use crate::math::TURN;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's output function: every bit of the input changes about half of the output's.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    /// The stream of this seed for one purpose: what is drawn for one thing never shifts what another gets.
    pub fn new(seed: u64, purpose: &str, index: u64) -> Self {
        let mut state = mix(seed.wrapping_add(STEP));
        for byte in purpose.bytes() {
            state = mix(state ^ u64::from(byte)).wrapping_add(STEP);
        }
        Random(mix(state ^ index.wrapping_mul(STEP)))
    }

    /// Any 64 bits.
    #[expect(clippy::should_implement_trait, reason = "the stream never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// In [0, 1).
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 * (1.0 / (1u32 << 24) as f32)
    }

    /// In [low, high).
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A whole number in [0, count).
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.next()) * count as u128) >> 64) as usize
    }

    /// True in this share of the draws.
    pub fn chance(&mut self, share: f32) -> bool {
        self.unit() < share
    }

    /// One of the choices; panics when there is none.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Normal with this deviation, by Box and Muller's transform.
    pub fn normal(&mut self, deviation: f32) -> f32 {
        let radius = (-2.0 * libm::logf(1.0 - self.unit())).sqrt();
        deviation * radius * libm::cosf(self.unit() * TURN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_and_differ() {
        // SplitMix64 from state 0 begins with this number (the reference implementation's).
        assert_eq!(Random(0).next(), 0xe220_a839_7b1d_cdaf);
        assert_ne!(Random::new(1, "a", 0).next(), Random::new(1, "b", 0).next());
        assert_ne!(Random::new(1, "a", 0).next(), Random::new(1, "a", 1).next());
        assert_eq!(Random::new(7, "a", 3).next(), Random::new(7, "a", 3).next());
    }

    #[test]
    fn normal_numbers_are_normal() {
        let mut random = Random::new(3, "normal", 0);
        let draws: Vec<f32> = (0..20_000).map(|_| random.normal(2.0)).collect();
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / draws.len() as f32;
        assert!(mean.abs() < 0.06 && (variance - 4.0).abs() < 0.15, "{mean} {variance}");
    }
}
