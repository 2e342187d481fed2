//! Every analyzer's section is the same bytes alone and beside all others, for every chunking, number of shards, of workers
//! and of threads, and when the run was killed on the way and started again.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use framefan_testkit::{amx_or_skip, hostile, videos};
use serde_json::Value;
use support::{ALL, Small, has_features, random_weights, sections, summary};

const CHUNKINGS: [&str; 7] = ["0.3", "0.7", "1", "1.3", "1.9", "2.6", "60"];

/// Starts the run and kills it after `percent` of the time a whole run takes.
fn kill_on_the_way(run: &Small<'_>, wall: Duration, percent: u32) {
    let mut child = run.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(wall * percent / 100);
    let _ = child.kill();
    child.wait().unwrap();
}

/// Each analyzer alone, in one chunk and one shard: their sections, and frames looked at.
fn alone(whole: &Small<'_>) -> (BTreeMap<String, String>, u64) {
    let (mut expected, mut sampled) = (BTreeMap::new(), 0);
    for name in ALL {
        let summary = Small { analyzers: &[name], ..whole.clone() }.run();
        assert_eq!(summary["chunks"], 1, "{}", whole.video.display());
        sampled += summary["sampled_frames"].as_u64().unwrap();
        expected.extend(sections(&summary, &[name]));
    }
    (expected, sampled)
}

/// The comparison is of something: everything that is counted here is there.
fn check_plenty(expected: &BTreeMap<String, String>) {
    let section = |name: &str| serde_json::from_str::<Value>(&expected[name]).unwrap();
    let frames = section("pose")["frames"].as_array().unwrap().clone();
    assert!(frames.iter().any(|frame| !frame["people"].as_array().unwrap().is_empty()), "no people");
    assert!(!section("track")["detections"].as_array().unwrap().is_empty(), "no detections");
    let golden = section("golden_frames");
    let moving = |frame: &Value| frame["motion"].as_f64().unwrap() > 0.0;
    assert!(golden["frames"].as_array().unwrap().iter().any(moving), "nothing moves");
}

/// Runs one video in these chunkings over one to three shards, each killed once, and compares with each analyzer alone.
fn check(video: &Path, weights: &Path, chunkings: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let whole_out = folder.path().join("whole");
    let whole =
        Small { analyzers: ALL, video, weights, out: &whole_out, chunk_seconds: "100000", shards: 1, workers: 1 };
    let (expected, sampled) = alone(&whole);
    check_plenty(&expected);
    let began = Instant::now();
    let all = whole.run();
    // Real people are too small for that at this width.
    assert!(weights != random_weights() || has_features(&whole_out, &all), "no features");
    let wall = began.elapsed();
    assert_eq!(sections(&all, ALL), expected, "{}: all in one pass", video.display());
    assert_eq!(all["sampled_frames"], sampled);
    let mut chunk_counts = Vec::new();
    for (i, &chunk_seconds) in chunkings.iter().enumerate() {
        for shards in 1..=3 {
            // Every combination of shards and chunkings; workers vary along.
            let out = folder.path().join(format!("{i}-{shards}"));
            let run = Small { out: &out, chunk_seconds, shards, workers: 1 + (i as u32 + shards) % 3, ..whole.clone() };
            kill_on_the_way(&run, wall, (i as u32 * 3 + shards) * 37 % 100);
            // So do threads, and with them the pictures that a network is given at once.
            let threads = (1 + (i as u32 + 2 * shards) % 4).to_string();
            let summary = summary(&run.command().env("RAYON_NUM_THREADS", threads).output().unwrap());
            chunk_counts.push(summary["chunks"].as_u64().unwrap());
            assert_eq!(
                sections(&summary, ALL),
                expected,
                "{} with chunks of {chunk_seconds} s and {shards} shards",
                video.display()
            );
        }
    }
    assert!(chunk_counts.iter().any(|&n| n > 1), "no chunking of {} made more than one chunk", video.display());
}

/// A new analyzer is tried here too.
#[test]
fn all_analyzers_are_here() {
    let mut registered: Vec<_> = framefan_analyzers::REGISTRY.iter().map(|analyzer| analyzer.name()).collect();
    registered.sort_unstable();
    assert_eq!(registered, ALL);
}

#[test]
fn b_frames_in_mp4() {
    check(&videos::path("h264.mp4"), &random_weights(), &CHUNKINGS);
}

#[test]
fn open_gops_in_mpeg_ts() {
    check(&videos::path("h264_open_gop.ts"), &random_weights(), &CHUNKINGS);
}

#[test]
fn variable_frame_rate() {
    check(&videos::path("h264_vfr.mp4"), &random_weights(), &CHUNKINGS);
}

#[test]
fn packets_without_timestamps() {
    check(&videos::path("h264.avi"), &random_weights(), &CHUNKINGS);
}

#[test]
fn hidden_frames_of_vp8() {
    check(&videos::path("vp8_altref.webm"), &random_weights(), &CHUNKINGS);
}

/// What comes after it is measured without it, wherever its chunk's decoding began.
#[test]
fn a_group_of_pictures_that_does_not_decode() {
    let folder = tempfile::tempdir().unwrap();
    let video = hostile::without_group(folder.path(), &videos::path("h264.mp4"), 1);
    check(&video, &random_weights(), &["0.3", "1", "1.9"]);
}

/// The network runs on other kernels there, and the rest as ever.
#[test]
fn in_bf16() {
    if !amx_or_skip("sections in bf16 are the same for every chunking") {
        return;
    }
    let (folder, video, weights) = (tempfile::tempdir().unwrap(), videos::path("h264.mp4"), random_weights());
    let run = |chunk_seconds, [shards, workers, threads]: [u32; 3]| {
        let out = folder.path().join(format!("{chunk_seconds}-{shards}-{workers}-{threads}"));
        let small =
            Small { analyzers: ALL, video: &video, weights: &weights, out: &out, chunk_seconds, shards, workers };
        let mut command = small.command();
        command.args(["--precision", "bf16"]).env("RAYON_NUM_THREADS", threads.to_string());
        let summary = summary(&command.output().unwrap());
        let results = std::fs::read_to_string(summary["results"].as_str().unwrap()).unwrap();
        assert!(results.contains("cpu-amx-bf16"));
        sections(&summary, ALL)
    };
    let expected = run("100000", [1, 1, 1]);
    check_plenty(&expected);
    for (chunk_seconds, how) in [("0.7", [2, 2, 2]), ("1.3", [3, 1, 4]), ("60", [1, 3, 3])] {
        assert_eq!(run(chunk_seconds, how), expected, "chunks of {chunk_seconds} s, {how:?}");
    }
}

#[test]
fn real_video_and_weights() {
    let Some(data) = framefan_testkit::data_or_skip("sections of a real video are the same for every chunking") else {
        return;
    };
    let (video, weights) = (data.join("video/05_default_juggle.mp4"), data.join("weights/yolov8n-pose.safetensors"));
    check(&video, &weights, &["0.7", "60"]);
}
