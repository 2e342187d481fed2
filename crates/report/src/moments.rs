//! The moments: pictures with the skeletons drawn over them.

use framefan_analyzers::pose::body::{SKELETON, landmark};
use framefan_analyzers::pose::section::{Moment, Person, Summary};
use maud::{Markup, html};

use crate::format::{capitalised, clock, counted};
use crate::landmarks::LANDMARKS;
use crate::picture::{frame_picture, unit};
use crate::{ReportInput, visibility};

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
                    li { (card(input, moment, visibility(&input.request.analyzers))) }
                }
            }
        }
    }
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

/// The picture with everyone's skeleton.
fn drawing(input: &ReportInput, moment: &Moment, visibility: f64, described: &str) -> Markup {
    let unit = unit(input);
    let skeletons = html! {
        @for person in &moment.people { (skeleton(person, visibility, unit)) }
    };
    frame_picture(input, Some(moment.frame), described, skeletons)
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
