//! What people do on the spot.

use super::cricket;
use crate::body::{Arm, Leg, Pose};
use crate::math::{TURN, cos, radians, sin, smooth_step};

/// Something done while standing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Stand,
    /// With the left (0) or the right (1) arm.
    Wave(usize),
    /// Seconds of one squat.
    Squat(f32),
    Jump(f32),
    /// Bowls a cricket ball; the second of the release, counted from the act's start.
    Bowl(f32),
    /// Bats; the second at which the ball is hit, counted from the act's start.
    Bat(f32),
    /// Stays as it is.
    Hold(Pose),
}

impl Act {
    /// The pose at a time since the act began. `phase` sets small movements off against others'.
    pub fn pose(&self, time: f32, phase: f32) -> Pose {
        match *self {
            Act::Stand => stand(time, phase),
            Act::Wave(arm) => wave(time, phase, arm),
            Act::Squat(period) => squat(0.5 - 0.5 * cos(time.max(0.0) / period * TURN)),
            Act::Jump(period) => jump((time / period).max(0.0)),
            Act::Bowl(release) => cricket::bowl(time - release),
            Act::Bat(hit) => cricket::bat(time - hit),
            Act::Hold(pose) => pose,
        }
    }
}

/// Upright, breathing, shifting the weight.
pub(super) fn stand(time: f32, phase: f32) -> Pose {
    let slow = |period: f32, offset: f32| sin((time / period + phase * offset) * TURN);
    let mut pose = Pose {
        spine_bend: radians(2.0 + 0.7 * slow(3.7, 0.31)),
        pelvis_roll: radians(1.5 * slow(7.1, 0.17)),
        spine_twist: radians(3.0 * slow(9.0, 0.23)),
        head_yaw: radians(12.0 * slow(6.3, 0.41)),
        head_pitch: radians(2.0 * slow(4.9, 0.13)),
        ..Pose::default()
    };
    pose.spine_side = -pose.pelvis_roll;
    for i in 0..2 {
        pose.legs[i] = Leg {
            abduct: radians(4.0),
            twist: radians(9.0),
            knee: radians(3.0),
            flex: radians(1.5),
            flat: 1.0,
            ankle: 0.0,
        };
        pose.arms[i] = Arm {
            flex: radians(3.0 + 2.0 * slow(5.3, 0.3)),
            abduct: radians(9.0),
            twist: radians(-12.0),
            elbow: radians(14.0),
            grip: 0.3,
            ..Arm::default()
        };
    }
    pose
}

fn wave(time: f32, phase: f32, arm: usize) -> Pose {
    let mut pose = stand(time, phase);
    let swing = sin(time * 1.7 * TURN);
    pose.arms[arm] = Arm {
        flex: radians(10.0),
        abduct: radians(95.0 + 8.0 * swing),
        twist: radians(84.0),
        elbow: radians(80.0 + 24.0 * swing),
        grip: 0.0,
        ..Arm::default()
    };
    pose
}

/// From upright (0) to the thighs level (1).
pub(super) fn squat(depth: f32) -> Pose {
    let (thigh, shank, lean) = (radians(92.0 * depth), radians(28.0 * depth), radians(38.0 * depth));
    let mut pose = Pose {
        pelvis_pitch: lean * 0.8,
        spine_bend: lean * 0.2 + radians(2.0),
        head_pitch: -lean * 0.7,
        ..Pose::default()
    };
    for i in 0..2 {
        pose.legs[i] = Leg {
            flex: thigh + pose.pelvis_pitch,
            abduct: radians(10.0 + 6.0 * depth),
            twist: radians(14.0),
            knee: thigh + shank,
            ankle: 0.0,
            flat: 1.0,
        };
        pose.arms[i] = Arm {
            flex: radians(6.0 + 84.0 * depth) + lean * 0.8,
            abduct: radians(8.0),
            twist: radians(-6.0),
            elbow: radians(12.0),
            grip: 0.1,
            ..Arm::default()
        };
    }
    pose
}

fn jump(turns: f32) -> Pose {
    let phase = turns - turns.floor();
    let crouch = smooth_step(0.0, 0.3, phase) * smooth_step(0.45, 0.36, phase)
        + smooth_step(0.7, 0.8, phase) * smooth_step(1.0, 0.82, phase);
    let air = ((phase - 0.42) / 0.16 - 1.0).clamp(-1.0, 1.0);
    let mut pose = squat(0.5 * crouch);
    pose.lift = 0.35 * (1.0 - air * air);
    for arm in &mut pose.arms {
        arm.flex += radians(150.0) * (1.0 - air * air);
    }
    pose
}
