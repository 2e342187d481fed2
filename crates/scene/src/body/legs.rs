//! Legs, feet and what covers them.

use super::Part;
use super::arms::{Limb, limb_rings};
use super::dress::surface;
use super::loft::{Mesh, Paint, Ring};
use super::look::{Footwear, Look};
use super::shape::Shape;
use super::skeleton::Joints;
use crate::math::{Frame, Vec3, lerp, table, vec3};

/// Centimetres at (place: 0 hip, 1 knee, 2 ankle): to the sides, front, back.
const LEG: [(f32, [f32; 3]); 14] = [
    (-0.16, [3.0, 3.0, 4.0]),
    (-0.08, [7.6, 7.6, 9.0]),
    (0.05, [8.8, 8.8, 9.8]),
    (0.25, [8.7, 9.0, 9.2]),
    (0.5, [7.8, 8.5, 8.0]),
    (0.8, [6.1, 6.6, 6.3]),
    (0.93, [5.7, 6.2, 5.5]),
    (1.0, [5.6, 6.2, 5.0]),
    (1.1, [5.3, 5.4, 5.4]),
    (1.3, [5.6, 4.9, 7.0]),
    (1.5, [5.1, 4.5, 6.4]),
    (1.75, [3.8, 3.7, 4.2]),
    (1.93, [3.4, 3.6, 3.7]),
    (2.03, [3.4, 3.8, 4.4]),
];

/// Of a shoe, centimetres at (place behind the ankle's axis to the front): half width, height above the sole.
const SHOE: [(f32, [f32; 2]); 10] = [
    (-6.8, [0.4, 2.0]),
    (-6.4, [2.2, 5.6]),
    (-5.0, [3.1, 7.4]),
    (-1.5, [3.5, 8.8]),
    (2.5, [3.7, 8.2]),
    (6.5, [4.3, 6.4]),
    (11.0, [4.9, 4.9]),
    (15.5, [4.7, 3.9]),
    (18.5, [3.4, 3.2]),
    (19.8, [0.8, 1.8]),
];

/// The leg's own shape at a place along it.
pub(super) fn leg_radii(shape: &Shape, place: f32) -> [f32; 3] {
    let [side, front, back] = table(&LEG, place);
    let wide = 1.0 + if place < 0.6 { 0.07 * shape.feminine } else { 0.0 };
    [side, front, back].map(|cm| shape.limb(cm) * wide)
}

fn leg(joints: &Joints, i: usize) -> Limb {
    Limb { joints: [joints.hip[i], joints.knee[i], joints.ankle[i]], frames: [joints.thigh[i], joints.shank[i]] }
}

/// Adds both legs, clothed as the look says.
pub(super) fn add_legs(mesh: &mut Mesh, shape: &Shape, look: &Look, joints: &Joints) {
    for i in 0..2 {
        let limb = leg(joints, i);
        let radii = |place: f32| leg_radii(shape, place);
        let parts = if i == 0 { [Part::LeftThigh, Part::LeftShank] } else { [Part::RightThigh, Part::RightShank] };
        let end = look.bottom.length;
        let bare_from = end - if look.bottom.skirt { 0.2 } else { 0.1 };
        if bare_from < 1.9 {
            add_limb(mesh, &limb, radii, (bare_from, 2.03), 0.0, surface::SKIN, parts);
        }
        if look.sock > 1e-3 {
            let from = 2.0 - look.sock;
            add_limb(mesh, &limb, radii, (from, 2.03), shape.scale() * 0.004, surface::SOCK, parts);
        }
        if !look.bottom.skirt {
            let loose = look.bottom.loose * shape.scale();
            let cloth = |place: f32| {
                let [side, front, back] = radii(place);
                // Cloth hangs from the widest place above: it does not follow the hollows below.
                let hang = leg_radii(shape, (place - 0.25).max(-0.1));
                let share = (look.bottom.loose * 12.0).min(0.75) * (place / 0.6).clamp(0.0, 1.0);
                [
                    lerp(side, side.max(hang[0]), share),
                    lerp(front, front.max(hang[1]), share),
                    lerp(back, back.max(hang[2]), share),
                ]
            };
            add_limb(mesh, &limb, cloth, (-0.16, end), loose, surface::BOTTOM, parts);
        }
        if look.pads {
            add_pad(mesh, &limb, shape, i);
        }
        add_foot(mesh, shape, look, joints, i);
    }
}

/// A limb's surface between two places, in the pieces above and below its middle joint.
pub(super) fn add_limb(
    mesh: &mut Mesh,
    limb: &Limb,
    radii: impl Fn(f32) -> [f32; 3],
    (from, to): (f32, f32),
    loose: f32,
    surface: u16,
    parts: [Part; 2],
) {
    let pieces = [(from, to.min(1.0), parts[0]), (from.max(1.0), to, parts[1])];
    for (low, high, part) in pieces {
        if high - low > 1e-3 {
            let rings = limb_rings(limb, &radii, low, high, loose);
            mesh.loft(&rings, 12, Paint { surface, part });
        }
    }
}

/// A batter's pad: a white shell in front of the shank and the knee.
fn add_pad(mesh: &mut Mesh, limb: &Limb, shape: &Shape, i: usize) {
    let radii = |place: f32| {
        let [side, front, back] = leg_radii(shape, place);
        [side * 1.35, front * 1.45, back * 1.02]
    };
    let part = if i == 0 { Part::LeftShank } else { Part::RightShank };
    let rings = limb_rings(limb, &radii, 0.72, 1.97, 0.012 * shape.scale());
    mesh.loft(&rings, 12, Paint { surface: surface::EXTRA, part });
}

fn add_foot(mesh: &mut Mesh, shape: &Shape, look: &Look, joints: &Joints, i: usize) {
    let frame = joints.foot[i];
    let sole = joints.ankle[i] - frame.y * shape.ankle();
    let unit = 0.01 * shape.scale();
    let part = if i == 0 { Part::LeftFoot } else { Part::RightFoot };
    // The shoe's rings stand across its length, from the heel on: their own y axis points backwards.
    let across = Frame { x: frame.x, y: -frame.z, z: frame.y };
    let (low, tight) = match look.footwear {
        Footwear::Shoe => (1.0, 1.0),
        Footwear::Boot => (1.05, 1.06),
        Footwear::Bare => (0.86, 0.88),
    };
    let mut rings: Vec<Ring> = SHOE
        .iter()
        .map(|&(place, [half, height])| {
            let rise = 0.8_f32.min(height * 0.4);
            Ring {
                centre: sole + frame.z * (place * unit) + frame.y * (rise * unit),
                frame: across,
                side: half * unit * tight,
                front: (height - rise) * unit * low,
                back: rise * unit,
                square: 0.5,
                open: 0.85,
            }
        })
        .collect();
    // The big toe's side is longer.
    let inwards = if i == 0 { -1.0 } else { 1.0 };
    for (ring, &(place, _)) in rings.iter_mut().zip(&SHOE) {
        if place > 6.0 {
            ring.centre += frame.x * (inwards * 0.7 * unit);
        }
    }
    let first = mesh.vertices.len();
    let paint = Paint { surface: if look.footwear == Footwear::Bare { surface::SKIN } else { surface::SHOE }, part };
    mesh.loft(&rings, 12, paint);
    // A shoe's texture is looked up by the height over the sole and the place along it, in centimetres.
    for vertex in &mut mesh.vertices[first..] {
        let from_sole = vertex.at - sole;
        let local = |axis: Vec3| from_sole.dot(axis) / unit;
        if look.footwear != Footwear::Bare {
            vertex.texture = vec3(local(frame.x), local(frame.y), local(frame.z));
        }
    }
    if look.footwear == Footwear::Boot {
        let limb = leg(joints, i);
        let radii = |place: f32| leg_radii(shape, place);
        let paint = Paint { surface: surface::SHOE, part };
        let first = mesh.vertices.len();
        mesh.loft(&limb_rings(&limb, &radii, 1.55, 2.02, 0.01 * shape.scale()), 12, paint);
        mesh.vertices[first..].iter_mut().for_each(|vertex| vertex.texture = vec3(0.0, 12.0, 0.0));
    }
}
