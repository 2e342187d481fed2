//! People who cross each other's way, from the drawn picture to their numbers, scored by motmetrics against the exact truth.
//!
//! The seeds here were not looked at while the tracker's association was chosen.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use framefan_scene::{VideoOptions, crossings, write_video};
use framefan_testkit::{data_or_skip, python_or_skip, run, workspace_root};
use serde_json::Value;
use support::{framefan, summary};

const SEEDS: [u64; 3] = [401, 402, 403];
const SECONDS: f32 = 12.0;

/// IDF1, MOTA, and the MOTA of a perfect associator.
struct Score {
    idf1: f64,
    mota: f64,
    possible: f64,
}

/// The weights a run names: the detector, and one that tells people apart, which exists as ONNX alone.
struct Weights {
    detector: PathBuf,
    osnet: PathBuf,
}

impl Weights {
    fn new(data: &Path, folder: &Path, test: &str) -> Option<Self> {
        let osnet = folder.join("osnet.safetensors");
        let converter = workspace_root().join("crates/models/tests/support/onnx_to_safetensors.py");
        let model = data.join("weights/osnet_x0_25_msmt17.onnx");
        run(python_or_skip(test)?.arg(converter).arg("osnet").arg(model).arg(&osnet));
        Some(Weights { detector: data.join("weights/yolov8n.safetensors"), osnet })
    }
}

/// Tracks a video that is drawn already, with or without features, and scores it.
fn scored(video: &Path, weights: &Weights, features: bool, test: &str) -> Option<Score> {
    let out = video.with_extension(if features { "features" } else { "plain" });
    let mut command = framefan();
    command.arg("run").arg(video).args(["--analyzer", "track", "--json", "--param", "track.classes=person"]);
    command.arg("--model").arg(format!("yolov8n={}", weights.detector.display())).arg("--out").arg(&out);
    if features {
        command.args(["--param", "track.appearance=osnet-x0.25"]);
        command.arg("--model").arg(format!("osnet-x0.25={}", weights.osnet.display()));
    }
    let results = PathBuf::from(summary(&command.output().unwrap())["results"].as_str().unwrap());
    let script = workspace_root().join("tests/python/track_scores.py");
    let mut python = python_or_skip(test)?;
    python.arg(script).arg(&results).arg(results.with_file_name("chunks")).arg(video.with_extension("json"));
    let score: Value = serde_json::from_slice(&run(&mut python).stdout).unwrap();
    println!("{}: {score}", out.display());
    let number = |value: &Value| value.as_f64().unwrap();
    Some(Score {
        idf1: number(&score["idf1"]),
        mota: number(&score["mota"]),
        possible: number(&score["perfect"]["mota"]),
    })
}

/// Means over the seeds, without and with features.
fn means(people: usize, test: &str) -> Option<[Score; 2]> {
    let data = data_or_skip(test)?;
    python_or_skip(test)?;
    let folder = tempfile::tempdir().unwrap();
    let weights = Weights::new(&data, folder.path(), test)?;
    let mut sums = [(); 2].map(|()| Score { idf1: 0.0, mota: 0.0, possible: 0.0 });
    for seed in SEEDS {
        let video = folder.path().join(format!("{people}-{seed}.mp4"));
        let truth = write_video(&crossings(seed, people, SECONDS).unwrap(), &video, &VideoOptions::h264()).unwrap();
        fs::write(video.with_extension("json"), serde_json::to_string(&truth).unwrap()).unwrap();
        for (sum, features) in sums.iter_mut().zip([false, true]) {
            let score = scored(&video, &weights, features, test)?;
            sum.idf1 += score.idf1 / SEEDS.len() as f64;
            sum.mota += score.mota / SEEDS.len() as f64;
            sum.possible += score.possible / SEEDS.len() as f64;
        }
    }
    Some(sums)
}

fn check(scores: [Score; 2]) {
    for Score { idf1, mota, possible } in scores {
        assert!(idf1 >= 0.95 && mota >= 0.95, "IDF1 {idf1:.3}, MOTA {mota:.3} of {possible:.3}");
    }
}

#[test]
fn two_who_cross_keep_their_numbers() {
    if let Some(scores) = means(2, "two drawn people who cross keep their numbers") {
        check(scores);
    }
}

#[test]
fn three_who_cross_keep_their_numbers() {
    if let Some(scores) = means(3, "three drawn people who cross keep their numbers") {
        check(scores);
    }
}
