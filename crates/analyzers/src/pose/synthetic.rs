//! People made of geometry, for the tests; coordinates are rounded as in records.

use super::angles::Joint;
use super::body::{Sight, landmark};
use super::section::{Person, PoseRecord};
use crate::analyzer::FrameTime;
use crate::round::round_to;

/// A 640 × 360 frame.
pub const SIGHT: Sight = Sight { visibility: 0.5, width: 640.0, height: 360.0 };

/// Someone who stands upright, arms hanging, with the top of the head at (`x`, `top`).
pub fn standing(x: f64, top: f64, height: f64) -> Person {
    use landmark::*;
    // Heights of the landmarks over the ground as shares of stature, after Drillis and Contini.
    let mut keypoints = [[0.0, 0.0, 0.9]; 17];
    let mut put = |place: usize, side: f64, level: f64| {
        keypoints[place] = [round_to(x + side * height, 2), round_to(top + (1.0 - level) * height, 2), 0.9];
    };
    put(NOSE, 0.0, 0.93);
    for (left, right, side, level) in [
        (LEFT_EYE, RIGHT_EYE, 0.02, 0.94),
        (LEFT_EAR, RIGHT_EAR, 0.04, 0.93),
        (LEFT_SHOULDER, RIGHT_SHOULDER, 0.12, 0.818),
        (LEFT_ELBOW, RIGHT_ELBOW, 0.12, 0.63),
        (LEFT_WRIST, RIGHT_WRIST, 0.12, 0.485),
        (LEFT_HIP, RIGHT_HIP, 0.12, 0.53),
        (LEFT_KNEE, RIGHT_KNEE, 0.12, 0.285),
        (LEFT_ANKLE, RIGHT_ANKLE, 0.12, 0.039),
    ] {
        put(left, side, level);
        put(right, -side, level);
    }
    Person {
        score: 0.9,
        bbox: [x - 0.15 * height, top, 0.3 * height, height].map(|value| round_to(value, 2)),
        keypoints,
    }
}

/// Turns the outer segment of `joint` so that its angle is `degrees`.
pub fn set_angle(person: &mut Person, joint: &Joint, degrees: f64) {
    let [a, b, c] = joint.landmarks;
    let at = |place: usize| (person.keypoints[place][0], person.keypoints[place][1]);
    let (inner, pivot, outer) = (at(a), at(b), at(c));
    let length = (outer.0 - pivot.0).hypot(outer.1 - pivot.1);
    let direction = (inner.1 - pivot.1).atan2(inner.0 - pivot.0) + degrees.to_radians();
    person.keypoints[c][0] = pivot.0 + length * direction.cos();
    person.keypoints[c][1] = pivot.1 + length * direction.sin();
}

/// Frame `frame` of a video of 30 frames per second sampled at 10: `index` counts samples.
pub fn time(index: u64) -> FrameTime {
    FrameTime { frame: 3 * index, pts: 3000 * index as i64, time_s: index as f64 / 10.0 }
}

/// A record's data.
pub fn record(people: &[Person]) -> Box<serde_json::value::RawValue> {
    serde_json::value::to_raw_value(&PoseRecord { people: people.to_vec() }).unwrap()
}
