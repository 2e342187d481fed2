//! Joint angles in the picture.
//!
//! The angle at a joint B between the segments to A and C is `atan2(|u × v|, u · v)` with `u = A − B` and `v = C − B`, in
//! degrees from 0 to 180; this form stays accurate near 0 and 180, where the arc cosine does not. The landmarks stand for
//! the axes a goniometer is laid along (Norkin and White, Measurement of Joint Motion: A Guide to Goniometry):
//!
//! | joint | A – B – C | 180° or 0° means | clinical flexion |
//! |---|---|---|---|
//! | elbow | shoulder – elbow – wrist | 180°: arm straight | 180° − angle |
//! | knee | hip – knee – ankle | 180°: leg straight | 180° − angle |
//! | hip | shoulder – hip – knee | 180°: thigh in line with the trunk | 180° − angle |
//! | shoulder | hip – shoulder – elbow | 0°: arm hangs along the trunk, 180°: overhead | elevation = angle |
//!
//! They are angles of the projection onto the image plane, not of the three-dimensional joint (for which see the
//! recommendations of the International Society of Biomechanics, Wu et al. 2002 and 2005): a bend towards the camera looks
//! smaller than it is. All three landmarks must be visible, and both segments at least [`SHORTEST_SEGMENT`] long, because
//! the direction of a segment seen end-on is noise.

use super::body::{Body, distance, landmark};

/// A joint whose angle is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joint {
    /// Name in the result.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// The three landmarks; the angle is at the second.
    pub landmarks: [usize; 3],
}

/// Places in [`JOINTS`] of the left and right joint of each kind.
#[expect(missing_docs, reason = "the names say it")]
pub mod pair {
    pub const ELBOWS: [usize; 2] = [0, 1];
    pub const SHOULDERS: [usize; 2] = [2, 3];
    pub const HIPS: [usize; 2] = [4, 5];
    pub const KNEES: [usize; 2] = [6, 7];
}

/// All joints, left before right.
pub const JOINTS: [Joint; 8] = {
    use landmark::*;
    const fn joint(name: &'static str, title: &'static str, a: usize, b: usize, c: usize) -> Joint {
        Joint { name, title, landmarks: [a, b, c] }
    }
    [
        joint("left_elbow", "left elbow", LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST),
        joint("right_elbow", "right elbow", RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST),
        joint("left_shoulder", "left shoulder", LEFT_HIP, LEFT_SHOULDER, LEFT_ELBOW),
        joint("right_shoulder", "right shoulder", RIGHT_HIP, RIGHT_SHOULDER, RIGHT_ELBOW),
        joint("left_hip", "left hip", LEFT_SHOULDER, LEFT_HIP, LEFT_KNEE),
        joint("right_hip", "right hip", RIGHT_SHOULDER, RIGHT_HIP, RIGHT_KNEE),
        joint("left_knee", "left knee", LEFT_HIP, LEFT_KNEE, LEFT_ANKLE),
        joint("right_knee", "right knee", RIGHT_HIP, RIGHT_KNEE, RIGHT_ANKLE),
    ]
};

/// Shortest segment whose direction is used, in body heights. A forearm is 0.146 and a shank 0.246 of stature, so this is
/// a segment that points almost at the camera.
pub const SHORTEST_SEGMENT: f64 = 0.03;

/// The angle of each of [`JOINTS`] in degrees, where it can be measured.
pub fn joint_angles(body: &Body) -> [Option<f64>; 8] {
    JOINTS.map(|joint| {
        let [a, b, c] = joint.landmarks.map(|place| body.points[place]);
        let (a, b, c) = (a?, b?, c?);
        let shortest = SHORTEST_SEGMENT * body.size;
        let measurable = distance(a, b) >= shortest && distance(c, b) >= shortest;
        measurable.then(|| angle(a, b, c))
    })
}

/// The angle at `b` between `a` and `c`, in degrees from 0 to 180.
pub fn angle(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> f64 {
    let (u, v) = ((a.0 - b.0, a.1 - b.1), (c.0 - b.0, c.1 - b.1));
    let cross = u.0 * v.1 - u.1 * v.0;
    let dot = u.0 * v.0 + u.1 * v.1;
    cross.abs().atan2(dot).to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::synthetic::{SIGHT, set_angle, standing};

    #[test]
    fn angles_known_from_geometry() {
        let b = (3.0, 4.0);
        for (c, expected) in [
            ((13.0, 4.0), 0.0),
            ((13.0, 14.0), 45.0),
            ((3.0, -6.0), 90.0),
            ((3.0, 14.0), 90.0),
            ((-7.0, 4.0), 180.0),
            ((3.0 - 5.0, 4.0 + 5.0 * 3f64.sqrt()), 120.0),
        ] {
            assert!((angle((10.0, 4.0), b, c) - expected).abs() < 1e-9, "{c:?}");
        }
    }

    #[test]
    fn each_joint_reads_its_own_landmarks() {
        for (place, joint) in JOINTS.iter().enumerate() {
            for wanted in [60.0, 95.0, 170.0] {
                let mut person = standing(100.0, 50.0, 200.0);
                set_angle(&mut person, joint, wanted);
                let angles = joint_angles(&Body::new(&person, &SIGHT));
                let found = angles[place].unwrap();
                assert!((found - wanted).abs() < 1e-6, "{} {found} {wanted}", joint.name);
            }
        }
    }

    #[test]
    fn a_hidden_landmark_or_a_segment_seen_end_on_has_no_angle() {
        let knee = pair::KNEES[0];
        let mut person = standing(100.0, 50.0, 200.0);
        person.keypoints[landmark::LEFT_ANKLE][2] = 0.1;
        assert_eq!(joint_angles(&Body::new(&person, &SIGHT))[knee], None);
        let mut person = standing(100.0, 50.0, 200.0);
        person.keypoints[landmark::LEFT_ANKLE] = person.keypoints[landmark::LEFT_KNEE];
        person.keypoints[landmark::LEFT_ANKLE][1] += 2.0;
        assert_eq!(joint_angles(&Body::new(&person, &SIGHT))[knee], None);
    }
}
