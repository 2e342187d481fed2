//! Repeated knee bends, counted with hysteresis: one repetition is the mean of both knee angles falling below the lower
//! threshold and then rising above the higher one. Both knees are needed, so walking, where the legs take turns, does not
//! count. Between the thresholds nothing changes, so a person who wavers at one of them is not counted twice.

use super::angles::pair;
use super::observation::Observation;
use super::params::ReduceParams;
use super::section::Repetitions;
use super::spans::{Extreme, Span, SpanTracker};
use crate::round::round_to;

/// Longest pause between two repetitions of one set, in seconds.
pub const LONGEST_PAUSE_S: f64 = 10.0;

/// A bend that has not ended yet.
#[derive(Clone, Copy, Debug)]
struct Bend {
    start_s: f64,
    depth: f64,
}

/// Counts repetitions.
#[derive(Debug)]
pub struct RepetitionCounter {
    low: f64,
    high: f64,
    bend: Option<Bend>,
    count: u64,
    duration_sum: f64,
    depth_sum: f64,
    sets: SpanTracker,
    in_set: u64,
}

impl RepetitionCounter {
    /// With the thresholds of `params`.
    pub fn new(params: &ReduceParams) -> Self {
        RepetitionCounter {
            low: params.repetition_low_deg,
            high: params.repetition_high_deg,
            bend: None,
            count: 0,
            duration_sum: 0.0,
            depth_sum: 0.0,
            sets: SpanTracker::new(LONGEST_PAUSE_S, 0.0, Extreme::High),
            in_set: 0,
        }
    }

    /// Takes the next sample. Returns a set that is thereby known to be over; its peak's value is the number of repetitions.
    pub fn push(&mut self, seen: &Observation<'_>) -> Option<Span> {
        let knees = seen.main.as_ref().and_then(|main| {
            let [left, right] = pair::KNEES.map(|knee| main.angles[knee]);
            Some((left? + right?) / 2.0)
        });
        let mut completed = false;
        if seen.main.is_none() {
            self.bend = None; // whoever comes next has not bent yet
        }
        if let Some(angle) = knees {
            match &mut self.bend {
                None if angle < self.low => self.bend = Some(Bend { start_s: seen.time.time_s, depth: angle }),
                None => {}
                Some(bend) if angle > self.high => {
                    self.count += 1;
                    self.duration_sum += seen.time.time_s - bend.start_s;
                    self.depth_sum += bend.depth;
                    self.bend = None;
                    completed = true;
                }
                Some(bend) => bend.depth = bend.depth.min(angle),
            }
        }
        // A set lasts while there is a bend, and over the pauses between bends.
        let in_set = self.in_set;
        let active = self.bend.is_some() || completed;
        let repetitions = if completed { in_set + 1 } else { in_set };
        let closed = self.sets.push(seen.time, active.then_some((repetitions as f64, "")));
        self.in_set = match (&closed, completed) {
            (Some(_), true) => 1,
            (Some(_), false) => 0,
            (None, _) => repetitions,
        };
        closed
    }

    /// Ends the open set.
    pub fn finish(&mut self) -> Option<Span> {
        self.sets.finish()
    }

    /// What was counted.
    pub fn result(&self) -> Repetitions {
        let mean = |sum: f64, decimals| (self.count > 0).then(|| round_to(sum / self.count as f64, decimals));
        Repetitions {
            count: self.count,
            mean_duration_s: mean(self.duration_sum, 3),
            mean_depth_deg: mean(self.depth_sum, 1),
        }
    }
}
