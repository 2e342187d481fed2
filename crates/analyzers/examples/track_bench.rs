//! Seconds and peak memory of the tracker's reduce stage on a made-up video of very many detections.
//!
//! `cargo run -p framefan-analyzers --release --example track_bench [DETECTIONS] [PER_FRAME] [FEATURE_VALUES]`
//!
//! People cross the picture at different speeds, are missed now and then, leave, and come back looking the same. Records are
//! made as they are taken, so what is measured beside the tracker is the making of their text and features.

use std::error::Error;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use framefan_analyzers::params::Params;
use framefan_analyzers::track::Track;
use framefan_analyzers::track::feature::Feature;
use framefan_analyzers::track::section::{RecordedDetection, TrackRecord};
use framefan_analyzers::{Analyzer, Finish, FrameSource, FrameTime, MediaSink, ReduceContext};
use framefan_contract::video::VideoInfo;
use framefan_contract::{Rational, Result};
use framefan_media::Frame;

/// People that there are in all, for each that is in the picture at a time.
const CAST: usize = 4;

struct Nothing;

impl FrameSource for Nothing {
    fn frames(&mut self, _: &[i64], _: &mut dyn FnMut(&Frame) -> Result<()>) -> Result<()> {
        Ok(())
    }
}

impl MediaSink for Nothing {
    fn keep(&mut self, name: &str, _: &[u8]) -> Result<String> {
        Ok(name.to_owned())
    }
}

/// Counts what is written.
#[derive(Default)]
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Numbers from 0 to 1 that look random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn video() -> VideoInfo {
    let one = Rational { num: 1, den: 1 };
    VideoInfo {
        container: "mov,mp4".into(),
        codec: "h264".into(),
        pixel_format: "yuv420p".into(),
        width: 3840,
        height: 2160,
        coded_width: 3840,
        coded_height: 2160,
        rotation: 0,
        mirrored: false,
        sample_aspect_ratio: one,
        color_range: "limited".into(),
        color_matrix: "bt709".into(),
        time_base: Rational { num: 1, den: 1000 },
        origin_pts: 0,
        average_fps: Rational { num: 10, den: 1 },
        duration_s: 3600.0,
        frames: 36000,
        stream: 0,
        audio_streams: 0,
        size_bytes: 1,
    }
}

/// Someone who is in the picture.
struct Walker {
    who: usize,
    left: f64,
    top: f64,
    speed: f64,
    size: f64,
}

/// The most memory that this process has held, in megabytes.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let argument = |place: usize, default: usize| std::env::args().nth(place).map_or(Ok(default), |n| n.parse());
    let (wanted, per_frame, values) = (argument(1, 1_000_000)?, argument(2, 50)?, argument(3, 512)?);
    let info = video();
    let (chunk_params, reduce_params) = Track.params(&Params::new())?;
    let mut stage = Track.reduce_stage(&ReduceContext {
        video: &info,
        chunk_params: &chunk_params,
        reduce_params: &reduce_params,
    })?;
    let mut numbers = Numbers(1);
    let mut looks: Vec<Vec<u8>> = Vec::new();
    for _ in 0..CAST * per_frame * usize::from(values > 0) {
        let mut bytes = Vec::new();
        if let Some(feature) = Feature::new((0..values).map(|_| (numbers.next() * numbers.next()) as f32).collect()) {
            feature.write(&mut bytes);
        }
        looks.push(bytes);
    }
    let mut walkers: Vec<Walker> = Vec::new();
    let mut out = Counted::default();
    let (mut done, mut frame, mut spent) = (0, 0u64, Duration::ZERO);
    stage.begin(&mut out)?;
    while done < wanted {
        walkers.retain(|walker| walker.left > -walker.size && walker.left < 3840.0);
        while walkers.len() < per_frame {
            let who = loop {
                let who = (numbers.next() * (CAST * per_frame) as f64) as usize;
                if walkers.iter().all(|walker| walker.who != who) {
                    break who;
                }
            };
            let (right, size) = (numbers.next() < 0.5, 60.0 + 80.0 * numbers.next());
            let speed = (5.0 + 30.0 * numbers.next()) * if right { 1.0 } else { -1.0 };
            let left = if frame == 0 {
                numbers.next() * 3800.0
            } else if right {
                0.0
            } else {
                3839.0 - size
            };
            walkers.push(Walker { who, left, top: numbers.next() * 1700.0, speed, size });
        }
        let mut record = TrackRecord { detections: Vec::new() };
        let mut sidecar = Vec::new();
        for walker in &mut walkers {
            walker.left += walker.speed;
            if numbers.next() < 0.05 {
                continue;
            }
            let round = |value: f64| (value * 100.0).round() / 100.0;
            let bbox = [walker.left + 2.0 * numbers.next(), walker.top, walker.size, 2.5 * walker.size].map(round);
            let score = round(0.3 + 0.65 * numbers.next());
            let feature = values > 0 && score >= 0.4;
            if feature {
                sidecar.extend_from_slice(&looks[walker.who]);
            }
            record.detections.push(RecordedDetection { class: 0, score, bbox, feature });
        }
        done += record.detections.len();
        let data = serde_json::value::to_raw_value(&record)?;
        let time = FrameTime { frame, pts: frame as i64 * 100, time_s: frame as f64 / 10.0 };
        let start = Instant::now();
        stage.push(time, &data, &sidecar, &mut out)?;
        spent += start.elapsed();
        frame += 1;
    }
    let start = Instant::now();
    stage.finish(&mut Finish { frames: &mut Nothing, media: &mut Nothing }, &mut out)?;
    spent += start.elapsed();
    println!(
        "{done} detections in {frame} frames, features of {values} values: {:.1} s, peak {:.0} MB, {:.0} MB written",
        spent.as_secs_f64(),
        peak_mb(),
        out.0 as f64 / 1e6
    );
    Ok(())
}
