//! Walking and running. The joints' angles follow what gait analysis measures (Winter, Biomechanics and Motor Control of
//! Human Movement, 2009), in degrees against the share of a stride since the heel's contact.

use crate::body::{Arm, Leg, Pose};
use crate::math::{TURN, cos, cycle, fract, radians, sin, smooth_step};

const WALK_HIP: [(f32, f32); 7] =
    [(0.0, 28.0), (0.12, 24.0), (0.3, 5.0), (0.5, -12.0), (0.62, -2.0), (0.78, 24.0), (0.88, 31.0)];
const WALK_KNEE: [(f32, f32); 8] =
    [(0.0, 4.0), (0.14, 17.0), (0.3, 7.0), (0.42, 5.0), (0.56, 26.0), (0.7, 60.0), (0.84, 30.0), (0.95, 2.0)];
const WALK_ANKLE: [(f32, f32); 6] = [(0.0, 2.0), (0.08, -6.0), (0.42, 10.0), (0.52, 2.0), (0.63, -20.0), (0.78, 0.0)];
const RUN_HIP: [(f32, f32); 6] = [(0.0, 30.0), (0.2, 8.0), (0.38, -14.0), (0.55, 4.0), (0.75, 50.0), (0.88, 48.0)];
const RUN_KNEE: [(f32, f32); 7] =
    [(0.0, 18.0), (0.12, 38.0), (0.32, 18.0), (0.45, 40.0), (0.62, 105.0), (0.78, 90.0), (0.92, 28.0)];
const RUN_ANKLE: [(f32, f32); 4] = [(0.0, 6.0), (0.15, 18.0), (0.36, -24.0), (0.6, 2.0)];

/// Metres of a whole stride (two steps) at that speed.
pub(super) fn stride(height: f32, speed: f32) -> f32 {
    let walk = 0.42 + 0.30 * speed.clamp(0.5, 2.2);
    let run = 1.1 + 0.12 * (speed - 2.0).max(0.0);
    height * (walk + (run - walk) * smooth_step(2.0, 3.0, speed))
}

/// The pose at a phase of the stride, at that speed in metres a second.
pub(super) fn pose(phase: f32, speed: f32) -> Pose {
    let walk = walking(phase, (speed / 1.4).clamp(0.5, 1.35));
    let run = smooth_step(2.0, 3.0, speed);
    if run > 0.0 { walk.blend(&running(phase, (speed / 4.0).clamp(0.7, 1.3)), run) } else { walk }
}

fn walking(phase: f32, vigour: f32) -> Pose {
    let mut pose = Pose {
        spine_bend: radians(3.0),
        pelvis_yaw: radians(5.0) * vigour * -cos(phase * TURN),
        pelvis_roll: radians(3.0) * sin(phase * TURN),
        head_pitch: radians(2.0),
        ..Pose::default()
    };
    pose.spine_twist = -2.0 * pose.pelvis_yaw;
    pose.spine_side = -pose.pelvis_roll;
    for i in 0..2 {
        let own = phase + 0.5 * i as f32;
        let stance = fract(own);
        pose.legs[i] = Leg {
            flex: radians(cycle(&WALK_HIP, own)) * vigour,
            abduct: radians(1.0),
            twist: radians(5.0),
            knee: radians(cycle(&WALK_KNEE, own)) * (0.5 + 0.5 * vigour),
            ankle: radians(cycle(&WALK_ANKLE, own)),
            flat: smooth_step(0.0, 0.08, stance) * smooth_step(0.5, 0.38, stance),
        };
        // An arm swings with the other side's leg.
        let swing = cos((own + 0.5) * TURN);
        pose.arms[i] = Arm {
            flex: radians(4.0 + 20.0 * vigour * swing),
            abduct: radians(7.0),
            twist: radians(-8.0),
            elbow: radians(20.0 + 11.0 * vigour * swing),
            grip: 0.35,
            ..Arm::default()
        };
    }
    pose
}

fn running(phase: f32, vigour: f32) -> Pose {
    let mut pose = Pose {
        pelvis_pitch: radians(6.0),
        spine_bend: radians(6.0),
        pelvis_yaw: radians(7.0) * -cos(phase * TURN),
        head_pitch: radians(-7.0),
        // Both feet leave the ground twice a stride.
        lift: 0.07 * (-cos((phase * 2.0 - 0.36) * TURN)).max(0.0),
        ..Pose::default()
    };
    pose.spine_twist = -2.2 * pose.pelvis_yaw;
    for i in 0..2 {
        let own = phase + 0.5 * i as f32;
        pose.legs[i] = Leg {
            flex: radians(cycle(&RUN_HIP, own)) * vigour + radians(6.0),
            abduct: 0.0,
            twist: radians(3.0),
            knee: radians(cycle(&RUN_KNEE, own)) * (0.4 + 0.6 * vigour),
            ankle: radians(cycle(&RUN_ANKLE, own)),
            flat: 0.0,
        };
        let swing = cos((own + 0.5) * TURN);
        pose.arms[i] = Arm {
            flex: radians(-4.0 + 38.0 * vigour * swing),
            abduct: radians(12.0),
            twist: radians(-18.0),
            elbow: radians(86.0 + 14.0 * swing),
            grip: 0.8,
            ..Arm::default()
        };
    }
    pose
}
