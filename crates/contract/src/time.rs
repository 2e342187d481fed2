//! Exact time: presentation timestamps are integers in a rational time base; nothing that decides anything is a float.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A positive or negative fraction in lowest terms with a positive denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Rational {
    /// Numerator.
    pub num: i64,
    /// Denominator, positive.
    pub den: i64,
}

impl Rational {
    /// `num / den` in lowest terms; `den` must not be zero.
    pub fn new(num: i64, den: i64) -> Option<Self> {
        if den == 0 {
            return None;
        }
        let sign = den.signum();
        let divisor = i64::try_from(gcd(num.unsigned_abs(), den.unsigned_abs())).ok()?;
        Some(Rational { num: sign * num / divisor, den: sign * den / divisor })
    }

    /// Parses `10`, `29.97` or `30000/1001` exactly.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::usage(format!("'{text}' is not a number (examples: 10, 2.5, 30000/1001)"));
        let text = text.trim();
        if let Some((num, den)) = text.split_once('/') {
            let (num, den) = (num.trim().parse().map_err(|_| wrong())?, den.trim().parse().map_err(|_| wrong())?);
            return Rational::new(num, den).ok_or_else(wrong);
        }
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        if decimals.len() > 9
            || !decimals.bytes().all(|b| b.is_ascii_digit())
            || (whole.is_empty() && decimals.is_empty())
        {
            return Err(wrong());
        }
        let den = 10i64.pow(decimals.len() as u32);
        let digits = format!("{whole}{decimals}");
        Rational::new(digits.parse().map_err(|_| wrong())?, den).ok_or_else(wrong)
    }

    /// The nearest `f64`.
    pub fn as_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }

    /// Whether the fraction is greater than zero.
    pub fn is_positive(self) -> bool {
        self.num > 0
    }
}

impl std::fmt::Display for Rational {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.den == 1 { write!(f, "{}", self.num) } else { write!(f, "{}/{}", self.num, self.den) }
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// The sample cell of a frame: `floor((pts - origin) * time_base * fps)`, in integer arithmetic.
///
/// A frame is sampled when its cell differs from that of the frame displayed before it, so the grid takes the first
/// frame of each `1/fps` cell, and whether a frame is taken depends on that frame and its predecessor alone.
pub fn sample_cell(pts: i64, origin: i64, time_base: Rational, fps: Rational) -> i64 {
    let num = (i128::from(pts) - i128::from(origin)) * i128::from(time_base.num) * i128::from(fps.num);
    let den = i128::from(time_base.den) * i128::from(fps.den);
    num.div_euclid(den).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// `(pts - origin) * time_base` in seconds, for people to read.
pub fn seconds(pts: i64, origin: i64, time_base: Rational) -> f64 {
    (i128::from(pts) - i128::from(origin)) as f64 * time_base.num as f64 / time_base.den as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rationals_parse_exactly() {
        assert_eq!(Rational::parse("29.97").unwrap(), Rational { num: 2997, den: 100 });
        assert_eq!(Rational::parse("30000/1001").unwrap(), Rational { num: 30000, den: 1001 });
        assert_eq!(Rational::parse(".5").unwrap(), Rational { num: 1, den: 2 });
        for wrong in ["", ".", "1/0", "ten", "1.2.3", "-.x"] {
            assert!(Rational::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn cells_are_exact_at_their_edges() {
        // 30 fps in a 1/90000 time base sampled at 10 fps: every third frame opens a cell, at any distance from zero.
        let (tb, fps) = (Rational { num: 1, den: 90000 }, Rational { num: 10, den: 1 });
        for frame in [0i64, 3, 30, 3_000_000_003] {
            assert_eq!(sample_cell(frame * 3000, 0, tb, fps), frame / 3);
            assert_eq!(sample_cell(frame * 3000 - 1, 0, tb, fps), frame / 3 - 1);
        }
    }
}
