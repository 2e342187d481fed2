//! Trunk and neck, bare or clothed, and skirts.

use super::Part;
use super::dress::surface;
use super::legs::leg_radii;
use super::loft::{Mesh, Paint, Ring};
use super::look::Look;
use super::shape::Shape;
use super::skeleton::{Joints, side};
use crate::math::{Frame, Vec3, lerp, smooth_step, table, vec3};

/// Centimetres at (place: 0 the hip joints' level, 1 the shoulders'): half width, front, back, angularity.
const TRUNK: [(f32, [f32; 4]); 15] = [
    (-0.19, [9.0, 6.0, 7.5, 0.2]),
    (-0.12, [14.5, 8.5, 11.0, 0.3]),
    (0.0, [17.2, 10.0, 12.6, 0.4]),
    (0.12, [17.0, 10.2, 11.6, 0.4]),
    (0.28, [15.3, 10.0, 9.6, 0.4]),
    (0.42, [14.6, 9.8, 9.2, 0.4]),
    (0.58, [15.6, 10.6, 10.0, 0.45]),
    (0.72, [17.0, 11.4, 10.8, 0.5]),
    (0.84, [17.8, 10.8, 11.2, 0.5]),
    (0.93, [17.6, 9.0, 10.4, 0.45]),
    (0.97, [17.0, 8.2, 9.8, 0.35]),
    (1.015, [15.0, 7.2, 8.8, 0.2]),
    (1.06, [11.6, 6.4, 7.8, 0.1]),
    (1.10, [8.4, 5.9, 7.0, 0.1]),
    (1.16, [6.4, 5.7, 6.6, 0.0]),
];

/// The centre line and frame at a place along the trunk.
pub(super) fn trunk_at(joints: &Joints, shape: &Shape, place: f32) -> (Vec3, Frame) {
    let (low, high) = (joints.pelvis_frame, joints.chest_frame);
    let trunk = shape.trunk();
    let frame = low.blend(&high, smooth_step(0.05, 0.8, place));
    let centre = if place <= 0.0 {
        joints.pelvis + low.y * (place * trunk)
    } else if place >= 1.0 {
        // Above the shoulders the line leans towards the neck.
        joints.chest.lerp(joints.neck, ((place - 1.0) / 0.09).min(1.0)) + high.y * ((place - 1.09).max(0.0) * trunk)
    } else {
        let bend = joints.pelvis + low.y * (0.42 * trunk);
        joints.pelvis.lerp(bend, place).lerp(bend.lerp(joints.chest, place), place)
    };
    (centre, frame)
}

fn trunk_ring(joints: &Joints, shape: &Shape, place: f32) -> Ring {
    let [mut side, mut front, mut back, square] = table(&TRUNK, place);
    let f = shape.feminine;
    let near = |at: f32, reach: f32| (1.0 - ((place - at) / reach).abs()).max(0.0);
    side *= 1.0 - f * (0.13 * near(0.42, 0.35) + 0.09 * near(0.9, 0.3)) + f * 0.05 * near(0.0, 0.3);
    front *= 1.0 - f * 0.10 * near(0.35, 0.3);
    front += f * 3.4 * near(0.70, 0.15);
    back *= 1.0 + f * 0.06 * near(0.0, 0.25);
    let belly = (shape.belly - 1.0) * near(0.32, 0.4);
    front += 7.0 * belly;
    side += 3.0 * belly;
    let (centre, frame) = trunk_at(joints, shape, place);
    let mut ring = Ring {
        centre,
        frame,
        side: shape.thick(side),
        front: shape.thick(front),
        back: shape.thick(back),
        square,
        open: 1.0,
    };
    if place > 0.85 && place < 1.04 {
        // The shoulders' breadth follows the joints.
        let typical = 0.105 * shape.height;
        ring.side *= lerp(1.0, shape.shoulder() / typical, 0.8);
    }
    ring
}

fn trunk_rings(joints: &Joints, shape: &Shape, from: f32, to: f32, loose: f32) -> Vec<Ring> {
    let inner = TRUNK.iter().map(|row| row.0).filter(|p| *p > from + 0.02 && *p < to - 0.02);
    let mut places: Vec<f32> = std::iter::once(from).chain(inner).chain(std::iter::once(to)).collect();
    places.reverse();
    places.into_iter().map(|place| trunk_ring(joints, shape, place).grown(loose)).collect()
}

/// Adds trunk and neck, clothed as the look says.
pub(super) fn add_torso(mesh: &mut Mesh, shape: &Shape, look: &Look, joints: &Joints) {
    let unit = shape.scale();
    let torso = |surface| Paint { surface, part: Part::Torso };

    // The pelvis in trousers or a skirt's upper part; under the shirt where that hangs over it.
    mesh.loft(&trunk_rings(joints, shape, -0.19, 0.24, 0.006 * unit), 16, torso(surface::BOTTOM));

    let loose = look.top.loose;
    let mut shirt = trunk_rings(joints, shape, look.top.hem, look.top.collar, 0.0);
    for ring in &mut shirt {
        // A shirt hangs from chest and shoulders, so it is looser the lower it is.
        let depth = ((joints.chest - ring.centre).dot(joints.chest_frame.y) / shape.trunk()).clamp(0.0, 1.1);
        *ring = ring.grown((0.004 + loose * (0.25 + 0.75 * depth) + if depth > 0.8 { 0.006 } else { 0.0 }) * unit);
    }
    mesh.loft(&shirt, 20, torso(surface::TOP));

    if look.top.collar < 1.1 {
        let skin = trunk_rings(joints, shape, 0.8, 1.16, -0.002 * unit);
        mesh.loft(&skin, 16, torso(surface::SKIN));
    }
    for i in 0..2 {
        add_shoulder(mesh, shape, look, joints, i);
    }
    add_neck(mesh, shape, look, joints);
    if look.bottom.skirt {
        add_skirt(mesh, shape, look, joints);
    }
}

/// The muscle from the neck's side to the arm, which fills the groove between trunk and arm.
fn add_shoulder(mesh: &mut Mesh, shape: &Shape, look: &Look, joints: &Joints, i: usize) {
    let s = side(i);
    let inner = joints.chest + joints.chest_frame.apply(vec3(s * 0.045, 0.004, -0.004) * shape.height);
    let outer = joints.shoulder[i];
    // The rings' y axis points from the arm to the neck, their front to the figure's front.
    let frame = Frame::from_up(inner - outer, joints.chest_frame.z);
    let surface = if look.top.sleeve > 0.1 || look.top.bare { surface::TOP } else { surface::SKIN };
    let cloth = if surface == surface::TOP && !look.top.bare { 0.004 * shape.scale() } else { -0.002 };
    let muscle = 1.0 - 0.08 * shape.feminine;
    let rings: Vec<Ring> = [(-0.1, 4.0), (0.0, 5.4), (0.35, 6.0), (0.7, 6.0), (1.0, 5.4), (1.3, 4.0)]
        .into_iter()
        .map(|(share, cm)| Ring::round(inner.lerp(outer, share), frame, shape.thick(cm) * muscle).grown(cloth))
        .collect();
    mesh.loft(&rings, 12, Paint { surface, part: Part::Torso });
}

fn add_neck(mesh: &mut Mesh, shape: &Shape, look: &Look, joints: &Joints) {
    let slim = 1.0 - 0.13 * shape.feminine;
    let top = joints.head + joints.head_frame.apply(vec3(0.0, shape.head_size(-5.5), shape.head_size(-1.8)));
    let bottom = joints.chest;
    let bend = joints.neck + joints.chest_frame.y * (0.01 * shape.height);
    let rings: Vec<Ring> =
        [(1.0, 5.7, 0.45), (0.8, 5.7, 0.6), (0.6, 5.8, 0.8), (0.4, 6.1, 0.9), (0.2, 6.6, 1.0), (0.0, 7.5, 1.0)]
            .into_iter()
            .map(|(share, cm, open)| Ring {
                centre: bottom.lerp(bend, share).lerp(bend.lerp(top, share), share),
                frame: joints.chest_frame.blend(&joints.head_frame, share),
                side: shape.thick(cm) * slim * 0.98,
                front: shape.thick(cm) * slim,
                back: shape.thick(cm) * slim,
                square: 0.0,
                // The chin keeps the light away.
                open,
            })
            .collect();
    mesh.loft(&rings, 12, Paint { surface: surface::SKIN, part: Part::Neck });
    if look.top.stand_up {
        let collar: Vec<Ring> =
            rings[2..5].iter().map(|ring| Ring { open: 1.0, ..ring.grown(0.014 * shape.scale()) }).collect();
        mesh.loft(&collar, 14, Paint { surface: surface::TOP, part: Part::Neck });
    }
}

/// A cone around both legs.
fn add_skirt(mesh: &mut Mesh, shape: &Shape, look: &Look, joints: &Joints) {
    let end = look.bottom.length;
    let mut rings = vec![
        trunk_ring(joints, shape, 0.24).grown(0.008 * shape.scale()),
        trunk_ring(joints, shape, 0.02).grown(0.015 * shape.scale()),
    ];
    for share in [0.25, 0.5, 0.75, 1.0] {
        let place = end * share;
        let point = |i: usize| match place {
            p if p < 1.0 => joints.hip[i].lerp(joints.knee[i], p),
            p => joints.knee[i].lerp(joints.ankle[i], p - 1.0),
        };
        let (left, right) = (point(0), point(1));
        let middle = (left + right) * 0.5;
        let up = joints.thigh[0].y.lerp(joints.thigh[1].y, 0.5);
        let frame = Frame::from_up(up.lerp(joints.pelvis_frame.y, 0.3), joints.pelvis_frame.z);
        let spread = (left - right) * 0.5;
        let [side, front, back] = leg_radii(shape, place.min(0.6));
        let flare = look.bottom.loose * shape.scale() * share * 1.6;
        let along = spread.dot(frame.z).abs();
        rings.push(Ring {
            centre: middle,
            frame,
            side: spread.dot(frame.x).abs() + side + flare,
            front: along + front + flare,
            back: along + back + flare,
            square: 0.2,
            open: 1.0,
        });
    }
    mesh.loft(&rings, 20, Paint { surface: surface::BOTTOM, part: Part::Torso });
}
