//! Arms, hands and sleeves; and limbs of two bones in general.

use super::Part;
use super::dress::surface;
use super::legs::add_limb;
use super::loft::{Mesh, Paint, Ring};
use super::look::Look;
use super::shape::Shape;
use super::skeleton::{Joints, side};
use crate::math::{Frame, Vec3, lerp, smooth_step, table, vec3};

/// Two bones and their frames.
pub(super) struct Limb {
    pub joints: [Vec3; 3],
    pub frames: [Frame; 2],
}

/// How far around the middle joint a limb bends, as a share of a bone.
const BEND: f32 = 0.16;

impl Limb {
    /// The centre line and its frame at a place: 0, 1 and 2 are the joints.
    pub fn at(&self, place: f32) -> (Vec3, Frame) {
        let [a, b, c] = self.joints;
        let straight = |place: f32| if place < 1.0 { a.lerp(b, place) } else { b.lerp(c, place - 1.0) };
        if place <= 1.0 - BEND {
            return (straight(place), self.frames[0]);
        }
        if place >= 1.0 + BEND {
            return (straight(place), self.frames[1]);
        }
        let share = (place - (1.0 - BEND)) / (2.0 * BEND);
        let (start, end) = (straight(1.0 - BEND), straight(1.0 + BEND));
        let centre = start.lerp(b, share).lerp(b.lerp(end, share), share);
        (centre, self.frames[0].blend(&self.frames[1], smooth_step(0.0, 1.0, share)))
    }
}

/// The rings of a limb between two places, at the places where its shape changes.
pub(super) fn limb_rings(limb: &Limb, radii: &impl Fn(f32) -> [f32; 3], from: f32, to: f32, loose: f32) -> Vec<Ring> {
    const PLACES: [f32; 18] =
        [-0.13, -0.09, -0.06, 0.0, 0.07, 0.25, 0.5, 0.7, 0.84, 0.92, 1.0, 1.08, 1.16, 1.3, 1.5, 1.7, 1.85, 2.03];
    let inner = PLACES.iter().copied().filter(|p| *p > from + 0.02 && *p < to - 0.02);
    let places = std::iter::once(from).chain(inner).chain(std::iter::once(to));
    places
        .map(|place| {
            let (centre, frame) = limb.at(place);
            let [side, front, back] = radii(place);
            Ring { centre, frame, side, front, back, square: 0.0, open: 1.0 }.grown(loose)
        })
        .collect()
}

/// Centimetres at (place: 0 shoulder, 1 elbow, 2 wrist): to the sides, front, back.
const ARM: [(f32, [f32; 3]); 14] = [
    (-0.105, [0.0, 0.0, 0.0]),
    (-0.09, [3.3, 3.4, 3.4]),
    (-0.06, [4.8, 4.8, 4.8]),
    (0.0, [5.5, 5.7, 5.7]),
    (0.08, [5.7, 5.9, 5.8]),
    (0.25, [5.1, 5.6, 5.4]),
    (0.5, [4.4, 5.2, 4.9]),
    (0.84, [4.1, 4.2, 4.2]),
    (1.0, [4.2, 3.9, 4.2]),
    (1.16, [4.5, 4.3, 4.3]),
    (1.3, [4.3, 4.4, 4.2]),
    (1.6, [3.2, 3.7, 3.5]),
    (1.85, [2.3, 3.0, 2.9]),
    (2.03, [2.0, 2.8, 2.7]),
];

fn arm_radii(shape: &Shape, place: f32) -> [f32; 3] {
    table(&ARM, place).map(|cm| shape.limb(cm) * (1.0 - 0.08 * shape.feminine))
}

/// Adds both arms with their hands, clothed as the look says.
pub(super) fn add_arms(mesh: &mut Mesh, shape: &Shape, look: &Look, joints: &Joints, grips: [f32; 2]) {
    for (i, grip) in grips.into_iter().enumerate() {
        let limb = Limb {
            joints: [joints.shoulder[i], joints.elbow[i], joints.wrist[i]],
            frames: [joints.upper_arm[i], joints.forearm[i]],
        };
        let parts =
            if i == 0 { [Part::LeftUpperArm, Part::LeftForearm] } else { [Part::RightUpperArm, Part::RightForearm] };
        let radii = |place: f32| arm_radii(shape, place);
        let sleeve = look.top.sleeve;
        let bare = if sleeve > 0.1 { sleeve - 0.12 } else { -0.105 };
        if bare < 1.95 {
            add_limb(mesh, &limb, radii, (bare, 2.03), 0.0, surface::SKIN, parts);
        }
        if sleeve > 0.1 {
            let cloth = |place: f32| {
                let own = radii(place);
                let hang = arm_radii(shape, (place - 0.3).max(0.05));
                let share = (look.top.loose * 15.0).min(0.85) * (place / 0.5).clamp(0.0, 1.0);
                // On the shoulder it lies close.
                let loose =
                    if place < -0.1 { 0.0 } else { 0.003 + look.top.loose * smooth_step(-0.1, 0.5, place) * 0.9 };
                std::array::from_fn(|k| lerp(own[k], own[k].max(hang[k]), share) + loose * shape.scale())
            };
            add_limb(mesh, &limb, cloth, (-0.105, sleeve), 0.0, surface::TOP, parts);
        }
        add_hand(mesh, shape, look, joints, i, grip);
    }
}

/// A palm, four fingers and a thumb.
fn add_hand(mesh: &mut Mesh, shape: &Shape, look: &Look, joints: &Joints, i: usize, grip: f32) {
    let frame = joints.hand[i];
    let wrist = joints.wrist[i];
    let unit = shape.hand() / 18.5;
    let surface = if look.gloves { surface::EXTRA } else { surface::SKIN };
    let thick = if look.gloves { 1.35 } else { 1.0 } * (1.0 - 0.1 * shape.feminine);
    let part = if i == 0 { Part::LeftHand } else { Part::RightHand };
    let paint = Paint { surface, part };
    // Towards the palm: a hanging arm's palm faces the body.
    let palm = -side(i);
    let ring = |down: f32, half: f32, wide: f32| Ring {
        centre: wrist - frame.y * (down * unit),
        frame,
        side: half * unit * thick,
        front: wide * unit * thick,
        back: wide * unit * thick,
        square: 0.3,
        open: 1.0,
    };
    let rows = [
        ring(-0.6, 2.0, 2.8),
        ring(1.5, 1.75, 2.9),
        ring(4.0, 1.6, 3.8),
        ring(6.5, 1.5, 4.2),
        ring(8.8, 1.3, 4.1),
        ring(9.6, 0.6, 3.3),
    ];
    mesh.loft(&rows, 8, paint);
    let curl = lerp(0.28, 1.75, grip);
    // Along the front to back line: index, middle, ring, little finger; where each begins, its length.
    for (across, start, length) in [(3.0, 8.6, 8.0), (1.0, 9.0, 9.0), (-1.1, 8.8, 8.3), (-3.0, 8.0, 6.6)] {
        let root = wrist - frame.y * (start * unit) + frame.z * (across * unit);
        finger(mesh, root, frame, palm, curl, length * unit, 0.95 * unit * thick, paint);
    }
    let opened = frame.then(Frame::about_x(lerp(-0.75, -0.35, grip))).then(Frame::about_z(-palm * 0.3));
    let root = wrist - frame.y * (2.2 * unit) + frame.z * (2.6 * unit) + frame.x * (palm * 0.4 * unit);
    finger(mesh, root, opened, palm, 0.25 + 0.7 * grip, 6.8 * unit, 1.15 * unit * thick, paint);
}

#[allow(clippy::too_many_arguments, reason = "a finger has that many measures, and two callers")]
fn finger(mesh: &mut Mesh, root: Vec3, frame: Frame, palm: f32, curl: f32, length: f32, radius: f32, paint: Paint) {
    let mut at = root;
    let mut rings = vec![Ring::round(at + frame.y * radius, frame, radius)];
    for (k, (share, width)) in [(0.45, 0.95), (0.3, 0.85), (0.25, 0.3)].into_iter().enumerate() {
        let bent = frame.then(Frame::about_z(palm * curl * (0.45 + 0.5 * k as f32)));
        at += bent.apply(vec3(0.0, -share * length, 0.0));
        rings.push(Ring::round(at, bent, radius * width));
    }
    mesh.loft(&rings, 6, paint);
}
