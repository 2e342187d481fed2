//! The comparison on the page.

use maud::{Markup, html};

use super::{Comparison, PoseComparison, TrackComparison};
use crate::format::{count, number, percent};

/// The section.
pub fn section(comparison: &Comparison) -> Markup {
    html! {
        section #truth aria-labelledby="truth-title" {
            h2 #truth-title { "Compared with the truth" }
            p.lead { "The video is a drawn scene, of which everything is known. People who show fewer than 1024 pixels or are more than half hidden count neither for nor against." }
            table {
                tbody {
                    @if let Some(pose) = &comparison.pose { (pose_rows(pose)) }
                    @if let Some(track) = &comparison.track { (track_rows(track)) }
                }
            }
        }
    }
}

fn row(name: &str, value: &str) -> Markup {
    html! { tr { th scope="row" { (name) } td { (value) } } }
}

fn share(part: u64, whole: u64) -> String {
    let share = if whole > 0 { percent(part as f64 / whole as f64) } else { "–".to_owned() };
    format!("{} of {} ({share})", count(part), count(whole))
}

fn pose_rows(pose: &PoseComparison) -> Markup {
    html! {
        (row("Pose: people found in sampled frames", &share(pose.found, pose.people)))
        (row("Pose: detections that are nobody", &count(pose.too_many)))
        @if let Some(similarity) = pose.similarity {
            (row("Pose: mean object keypoint similarity of those found", &number(similarity)))
        }
        @if let Some(error) = pose.keypoint_error_px {
            (row("Pose: median error of a seen keypoint", &format!("{} px", number(error))))
        }
    }
}

fn track_rows(track: &TrackComparison) -> Markup {
    html! {
        (row("Track: people, and tracks of people", &format!("{}, {}", count(track.people), count(track.tracks))))
        (row("Track: appearances found", &share(track.found, track.appearances)))
        (row("Track: detections that are nobody", &count(track.too_many)))
        (row("Track: changes of a person's id", &count(track.id_changes)))
        @if let Some(accuracy) = track.accuracy() { (row("Track: MOTA", &number(accuracy))) }
    }
}
