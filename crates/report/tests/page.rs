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
    let mut input = common::all();
    let wanted = wanted_pictures(&input.header.video, &input.sections);
    for &(frame, _) in &wanted {
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
    let moments = input.sections.pose.as_ref().unwrap().moments.len();
    let golden = input.sections.golden_frames.as_ref().unwrap().selected.len();
    assert_eq!(page.matches("data:image/jpeg").count(), moments + golden + 1, "and the frame under the trails");
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
    let pose = input.sections.pose.as_mut().unwrap();
    pose.moments[0].reason = hostile();
    for finding in &mut pose.findings {
        (finding.id, finding.rule, finding.title) = (hostile(), hostile(), hostile());
        (finding.unit, finding.detail) = (hostile(), hostile());
    }
    let track = input.sections.track.as_mut().unwrap();
    track.classes[0].0 = hostile();
    track.longest.iter_mut().for_each(|long| long.track.class = hostile());
    let golden = &mut input.sections.golden_frames.as_mut().unwrap().selected[0];
    golden.image = Some(hostile());

    let pose = input.sections.pose.as_mut().unwrap();
    let band = pose.metrics.series.angles["left_knee"].clone();
    pose.metrics.series.angles.insert(hostile(), band);

    let page = render(&input).unwrap();
    assert_eq!(page.matches("<script").count(), 2, "the data and the script of the page itself");
    assert_eq!(
        page.matches("</title>").count(),
        1 + ["</title></circle>", "</title><rect", "</title><path"]
            .map(|inner| page.matches(inner).count())
            .iter()
            .sum::<usize>()
    );
    for raw in ["<script>alert", "<img", "<!--"] {
        assert!(!page.contains(raw), "{raw}");
    }
    // Outside the data block, where quotes have a meaning of their own, they are written as entities.
    let block = page.find("<script").unwrap();
    assert!(!page[..block].contains("\"' onload") && page[..block].contains("&quot;' onload=&quot;"));
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(island(&page)["series"]["pose"]["traces"][format!("angles.{HOSTILE}")].is_array());
}

#[test]
fn the_data_block_holds_the_series() {
    let input = common::input();
    let data = island(&render(&input).unwrap());
    let series = &input.sections.pose.unwrap().metrics.series;
    let data = &data["series"]["pose"];
    assert_eq!(data["bins"], series.bins);
    for trace in ["people_mean", "head", "hips", "angles.left_knee", "angles.right_shoulder"] {
        assert_eq!(data["traces"][trace].as_array().unwrap().len(), series.bins, "{trace}");
    }
}

#[test]
fn every_finding_moment_and_chunk_is_on_the_page() {
    let input = common::input();
    let pose = input.sections.pose.clone().unwrap();
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
    input.sections.pose = Some(common::summary_of(0));
    let page = render(&input).unwrap();
    assert!(page.contains("not measurable in this video") && !page.contains("id=\"moments\""));

    input.runs.clear();
    assert!(render(&input).unwrap().contains("every chunk was finished before"));

    input.header.video.duration_s = 0.0;
    input.header.video.frames = 0;
    assert!(!render(&input).unwrap().contains("NaN"));

    input.sections.pose = None;
    let page = render(&input).unwrap();
    assert!(page.contains("no section that a page can show"));
    assert_eq!(island(&page)["series"], serde_json::json!({}));
}

#[test]
fn the_same_input_makes_the_same_page() {
    assert_eq!(render(&common::all()).unwrap(), render(&common::all()).unwrap());
}

/// `final_results.json` with the given pose section, and another analyzer's section before it.
fn results(pose: &str) -> String {
    let header = serde_json::to_string(&common::input().header).unwrap();
    let header = header.strip_suffix('}').unwrap();
    format!("{header},\"other\":{{\"detections\":[{{\"frame\":0}}]}},\"pose\":{pose}}}")
}

#[test]
fn the_summary_is_read_without_the_frames() {
    let section = common::pose_section();
    let unneeded = |file: &str| panic!("{file} is not needed");
    let (header, sections) = read_summary(results(&section).as_bytes(), unneeded).unwrap();
    assert_eq!(header, common::input().header);
    assert_eq!(sections.pose.unwrap(), common::summary());
}

#[test]
fn a_section_in_a_file_of_its_own_is_followed() {
    let stand_in = r#"{"file":"final_results.pose.json","sha256":"00","size":1}"#;
    let open = |file: &str| -> framefan_contract::Result<Box<dyn std::io::Read>> {
        assert_eq!(file, "final_results.pose.json");
        Ok(Box::new(std::io::Cursor::new(common::pose_section())))
    };
    let (_, sections) = read_summary(results(stand_in).as_bytes(), open).unwrap();
    assert_eq!(sections.pose.unwrap(), common::summary());
}

#[test]
fn results_that_do_not_match_are_refused() {
    for wrong in [results("{\"frames\":[]}"), results("7"), "{}".to_owned(), results("{\"metrics\":")] {
        let error = read_summary(wrong.as_bytes(), |_| panic!("no file is named")).unwrap_err();
        assert_eq!(error.kind(), framefan_contract::ErrorKind::BadInput);
    }
}

#[test]
fn each_analyzer_has_its_part() {
    let input = common::all();
    let page = render(&input).unwrap();
    let places: Vec<_> = ["pose", "track", "golden_frames"]
        .map(|name| page.find(&format!("data-analyzer=\"{name}\"")).unwrap_or_else(|| panic!("{name}")))
        .into();
    assert!(places.is_sorted(), "{places:?}");
    let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| &rest[..rest.find('"').unwrap()]).collect();
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
    // A job of one analyzer needs no headings for each, and shows nothing of the others.
    let alone = render(&common::input()).unwrap();
    assert!(!alone.contains("<p class=\"kicker\">Pose") && page.contains("<p class=\"kicker\">Pose"));
    assert!(!alone.contains("id=\"tracks\"") && !alone.contains("id=\"golden-frames\""));
}

#[test]
fn the_longest_tracks_have_lanes_and_trails() {
    let input = common::all();
    let section = common::track::section();
    let tracks = section["tracks"].as_array().unwrap();
    let page = render(&input).unwrap();
    assert!(tracks.len() > 40, "more than a page has lanes for");
    assert_eq!(page.matches("<div class=\"row lane thin\">").count(), 40);
    assert_eq!(page.matches("<g class=\"trail").count(), 40);
    assert!(page.contains(&format!("These are the 40 longest of {} tracks", tracks.len())));
    // The longest is there with its words, the shortest is not.
    assert!(page.contains("traffic light 5: 0:00.0 to 2:19.0, 1,391 detections"));
    assert!(!page.contains("dog 4: "));
    // By hand: cars start every 3 s and last 3 to 9 s; two people, a dog and a light.
    let brief = input.sections.track.unwrap();
    let classes: Vec<_> = brief.classes.iter().map(|(class, count)| (class.as_str(), *count)).collect();
    assert_eq!(classes, [("car", 45), ("dog", 2), ("person", 2), ("traffic light", 1)]);
    assert_eq!(brief.detections, section["detections"].as_array().unwrap().len() as u64);
    let spans = |frame: u64| {
        let in_it = |track: &&serde_json::Value| {
            (track["first_frame"].as_u64().unwrap()..=track["last_frame"].as_u64().unwrap()).contains(&frame)
        };
        tracks.iter().filter(in_it).count() as u64
    };
    let most = (0..input.header.frames_processed).map(spans).max().unwrap();
    assert_eq!((brief.most_at_once, spans(brief.scene.unwrap().frame)), (most, most));
}

#[test]
fn trails_begin_and_end_where_the_boxes_do() {
    let section = common::track::section();
    let foot = |detection: &serde_json::Value| {
        let [x, y, width, height] = [0, 1, 2, 3].map(|part| detection["bbox"][part].as_f64().unwrap());
        [x + width / 2.0, y + height]
    };
    for long in common::all().sections.track.unwrap().longest {
        let of = |detection: &&serde_json::Value| detection["track_id"] == long.track.track_id;
        let mut all = section["detections"].as_array().unwrap().iter().filter(of);
        let (first, last) = (all.next().unwrap(), all.next_back().unwrap());
        assert_eq!((long.trail[0], *long.trail.last().unwrap()), (foot(first), foot(last)));
        assert!(long.trail.len() <= 65);
    }
}

#[test]
fn every_golden_frame_is_in_the_gallery() {
    let input = common::all();
    let page = render(&input).unwrap();
    let gallery = &page[page.find("id=\"golden-frames\"").unwrap()..];
    assert_eq!(gallery.matches("<figure class=\"shot\"").count(), common::golden::SELECTED.len());
    assert_eq!(gallery.matches("class=\"seg presence\"").count(), common::golden::SELECTED.len());
    assert!(gallery.contains("frames/golden_000412.jpg") && gallery.contains("2 highlights, 0.0125% of the picture"));
    let wanted = wanted_pictures(&input.header.video, &input.sections);
    assert!(wanted.is_sorted());
    for frame in common::golden::SELECTED {
        // 12,000 units a second, 10 frames a second.
        assert!(wanted.contains(&(frame, frame as i64 * 1200)), "{frame}");
    }
    // The remainders of 412, 87, 1203, 655 and 931 by 5; frame 268 has no glint.
    assert_eq!(gallery.matches("<circle class=\"glint\"").count(), 2 + 2 + 3 + 1);
    assert_eq!(gallery.matches("No highlights").count(), 1);
    // A selection larger than a gallery.
    let mut input = input;
    let golden = input.sections.golden_frames.as_mut().unwrap();
    golden.selected = vec![golden.selected[0].clone(); 30];
    let page = render(&input).unwrap();
    assert!(page.contains("6 more selected frames are in the result"));
}

#[test]
fn empty_sections_have_a_page() {
    let mut input = common::input();
    let mut results = serde_json::to_value(&input.header).unwrap();
    results["track"] = serde_json::json!({"tracks": [], "detections": []});
    results["golden_frames"] = serde_json::json!({"selected": [], "frames": []});
    for seconds in [0.0, 139.4] {
        results["video"]["duration_s"] = seconds.into();
        let (header, sections) = read_summary(results.to_string().as_bytes(), |_| panic!("no file is named")).unwrap();
        (input.header, input.sections) = (header, sections);
        let page = render(&input).unwrap();
        assert!(page.contains("Nothing was followed in this video") && page.contains("No frame was selected"));
        assert!(["NaN", "inf%", "inf\""].iter().all(|wrong| !page.contains(wrong)), "{seconds}");
        assert!(wanted_pictures(&input.header.video, &input.sections).is_empty());
    }
}
