//! Bowling, batting, and the ball between them.

use super::acts::stand;
use crate::body::{Arm, Leg, Pose, Reach};
use crate::math::{Vec3, lerp, radians, table, vec3};

/// The bowler's pose, `time` seconds after the release: right arm over.
pub(super) fn bowl(time: f32) -> Pose {
    // Seconds: right arm's flexion and abduction, left arm's flexion, trunk's bend and twist, left and right hip, both knees.
    const KEYS: [(f32, [f32; 9]); 8] = [
        (-1.2, [10.0, 8.0, 10.0, 4.0, 0.0, 4.0, 4.0, 8.0, 8.0]),
        (-0.55, [40.0, 12.0, 60.0, 6.0, -14.0, 35.0, -12.0, 50.0, 20.0]),
        (-0.32, [-50.0, 22.0, 165.0, -10.0, -32.0, 60.0, -10.0, 60.0, 15.0]),
        (-0.14, [-115.0, 24.0, 120.0, -8.0, -22.0, 34.0, -22.0, 8.0, 12.0]),
        (0.0, [-186.0, 16.0, 40.0, 14.0, 4.0, 24.0, -28.0, 10.0, 30.0]),
        (0.16, [-285.0, 12.0, -20.0, 42.0, 26.0, 10.0, -10.0, 16.0, 70.0]),
        (0.4, [-340.0, 10.0, -30.0, 48.0, 30.0, -8.0, 40.0, 18.0, 60.0]),
        (1.0, [-356.0, 9.0, 6.0, 8.0, 2.0, 2.0, 2.0, 6.0, 6.0]),
    ];
    let k = table(&KEYS, time).map(radians);
    let mut pose = stand(time, 0.0);
    (pose.spine_bend, pose.spine_twist, pose.head_pitch) = (k[3] * 0.7, k[4], -k[3] * 0.6);
    pose.pelvis_pitch = k[3] * 0.3;
    pose.arms[1] = Arm { flex: k[0], abduct: k[1], elbow: radians(6.0), grip: 0.7, ..Arm::default() };
    pose.arms[0] = Arm { flex: k[2], abduct: radians(14.0), elbow: radians(14.0), grip: 0.3, ..Arm::default() };
    let leg = |flex: f32, knee: f32| Leg {
        flex: flex + k[3] * 0.3,
        knee,
        abduct: radians(3.0),
        twist: radians(6.0),
        ankle: 0.0,
        flat: 0.6,
    };
    pose.legs = [leg(k[5], k[7]), leg(k[6], k[8])];
    pose
}

/// The batter's pose, `time` seconds after the hit. The ball comes from the batter's left.
pub(super) fn bat(time: f32) -> Pose {
    // Seconds: the hands' place (metres left of, over and before the middle of the shoulders), where the bat points, the
    // trunk's bend and twist, the front leg's hip and knee.
    const KEYS: [(f32, [f32; 10]); 7] = [
        (-1.6, [-0.06, -0.50, 0.30, -0.10, -1.0, 0.10, 26.0, 0.0, 30.0, 26.0]),
        (-0.7, [-0.08, -0.50, 0.30, -0.15, -1.0, 0.10, 26.0, 0.0, 30.0, 26.0]),
        (-0.3, [-0.34, -0.26, 0.22, -0.75, 0.70, -0.10, 24.0, -16.0, 34.0, 30.0]),
        (-0.1, [-0.22, -0.40, 0.32, -0.70, -0.50, 0.20, 28.0, -8.0, 44.0, 40.0]),
        (0.0, [0.10, -0.48, 0.38, 0.05, -1.0, 0.22, 30.0, 6.0, 48.0, 46.0]),
        (0.18, [0.34, -0.20, 0.36, 0.85, 0.20, 0.30, 20.0, 26.0, 44.0, 40.0]),
        (0.45, [0.30, 0.06, 0.26, -0.10, 0.85, -0.55, 14.0, 40.0, 40.0, 36.0]),
    ];
    let k = table(&KEYS, time);
    let mut pose = stand(time, 0.0);
    let [bend, twist] = [k[6], k[7]].map(radians);
    (pose.pelvis_pitch, pose.spine_bend, pose.spine_twist) = (bend * 0.5, bend * 0.5, twist);
    (pose.head_yaw, pose.head_pitch) = (radians(62.0) - twist, -bend * 0.4);
    let hands = vec3(k[0], k[1], k[2]);
    let points_to = vec3(k[3], k[4], k[5]).unit_or(-Vec3::UP);
    for i in 0..2 {
        // The left hand is the upper one on the handle.
        let along = if i == 0 { -0.07 } else { 0.05 };
        let out = if i == 0 { 0.6 } else { -0.6 };
        pose.arms[i] = Arm {
            grip: 0.95,
            reach: Some(Reach { wrist: hands + points_to * along, elbow: vec3(out, -0.8, -0.25) }),
            ..Arm::default()
        };
        let front = if i == 0 { 1.0 } else { 0.55 };
        let (hip, knee) = (radians(k[8]) * front, radians(k[9]) * front);
        pose.legs[i] = Leg {
            flex: hip * 0.8 + bend * 0.5,
            abduct: radians(15.0),
            twist: radians(16.0),
            knee,
            ankle: 0.0,
            flat: 1.0,
        };
    }
    pose.bat = Some(points_to);
    pose
}

/// One ball bowled: when, from where, where it bounces, where and when it is hit, where it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    pub release_s: f32,
    pub bounce_s: f32,
    pub hit_s: f32,
    pub bounce: Vec3,
    pub hit: Vec3,
    /// Metres a second after the hit.
    pub away: Vec3,
}

/// A ball on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BallFlight {
    pub radius: f32,
    pub delivery: Delivery,
}

impl BallFlight {
    /// Where the ball is; `hand` is where the bowler's hand is now, `released` where it was at the release.
    pub fn at(&self, time: f32, hand: Vec3, released: Vec3) -> Vec3 {
        let d = &self.delivery;
        let floor = Vec3 { y: self.radius, ..d.bounce };
        if time < d.release_s {
            hand
        } else if time < d.bounce_s {
            thrown(released, floor, (time - d.release_s) / (d.bounce_s - d.release_s), d.bounce_s - d.release_s)
        } else if time < d.hit_s {
            thrown(floor, d.hit, (time - d.bounce_s) / (d.hit_s - d.bounce_s), d.hit_s - d.bounce_s)
        } else {
            let t = time - d.hit_s;
            let at = d.hit + d.away * t - Vec3::UP * (4.905 * t * t);
            Vec3 { y: at.y.max(self.radius), ..at }
        }
    }
}

/// On the parabola between two places that takes `duration` seconds.
fn thrown(from: Vec3, to: Vec3, share: f32, duration: f32) -> Vec3 {
    let straight = from.lerp(to, share);
    let sag = 4.905 * duration * duration * share * (1.0 - share);
    Vec3 { y: lerp(from.y, to.y, share) + sag, ..straight }
}
