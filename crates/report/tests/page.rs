//! The page: complete in itself, hostile strings stay text, and every kind of job has one.

#![allow(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod common;

use framefan_contract::request::Source;
use framefan_report::{ReportPicture, read_summary, render, wanted_pictures};

const HOSTILE: &str = "<script>alert(1)<!--</title><img src=x onerror=alert(2)>\"' onload=\"alert(3)&amp;";

/// The text of the data block.
fn island(page: &str) -> serde_json::Value {
    let start = page.find("type=\"application/json\">").unwrap() + "type=\"application/json\">".len();
    let end = start + page[start..].find("</script>").unwrap();
    serde_json::from_str(&page[start..end]).unwrap()
}

#[test]
fn the_page_loads_nothing() {
    let mut input = common::input();
    let pose = input.pose.clone().unwrap();
    for (frame, _) in wanted_pictures(&pose) {
        input.pictures.insert(frame, ReportPicture { jpeg: vec![0xff, 0xd8, 0xff, 0xd9], width: 2, height: 1 });
    }
    let page = render(&input).unwrap();
    for address in ["http:", "https:", "@import", "url("] {
        assert!(!page.contains(address), "{address}");
    }
    for attribute in ["src=\"", "href=\""] {
        for (place, _) in page.match_indices(attribute) {
            let value = &page[place + attribute.len()..];
            assert!(value.starts_with("data:image/jpeg;base64,/9j/2Q==") || value.starts_with('#'), "{}", &value[..40]);
        }
    }
    assert_eq!(page.matches("data:image/jpeg").count(), pose.moments.len());
    assert!(!page.contains("picture not available"));
}

#[test]
fn hostile_strings_stay_text() {
    let mut input = common::damaged();
    let hostile = || HOSTILE.to_owned();
    // A `/` would end the file's name, so the hostile name has none.
    let name = HOSTILE.replace('/', "");
    for source in [&mut input.request.source, &mut input.header.provenance.source] {
        *source = Source::S3 { bucket: hostile(), key: format!("folder/{name}"), version: hostile(), size: 1 };
    }
    input.header.job_id = hostile();
    input.header.completed_at = hostile();
    input.header.warnings = vec![hostile()];
    input.header.damaged[0].reason = hostile();
    input.header.video.codec = hostile();
    input.header.provenance.ffmpeg = hostile();
    input.header.provenance.devices = vec![hostile()];
    input.request.device_class = hostile();
    input.request.analyzers[0].name = hostile();
    input.request.analyzers[0].chunk_params.insert(hostile(), HOSTILE.into());
    input.plan.notes = vec![hostile()];
    input.runs[0].worker = hostile();
    input.runs[0].device = hostile();
    input.runs[0].error = Some(hostile());
    input.runs[0].stages[0].stage = hostile();
    input.figures.bottleneck = Some(hostile());
    let pose = input.pose.as_mut().unwrap();
    pose.moments[0].reason = hostile();
    for finding in &mut pose.findings {
        (finding.id, finding.rule, finding.title) = (hostile(), hostile(), hostile());
        (finding.unit, finding.detail) = (hostile(), hostile());
    }
    let band = pose.metrics.series.angles["left_knee"].clone();
    pose.metrics.series.angles.insert(hostile(), band);

    let page = render(&input).unwrap();
    assert_eq!(page.matches("<script").count(), 2, "the data and the script of the page itself");
    assert_eq!(
        page.matches("</title>").count(),
        1 + page.matches("</title></circle>").count() + page.matches("</title><rect").count()
    );
    for raw in ["<script>alert", "<img", "<!--"] {
        assert!(!page.contains(raw), "{raw}");
    }
    // Outside the data block, where quotes have a meaning of their own, they are written as entities.
    let block = page.find("<script").unwrap();
    assert!(!page[..block].contains("\"' onload") && page[..block].contains("&quot;' onload=&quot;"));
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(island(&page)["series"]["traces"][format!("angles.{HOSTILE}")].is_array());
}

#[test]
fn the_data_block_holds_the_series() {
    let input = common::input();
    let data = island(&render(&input).unwrap());
    let series = &input.pose.unwrap().metrics.series;
    assert_eq!(data["series"]["bins"], series.bins);
    for trace in ["people_mean", "head", "hips", "angles.left_knee", "angles.right_shoulder"] {
        assert_eq!(data["series"]["traces"][trace].as_array().unwrap().len(), series.bins, "{trace}");
    }
}

#[test]
fn every_finding_moment_and_chunk_is_on_the_page() {
    let input = common::input();
    let pose = input.pose.clone().unwrap();
    let page = render(&input).unwrap();
    assert!(pose.findings.len() > 5 && pose.moments.len() > 2);
    assert_eq!(page.matches("<li class=\"finding\"").count(), pose.findings.len());
    assert_eq!(page.matches("<figure class=\"shot\"").count(), pose.moments.len());
    assert_eq!(page.matches("<span class=\"bar\"").count(), input.plan.chunks.len());
    assert_eq!(page.matches("class=\"seg presence\"").count() as u64, pose.metrics.presence.count);
    assert!(page.contains("The bottleneck is <strong>infer</strong>"));
}

#[test]
fn damage_and_warnings_stand_before_the_numbers() {
    let page = render(&common::damaged()).unwrap();
    let alert = page.find("Before you trust the numbers").unwrap();
    assert!(alert < page.find("class=\"tiles\"").unwrap());
    assert!(page.contains("error while decoding MB 12 7") && page.contains("the file ends 2 s before"));
    assert!(page.contains("class=\"damage\""));
    assert!(!render(&common::input()).unwrap().contains("Before you trust the numbers"));
}

#[test]
fn jobs_without_people_runs_or_pose_have_a_page() {
    let mut input = common::input();
    input.pose = Some(common::summary_of(0));
    let page = render(&input).unwrap();
    assert!(page.contains("not measurable in this video") && !page.contains("id=\"moments\""));

    input.runs.clear();
    assert!(render(&input).unwrap().contains("every chunk was finished before"));

    input.header.video.duration_s = 0.0;
    input.header.video.frames = 0;
    assert!(!render(&input).unwrap().contains("NaN"));

    input.pose = None;
    let page = render(&input).unwrap();
    assert!(page.contains("no pose section"));
    assert!(island(&page)["series"].is_null());
}

#[test]
fn the_same_input_makes_the_same_page() {
    assert_eq!(render(&common::input()).unwrap(), render(&common::input()).unwrap());
}

/// `final_results.json` with the given pose section, and another analyzer's section before it.
fn results(pose: &str) -> String {
    let header = serde_json::to_string(&common::input().header).unwrap();
    let header = header.strip_suffix('}').unwrap();
    format!("{header},\"track\":{{\"detections\":[{{\"frame\":0}}]}},\"pose\":{pose}}}")
}

#[test]
fn the_summary_is_read_without_the_frames() {
    let section = common::pose_section();
    let unneeded = |file: &str| panic!("{file} is not needed");
    let (header, pose) = read_summary(results(&section).as_bytes(), unneeded).unwrap();
    assert_eq!(header, common::input().header);
    assert_eq!(pose.unwrap(), common::summary());
}

#[test]
fn a_section_in_a_file_of_its_own_is_followed() {
    let stand_in = r#"{"file":"final_results.pose.json","sha256":"00","size":1}"#;
    let open = |file: &str| -> framefan_contract::Result<Box<dyn std::io::Read>> {
        assert_eq!(file, "final_results.pose.json");
        Ok(Box::new(std::io::Cursor::new(common::pose_section())))
    };
    let (_, pose) = read_summary(results(stand_in).as_bytes(), open).unwrap();
    assert_eq!(pose.unwrap(), common::summary());
}

#[test]
fn results_that_do_not_match_are_refused() {
    for wrong in [results("{\"frames\":[]}"), results("7"), "{}".to_owned(), results("{\"metrics\":")] {
        let error = read_summary(wrong.as_bytes(), |_| panic!("no file is named")).unwrap_err();
        assert_eq!(error.kind(), framefan_contract::ErrorKind::BadInput);
    }
}
