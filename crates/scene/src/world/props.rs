//! Things that stand around: they hide people, throw shadows, and are no people.

use super::wall::{Stuff, Wall};
use crate::body::{Mesh, Paint, Part, Ring, Triangle, Vertex};
use crate::draw::Material;
use crate::image::srgb;
use crate::math::{Frame, TURN, Vec3, cos, sin, vec3};
use crate::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PropKind {
    Crate,
    Table,
    Bench,
    Pole,
    Tree,
    Bush,
    Barrel,
    Cone,
    Sign,
    Lamp,
    Car,
    Ball,
    Wicket,
    /// A coat on a stand: tall and narrow, and nobody.
    CoatStand,
    Balloon,
}

/// A thing in its place.
#[derive(Clone, Debug)]
pub(crate) struct Prop {
    pub mesh: Mesh,
    pub materials: Vec<Material>,
}

const fn paint(surface: u16) -> Paint {
    Paint { surface, part: Part::Object }
}

impl Prop {
    /// A thing of that kind on the ground at `at`, turned by `yaw`.
    pub fn new(random: &mut Random, kind: PropKind, at: Vec3, yaw: f32) -> Prop {
        let frame = Frame::about_y(yaw);
        let mut prop = Prop { mesh: Mesh::default(), materials: Vec::new() };
        let p = |x: f32, y: f32, z: f32| at + frame.apply(vec3(x, y, z));
        let wood = |random: &mut Random| Material::Wall(Box::new(Wall::random(random, &[Stuff::Wood, Stuff::Planks])));
        match kind {
            PropKind::Crate => {
                prop.materials.push(Material::Wall(Box::new(Wall::random(
                    random,
                    &[
                        Stuff::Wood,
                        Stuff::Planks,
                        Stuff::Plaster,
                        Stuff::Tiles,
                        Stuff::Pictures,
                        Stuff::Ribs,
                        Stuff::Rock,
                        Stuff::Brick,
                    ],
                ))));
                let half = vec3(random.range(0.2, 0.7), random.range(0.15, 0.65), random.range(0.2, 0.5));
                prop.cuboid(p(0.0, half.y, 0.0), frame, half, 0);
            }
            PropKind::Table => {
                prop.materials.push(wood(random));
                let (wide, deep, high) = (random.range(0.4, 0.9), random.range(0.3, 0.45), random.range(0.65, 0.8));
                prop.cuboid(p(0.0, high, 0.0), frame, vec3(wide, 0.025, deep), 0);
                for (x, z) in [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)] {
                    let leg = p(x * (wide - 0.05), high * 0.5, z * (deep - 0.05));
                    prop.cuboid(leg, frame, vec3(0.03, high * 0.5, 0.03), 0);
                }
            }
            PropKind::Bench => {
                prop.materials.push(wood(random));
                prop.cuboid(p(0.0, 0.43, 0.0), frame, vec3(0.75, 0.03, 0.2), 0);
                prop.cuboid(p(0.0, 0.75, -0.2), frame, vec3(0.75, 0.14, 0.02), 0);
                for x in [-0.6, 0.6] {
                    prop.cuboid(p(x, 0.21, 0.0), frame, vec3(0.04, 0.21, 0.18), 0);
                }
            }
            PropKind::Pole | PropKind::Lamp | PropKind::Sign => {
                let grey = random.range(40.0, 190.0);
                prop.materials.push(Material::Solid { colour: srgb(grey, grey, grey * 0.98), gloss: 0.3 });
                let (radius, high) = (random.range(0.03, 0.12), random.range(2.2, 6.0));
                prop.column(at, radius, radius * 0.8, high, 0);
                if kind == PropKind::Lamp {
                    prop.materials.push(Material::Solid { colour: vec3(0.9, 0.88, 0.8), gloss: 0.2 });
                    prop.mesh.ellipsoid(p(0.0, high, 0.0), frame, vec3(0.18, 0.22, 0.18), 8, paint(1));
                }
                if kind == PropKind::Sign {
                    let wall = Wall::random(random, &[Stuff::Pictures, Stuff::Plaster, Stuff::Tiles]);
                    prop.materials.push(Material::Wall(Box::new(wall)));
                    let half = vec3(random.range(0.2, 0.6), random.range(0.2, 0.5), 0.02);
                    prop.cuboid(p(0.0, high * 0.85, 0.1), frame, half, 1);
                }
            }
            PropKind::Tree => prop.tree(random, at),
            PropKind::Bush => {
                let tone = random.range(0.6, 1.2);
                prop.materials.push(Material::Foliage { colour: srgb(66.0, 92.0, 44.0) * tone, seed: random.unit() });
                for _ in 0..5 {
                    let (x, z) = (random.range(-0.4, 0.4), random.range(-0.3, 0.3));
                    let size = random.range(0.25, 0.5);
                    prop.mesh.ellipsoid(p(x, size * 0.7, z), frame, vec3(size, size, size), 8, paint(0));
                }
            }
            PropKind::Barrel => {
                let colour = srgb(random.range(40.0, 220.0), random.range(40.0, 160.0), random.range(30.0, 160.0));
                prop.materials.push(Material::Solid { colour, gloss: 0.25 });
                let (r, h) = (random.range(0.2, 0.35), random.range(0.6, 1.1));
                prop.column(at, r, r, h, 0);
            }
            PropKind::Cone => {
                prop.materials.push(Material::Solid { colour: srgb(226.0, 92.0, 36.0), gloss: 0.15 });
                prop.column(at, 0.16, 0.03, 0.5, 0);
                prop.cuboid(p(0.0, 0.015, 0.0), frame, vec3(0.2, 0.015, 0.2), 0);
            }
            PropKind::Car => prop.car(random, at, frame),
            PropKind::Ball => {
                let radius = random.range(0.035, 0.16);
                let colour = srgb(random.range(60.0, 240.0), random.range(30.0, 220.0), random.range(30.0, 220.0));
                prop.materials.push(Material::Solid { colour, gloss: 0.4 });
                prop.mesh.ellipsoid(p(0.0, radius, 0.0), frame, vec3(radius, radius, radius), 10, paint(0));
            }
            PropKind::Wicket => {
                prop.materials.push(Material::Solid { colour: srgb(206.0, 172.0, 120.0), gloss: 0.2 });
                for x in [-0.1, 0.0, 0.1] {
                    prop.column(p(x, 0.0, 0.0), 0.018, 0.018, 0.71, 0);
                }
                prop.cuboid(p(0.0, 0.72, 0.0), frame, vec3(0.11, 0.008, 0.008), 0);
            }
            PropKind::CoatStand => {
                prop.materials.push(wood(random));
                let c = |random: &mut Random| random.range(20.0, 180.0);
                let colour = srgb(c(random), c(random), c(random));
                prop.materials.push(Material::Solid { colour, gloss: 0.05 });
                prop.column(at, 0.03, 0.025, 1.8, 0);
                let rings: Vec<Ring> = [(1.62, 0.06), (1.5, 0.2), (1.1, 0.22), (0.7, 0.27)]
                    .iter()
                    .map(|&(y, r)| Ring { front: r * 0.6, back: r * 0.6, ..Ring::round(p(0.0, y, 0.0), frame, r) })
                    .collect();
                prop.mesh.loft(&rings, 12, paint(1));
            }
            PropKind::Balloon => {
                let colour = srgb(random.range(80.0, 250.0), random.range(30.0, 220.0), random.range(30.0, 220.0));
                prop.materials.push(Material::Solid { colour, gloss: 0.7 });
                let high = random.range(1.4, 3.0);
                prop.mesh.ellipsoid(p(0.0, high, 0.0), frame, vec3(0.16, 0.2, 0.16), 10, paint(0));
                prop.column(at, 0.004, 0.004, high - 0.2, 0);
            }
        }
        prop
    }

    /// A box to sit on, the middle of its top at `top`.
    pub fn seat(random: &mut Random, top: Vec3, yaw: f32) -> Prop {
        let wall = Wall::random(random, &[Stuff::Wood, Stuff::Planks, Stuff::Plaster, Stuff::Rock]);
        let mut prop = Prop { mesh: Mesh::default(), materials: vec![Material::Wall(Box::new(wall))] };
        let half = vec3(random.range(0.2, 0.7), top.y * 0.5, 0.2);
        prop.cuboid(top - Vec3::UP * half.y, Frame::about_y(yaw), half, 0);
        prop
    }

    fn tree(&mut self, random: &mut Random, at: Vec3) {
        let bark = Wall {
            stuff: Stuff::Rock,
            colour: srgb(96.0, 78.0, 62.0),
            second: srgb(50.0, 40.0, 33.0),
            scale: 0.3,
            seed: random.next(),
        };
        self.materials.push(Material::Wall(Box::new(bark)));
        let tone = random.range(0.6, 1.2);
        self.materials.push(Material::Foliage { colour: srgb(64.0, 92.0, 42.0) * tone, seed: random.unit() });
        let (radius, high) = (random.range(0.12, 0.35), random.range(2.0, 4.0));
        self.column(at, radius, radius * 0.6, high + 0.8, 0);
        for k in 0..9 {
            let turn = k as f32 / 9.0 * TURN * 2.0;
            let reach = random.range(0.2, 1.4);
            let size = random.range(0.6, 1.2);
            let centre = at + vec3(reach * sin(turn), high + random.range(0.3, 2.2), reach * cos(turn));
            self.mesh.ellipsoid(centre, Frame::IDENTITY, vec3(size, size * 0.8, size), 8, paint(1));
        }
    }

    fn car(&mut self, random: &mut Random, at: Vec3, frame: Frame) {
        let colours = [
            [200.0, 200.0, 204.0],
            [40.0, 42.0, 46.0],
            [150.0, 30.0, 34.0],
            [40.0, 70.0, 120.0],
            [236.0, 236.0, 234.0],
        ];
        let [r, g, b] = random.pick(&colours);
        self.materials.push(Material::Solid { colour: srgb(r, g, b), gloss: 0.8 });
        self.materials.push(Material::Solid { colour: vec3(0.02, 0.025, 0.03), gloss: 1.0 });
        self.materials.push(Material::Solid { colour: vec3(0.012, 0.012, 0.012), gloss: 0.1 });
        let across = Frame { x: -frame.z, y: -frame.x, z: frame.y };
        let hull = |rows: &[(f32, f32, f32)], mid: f32, half: f32| -> Vec<Ring> {
            rows.iter()
                .map(|&(x, up, down)| Ring {
                    centre: at + frame.apply(vec3(x, mid, 0.0)),
                    frame: across,
                    side: half,
                    front: up,
                    back: down,
                    square: 0.9,
                    open: 1.0,
                })
                .collect()
        };
        let body = [
            (-2.15, 0.0, 0.0),
            (-2.1, 0.24, 0.22),
            (-1.2, 0.32, 0.3),
            (1.0, 0.34, 0.3),
            (2.0, 0.28, 0.25),
            (2.15, 0.0, 0.0),
        ];
        self.mesh.loft(&hull(&body, 0.6, 0.75), 14, paint(0));
        let cabin = [(-1.3, 0.0, 0.0), (-0.7, 0.42, 0.1), (0.5, 0.46, 0.1), (1.5, 0.0, 0.0)];
        self.mesh.loft(&hull(&cabin, 0.92, 0.64), 12, paint(1));
        for (x, z) in [(-1.35, 0.72), (1.35, 0.72), (-1.35, -0.72), (1.35, -0.72)] {
            let hub = at + frame.apply(vec3(x, 0.32, z));
            self.mesh.ellipsoid(hub, frame, vec3(0.32, 0.32, 0.12), 10, paint(2));
        }
    }

    fn column(&mut self, at: Vec3, radius: f32, top: f32, height: f32, surface: u16) {
        let ring = |y: f32, r: f32| Ring::round(at + vec3(0.0, y, 0.0), Frame::IDENTITY, r);
        let rings = [ring(height, 0.0), ring(height, top), ring(height * 0.5, 0.5 * (radius + top)), ring(0.0, radius)];
        self.mesh.loft(&rings, 12, paint(surface));
    }

    /// A box; its texture is in metres.
    fn cuboid(&mut self, centre: Vec3, frame: Frame, half: Vec3, surface: u16) {
        let axes = [(frame.x, half.x), (frame.y, half.y), (frame.z, half.z)];
        for (k, (u, v)) in [(1, 2), (2, 0), (0, 1)].into_iter().enumerate() {
            for sign in [1.0, -1.0] {
                let (normal, depth) = (axes[k].0 * sign, axes[k].1);
                let base = self.mesh.vertices.len() as u32;
                for (a, b) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
                    let (a, b) = (a * axes[u].1 * sign, b * axes[v].1);
                    let at = centre + normal * depth + axes[u].0 * a + axes[v].0 * b;
                    // Height runs up the texture on the sides.
                    let texture = if u == 1 { vec3(b, a, 0.0) } else { vec3(a, b, 0.0) };
                    self.mesh.vertices.push(Vertex { at, normal, texture, open: 1.0 });
                }
                for corners in [[0, 1, 2], [0, 2, 3]] {
                    let corners = corners.map(|c| base + c);
                    self.mesh.triangles.push(Triangle { corners, paint: paint(surface) });
                }
            }
        }
    }
}

/// A ball's surface.
pub(crate) fn ball_mesh(at: Vec3, radius: f32) -> Mesh {
    let mut mesh = Mesh::default();
    mesh.ellipsoid(at, Frame::IDENTITY, vec3(radius, radius, radius), 10, paint(0));
    mesh
}
