//! Rounding of what is written.

/// `value` with `decimals` decimals, so that numbers in the result are short and end the same everywhere. Never `-0`.
pub(crate) fn round_to(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale + 0.0
}
