//! Movement of a point of the main person from sample to sample, in body heights.
//!
//! A step is the mean displacement of those landmarks of a group (the head's five, the two hips) that are visible in both
//! samples, divided by the body height: positions averaged over a changing set of landmarks would jump. Steps are taken
//! only while it is evidently the same person, that is, while the box overlaps the previous one by [`SAME_PERSON`] and the
//! samples are at most [`LONGEST_STEP_S`] apart; otherwise a new stretch begins. Nothing is measured on a person whose body
//! height is unknown, for example one who is half inside the picture. It is movement in the picture: a moving
//! camera adds to it, and so does the landmarks' jitter (about 0.01 body heights a sample).

use super::body::{Body, landmark};
use crate::overlap::intersection_over_union;

/// Least overlap of the boxes of one person in consecutive samples.
pub const SAME_PERSON: f64 = 0.2;

/// Longest time between two samples, in seconds, over which a step is taken.
pub const LONGEST_STEP_S: f64 = 1.0;

/// The head's landmarks.
pub const HEAD: &[usize] =
    &[landmark::NOSE, landmark::LEFT_EYE, landmark::RIGHT_EYE, landmark::LEFT_EAR, landmark::RIGHT_EAR];

/// The hips' landmarks.
pub const HIPS: &[usize] = &[landmark::LEFT_HIP, landmark::RIGHT_HIP];

/// What a group of landmarks did since the last sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Motion {
    /// Distance and time of the step, when one could be taken.
    pub step: Option<Step>,
    /// Height in the picture: mean y of the visible landmarks in pixels, and the body height in pixels.
    pub level: Option<Level>,
    /// Whether the stretch that includes the last sample goes on.
    pub continues: bool,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Body heights.
    pub path: f64,
    /// Seconds.
    pub dt: f64,
}

impl Step {
    /// Body heights per second.
    pub fn speed(&self) -> f64 {
        self.path / self.dt
    }
}

/// Height in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Mean y in pixels, downwards.
    pub y: f64,
    /// Body height in pixels.
    pub body: f64,
}

/// Follows the main person.
#[derive(Debug, Default)]
pub struct Follower {
    last: Option<(f64, Body)>,
}

impl Follower {
    /// Takes the next sample's main person and returns the motion of the head and of the hips.
    pub fn follow(&mut self, time_s: f64, body: Option<&Body>) -> (Motion, Motion) {
        let last = self.last.take();
        let Some(body) = body else { return (Motion::default(), Motion::default()) };
        let before = last.filter(|(at, before)| {
            let dt = time_s - at;
            dt > 0.0 && dt <= LONGEST_STEP_S && intersection_over_union(before.bbox, body.bbox) >= SAME_PERSON
        });
        let motion = |group: &[usize]| Motion {
            step: before.as_ref().and_then(|(at, before)| step(group, before, body, time_s - at)),
            level: level(group, body),
            continues: before.is_some(),
        };
        let motions = (motion(HEAD), motion(HIPS));
        self.last = Some((time_s, body.clone()));
        motions
    }
}

fn step(group: &[usize], before: &Body, body: &Body, dt: f64) -> Option<Step> {
    let (mut x, mut y, mut count) = (0.0, 0.0, 0u32);
    for &place in group {
        if let (Some(from), Some(to)) = (before.points[place], body.points[place]) {
            x += to.0 - from.0;
            y += to.1 - from.1;
            count += 1;
        }
    }
    let height = (before.height? + body.height?) / 2.0;
    (count > 0).then(|| Step { path: x.hypot(y) / f64::from(count) / height, dt })
}

fn level(group: &[usize], body: &Body) -> Option<Level> {
    let height = body.height?;
    let (mut y, mut count) = (0.0, 0u32);
    for point in group.iter().filter_map(|&place| body.points[place]) {
        y += point.1;
        count += 1;
    }
    (count > 0).then(|| Level { y: y / f64::from(count), body: height })
}

/// The range of levels within one stretch or bin.
#[derive(Clone, Copy, Debug, Default)]
pub struct LevelRange {
    low: f64,
    high: f64,
    body_sum: f64,
    count: u64,
}

impl LevelRange {
    /// Takes a level.
    pub fn add(&mut self, level: Level) {
        self.low = if self.count == 0 { level.y } else { self.low.min(level.y) };
        self.high = if self.count == 0 { level.y } else { self.high.max(level.y) };
        self.body_sum += level.body;
        self.count += 1;
    }

    /// Highest less lowest, in mean body heights.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.high - self.low) / (self.body_sum / self.count as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::synthetic::{SIGHT, standing};

    fn body(x: f64, top: f64) -> Body {
        Body::new(&standing(x, top, 200.0), &SIGHT)
    }

    #[test]
    fn a_step_is_measured_in_body_heights() {
        let mut follower = Follower::default();
        assert_eq!(follower.follow(0.0, Some(&body(100.0, 50.0))).0.step, None);
        let height = body(100.0, 50.0).height.unwrap();
        let (head, hips) = follower.follow(0.1, Some(&body(106.0, 58.0)));
        for motion in [head, hips] {
            let step = motion.step.unwrap();
            assert!((step.path - 10.0 / height).abs() < 1e-12);
            assert!((step.speed() - 100.0 / height).abs() < 1e-9);
        }
    }

    #[test]
    fn a_landmark_that_disappears_does_not_make_a_step() {
        let mut follower = Follower::default();
        follower.follow(0.0, Some(&body(100.0, 50.0)));
        let mut half = standing(100.0, 50.0, 200.0);
        half.keypoints[landmark::LEFT_EAR][2] = 0.0;
        let (head, _) = follower.follow(0.1, Some(&Body::new(&half, &SIGHT)));
        assert_eq!(head.step.unwrap().path, 0.0);
    }

    #[test]
    fn another_person_or_a_pause_starts_a_new_stretch() {
        let mut follower = Follower::default();
        follower.follow(0.0, Some(&body(100.0, 50.0)));
        let (head, _) = follower.follow(0.1, Some(&body(400.0, 50.0)));
        assert!(head.step.is_none() && !head.continues && head.level.is_some());
        let (head, _) = follower.follow(1.2, Some(&body(400.0, 50.0)));
        assert!(head.step.is_none());
        follower.follow(1.3, None);
        assert!(!follower.follow(1.4, Some(&body(400.0, 50.0))).0.continues);
    }
}
