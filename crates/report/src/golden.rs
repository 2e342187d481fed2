//! The golden frames: a gallery of the selected ones, and the measurements they were selected by.

use framefan_analyzers::golden_frames::section::{GlintFound, Measured, Selected};
use maud::{Markup, html};

use crate::ReportInput;
use crate::bins::Series;
use crate::chart::Scale;
use crate::format::{clock, counted, number};
use crate::picture::{frame_picture, unit};
use crate::summary::GoldenFrames;
use crate::timeline::{Axis, Plot, Segment, Trace, damage, level_step, plot_row, segment, timeline};

/// The section of golden frames.
pub fn section(input: &ReportInput, golden: &GoldenFrames) -> Markup {
    let video = &input.header.video;
    let hidden = (golden.selected.len() - golden.shown().len()) as u64;
    html! {
        section #golden-frames aria-labelledby="golden-title" {
            h2 #golden-title { "Golden frames" }
            @if golden.selected.is_empty() {
                p.lead { "No frame was selected." }
            } @else {
                p.lead { "The sharpest frames in which little moves, of " (counted(golden.frames, "frame", "frames")) ". Rings mark highlights." }
                ul.shots.portrait[video.height > video.width] {
                    @for frame in golden.shown() { li { (card(input, frame)) } }
                }
                @if hidden > 0 {
                    p.note { (counted(hidden, "more selected frame is", "more selected frames are")) " in the result." }
                }
            }
            @if golden.frames > 0 {
                h3 #measurements-title { "Sharpness and motion" }
                p.lead { "Lines are means of " (number(golden.bin_s)) " s, bands reach from the smallest to the largest value." }
                (chart(input, golden))
            }
        }
    }
}

fn card(input: &ReportInput, selected: &Selected) -> Markup {
    let Measured { frame, time_s, sharpness, motion } = selected.measured;
    let measures = format!("Sharpness {}, motion {} px", number(sharpness), number(motion));
    let time = clock(time_s);
    let described = format!("Frame {frame} at {time}: {measures}");
    let rings = html! { @if let Some(glint) = &selected.glint { (rings(glint, unit(input))) } };
    html! {
        figure.shot {
            button.enlarge type="button" aria-label=(format!("Enlarge. {described}")) {
                (frame_picture(input, Some(frame), &described, rings))
            }
            figcaption {
                span.reason { (measures) }
                @if let Some(glint) = &selected.glint { span.dim { (highlights(glint)) } }
                button.jump type="button" data-start=(time_s) data-end=(time_s) {
                    (time) span.dim { " · frame " (frame) }
                }
                @if let Some(image) = &selected.image { code.dim { (image) } }
            }
        }
    }
}

fn highlights(glint: &GlintFound) -> String {
    if glint.count == 0 {
        return "No highlights".to_owned();
    }
    let share = number(100.0 * glint.share);
    format!("{}, {share}% of the picture", counted(glint.count, "highlight", "highlights"))
}

/// A ring around each highlight, clear of it.
fn rings(glint: &GlintFound, unit: f64) -> Markup {
    html! {
        @for found in &glint.highlights {
            @let radius = (found.area as f64 / std::f64::consts::PI).sqrt() + unit;
            circle.glint cx=(found.x) cy=(found.y) r=(format!("{radius:.1}")) {
                title { (counted(found.area, "pixel", "pixels")) }
            }
        }
    }
}

fn chart(input: &ReportInput, golden: &GoldenFrames) -> Markup {
    let axis = Axis::new(input, "golden_frames", golden.bin_s, golden.sharpness.mean.len());
    let scale = |series: &Series| {
        let most = series.max.iter().flatten().fold(0.0f64, |most, &value| most.max(value));
        Scale::new(0.0, if most > 0.0 { most } else { 1.0 })
    };
    let plot = |title, unit, about, key: &str, class, series: &Series| {
        let scale = scale(series);
        let trace = Trace {
            key: key.to_owned(),
            label: "mean",
            class,
            values: &series.mean,
            band: Some((&series.min, &series.max)),
        };
        plot_row(&Plot { title, unit, about, scale, step: level_step(&scale), traces: vec![trace] }, &axis, input)
    };
    timeline(
        &axis,
        html! {
            div.row.lane {
                div.head { span.name { "Selected" } }
                div.plot {
                    (damage(input, &axis))
                    @for selected in &golden.selected {
                        @let Measured { frame, time_s, .. } = selected.measured;
                        @let words = format!("Selected: frame {frame} at {}", clock(time_s));
                        (segment(&Segment { class: "presence", start_s: time_s, end_s: time_s, lasts_s: 0.0, words: &words, label: None }, &axis))
                    }
                }
            }
            (plot("Sharpness", "", "Variance of the Laplacian of the luma; the greater the sharper", "sharpness", "head", &golden.sharpness))
            (plot("Motion", " px", "Mean length of the optical flow from the frame before, in pixels", "motion", "hips", &golden.motion))
        },
    )
}
