//! Imports of results made by hand, checked by SQL against what stands in them.

use framefan_contract::state::{JobItem, JobStage};
use framefan_contract::{ErrorKind, digest, keys};
use framefan_store::{FolderStore, ObjectStore};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// A folder with a store and a database.
struct Room {
    folder: TempDir,
    objects: FolderStore,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = FolderStore::open(&folder.path().join("out")).unwrap();
        Room { folder, objects }
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("framefan.sqlite")
    }

    fn put(&self, id: &str, result: &str) {
        self.objects.replace(&keys::results(id), result.as_bytes()).unwrap();
    }

    fn import(&self, job: &JobItem) -> Result<Imported> {
        import_job(&mut Database::open(&self.file())?, &self.objects, job, "folder")
    }

    /// One number, read with another connection.
    fn number(&self, sql: &str) -> f64 {
        let connection = Connection::open(self.file()).unwrap();
        let value: rusqlite::types::Value = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        match value {
            rusqlite::types::Value::Integer(n) => n as f64,
            rusqlite::types::Value::Real(n) => n,
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn text(&self, sql: &str) -> String {
        Connection::open(self.file()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn total_rows(&self) -> f64 {
        let tables = ["jobs", "imports", "frames", "people", "keypoints", "findings", "detections", "golden_frames"];
        tables.iter().map(|table| self.number(&format!("SELECT count(*) FROM {table}"))).sum()
    }
}

fn id(n: u32) -> String {
    format!("{n:032x}")
}

fn job(n: u32) -> JobItem {
    JobItem {
        job_id: id(n),
        stage: JobStage::Done,
        progress_pct: 100,
        total_chunks: 1,
        completed_chunks: 1,
        failed_chunks: 0,
        video: format!("s3://b/videos/{n}.mp4"),
        request: serde_json::Value::Null,
        owner: "arn:e".into(),
        plan_digest: None,
        created_at: 10.0,
        started_at: Some(11.0),
        completed_at: Some(20.5),
        error: None,
    }
}

/// A person at (x, x), whose landmark k is at (x + k, x) with score k / 100.
fn person(x: f64) -> Value {
    let keypoints: Vec<Value> = (0..17).map(|k| json!([x + f64::from(k), x, f64::from(k) / 100.0])).collect();
    json!({"score": x / 100.0, "bbox": [x, x, 10.0, 20.0], "keypoints": keypoints})
}

/// Three frames with 0, 2 and 1 people: 3 people, 51 landmarks.
fn pose() -> Value {
    json!({
        "frames": [
            {"frame": 0, "time_s": 0.0, "people": []},
            {"frame": 3, "time_s": 0.1, "people": [person(90.0), person(40.0)]},
            {"frame": 6, "time_s": 0.2, "people": [person(80.0)]},
        ],
        "metrics": {"anything": [1, 2, 3]},
        "findings": [{"id": "crowd-1", "rule": "crowd", "title": "two people", "severity": "notice", "start_s": 0.1,
                      "end_s": 0.1, "start_frame": 3, "end_frame": 3, "value": 2.0, "threshold": 2.0, "unit": "people",
                      "detail": "at 0.1 s"}],
        "moments": [],
    })
}

fn track() -> Value {
    let detection = |frame: u64, track_id: Value, class: &str, confidence: f64| json!({"frame": frame, "track_id": track_id, "class": class, "bbox": [1.0, 2.0, 3.0, 4.0], "confidence": confidence});
    json!({"detections": [
        detection(0, json!(1), "person", 0.9), detection(1, json!(1), "person", 0.8), detection(1, json!(2), "car", 0.7),
        detection(2, Value::Null, "car", 0.6)]})
}

fn result(n: u32) -> Value {
    json!({
        "schema": "framefan.results/1", "job_id": id(n),
        "video": {
            "container": "matroska,webm", "codec": "h264", "pixel_format": "yuv420p", "width": 320, "height": 180,
            "coded_width": 320, "coded_height": 180, "rotation": 0, "mirrored": false,
            "sample_aspect_ratio": {"num": 1, "den": 1}, "color_range": "limited", "color_matrix": "bt709",
            "time_base": {"num": 1, "den": 90000}, "origin_pts": 0, "average_fps": {"num": 30000, "den": 1001},
            "duration_s": 0.3, "frames": 9, "stream": 0, "audio_streams": 0, "size_bytes": 1000,
        },
        "completed_at": "2026-11-21T04:55:01Z",
        "provenance": {
            "framefan": "0.1.0", "ffmpeg": "x", "source": {"kind": "s3", "bucket": "b", "key": "k", "version": "v", "size": 1000},
            "analyzers": [], "precision": "f32", "device_class": "cpu-avx512-f32", "devices": ["cpu"],
            "index_method": "tables", "chunks": 1,
        },
        "warnings": ["damaged from 0.1 s"], "damaged": [], "frames_processed": 9,
        "pose": pose(), "track": track(),
        "golden_frames": {
            "selected": [{"frame": 6, "time_s": 0.2, "sharpness": 12.5, "motion": 0.25, "image": "frames/6.jpg",
                          "glint": {"x": 1}}],
            "frames": [{"frame": 0, "sharpness": 1.0}],
        },
        "captions": {"a section": "that has no tables"},
    })
}

const COUNTS: Counts = Counts { frames: 3, people: 3, keypoints: 51, findings: 1, detections: 4, golden_frames: 1 };

#[test]
fn every_row_is_there_once_with_its_numbers() {
    let room = Room::new();
    room.put(&id(1), &result(1).to_string());
    assert_eq!(room.import(&job(1)).unwrap(), Imported::Rows(COUNTS));
    assert_eq!(room.total_rows(), 1.0 + 1.0 + 3.0 + 3.0 + 51.0 + 1.0 + 4.0 + 1.0);
    // By hand: the left ankle is landmark 15; the people have x = 90, 40 and 80.
    let ankles = "SELECT sum(x) FROM keypoints JOIN keypoint_names USING (keypoint) WHERE name = 'left_ankle'";
    assert_eq!(room.number(ankles), 90.0 + 40.0 + 80.0 + 3.0 * 15.0);
    assert_eq!(room.number("SELECT score FROM keypoints WHERE frame = 3 AND person = 1 AND keypoint = 7"), 0.07);
    assert_eq!(room.number("SELECT score FROM people WHERE frame = 3 AND person = 0"), 0.9);
    assert_eq!(room.number("SELECT max(x + width) FROM people"), 100.0);
    assert_eq!(room.number("SELECT time_s FROM frames WHERE frame = 6"), 0.2);
    assert_eq!(room.number("SELECT count(DISTINCT track_id) FROM detections"), 2.0);
    assert_eq!(room.number("SELECT count(*) FROM detections WHERE track_id IS NULL AND class = 'car'"), 1.0);
    assert_eq!(room.number("SELECT sharpness FROM golden_frames"), 12.5);
    assert_eq!(room.text("SELECT glint FROM golden_frames"), r#"{"x":1}"#);
    assert_eq!(room.text("SELECT severity || ' ' || title FROM findings"), "notice two people");
    assert_eq!(room.number("SELECT fps FROM jobs"), 30000.0 / 1001.0);
    assert_eq!(room.text("SELECT video || device_class FROM jobs"), "s3://b/videos/1.mp4cpu-avx512-f32");
    assert_eq!(room.text("SELECT warnings FROM jobs"), r#"["damaged from 0.1 s"]"#);
}

#[test]
fn the_same_result_is_not_read_again_and_another_one_replaces_it() {
    let room = Room::new();
    room.put(&id(1), &result(1).to_string());
    room.put(&id(2), &result(2).to_string());
    room.import(&job(2)).unwrap();
    assert_eq!(room.import(&job(1)).unwrap(), Imported::Rows(COUNTS));
    assert_eq!(room.import(&job(1)).unwrap(), Imported::Unchanged);
    let mut other = result(1);
    other["pose"]["frames"].as_array_mut().unwrap().remove(1);
    room.put(&id(1), &other.to_string());
    let counts = Counts { frames: 2, people: 1, keypoints: 17, ..COUNTS };
    // A result of another size, and a job that was done anew, are imported; the other job's rows stay.
    assert_eq!(room.import(&job(1)).unwrap(), Imported::Rows(counts));
    let again = JobItem { completed_at: Some(99.0), ..job(1) };
    assert_eq!(room.import(&again).unwrap(), Imported::Rows(counts));
    assert_eq!(room.number("SELECT count(*) FROM jobs"), 2.0);
    assert_eq!(room.number("SELECT count(*) FROM keypoints"), 17.0 + 51.0);
    assert_eq!(room.number("SELECT count(*) FROM imports"), 2.0);
}

#[test]
fn sections_in_files_of_their_own_are_read_and_checked() {
    let room = Room::new();
    let section = pose().to_string();
    let key = keys::section(&id(1), "pose");
    let file = key.rsplit('/').next().unwrap();
    let mut whole = result(1);
    whole["pose"] = json!({"file": file, "sha256": digest::of_bytes(section.as_bytes()), "size": section.len()});
    room.put(&id(1), &whole.to_string());
    assert_eq!(room.import(&job(1)).unwrap_err().kind(), ErrorKind::NotFound);
    room.objects.create(&key, section.as_bytes()).unwrap();
    assert_eq!(room.import(&job(1)).unwrap(), Imported::Rows(COUNTS));

    let mut changed = whole.clone();
    changed["pose"]["sha256"] = json!("00");
    room.put(&id(1), &changed.to_string());
    let error = room.import(&job(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.message().contains("digest"), "{error}");
    for elsewhere in ["../x/final_results.json", "a/b.json"] {
        changed["pose"]["file"] = json!(elsewhere);
        room.put(&id(1), &changed.to_string());
        assert_eq!(room.import(&job(1)).unwrap_err().kind(), ErrorKind::BadInput, "{elsewhere}");
    }
    // What went wrong left the rows of before.
    assert_eq!(room.number("SELECT count(*) FROM keypoints"), 51.0);
}

/// A way to spoil a result, and what the error must say.
type Spoilt = (&'static str, fn(&mut Value), &'static str);

const SPOILT: &[Spoilt] = &[
    ("another job's", |r| r["job_id"] = json!("f".repeat(32)), "of job ffff"),
    ("another schema", |r| r["schema"] = json!("framefan.results/2"), "framefan.results/2"),
    ("no video", |r| _ = r.as_object_mut().unwrap().remove("video"), "'video'"),
    ("16 landmarks", |r| _ = r["pose"]["frames"][1]["people"][0]["keypoints"].as_array_mut().unwrap().pop(), "16"),
    ("a frame twice", |r| r["pose"]["frames"][2]["frame"] = json!(3), "frame 3"),
    ("a negative frame", |r| r["pose"]["frames"][2]["frame"] = json!(-1), "-1"),
    ("a frame number too large", |r| r["pose"]["frames"][2]["frame"] = json!(u64::MAX), "too large"),
    ("words for numbers", |r| r["track"]["detections"][0]["bbox"] = json!("wide"), "wide"),
    ("frames that are no array", |r| r["pose"]["frames"] = json!({}), "array"),
    ("half a reference", |r| r["track"] = json!({"file": "x.json"}), "digest"),
    ("an empty section", |r| r["track"] = json!({}), "section"),
];

#[test]
fn bad_results_are_refused_and_leave_no_row() {
    let room = Room::new();
    let mut bad: Vec<(String, String, &str)> = Vec::new();
    for (name, spoil, says) in SPOILT {
        let mut spoilt = result(1);
        spoil(&mut spoilt);
        bad.push(((*name).to_owned(), spoilt.to_string(), says));
    }
    let good = result(1).to_string();
    for cut in [0, 1, good.len() / 3, good.len() - 1] {
        bad.push((format!("cut after {cut} bytes"), good[..cut].to_owned(), ""));
    }
    bad.push(("something after the end".into(), format!("{good} {{}}"), "trailing"));
    bad.push(("nested without end".into(), "[".repeat(100_000), ""));
    for (name, text, says) in bad {
        room.put(&id(1), &text);
        let error = room.import(&job(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput, "{name}: {error}");
        assert!(error.message().contains(says), "{name}: {error}");
        assert_eq!(room.total_rows(), 0.0, "{name}");
    }
}

#[test]
fn a_job_that_is_not_done_or_whose_result_is_gone_is_refused() {
    let room = Room::new();
    let live = JobItem { stage: JobStage::Processing, ..job(1) };
    assert_eq!(room.import(&live).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(room.import(&job(1)).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let room = Room::new();
    std::fs::write(room.file(), b"not a database at all, but long enough to look at").unwrap();
    assert_eq!(Database::open(&room.file()).err().unwrap().kind(), ErrorKind::BadInput);
    std::fs::remove_file(room.file()).unwrap();
    let other = Connection::open(room.file()).unwrap();
    other.execute_batch("CREATE TABLE mine (a); INSERT INTO mine VALUES (1);").unwrap();
    let error = Database::open(&room.file()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.message().contains("--db"), "{error}");
    assert_eq!(room.number("SELECT count(*) FROM sqlite_schema"), 1.0);
    std::fs::remove_file(room.file()).unwrap();
    Database::open(&room.file()).unwrap();
    Connection::open(room.file()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(Database::open(&room.file()).err().unwrap().message().contains("99"));
}

#[test]
fn the_mark_is_seen_by_others_and_stays() {
    let room = Room::new();
    assert!(!is_marked(&room.objects, &id(1)).unwrap());
    mark(&room.objects, &job(1)).unwrap();
    let first = room.objects.get(&marker(&id(1))).unwrap().unwrap();
    mark(&room.objects, &job(1)).unwrap();
    assert!(is_marked(&room.objects, &id(1)).unwrap());
    assert_eq!(room.objects.get(&marker(&id(1))).unwrap().unwrap(), first);
}
