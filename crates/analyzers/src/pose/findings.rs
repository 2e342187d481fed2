//! Findings: rules that name spans of time, all in one table with their thresholds and why these.
//!
//! A rule looks at one sampled frame at a time and says whether its condition holds, with what value. Spans of frames that
//! hold are joined over short pauses, dropped when they are short, and reported with their most extreme value. Rules of
//! posture and movement look at the main person only. Every threshold is a parameter of the reduce stage.

use std::collections::BTreeMap;

use super::angles::{JOINTS, pair};
use super::observation::Observation;
use super::params::ReduceParams;
use super::repetitions::RepetitionCounter;
use super::section::{Finding, Severity};
use super::spans::{Extreme, Span, SpanTracker};
use crate::round::round_to;

/// Findings that one rule may add; more are only counted, so that the result stays small.
pub const MOST_PER_RULE: usize = 100;

/// Pause that a rule of posture bridges, in seconds: two or three samples in which a landmark flickers.
const FLICKER_S: f64 = 0.3;

/// Shortest span of a rule of posture, in seconds: a landmark that is misplaced in a single sample is not a posture.
const GLITCH_S: f64 = 0.2;

/// What a finding's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// The most extreme value in the span, compared with the threshold.
    Peak,
    /// The length of the span in seconds, compared with the shortest that counts.
    Duration,
}

/// The value with what it was measured on, when a rule's condition holds.
type Held = Option<(f64, &'static str)>;

/// One rule.
struct Rule {
    id: &'static str,
    title: &'static str,
    severity: Severity,
    unit: &'static str,
    value: Value,
    extreme: Extreme,
    /// The threshold: of the value, or of the length.
    threshold: fn(&ReduceParams) -> f64,
    /// Longest pause that is bridged, seconds.
    bridge_s: fn(&ReduceParams) -> f64,
    /// Shortest span, seconds.
    least_s: fn(&ReduceParams) -> f64,
    /// The condition.
    held: fn(&Observation<'_>, &ReduceParams) -> Held,
    /// What was measured, for the reader of the finding.
    measured: &'static str,
}

const RULES: &[Rule] = &[
    // A person who steps behind something, or whom the network misses for a moment, has not left: pauses up to
    // `presence_gap_s` (1 s) are bridged. Single false detections are not appearances: `presence_min_s` (0.5 s).
    Rule {
        id: "appearance",
        title: "Someone is visible",
        severity: Severity::Info,
        unit: "s",
        value: Value::Duration,
        extreme: Extreme::High,
        threshold: |p| p.presence_min_s,
        bridge_s: |p| p.presence_gap_s,
        least_s: |p| p.presence_min_s,
        held: |seen, _| seen.main.as_ref().map(|main| (main.score, "")),
        measured: "at least one person with a sufficient score",
    },
    // Three seconds without anyone is a gap in a recording of people, not a turn of the head. What is too short for an
    // appearance does not end an absence.
    Rule {
        id: "nobody_visible",
        title: "Nobody is visible",
        severity: Severity::Info,
        unit: "s",
        value: Value::Duration,
        extreme: Extreme::High,
        threshold: |p| p.absent_s,
        bridge_s: |p| p.presence_min_s,
        least_s: |p| p.absent_s,
        held: |seen, _| (seen.counted == 0).then_some((1.0, "")),
        measured: "no person with a sufficient score",
    },
    // Angles and movement are of one person; when there are several, the reader must know that the choice may change.
    Rule {
        id: "several_people",
        title: "More than one person",
        severity: Severity::Info,
        unit: "people",
        value: Value::Peak,
        extreme: Extreme::High,
        threshold: |_| 1.0,
        bridge_s: |p| p.presence_gap_s,
        least_s: |p| p.crowd_min_s,
        held: |seen, _| (seen.counted > 1).then_some((seen.counted as f64, "")),
        measured: "people with a sufficient score; angles and movement are those of the largest",
    },
    // With fewer than half of the landmarks, no angle of a limb can be trusted to be there.
    Rule {
        id: "partly_hidden",
        title: "Body partly hidden or out of the picture",
        severity: Severity::Notice,
        unit: "share",
        value: Value::Peak,
        extreme: Extreme::Low,
        threshold: |p| p.hidden_share,
        bridge_s: |_| FLICKER_S,
        least_s: |p| p.hidden_min_s,
        held: |seen, p| {
            let share = seen.main.as_ref()?.body.visible_share();
            (share < p.hidden_share).then_some((share, ""))
        },
        measured: "share of the 17 landmarks that are visible",
    },
    // 100° is 80° of flexion: beyond the 60° to 65° of a swinging leg in walking, and on the way to the 90° to 120° that
    // stairs and chairs ask (Rowe et al. 2000, Knee joint kinematics in gait and other functional activities).
    Rule {
        id: "deep_knee_bend",
        title: "Deep knee bend",
        severity: Severity::Notice,
        unit: "°",
        value: Value::Peak,
        extreme: Extreme::Low,
        threshold: |p| p.knee_bend_deg,
        bridge_s: |_| FLICKER_S,
        least_s: |_| GLITCH_S,
        held: |seen, p| {
            let angles = &seen.main.as_ref()?.angles;
            most_extreme(angles, &pair::KNEES, Extreme::Low).filter(|(angle, _)| *angle < p.knee_bend_deg)
        },
        measured: "angle hip – knee – ankle in the picture",
    },
    // An upper arm raised beyond 90° from the trunk has the highest score of RULA (McAtamney and Corlett 1993). The elbow
    // must also be above the shoulder: bending forward opens the angle without raising the arm. One second, because
    // reaching up for a moment is no load.
    Rule {
        id: "arm_raised",
        title: "Arm raised above the shoulder",
        severity: Severity::Notice,
        unit: "°",
        value: Value::Peak,
        extreme: Extreme::High,
        threshold: |p| p.arm_raised_deg,
        bridge_s: |_| FLICKER_S,
        least_s: |p| p.arm_raised_min_s,
        held: |seen, p| raised_arm(seen).filter(|(angle, _)| *angle > p.arm_raised_deg),
        measured: "angle hip – shoulder – elbow in the picture, elbow above shoulder",
    },
    // In steps the legs take turns about twice a second, so a difference that lasts two seconds is a posture. 30° is well
    // above the landmarks' error (5° to 10°) and what a slightly turned view does to an angle.
    Rule {
        id: "asymmetric_arms",
        title: "Left and right arm differ",
        severity: Severity::Info,
        unit: "°",
        value: Value::Peak,
        extreme: Extreme::High,
        threshold: |p| p.asymmetry_deg,
        bridge_s: |_| FLICKER_S,
        least_s: |p| p.asymmetry_min_s,
        held: |seen, p| asymmetry(seen, [("shoulders", pair::SHOULDERS), ("elbows", pair::ELBOWS)], p),
        measured: "difference of the left and right angle in the picture",
    },
    Rule {
        id: "asymmetric_legs",
        title: "Left and right leg differ",
        severity: Severity::Notice,
        unit: "°",
        value: Value::Peak,
        extreme: Extreme::High,
        threshold: |p| p.asymmetry_deg,
        bridge_s: |_| FLICKER_S,
        least_s: |p| p.asymmetry_min_s,
        held: |seen, p| asymmetry(seen, [("hips", pair::HIPS), ("knees", pair::KNEES)], p),
        measured: "difference of the left and right angle in the picture",
    },
    // Brisk walking (1.8 m/s) is about one body height per second; 1.5 is reached by running, jumping and falling.
    Rule {
        id: "rapid_head_movement",
        title: "Rapid head movement",
        severity: Severity::Warning,
        unit: "body heights/s",
        value: Value::Peak,
        extreme: Extreme::High,
        threshold: |p| p.head_speed,
        bridge_s: |_| FLICKER_S,
        least_s: |_| 0.1, // at least two fast steps in a row at the default rate
        held: |seen, p| {
            let speed = seen.main.as_ref()?.head.step?.speed();
            (speed > p.head_speed).then_some((speed, "head"))
        },
        measured: "movement of nose, eyes and ears in the picture",
    },
];

/// The identifier of the rule on repetitions, which counts rather than looks at single frames: two knee bends from below
/// 120° to above 150° with at most 10 s between them. Both knees at 120° are beyond walking,
/// where one leg is straight while the other bends, and the 30° between the thresholds are several times the landmarks' error.
const REPETITIONS: &str = "repeated_knee_bends";

/// Applies the rules to the samples.
pub struct FindingsBuilder {
    params: ReduceParams,
    trackers: Vec<SpanTracker>,
    /// Findings with the place of their rule.
    found: Vec<(usize, Finding)>,
    /// Found by each rule; the last is repetitions.
    counts: Vec<u64>,
}

impl FindingsBuilder {
    /// With the thresholds of `params`.
    pub fn new(params: &ReduceParams) -> Self {
        let tracker = |rule: &Rule| SpanTracker::new((rule.bridge_s)(params), (rule.least_s)(params), rule.extreme);
        FindingsBuilder {
            params: params.clone(),
            trackers: RULES.iter().map(tracker).collect(),
            found: Vec::new(),
            counts: vec![0; RULES.len() + 1],
        }
    }

    /// Takes the next sample.
    pub fn add(&mut self, seen: &Observation<'_>) {
        for (place, rule) in RULES.iter().enumerate() {
            let held = (rule.held)(seen, &self.params);
            if let Some(span) = self.trackers[place].push(seen.time, held) {
                self.add_span(place, &span);
            }
        }
    }

    /// Takes a set of repetitions from [`RepetitionCounter`].
    pub fn add_repetitions(&mut self, set: Option<Span>) {
        let Some(set) = set.filter(|set| set.peak.value >= f64::from(self.params.repetition_min)) else { return };
        let title = format!("{} knee bends in a row", set.peak.value);
        let detail = format!(
            "both knees together, from below {}° to above {}°",
            self.params.repetition_low_deg, self.params.repetition_high_deg
        );
        let threshold = f64::from(self.params.repetition_min);
        let place = RULES.len();
        self.add_finding(place, REPETITIONS, title, Severity::Info, &set, [set.peak.value, threshold], "times", detail);
    }

    /// Ends the open spans, and returns the findings by start time and how many each rule left out.
    pub fn finish(&mut self, repetitions: &mut RepetitionCounter) -> (Vec<Finding>, BTreeMap<String, u64>) {
        for place in 0..RULES.len() {
            if let Some(span) = self.trackers[place].finish() {
                self.add_span(place, &span);
            }
        }
        self.add_repetitions(repetitions.finish());
        let mut found = std::mem::take(&mut self.found);
        found.sort_by(|(a_rule, a), (b_rule, b)| (a.start_frame, a_rule).cmp(&(b.start_frame, b_rule)));
        let ids = RULES.iter().map(|rule| rule.id).chain([REPETITIONS]);
        let omitted = ids.zip(&self.counts).filter_map(|(id, &count)| {
            let omitted = count.saturating_sub(MOST_PER_RULE as u64);
            (omitted > 0).then(|| (id.to_owned(), omitted))
        });
        (found.into_iter().map(|(_, finding)| finding).collect(), omitted.collect())
    }

    fn add_span(&mut self, place: usize, span: &Span) {
        let rule = &RULES[place];
        let threshold = (rule.threshold)(&self.params);
        let (value, detail) = match rule.value {
            Value::Peak => {
                let subject = if span.peak.subject.is_empty() { "reached" } else { span.peak.subject };
                let detail = format!(
                    "{subject} at {:.1} s (frame {}); {}",
                    span.peak.time.time_s, span.peak.time.frame, rule.measured
                );
                (span.peak.value, detail)
            }
            Value::Duration => (span.duration_s(), rule.measured.to_owned()),
        };
        self.add_finding(
            place,
            rule.id,
            rule.title.to_owned(),
            rule.severity,
            span,
            [value, threshold],
            rule.unit,
            detail,
        );
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one finding")]
    fn add_finding(
        &mut self,
        place: usize,
        rule: &str,
        title: String,
        severity: Severity,
        span: &Span,
        [value, threshold]: [f64; 2],
        unit: &str,
        detail: String,
    ) {
        self.counts[place] += 1;
        let number = self.counts[place];
        if number > MOST_PER_RULE as u64 {
            return;
        }
        let finding = Finding {
            id: format!("{rule}-{number}"),
            rule: rule.to_owned(),
            title,
            severity,
            start_s: round_to(span.start.time_s, 6),
            end_s: round_to(span.end.time_s, 6),
            start_frame: span.start.frame,
            end_frame: span.end.frame,
            value: round_to(value, 3),
            threshold,
            unit: unit.to_owned(),
            detail,
        };
        self.found.push((place, finding));
    }
}

/// The most extreme of the angles at `places`, with the joint's title.
fn most_extreme(angles: &[Option<f64>; 8], places: &[usize], extreme: Extreme) -> Held {
    let mut most: Held = None;
    for &place in places {
        if let Some(angle) = angles[place]
            && most.is_none_or(|(best, _)| extreme.beats(angle, best))
        {
            most = Some((angle, JOINTS[place].title));
        }
    }
    most
}

/// The main person's larger shoulder angle among the arms whose elbow is above the shoulder.
pub(super) fn raised_arm(seen: &Observation<'_>) -> Held {
    let main = seen.main.as_ref()?;
    let mut angles = main.angles;
    for place in pair::SHOULDERS {
        let [_, shoulder, elbow] = JOINTS[place].landmarks.map(|landmark| main.body.points[landmark]);
        let above = matches!((shoulder, elbow), (Some(shoulder), Some(elbow)) if elbow.1 < shoulder.1);
        if !above {
            angles[place] = None;
        }
    }
    most_extreme(&angles, &pair::SHOULDERS, Extreme::High)
}

/// The largest difference of left and right among `joints`, when it is above the threshold.
fn asymmetry(seen: &Observation<'_>, joints: [(&'static str, [usize; 2]); 2], params: &ReduceParams) -> Held {
    let main = seen.main.as_ref()?;
    let mut most: Held = None;
    for (title, [left, right]) in joints {
        if let (Some(left), Some(right)) = (main.angles[left], main.angles[right]) {
            let difference = (left - right).abs();
            if difference > params.asymmetry_deg && most.is_none_or(|(best, _)| difference > best) {
                most = Some((difference, title));
            }
        }
    }
    most
}
