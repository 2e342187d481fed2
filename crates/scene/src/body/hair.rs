//! Hair, hats and helmets: shells over the skull that end at a line around it.

use super::Part;
use super::dress::surface;
use super::head::{HeadSpace, skull, textured_in_head_space};
use super::loft::{Mesh, Paint};
use super::look::{Hair, Hat, Look};
use super::shape::Shape;
use super::skeleton::Joints;
use crate::math::{Frame, TURN, cos, sin, table, vec3};
use crate::noise::SOFT;

/// Where a shell ends: height over the eyes by the direction's share to the front (1 front, 0 side, −1 back).
type Line = [(f32, [f32; 1]); 7];

const SHORT: Line =
    [(-1.0, [-7.0]), (-0.5, [-5.5]), (-0.25, [0.8]), (0.12, [1.0]), (0.3, [0.5]), (0.62, [4.6]), (1.0, [6.0])];
const MEDIUM: Line =
    [(-1.0, [-10.5]), (-0.5, [-9.0]), (-0.25, [-5.5]), (0.12, [-4.0]), (0.4, [0.5]), (0.65, [4.8]), (1.0, [6.2])];
const LONG: Line =
    [(-1.0, [-23.0]), (-0.5, [-22.5]), (-0.25, [-21.0]), (0.2, [-17.0]), (0.42, [-4.0]), (0.62, [4.4]), (1.0, [6.6])];
const CAP: Line =
    [(-1.0, [2.0]), (-0.5, [2.2]), (-0.25, [2.8]), (0.12, [3.4]), (0.4, [3.8]), (0.7, [4.0]), (1.0, [4.2])];
const BEANIE: Line =
    [(-1.0, [-3.0]), (-0.5, [-1.5]), (-0.25, [0.5]), (0.12, [1.6]), (0.4, [2.6]), (0.7, [3.4]), (1.0, [3.8])];
const HELMET: Line =
    [(-1.0, [-5.5]), (-0.5, [-5.5]), (-0.25, [-5.0]), (0.12, [-4.2]), (0.35, [0.8]), (0.7, [3.2]), (1.0, [3.2])];
const HOOD: Line =
    [(-1.0, [-13.0]), (-0.5, [-13.0]), (-0.25, [-13.0]), (0.12, [-13.0]), (0.42, [-11.5]), (0.6, [4.0]), (1.0, [6.0])];

struct Shell {
    line: Line,
    /// Centimetres over the skull: at the crown, and at the edge.
    thick: f32,
    edge: f32,
    /// Below this height the shell hangs straight down.
    hang: f32,
    rough: f32,
    seed: f32,
}

/// Adds hair and hat.
pub(super) fn add_hair(mesh: &mut Mesh, shape: &Shape, look: &Look, joints: &Joints) {
    let space = HeadSpace { shape, joints };
    let hair = Paint { surface: surface::HAIR, part: Part::Head };
    let seed = look.face.seed;
    let volume = look.volume;
    let shell =
        |line: Line, thick: f32, edge: f32, hang: f32, rough: f32| Shell { line, thick, edge, hang, rough, seed };
    textured_in_head_space(mesh, &space, |mesh| match look.hair {
        Hair::None => {}
        Hair::Short => add_shell(mesh, &space, &shell(SHORT, 0.9 + 1.3 * volume, 0.35, -20.0, 0.4), hair),
        Hair::Medium => add_shell(mesh, &space, &shell(MEDIUM, 1.3 + 1.4 * volume, 1.0, -2.0, 0.5), hair),
        Hair::Long => add_shell(mesh, &space, &shell(LONG, 1.2 + 1.2 * volume, 0.8, -1.0, 0.5), hair),
        Hair::Round => add_shell(mesh, &space, &shell(SHORT, 3.0 + 4.0 * volume, 1.8, -20.0, 0.7), hair),
        Hair::Tail | Hair::Bun => {
            add_shell(mesh, &space, &shell(SHORT, 0.8, 0.3, -20.0, 0.2), hair);
            let size = |cm: f32| shape.head_size(cm);
            let (at, radii, tilt) = if look.hair == Hair::Bun {
                (vec3(0.0, 6.0, -11.5), vec3(3.4, 3.2, 3.2), 0.0)
            } else {
                (vec3(0.0, -4.0, -13.0), vec3(2.4, 8.5 + 4.0 * volume, 2.4), -0.16)
            };
            let frame = joints.head_frame.then(Frame::about_x(tilt));
            mesh.ellipsoid(space.world(at), frame, vec3(size(radii.x), size(radii.y), size(radii.z)), 8, hair);
        }
    });
    let hat = Paint { surface: surface::HAT, part: Part::Head };
    let first = mesh.vertices.len();
    match look.hat {
        Hat::None => {}
        Hat::Cap => {
            add_shell(mesh, &space, &shell(CAP, 1.7, 1.3, -20.0, 0.0), hat);
            let size = |cm: f32| shape.head_size(cm);
            let frame = joints.head_frame.then(Frame::about_x(0.14));
            mesh.ellipsoid(space.world(vec3(0.0, 4.4, 9.5)), frame, vec3(size(7.2), size(0.5), size(7.2)), 8, hat);
        }
        Hat::Beanie => add_shell(mesh, &space, &shell(BEANIE, 1.9, 1.4, -20.0, 0.15), hat),
        Hat::Brim => {
            add_shell(mesh, &space, &shell(CAP, 2.2, 1.2, -20.0, 0.0), hat);
            let size = |cm: f32| shape.head_size(cm);
            let at = space.world(vec3(0.0, 3.8, 0.0));
            mesh.ellipsoid(at, joints.head_frame, vec3(size(15.0), size(0.6), size(16.5)), 10, hat);
        }
        Hat::Helmet => {
            add_shell(mesh, &space, &shell(HELMET, 2.4, 2.2, -20.0, 0.0), hat);
            let size = |cm: f32| shape.head_size(cm);
            for (height, reach) in [(-2.6, 12.6), (-5.0, 12.4), (-7.4, 11.8)] {
                for k in 0..5 {
                    let turn = 0.10 + 0.06 * k as f32;
                    let at = vec3(8.6 * cos(turn * TURN), height, reach * sin(turn * TURN));
                    let frame = joints.head_frame.then(Frame::about_y((0.25 - turn) * TURN));
                    mesh.ellipsoid(space.world(at), frame, vec3(size(2.6), size(0.3), size(0.3)), 4, hat);
                }
            }
        }
        Hat::Hood => add_shell(mesh, &space, &shell(HOOD, 1.6, 1.4, -1.0, 0.2), hat),
    }
    // A hat is woven: its texture runs around the head and down, in metres.
    let frame = joints.head_frame;
    for vertex in &mut mesh.vertices[first..] {
        let from = vertex.at - joints.head;
        let turn = libm::atan2f(from.dot(frame.z), from.dot(frame.x)) * (1.0 / TURN);
        vertex.texture = vec3(turn, 0.2 - from.dot(frame.y), 0.09);
    }
}

fn add_shell(mesh: &mut Mesh, space: &HeadSpace, shell: &Shell, paint: Paint) {
    const AROUND: usize = 22;
    const ROWS: usize = 11;
    const TOP: f32 = 11.5;
    let mut points = Vec::with_capacity((ROWS + 1) * AROUND);
    for row in 0..=ROWS {
        let share = row as f32 / ROWS as f32;
        for k in 0..AROUND {
            let turn = k as f32 / AROUND as f32;
            let (s, c) = (sin(turn * TURN), cos(turn * TURN));
            let [end] = table(&shell.line, s);
            let ragged = shell.rough * SOFT.at(turn * 2.0 + shell.seed, share * 0.5, 0.0) * 0.5;
            let end = end + ragged * share;
            // Rows lie denser at the crown, where the skull bends most.
            let height = TOP + (end - TOP) * share * (0.55 + 0.45 * share);
            let [side, front, back] = skull(height.max(shell.hang));
            let fade = share * share * share;
            let thick = shell.thick + (shell.edge - shell.thick) * fade + ragged;
            let lift = thick * (1.0 - share).max(0.0) * 0.75;
            let depth = if s > 0.0 { front } else { back };
            // The crown is closed.
            let out = if row == 0 { 0.0 } else { thick };
            let local = vec3(c * (side + out), height + lift, s * (depth + out));
            points.push((space.world(local), local, 1.0 - 0.15 * fade));
        }
    }
    let up = space.joints.head_frame.y;
    mesh.grid(&points, AROUND, paint, |row, _| if row == 0 { up } else { -up });
}
