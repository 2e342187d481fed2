//! Moments: at most [`MOST`] frames that a person would pick to see what the video shows.
//!
//! The best candidate for each question is kept as the samples go by, and of each appearance its best frame; at the end
//! the questions come first, then the longest appearances that no moment shows yet. A frame chosen for two reasons is one moment.

use super::angles::pair;
use super::findings::raised_arm;
use super::observation::Observation;
use super::section::{Moment, Person};
use super::spans::Span;
use crate::analyzer::FrameTime;
use crate::round::round_to;

/// Most moments.
pub const MOST: usize = 8;

/// A knee angle, in degrees, above which a bend is nothing to show.
const PLAIN_KNEE_DEG: f64 = 120.0;

/// A shoulder angle, in degrees, below which an arm is nothing to show.
const PLAIN_ARM_DEG: f64 = 90.0;

/// A speed, in body heights per second, below which movement is nothing to show.
const PLAIN_SPEED: f64 = 0.5;

#[derive(Clone, Debug)]
struct Candidate {
    kind: &'static str,
    /// How good it is as an answer; only compared among candidates of one kind.
    merit: f64,
    time: FrameTime,
    reason: String,
    people: Vec<Person>,
}

/// Picks the moments.
#[derive(Debug, Default)]
pub struct MomentsBuilder {
    /// The best candidate for each question.
    best: [Option<Candidate>; 5],
    /// The best frame of the appearance that is open.
    current: Option<Candidate>,
    /// Finished appearances, the longest first.
    appearances: Vec<(Span, Candidate)>,
}

impl MomentsBuilder {
    /// Takes the next sample.
    pub fn add(&mut self, seen: &Observation<'_>) {
        let Some(main) = &seen.main else { return };
        let clarity = main.score * main.body.visible_share();
        offer(&mut self.current, seen, "appearance", clarity, String::new);
        let [clearest, most_people, deepest, fastest, highest] = &mut self.best;
        offer(clearest, seen, "best_confidence", clarity, || format!("clearest view (score {:.2})", main.score));
        if seen.counted > 1 {
            let count = seen.counted as f64;
            offer(most_people, seen, "most_people", count, || format!("most people at once ({count})"));
        }
        let knees = pair::KNEES.map(|knee| main.angles[knee].unwrap_or(180.0));
        let knee = knees[0].min(knees[1]);
        if knee < PLAIN_KNEE_DEG {
            offer(deepest, seen, "deepest_knee_bend", -knee, || format!("deepest knee bend ({knee:.0}°)"));
        }
        if let Some(step) = main.head.step.filter(|step| step.speed() >= PLAIN_SPEED) {
            let speed = step.speed();
            let reason = || format!("fastest head movement ({speed:.1} body heights/s)");
            offer(fastest, seen, "fastest_movement", speed, reason);
        }
        if let Some((angle, _)) = raised_arm(seen).filter(|(angle, _)| *angle > PLAIN_ARM_DEG) {
            offer(highest, seen, "highest_arm", angle, || format!("arm raised highest ({angle:.0}°)"));
        }
    }

    /// Takes the appearance that has just ended, or `None` when the open one turned out too short to count.
    pub fn end_appearance(&mut self, span: Option<&Span>) {
        let candidate = self.current.take();
        let (Some(span), Some(mut candidate)) = (span, candidate) else { return };
        candidate.reason = format!("visible {:.1}–{:.1} s", span.start.time_s, span.end.time_s);
        let shorter = |(other, _): &(Span, Candidate)| other.duration_s() < span.duration_s();
        let place = self.appearances.iter().position(shorter).unwrap_or(self.appearances.len());
        self.appearances.insert(place, (*span, candidate));
        self.appearances.truncate(MOST);
    }

    /// The moments, by time.
    pub fn finish(&mut self) -> Vec<Moment> {
        let mut moments: Vec<Moment> = Vec::new();
        for candidate in std::mem::take(&mut self.best).into_iter().flatten() {
            add(&mut moments, candidate);
        }
        for (span, candidate) in std::mem::take(&mut self.appearances) {
            let shown = moments.iter().any(|moment| (span.start.frame..=span.end.frame).contains(&moment.frame));
            if !shown && moments.len() < MOST {
                add(&mut moments, candidate);
            }
        }
        moments.sort_by_key(|moment| moment.frame);
        moments
    }
}

/// Puts the sample into `best` when it has more merit.
fn offer(
    best: &mut Option<Candidate>,
    seen: &Observation<'_>,
    kind: &'static str,
    merit: f64,
    reason: impl Fn() -> String,
) {
    if best.as_ref().is_none_or(|best| merit > best.merit) {
        *best = Some(Candidate { kind, merit, time: seen.time, reason: reason(), people: seen.people.to_vec() });
    }
}

fn add(moments: &mut Vec<Moment>, candidate: Candidate) {
    if let Some(same) = moments.iter_mut().find(|moment| moment.frame == candidate.time.frame) {
        same.kinds.push(candidate.kind.to_owned());
        same.reason = format!("{}; {}", same.reason, candidate.reason);
        return;
    }
    moments.push(Moment {
        frame: candidate.time.frame,
        pts: candidate.time.pts,
        time_s: round_to(candidate.time.time_s, 6),
        kinds: vec![candidate.kind.to_owned()],
        reason: candidate.reason,
        people: candidate.people,
    });
}
