//! The page in a real browser, when Chromium is installed: no console errors, nothing wider than a phone, and the script
//! does what it says.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod common;

use std::path::Path;
use std::process::Command;

/// Steps through the page inside a frame as wide as a phone, and writes what it finds into the outer page.
const OUTER: &str = include_str!("browser.html");

#[test]
fn a_browser_runs_the_page_without_complaint() {
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| runs(name)) else {
        eprintln!("skipped: no Chromium is installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let input = common::damaged();
    std::fs::write(folder.path().join("page.html"), framefan_report::render(&input).unwrap()).unwrap();
    std::fs::write(folder.path().join("outer.html"), OUTER).unwrap();

    let (dom, log) = load(browser, folder.path());
    assert!(!log.contains("CONSOLE"), "{log}");
    let start = dom.find("<pre id=\"out\">").expect("the outer page is dumped") + "<pre id=\"out\">".len();
    let end = start + dom[start..].find("</pre>").unwrap();
    let found: serde_json::Value =
        serde_json::from_str(&dom[start..end]).unwrap_or_else(|error| panic!("{error}: {}\n{log}", &dom[start..end]));

    let width = found["width"].as_u64().unwrap();
    assert!(width <= 390, "the page is {width} pixels wide on a phone");
    assert_ne!(found["now"], "0:00.0");
    assert_eq!((found["lineHidden"].as_bool(), found["markHidden"].as_bool()), (Some(false), Some(false)));
    assert_eq!(found["sought"], "0:21.5", "the gravest finding's start");
    assert_eq!(found["moved"], "0:00.3", "the middle of the first half second");
    let pose = input.sections.pose.as_ref().unwrap();
    let info = pose.findings.iter().filter(|finding| finding.severity.as_str() == "info").count();
    assert_eq!(found["shown"], info);
    assert_eq!(found["open"], true);

    assert_eq!(found["timelines"], 3);
    assert_eq!(found["together"], serde_json::json!(["0:00.3", "0:00.3", "0:00.3"]), "cursors move together");
    let golden = input.sections.golden_frames.as_ref().unwrap();
    let first = &golden.selected[0].measured;
    assert_eq!(found["golden"], format!("0:{:.1}", first.time_s), "a golden frame leads to its time");
    let place = (first.time_s / golden.bin_s + 1e-6) as usize;
    assert_eq!(found["sharpness"], format!("{:.2}", golden.sharpness.mean[place].unwrap()));
    let trail = input.sections.track.as_ref().unwrap().longest.iter().filter(|track| !track.trail.is_empty()).count();
    assert_eq!(found["trails"], trail);
    assert_ne!(found["laneColour"], found["otherLaneColour"], "classes have colours of their own");
}

fn runs(browser: &str) -> bool {
    Command::new(browser).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The page after its script has run, and what the browser logged.
fn load(browser: &str, folder: &Path) -> (String, String) {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", folder.join("outer.html").display()))
        .output()
        .unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}
