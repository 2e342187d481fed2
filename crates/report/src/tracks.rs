//! The tracks: a lane for each of the longest over time, and their trails over one frame.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::ReportInput;
use crate::chart::Scale;
use crate::format::{clock, count, counted, number};
use crate::picture::{frame_picture, unit};
use crate::summary::Tracks;
use crate::summary::track::LongTrack;
use crate::timeline::{Axis, Plot, Segment, Trace, damage, level_step, plot_row, segment, timeline};

/// Colours of classes, `c0` and so on in the style sheet.
const COLOURS: usize = 8;

/// The sections of tracks.
pub fn section(input: &ReportInput, tracks: &Tracks) -> Markup {
    html! {
        section #tracks aria-labelledby="tracks-title" {
            h2 #tracks-title { "Tracks" }
            @if tracks.count == 0 {
                p.lead { "Nothing was followed in this video." }
            } @else {
                p.lead { (classes(tracks)) " A lane reaches from the first time that something was seen to the last." }
                (lanes(input, tracks))
                (more(tracks))
            }
        }
        @if tracks.longest.iter().any(|track| !track.trail.is_empty()) { (trails(input, tracks)) }
    }
}

/// The classes with their colours, which is all the legend there is.
fn classes(tracks: &Tracks) -> Markup {
    html! {
        span.classes {
            @for (place, (class, count)) in tracks.classes.iter().enumerate() {
                @if place > 0 { ", " }
                span class=(format!("swatch {}", colour(place))) { i aria-hidden="true" {} (class) " " b { (self::count(*count)) } }
            }
        }
        "."
    }
}

fn colour(class: usize) -> String {
    format!("c{}", class % COLOURS)
}

fn lanes(input: &ReportInput, tracks: &Tracks) -> Markup {
    let axis = Axis::new(input, "track", tracks.bin_s, tracks.at_once.len());
    let scale = Scale::new(0.0, tracks.most_at_once.max(1) as f64);
    let plot = Plot {
        title: "At once",
        unit: "",
        about: "Mean number of tracks that have begun and not yet ended",
        scale,
        step: level_step(&scale).max(1.0),
        traces: vec![Trace {
            key: "at_once".into(),
            label: "mean",
            class: "area",
            values: &tracks.at_once,
            band: None,
        }],
    };
    timeline(
        &axis,
        html! {
            (plot_row(&plot, &axis, input))
            @for long in &tracks.longest {
                div.row.lane.thin {
                    div.head { span.name { (name(long)) } }
                    div.plot {
                        (damage(input, &axis))
                        (segment(&Segment {
                            class: &colour(long.class),
                            start_s: long.track.first_s,
                            end_s: long.track.last_s,
                            lasts_s: tracks.frame_s,
                            words: &words(long),
                            label: None,
                        }, &axis))
                    }
                }
            }
        },
    )
}

fn name(long: &LongTrack) -> String {
    format!("{} {}", long.track.class, long.track.track_id)
}

fn words(long: &LongTrack) -> String {
    let track = &long.track;
    let seen = counted(track.detections, "detection", "detections");
    format!("{}: {} to {}, {seen}", name(long), clock(track.first_s), clock(track.last_s))
}

fn more(tracks: &Tracks) -> Markup {
    let shown = tracks.longest.len() as u64;
    let more = tracks.count - shown;
    html! {
        @if more > 0 {
            p.note { "These are the " (shown) " longest of " (count(tracks.count)) " tracks; "
                (counted(more, "shorter one is", "shorter ones are")) " in the result." }
        }
    }
}

/// The trails of the foot points over the frame with most tracks at once.
fn trails(input: &ReportInput, tracks: &Tracks) -> Markup {
    let video = &input.header.video;
    let unit = unit(input);
    let drawn = tracks.longest.iter().filter(|track| !track.trail.is_empty());
    let scene = tracks.scene.map_or_else(String::new, |scene| {
        format!(
            "frame {} at {}, with {} at once",
            scene.frame,
            clock(scene.time_s),
            counted(tracks.most_at_once, "track", "tracks")
        )
    });
    let described = format!("Trails of the longest tracks over {scene}");
    let drawing = html! {
        @for long in drawn { (trail(long, unit)) }
    };
    html! {
        section #trails aria-labelledby="trails-title" {
            h2 #trails-title { "Trails" }
            p.lead { "Where the middle of each box’s lower edge went, for the tracks above. A ring is the beginning, a dot the end." }
            div.shots.single.portrait[video.height > video.width] {
                figure.shot {
                    button.enlarge type="button" aria-label=(format!("Enlarge. {described}")) {
                        (frame_picture(input, tracks.scene.map(|scene| scene.frame), &described, drawing))
                    }
                    figcaption {
                        span.reason { "The longest tracks" }
                        @if let Some(at) = tracks.scene {
                            button.jump type="button" data-start=(at.time_s) data-end=(at.time_s) {
                                (clock(at.time_s)) span.dim { " · frame " (at.frame) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn trail(long: &LongTrack, unit: f64) -> Markup {
    let mut line = String::new();
    for (place, [x, y]) in long.trail.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(line, "{}{x:.1} {y:.1}", if place == 0 { 'M' } else { 'L' });
    }
    let ends = long.trail.first().zip(long.trail.last());
    html! {
        g class=(format!("trail {}", colour(long.class))) {
            title { (words(long)) }
            path.halo d=(line) {}
            path.path d=(line) {}
            @if let Some(([ax, ay], [bx, by])) = ends {
                circle.begin cx=(format!("{ax:.1}")) cy=(format!("{ay:.1}")) r=(number(0.8 * unit)) {}
                circle.end cx=(format!("{bx:.1}")) cy=(format!("{by:.1}")) r=(number(0.8 * unit)) {}
            }
        }
    }
}
