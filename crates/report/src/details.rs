//! What the numbers mean, how they were asked for, and what made them: collapsed, for those who want to know.

use maud::{Markup, html};
use serde_json::Value;

use crate::ReportInput;
use crate::format::{bytes, clock, count, counted, duration, location, number};
use crate::summary::Sections;

/// The section of details.
pub fn section(input: &ReportInput) -> Markup {
    html! {
        section #details aria-labelledby="details-title" {
            h2 #details-title { "Details" }
            (reading(&input.sections))
            (settings(input))
            (plan(input))
            (provenance(input))
        }
    }
}

fn reading(sections: &Sections) -> Markup {
    if *sections == Sections::default() {
        return html! {};
    }
    html! {
        details {
            summary { "How to read the numbers" }
            dl.list {
                @if sections.pose.is_some() {
                    dt { "Main person" } dd { "The person with the greatest score × area of the box in a frame. The choice is made frame by frame, so it can change between people." }
                    dt { "Joint angle" } dd { "The angle between two segments of the body as seen in the picture, from 0° to 180°. A bend towards the camera looks smaller than it is. Angles need three visible landmarks." }
                    dt { "Body height (bh)" } dd { "The greater of the box’s height and the stature that the length of the trunk suggests (trunk ÷ 0.288). Movement is measured in it, so that near and far people compare." }
                    dt { "Speed" } dd { "Movement between samples in the picture. A moving camera adds to it." }
                    dt { "Appearance" } dd { "A span in which someone is visible, without a long pause. People are not told apart." }
                    dt { "Finding" } dd { "A span in which a rule’s limit was passed. Limits are parameters; new ones need no new inference." }
                }
                @if sections.track.is_some() {
                    dt { "Track" } dd { "Detections that were taken for the same thing. Who leaves and comes back may get a new number." }
                    dt { "At once" } dd { "Tracks that have begun and not yet ended, seen in that very frame or not." }
                    dt { "Trail" } dd { "The middle of the box’s lower edge: where someone stands, as long as their feet are visible. It is thinned out to a few dozen points." }
                }
                @if sections.golden_frames.is_some() {
                    dt { "Sharpness" } dd { "The variance of the Laplacian of the luma, from 0 to 255. It compares frames of one video; the same number means something else in another video." }
                    dt { "Motion" } dd { "The mean length of the dense optical flow from the frame before, in pixels. A moving camera adds to it." }
                    dt { "Highlight" } dd { "A small bright spot where a surface mirrors the light." }
                }
            }
        }
    }
}

fn settings(input: &ReportInput) -> Markup {
    html! {
        details {
            summary { "Settings" }
            @for analyzer in &input.request.analyzers {
                h3 { (analyzer.name) }
                div.columns {
                    (parameters("Inference", &analyzer.chunk_params))
                    (parameters("Evaluation", &analyzer.reduce_params))
                }
            }
            dl.list {
                dt { "Precision" } dd { (input.request.precision.as_str()) }
                dt { "Device class" } dd { code { (input.request.device_class) } }
                dt { "Chunk length" } dd { (number(input.request.chunk_seconds.as_f64())) " s" }
            }
        }
    }
}

fn parameters(title: &str, values: &std::collections::BTreeMap<String, Value>) -> Markup {
    html! {
        table {
            caption { (title) }
            tbody { @for (name, value) in values {
                tr { th scope="row" { code { (name) } } td.n { (plain(value)) } }
            } }
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn plan(input: &ReportInput) -> Markup {
    let plan = &input.plan;
    html! {
        details {
            summary { "Plan: " (counted(plan.chunks.len() as u64, "chunk", "chunks")) }
            @if !plan.notes.is_empty() { ul { @for note in &plan.notes { li { (note) } } } }
            div.scroll tabindex="0" role="region" aria-label="Chunks" {
                table {
                    thead { tr {
                        th.n scope="col" { "Chunk" } th.n scope="col" { "From" } th.n scope="col" { "To" } th.n scope="col" { "Length" }
                        th.n scope="col" { "Frames" } th.n scope="col" { "Decoded from packet" } th.n scope="col" { "Bytes" } th.n scope="col" { "Cost" }
                    } }
                    tbody { @for chunk in &plan.chunks {
                        tr {
                            th.n scope="row" { (chunk.index) }
                            td.n { (clock(chunk.start_s)) } td.n { (clock(chunk.end_s)) } td.n { (duration(chunk.end_s - chunk.start_s)) }
                            td.n { (count(u64::from(chunk.frames))) } td.n { (count(chunk.decode_from.ordinal)) }
                            td.n { (bytes(chunk.byte_range[1].saturating_sub(chunk.byte_range[0]))) } td.n { (number(chunk.cost)) }
                        }
                    } }
                }
            }
        }
    }
}

fn provenance(input: &ReportInput) -> Markup {
    let header = &input.header;
    let provenance = &header.provenance;
    let video = &header.video;
    html! {
        details {
            summary { "Provenance" }
            dl.list {
                dt { "Source" } dd { code { (location(&provenance.source)) } }
                dt { "Video" } dd { (video.container) ", " (video.codec) ", " (video.pixel_format) ", " (video.color_matrix) " " (video.color_range)
                    " range, coded as " (video.coded_width) " × " (video.coded_height) }
                dt { "framefan" } dd { (provenance.framefan) }
                dt { "FFmpeg" } dd { (provenance.ffmpeg) }
                dt { "Devices" } dd { @if provenance.devices.is_empty() { "–" } @else { (provenance.devices.join(", ")) } }
                dt { "Device class" } dd { code { (provenance.device_class) } ", " (provenance.precision.as_str()) }
                @for analyzer in &provenance.analyzers {
                    dt { (analyzer.name) } dd {
                        "versions " (analyzer.chunk_version) " (inference) and " (analyzer.reduce_version) " (evaluation)"
                        @for (model, digest) in &analyzer.models { br; (model) " " code.digest { (digest) } }
                    }
                }
                dt { "Job" } dd { code { (header.job_id) } }
            }
        }
    }
}
