//! Scales, ticks and SVG paths.

use std::fmt::Write as _;

/// Width of a plot in its own units; drawings are stretched to the page.
pub const WIDTH: f64 = 1000.0;

/// Height of a plot in its own units.
pub const HEIGHT: f64 = 100.0;

/// Maps values to a plot's height, upwards.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Value at the bottom.
    pub low: f64,
    /// Value at the top.
    pub high: f64,
}

impl Scale {
    /// From `low` to a round number not below `high`.
    pub fn new(low: f64, high: f64) -> Self {
        let step = nice_step((high - low).max(1e-6) / 4.0);
        Scale { low, high: low + ((high - low) / step - 1e-9).ceil().max(1.0) * step }
    }

    /// Place of `value` in the plot, from 0 at the top.
    pub fn place(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        HEIGHT * (1.0 - share.clamp(0.0, 1.0))
    }
}

/// A step of 1, 2 or 5 times a power of ten, not below `rough`.
pub fn nice_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|&step| step >= rough * 0.999).unwrap_or(rough)
}

/// Times for the ticks of an axis of `duration` seconds, about `wanted` of them, from 0.
pub fn time_ticks(duration: f64, wanted: usize) -> Vec<f64> {
    const STEPS: [f64; 18] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
        14400.0,
    ];
    let rough = duration / wanted as f64;
    let step = STEPS.into_iter().find(|&step| step >= rough).unwrap_or_else(|| nice_step(rough));
    (0..=wanted).map(|place| place as f64 * step).take_while(|&time| time <= duration).collect()
}

/// The line through the known `values` at the middles of equal bins of which `bins` fill the width; broken where a value is
/// missing.
pub fn line(values: &[Option<f64>], bins: f64, scale: &Scale) -> String {
    let mut path = String::new();
    for run in runs(values) {
        for (place, &(bin, value)) in run.iter().enumerate() {
            let command = if place == 0 { 'M' } else { 'L' };
            point(&mut path, command, middle(bin, bins), scale.place(value));
        }
        if let [(bin, value)] = run[..] {
            point(&mut path, 'L', middle(bin, bins), scale.place(value)); // a round line end shows as a dot
        }
    }
    path
}

/// The area between two lines as [`line`] draws them.
pub fn band(low: &[Option<f64>], high: &[Option<f64>], bins: f64, scale: &Scale) -> String {
    let mut path = String::new();
    let both: Vec<Option<f64>> = low.iter().zip(high).map(|(low, high)| low.and(*high)).collect();
    for run in runs(&both) {
        for (place, &(bin, high)) in run.iter().enumerate() {
            point(&mut path, if place == 0 { 'M' } else { 'L' }, middle(bin, bins), scale.place(high));
        }
        for &(bin, _) in run.iter().rev() {
            point(&mut path, 'L', middle(bin, bins), scale.place(low[bin].unwrap_or(scale.low)));
        }
        path.push('Z');
    }
    path
}

/// The area under steps of one bin each.
pub fn steps(values: &[Option<f64>], bins: f64, scale: &Scale) -> String {
    let mut path = String::new();
    for run in runs(values) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        point(&mut path, 'M', left(first.0, bins), HEIGHT);
        for &(bin, value) in &run {
            point(&mut path, 'L', left(bin, bins), scale.place(value));
            point(&mut path, 'L', left(bin + 1, bins), scale.place(value));
        }
        point(&mut path, 'L', left(last.0 + 1, bins), HEIGHT);
        path.push('Z');
    }
    path
}

/// The stretches of known values, with their places.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut open = false;
    for (place, value) in values.iter().enumerate() {
        match (value, open) {
            (Some(value), true) => runs.last_mut().into_iter().for_each(|run| run.push((place, *value))),
            (Some(value), false) => runs.push(vec![(place, *value)]),
            (None, _) => {}
        }
        open = value.is_some();
    }
    runs
}

fn middle(bin: usize, bins: f64) -> f64 {
    ((bin as f64 + 0.5) * WIDTH / bins).min(WIDTH)
}

fn left(bin: usize, bins: f64) -> f64 {
    (bin as f64 * WIDTH / bins).min(WIDTH)
}

fn point(path: &mut String, command: char, x: f64, y: f64) {
    // Writing to a string cannot fail.
    let _ = write!(path, "{command}{} {}", short(x), short(y));
}

/// One decimal at most.
fn short(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_values_are_missing() {
        let scale = Scale { low: 0.0, high: 10.0 };
        let values = [Some(0.0), Some(10.0), None, Some(5.0)];
        assert_eq!(line(&values, 4.0, &scale), "M125 100L375 0M875 50L875 50");
        assert_eq!(
            steps(&values, 4.0, &scale),
            "M0 100L0 100L250 100L250 0L500 0L500 100ZM750 100L750 50L1000 50L1000 100Z"
        );
        assert_eq!(
            band(&[Some(0.0), Some(1.0)], &[Some(10.0), Some(9.0)], 2.0, &scale),
            "M250 0L750 10L750 90L250 100Z"
        );
    }

    #[test]
    fn axes_have_round_numbers() {
        assert_eq!(Scale::new(0.0, 2.7).high, 3.0);
        assert!(Scale::new(0.0, 0.0).high > 0.0, "an axis of nothing has a length");
        assert_eq!(time_ticks(139.4, 8), [0.0, 30.0, 60.0, 90.0, 120.0]);
        assert_eq!(time_ticks(10.3, 6), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
    }
}
