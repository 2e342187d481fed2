//! Values over time, in bins of equal width. Their number is bounded, so memory does not depend on the video's length.

use std::collections::BTreeMap;

use super::angles::JOINTS;
use super::movement::{LevelRange, Motion};
use super::observation::Observation;
use super::section::{Band, MovementSeries, Series};
use crate::round::round_to;

/// Most bins.
pub const MOST_BINS: usize = 600;

/// Widths for bins, in seconds: the smallest that is enough is used, so that axes and exports read well.
const WIDTHS: [f64; 16] =
    [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0];

/// Values of one quantity in one bin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Values {
    /// How many.
    pub count: u64,
    /// Their sum, in the order they came.
    pub sum: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

impl Values {
    /// Takes a value.
    pub fn add(&mut self, value: f64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = if self.count == 0 { value } else { self.max.max(value) };
        self.sum += value;
        self.count += 1;
    }

    /// `value` with `decimals` decimals, when there are any values.
    pub fn known(&self, value: f64, decimals: i32) -> Option<f64> {
        (self.count > 0).then(|| round_to(value, decimals))
    }

    /// Mean.
    pub fn mean(&self, decimals: i32) -> Option<f64> {
        self.known(self.sum / self.count as f64, decimals)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct MovementBin {
    path: f64,
    time: f64,
    speed: Values,
    range: LevelRange,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    people: Values,
    visible: Values,
    angles: [Values; JOINTS.len()],
    head: MovementBin,
    hips: MovementBin,
}

/// Collects the series.
#[derive(Debug)]
pub struct SeriesBuilder {
    width: f64,
    bins: Vec<Bin>,
}

impl SeriesBuilder {
    /// Bins for a video of `duration_s` seconds that is sampled every `period_s`.
    pub fn new(duration_s: f64, period_s: f64) -> Self {
        let duration = if duration_s.is_finite() { duration_s.max(0.0) } else { 0.0 };
        // A hair's breadth of tolerance: a period such as 0.1 s is not a round binary number.
        let enough = |width: f64| duration / width <= MOST_BINS as f64 && width > period_s * 0.999;
        let width =
            WIDTHS.into_iter().find(|&width| enough(width)).unwrap_or((duration / MOST_BINS as f64).max(period_s));
        let count = ((duration / width).ceil() as usize).clamp(1, MOST_BINS);
        SeriesBuilder { width, bins: vec![Bin::default(); count] }
    }

    /// Takes the next sample.
    pub fn add(&mut self, seen: &Observation<'_>) {
        // A sample on a bin's edge belongs to the bin that begins there, whatever the division rounds to.
        let place = ((seen.time.time_s / self.width + 1e-9).max(0.0) as usize).min(self.bins.len() - 1);
        let bin = &mut self.bins[place];
        bin.people.add(seen.counted as f64);
        let Some(main) = &seen.main else { return };
        bin.visible.add(main.body.visible_share());
        for (values, angle) in bin.angles.iter_mut().zip(main.angles) {
            if let Some(angle) = angle {
                values.add(angle);
            }
        }
        add_motion(&mut bin.head, &main.head);
        add_motion(&mut bin.hips, &main.hips);
    }

    /// The series.
    pub fn result(&self) -> Series {
        let bins = &self.bins;
        let mut angles = BTreeMap::new();
        for (place, joint) in JOINTS.iter().enumerate() {
            let values: Vec<Values> = bins.iter().map(|bin| bin.angles[place]).collect();
            let band = Band {
                count: values.iter().map(|v| v.count).collect(),
                mean: values.iter().map(|v| v.mean(1)).collect(),
                min: values.iter().map(|v| v.known(v.min, 1)).collect(),
                max: values.iter().map(|v| v.known(v.max, 1)).collect(),
            };
            angles.insert(joint.name.to_owned(), band);
        }
        let head: Vec<MovementBin> = bins.iter().map(|bin| bin.head).collect();
        let hips: Vec<MovementBin> = bins.iter().map(|bin| bin.hips).collect();
        Series {
            bin_s: round_to(self.width, 6),
            bins: bins.len(),
            samples: bins.iter().map(|bin| bin.people.count).collect(),
            people_mean: bins.iter().map(|bin| bin.people.mean(3)).collect(),
            people_max: bins.iter().map(|bin| bin.people.max as u64).collect(),
            visible_keypoint_share: bins.iter().map(|bin| bin.visible.mean(3)).collect(),
            angles,
            head: movement_series(&head),
            hips: movement_series(&hips),
        }
    }
}

fn add_motion(bin: &mut MovementBin, motion: &Motion) {
    if let Some(step) = motion.step {
        bin.path += step.path;
        bin.time += step.dt;
        bin.speed.add(step.speed());
    }
    if let Some(level) = motion.level {
        if !motion.continues {
            bin.range = LevelRange::default(); // another stretch: its heights do not compare
        }
        bin.range.add(level);
    }
}

fn movement_series(bins: &[MovementBin]) -> MovementSeries {
    MovementSeries {
        path: bins.iter().map(|bin| bin.speed.known(bin.path, 4)).collect(),
        mean_speed: bins.iter().map(|bin| bin.speed.known(bin.path / bin.time, 4)).collect(),
        max_speed: bins.iter().map(|bin| bin.speed.known(bin.speed.max, 4)).collect(),
        vertical_range: bins.iter().map(|bin| bin.range.value().map(|value| round_to(value, 4))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_bins_is_bounded_and_their_width_is_round() {
        for (duration, period, width) in [
            (10.3, 0.1, 0.1),
            (139.4, 0.1, 0.5),
            (900.0, 0.1, 2.0),
            (10.0, 1.0, 1.0),
            (10.0, 0.3, 0.5),
            (0.0, 0.1, 0.1),
        ] {
            let builder = SeriesBuilder::new(duration, period);
            assert_eq!(builder.width, width, "{duration} {period}");
            assert!(builder.bins.len() <= MOST_BINS && builder.bins.len() as f64 * width >= duration);
        }
        assert!(SeriesBuilder::new(1e9, 0.1).bins.len() <= MOST_BINS);
        assert_eq!(SeriesBuilder::new(f64::NAN, 0.1).bins.len(), 1);
    }
}
