//! The moments: pictures with the skeletons drawn over them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use framefan_analyzers::pose::body::{SKELETON, landmark};
use framefan_analyzers::pose::section::{Moment, Person, Summary};
use maud::{Markup, html};

use crate::format::{clock, counted};
use crate::{ReportInput, ReportPicture};

/// Names of the landmarks, for the tooltips.
const LANDMARKS: [&str; 17] = [
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
];

/// The section of moments; empty without any.
pub fn section(input: &ReportInput, pose: &Summary) -> Markup {
    if pose.moments.is_empty() {
        return html! {};
    }
    let video = &input.header.video;
    let portrait = video.height > video.width;
    html! {
        section #moments aria-labelledby="moments-title" {
            h2 #moments-title { "Moments" }
            p.lead { "Frames picked to show what happens. Left limbs are drawn in "
                span.key.left { "blue" } ", right limbs in " span.key.right { "orange" } "." }
            ul.shots.portrait[portrait] {
                @for moment in &pose.moments {
                    li { (card(input, moment, visibility(input))) }
                }
            }
        }
    }
}

/// The score from which the reduce stage took a landmark for visible.
pub fn visibility(input: &ReportInput) -> f64 {
    let pose = input.request.analyzers.iter().find(|analyzer| analyzer.name == "pose");
    pose.and_then(|pose| pose.reduce_params.get("visibility")).and_then(|value| value.as_f64()).unwrap_or(0.5)
}

fn card(input: &ReportInput, moment: &Moment, visibility: f64) -> Markup {
    let time = clock(moment.time_s);
    let people = counted(moment.people.len() as u64, "person", "people");
    let described = format!("Frame {} at {time}: {}; {people}", moment.frame, moment.reason);
    html! {
        figure.shot {
            button.enlarge type="button" aria-label=(format!("Enlarge. {described}")) {
                (drawing(input, moment, visibility, &described))
            }
            figcaption {
                span.reason { (capitalised(&moment.reason)) }
                button.jump type="button" data-start=(moment.time_s) data-end=(moment.time_s) {
                    (time) span.dim { " · frame " (moment.frame) }
                }
            }
        }
    }
}

/// The picture, or a dark ground where it is missing, with everyone's skeleton.
fn drawing(input: &ReportInput, moment: &Moment, visibility: f64, described: &str) -> Markup {
    let video = &input.header.video;
    let (width, height) = (f64::from(video.width), f64::from(video.height));
    // Lines look alike whatever the size of the frame.
    let unit = (width * height).sqrt() / 100.0;
    html! {
        svg.frame viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(described) style=(format!("--u:{unit:.2}")) {
            rect.ground width=(width) height=(height) {}
            @if let Some(picture) = input.pictures.get(&moment.frame) {
                image href=(data_uri(picture)) width=(width) height=(height) preserveAspectRatio="none" {}
            } @else {
                text.missing x=(width / 2.0) y=(height - 2.0 * unit) font-size=(4.0 * unit) { "picture not available" }
            }
            @for person in &moment.people {
                (skeleton(person, visibility, unit))
            }
        }
    }
}

fn skeleton(person: &Person, visibility: f64, unit: f64) -> Markup {
    let seen = |place: usize| person.keypoints[place][2] >= visibility;
    let lines: Vec<_> = SKELETON.iter().filter(|(a, b)| seen(*a) && seen(*b)).collect();
    let [x, y, width, height] = person.bbox;
    html! {
        g.person {
            title { (format!("person, score {:.2}", person.score)) }
            rect.box x=(x) y=(y) width=(width) height=(height) rx=(unit) {}
            @for layer in ["halo", "bone"] {
                @for &&(a, b) in &lines {
                    @let ([ax, ay, _], [bx, by, _]) = (person.keypoints[a], person.keypoints[b]);
                    line class=(format!("{layer} {}", side(a, b))) x1=(ax) y1=(ay) x2=(bx) y2=(by) {}
                }
            }
            @for (place, &[x, y, score]) in person.keypoints.iter().enumerate() {
                @if seen(place) {
                    circle class=(format!("joint {}", side(place, place))) cx=(x) cy=(y) r=(format!("{:.2}", radius(place) * unit)) {
                        title { (format!("{}, score {score:.2}", LANDMARKS[place])) }
                    }
                }
            }
        }
    }
}

fn radius(place: usize) -> f64 {
    if place <= landmark::RIGHT_EAR { 0.55 } else { 0.9 }
}

/// Landmarks come in pairs, left before right, after the nose.
fn side(a: usize, b: usize) -> &'static str {
    match (a == landmark::NOSE, b == landmark::NOSE, a % 2, b % 2) {
        (false, false, 1, 1) => "left",
        (false, false, 0, 0) => "right",
        _ => "middle",
    }
}

fn data_uri(picture: &ReportPicture) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(&picture.jpeg))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
