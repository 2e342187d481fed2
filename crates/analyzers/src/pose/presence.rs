//! When people are visible: the appearances.

use super::observation::Observation;
use super::params::ReduceParams;
use super::section::{Appearance, Presence};
use super::spans::{Extreme, Span, SpanTracker};
use crate::round::round_to;

/// Appearances that are listed; a video with more has them counted only, so that the result stays small.
pub const MOST_LISTED: usize = 500;

/// What a sample says of the appearance before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Nothing ended.
    None,
    /// What had begun turned out too short for an appearance.
    TooShort,
    /// An appearance is over.
    Ended(Span),
}

/// Collects appearances.
#[derive(Debug)]
pub struct PresenceTracker {
    spans: SpanTracker,
    max_people: u64,
    count: u64,
    total_s: f64,
    listed: Vec<Appearance>,
}

impl PresenceTracker {
    /// With the pauses and lengths of `params`.
    pub fn new(params: &ReduceParams) -> Self {
        let spans = SpanTracker::new(params.presence_gap_s, params.presence_min_s, Extreme::High);
        PresenceTracker { spans, max_people: 0, count: 0, total_s: 0.0, listed: Vec::new() }
    }

    /// Takes the next sample.
    pub fn push(&mut self, seen: &Observation<'_>) -> Change {
        let before = self.spans.start();
        let closed = self.spans.push(seen.time, seen.main.as_ref().map(|main| (main.score, "")));
        let ended = before.is_some() && self.spans.start() != before;
        if let Some(span) = &closed {
            self.list(span);
        }
        self.max_people = if ended { seen.counted } else { self.max_people.max(seen.counted) };
        match (ended, closed) {
            (false, _) => Change::None,
            (true, None) => Change::TooShort,
            (true, Some(span)) => Change::Ended(span),
        }
    }

    /// Ends the open appearance.
    pub fn finish(&mut self) -> Option<Span> {
        let closed = self.spans.finish();
        if let Some(span) = &closed {
            self.list(span);
        }
        closed
    }

    /// The appearances so far that are over.
    pub fn result(&self) -> Presence {
        Presence { count: self.count, total_s: round_to(self.total_s, 3), appearances: self.listed.clone() }
    }

    fn list(&mut self, span: &Span) {
        self.count += 1;
        self.total_s += span.duration_s();
        if self.listed.len() < MOST_LISTED {
            self.listed.push(Appearance {
                start_frame: span.start.frame,
                end_frame: span.end.frame,
                start_s: round_to(span.start.time_s, 6),
                end_s: round_to(span.end.time_s, 6),
                max_people: self.max_people,
                best_score: span.peak.value,
            });
        }
    }
}
