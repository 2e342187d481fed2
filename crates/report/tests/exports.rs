//! Exports, read back by readers that others wrote (`read_exports.py`): pycocotools, motmetrics, pyarrow, Python's csv,
//! webvtt-py.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod common;

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;

use framefan_contract::request::{ExportFormat, Source};
use framefan_contract::results::{ResultsHeader, SectionFile};
use framefan_contract::{ErrorKind, Result, digest};
use framefan_report::exports::{Exported, export, stored_section};
use framefan_testkit::{python_or_skip, run};
use serde_json::{Value, json};
use sha2::Digest;

const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_exports.py");

/// Sections by analyzer.
type Sections = BTreeMap<&'static str, Value>;

fn sections() -> Sections {
    BTreeMap::from([
        ("pose", serde_json::from_str(&common::pose_section()).unwrap()),
        ("track", common::track::section()),
        ("golden_frames", common::golden::section()),
    ])
}

fn open(sections: &Sections) -> impl Fn(&str) -> Result<Option<Box<dyn Read>>> {
    let texts: BTreeMap<String, String> =
        sections.iter().map(|(name, s)| ((*name).to_owned(), s.to_string())).collect();
    move |name| Ok(texts.get(name).map(|text| Box::new(Cursor::new(text.clone())) as Box<dyn Read>))
}

/// Every format's files by name.
fn export_all(header: &ResultsHeader, sections: &Sections) -> Result<BTreeMap<String, Vec<u8>>> {
    let scratch = tempfile::tempdir().unwrap();
    let exported = Exported { header, open: &open(sections), scratch: scratch.path() };
    let mut files = BTreeMap::new();
    for format in ExportFormat::ALL {
        for file in export(format, &exported)? {
            let bytes = std::fs::read(file.file.path()).unwrap();
            assert!(files.insert(file.name.clone(), bytes).is_none(), "{} is there twice", file.name);
        }
    }
    Ok(files)
}

fn results(header: &ResultsHeader, sections: &Sections) -> Value {
    let mut results = serde_json::to_value(header).unwrap();
    results.as_object_mut().unwrap().extend(sections.iter().map(|(name, s)| ((*name).to_owned(), s.clone())));
    results
}

/// Exports, and lets the readers compare.
fn read_back(test: &str, header: &ResultsHeader, sections: &Sections) {
    let files = export_all(header, sections).unwrap();
    let Some(mut python) = python_or_skip(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let exports = folder.path().join("exports");
    std::fs::create_dir(&exports).unwrap();
    for (name, bytes) in &files {
        std::fs::write(exports.join(name), bytes).unwrap();
    }
    let path = folder.path().join("results.json");
    std::fs::write(&path, results(header, sections).to_string()).unwrap();
    let said = run(python.arg(READER).args([exports.as_path(), path.as_path()]));
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(said.contains(&format!("read {} files back", files.len())), "{said}");
}

#[test]
fn readers_of_others_read_what_was_found() {
    read_back("exports are read back", &common::input().header, &sections());
}

/// Names and texts with all that quoting must survive.
#[test]
fn odd_names_and_texts_survive() {
    let mut header = common::input().header;
    let name = "Halle 3, \"Überblick\" – 東京 <&> 100%.mp4";
    header.provenance.source =
        Source::File { path: format!("/videos/{name}"), size: 1, mtime_ns: 0, probe_digest: "0".repeat(64) };
    let mut sections = sections();
    let finding = &mut sections.get_mut("pose").unwrap()["findings"][0];
    finding["title"] = json!("a, \"b\" & <c> --> d; 'e'\tf");
    finding["detail"] = json!("one\ntwo\r\nthree\n\nfour – 東京");
    finding["value"] = json!(1.0e-7);
    finding["threshold"] = json!(-12345678901.25);
    let track = sections.get_mut("track").unwrap();
    track["detections"][3]["class"] = json!("Gabel-Stapler, \"groß\"");
    track["detections"][3]["bbox"] = json!([-3.25, 1e-6, 0.1, 4_294_967_296.5]);
    track["tracks"][0]["class"] = json!("a <b>&amp; \"c\"");
    read_back("odd texts are exported", &header, &sections);
}

#[test]
fn a_video_of_nothing_has_empty_tables() {
    let header = common::input().header;
    let mut sections = sections();
    sections.insert("pose", serde_json::from_str(&common::section_of(0)).unwrap());
    sections.insert("track", json!({"detections": [], "tracks": []}));
    sections.insert("golden_frames", json!({"selected": [], "frames": []}));
    read_back("empty sections are exported", &header, &sections);
    let files = export_all(&header, &sections).unwrap();
    assert_eq!(files["track.csv"], b"frame,track_id,class,x,y,width,height,confidence\n");
    assert_eq!((&files["track.mot.txt"][..], &files["track.coco-results.json"][..]), (&b""[..], &b"[]"[..]));
}

#[test]
fn members_of_a_section_may_come_in_any_order() {
    let text = common::pose_section();
    assert!(text.starts_with("{\"frames\""), "the reduce stage writes frames first");
    // serde_json sorts the members of a Value: findings, then frames.
    let sorted: Sections = BTreeMap::from([("pose", serde_json::from_str(&text).unwrap())]);
    assert!(sorted["pose"].to_string().starts_with("{\"findings\""));
    let header = common::input().header;
    let scratch = tempfile::tempdir().unwrap();
    let as_written = move |name: &str| -> Result<Option<Box<dyn Read>>> {
        Ok((name == "pose").then(|| Box::new(Cursor::new(text.clone())) as Box<dyn Read>))
    };
    let exported = Exported { header: &header, open: &as_written, scratch: scratch.path() };
    let wanted = export_all(&header, &sorted).unwrap();
    for format in ExportFormat::ALL {
        for file in export(format, &exported).unwrap() {
            assert_eq!(std::fs::read(file.file.path()).unwrap(), wanted[&file.name], "{}", file.name);
        }
    }
}

#[test]
fn formats_that_have_nothing_to_say_make_no_file() {
    let header = common::input().header;
    let names = |analyzers: &[&str]| {
        let mut sections = sections();
        sections.retain(|name, _| analyzers.contains(name));
        export_all(&header, &sections).unwrap().into_keys().collect::<Vec<_>>()
    };
    assert!(names(&[]).is_empty());
    assert_eq!(
        names(&["pose"]),
        [
            "findings.csv",
            "findings.parquet",
            "findings.vtt",
            "pose.coco-results.json",
            "pose.coco.json",
            "pose.csv",
            "pose.parquet"
        ]
    );
    assert_eq!(
        names(&["golden_frames"]),
        ["golden_frames.csv", "golden_frames.parquet", "golden_frames_selected.csv", "golden_frames_selected.parquet"]
    );
    let track = names(&["track"]);
    for name in ["track.mot.txt", "track.car.mot.txt", "track.traffic_light.mot.txt", "track.coco.json", "tracks.vtt"] {
        assert!(track.iter().any(|known| known == name), "{name}: {track:?}");
    }
}

#[test]
fn the_same_result_makes_the_same_bytes() {
    let mut header = common::input().header;
    let once = export_all(&header, &sections()).unwrap();
    header.completed_at = "2031-01-01T00:00:00Z".into();
    header.provenance.devices = vec!["another machine".into()];
    let again = export_all(&header, &sections()).unwrap();
    for (name, bytes) in &once {
        assert!(again[name] == *bytes, "{name} differs");
    }
}

#[test]
fn sections_that_do_not_match_are_refused() {
    let header = common::input().header;
    for (analyzer, wrong) in [
        ("pose", json!({"frames": [{"frame": 0}]})),
        ("pose", json!([])),
        (
            "track",
            json!({"detections": [{"frame": -1, "track_id": 1, "class": "a", "bbox": [0, 0, 1, 1], "confidence": 1}]}),
        ),
        ("track", json!({"detections": 7})),
        ("golden_frames", json!({"frames": [{"frame": 1.5, "time_s": 0}]})),
    ] {
        let error = export_all(&header, &BTreeMap::from([(analyzer, wrong)])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput);
        assert!(error.message().contains(analyzer), "{error}");
    }
}

/// A result as it is stored: pose inside, track in a file of its own.
fn stored(folder: &Path, track: &[u8], sha256: &str) {
    let stand_in =
        SectionFile { file: "final_results.track.json".into(), sha256: sha256.into(), size: track.len() as u64 };
    let sections = BTreeMap::from([
        ("pose", serde_json::from_str(&common::pose_section()).unwrap()),
        ("track", serde_json::to_value(stand_in).unwrap()),
    ]);
    std::fs::write(folder.join("final_results.json"), results(&common::input().header, &sections).to_string()).unwrap();
    std::fs::write(folder.join("final_results.track.json"), track).unwrap();
}

#[test]
fn sections_are_found_where_they_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        |name: &str| -> Result<Box<dyn Read>> { Ok(Box::new(std::fs::File::open(folder.path().join(name)).unwrap())) };
    let read = |analyzer: &str| -> std::io::Result<Option<String>> {
        let Some(mut section) = stored_section(&open, analyzer).unwrap() else { return Ok(None) };
        let mut text = String::new();
        section.read_to_string(&mut text).map(|_| Some(text))
    };
    let track = common::track::section().to_string();
    stored(folder.path(), track.as_bytes(), &digest::hex(&sha2::Sha256::digest(track.as_bytes())));
    assert_eq!(read("track").unwrap().unwrap(), track);
    let pose: Value = serde_json::from_str(&read("pose").unwrap().unwrap()).unwrap();
    assert_eq!(pose, serde_json::from_str::<Value>(&common::pose_section()).unwrap());
    assert_eq!(read("golden_frames").unwrap(), None);
    assert_eq!(read("width").unwrap(), None, "members inside other members are none of the result");

    stored(folder.path(), track.as_bytes(), &"0".repeat(64));
    let error = read("track").unwrap_err().downcast::<framefan_contract::Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.message().contains("its digest differs"), "{error}");
}
