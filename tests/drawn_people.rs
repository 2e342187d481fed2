//! What needs no weights but those that are part of the program: drawn people are found and followed, and the report
//! says how well.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use framefan_scene::{VideoOptions, crossings, write_video};
use serde_json::Value;
use support::{framefan, summary};

/// Two people who cross, and what is true of them.
fn scene(folder: &Path) -> (PathBuf, PathBuf) {
    let (video, truth) = (folder.join("scene.mp4"), folder.join("scene.json"));
    let known = write_video(&crossings(501, 2, 6.0).unwrap(), &video, &VideoOptions::h264()).unwrap();
    fs::write(&truth, serde_json::to_string(&known).unwrap()).unwrap();
    (video, truth)
}

/// The value beside a name in the page's table of comparisons.
fn row<'a>(page: &'a str, name: &str) -> &'a str {
    let from = page.find(name).unwrap_or_else(|| panic!("no row {name:?}"));
    let (_, value) = page[from..].split_once("<td>").unwrap();
    value.split_once("</td>").unwrap().0
}

/// The share in `1 of 2 (50 %)`.
fn share(value: &str) -> f64 {
    let (part, whole) = value.split_once(" of ").unwrap();
    let number = |text: &str| -> f64 {
        text.chars().take_while(|c| *c != '(').filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    number(part) / number(whole)
}

#[test]
fn drawn_people_are_found_and_the_report_says_how_well() {
    let folder = tempfile::tempdir().unwrap();
    let (video, truth) = scene(folder.path());
    let mut command = framefan();
    command.arg("run").arg(&video).args(["--analyzer", "pose", "--analyzer", "track", "--json"]);
    command.args(["--param", "pose.model=pose-synth", "--param", "track.model=pose-synth"]);
    command.arg("--truth").arg(&truth).arg("--out").arg(folder.path().join("out"));
    let summary = summary(&command.output().unwrap());
    let page = fs::read_to_string(summary["report"].as_str().unwrap()).unwrap();
    assert!(page.contains("Compared with the truth"));
    let found = row(&page, "Pose: people found in sampled frames");
    assert!(share(found) >= 0.8, "{found}");
    let followed = row(&page, "Track: appearances found");
    assert!(share(followed) >= 0.8, "{followed}");
    assert_eq!(row(&page, "Track: people, and tracks of people").split(',').next(), Some("2"));

    // The same counts from the results themselves.
    let results: Value = serde_json::from_slice(&fs::read(summary["results"].as_str().unwrap()).unwrap()).unwrap();
    let known: Value = serde_json::from_slice(&fs::read(&truth).unwrap()).unwrap();
    let sampled = results["pose"]["frames"].as_array().unwrap();
    let counts = |person: &&Value| {
        !person["bbox"].is_null()
            && person["visible_px"].as_f64().unwrap() >= 1024.0
            && person["occluded"].as_f64().unwrap() <= 0.5
    };
    let people: usize = sampled
        .iter()
        .map(|frame| {
            let index = frame["frame"].as_u64().unwrap() as usize;
            known["frames"][index]["people"].as_array().unwrap().iter().filter(counts).count()
        })
        .sum();
    assert!(found.contains(&format!(" of {people} ")), "{found}, and there are {people}");
}

#[test]
fn a_truth_that_is_none_is_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let (video, _) = scene(folder.path());
    let wrong = folder.path().join("wrong.json");
    for (text, says) in [("{", "not the truth of a drawn scene"), (r#"{"schema":"other/1","frames":[]}"#, "other/1")] {
        fs::write(&wrong, text).unwrap();
        let mut command = framefan();
        command.arg("run").arg(&video).args(["--analyzer", "pose", "--param", "pose.model=pose-synth"]);
        let output = command.arg("--truth").arg(&wrong).arg("--out").arg(folder.path().join("out")).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(error.contains(says) && error.contains("wrong.json"), "{error}");
        assert!(!folder.path().join("out").exists(), "nothing was begun");
    }
}
