//! Spans of time in which a condition holds, with short pauses bridged and short spans dropped.

use crate::analyzer::FrameTime;

/// A span, from the first to the last sample that held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// First sample.
    pub start: FrameTime,
    /// Last sample.
    pub end: FrameTime,
    /// The most extreme sample.
    pub peak: Peak,
}

impl Span {
    /// Seconds from the first to the last sample.
    pub fn duration_s(&self) -> f64 {
        self.end.time_s - self.start.time_s
    }
}

/// The most extreme sample of a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// When.
    pub time: FrameTime,
    /// The value.
    pub value: f64,
    /// What it was measured on, e.g. `left knee`.
    pub subject: &'static str,
}

/// Which values are more extreme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extreme {
    /// Small ones.
    Low,
    /// Large ones.
    High,
}

impl Extreme {
    /// Whether `a` is more extreme than `b`.
    pub fn beats(self, a: f64, b: f64) -> bool {
        match self {
            Extreme::Low => a < b,
            Extreme::High => a > b,
        }
    }
}

/// Differences of times carry a rounding error; no two frames are this close.
const TOLERANCE_S: f64 = 1e-6;

/// Turns samples into spans. A pause is measured from the first sample that does not hold to the next that does; samples
/// that follow each other are never parted, because a frame is on display until the next one.
#[derive(Debug)]
pub struct SpanTracker {
    bridge_s: f64,
    least_s: f64,
    extreme: Extreme,
    open: Option<Span>,
    pause_since: Option<f64>,
}

impl SpanTracker {
    /// Bridges pauses up to `bridge_s` and drops spans shorter than `least_s`, both in seconds.
    pub fn new(bridge_s: f64, least_s: f64, extreme: Extreme) -> Self {
        SpanTracker { bridge_s, least_s, extreme, open: None, pause_since: None }
    }

    /// Takes the next sample: the value and what it was measured on, or `None` where the condition does not hold. Returns
    /// the span that is thereby known to be over.
    pub fn push(&mut self, time: FrameTime, held: Option<(f64, &'static str)>) -> Option<Span> {
        let paused_too_long = self.pause_since.is_some_and(|since| time.time_s - since > self.bridge_s + TOLERANCE_S);
        let closed = if paused_too_long { self.finish() } else { None };
        let Some((value, subject)) = held else {
            if self.open.is_some() && self.pause_since.is_none() {
                self.pause_since = Some(time.time_s);
            }
            return closed;
        };
        self.pause_since = None;
        let here = Peak { time, value, subject };
        match &mut self.open {
            Some(span) => {
                span.end = time;
                if self.extreme.beats(value, span.peak.value) {
                    span.peak = here;
                }
            }
            None => self.open = Some(Span { start: time, end: time, peak: here }),
        }
        closed
    }

    /// Ends the open span.
    pub fn finish(&mut self) -> Option<Span> {
        self.pause_since = None;
        self.open.take().filter(|span| span.duration_s() >= self.least_s - TOLERANCE_S)
    }

    /// Where the open span began (it may still turn out too short).
    pub fn start(&self) -> Option<FrameTime> {
        self.open.map(|span| span.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::synthetic::time;

    /// Spans as sample indices; `#` holds.
    fn spans(pattern: &str, bridge_s: f64, least_s: f64) -> Vec<(u64, u64)> {
        let mut tracker = SpanTracker::new(bridge_s, least_s, Extreme::High);
        let mut found = Vec::new();
        for (index, mark) in pattern.bytes().enumerate() {
            found.extend(tracker.push(time(index as u64), (mark == b'#').then_some((1.0, ""))));
        }
        found.extend(tracker.finish());
        found.iter().map(|span| (span.start.frame / 3, span.end.frame / 3)).collect()
    }

    #[test]
    fn pauses_are_bridged_and_short_spans_dropped() {
        assert_eq!(spans("..###..####.", 0.0, 0.0), [(2, 4), (7, 10)]);
        assert_eq!(spans("..###..####.", 0.2, 0.0), [(2, 10)]);
        assert_eq!(spans("..###...###.", 0.2, 0.0), [(2, 4), (8, 10)]);
        assert_eq!(spans("..#.....####", 0.0, 0.3), [(8, 11)]);
        assert_eq!(spans("#.#.#.#.....#", 0.1, 0.6), [(0, 6)]);
        assert_eq!(spans(".....", 1.0, 0.0), []);
    }

    #[test]
    fn the_peak_is_the_first_of_the_most_extreme() {
        let mut tracker = SpanTracker::new(0.0, 0.0, Extreme::Low);
        for (index, value) in [90.0, 70.0, 70.0, 95.0].into_iter().enumerate() {
            assert_eq!(tracker.push(time(index as u64), Some((value, "left knee"))), None);
        }
        let span = tracker.finish().unwrap();
        assert_eq!((span.peak.time.frame, span.peak.value, span.peak.subject), (3, 70.0, "left knee"));
        assert_eq!(tracker.start(), None);
    }
}
