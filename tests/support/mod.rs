//! What the end-to-end tests share: the command, weights, and how to read a result.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use serde_json::value::RawValue;

/// The command under test.
pub fn framefan() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framefan"));
    for variable in ["CHUNK_SECONDS", "SAMPLE_FPS", "MAX_WIDTH", "FRAMEFAN_MODELS"] {
        command.env_remove(variable);
    }
    // Weights that whoever runs the tests has pulled are none of theirs.
    command.env("FRAMEFAN_MODELS_CACHE", framefan_testkit::target_dir().join("no-models"));
    command
}

/// Weights of YOLOv8n-pose's shapes with seeded random numbers: what they find is nonsense, but it is plenty, and every
/// bit of it must survive chunking, sharding and resuming. So a clone without real weights can test exactness.
pub fn random_weights() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| random_weights_of("yolov8n-pose-random-2", include_str!("yolov8n-pose.shapes.txt"))).clone()
}

/// The same without landmarks: a detector.
pub fn random_detector() -> PathBuf {
    let shapes = include_str!("yolov8n-pose.shapes.txt").lines().filter(|line| !line.starts_with("head.cv4."));
    random_weights_of("yolov8n-detect-random-2", &shapes.collect::<Vec<_>>().join("\n"))
}

/// The same of OSNet's shapes.
pub fn random_osnet() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| random_weights_of("osnet-x0.25-random-1", include_str!("osnet-x0.25.shapes.txt"))).clone()
}

fn random_weights_of(name: &str, shapes: &str) -> PathBuf {
    let path = framefan_testkit::target_dir().join("test-weights").join(format!("{name}.safetensors"));
    if !path.exists() {
        write_random_weights(&path, shapes);
    }
    path
}

fn write_random_weights(path: &Path, shapes: &str) {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut uniform = || {
        // xorshift64*: the same numbers on every machine.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / (1u64 << 24) as f32 * 2.0 - 1.0
    };
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for line in shapes.lines() {
        let mut words = line.split(' ');
        let name = words.next().unwrap().to_owned();
        let shape: Vec<usize> = words.map(|w| w.parse().unwrap()).collect();
        let inputs: usize = shape.iter().skip(1).product::<usize>().max(1);
        // He's bound for uniform numbers keeps activations of one size through the layers.
        let bound = if shape.len() > 1 { (6.0 / inputs as f32).sqrt() } else { 0.1 };
        let count = shape.iter().product::<usize>();
        let value = |u: f32| match name.rsplit_once('.').map_or(name.as_str(), |(_, last)| last) {
            "running_var" => 0.75 + 0.25 * u,
            "weight" if name.contains(".bn.") => 1.0 + 0.25 * u,
            _ => u * bound,
        };
        let bytes = (0..count).flat_map(|_| value(uniform()).to_le_bytes()).collect();
        tensors.push((name, shape, bytes));
    }
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap();
            (name.clone(), view)
        })
        .collect();
    let bytes = safetensors::serialize(views, None).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&temporary, bytes).unwrap();
    std::fs::rename(&temporary, path).unwrap();
}

/// Every analyzer, with parameters under which random weights find plenty. Pose and track share an inference.
pub const ALL: &[&str] = &["golden_frames", "pose", "track"];

/// A small run: what it takes beyond the video.
#[derive(Clone)]
pub struct Small<'a> {
    pub analyzers: &'a [&'a str],
    pub video: &'a Path,
    pub weights: &'a Path,
    pub out: &'a Path,
    pub chunk_seconds: &'a str,
    pub shards: u32,
    pub workers: u32,
}

impl Small<'_> {
    /// `framefan run` with a small network input.
    pub fn command(&self) -> Command {
        let mut command = framefan();
        command.arg("run").arg(self.video);
        for analyzer in self.analyzers {
            command.args(["--analyzer", analyzer]);
        }
        if self.analyzers.contains(&"track") {
            let params = [
                "model=yolov8n-pose",
                "appearance=osnet-x0.25",
                "max_detections=20",
                "new=0.1",
                "report=0.1",
                "min_hits=1",
            ];
            for param in params {
                command.arg("--param").arg(format!("track.{param}"));
            }
            command.arg("--model").arg(format!("osnet-x0.25={}", random_osnet().display()));
        }
        command
            .args(["--max-width", "96", "--json"])
            .arg("--model")
            .arg(format!("yolov8n-pose={}", self.weights.display()))
            .args(["--chunk-seconds", self.chunk_seconds])
            .args(["--shards", &self.shards.to_string(), "--workers", &self.workers.to_string()])
            .arg("--out")
            .arg(self.out);
        command
    }

    /// Runs it to the end and returns its summary.
    pub fn run(&self) -> Value {
        summary(&self.command().output().unwrap())
    }
}

/// The JSON object of a run that must have succeeded.
pub fn summary(output: &Output) -> Value {
    assert!(
        output.status.success(),
        "exit {:?}\n{}\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    serde_json::from_str(text.lines().last().expect("a last line")).unwrap()
}

/// The bytes of an analyzer's section in a result.
pub fn section(results: &str, analyzer: &str) -> String {
    let text = std::fs::read_to_string(results).unwrap();
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).unwrap();
    fields[analyzer].get().to_owned()
}

/// The sections of these analyzers.
pub fn sections(summary: &Value, analyzers: &[&str]) -> BTreeMap<String, String> {
    let results = summary["results"].as_str().unwrap();
    analyzers.iter().map(|&name| (name.to_owned(), section(results, name))).collect()
}

/// Whether the chunks of the run that `summary` tells of have features of looks beside them.
pub fn has_features(out: &Path, summary: &Value) -> bool {
    let chunks = out.join("jobs").join(summary["job_id"].as_str().unwrap()).join("chunks");
    let mut files = std::fs::read_dir(chunks).unwrap().map(|file| file.unwrap().path());
    files.any(|file| file.extension().is_some_and(|ending| ending == "bin"))
}

/// The pose section of the run that `summary` tells of.
pub fn pose_section(summary: &Value) -> String {
    section(summary["results"].as_str().unwrap(), "pose")
}
