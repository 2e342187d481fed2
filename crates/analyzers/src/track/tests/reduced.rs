//! The reduce stage on simulated people: who cross, hide, are missed and are seen where nobody is.

use std::collections::BTreeMap;

use framefan_contract::Rational;
use framefan_contract::video::VideoInfo;
use serde_json::value::RawValue;

use super::super::feature::Feature;
use super::super::params::{self, ReduceParams};
use super::super::reduce::TrackReduceStage;
use super::super::section::{RecordedDetection, Section, TrackRecord};
use super::references::{Numbers, python_numbers};
use crate::analyzer::{FrameTime, ReduceStage};
use crate::params::Params;
use crate::testing::finish;

const WIDTH: f64 = 1280.0;
const HEIGHT: f64 = 720.0;

/// A video of 30 frames a second.
pub fn video() -> VideoInfo {
    let one = Rational { num: 1, den: 1 };
    VideoInfo {
        container: "mov,mp4".into(),
        codec: "h264".into(),
        pixel_format: "yuv420p".into(),
        width: WIDTH as u32,
        height: HEIGHT as u32,
        coded_width: WIDTH as u32,
        coded_height: HEIGHT as u32,
        rotation: 0,
        mirrored: false,
        sample_aspect_ratio: one,
        color_range: "limited".into(),
        color_matrix: "bt709".into(),
        time_base: Rational { num: 1, den: 30000 },
        origin_pts: 0,
        average_fps: Rational { num: 30, den: 1 },
        duration_s: 60.0,
        frames: 1800,
        stream: 0,
        audio_streams: 0,
        size_bytes: 1,
    }
}

/// Every third frame.
fn time(sample: usize) -> FrameTime {
    FrameTime { frame: 3 * sample as u64, pts: 3000 * sample as i64, time_s: sample as f64 / 10.0 }
}

/// A frame's detections, each with a feature or none.
type Frame = Vec<(RecordedDetection, Option<Vec<f32>>)>;

fn seen(class: u16, score: f64, bbox: [f64; 4]) -> (RecordedDetection, Option<Vec<f32>>) {
    (RecordedDetection { class, score, bbox, feature: false }, None)
}

fn looking(
    degrees: f64,
    (detection, _): (RecordedDetection, Option<Vec<f32>>),
) -> (RecordedDetection, Option<Vec<f32>>) {
    let (sin, cos) = degrees.to_radians().sin_cos();
    (RecordedDetection { feature: true, ..detection }, Some(vec![cos as f32, sin as f32]))
}

fn reduce_params(given: &[(&str, f64)]) -> ReduceParams {
    let given: Params = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
    ReduceParams::read(&params::check(&given).unwrap().1).unwrap()
}

fn text(frames: &[Frame], params: &ReduceParams) -> String {
    let mut stage = TrackReduceStage::new(&video(), params.clone());
    let mut out = Vec::new();
    stage.begin(&mut out).unwrap();
    for (sample, frame) in frames.iter().enumerate() {
        let mut sidecar = Vec::new();
        for feature in frame.iter().filter_map(|(_, feature)| feature.clone()) {
            Feature::new(feature).unwrap().write(&mut sidecar);
        }
        let record = TrackRecord { detections: frame.iter().map(|(detection, _)| detection.clone()).collect() };
        let data = serde_json::value::to_raw_value(&record).unwrap();
        stage.push(time(sample), &data, &sidecar, &mut out).unwrap();
    }
    finish(&mut stage, &mut out);
    String::from_utf8(out).unwrap()
}

fn section(frames: &[Frame], given: &[(&str, f64)]) -> Section {
    serde_json::from_str(&text(frames, &reduce_params(given))).unwrap()
}

/// Someone who walks: where they are at a time, and their size.
fn walker(start: [f64; 2], speed: [f64; 2], at_s: f64) -> [f64; 4] {
    [start[0] + speed[0] * at_s, start[1] + speed[1] * at_s, 60.0, 160.0]
}

fn ids(section: &Section) -> Vec<u64> {
    let mut ids: Vec<u64> = section.detections.iter().map(|detection| detection.track_id).collect();
    ids.dedup();
    ids
}

#[test]
fn everything_is_numbered_timed_and_counted() {
    // A person for 2 s, beside a dog from the second on; once something that is nothing.
    let mut frames: Vec<Frame> = Vec::new();
    for sample in 0..20 {
        let at = sample as f64 / 10.0;
        let mut frame = vec![seen(0, 0.9, walker([100.0, 100.0], [50.0, 0.0], at))];
        if sample >= 10 {
            frame.push(seen(16, 0.6, [700.0, 500.0, 90.0, 60.0]));
        }
        if sample == 5 {
            frame.push(seen(0, 0.8, [900.0, 100.0, 60.0, 160.0]));
        }
        frames.push(frame);
    }
    let section = section(&frames, &[]);
    assert_eq!(section.detections.len(), 30);
    assert_eq!((section.counts.frames, section.counts.untracked), (20, 1));
    let first = &section.detections[0];
    assert_eq!((first.frame, first.track_id, first.class.as_str(), first.confidence), (0, 1, "person", 0.9));
    assert_eq!(first.bbox, [100.0, 100.0, 60.0, 160.0]);
    let [person, dog] = &section.tracks[..] else { panic!("{:?}", section.tracks) };
    assert_eq!(
        (person.track_id, person.first_frame, person.last_frame, person.first_s, person.last_s),
        (1, 0, 57, 0.0, 1.9)
    );
    assert_eq!((person.detections, person.mean_confidence, person.gaps), (20, 0.9, 0));
    assert_eq!((dog.track_id, dog.class.as_str(), dog.first_frame, dog.detections), (2, "dog", 30, 10));
    assert!(section.detections.is_sorted_by_key(|detection| detection.frame));
}

#[test]
fn unsure_detections_continue_a_track_and_do_not_begin_one() {
    let mut frames: Vec<Frame> = Vec::new();
    for sample in 0..30 {
        let score = if (10..20).contains(&sample) { 0.15 } else { 0.8 };
        let at = sample as f64 / 10.0;
        frames.push(vec![
            seen(0, score, walker([100.0, 100.0], [80.0, 0.0], at)),
            seen(0, 0.3, walker([100.0, 400.0], [80.0, 0.0], at)),
        ]);
    }
    let section = section(&frames, &[("buffer_s", 0.0), ("report", 0.25)]);
    // Whoever was hidden is the same after it; what is under the reporting threshold is not written.
    assert_eq!((ids(&section), section.detections.len(), section.counts.untracked), (vec![1], 20, 30));
    let all = self::section(&frames, &[("buffer_s", 0.0)]);
    assert_eq!((ids(&all), all.detections.len()), (vec![1], 30));
}

#[test]
fn a_class_never_takes_over_anothers_track() {
    let frames: Vec<Frame> =
        (0..20).map(|sample| vec![seen(if sample < 10 { 0 } else { 16 }, 0.9, [300.0, 300.0, 80.0, 120.0])]).collect();
    let section = section(&frames, &[]);
    let classes: Vec<_> = section.tracks.iter().map(|track| (track.track_id, track.class.as_str())).collect();
    assert_eq!(classes, [(1, "person"), (2, "dog")]);
}

#[test]
fn those_who_come_back_are_recognised_by_their_looks() {
    // Two people who look different, one after the other, each twice with a long pause; far apart each time.
    let mut frames: Vec<Frame> = Vec::new();
    for (degrees, left) in [(0.0, 200.0), (70.0, 800.0), (5.0, 900.0), (66.0, 100.0)] {
        for sample in 0..15 {
            let bbox = walker([left, 200.0], [20.0, 0.0], sample as f64 / 10.0);
            frames.push(vec![looking(degrees, seen(0, 0.9, bbox))]);
        }
        frames.extend(vec![Vec::new(); 100]);
    }
    assert_eq!(ids(&section(&frames, &[])), [1, 2, 1, 2]);
    let gaps: Vec<u64> = section(&frames, &[]).tracks.iter().map(|track| track.gaps).collect();
    assert_eq!(gaps, [1, 1]);
    assert_eq!(ids(&section(&frames, &[("reid_window_s", 15.0)])), [1, 2, 3, 4]);
    let mut without = reduce_params(&[]);
    without.reid = false;
    let section: Section = serde_json::from_str(&text(&frames, &without)).unwrap();
    assert_eq!(ids(&section), [1, 2, 3, 4]);
}

#[test]
fn someone_who_is_here_is_not_recognised_elsewhere() {
    // Twins.
    let frames: Vec<Frame> = (0..60)
        .map(|sample| {
            let at = sample as f64 / 10.0;
            let mut frame = vec![looking(0.0, seen(0, 0.9, walker([100.0, 100.0], [30.0, 0.0], at)))];
            if sample >= 20 {
                frame.push(looking(0.0, seen(0, 0.9, walker([800.0, 400.0], [-30.0, 0.0], at))));
            }
            frame
        })
        .collect();
    let section = section(&frames, &[]);
    assert_eq!(section.tracks.iter().map(|track| track.detections).collect::<Vec<_>>(), [60, 40]);
}

#[test]
fn who_was_behind_a_pole_goes_on_beside_where_expected() {
    // Seen in part on the one side of it, not at all for 0.4 s, and in part on the other side.
    let frames: Vec<Frame> = (0..40)
        .map(|sample| {
            let [left, top, width, height] = walker([100.0, 100.0], [50.0, 0.0], sample as f64 / 10.0);
            let pole = [200.0, 260.0];
            let (before, after) = ((pole[0] - left).clamp(0.0, width), (left + width - pole[1]).clamp(0.0, width));
            match (before > 10.0, after > 10.0) {
                (true, _) => vec![seen(0, 0.9, [left, top, before, height])],
                (_, true) => vec![seen(0, 0.9, [left + width - after, top, after, height])],
                _ => Vec::new(),
            }
        })
        .collect();
    assert!(frames.iter().any(Vec::is_empty), "nothing hides");
    assert_eq!(ids(&section(&frames, &[])), [1]);
    let mut plain = reduce_params(&[]);
    (plain.recover, plain.upright) = (false, false);
    let plain: Section = serde_json::from_str(&text(&frames, &plain)).unwrap();
    assert_eq!(ids(&plain), [1, 2]);
}

#[test]
fn those_who_met_are_told_apart_again_by_their_looks() {
    // Two of one size come together, stand for two seconds, one half behind the other, and part: each behind the other's back, so
    // that who was on the left is on the right from then on. Where they are looks as if they had turned round.
    let frames: Vec<Frame> = (0..80)
        .map(|sample| {
            let at = f64::from(sample) / 10.0;
            let gap = 15.0 + 60.0 * ((4.0 - at).abs() - 1.0).max(0.0);
            let [left, right] = if at < 4.0 { [0.0, 70.0] } else { [70.0, 0.0] };
            vec![
                looking(left, seen(0, 0.9, [400.0 - gap, 100.0, 60.0, 160.0])),
                looking(right, seen(0, 0.85, [400.0 + gap, 100.0, 60.0, 160.0])),
            ]
        })
        .collect();
    let who_is_on_the_left = |section: &Section, frame: u64| {
        let there = section.detections.iter().filter(|detection| detection.frame == frame);
        there.min_by(|a, b| a.bbox[0].total_cmp(&b.bbox[0])).unwrap().track_id
    };
    let left = |section: &Section| [0, 237].map(|frame| who_is_on_the_left(section, frame));
    let looks = section(&frames, &[]);
    assert_eq!((left(&looks), looks.tracks.len()), ([1, 2], 2), "{:?}", looks.tracks);
    let mut alone = reduce_params(&[]);
    alone.reid = false;
    let alone: Section = serde_json::from_str(&text(&frames, &alone)).unwrap();
    assert_eq!((left(&alone), alone.tracks.len()), ([1, 1], 2), "{:?}", alone.tracks);
}

#[test]
fn a_broken_record_is_named() {
    let mut stage = TrackReduceStage::new(&video(), reduce_params(&[]));
    for (data, sidecar) in [
        ("{\"detections\":[{}]}", vec![]),
        ("{\"detections\":[{\"class\":0,\"score\":1,\"bbox\":[0,0,0,5]}]}", vec![]),
        ("{\"detections\":[{\"class\":0,\"score\":1,\"bbox\":[0,0,5,5],\"feature\":true}]}", vec![]),
        ("{\"detections\":[{\"class\":0,\"score\":1,\"bbox\":[0,0,5,5]}]}", vec![0, 0]),
    ] {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        let error = stage.push(time(7), &data, &sidecar, &mut Vec::new()).unwrap_err();
        assert!(error.message().contains("frame 21"), "{error}");
    }
}

#[test]
fn nothing_at_all_makes_a_valid_section() {
    let section = section(&[], &[]);
    assert!(section.detections.is_empty() && section.tracks.is_empty());
}

/// People who cross the picture and pass each other at different depths: their boxes by frame, and what a detector makes of them:
/// boxes that jitter, people it misses or doubts, and people where nobody is.
struct Crowd {
    truth: Vec<Vec<(usize, [f64; 4])>>,
    frames: Vec<Frame>,
    /// Share of the truth that was detected at all: no tracker that only numbers detections has a higher MOTA.
    detected: f64,
}

/// Someone who crosses the picture.
struct Walker {
    number: usize,
    from_s: f64,
    speed: f64,
    top: f64,
    height: f64,
}

impl Walker {
    fn new(number: usize, from_s: f64, numbers: &mut Numbers) -> Self {
        let direction = if numbers.next() < 0.5 { 1.0 } else { -1.0 };
        // Whoever is nearer is larger and stands further down.
        let near = numbers.next();
        let height = 120.0 + 140.0 * near;
        let speed = direction * (60.0 + 90.0 * numbers.next());
        Walker { number, from_s, speed, top: 420.0 + 260.0 * near - height, height }
    }

    /// Left, top, width, height.
    fn bbox(&self, at_s: f64) -> [f64; 4] {
        let width = 0.4 * self.height;
        let gone = self.speed.abs() * (at_s - self.from_s);
        [if self.speed > 0.0 { gone } else { WIDTH - width - gone }, self.top, width, self.height]
    }
}

/// `people` at a time: for each who has left, the next one comes a second later.
fn crowd(people: usize, samples: usize, seed: u64) -> Crowd {
    let mut numbers = Numbers(seed);
    let mut walkers: Vec<Walker> =
        (0..people).map(|number| Walker::new(number, number as f64 * 1.5, &mut numbers)).collect();
    let mut next = people;
    let (mut truth, mut frames) = (Vec::new(), Vec::new());
    let (mut present, mut detected) = (0, 0);
    for sample in 0..samples {
        let at_s = sample as f64 / 10.0;
        for walker in &mut walkers {
            let [left, _, width, _] = walker.bbox(at_s);
            if left < 0.0 || left + width > WIDTH && at_s > walker.from_s {
                *walker = Walker::new(next, at_s + 1.0, &mut numbers);
                next += 1;
            }
        }
        let here: Vec<_> = walkers.iter().filter(|w| w.from_s <= at_s).map(|w| (w.number, w.bbox(at_s))).collect();
        let mut frame: Frame = Vec::new();
        present += here.len();
        for &(number, bbox) in &here {
            let in_front = |&(other, [left, top, width, height]): &(usize, [f64; 4])| {
                let across = (left + width).min(bbox[0] + bbox[2]) - left.max(bbox[0]);
                other != number && top + height > bbox[1] + bbox[3] && across > 0.6 * bbox[2]
            };
            let hidden = here.iter().any(in_front);
            if numbers.next() < if hidden { 0.3 } else { 0.02 } {
                continue;
            }
            let mut jitter = || 0.015 * bbox[3] * numbers.normal();
            let noisy = [bbox[0] + jitter(), bbox[1] + jitter(), bbox[2] + jitter(), bbox[3] + jitter()];
            let score = if hidden { 0.15 + 0.3 * numbers.next() } else { 0.6 + 0.35 * numbers.next() };
            frame.push(seen(0, score, noisy));
            detected += 1;
        }
        if numbers.next() < 0.1 {
            let place = [numbers.next() * 1200.0, numbers.next() * 500.0, 70.0, 180.0];
            frame.push(seen(0, 0.3 + 0.4 * numbers.next(), place));
        }
        frame.sort_by(|a, b| b.0.score.total_cmp(&a.0.score));
        truth.push(here);
        frames.push(frame);
    }
    Crowd { truth, frames, detected: f64::from(detected) / present as f64 }
}

/// Lines: frame, 0 for the truth or 1 for ours, number, box. IDF1, MOTA and identity switches by py-motmetrics.
const SCORE: &str = r#"
import sys, collections, numpy as np, motmetrics as mm
frames = collections.defaultdict(lambda: ([], []))
for line in open(sys.argv[1]):
    f, side, number, *box = line.split()
    frames[int(f)][int(side)].append((int(number), *map(float, box)))
acc = mm.MOTAccumulator(auto_id=True)
for f in sorted(frames):
    truth, ours = (np.array(side, float).reshape(-1, 5) for side in frames[f])
    a, b = truth[:, None, 1:], ours[None, :, 1:]
    both = np.prod(np.clip(np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None), -1)
    distance = 1 - both / (np.prod(a[..., 2:], -1) + np.prod(b[..., 2:], -1) - both)
    distance[distance > 0.5] = np.nan
    acc.update(truth[:, 0].astype(int), ours[:, 0].astype(int), distance)
row = mm.metrics.create().compute(acc, metrics=['idf1', 'mota', 'num_switches']).iloc[0]
print(row.idf1, row.mota, row.num_switches)
"#;

/// IDF1, MOTA and identity switches of a crowd.
fn scored(crowd: &Crowd, params: &ReduceParams) -> Option<[f64; 3]> {
    let python = framefan_testkit::python_or_skip("crossings_score_well")?;
    let section: Section = serde_json::from_str(&text(&crowd.frames, params)).unwrap();
    let mut lines = String::new();
    let mut line = |frame: u64, side: u8, number: u64, [x, y, w, h]: [f64; 4]| {
        lines += &format!("{frame} {side} {number} {x} {y} {w} {h}\n");
    };
    for (sample, here) in crowd.truth.iter().enumerate() {
        for &(number, bbox) in here {
            line(time(sample).frame, 0, number as u64, bbox);
        }
    }
    for detection in &section.detections {
        line(detection.frame, 1, detection.track_id, detection.bbox);
    }
    Some(python_numbers(python, SCORE, &lines).try_into().unwrap())
}

/// Means over several crowds: IDF1, MOTA, and the highest MOTA there can be.
fn mean_scores(people: usize) -> Option<[f64; 3]> {
    const SEEDS: std::ops::Range<u64> = 9000..9008;
    let params = reduce_params(&[]);
    let mut sums = [0.0; 3];
    for seed in SEEDS {
        let crowd = crowd(people, 900, seed);
        let [idf1, mota, switches] = scored(&crowd, &params)?;
        println!(
            "{people} people, seed {seed}: IDF1 {idf1:.3}, MOTA {mota:.3} of {:.3}, {switches} switches",
            crowd.detected
        );
        for (sum, value) in sums.iter_mut().zip([idf1, mota, crowd.detected]) {
            *sum += value / SEEDS.count() as f64;
        }
    }
    println!("{people} people: IDF1 {:.3}, MOTA {:.3} of {:.3}", sums[0], sums[1], sums[2]);
    Some(sums)
}

#[test]
fn crossings_score_well() {
    let Some([idf1, mota, _]) = mean_scores(2) else { return };
    assert!(idf1 >= 0.95 && mota >= 0.95, "{idf1} {mota}");
}

#[test]
fn crowds_score_nearly_as_well_as_their_detections_allow() {
    let Some([idf1, mota, most]) = mean_scores(4) else { return };
    assert!(idf1 >= 0.94 && mota >= most - 0.03, "{idf1} {mota} of {most}");
}

#[test]
fn the_scorer_notices_swapped_numbers() {
    let crowd = crowd(4, 200, 1);
    let Some([good, ..]) = scored(&crowd, &reduce_params(&[])) else { return };
    // Truth that swaps two people half way makes the same tracking wrong.
    let mut swapped = Crowd { truth: crowd.truth.clone(), ..crowd };
    for here in &mut swapped.truth[100..] {
        let (first, second) = (here[0].1, here[1].1);
        (here[0].1, here[1].1) = (second, first);
    }
    let Some([bad, ..]) = scored(&swapped, &reduce_params(&[])) else { return };
    assert!(bad < good - 0.1, "{bad} {good}");
}

#[test]
fn the_same_records_make_the_same_bytes_and_numbers_are_dense() {
    let crowd = crowd(8, 300, 5);
    let params = reduce_params(&[]);
    assert_eq!(text(&crowd.frames, &params), text(&crowd.frames, &params));
    let section: Section = serde_json::from_str(&text(&crowd.frames, &params)).unwrap();
    let mut counted: BTreeMap<u64, u64> = BTreeMap::new();
    for detection in &section.detections {
        *counted.entry(detection.track_id).or_default() += 1;
    }
    let listed: BTreeMap<u64, u64> = section.tracks.iter().map(|track| (track.track_id, track.detections)).collect();
    assert_eq!(counted, listed);
    assert!(counted.keys().copied().eq(1..=counted.len() as u64));
}
