//! The pose section is the same bytes for every chunking, number of shards and number of workers, and when the run was
//! killed on the way and started again.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use framefan_testkit::videos;
use support::{Small, pose_section, random_weights};

const CHUNKINGS: [&str; 7] = ["0.3", "0.7", "1", "1.3", "1.9", "2.6", "60"];

/// Starts the run and kills it after `percent` of the time a whole run takes.
fn kill_on_the_way(run: &Small<'_>, wall: Duration, percent: u32) {
    let mut child = run.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(wall * percent / 100);
    let _ = child.kill();
    child.wait().unwrap();
}

/// Runs one video in seven chunkings over one to three shards, each killed once, and compares with a single chunk.
fn check(video: &Path, weights: &Path) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let whole_out = folder.path().join("whole");
    let whole = Small { video, weights, out: &whole_out, chunk_seconds: "100000", shards: 1, workers: 1 };
    let began = Instant::now();
    let summary = whole.run();
    let wall = began.elapsed();
    assert_eq!(summary["chunks"], 1, "{}", video.display());
    let expected = pose_section(&summary);
    let people: u64 = {
        let section: serde_json::Value = serde_json::from_str(&expected).unwrap();
        let frames = section["frames"].as_array().unwrap();
        assert_eq!(frames.len() as u64, summary["sampled_frames"].as_u64().unwrap());
        frames.iter().map(|f| f["people"].as_array().unwrap().len() as u64).sum()
    };
    let mut chunk_counts = Vec::new();
    for (i, chunk_seconds) in CHUNKINGS.into_iter().enumerate() {
        for shards in 1..=3 {
            // Every combination of shards and chunkings; workers vary along.
            let out = folder.path().join(format!("{i}-{shards}"));
            let run = Small { out: &out, chunk_seconds, shards, workers: 1 + (i as u32 + shards) % 3, ..whole.clone() };
            kill_on_the_way(&run, wall, (i as u32 * 3 + shards) * 37 % 100);
            let summary = run.run();
            chunk_counts.push(summary["chunks"].as_u64().unwrap());
            assert_eq!(
                pose_section(&summary),
                expected,
                "{} with chunks of {chunk_seconds} s and {shards} shards",
                video.display()
            );
        }
    }
    assert!(chunk_counts.iter().any(|&n| n > 1), "no chunking of {} made more than one chunk", video.display());
    people
}

fn check_generated(name: &str) {
    let people = check(&videos::path(name), &random_weights());
    assert!(people > 0, "the comparison would be of nothing");
}

#[test]
fn b_frames_in_mp4() {
    check_generated("h264.mp4");
}

#[test]
fn open_gops_in_mpeg_ts() {
    check_generated("h264_open_gop.ts");
}

#[test]
fn variable_frame_rate() {
    check_generated("h264_vfr.mp4");
}

#[test]
fn packets_without_timestamps() {
    check_generated("h264.avi");
}

#[test]
fn hidden_frames_of_vp8() {
    check_generated("vp8_altref.webm");
}

#[test]
fn real_video_and_weights() {
    let Some(data) = framefan_testkit::data_or_skip("pose sections of a real video are the same for every chunking")
    else {
        return;
    };
    let people = check(&data.join("video/05_default_juggle.mp4"), &data.join("weights/yolov8n-pose.safetensors"));
    assert!(people > 0, "the comparison would be of nothing");
}
