//! A plausible report's input, for the tests and the example: a person squats twice, leaves, and two people come.

#![allow(clippy::unwrap_used, reason = "made for tests, where a panic is the report")]

use std::collections::BTreeMap;

use framefan_analyzers::pose::section::{Person, Summary};
use framefan_analyzers::{Finish, FrameSource, FrameTime, MediaSink, ReduceContext, find};
use framefan_contract::artifact::DamagedSpan;
use framefan_contract::plan::{Chunk, PacketRef, Plan};
use framefan_contract::request::{AnalyzerRequest, JobRequest, Precision, Source};
use framefan_contract::results::{Provenance, ResultsHeader};
use framefan_contract::run::{ChunkTiming, RunRecord, StageMetrics};
use framefan_contract::video::{IndexMethod, VideoInfo};
use framefan_contract::{Error, Rational, Result};
use framefan_media::Frame;
use framefan_report::{Figures, ReportInput, Sections, read_summary};

pub mod golden;
pub mod track;

const SECONDS: f64 = 139.4;
const FPS: f64 = 10.0;
const CHUNK_SECONDS: f64 = 15.0;

/// The input.
pub fn input() -> ReportInput {
    let video = video();
    let request = request();
    let provenance = Provenance {
        framefan: "0.1.0".into(),
        ffmpeg: "libavcodec 59.37.100 libavformat 59.27.100 libavutil 57.28.100".into(),
        source: request.source.clone(),
        analyzers: request.analyzers.clone(),
        precision: request.precision,
        device_class: request.device_class.clone(),
        devices: vec!["CPU, 8 threads".into()],
        index_method: IndexMethod::Tables,
        chunks: chunks().len() as u32,
    };
    let header = ResultsHeader {
        schema: "framefan.results/1".into(),
        job_id: request.job_id(),
        video: video.clone(),
        completed_at: "2026-11-21T01:45:12Z".into(),
        provenance,
        warnings: Vec::new(),
        damaged: Vec::new(),
        frames_processed: video.frames,
    };
    ReportInput {
        plan: Plan {
            schema: "framefan.plan/1".into(),
            job_id: header.job_id.clone(),
            video,
            index_method: IndexMethod::Tables,
            chunks: chunks(),
            notes: vec!["chunks begin at keyframes where one is near".into()],
        },
        header,
        request,
        runs: runs(),
        sections: Sections { pose: Some(serde_json::from_str(&pose_section()).unwrap()), ..Sections::default() },
        pictures: BTreeMap::new(),
        comparison: None,
        figures: Figures { wall_s: Some(62.4), bottleneck: None, resumed_chunks: 0 },
    }
}

/// The same with the sections of all analyzers.
#[allow(dead_code, reason = "not every user of this module needs them")]
pub fn all() -> ReportInput {
    let mut input = input();
    let mut results = serde_json::to_value(&input.header).unwrap();
    results["pose"] = serde_json::from_str(&pose_section()).unwrap();
    results["track"] = track::section();
    results["golden_frames"] = golden::section();
    let text = results.to_string();
    input.sections = read_summary(text.as_bytes(), |file: &str| Err(Error::not_found(file))).unwrap().1;
    input
}

/// The same with warnings and damage.
#[allow(dead_code, reason = "not every user of this module shows damage")]
pub fn damaged() -> ReportInput {
    let mut input = all();
    input.header.warnings.push("the file ends 2 s before the container says".into());
    input.header.damaged.push(DamagedSpan {
        start_pts: 600_000,
        end_pts: 660_000,
        start_s: 50.0,
        end_s: 55.0,
        reason: "error while decoding MB 12 7".into(),
    });
    input
}

/// A pose section as the reduce stage writes it.
pub fn pose_section() -> String {
    section_of(usize::MAX)
}

/// The same with at most `most` people in a frame.
#[allow(dead_code, reason = "not every user of this module needs it")]
pub fn section_of(most: usize) -> String {
    let pose = find("pose").unwrap();
    let (chunk_params, reduce_params) = pose.params(&BTreeMap::new()).unwrap();
    let video = video();
    let context = ReduceContext { video: &video, chunk_params: &chunk_params, reduce_params: &reduce_params };
    let mut stage = pose.reduce_stage(&context).unwrap();
    let mut out = Vec::new();
    stage.begin(&mut out).unwrap();
    for frame in 0..video.frames {
        let time_s = frame as f64 / FPS;
        let people = serde_json::json!({ "people": people(time_s).into_iter().take(most).collect::<Vec<_>>() });
        let data = serde_json::value::to_raw_value(&people).unwrap();
        stage.push(FrameTime { frame, pts: frame as i64 * 1200, time_s }, &data, &[], &mut out).unwrap();
    }
    stage.finish(&mut Finish { frames: &mut NoPictures, media: &mut NoPictures }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// For an analyzer that makes no pictures.
struct NoPictures;

impl FrameSource for NoPictures {
    fn frames(&mut self, _: &[i64], _: &mut dyn FnMut(&Frame) -> Result<()>) -> Result<()> {
        Err(Error::not_found("a test without a video"))
    }
}

impl MediaSink for NoPictures {
    fn keep(&mut self, name: &str, _: &[u8]) -> Result<String> {
        Err(Error::not_found(format!("a test that keeps no {name}")))
    }
}

/// The section's summary without frames.
#[allow(dead_code, reason = "not every user of this module needs it alone")]
pub fn summary() -> Summary {
    serde_json::from_str(&pose_section()).unwrap()
}

/// The summary with at most `most` people in a frame.
#[allow(dead_code, reason = "not every user of this module needs it")]
pub fn summary_of(most: usize) -> Summary {
    serde_json::from_str(&section_of(most)).unwrap()
}

fn people(time: f64) -> Vec<Person> {
    match time {
        6.0..60.0 => vec![person(180.0 + time * 4.0, 90.0, 260.0, squat(time), 0.2 * (time * 1.3).sin())],
        75.0..130.0 => vec![
            person(250.0 + 60.0 * (time * 0.2).sin(), 80.0, 280.0, 0.08, 1.9 * f64::from(u8::from(time > 100.0))),
            person(560.0, 150.0, 190.0, 0.04 + 0.03 * (time * 2.0).sin(), 0.1),
        ],
        _ => vec![],
    }
}

/// How far the knees are bent, 0 to 1.
fn squat(time: f64) -> f64 {
    if (20.0..44.0).contains(&time) {
        (0.5 - 0.5 * ((time - 20.0) * std::f64::consts::TAU / 4.0).cos()) * 0.9
    } else {
        0.05
    }
}

/// Someone whose knees are bent by `bend` and whose left arm is raised by `raise` radians.
fn person(x: f64, top: f64, height: f64, bend: f64, raise: f64) -> Person {
    let sink = 0.2 * bend * height;
    let mut keypoints = [[0.0; 3]; 17];
    let mut put = |place: usize, dx: f64, level: f64, score: f64| {
        keypoints[place] = [x + dx * height, top + sink + (1.0 - level) * height, score];
    };
    put(0, 0.0, 0.93, 0.98);
    for (place, dx, level) in [(1, 0.02, 0.945), (3, 0.045, 0.935), (5, 0.1, 0.818), (11, 0.07, 0.53)] {
        put(place, dx, level, 0.95);
        put(place + 1, -dx, level, 0.94);
    }
    let (sin, cos) = (raise + 0.15).sin_cos();
    put(7, 0.1 + 0.18 * sin, 0.818 - 0.18 * cos, 0.9);
    put(9, 0.1 + 0.33 * sin, 0.818 - 0.33 * cos, 0.85);
    put(8, -0.12, 0.64, 0.9);
    put(10, -0.13, 0.49, 0.84);
    for (knee, side) in [(13, 1.0), (14, -1.0)] {
        keypoints[knee] = [x + side * (0.08 + 0.17 * bend) * height, top + (1.0 - 0.285 + 0.02 * bend) * height, 0.93];
        keypoints[knee + 2] = [x + side * 0.085 * height, top + (1.0 - 0.04) * height, 0.9];
    }
    let keypoints = keypoints.map(|[x, y, score]| [(x * 100.0).round() / 100.0, (y * 100.0).round() / 100.0, score]);
    Person { score: 0.92, bbox: [x - 0.25 * height, top + sink, 0.5 * height, height - sink], keypoints }
}

fn video() -> VideoInfo {
    let one = Rational { num: 1, den: 1 };
    VideoInfo {
        container: "mov,mp4,m4a,3gp,3g2,mj2".into(),
        codec: "h264".into(),
        pixel_format: "yuv420p".into(),
        width: 768,
        height: 432,
        coded_width: 768,
        coded_height: 432,
        rotation: 0,
        mirrored: false,
        sample_aspect_ratio: one,
        color_range: "limited".into(),
        color_matrix: "bt709".into(),
        time_base: Rational { num: 1, den: 12000 },
        origin_pts: 0,
        average_fps: Rational { num: 10, den: 1 },
        duration_s: SECONDS,
        frames: (SECONDS * FPS) as u64,
        stream: 0,
        audio_streams: 1,
        size_bytes: 4_913_208,
    }
}

fn request() -> JobRequest {
    let pose = find("pose").unwrap();
    let (chunk_params, reduce_params) = pose.params(&BTreeMap::new()).unwrap();
    JobRequest {
        schema: "framefan.request/1".into(),
        source: Source::File {
            path: "/videos/one-by-one-person-detection.mp4".into(),
            size: 4_913_208,
            mtime_ns: 0,
            probe_digest: "0".repeat(64),
        },
        analyzers: vec![AnalyzerRequest {
            name: "pose".into(),
            chunk_version: 1,
            reduce_version: 1,
            chunk_params,
            reduce_params,
            models: BTreeMap::from([("yolov8n-pose".into(), "5ac1".repeat(16))]),
        }],
        precision: Precision::F32,
        device_class: "cpu-avx512-f32".into(),
        exports: Vec::new(),
        chunk_seconds: Rational { num: 15, den: 1 },
    }
}

fn chunks() -> Vec<Chunk> {
    let count = (SECONDS / CHUNK_SECONDS).ceil() as u32;
    let chunk = |index: u32| {
        let start_s = f64::from(index) * CHUNK_SECONDS;
        let end_s = (start_s + CHUNK_SECONDS).min(SECONDS);
        let from = u64::from(index) * 530_000;
        Chunk {
            index,
            start_pts: (start_s * 12000.0) as i64,
            end_pts: (end_s * 12000.0) as i64,
            start_s,
            end_s,
            frames: ((end_s - start_s) * FPS) as u32,
            decode_from: PacketRef { ordinal: u64::from(index) * 150, pts: None, dts: None, pos: from, size: 9000 },
            end_packet: u64::from(index + 1) * 150,
            byte_range: [from, from + 548_000],
            cost: 1.0 + f64::from(index % 3) * 0.07,
            times: None,
        }
    };
    (0..count).map(chunk).collect()
}

fn runs() -> Vec<RunRecord> {
    let run = |shard: u32, first: u32, end: u32, begun: f64| {
        let took = 11.8;
        let chunks = (first..end).map(|chunk| {
            let place = f64::from(chunk - first);
            ChunkTiming { chunk, started_at: begun + place * took, completed_at: begun + (place + 1.0) * took + 0.9 }
        });
        let chunks: Vec<_> = chunks.collect();
        let wall_s = took * f64::from(end - first) + 1.5;
        let stage = |stage: &str, busy: f64, wait_in: f64, items: u64| StageMetrics {
            stage: stage.into(),
            busy_s: busy * wall_s,
            wait_in_s: wait_in * wall_s,
            wait_out_s: (1.0 - busy - wait_in) * wall_s,
            items,
            per_s: items as f64 / (busy * wall_s),
        };
        let frames = u64::from(end - first) * 150;
        RunRecord {
            schema: "framefan.run/1".into(),
            job_id: String::new(),
            run_id: format!("run-{shard}"),
            worker: format!("worker {shard}"),
            shard,
            device: "cpu-avx512-f32".into(),
            started_at: 1_795_225_512.0 + begun,
            wall_s,
            frames,
            sampled_frames: frames,
            bytes_read: u64::from(end - first) * 548_000,
            chunks: chunks
                .into_iter()
                .map(|c| ChunkTiming {
                    started_at: 1_795_225_512.0 + c.started_at,
                    completed_at: 1_795_225_512.0 + c.completed_at,
                    ..c
                })
                .collect(),
            stages: vec![
                stage("read", 0.01, 0.0, u64::from(end - first) * 548_000),
                stage("decode", 0.06, 0.01, frames),
                stage("convert", 0.09, 0.02, frames),
                stage("infer", 0.93, 0.05, frames),
                stage("postprocess", 0.02, 0.97, frames),
                stage("write", 0.004, 0.995, u64::from(end - first)),
            ],
            error: None,
        }
    };
    vec![run(0, 0, 5, 0.0), run(1, 5, 10, 0.4)]
}
