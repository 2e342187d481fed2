//! The command as a user meets it: help, wrong usage, JSON, and what it says when a model is missing.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod support;

use framefan_testkit::videos;
use serde_json::Value;
use support::{Small, framefan, random_detector, random_weights};

fn end_of(args: &[&str]) -> (Option<i32>, String, String) {
    let output = framefan().args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_has_an_example_for_every_command() {
    for command in ["probe", "plan", "run"] {
        let (code, out, _) = end_of(&[command, "--help"]);
        assert_eq!(code, Some(0));
        assert!(out.contains(&format!("framefan {command} match.mp4")), "{out}");
    }
    let (code, out, _) = end_of(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("Exit codes"), "{out}");
}

#[test]
fn wrong_usage_exits_2_and_says_what_is_allowed() {
    let video = videos::path("h264.mp4");
    let video = video.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().to_str().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["run", video, "--analyzer", "pose"], "--out"),
        (&["plan", video, "--analyzer", "posse"], "pose"),
        (&["plan", video, "--analyzer", "pose", "--chunk-seconds", "0"], "greater than 0"),
        (&["plan", video, "--analyzer", "pose", "--shards", "none"], "auto"),
        (&["plan", video, "--analyzer", "pose", "--sample-fps=-1"], "sample_fps"),
        (&["plan", video, "--analyzer", "pose", "--param", "pose.nonsense=1"], "nonsense"),
        (&["plan", video, "--analyzer", "pose", "--param", "score=1"], "ANALYZER.KEY=VALUE"),
        (&["plan", video, "--analyzer", "pose", "--param", "track.score=1"], "track"),
        // Before anything is looked for in the video, which may take long: here there is not even one.
        (&["plan", "no-such-video.mp4", "--analyzer", "posse"], "posse"),
        (&["run", "no-such-video.mp4", "--analyzer", "posse", "--out", nowhere], "posse"),
    ];
    for (args, says) in cases {
        let (code, out, err) = end_of(args);
        assert_eq!(code, Some(2), "{args:?}: {err}");
        assert!(err.contains(says), "{args:?}: {err}");
        assert!(out.is_empty(), "{args:?}: {out}");
    }
}

#[test]
fn probe_and_plan_print_json() {
    let video = videos::path("h264_rotated_90.mp4");
    let (code, out, _) = end_of(&["probe", video.to_str().unwrap(), "--json"]);
    assert_eq!(code, Some(0));
    let probe: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(probe["video"]["rotation"], 90);
    assert_eq!((&probe["video"]["width"], &probe["video"]["height"]), (&108.into(), &192.into()));
    assert_eq!(probe["index_method"], "tables");
    let video = videos::path("h264.mp4");
    let (code, out, _) = end_of(&[
        "plan",
        video.to_str().unwrap(),
        "--analyzer",
        "pose",
        "--chunk-seconds",
        "1",
        "--shards",
        "2",
        "--json",
    ]);
    assert_eq!(code, Some(0));
    let answer: Value = serde_json::from_str(&out).unwrap();
    let chunks = answer["plan"]["chunks"].as_array().unwrap();
    assert_eq!(answer["shards"].as_array().unwrap().len(), 2);
    assert!(!out.contains("job_id"), "a run's job depends on its weights, too: {out}");
    let frames: u64 = chunks.iter().map(|c| c["frames"].as_u64().unwrap()).sum();
    assert_eq!(frames, answer["plan"]["video"]["frames"].as_u64().unwrap());
    for pair in chunks.windows(2) {
        assert_eq!(pair[0]["end_pts"], pair[1]["start_pts"]);
    }
}

#[test]
fn a_missing_model_says_which_file_and_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let video = videos::path("h264.mp4");
    let (code, _, err) =
        end_of(&["run", video.to_str().unwrap(), "--analyzer", "pose", "--out", folder.path().to_str().unwrap()]);
    assert_eq!(code, Some(4), "{err}");
    for says in ["yolov8n-pose.safetensors", "--model yolov8n-pose=PATH", "AGPL-3.0"] {
        assert!(err.contains(says), "{err}");
    }
}

#[test]
fn wrong_weights_are_named() {
    let (folder, video) = (tempfile::tempdir().unwrap(), videos::path("h264.mp4"));
    let text = folder.path().join("weights.safetensors");
    std::fs::write(&text, b"not weights").unwrap();
    for (weights, says) in [(text, ""), (random_detector(), "17 landmarks")] {
        let run = Small {
            analyzers: &["pose"],
            video: &video,
            weights: &weights,
            out: &folder.path().join("out"),
            chunk_seconds: "1",
            shards: 1,
            workers: 1,
        };
        let output = run.command().output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{err}");
        let name = weights.file_name().unwrap().to_str().unwrap();
        assert!(err.contains(name) && err.contains(says), "{err}");
    }
}

#[test]
fn nobody_at_the_other_end_of_standard_error_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.mp4");
    std::fs::write(&bad, b"no video").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = framefan().arg("probe").arg(&bad).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn run_prints_one_object_as_the_last_line() {
    let folder = tempfile::tempdir().unwrap();
    let (video, weights) = (videos::path("h264.mp4"), random_weights());
    let run = Small {
        analyzers: &["pose"],
        video: &video,
        weights: &weights,
        out: folder.path(),
        chunk_seconds: "1",
        shards: 2,
        workers: 1,
    };
    let summary = run.run();
    assert_eq!(summary["stage"], "DONE");
    assert_eq!((&summary["frames"], &summary["sampled_frames"]), (&75.into(), &30.into()));
    assert_eq!((&summary["chunks"], &summary["shards"]), (&3.into(), &2.into()));
    assert!(summary["stages"]["decode_s"].as_f64().unwrap() > 0.0);
    assert!(summary["stages"]["infer_s"].as_f64().unwrap() > 0.0);
    let stages: Vec<_> =
        summary["stages"]["detail"].as_array().unwrap().iter().map(|s| s["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["read", "decode", "convert", "infer", "postprocess", "write"]);
    assert!(stages.contains(&summary["bottleneck"].as_str().unwrap()));
    let report = std::fs::read_to_string(summary["report"].as_str().unwrap()).unwrap();
    assert!(report.contains("<svg") && report.contains("data:image/jpeg;base64,"));
}
