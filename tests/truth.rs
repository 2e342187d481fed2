//! The numbers against what others compute: the whole pipeline beside OpenCV and ONNX Runtime, and a video whose people
//! are known.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use framefan_testkit::{data_or_skip, python_or_skip, skip, workspace_root};
use serde_json::Value;
use support::{framefan, summary};

/// `framefan run` with the real pose network at the size users run it.
fn run_pose(data: &Path, video: &Path, max_width: &str, fps: &str, out: &Path) -> Value {
    let mut command = framefan();
    command.arg("run").arg(video).args(["--analyzer", "pose", "--json", "--max-width", max_width, "--sample-fps", fps]);
    command.arg("--model").arg(format!("yolov8n-pose={}", data.join("weights/yolov8n-pose.safetensors").display()));
    summary(&command.arg("--out").arg(out).output().unwrap())
}

fn script(name: &str) -> PathBuf {
    workspace_root().join("tests/python").join(name)
}

fn run_python(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    serde_json::from_str(out.lines().last().unwrap()).unwrap_or_else(|e| panic!("{e}: {out}"))
}

/// What a Python user runs today, where there is one: a script that takes MODEL.onnx VIDEO SAMPLE_FPS OUT.json.
fn peer(data: &Path) -> Option<PathBuf> {
    let script = data.parent()?.join("peers/pose_ort.py");
    if !script.is_file() {
        skip("the pipeline agrees with its peer", "the peers' scripts beside FRAMEFAN_TEST_DATA");
        return None;
    }
    Some(script)
}

#[test]
fn pipeline_agrees_with_opencv_and_onnx_runtime() {
    const TEST: &str = "the pipeline agrees with OpenCV and ONNX Runtime";
    let (Some(data), Some(_)) = (data_or_skip(TEST), python_or_skip(TEST)) else { return };
    let Some(peer) = peer(&data) else { return };
    let folder = tempfile::tempdir().unwrap();
    // Each video at the input size its shape gives, and the reference network of that size.
    let videos = [
        ("video/05_default_juggle.mp4", "yolov8n-pose-384x640.onnx", "10"),
        ("video/one-by-one-person-detection.mp4", "yolov8n-pose-384x640.onnx", "3"),
        ("labelled/pose_squats/pose_squats.mp4", "yolov8n-pose-640.onnx", "10"),
    ];
    for (video, model, fps) in videos {
        let path = data.join(video);
        let out = folder.path().join(video.replace('/', "_"));
        let summary = run_pose(&data, &path, "640", fps, &out);
        let theirs = folder.path().join("peer.json");
        let mut command = python_or_skip(TEST).unwrap();
        command.arg(&peer).arg(data.join("weights").join(model)).arg(&path).arg(fps).arg(&theirs);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut compare = python_or_skip(TEST).unwrap();
        compare.arg(script("compare_pose.py")).arg(summary["results"].as_str().unwrap()).arg(&theirs);
        let compared = run_python(&mut compare);
        println!("{video}: {compared}");
        let share = compared["same_people_share"].as_f64().unwrap();
        let pixels = compared["mean_keypoint_px"].as_f64().unwrap();
        assert!(compared["frames"].as_u64().unwrap() >= 10, "{compared}");
        assert!(share >= 0.98, "{video}: same people in {share} of the frames: {compared}");
        assert!(pixels <= 1.0, "{video}: keypoints {pixels} px apart: {compared}");
    }
}

/// Six people walk through, one after another; the data's README says at which frames.
#[test]
fn six_people_one_after_another() {
    const PRESENT: [(u64, u64); 6] = [(65, 190), (230, 445), (505, 695), (745, 865), (925, 1195), (1235, 1355)];
    const TOLERANCE: u64 = 5;
    let Some(data) = data_or_skip("six people are found one after another") else { return };
    let folder = tempfile::tempdir().unwrap();
    let video = data.join("video/one-by-one-person-detection.mp4");
    let summary = run_pose(&data, &video, "640", "6", folder.path());
    let text = std::fs::read_to_string(summary["results"].as_str().unwrap()).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    let appearances: Vec<(u64, u64)> = results["pose"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["id"] == "appearance")
        .map(|f| (f["start_frame"].as_u64().unwrap(), f["end_frame"].as_u64().unwrap()))
        .collect();
    assert_eq!(appearances.len(), 6, "{appearances:?}");
    for ((start, end), (first, last)) in appearances.into_iter().zip(PRESENT) {
        // Two samples may pass before an appearance counts: the grid's spacing is part of the tolerance.
        assert!(start.abs_diff(first) <= TOLERANCE + 4, "starts at {start}, not {first}");
        assert!(end.abs_diff(last) <= TOLERANCE + 4, "ends at {end}, not {last}");
    }
}
