//! Statistics of the whole video, computed as the samples come: sums in the order of the samples, so the same records give
//! the same bytes.

use std::collections::BTreeMap;

use super::angles::JOINTS;
use super::movement::{LevelRange, Motion};
use super::observation::Observation;
use super::section::{AngleMetrics, Metrics, MovementMetrics, PeopleMetrics, Presence, Repetitions};
use super::series::{SeriesBuilder, Values};
use crate::round::round_to;

/// Longest histogram of people per frame; its last entry holds all larger numbers.
const HISTOGRAM: usize = 32;

/// Values with the times of the smallest and the largest.
#[derive(Clone, Copy, Debug, Default)]
struct TimedValues {
    values: Values,
    min_at: f64,
    max_at: f64,
}

impl TimedValues {
    fn add(&mut self, value: f64, time_s: f64) {
        if self.values.count == 0 || value < self.values.min {
            self.min_at = time_s;
        }
        if self.values.count == 0 || value > self.values.max {
            self.max_at = time_s;
        }
        self.values.add(value);
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Movement {
    path: f64,
    time: f64,
    speed: TimedValues,
    stretch: LevelRange,
    vertical_range: Option<f64>,
}

impl Movement {
    fn add(&mut self, motion: &Motion, time_s: f64) {
        if let Some(step) = motion.step {
            self.path += step.path;
            self.time += step.dt;
            self.speed.add(step.speed(), time_s);
        }
        if !motion.continues {
            self.stretch = LevelRange::default();
        }
        if let Some(level) = motion.level {
            self.stretch.add(level);
            let range = self.stretch.value().unwrap_or(0.0);
            self.vertical_range = Some(self.vertical_range.map_or(range, |most| most.max(range)));
        }
    }

    fn result(&self) -> MovementMetrics {
        let speed = &self.speed.values;
        MovementMetrics {
            path: round_to(self.path, 3),
            followed_s: round_to(self.time, 3),
            mean_speed: speed.known(self.path / self.time, 4),
            max_speed: speed.known(speed.max, 4),
            max_speed_at_s: speed.known(self.speed.max_at, 6),
            vertical_range: self.vertical_range.map(|value| round_to(value, 4)),
        }
    }
}

/// Collects the metrics.
#[derive(Debug)]
pub struct MetricsBuilder {
    period_s: f64,
    people: Values,
    with_people: u64,
    histogram: Vec<u64>,
    visible: Values,
    angles: [TimedValues; JOINTS.len()],
    head: Movement,
    hips: Movement,
    series: SeriesBuilder,
}

impl MetricsBuilder {
    /// For a video of `duration_s` seconds that is sampled every `period_s`.
    pub fn new(duration_s: f64, period_s: f64) -> Self {
        MetricsBuilder {
            period_s,
            people: Values::default(),
            with_people: 0,
            histogram: vec![0],
            visible: Values::default(),
            angles: Default::default(),
            head: Movement::default(),
            hips: Movement::default(),
            series: SeriesBuilder::new(duration_s, period_s),
        }
    }

    /// Takes the next sample.
    pub fn add(&mut self, seen: &Observation<'_>) {
        self.series.add(seen);
        self.people.add(seen.counted as f64);
        self.with_people += u64::from(seen.counted > 0);
        let place = (seen.counted as usize).min(HISTOGRAM - 1);
        if self.histogram.len() <= place {
            self.histogram.resize(place + 1, 0);
        }
        self.histogram[place] += 1;
        let Some(main) = &seen.main else { return };
        let time_s = seen.time.time_s;
        self.visible.add(main.body.visible_share());
        for (values, angle) in self.angles.iter_mut().zip(main.angles) {
            if let Some(angle) = angle {
                values.add(angle, time_s);
            }
        }
        self.head.add(&main.head, time_s);
        self.hips.add(&main.hips, time_s);
    }

    /// The metrics, completed with what others have collected.
    pub fn result(
        &self,
        presence: Presence,
        repetitions: Repetitions,
        omitted_findings: BTreeMap<String, u64>,
    ) -> Metrics {
        let sampled = self.people.count;
        let share = if sampled == 0 { 0.0 } else { self.with_people as f64 / sampled as f64 };
        let named = JOINTS.iter().zip(&self.angles);
        Metrics {
            sampled_frames: sampled,
            sample_period_s: round_to(self.period_s, 6),
            people: PeopleMetrics {
                mean: self.people.mean(4).unwrap_or(0.0),
                max: self.people.max as u64,
                histogram: self.histogram.clone(),
                frames_with_people: self.with_people,
                share_with_people: round_to(share, 4),
                visible_keypoint_share: self.visible.mean(4),
            },
            presence,
            angles: named.map(|(joint, values)| (joint.name.to_owned(), angle_metrics(values))).collect(),
            head: self.head.result(),
            hips: self.hips.result(),
            repetitions,
            series: self.series.result(),
            omitted_findings,
        }
    }
}

fn angle_metrics(timed: &TimedValues) -> AngleMetrics {
    let values = &timed.values;
    AngleMetrics {
        count: values.count,
        mean: values.mean(1),
        min: values.known(values.min, 1),
        max: values.known(values.max, 1),
        range: values.known(values.max - values.min, 1),
        min_at_s: values.known(timed.min_at, 6),
        max_at_s: values.known(timed.max_at, 6),
    }
}
