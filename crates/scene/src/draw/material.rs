//! What surfaces are made of, and how they look in the light.

use crate::body::{Cloth, FaceLook, Pattern, face_colour};
use crate::math::{TURN, Vec3, fract, smooth_step, vec3};
use crate::noise::{GRAIN, LEAVES, RIDGED, SOFT};
use crate::world::Wall;

/// The stuff of a surface. Colours are linear light.
#[derive(Clone, Debug)]
pub(crate) enum Material {
    Skin(Vec3),
    Face(Box<FaceLook>),
    Hair { colour: Vec3, seed: f32 },
    Cloth(Box<Cloth>),
    Shoe { upper: Vec3, sole: Vec3 },
    Solid { colour: Vec3, gloss: f32 },
    Foliage { colour: Vec3, seed: f32 },
    Wall(Box<Wall>),
}

/// Sun and sky.
#[derive(Clone, Debug)]
pub(crate) struct Light {
    /// Towards the sun.
    pub sun: Vec3,
    pub sun_colour: Vec3,
    /// From above, and back from the ground.
    pub sky: Vec3,
    pub bounce: Vec3,
    /// Blur of the shadows' edges in metres.
    pub soft: f32,
}

/// A place on a surface that is to be coloured.
pub(crate) struct Spot {
    pub at: Vec3,
    pub normal: Vec3,
    pub texture: Vec3,
    pub open: f32,
    /// Metres between neighbouring samples there.
    pub footprint: f32,
    /// Towards the camera, of length 1.
    pub eye: Vec3,
    /// The share of the sun's light that gets there.
    pub sunlight: f32,
}

impl Light {
    /// The light that a surface without a colour of its own would send back.
    pub fn on(&self, normal: Vec3, open: f32, sunlight: f32) -> Vec3 {
        let up = 0.5 + 0.5 * normal.y;
        let ambient = self.bounce.lerp(self.sky, up) * open;
        ambient + self.sun_colour * (normal.dot(self.sun).max(0.0) * sunlight)
    }
}

impl Material {
    /// Whether both sides are seen: cloth and hair, which have openings.
    pub fn two_sided(&self) -> bool {
        matches!(self, Material::Cloth(_) | Material::Hair { .. } | Material::Wall(_))
    }

    /// Whether it has detail finer than a pixel that matters.
    pub fn detailed(&self) -> bool {
        matches!(self, Material::Face(_))
    }

    /// The light that a place sends to the camera.
    pub fn shade(&self, spot: &Spot, light: &Light) -> Vec3 {
        match self {
            Material::Skin(colour) => {
                let around = spot.texture.x * TURN * spot.texture.z;
                let mottled = SOFT.at(around * 2.0, spot.texture.y * 2.0, spot.footprint * 2.0);
                skin(*colour * (1.0 + 0.05 * mottled), spot, light)
            }
            Material::Face(look) => {
                // The head's texture is in centimetres.
                let colour = face_colour(look, spot.texture, spot.footprint * 100.0);
                skin(colour, spot, light)
            }
            Material::Hair { colour, seed } => hair(*colour, *seed, spot, light),
            Material::Cloth(cloth) => cloth_shade(cloth, spot, light),
            Material::Shoe { upper, sole } => {
                let height = spot.texture.y;
                let base = if height < 1.5 { *sole } else { *upper };
                let laces = height > 5.0 && spot.texture.x.abs() < 1.6 && spot.texture.z > 2.0;
                let base = if laces { base.lerp(*sole, 0.4) } else { base };
                lit(base, 0.15, spot, light, spot.normal)
            }
            Material::Solid { colour, gloss } => lit(*colour, *gloss, spot, light, spot.normal),
            Material::Foliage { colour, seed } => {
                let (u, v) = (spot.at.x * 0.6 + spot.at.z * 0.35 + seed, spot.at.y * 0.7 - spot.at.z * 0.2);
                let leaf = LEAVES.at(u, v, spot.footprint * 0.8);
                let clump = SOFT.at(v * 0.7, u * 0.7, spot.footprint * 0.7);
                let base = *colour * (1.0 + 0.5 * leaf + 0.25 * clump).max(0.1);
                let normal = (spot.normal + vec3(clump, leaf, -clump) * 0.35).unit_or(spot.normal);
                lit(base, 0.05, spot, light, normal)
            }
            Material::Wall(wall) => {
                let x = if spot.texture.z > 0.0 { spot.texture.x * TURN * spot.texture.z } else { spot.texture.x };
                lit(wall.colour(x, spot.texture.y, spot.footprint), 0.05, spot, light, spot.normal)
            }
        }
    }
}

fn lit(colour: Vec3, gloss: f32, spot: &Spot, light: &Light, normal: Vec3) -> Vec3 {
    let diffuse = colour.times(light.on(normal, spot.open, spot.sunlight));
    if gloss < 0.02 {
        return diffuse;
    }
    let half = (light.sun + spot.eye).unit_or(normal);
    let shine = normal.dot(half).max(0.0);
    let s2 = shine * shine;
    let s8 = s2 * s2 * s2 * s2;
    let highlight = light.sun_colour * (gloss * 0.35 * s8 * s8 * spot.sunlight);
    // The sky mirrors in what is looked at from the side.
    let grazing = 1.0 - normal.dot(spot.eye).max(0.0);
    diffuse + highlight + light.sky * (gloss * 0.25 * grazing * grazing * grazing)
}

/// Light goes some way through skin, so its shades are soft and reddish at their edge.
fn skin(colour: Vec3, spot: &Spot, light: &Light) -> Vec3 {
    let facing = spot.normal.dot(light.sun);
    let wrap = |amount: f32| ((facing + amount) / (1.0 + amount)).max(0.0);
    let through = vec3(wrap(0.35), wrap(0.18), wrap(0.12));
    let up = 0.5 + 0.5 * spot.normal.y;
    let ambient = light.bounce.lerp(light.sky, up) * spot.open;
    let shadow = vec3(0.12 + 0.88 * spot.sunlight, 0.04 + 0.96 * spot.sunlight, 0.02 + 0.98 * spot.sunlight);
    let base = colour.times(ambient + light.sun_colour.times(through).times(shadow));
    let half = (light.sun + spot.eye).unit_or(spot.normal);
    let shine = spot.normal.dot(half).max(0.0);
    let s4 = shine * shine * shine * shine;
    let grazing = 1.0 - spot.normal.dot(spot.eye).max(0.0);
    base + light.sun_colour * (0.035 * s4 * s4 * s4 * spot.sunlight) + light.sky * (0.03 * grazing * grazing * grazing)
}

fn hair(colour: Vec3, seed: f32, spot: &Spot, light: &Light) -> Vec3 {
    let at = spot.texture;
    // Strands run down: long in height, fine across.
    let across = (at.x - at.z * 0.6) * 0.06;
    let strand = GRAIN.at(across * 1.8 + seed, at.y * 0.008 + seed, spot.footprint * 6.0);
    let lock = SOFT.at(across * 0.9, at.y * 0.012 + seed, spot.footprint * 4.0);
    let base = colour * (1.0 + 0.28 * strand + 0.22 * lock).max(0.2);
    let half = (light.sun + spot.eye).unit_or(spot.normal);
    let shine = spot.normal.dot(half).max(0.0);
    let s2 = shine * shine;
    let s8 = s2 * s2 * s2 * s2;
    let sheen =
        light.sun_colour.times(colour + vec3(0.03, 0.03, 0.03)) * (s8 * 0.5 * spot.sunlight * (1.0 + 0.5 * strand));
    base.times(light.on(spot.normal, spot.open, spot.sunlight)) + sheen
}

/// How much of the samples in a footprint fall into the second half of each repeat, at x repeats.
fn wave(x: f32, footprint: f32) -> f32 {
    let triangle = (fract(x) * 2.0 - 1.0).abs() * 2.0 - 1.0;
    let sharp = (triangle / (footprint * 4.0).max(0.02)).clamp(-0.5, 0.5) + 0.5;
    // What is finer than the sampling becomes the mean.
    sharp + (0.5 - sharp) * smooth_step(0.4, 0.9, footprint)
}

fn cloth_shade(cloth: &Cloth, spot: &Spot, light: &Light) -> Vec3 {
    let [turn, along, radius] = [spot.texture.x, spot.texture.y, spot.texture.z];
    let around = turn * TURN * radius.max(0.03);
    let repeats = |metres: f32| metres / cloth.repeat;
    let fine = spot.footprint / cloth.repeat;
    // The middle of the front is at a quarter of a turn.
    let from_middle = (turn - 0.25) * TURN * radius.max(0.03);
    let share = match cloth.pattern {
        Pattern::Plain => 0.0,
        Pattern::Hoops => wave(repeats(along), fine),
        Pattern::Stripes => wave(repeats(around) * 1.3, fine),
        Pattern::Checks => 0.5 * (wave(repeats(along), fine) + wave(repeats(around), fine)),
        Pattern::Blotches => {
            smooth_step(-0.3, 0.3, SOFT.at(around * 1.6 + cloth.seed, along * 1.6, spot.footprint * 1.6) - 0.2)
        }
        Pattern::Dots => {
            let (x, y) = (fract(repeats(around)) - 0.5, fract(repeats(along)) - 0.5);
            let dot = ((0.28 - (x * x + y * y).sqrt()) / fine.max(0.05) + 0.5).clamp(0.0, 1.0);
            dot + (0.25 - dot) * smooth_step(0.3, 0.8, fine)
        }
        Pattern::Print => {
            let inside = from_middle.abs() < 0.11 && along > 0.13 && along < 0.33 && radius > 0.1;
            if inside {
                smooth_step(
                    0.0,
                    0.4,
                    LEAVES.at(from_middle * 0.7 + cloth.seed, along * 0.7, spot.footprint * 0.7) + 0.3,
                )
            } else {
                0.0
            }
        }
        Pattern::Halves => smooth_step(-0.004, 0.004 + spot.footprint, along - 0.22 - cloth.repeat),
        Pattern::Open if radius > 0.09 => smooth_step(0.07, 0.06, from_middle.abs() - along * 0.05),
        Pattern::Open => 0.0,
    };
    let weave = 1.0 + 0.045 * GRAIN.at(around * 3.0, along * 3.0, spot.footprint * 3.0);
    let base = cloth.colour.lerp(cloth.second, share) * weave;
    let (normal, crease) = folds(cloth, around, along, spot);
    lit(base * crease, cloth.gloss, spot, light, normal)
}

/// Folds tilt the normal and darken the creases. They run mostly along the limb, and across it near its bends.
fn folds(cloth: &Cloth, around: f32, along: f32, spot: &Spot) -> (Vec3, f32) {
    if cloth.folds < 0.05 {
        return (spot.normal, 1.0);
    }
    let fine = spot.footprint * 1.6;
    let (u, v) = (around * 1.1 + along * 0.25 + cloth.seed, along * 0.5 - around * 0.3 + cloth.seed * 3.0);
    // The coarse forms only: what is finer than some centimetres is no fold.
    let coarse = fine.max(0.012);
    let height = |u: f32, v: f32| 0.6 * SOFT.at(u, v, coarse) + 0.7 * RIDGED.at(v * 0.8, u * 0.5, coarse);
    let step = 0.016;
    let here = height(u, v);
    let (du, dv) = (height(u + step, v) - here, height(u, v + step) - here);
    let side = Vec3::UP.cross(spot.normal).unit_or(vec3(1.0, 0.0, 0.0));
    let down = side.cross(spot.normal);
    let tilt = cloth.folds * 0.9;
    let normal = (spot.normal - side * (du * tilt) - down * (dv * tilt)).unit_or(spot.normal);
    (normal, 1.0 + 0.09 * cloth.folds * here.clamp(-1.5, 1.0))
}
