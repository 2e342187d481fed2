//! The whole analyzer on real videos, against OpenCV.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::Tensor;
use framefan_contract::Result;
use framefan_contract::plan::Chunk;
use framefan_contract::request::Precision;
use framefan_media::{
    ByteSource, DecodeOptions, Decoded, FileSource, Frame, FrameReader, Limits, Orientation, Probe, probe, rgb8,
};
use framefan_models::ComputeDevice;
use framefan_planner::Timeline;
use serde_json::Value;

use super::GoldenFrames;
use super::section::{Measured, Section};
use crate::analyzer::{
    Analyzer, ChunkContext, ChunkStage, Finding, Finish, FrameSource, FrameTime, MediaSink, ReduceContext,
};
use crate::networks::Networks;
use crate::params::Params;

/// A video, whole in one chunk.
struct Video {
    source: Arc<dyn ByteSource>,
    probed: Probe,
}

impl Video {
    fn open(path: &Path) -> Video {
        let source: Arc<dyn ByteSource> = Arc::new(FileSource::open(path).unwrap());
        let probed = probe(source.clone(), &Limits::default()).unwrap();
        Video { source, probed }
    }

    fn each_frame(&self, each: &mut dyn FnMut(&Frame) -> Result<()>) -> Result<()> {
        let Probe { info, index, .. } = &self.probed;
        let timeline = Timeline::new(index)?;
        let (start_pts, end_pts) = (timeline.times()[0], index.end_pts);
        let interval = timeline.interval(start_pts, end_pts, 0)?;
        let chunk = Chunk {
            index: 0,
            start_pts,
            end_pts,
            start_s: 0.0,
            end_s: info.seconds(end_pts),
            frames: interval.frames,
            decode_from: interval.decode_from,
            end_packet: interval.end_packet,
            byte_range: interval.byte_range,
            cost: 0.0,
            times: interval.times,
        };
        let mut reader =
            FrameReader::open(self.source.clone(), info, index.method, &[chunk], &DecodeOptions::default())?;
        while let Some(decoded) = reader.next()? {
            if let Decoded::Frame { frame, .. } = decoded {
                each(&frame)?;
            }
        }
        Ok(())
    }

    /// The records of up to `most` frames, and the inputs they were made of.
    fn records(&self, most: usize) -> (Vec<(FrameTime, Finding)>, Vec<Tensor>) {
        let context = ChunkContext {
            video: &self.probed.info,
            params: &Params::new(),
            models: &BTreeMap::new(),
            networks: &Networks::default(),
            device: &ComputeDevice::Cpu,
            precision: Precision::F32,
        };
        let stage = GoldenFrames.chunk_stage(&context).unwrap();
        let (mut times, mut inputs) = (Vec::new(), Vec::new());
        self.each_frame(&mut |frame| {
            if inputs.len() < most {
                let time_s = self.probed.info.seconds(frame.pts());
                times.push(FrameTime { frame: inputs.len() as u64, pts: frame.pts(), time_s });
                inputs.push(stage.prepare(frame)?);
            }
            Ok(())
        })
        .unwrap();
        let findings = measured(stage.as_ref(), &inputs);
        (times.into_iter().zip(findings).collect(), inputs)
    }

    /// The section, and the pictures by name.
    fn section(&mut self, records: &[(FrameTime, Finding)], given: &[(&str, &str)]) -> (Section, Pictures) {
        let given: Params = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
        let (chunk_params, reduce_params) = GoldenFrames.params(&given).unwrap();
        let info = self.probed.info.clone();
        let context = ReduceContext { video: &info, chunk_params: &chunk_params, reduce_params: &reduce_params };
        let mut stage = GoldenFrames.reduce_stage(&context).unwrap();
        let (mut out, mut pictures) = (Vec::new(), Pictures::default());
        stage.begin(&mut out).unwrap();
        for (time, finding) in records {
            stage.push(*time, &finding.data, &finding.sidecar, &mut out).unwrap();
        }
        stage.finish(&mut Finish { frames: self, media: &mut pictures }, &mut out).unwrap();
        (serde_json::from_slice(&out).unwrap(), pictures)
    }
}

impl FrameSource for Video {
    fn frames(&mut self, pts: &[i64], each: &mut dyn FnMut(&Frame) -> Result<()>) -> Result<()> {
        assert!(pts.is_sorted());
        self.each_frame(&mut |frame| if pts.contains(&frame.pts()) { each(frame) } else { Ok(()) })
    }
}

#[derive(Default)]
struct Pictures(BTreeMap<String, Vec<u8>>);

impl MediaSink for Pictures {
    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        let name = format!("frames/{name}");
        self.0.insert(name.clone(), bytes.to_vec());
        Ok(name)
    }
}

/// Runs batches as a worker does: the frame before each batch goes with it, a short one is padded with its last frame.
fn measured(stage: &dyn ChunkStage, inputs: &[Tensor]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for start in (0..inputs.len()).step_by(stage.batch_size()) {
        let mut batch = vec![&inputs[start.saturating_sub(1)]];
        let end = (start + stage.batch_size()).min(inputs.len());
        batch.extend(&inputs[start..end]);
        batch.resize(1 + stage.batch_size(), &inputs[end - 1]);
        let outputs = stage.infer(&Tensor::stack(&batch, 0).unwrap()).unwrap();
        for (place, input) in inputs[start..end].iter().enumerate() {
            findings.push(stage.interpret(input, &outputs.get(place).unwrap()).unwrap());
        }
    }
    findings
}

/// Reads pictures, their sizes and times; prints OpenCV's measurements and choice as JSON.
const OPENCV: &str = r#"
import sys, json, numpy as np, cv2
from fractions import Fraction
file, width, height, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
times = [Fraction(*t) for t in times]
rows, before = [], None
for n, g in enumerate(np.fromfile(file, np.uint8).reshape(-1, height, width)):
    motion = 0.0
    if n:
        f = cv2.calcOpticalFlowFarneback(before, g, None, 0.5, 3, 15, 3, 5, 1.2, 0)
        motion = float(np.hypot(f[..., 0], f[..., 1]).mean())
    rows.append((n, cv2.Laplacian(g, cv2.CV_64F).var(), motion))
    before = g
chosen = []
for n, sharpness, motion in sorted((r for r in rows if r[2] <= 1.0), key=lambda r: (-r[1], r[0])):
    if len(chosen) < 5 and all(abs(times[n] - times[m]) >= 1 for m in chosen): chosen.append(n)
print(json.dumps({'frames': rows, 'selected': chosen}))
"#;

#[test]
fn measurements_and_choice_are_opencvs() {
    let test = "golden_frames: measurements_and_choice_are_opencvs";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    for (name, most) in
        [("carphone_pristine", 500), ("nasa_13013", 500), ("solidWhiteRight", 40), ("05_default_juggle", 30)]
    {
        let Some(mut python) = framefan_testkit::python_or_skip(test) else { return };
        let mut video = Video::open(&data.join(format!("video/{name}.mp4")));
        let (records, inputs) = video.records(most);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pictures");
        let pixels: Vec<u8> =
            inputs.iter().flat_map(|input| input.flatten_all().unwrap().to_vec1::<u8>().unwrap()).collect();
        std::fs::write(&file, pixels).unwrap();
        let info = &video.probed.info;
        let times: Vec<[i64; 2]> =
            records.iter().map(|(time, _)| [time.pts * info.time_base.num, info.time_base.den]).collect();
        python.args(["-c", OPENCV]).arg(&file).args([info.width.to_string(), info.height.to_string()]);
        python.arg(serde_json::to_string(&times).unwrap());
        let expected: Value = serde_json::from_slice(&framefan_testkit::run(&mut python).stdout).unwrap();

        let (section, pictures) = video.section(&records, &[]);
        assert_eq!(section.frames.len(), records.len());
        let mut near = 0;
        for (ours, expected) in section.frames.iter().zip(expected["frames"].as_array().unwrap()) {
            let [sharpness, motion] = [1, 2].map(|column| expected[column].as_f64().unwrap());
            assert!((ours.sharpness - sharpness).abs() <= 1e-6 + 1e-12 * sharpness, "{name}: {ours:?} {expected}");
            near += usize::from((ours.motion - motion).abs() <= (0.02 * motion).max(0.02));
        }
        assert_eq!(near, records.len(), "{name}");
        let selected: Vec<u64> = section.selected.iter().map(|selected| selected.measured.frame).collect();
        assert_eq!(serde_json::json!(selected), expected["selected"], "{name}");
        let named: Vec<String> = selected.iter().map(|frame| format!("frames/golden_{frame:06}.jpg")).collect();
        assert_eq!(section.selected.iter().filter_map(|s| s.image.clone()).collect::<Vec<_>>(), named);
        assert_eq!(pictures.0.len(), selected.len());
    }
}

/// Measures a video as a worker with OpenCV does, from its own grey pictures; prints sharpness and motion of each frame.
const WORKER: &str = r#"
import sys, json, numpy as np, cv2
capture, before, rows = cv2.VideoCapture(sys.argv[1]), None, []
while True:
    there, frame = capture.read()
    if not there: break
    g = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    motion = 0.0
    if before is not None:
        f = cv2.calcOpticalFlowFarneback(before, g, None, 0.5, 3, 15, 3, 5, 1.2, 0)
        motion = float(np.hypot(f[..., 0], f[..., 1]).mean())
    rows.append((cv2.Laplacian(g, cv2.CV_64F).var(), motion))
    before = g
print(json.dumps(rows))
"#;

/// Spearman's rank correlation; equal values share the mean of their ranks.
fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let ranks = |values: &[f64]| -> Vec<f64> {
        let below = |v: f64| values.iter().filter(|other| **other < v).count() as f64;
        let equal = |v: f64| values.iter().filter(|other| **other == v).count() as f64;
        values.iter().map(|&v| below(v) + (equal(v) - 1.0) / 2.0).collect()
    };
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() - 1) as f64 / 2.0;
    let product = |a: &[f64], b: &[f64]| std::iter::zip(a, b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

#[test]
fn frames_rank_as_a_worker_with_opencv_ranks_them() {
    let test = "golden_frames: frames_rank_as_a_worker_with_opencv_ranks_them";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    for name in ["carphone_pristine", "nasa_13013"] {
        let Some(mut python) = framefan_testkit::python_or_skip(test) else { return };
        let path = data.join(format!("video/{name}.mp4"));
        let output = framefan_testkit::run(python.args(["-c", WORKER]).arg(&path)).stdout;
        let expected: Vec<[f64; 2]> = serde_json::from_slice(&output).unwrap();
        let mut video = Video::open(&path);
        let (records, _) = video.records(usize::MAX);
        let (section, _) = video.section(&records, &[]);
        assert_eq!(section.frames.len(), expected.len());
        let ours = |value: fn(&Measured) -> f64| section.frames.iter().map(value).collect::<Vec<f64>>();
        let theirs = |column: usize| expected.iter().map(|row| row[column]).collect::<Vec<f64>>();
        let sharpness = rank_correlation(&ours(|frame| frame.sharpness), &theirs(0));
        let motion = rank_correlation(&ours(|frame| frame.motion), &theirs(1));
        println!("{name}: rank correlation of sharpness {sharpness:.5}, of motion {motion:.5}");
        assert!(sharpness >= 0.99 && motion >= 0.99, "{name}: {sharpness} {motion}");
    }
}

/// Prints the greatest and the mean difference of two pictures, the second as raw RGB.
const COMPARE: &str = r#"
import sys, numpy as np, cv2
file = cv2.imread(sys.argv[1], cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)
raw = np.fromfile(sys.argv[2], np.uint8).reshape(file.shape)
print(abs(file - raw).max(), abs(file - raw).mean())
"#;

#[test]
fn pictures_are_the_selected_frames() {
    let test = "golden_frames: pictures_are_the_selected_frames";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let mut video = Video::open(&data.join("video/carphone_pristine.mp4"));
    let (records, _) = video.records(usize::MAX);
    let folder = tempfile::tempdir().unwrap();
    for (format, most, mean) in [("jpeg", 80.0, 3.0), ("png", 0.0, 0.0)] {
        let (section, pictures) = video.section(&records, &[("image", format), ("count", "3")]);
        assert_eq!(section.selected.len(), 3);
        for selected in &section.selected {
            let Some(mut python) = framefan_testkit::python_or_skip(test) else { return };
            let number = selected.measured.frame;
            let picture = &pictures.0[selected.image.as_ref().unwrap()];
            let mut raw = None;
            let mut n = 0;
            video
                .each_frame(&mut |frame| {
                    if n == number {
                        let image = rgb8(&frame.picture()?, Orientation::default(), None)?;
                        raw = Some(image.data);
                    }
                    n += 1;
                    Ok(())
                })
                .unwrap();
            let (file, raw_file) = (folder.path().join("picture"), folder.path().join("raw"));
            std::fs::write(&file, picture).unwrap();
            std::fs::write(&raw_file, raw.unwrap()).unwrap();
            let printed = framefan_testkit::run(python.args(["-c", COMPARE]).arg(&file).arg(&raw_file)).stdout;
            let printed = String::from_utf8(printed).unwrap();
            let differences: Vec<f64> = printed.split_whitespace().map(|n| n.parse().unwrap()).collect();
            assert!(differences[0] <= most && differences[1] <= mean, "{format}, frame {number}: {printed}");
            let glint = selected.glint.as_ref().unwrap();
            assert_eq!(glint.count.min(50), glint.highlights.len() as u64);
            assert!((0.0..=1.0).contains(&glint.share) && (0.0..=1.0).contains(&glint.clipped_share));
        }
    }
}

#[test]
fn records_do_not_depend_on_the_batch() {
    let test = "golden_frames: records_do_not_depend_on_the_batch";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let video = Video::open(&data.join("video/carphone_pristine.mp4"));
    let (records, inputs) = video.records(40);
    let context = ChunkContext {
        video: &video.probed.info,
        params: &Params::new(),
        models: &BTreeMap::new(),
        networks: &Networks::default(),
        device: &ComputeDevice::Cpu,
        precision: Precision::F32,
    };
    let stage = GoldenFrames.chunk_stage(&context).unwrap();
    // The same frames from another one on: every frame has other neighbours in its batch.
    let later = measured(stage.as_ref(), &inputs[5..]);
    for (place, finding) in later.iter().enumerate().skip(1) {
        assert_eq!(finding.data.get(), records[5 + place].1.data.get(), "frame {}", 5 + place);
    }
}
