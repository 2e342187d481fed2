//! A real video in which six people appear one after the other, through the chunk stage and the reduce stage.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use framefan_contract::plan::Chunk;
use framefan_contract::request::Precision;
use framefan_contract::video::VideoInfo;
use framefan_media::{ByteSource, DecodeOptions, Decoded, FileSource, FrameReader, Limits, Probe, probe};
use framefan_models::{ComputeDevice, WeightsSource};
use framefan_planner::Timeline;

use super::super::Track;
use super::super::params::OSNET;
use super::super::section::{RecordedDetection, Section, TrackRecord};
use crate::analyzer::{Analyzer, ChunkContext, Finding, FrameTime, ReduceContext};
use crate::networks::Networks;
use crate::overlap::intersection_over_union;
use crate::params::Params;
use crate::testing::finish;

/// From when to when each of them is visible: frames, by hand, to within 5.
const APPEARANCES: [[u64; 2]; 6] = [[65, 190], [230, 445], [505, 695], [745, 865], [925, 1195], [1235, 1355]];

/// Frames that the spans may be wrong by.
const TOLERANCE: u64 = 10;

/// A whole video as one chunk.
fn whole(probed: &Probe) -> Chunk {
    let timeline = Timeline::new(&probed.index).unwrap();
    let (start_pts, end_pts) = (timeline.times()[0], probed.index.end_pts);
    let interval = timeline.interval(start_pts, end_pts, 0).unwrap();
    Chunk {
        index: 0,
        start_pts,
        end_pts,
        start_s: 0.0,
        end_s: probed.info.seconds(end_pts),
        frames: interval.frames,
        decode_from: interval.decode_from,
        end_packet: interval.end_packet,
        byte_range: interval.byte_range,
        cost: 0.0,
        times: interval.times,
    }
}

/// The video's properties and the records of its frames sampled ten times a second.
fn records(
    path: &Path,
    chunk_params: &Params,
    models: &BTreeMap<String, WeightsSource>,
    frames: std::ops::Range<u64>,
) -> (VideoInfo, Vec<(FrameTime, Finding)>) {
    let source: Arc<dyn ByteSource> = Arc::new(FileSource::open(path).unwrap());
    let probed = probe(source.clone(), &Limits::default()).unwrap();
    let stage = Track
        .chunk_stage(&ChunkContext {
            video: &probed.info,
            params: chunk_params,
            models,
            networks: &Networks::default(),
            device: &ComputeDevice::Cpu,
            precision: Precision::F32,
        })
        .unwrap();
    let chunks = [whole(&probed)];
    let mut reader =
        FrameReader::open(source, &probed.info, probed.index.method, &chunks, &DecodeOptions::default()).unwrap();
    let (mut found, mut number, mut cell) = (Vec::new(), 0, None);
    while let Some(decoded) = reader.next().unwrap() {
        let Decoded::Frame { frame, .. } = decoded else { continue };
        let time_s = probed.info.seconds(frame.pts());
        let now = (time_s * 10.0 + 1e-6) as u64;
        if cell.replace(now) != Some(now) && frames.contains(&number) {
            let input = stage.prepare(&frame).unwrap();
            let output = stage.infer(&input.unsqueeze(0).unwrap()).unwrap();
            let finding = stage.interpret(&input, &output.squeeze(0).unwrap()).unwrap();
            found.push((FrameTime { frame: number, pts: frame.pts(), time_s }, finding));
        }
        number += 1;
    }
    (probed.info, found)
}

fn reduced(video: &VideoInfo, records: &[(FrameTime, Finding)], given: &[(&str, &str)]) -> Section {
    let given: Params = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
    let (chunk_params, reduce_params) = Track.params(&given).unwrap();
    let context = ReduceContext { video, chunk_params: &chunk_params, reduce_params: &reduce_params };
    let mut stage = Track.reduce_stage(&context).unwrap();
    let mut out = Vec::new();
    stage.begin(&mut out).unwrap();
    for (time, finding) in records {
        stage.push(*time, &finding.data, &finding.sidecar, &mut out).unwrap();
    }
    finish(&mut *stage, &mut out);
    serde_json::from_slice(&out).unwrap()
}

/// The numbers that each of the six has, in order.
fn who_is_who(section: &Section) -> Vec<Vec<u64>> {
    let mut of = vec![BTreeSet::new(); APPEARANCES.len()];
    for detection in &section.detections {
        let inside =
            |&[from, to]: &[u64; 2]| (from.saturating_sub(TOLERANCE)..=to + TOLERANCE).contains(&detection.frame);
        let who = APPEARANCES.iter().position(inside);
        of[who.unwrap_or_else(|| panic!("nobody is there: {detection:?}"))].insert(detection.track_id);
    }
    of.into_iter().map(|numbers| numbers.into_iter().collect()).collect()
}

#[test]
fn six_people_are_six_people() {
    let test = "six_people_are_six_people";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let Some(mut python) = framefan_testkit::python_or_skip(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let osnet = folder.path().join("osnet.safetensors");
    let converter = framefan_testkit::workspace_root().join("crates/models/tests/support/onnx_to_safetensors.py");
    let model = data.join("weights/osnet_x0_25_msmt17.onnx");
    framefan_testkit::run(python.arg(converter).arg("osnet").arg(model).arg(&osnet));

    let given = [("appearance", OSNET), ("classes", "person")];
    let params = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
    let models = BTreeMap::from([
        ("yolov8n".to_owned(), data.join("weights/yolov8n.safetensors").into()),
        (OSNET.to_owned(), osnet.into()),
    ]);
    let video = data.join("video/one-by-one-person-detection.mp4");
    let (info, records) = records(&video, &Track.params(&params).unwrap().0, &models, 0..u64::MAX);

    // Alone, the tracker loses nobody.
    let alone = [&given[..], &[("reid", "false")]].concat();
    assert_eq!(who_is_who(&reduced(&info, &records, &alone)), SIX);
    assert_eq!(who_is_who(&reduced(&info, &records, &given)), SIX);

    // Hidden for 6 s in the middle of every appearance, they are twelve, or are recognised.
    let hidden: Vec<(FrameTime, Finding)> =
        records.iter().map(|(time, finding)| (*time, unless_hidden(*time, finding))).collect();
    let twelve = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]];
    assert_eq!(who_is_who(&reduced(&info, &hidden, &alone)), twelve.map(Vec::from));
    let section = reduced(&info, &hidden, &given);
    assert_eq!(who_is_who(&section), SIX);
    assert_eq!(section.tracks.iter().map(|track| track.gaps).collect::<Vec<_>>(), [1; 6]);
}

/// A number each.
const SIX: [[u64; 1]; 6] = [[1], [2], [3], [4], [5], [6]];

/// Frames for which someone is hidden.
const HIDDEN: u64 = 60;

fn unless_hidden(time: FrameTime, finding: &Finding) -> Finding {
    let hides = |[from, to]: &[u64; 2]| time.frame.abs_diff((from + to) / 2) < HIDDEN / 2;
    if APPEARANCES.iter().any(hides) {
        return Finding::of(&TrackRecord { detections: Vec::new() }).unwrap();
    }
    Finding { data: finding.data.clone(), sidecar: finding.sidecar.clone() }
}

#[test]
fn every_kind_of_detector_sees_the_same_person() {
    let test = "every_kind_of_detector_sees_the_same_person";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let Some(mut python) = framefan_testkit::python_or_skip(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let yolox = folder.path().join("yolox.safetensors");
    let converter = framefan_testkit::workspace_root().join("crates/models/tests/support/onnx_to_safetensors.py");
    let model = data.join("weights/yolox_nano-416.onnx");
    framefan_testkit::run(python.arg(converter).arg("yolox-nano").arg(model).arg(&yolox));
    let models = BTreeMap::from([
        ("yolov8n".to_owned(), data.join("weights/yolov8n.safetensors").into()),
        ("yolov8n-pose".to_owned(), data.join("weights/yolov8n-pose.safetensors").into()),
        ("yolox-nano".to_owned(), yolox.into()),
    ]);
    let video = data.join("video/one-by-one-person-detection.mp4");
    let best = |model: &str, width: u32| -> Vec<RecordedDetection> {
        let given = Params::from([
            ("model".to_owned(), model.into()),
            ("classes".to_owned(), "person".into()),
            ("max_width".to_owned(), width.into()),
        ]);
        let (_, records) = records(&video, &Track.params(&given).unwrap().0, &models, 300..305);
        let record = |(_, finding): &(FrameTime, Finding)| -> RecordedDetection {
            let record: TrackRecord = serde_json::from_str(finding.data.get()).unwrap();
            record.detections[0].clone()
        };
        records.iter().map(record).collect()
    };
    let reference = best("yolov8n", 640);
    assert_eq!(reference.len(), 5);
    for (model, width) in [("yolov8n-pose", 640), ("yolox-nano", 416)] {
        for (ours, reference) in best(model, width).iter().zip(&reference) {
            let overlap = intersection_over_union(ours.bbox, reference.bbox);
            println!("{model}: score {}, overlap {overlap:.3}", ours.score);
            assert!(overlap > 0.8 && ours.score > 0.5, "{model}: {ours:?}, not {reference:?}");
        }
    }
}

#[test]
fn pose_and_track_share_one_inference() {
    let Some(data) = framefan_testkit::data_or_skip("pose_and_track_share_one_inference") else { return };
    let models = BTreeMap::from([("yolov8n-pose".to_owned(), data.join("weights/yolov8n-pose.safetensors").into())]);
    let networks = Networks::default();
    let video = super::reduced::video();
    let stage = |analyzer: &dyn Analyzer| {
        let params = analyzer.params(&Params::from([("model".to_owned(), "yolov8n-pose".into())])).unwrap().0;
        let context = ChunkContext {
            video: &video,
            params: &params,
            models: &models,
            networks: &networks,
            device: &ComputeDevice::Cpu,
            precision: Precision::F32,
        };
        let stage = analyzer.chunk_stage(&context).unwrap();
        (stage.input(), stage.network(), stage.batch_size())
    };
    assert_eq!(stage(&Track), stage(&crate::pose::Pose));
}
