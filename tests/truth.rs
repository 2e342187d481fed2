//! The numbers against what others compute: the whole pipeline beside OpenCV and ONNX Runtime, and a video whose people
//! are known.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use framefan_testkit::{amx_or_skip, data_or_skip, ffmpeg, ffprobe_json, python_or_skip, run, workspace_root};
use serde_json::Value;
use support::{framefan, summary};

/// `framefan run` with the real pose network at the size users run it.
fn run_pose(data: &Path, video: &Path, precision: &str, fps: &str, out: &Path) -> Value {
    let mut command = framefan();
    command.arg("run").arg(video).args(["--analyzer", "pose", "--json", "--max-width", "640", "--sample-fps", fps]);
    command.args(["--precision", precision]);
    command.arg("--model").arg(format!("yolov8n-pose={}", data.join("weights/yolov8n-pose.safetensors").display()));
    summary(&command.arg("--out").arg(out).output().unwrap())
}

/// What this machine computes in; a missing bf16 is recorded as part of a test that is skipped.
fn precisions(test: &str) -> Vec<&'static str> {
    if amx_or_skip(&format!("{test} (bf16)")) { vec!["f32", "bf16"] } else { vec!["f32"] }
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

#[test]
fn pipeline_agrees_with_opencv_and_onnx_runtime() {
    const TEST: &str = "the pipeline agrees with OpenCV and ONNX Runtime";
    let (Some(data), Some(_)) = (data_or_skip(TEST), python_or_skip(TEST)) else { return };
    let folder = tempfile::tempdir().unwrap();
    // Each video at the input size its shape gives, and the reference network of that size.
    let videos = [
        ("video/05_default_juggle.mp4", "yolov8n-pose-384x640.onnx", "10"),
        ("video/one-by-one-person-detection.mp4", "yolov8n-pose-384x640.onnx", "3"),
        ("labelled/pose_squats/pose_squats.mp4", "yolov8n-pose-640.onnx", "10"),
    ];
    for (video, model, fps) in videos {
        let path = data.join(video);
        let theirs = folder.path().join("peer.json");
        let mut command = python_or_skip(TEST).unwrap();
        command.arg(script("pose_reference.py")).arg("video").arg(data.join("weights").join(model));
        command.arg(&path).arg(fps).arg(&theirs);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for precision in precisions(TEST) {
            let out = folder.path().join(format!("{}_{precision}", video.replace('/', "_")));
            let summary = run_pose(&data, &path, precision, fps, &out);
            let mut compare = python_or_skip(TEST).unwrap();
            compare.arg(script("compare_pose.py")).arg(summary["results"].as_str().unwrap()).arg(&theirs);
            let compared = run_python(&mut compare);
            println!("{video} {precision}: {compared}");
            let share = compared["same_people_share"].as_f64().unwrap();
            let pixels = compared["mean_keypoint_px"].as_f64().unwrap();
            assert!(compared["frames"].as_u64().unwrap() >= 10, "{compared}");
            assert!(share >= 0.98, "{video}: same people in {share} of the frames: {compared}");
            assert!(pixels <= 1.0, "{video}: keypoints {pixels} px apart: {compared}");
        }
    }
}

/// On labelled pictures as many people are found as by the reference in f32 at the same input size. That size is square, so each
/// picture becomes the middle of a square video of one frame, losslessly in RGB; framefan's own letterbox would be narrower.
#[test]
fn labelled_people_are_found() {
    const TEST: &str = "labelled people are found as by ONNX Runtime";
    let (Some(data), Some(_)) = (data_or_skip(TEST), python_or_skip(TEST)) else { return };
    let folder = tempfile::tempdir().unwrap();
    let labelled = data.join("labelled/coco8-pose");
    let precisions = precisions(TEST);
    let mut ours = vec![serde_json::Map::new(); precisions.len()];
    for half in ["train", "val"] {
        let mut images: Vec<PathBuf> =
            std::fs::read_dir(labelled.join("images").join(half)).unwrap().map(|e| e.unwrap().path()).collect();
        images.sort();
        for image in images {
            let name = image.file_name().unwrap().to_string_lossy().into_owned();
            let video = folder.path().join(&name).with_extension("mkv");
            let square = "format=gbrp,pad=max(iw\\,ih):max(iw\\,ih):(ow-iw)/2:(oh-ih)/2:color=0x727272";
            run(ffmpeg().arg("-i").arg(&image).args(["-vf", square, "-c:v", "libx264rgb", "-qp", "0"]).arg(&video));
            let stream = &ffprobe_json(&image, &["-show_streams"])["streams"][0];
            let (width, height) = (stream["width"].as_u64().unwrap(), stream["height"].as_u64().unwrap());
            let pads = [width.max(height) - width, width.max(height) - height].map(|pad| (pad / 2) as f64);
            for (precision, ours) in precisions.iter().zip(&mut ours) {
                let summary = run_pose(&data, &video, precision, "10", &folder.path().join("out"));
                let text = std::fs::read_to_string(summary["results"].as_str().unwrap()).unwrap();
                let results: Value = serde_json::from_str(&text).unwrap();
                let mut people = results["pose"]["frames"][0]["people"].clone();
                for person in people.as_array_mut().unwrap() {
                    for keypoint in person["keypoints"].as_array_mut().unwrap() {
                        for (axis, pad) in pads.into_iter().enumerate() {
                            keypoint[axis] = Value::from(keypoint[axis].as_f64().unwrap() - pad);
                        }
                    }
                }
                ours.insert(name.clone(), people);
            }
        }
    }
    assert!(ours.iter().all(|ours| ours.len() == 8));
    let recall = |predictions: &Path| {
        let mut command = python_or_skip(TEST).unwrap();
        command.arg(script("oks_recall.py")).arg(&labelled).arg(predictions);
        let answer = run_python(&mut command);
        println!("{}: {answer}", predictions.display());
        answer["recall"].as_f64().unwrap()
    };
    let theirs_path = folder.path().join("theirs.json");
    let mut reference = python_or_skip(TEST).unwrap();
    reference.arg(script("pose_reference.py")).arg("images").arg(data.join("weights/yolov8n-pose-640.onnx"));
    reference.arg(&labelled).arg(&theirs_path);
    assert!(reference.status().unwrap().success());
    let theirs = recall(&theirs_path);
    assert!(theirs > 0.5, "the reference finds almost nobody: {theirs}");
    for (precision, ours) in precisions.iter().zip(ours) {
        let path = folder.path().join(format!("{precision}.json"));
        std::fs::write(&path, Value::Object(ours).to_string()).unwrap();
        let ours = recall(&path);
        assert!(ours >= theirs, "recall {ours} in {precision}, the reference's {theirs}");
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
    let summary = run_pose(&data, &video, "f32", "6", folder.path());
    let text = std::fs::read_to_string(summary["results"].as_str().unwrap()).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    let appearances: Vec<(u64, u64)> = results["pose"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["id"].as_str().unwrap().starts_with("appearance"))
        .map(|f| (f["start_frame"].as_u64().unwrap(), f["end_frame"].as_u64().unwrap()))
        .collect();
    assert_eq!(appearances.len(), 6, "{appearances:?}");
    for ((start, end), (first, last)) in appearances.into_iter().zip(PRESENT) {
        assert!(start.abs_diff(first) <= TOLERANCE, "starts at {start}, not {first}");
        assert!(end.abs_diff(last) <= TOLERANCE, "ends at {end}, not {last}");
    }
}
