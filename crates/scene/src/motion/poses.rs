//! Single poses for stills: everyday attitudes with much variation.

use super::acts::{squat, stand};
use super::cricket;
use super::gait;
use crate::body::{Leg, Pose, Reach};
use crate::math::{radians, vec3};
use crate::random::Random;

/// A random pose, and whether it needs something to sit on.
pub(crate) fn random_pose(random: &mut Random) -> (Pose, bool) {
    let mut seat = false;
    let mut pose = match random.below(20) {
        0..=4 => gait::pose(random.unit(), random.range(0.7, 1.9)),
        5 | 6 => gait::pose(random.unit(), random.range(2.8, 5.5)),
        7..=11 => stand(random.range(0.0, 20.0), random.unit()),
        12 => squat(random.range(0.2, 1.0)),
        13 | 14 => {
            seat = true;
            sit(random)
        }
        15 => bent(random),
        16 => kneel(random),
        17 => lunge(random),
        18 => {
            if random.chance(0.5) {
                cricket::bowl(random.range(-0.7, 0.5))
            } else {
                cricket::bat(random.range(-0.8, 0.4))
            }
        }
        _ => leap(random),
    };
    if pose.bat.is_none() {
        vary_arms(random, &mut pose);
    }
    let mut wiggle =
        |angle: &mut f32, degrees: f32| *angle += radians(random.normal(degrees).clamp(-2.2 * degrees, 2.2 * degrees));
    wiggle(&mut pose.pelvis_roll, 2.5);
    wiggle(&mut pose.spine_bend, 4.0);
    wiggle(&mut pose.spine_side, 4.0);
    wiggle(&mut pose.spine_twist, 9.0);
    wiggle(&mut pose.head_yaw, 24.0);
    wiggle(&mut pose.head_pitch, 9.0);
    wiggle(&mut pose.head_roll, 6.0);
    for arm in &mut pose.arms {
        wiggle(&mut arm.flex, 7.0);
        wiggle(&mut arm.twist, 12.0);
        wiggle(&mut arm.wrist, 12.0);
    }
    for leg in &mut pose.legs {
        wiggle(&mut leg.flex, 3.0);
        wiggle(&mut leg.abduct, 2.5);
        wiggle(&mut leg.twist, 6.0);
    }
    // No joint bends the wrong way.
    for leg in &mut pose.legs {
        leg.knee = leg.knee.max(0.0);
        leg.abduct = leg.abduct.max(radians(-6.0));
    }
    (pose, seat)
}

/// Gives the arms something else to do, half of the time.
fn vary_arms(random: &mut Random, pose: &mut Pose) {
    let sides: &[usize] = match random.below(4) {
        0 => &[0],
        1 => &[1],
        2 => &[0, 1],
        _ => return,
    };
    let kind = random.below(9);
    for &i in sides {
        let s = if i == 0 { 1.0 } else { -1.0 };
        let arm = &mut pose.arms[i];
        let out = vec3(s * 0.8, -0.7, -0.4);
        let mut reach = |x: f32, y: f32, z: f32, elbow| arm.reach = Some(Reach { wrist: vec3(s * x, y, z), elbow });
        match kind {
            // A hand on the hip.
            0 => reach(0.24, -0.40, 0.06, vec3(s, -0.3, -0.4)),
            // Arms crossed.
            1 => reach(-0.07, -0.24, 0.22, vec3(s * 0.8, -1.0, 0.1)),
            // To the ear or the mouth.
            2 => reach(0.14, random.range(0.02, 0.16), random.range(0.08, 0.2), vec3(s * 0.7, -1.0, 0.3)),
            // Holding something before the body.
            3 => reach(random.range(0.0, 0.15), random.range(-0.35, -0.1), random.range(0.25, 0.45), out),
            // Reaching out.
            4 => {
                arm.flex = radians(random.range(40.0, 150.0));
                arm.abduct = radians(random.range(0.0, 40.0));
                arm.elbow = radians(random.range(0.0, 50.0));
            }
            // Up.
            5 => {
                arm.flex = radians(random.range(0.0, 30.0));
                arm.abduct = radians(random.range(90.0, 170.0));
                arm.twist = radians(random.range(0.0, 90.0));
                arm.elbow = radians(random.range(0.0, 90.0));
            }
            // Out to the side.
            6 => {
                arm.abduct = radians(random.range(30.0, 95.0));
                arm.elbow = radians(random.range(0.0, 60.0));
                arm.twist = radians(random.range(-50.0, 80.0));
            }
            // In a pocket.
            7 => reach(0.20, -0.52, 0.06, vec3(s, -0.4, -0.7)),
            // Behind the back.
            _ => reach(-0.03, -0.42, -0.16, vec3(s, -0.3, -0.3)),
        }
        arm.grip = random.unit();
    }
}

/// Thighs level, feet on the ground.
fn sit(random: &mut Random) -> Pose {
    let mut pose = stand(0.0, random.unit());
    let lean = radians(random.range(-14.0, 26.0));
    pose.pelvis_pitch = lean * 0.5;
    pose.spine_bend = radians(6.0) + lean * 0.5;
    let apart = random.range(2.0, 18.0);
    for leg in &mut pose.legs {
        let knee = radians(random.range(70.0, 105.0));
        *leg = Leg {
            flex: radians(random.range(82.0, 92.0)) + pose.pelvis_pitch,
            abduct: radians(apart),
            twist: 0.0,
            knee,
            ankle: 0.0,
            flat: 1.0,
        };
    }
    for arm in &mut pose.arms {
        arm.flex = radians(random.range(20.0, 40.0)) + lean;
        arm.elbow = radians(random.range(30.0, 80.0));
    }
    pose
}

fn bent(random: &mut Random) -> Pose {
    let mut pose = stand(0.0, random.unit());
    let lean = random.range(25.0, 85.0);
    pose.pelvis_pitch = radians(lean * 0.55);
    pose.spine_bend = radians(lean * 0.45);
    pose.head_pitch = radians(-lean * 0.3);
    for leg in &mut pose.legs {
        leg.knee = radians(random.range(5.0, 35.0));
        leg.flex = pose.pelvis_pitch + 0.6 * leg.knee;
    }
    for arm in &mut pose.arms {
        arm.flex = radians(lean * 0.8);
    }
    pose
}

fn kneel(random: &mut Random) -> Pose {
    let mut pose = stand(0.0, random.unit());
    pose.spine_bend = radians(random.range(0.0, 25.0));
    let up = random.below(2);
    pose.legs[up] =
        Leg { flex: radians(88.0), abduct: radians(6.0), twist: 0.0, knee: radians(90.0), ankle: 0.0, flat: 1.0 };
    pose.legs[1 - up] = Leg {
        flex: radians(random.range(-8.0, 10.0)),
        abduct: 0.0,
        twist: 0.0,
        knee: radians(92.0),
        ankle: radians(-30.0),
        flat: 0.0,
    };
    pose
}

fn lunge(random: &mut Random) -> Pose {
    let mut pose = stand(0.0, random.unit());
    let depth = random.range(0.4, 1.0);
    let front = random.below(2);
    pose.pelvis_pitch = radians(random.range(0.0, 20.0));
    let lean = pose.pelvis_pitch;
    pose.legs[front] = Leg {
        flex: radians(70.0 * depth) + lean,
        abduct: radians(3.0),
        twist: 0.0,
        knee: radians(72.0 * depth),
        ankle: 0.0,
        flat: 1.0,
    };
    pose.legs[1 - front] = Leg {
        flex: radians(-24.0 * depth) + lean,
        abduct: radians(3.0),
        twist: 0.0,
        knee: radians(35.0 * depth),
        ankle: radians(10.0),
        flat: 0.0,
    };
    pose
}

fn leap(random: &mut Random) -> Pose {
    let mut pose = stand(0.0, random.unit());
    pose.lift = random.range(0.05, 0.6);
    for leg in &mut pose.legs {
        *leg = Leg {
            flex: radians(random.range(-25.0, 80.0)),
            abduct: radians(random.range(0.0, 30.0)),
            twist: radians(random.range(-5.0, 20.0)),
            knee: radians(random.range(5.0, 100.0)),
            ankle: radians(random.range(-35.0, 0.0)),
            flat: 0.0,
        };
    }
    for arm in &mut pose.arms {
        arm.flex = radians(random.range(-30.0, 120.0));
        arm.abduct = radians(random.range(10.0, 100.0));
        arm.elbow = radians(random.range(5.0, 90.0));
    }
    pose
}
