//! One person: the surfaces of body and clothes in a pose, and the keypoints.

use super::Part;
use super::arms::add_arms;
use super::hair::add_hair;
use super::head::{HeadSpace, LANDMARKS, add_head};
use super::legs::add_legs;
use super::loft::{Mesh, Paint, Ring};
use super::look::Look;
use super::shape::Shape;
use super::skeleton::{Joints, Pose, side};
use super::torso::add_torso;
use crate::math::{Frame, Vec3, vec3};

/// Indices of a person's surfaces.
pub(crate) mod surface {
    pub const SKIN: u16 = 0;
    pub const FACE: u16 = 1;
    pub const HAIR: u16 = 2;
    pub const TOP: u16 = 3;
    pub const BOTTOM: u16 = 4;
    pub const SHOE: u16 = 5;
    pub const SOCK: u16 = 6;
    pub const HAT: u16 = 7;
    /// Pads and gloves.
    pub const EXTRA: u16 = 8;
    /// Blade and handle of a bat.
    pub const BLADE: u16 = 9;
    pub const GRIP: u16 = 10;
    pub const COUNT: u16 = 11;
}

/// A person in one pose.
pub(crate) struct Figure {
    pub mesh: Mesh,
    pub joints: Joints,
    /// In COCO's order, in the world; and how deep below the surface each may lie, in metres.
    pub keypoints: [(Vec3, f32); 17],
}

impl Figure {
    pub fn new(shape: &Shape, look: &Look, pose: &Pose, ground: Vec3, yaw: f32) -> Figure {
        let joints = Joints::solve(shape, pose, ground, yaw);
        let mut mesh = Mesh::default();
        add_torso(&mut mesh, shape, look, &joints);
        add_legs(&mut mesh, shape, look, &joints);
        add_arms(&mut mesh, shape, look, &joints, [pose.arms[0].grip, pose.arms[1].grip]);
        add_head(&mut mesh, shape, &joints, look.nose);
        add_hair(&mut mesh, shape, look, &joints);
        if let Some(points_to) = pose.bat {
            add_bat(&mut mesh, shape, &joints, points_to);
        }
        let keypoints = keypoints(shape, look, &joints);
        Figure { mesh, joints, keypoints }
    }
}

/// A cricket bat in both hands: 97 cm long, its blade 10.8 cm wide.
fn add_bat(mesh: &mut Mesh, shape: &Shape, joints: &Joints, points_to: Vec3) {
    let palm = |i: usize| joints.wrist[i] - joints.hand[i].y * (0.4 * shape.hand());
    let down = joints.heading.apply(points_to).unit_or(-Vec3::UP);
    let frame = Frame::from_up(-down, joints.heading.x);
    let top = palm(0).lerp(palm(1), 0.5) - down * 0.16;
    let ring = |along: f32, wide: f32, thick: f32, square: f32| Ring {
        square,
        ..Ring { side: wide, ..Ring::round(top + down * along, frame, thick) }
    };
    let grip = [ring(0.0, 0.018, 0.018, 0.0), ring(0.3, 0.018, 0.018, 0.0), ring(0.36, 0.02, 0.015, 0.2)];
    mesh.loft(&grip, 8, Paint { surface: surface::GRIP, part: Part::Held });
    let blade = [
        ring(0.3, 0.02, 0.015, 0.2),
        ring(0.4, 0.054, 0.02, 0.8),
        ring(0.8, 0.054, 0.03, 0.8),
        ring(0.95, 0.054, 0.02, 0.8),
        ring(0.97, 0.0, 0.0, 0.0),
    ];
    mesh.loft(&blade, 12, Paint { surface: surface::BLADE, part: Part::Held });
}

/// Points of the face lie on it; joints inside the limbs, so they may lie as deep as the limb and its cloth are thick.
fn keypoints(shape: &Shape, look: &Look, joints: &Joints) -> [(Vec3, f32); 17] {
    let space = HeadSpace { shape, joints };
    let mut points = [(Vec3::ZERO, 0.0); 17];
    for (point, landmark) in points.iter_mut().zip(LANDMARKS) {
        *point = (space.world(landmark), shape.head_size(2.2));
    }
    let (top, bottom) = (look.top.loose, look.bottom.loose);
    for i in 0..2 {
        let s = side(i);
        // Where people mark these joints in COCO: hips a little outside of the joint, ankles and wrists a little above.
        let hip = joints.hip[i] + joints.pelvis_frame.apply(vec3(s * 0.006, 0.0, 0.0) * shape.height);
        let skirt = if look.bottom.skirt { 0.12 } else { 0.0 };
        let depths = [
            (joints.shoulder[i] + joints.chest_frame.y * (0.005 * shape.height), shape.thick(9.5) + top),
            (joints.elbow[i] + joints.upper_arm[i].y * (0.005 * shape.height), shape.limb(5.5) + top + 0.01),
            (joints.wrist[i] + joints.forearm[i].y * (0.006 * shape.height), shape.limb(4.2) + top + 0.01),
            (hip, shape.thick(15.0) + top + bottom + skirt),
            (joints.knee[i], shape.limb(8.5) + bottom + skirt),
            (joints.ankle[i] + joints.shank[i].y * (0.01 * shape.height), shape.limb(6.5) + bottom + skirt),
        ];
        for (k, depth) in depths.into_iter().enumerate() {
            points[5 + 2 * k + i] = depth;
        }
    }
    points
}
