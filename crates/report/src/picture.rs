//! A frame of the video as a picture with drawings over it, in the pixels of the frame.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use crate::{ReportInput, ReportPicture};

/// A hundredth of the frame's size in pixels: lines measured in it look alike whatever the frame is.
pub fn unit(input: &ReportInput) -> f64 {
    let video = &input.header.video;
    (f64::from(video.width) * f64::from(video.height)).sqrt() / 100.0
}

/// The picture of the frame, or a dark ground where it is missing, with the drawings over it.
pub fn frame_picture(input: &ReportInput, frame: Option<u64>, described: &str, drawings: Markup) -> Markup {
    let video = &input.header.video;
    let (width, height) = (f64::from(video.width), f64::from(video.height));
    let unit = unit(input);
    html! {
        svg.frame viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(described) style=(format!("--u:{unit:.2}")) {
            rect.ground width=(width) height=(height) {}
            @if let Some(picture) = frame.and_then(|frame| input.pictures.get(&frame)) {
                image href=(data_uri(picture)) width=(width) height=(height) preserveAspectRatio="none" {}
            } @else {
                text.missing x=(width / 2.0) y=(height - 2.0 * unit) font-size=(4.0 * unit) { "picture not available" }
            }
            (drawings)
        }
    }
}

fn data_uri(picture: &ReportPicture) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(&picture.jpeg))
}
