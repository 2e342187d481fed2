//! The reduce stage: writes each record's people as they come, and the statistics after the last.
//!
//! One line a frame, so that the section can be read by line tools as well. Nothing is held for a frame once it is
//! written: what is kept are bins, running sums and a bounded number of findings and moments.

use std::io::Write;

use framefan_contract::video::VideoInfo;
use framefan_contract::{Error, Rational, Result};
use serde::Serialize;
use serde_json::value::RawValue;

use super::body::Sight;
use super::findings::FindingsBuilder;
use super::metrics::MetricsBuilder;
use super::moments::MomentsBuilder;
use super::observation::Observer;
use super::params::ReduceParams;
use super::presence::{Change, PresenceTracker};
use super::repetitions::RepetitionCounter;
use super::section::{FramePeople, PoseRecord};
use super::{NAME, sample_period};
use crate::analyzer::{Finish, FrameTime, ReduceStage};
use crate::round::round_to;

/// The reduce stage.
pub struct PoseReduceStage {
    observer: Observer,
    metrics: MetricsBuilder,
    presence: PresenceTracker,
    repetitions: RepetitionCounter,
    findings: FindingsBuilder,
    moments: MomentsBuilder,
    any_frame: bool,
}

impl PoseReduceStage {
    /// For a video sampled at `sample_fps`.
    pub fn new(video: &VideoInfo, sample_fps: Rational, params: ReduceParams) -> Self {
        let (width, height) = (f64::from(video.width), f64::from(video.height));
        let sight = Sight { visibility: params.visibility, width, height };
        // A video with fewer frames a second than the grid has cells is sampled at its own rate.
        let fps = video.average_fps.as_f64();
        let period = if fps > 0.0 { sample_period(sample_fps).max(1.0 / fps) } else { sample_period(sample_fps) };
        PoseReduceStage {
            observer: Observer::new(sight, params.person_score),
            metrics: MetricsBuilder::new(video.duration_s, period),
            presence: PresenceTracker::new(&params),
            repetitions: RepetitionCounter::new(&params),
            findings: FindingsBuilder::new(&params),
            moments: MomentsBuilder::default(),
            any_frame: false,
        }
    }
}

impl ReduceStage for PoseReduceStage {
    fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        write(out, "{\"frames\":[")
    }

    fn push(&mut self, time: FrameTime, data: &RawValue, _: &[u8], out: &mut dyn Write) -> Result<()> {
        let record: PoseRecord = serde_json::from_str(data.get()).map_err(|error| {
            Error::defect(format!("{NAME}: the record of frame {} is malformed: {error}", time.frame))
                .with_source(error)
        })?;
        let seen = self.observer.observe(time, &record.people);
        self.metrics.add(&seen);
        self.findings.add(&seen);
        let set = self.repetitions.push(&seen);
        self.findings.add_repetitions(set);
        match self.presence.push(&seen) {
            Change::None => {}
            Change::TooShort => self.moments.end_appearance(None),
            Change::Ended(span) => self.moments.end_appearance(Some(&span)),
        }
        self.moments.add(&seen);
        write(out, if self.any_frame { ",\n" } else { "\n" })?;
        self.any_frame = true;
        let frame = FramePeople { frame: time.frame, time_s: round_to(time.time_s, 6), people: record.people };
        write_json(out, &frame)
    }

    fn finish(&mut self, _: &mut Finish<'_>, out: &mut dyn Write) -> Result<()> {
        let ended = self.presence.finish();
        self.moments.end_appearance(ended.as_ref());
        let (findings, omitted) = self.findings.finish(&mut self.repetitions);
        let metrics = self.metrics.result(self.presence.result(), self.repetitions.result(), omitted);
        write(out, "\n],\"metrics\":")?;
        write_json(out, &metrics)?;
        write(out, ",\n\"findings\":")?;
        write_json(out, &findings)?;
        write(out, ",\n\"moments\":")?;
        write_json(out, &self.moments.finish())?;
        write(out, "}")
    }
}

fn write(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(|error| Error::io(format!("writing the {NAME} section"), error))
}

fn write_json(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(out, value).map_err(|error| {
        let source = std::io::Error::from(error);
        Error::io(format!("writing the {NAME} section"), source)
    })
}

#[cfg(test)]
mod tests {
    use framefan_contract::video::VideoInfo;

    use super::super::angles::{JOINTS, pair};
    use super::super::params;
    use super::super::section::{Person, Section};
    use super::super::synthetic::{record, set_angle, standing, time};
    use super::*;
    use crate::params::Params;
    use crate::testing::finish;

    fn video(duration_s: f64) -> VideoInfo {
        let one = Rational { num: 1, den: 1 };
        VideoInfo {
            container: "mov,mp4".into(),
            codec: "h264".into(),
            pixel_format: "yuv420p".into(),
            width: 640,
            height: 360,
            coded_width: 640,
            coded_height: 360,
            rotation: 0,
            mirrored: false,
            sample_aspect_ratio: one,
            color_range: "limited".into(),
            color_matrix: "bt709".into(),
            time_base: Rational { num: 1, den: 30000 },
            origin_pts: 0,
            average_fps: Rational { num: 30, den: 1 },
            duration_s,
            frames: (duration_s * 30.0) as u64,
            stream: 0,
            audio_streams: 0,
            size_bytes: 1,
        }
    }

    /// The section of samples at 10 a second.
    fn reduce(samples: &[Vec<Person>]) -> String {
        let (_, reduce_params) = params::check(&Params::new()).unwrap();
        let params = ReduceParams::read(&reduce_params).unwrap();
        let fps = Rational { num: 10, den: 1 };
        let mut stage = PoseReduceStage::new(&video(samples.len() as f64 / 10.0), fps, params);
        let mut out = Vec::new();
        stage.begin(&mut out).unwrap();
        for (index, people) in samples.iter().enumerate() {
            stage.push(time(index as u64), &record(people), &[], &mut out).unwrap();
        }
        finish(&mut stage, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn section(samples: &[Vec<Person>]) -> Section {
        serde_json::from_str(&reduce(samples)).unwrap()
    }

    fn with_knees(degrees: f64) -> Person {
        let mut person = standing(300.0, 50.0, 200.0);
        for knee in pair::KNEES {
            set_angle(&mut person, &JOINTS[knee], degrees);
        }
        person
    }

    /// Nobody for 1 s, someone for 2 s, nobody for 4 s, two people for 2 s.
    fn coming_and_going() -> Vec<Vec<Person>> {
        let one = vec![standing(300.0, 50.0, 200.0)];
        let two = vec![standing(300.0, 50.0, 200.0), standing(500.0, 50.0, 100.0)];
        let mut samples = vec![vec![]; 10];
        samples.extend(std::iter::repeat_n(one, 20));
        samples.extend(std::iter::repeat_n(vec![], 40));
        samples.extend(std::iter::repeat_n(two, 20));
        samples
    }

    fn spans(section: &Section, rule: &str) -> Vec<(u64, u64, f64)> {
        let of_rule = section.summary.findings.iter().filter(|finding| finding.rule == rule);
        of_rule.map(|finding| (finding.start_frame, finding.end_frame, finding.value)).collect()
    }

    #[test]
    fn frames_and_presence_are_what_the_records_say() {
        let samples = coming_and_going();
        let section = section(&samples);
        assert_eq!(section.frames.len(), 90);
        assert_eq!((section.frames[10].frame, section.frames[10].time_s), (30, 1.0));
        assert!(section.frames.iter().zip(&samples).all(|(frame, people)| frame.people == *people));
        let metrics = &section.summary.metrics;
        assert_eq!(metrics.people.histogram, [50, 20, 20]);
        assert_eq!((metrics.people.max, metrics.people.mean), (2, 0.6667));
        assert_eq!(metrics.presence.count, 2);
        let listed: Vec<_> =
            metrics.presence.appearances.iter().map(|a| (a.start_frame, a.end_frame, a.max_people)).collect();
        assert_eq!(listed, [(30, 87, 1), (210, 267, 2)]);
        assert_eq!(spans(&section, "appearance"), [(30, 87, 1.9), (210, 267, 1.9)]);
        assert_eq!(spans(&section, "nobody_visible"), [(90, 207, 3.9)]);
        assert_eq!(spans(&section, "several_people"), [(210, 267, 2.0)]);
        let reasons: Vec<_> = section.summary.moments.iter().map(|m| (m.frame, m.kinds.join("+"))).collect();
        assert_eq!(reasons, [(30, "best_confidence".to_owned()), (210, "most_people".to_owned())]);
    }

    #[test]
    fn knee_bends_are_found_measured_and_counted() {
        // Three squats down to 80°, one a second and a half, with a waver between the thresholds on the way up.
        let squat =
            [170.0, 150.0, 121.0, 101.0, 90.0, 80.0, 85.0, 95.0, 130.0, 125.0, 130.0, 140.0, 155.0, 165.0, 170.0];
        let samples: Vec<_> = squat.iter().cycle().take(45).map(|&angle| vec![with_knees(angle)]).collect();
        let section = section(&samples);
        let metrics = &section.summary.metrics;
        assert_eq!(metrics.repetitions.count, 3);
        assert_eq!(metrics.repetitions.mean_depth_deg, Some(80.0));
        assert_eq!(metrics.repetitions.mean_duration_s, Some(0.9));
        let knee = &metrics.angles["left_knee"];
        assert_eq!((knee.min, knee.max, knee.range, knee.min_at_s), (Some(80.0), Some(170.0), Some(90.0), Some(0.5)));
        assert_eq!(metrics.series.angles["right_knee"].mean[5], Some(80.0));
        let deep = spans(&section, "deep_knee_bend");
        assert_eq!(
            deep.iter().map(|&(start, end, value)| (start, end, value.round())).collect::<Vec<_>>(),
            [(12, 21, 80.0), (57, 66, 80.0), (102, 111, 80.0)]
        );
        assert_eq!(spans(&section, "repeated_knee_bends").iter().map(|span| span.2).collect::<Vec<_>>(), [3.0]);
        assert!(section.summary.moments.iter().any(|moment| moment.kinds.contains(&"deepest_knee_bend".to_owned())));
        assert!(section.summary.findings.is_sorted_by_key(|finding| finding.start_frame));
    }

    #[test]
    fn a_bend_that_stays_down_is_no_repetition() {
        let samples: Vec<_> =
            [170.0, 110.0, 100.0, 125.0, 110.0, 145.0, 115.0].iter().map(|&a| vec![with_knees(a)]).collect();
        assert_eq!(section(&samples).summary.metrics.repetitions.count, 0);
    }

    #[test]
    fn posture_and_movement_rules_hold_where_they_should() {
        let mut raised = standing(300.0, 100.0, 200.0);
        set_angle(&mut raised, &JOINTS[pair::SHOULDERS[0]], 200.0); // past 180: on the outer side
        let mut samples = vec![vec![raised]; 30];
        // The head then leaps by 40 pixels a sample, 2 body heights a second.
        samples.extend((0..5).map(|step| vec![standing(300.0 + 40.0 * f64::from(step), 100.0, 200.0)]));
        let section = section(&samples);
        let arm = spans(&section, "arm_raised");
        assert_eq!((arm.len(), arm[0].0, arm[0].1, arm[0].2.round()), (1, 0, 87, 160.0));
        assert_eq!(spans(&section, "asymmetric_arms").len(), 1);
        assert_eq!(spans(&section, "asymmetric_legs"), []);
        let rapid = spans(&section, "rapid_head_movement");
        assert_eq!((rapid.len(), rapid[0].0, rapid[0].1), (1, 93, 102));
        assert!((rapid[0].2 - 2.0).abs() < 0.06, "{rapid:?}");
        assert!((section.summary.metrics.head.path - 0.8).abs() < 0.03);
    }

    #[test]
    fn no_frames_at_all_make_a_valid_section() {
        let section = section(&[]);
        assert_eq!(section.summary.metrics.sampled_frames, 0);
        assert!(section.frames.is_empty() && section.summary.findings.is_empty() && section.summary.moments.is_empty());
    }

    #[test]
    fn the_same_records_make_the_same_bytes() {
        let samples = coming_and_going();
        assert_eq!(reduce(&samples), reduce(&samples));
    }

    #[test]
    fn what_is_kept_does_not_grow_with_the_video() {
        // People flicker in and out for an hour: what follows the frames stays small.
        let one = vec![standing(300.0, 50.0, 200.0)];
        let samples: Vec<_> = (0..36000).map(|index| if index % 40 < 20 { one.clone() } else { vec![] }).collect();
        let text = reduce(&samples);
        let tail = text.len() - text.find("],\"metrics\"").unwrap();
        assert!(tail < 400_000, "{tail}");
        let section: Section = serde_json::from_str(&text).unwrap();
        assert_eq!(section.summary.metrics.presence.count, 900);
        assert_eq!(section.summary.metrics.presence.appearances.len(), super::super::presence::MOST_LISTED);
        assert_eq!(section.summary.metrics.omitted_findings["appearance"], 800);
        assert_eq!(section.summary.moments.len(), super::super::moments::MOST);
    }

    #[test]
    fn a_malformed_record_is_named() {
        let (_, reduce_params) = params::check(&Params::new()).unwrap();
        let params = ReduceParams::read(&reduce_params).unwrap();
        let mut stage = PoseReduceStage::new(&video(1.0), Rational { num: 10, den: 1 }, params);
        let data = RawValue::from_string("{\"people\":[{}]}".to_owned()).unwrap();
        let error = stage.push(time(7), &data, &[], &mut Vec::new()).unwrap_err();
        assert!(error.message().contains("frame 21"), "{error}");
    }
}
