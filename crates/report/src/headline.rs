//! The top of the page: what video, what to beware of, and the numbers one wants first.

use framefan_analyzers::pose::section::{Severity, Summary};
use framefan_contract::video::VideoInfo;
use maud::{Markup, html};

use crate::ReportInput;
use crate::format::{bytes, clock, count, counted, duration, file_name, number, percent};
use crate::summary::{GoldenFrames, Tracks};

/// Name and properties of the video.
pub fn title(input: &ReportInput) -> Markup {
    let header = &input.header;
    html! {
        header.top {
            p.kicker { "framefan report" }
            h1 { (file_name(&header.provenance.source)) }
            ul.facts aria-label="The video" {
                @for fact in facts(&header.video) { li { (fact) } }
            }
            p.dim { "Analysed " time datetime=(header.completed_at) { (when(&header.completed_at)) }
                " · job " code { (header.job_id) } }
        }
    }
}

fn facts(video: &VideoInfo) -> Vec<String> {
    let mut facts = vec![
        clock(video.duration_s),
        format!("{} × {}", video.width, video.height),
        format!("{} fps", number(video.average_fps.as_f64())),
        video.codec.to_uppercase(),
        counted(video.frames, "frame", "frames"),
        bytes(video.size_bytes),
    ];
    if video.rotation != 0 {
        facts.push(format!("rotated {}°", video.rotation));
    }
    if video.mirrored {
        facts.push("mirrored".to_owned());
    }
    if video.sample_aspect_ratio.num != video.sample_aspect_ratio.den {
        facts.push(format!("pixel aspect ratio {}", video.sample_aspect_ratio));
    }
    facts
}

/// `2026-11-21 01:45 UTC` of an RFC 3339 time in UTC, anything else as it is.
fn when(time: &str) -> String {
    match (time.split_once('T'), time.ends_with('Z')) {
        (Some((day, clock)), true) => format!("{day} {} UTC", clock.get(..5).unwrap_or(clock)),
        _ => time.to_owned(),
    }
}

/// Warnings and damage; nothing when there are none.
pub fn alerts(input: &ReportInput) -> Markup {
    let header = &input.header;
    if header.warnings.is_empty() && header.damaged.is_empty() {
        return html! {};
    }
    html! {
        section.alerts aria-labelledby="alerts-title" {
            h2 #alerts-title { "Before you trust the numbers" }
            ul {
                @for warning in &header.warnings { li { (warning) } }
                @for span in &header.damaged {
                    li {
                        "Damaged from "
                        button.jump type="button" data-start=(span.start_s) data-end=(span.end_s) {
                            (clock(span.start_s)) " to " (clock(span.end_s))
                        }
                        ": " (span.reason)
                    }
                }
            }
        }
    }
}

/// The numbers one wants first.
pub fn tiles(input: &ReportInput) -> Markup {
    let header = &input.header;
    html! {
        section aria-label="Summary" {
            dl.tiles {
                @if let Some(pose) = &input.sections.pose { (pose_tiles(pose)) }
                @if let Some(tracks) = &input.sections.track { (track_tiles(tracks)) }
                @if let Some(golden) = &input.sections.golden_frames { (golden_tiles(golden)) }
                (tile("Frames decoded", &count(header.frames_processed), &format!("of {}", counted(header.video.frames, "frame", "frames"))))
                @if let Some(wall) = input.figures.wall_s {
                    (tile("Processing time", &duration(wall), &speed(header.video.duration_s, wall)))
                }
            }
        }
    }
}

fn speed(video: f64, wall: f64) -> String {
    if wall > 0.0 { format!("{}× real time", number(video / wall)) } else { String::new() }
}

fn pose_tiles(pose: &Summary) -> Markup {
    let metrics = &pose.metrics;
    let people = &metrics.people;
    let presence = &metrics.presence;
    let warnings = pose.findings.iter().filter(|finding| finding.severity == Severity::Warning).count() as u64;
    let notices = pose.findings.iter().filter(|finding| finding.severity == Severity::Notice).count() as u64;
    let gravest = match (warnings, notices) {
        (0, 0) => "none needs attention".to_owned(),
        (0, _) => counted(notices, "notice", "notices"),
        _ => format!("{}, {}", counted(warnings, "warning", "warnings"), counted(notices, "notice", "notices")),
    };
    let visible = people
        .visible_keypoint_share
        .map_or(String::new(), |share| format!("{} of their landmarks visible", percent(share)));
    html! {
        (tile("Someone visible", &percent(people.share_with_people), &visible))
        (tile("Appearances", &count(presence.count), &format!("{} in all", duration(presence.total_s))))
        (tile("People at once", &count(people.max), &format!("at most; {} on average", number(people.mean))))
        (tile("Findings", &count(pose.findings.len() as u64), &gravest))
        @if metrics.repetitions.count > 0 {
            (tile("Knee bends", &count(metrics.repetitions.count),
                &metrics.repetitions.mean_depth_deg.map_or(String::new(), |depth| format!("down to {}° on average", number(depth)))))
        }
    }
}

fn track_tiles(tracks: &Tracks) -> Markup {
    let classes: Vec<String> =
        tracks.classes.iter().take(2).map(|(class, many)| format!("{} {class}", count(*many))).collect();
    let more = if tracks.classes.len() > 2 { ", …" } else { "" };
    html! {
        (tile("Tracks", &count(tracks.count), &format!("{}{more}", classes.join(", "))))
        (tile("Tracked at once", &count(tracks.most_at_once), &format!("at most; {}", counted(tracks.detections, "detection", "detections"))))
    }
}

fn golden_tiles(golden: &GoldenFrames) -> Markup {
    html! {
        (tile("Golden frames", &count(golden.selected.len() as u64), &format!("of {} measured", count(golden.frames))))
    }
}

fn tile(name: &str, value: &str, note: &str) -> Markup {
    html! { div.tile { dt { (name) } dd { strong { (value) } @if !note.is_empty() { span.dim { (note) } } } } }
}
