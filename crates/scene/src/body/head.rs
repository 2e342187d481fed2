//! The head: skull and jaw, nose, ears.

use super::Part;
use super::dress::surface;
use super::loft::{Mesh, Paint, Ring};
use super::shape::Shape;
use super::skeleton::Joints;
use crate::math::{Frame, TURN, Vec3, cos, sin, table, vec3};

/// Of a head 23 cm high, centimetres at (height over the eyes): half width, front, back (all from the head's middle).
const SKULL: [(f32, [f32; 3]); 16] = [
    (-11.6, [1.4, 7.2, -4.6]),
    (-11.1, [2.7, 8.3, -3.2]),
    (-10.0, [3.9, 8.9, -0.4]),
    (-8.0, [5.0, 8.9, 2.8]),
    (-6.0, [5.8, 9.2, 5.6]),
    (-4.0, [6.5, 9.3, 7.6]),
    (-2.0, [6.9, 9.1, 8.8]),
    (-0.4, [7.05, 8.55, 9.5]),
    (0.6, [7.15, 8.6, 9.8]),
    (2.0, [7.3, 9.35, 10.1]),
    (4.0, [7.4, 9.2, 10.2]),
    (6.0, [7.2, 8.5, 9.8]),
    (8.0, [6.5, 7.1, 8.6]),
    (9.8, [5.0, 5.0, 6.4]),
    (11.0, [3.0, 2.7, 3.8]),
    (11.5, [0.0, 0.0, 0.0]),
];

/// The head's own outline at a height over the eyes, in centimetres.
pub(super) fn skull(height: f32) -> [f32; 3] {
    table(&SKULL, height)
}

/// Where the keypoints of the face lie, in centimetres of the head's axes: nose, left eye, right eye, left ear, right ear.
pub(super) const LANDMARKS: [Vec3; 5] =
    [vec3(0.0, -2.5, 11.1), vec3(3.1, 0.0, 8.3), vec3(-3.1, 0.0, 8.3), vec3(7.6, -1.2, -0.6), vec3(-7.6, -1.2, -0.6)];

/// From centimetres of the head's axes to the world.
pub(super) struct HeadSpace<'a> {
    pub shape: &'a Shape,
    pub joints: &'a Joints,
}

impl HeadSpace<'_> {
    pub fn world(&self, at: Vec3) -> Vec3 {
        self.joints.head + self.joints.head_frame.apply(at * self.shape.head_size(1.0))
    }

    /// A ring across the head's axis; all measures in centimetres.
    pub fn ring(&self, at: Vec3, side: f32, front: f32, back: f32) -> Ring {
        let size = |cm: f32| self.shape.head_size(cm);
        Ring {
            centre: self.world(at),
            frame: self.joints.head_frame,
            side: size(side),
            front: size(front),
            back: size(back),
            square: 0.0,
            open: 1.0,
        }
    }
}

/// Adds the head without its hair. `nose` scales the nose.
pub(super) fn add_head(mesh: &mut Mesh, shape: &Shape, joints: &Joints, nose: f32) {
    const AROUND: usize = 20;
    let space = HeadSpace { shape, joints };
    let mut points = Vec::with_capacity(SKULL.len() * AROUND);
    for (height, _) in SKULL.iter().rev() {
        let [side, front, back] = skull(*height);
        for k in 0..AROUND {
            let local = on_skull(*height, side, front, back, k as f32 / AROUND as f32);
            // The jaw's underside and the eyes' hollows get less light.
            let open = if *height < -10.5 { 0.6 } else { 1.0 };
            points.push((space.world(local), local, open));
        }
    }
    let face = Paint { surface: surface::FACE, part: Part::Head };
    let up = joints.head_frame.y;
    mesh.grid(&points, AROUND, face, |row, _| if row == 0 { up } else { -up });
    textured_in_head_space(mesh, &space, |mesh| add_nose(mesh, &space, nose, face));
    textured_in_head_space(mesh, &space, |mesh| add_ears(mesh, &space, face));
}

/// A point of the skull's outline. Below the ears the jaw is pointed: its sides are flatter towards the front.
fn on_skull(height: f32, side: f32, front: f32, back: f32, turn: f32) -> Vec3 {
    let (s, c) = (sin(turn * TURN), cos(turn * TURN));
    if s < 0.0 {
        return vec3(side * c, height, back * s);
    }
    let square = 1.0 + 0.35 * (s * c) * (s * c) * if height > -6.0 { 1.0 } else { 0.3 };
    // Cheeks: the face is broad and rather flat below the eyes.
    vec3(side * c * square, height, front * s * square.sqrt())
}

fn add_nose(mesh: &mut Mesh, space: &HeadSpace, nose: f32, paint: Paint) {
    let rows = [
        (1.2, 8.1, 0.5, 0.7),
        (-0.6, 8.6, 0.75, 1.3),
        (-2.0, 8.8, 1.05, 1.9),
        (-3.0, 8.8, 1.65, 2.3),
        (-3.7, 8.8, 1.5, 1.3),
        (-4.0, 8.9, 0.3, 0.3),
    ];
    let rings: Vec<Ring> = rows
        .iter()
        .map(|&(y, z, side, front)| Ring {
            open: if y < -3.5 { 0.6 } else { 1.0 },
            ..space.ring(vec3(0.0, y, z), side * nose, front * nose, 1.0)
        })
        .collect();
    mesh.loft(&rings, 10, paint);
}

fn add_ears(mesh: &mut Mesh, space: &HeadSpace, paint: Paint) {
    for s in [1.0, -1.0] {
        let frame = space.joints.head_frame.then(Frame::about_y(s * -0.45)).then(Frame::about_x(-0.15));
        let size = |cm: f32| space.shape.head_size(cm);
        let radii = vec3(size(0.7), size(3.1), size(1.75));
        mesh.ellipsoid(space.world(vec3(s * 7.5, -1.2, -0.9)), frame, radii, 8, paint);
    }
}

/// Runs `add` and gives what it added the head's own coordinates as texture, which the face's material wants.
pub(super) fn textured_in_head_space(mesh: &mut Mesh, space: &HeadSpace, add: impl FnOnce(&mut Mesh)) {
    let first = mesh.vertices.len();
    add(mesh);
    let (frame, unit) = (space.joints.head_frame, 1.0 / space.shape.head_size(1.0));
    for vertex in &mut mesh.vertices[first..] {
        let from = vertex.at - space.joints.head;
        vertex.texture = vec3(from.dot(frame.x), from.dot(frame.y), from.dot(frame.z)) * unit;
    }
}
