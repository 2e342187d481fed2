//! One person as the reduce stage sees them: which landmarks are visible, how tall they are in the picture, and which
//! person of a frame is the main one.

use super::section::{Keypoint, Person};

/// Place of each landmark in [`Person::keypoints`].
#[expect(missing_docs, reason = "the names say it")]
pub mod landmark {
    pub const NOSE: usize = 0;
    pub const LEFT_EYE: usize = 1;
    pub const RIGHT_EYE: usize = 2;
    pub const LEFT_EAR: usize = 3;
    pub const RIGHT_EAR: usize = 4;
    pub const LEFT_SHOULDER: usize = 5;
    pub const RIGHT_SHOULDER: usize = 6;
    pub const LEFT_ELBOW: usize = 7;
    pub const RIGHT_ELBOW: usize = 8;
    pub const LEFT_WRIST: usize = 9;
    pub const RIGHT_WRIST: usize = 10;
    pub const LEFT_HIP: usize = 11;
    pub const RIGHT_HIP: usize = 12;
    pub const LEFT_KNEE: usize = 13;
    pub const RIGHT_KNEE: usize = 14;
    pub const LEFT_ANKLE: usize = 15;
    pub const RIGHT_ANKLE: usize = 16;
}

/// The lines of a drawn skeleton, as pairs of landmarks.
pub const SKELETON: [(usize, usize); 16] = {
    use landmark::*;
    [
        (NOSE, LEFT_EYE),
        (NOSE, RIGHT_EYE),
        (LEFT_EYE, LEFT_EAR),
        (RIGHT_EYE, RIGHT_EAR),
        (LEFT_SHOULDER, RIGHT_SHOULDER),
        (LEFT_SHOULDER, LEFT_ELBOW),
        (LEFT_ELBOW, LEFT_WRIST),
        (RIGHT_SHOULDER, RIGHT_ELBOW),
        (RIGHT_ELBOW, RIGHT_WRIST),
        (LEFT_SHOULDER, LEFT_HIP),
        (RIGHT_SHOULDER, RIGHT_HIP),
        (LEFT_HIP, RIGHT_HIP),
        (LEFT_HIP, LEFT_KNEE),
        (LEFT_KNEE, LEFT_ANKLE),
        (RIGHT_HIP, RIGHT_KNEE),
        (RIGHT_KNEE, RIGHT_ANKLE),
    ]
};

/// Length of the trunk from hip to shoulder as a share of stature: shoulder height 0.818 less hip height 0.530 (Drillis
/// and Contini 1966; the figure in Winter, Biomechanics and Motor Control of Human Movement, chapter 4).
const TRUNK_SHARE: f64 = 0.288;

/// Distance from the edge of the frame, as a share of its width or height, at which a box counts as cut off.
const EDGE_SHARE: f64 = 0.01;

/// What a landmark's visibility is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// Least score of a visible landmark.
    pub visibility: f64,
    /// Width of the frame as displayed, pixels.
    pub width: f64,
    /// Height of the frame as displayed, pixels.
    pub height: f64,
}

/// A person with what follows from the landmarks alone.
#[derive(Clone, Debug)]
pub struct Body {
    /// Left, top, width and height, pixels.
    pub bbox: [f64; 4],
    /// The landmarks that are visible: score at least the threshold, and inside the frame.
    pub points: [Option<(f64, f64)>; 17],
    /// A length in pixels that the body height is not below: the greater of the box's height and the stature that the trunk
    /// suggests. The box alone is too short when the person crouches, the trunk alone when the person bends towards the camera.
    pub size: f64,
    /// The same as an estimate of the body height. `None` when there is no knowing: the trunk is not visible, and the box
    /// touches the edge of the frame, so that the rest of the body may be outside.
    pub height: Option<f64>,
}

impl Body {
    /// Judges `person`.
    pub fn new(person: &Person, sight: &Sight) -> Self {
        let points = person.keypoints.map(|keypoint| visible(keypoint, sight));
        let shoulders = middle(&points, landmark::LEFT_SHOULDER, landmark::RIGHT_SHOULDER);
        let hips = middle(&points, landmark::LEFT_HIP, landmark::RIGHT_HIP);
        let stature = match (shoulders, hips) {
            (Some(shoulders), Some(hips)) => Some(distance(shoulders, hips) / TRUNK_SHARE),
            _ => None,
        };
        let size = person.bbox[3].max(stature.unwrap_or(0.0)).max(1.0);
        let is_known = stature.is_some() || !touches_edge(&person.bbox, sight);
        Body { bbox: person.bbox, points, size, height: is_known.then_some(size) }
    }

    /// Share of the landmarks that are visible, 0..=1.
    pub fn visible_share(&self) -> f64 {
        self.points.iter().flatten().count() as f64 / self.points.len() as f64
    }
}

/// The main person of a frame: the greatest score × box area among those with at least `least_score`; the first of equals.
/// It is chosen frame by frame, so it may change between people; identities are for a tracker.
pub fn main_person(people: &[Person], least_score: f64) -> Option<&Person> {
    let weight = |person: &Person| person.score * person.bbox[2] * person.bbox[3];
    let mut main: Option<&Person> = None;
    for person in people.iter().filter(|person| person.score >= least_score) {
        if main.is_none_or(|best| weight(person) > weight(best)) {
            main = Some(person);
        }
    }
    main
}

/// Distance of two points.
pub fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// Whether the box reaches the edge of the frame. A network's box ends a few pixels short of the edge that cuts it off.
fn touches_edge(&[x, y, width, height]: &[f64; 4], sight: &Sight) -> bool {
    let (across, down) = (EDGE_SHARE * sight.width, EDGE_SHARE * sight.height);
    x <= across || y <= down || x + width >= sight.width - across || y + height >= sight.height - down
}

fn visible([x, y, score]: Keypoint, sight: &Sight) -> Option<(f64, f64)> {
    let inside = (0.0..=sight.width).contains(&x) && (0.0..=sight.height).contains(&y);
    (score >= sight.visibility && inside).then_some((x, y))
}

fn middle(points: &[Option<(f64, f64)>; 17], a: usize, b: usize) -> Option<(f64, f64)> {
    let (a, b) = (points[a]?, points[b]?);
    Some(((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::synthetic::{SIGHT, standing};

    #[test]
    fn stature_is_estimated_from_the_trunk_when_the_box_is_cut_off() {
        let mut person = standing(100.0, 50.0, 200.0);
        let whole = Body::new(&person, &SIGHT).height.unwrap();
        assert!((whole - 200.0).abs() < 6.0, "{whole}");
        person.bbox[3] = 90.0; // only the upper body is inside the frame
        let cut_off = Body::new(&person, &SIGHT).height.unwrap();
        assert!((cut_off - 200.0).abs() < 6.0, "{cut_off}");
        // Without the trunk the box decides, unless the frame's edge cuts it off.
        person.keypoints[landmark::LEFT_HIP][2] = 0.0;
        assert_eq!(Body::new(&person, &SIGHT).height, Some(90.0));
        person.bbox[1] = 0.0;
        let body = Body::new(&person, &SIGHT);
        assert_eq!((body.height, body.size), (None, 90.0));
    }

    #[test]
    fn landmarks_outside_the_frame_or_with_low_scores_are_not_visible() {
        let mut person = standing(100.0, 50.0, 200.0);
        assert_eq!(Body::new(&person, &SIGHT).visible_share(), 1.0);
        person.keypoints[landmark::NOSE][0] = -3.0;
        person.keypoints[landmark::LEFT_KNEE][2] = 0.49;
        let body = Body::new(&person, &SIGHT);
        assert_eq!(body.points.iter().flatten().count(), 15);
        assert!(body.points[landmark::NOSE].is_none() && body.points[landmark::LEFT_KNEE].is_none());
    }

    #[test]
    fn the_main_person_is_large_and_certain() {
        let mut near = standing(100.0, 50.0, 200.0);
        let far = standing(400.0, 50.0, 60.0);
        near.score = 0.5;
        let people = [far.clone(), near.clone()];
        assert_eq!(main_person(&people, 0.4), Some(&near));
        assert_eq!(main_person(&people, 0.6), Some(&far));
        assert_eq!(main_person(&[], 0.4), None);
    }
}
