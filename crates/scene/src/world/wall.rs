//! Upright textured surfaces: masonry, facades, hedges, crowds, shelves.

use crate::image::srgb;
use crate::math::{Vec3, floor, fract, lerp, smooth_step, vec3};
use crate::noise::{GRAIN, LEAVES, RIDGED, SOFT, cell};
use crate::random::Random;

/// What a wall shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stuff {
    Plaster,
    Brick,
    Planks,
    Tiles,
    /// A house's front with windows.
    Facade,
    Hedge,
    /// Spectators.
    Crowd,
    /// Boxes and books in rows.
    Shelves,
    /// Plaster with pictures and posters.
    Pictures,
    /// Ribbed metal or curtains.
    Ribs,
    Rock,
    Wood,
}

/// A wall's looks.
#[derive(Clone, Debug)]
pub(crate) struct Wall {
    pub stuff: Stuff,
    pub colour: Vec3,
    pub second: Vec3,
    /// The size of its pattern relative to the usual.
    pub scale: f32,
    pub seed: u64,
}

/// A mark at 1 in the lines between cells of a grid and 0 within them; `width` is a share of a cell.
fn joints(x: f32, width: f32, footprint: f32) -> f32 {
    let from = fract(x).min(1.0 - fract(x));
    let line =
        smooth_step(width * 0.5 + footprint * 0.5, (width * 0.5 - footprint * 0.5).min(width * 0.5 - 1e-3), from);
    line + (width - line) * smooth_step(0.3, 0.8, footprint)
}

impl Wall {
    pub fn random(random: &mut Random, choices: &[Stuff]) -> Wall {
        let stuff = random.pick(choices);
        let light = random.range(0.55, 1.15);
        let tone = |random: &mut Random, [r, g, b]: [f32; 3]| {
            let mut channel = |c: f32| (c * light + random.normal(9.0)).clamp(8.0, 246.0);
            srgb(channel(r), channel(g), channel(b))
        };
        let ([a, b], scale): ([[f32; 3]; 2], f32) = match stuff {
            Stuff::Brick => ([[150.0, 84.0, 64.0], [168.0, 160.0, 150.0]], random.range(0.8, 1.3)),
            Stuff::Planks | Stuff::Wood => ([[142.0, 106.0, 74.0], [84.0, 60.0, 42.0]], random.range(0.7, 1.6)),
            Stuff::Hedge => ([[58.0, 84.0, 40.0], [30.0, 44.0, 24.0]], random.range(0.6, 1.8)),
            Stuff::Rock => ([[126.0, 118.0, 108.0], [84.0, 80.0, 76.0]], random.range(0.5, 2.0)),
            Stuff::Facade => {
                let base = random.pick(&[
                    [176.0, 160.0, 136.0],
                    [150.0, 96.0, 78.0],
                    [188.0, 186.0, 180.0],
                    [120.0, 124.0, 130.0],
                ]);
                ([base, [66.0, 80.0, 96.0]], random.range(0.8, 1.4))
            }
            _ => {
                let base = random.pick(&[
                    [206.0, 202.0, 192.0],
                    [224.0, 220.0, 214.0],
                    [168.0, 176.0, 180.0],
                    [196.0, 176.0, 144.0],
                    [134.0, 150.0, 134.0],
                    [120.0, 112.0, 108.0],
                    [92.0, 104.0, 124.0],
                    [184.0, 140.0, 120.0],
                ]);
                ([base, [96.0, 92.0, 90.0]], random.range(0.6, 1.6))
            }
        };
        Wall { stuff, colour: tone(random, a), second: tone(random, b), scale, seed: random.next() }
    }

    /// The colour at metres from the wall's corner and over the ground.
    pub fn colour(&self, x: f32, y: f32, footprint: f32) -> Vec3 {
        let (x, y, fine) = (x / self.scale, y / self.scale, footprint / self.scale);
        let offset = (self.seed & 0xff) as f32 * 0.37;
        let stain = 1.0 + 0.10 * SOFT.at(x * 0.11 + offset, y * 0.13, fine * 0.13);
        let grain = 1.0 + 0.06 * GRAIN.at(x * 0.9 + offset, y * 0.9, fine * 0.9);
        let base = self.colour * (stain * grain);
        match self.stuff {
            Stuff::Plaster => base,
            Stuff::Brick => {
                let row = y / 0.075;
                let shift = if floor(row) as i32 & 1 == 0 { 0.0 } else { 0.5 };
                let column = x / 0.24 + shift;
                let tone = cell(self.seed, floor(column) as i32, floor(row) as i32) - 0.5;
                let near = 1.0 - smooth_step(0.3, 1.0, fine / 0.075);
                let brick = base * (1.0 + 0.5 * tone * near);
                brick.lerp(self.second * grain, joints(row, 0.14, fine / 0.075).max(joints(column, 0.045, fine / 0.24)))
            }
            Stuff::Planks | Stuff::Wood => {
                let board = x / 0.14;
                let tone = cell(self.seed, floor(board) as i32, 0) - 0.5;
                let fibre = RIDGED.at(x * 2.2 + tone, y * 0.18 + tone * 7.0, fine * 2.0);
                let wood = base.lerp(self.second, (0.28 + 0.14 * fibre + 0.3 * tone).clamp(0.0, 1.0));
                if self.stuff == Stuff::Wood { wood } else { wood * (1.0 - 0.6 * joints(board, 0.06, fine / 0.14)) }
            }
            Stuff::Tiles => {
                let (column, row) = (x / 0.3, y / 0.3);
                let tone = cell(self.seed, floor(column) as i32, floor(row) as i32) - 0.5;
                let tile = base * (1.0 + 0.12 * tone);
                tile.lerp(self.second, 0.7 * joints(column, 0.035, fine / 0.3).max(joints(row, 0.035, fine / 0.3)))
            }
            Stuff::Facade => self.facade(x, y, fine, base),
            Stuff::Hedge => {
                let leaf = LEAVES.at(x * 0.55 + offset, y * 0.55, fine * 0.55);
                let clump = SOFT.at(x * 0.22 + offset, y * 0.22, fine * 0.22);
                self.second.lerp(self.colour, (0.45 + 0.3 * leaf + 0.25 * clump).clamp(0.0, 1.3))
            }
            Stuff::Crowd => self.crowd(x, y, fine),
            Stuff::Shelves => self.shelves(x, y, fine, base),
            Stuff::Pictures => self.pictures(x, y, fine, base),
            Stuff::Ribs => {
                let wave = (fract(x / 0.16) * 2.0 - 1.0).abs();
                let fade = 1.0 - smooth_step(0.3, 0.9, fine / 0.16);
                base * (1.0 + (wave - 0.5) * 0.6 * fade)
            }
            Stuff::Rock => {
                let crack = RIDGED.at(x * 0.25 + offset, y * 0.3, fine * 0.3);
                let form = SOFT.at(x * 0.35 + offset, y * 0.5, fine * 0.5);
                base.lerp(self.second, (0.5 + 0.28 * crack - 0.2 * form).clamp(0.0, 1.0))
            }
        }
    }

    fn facade(&self, x: f32, y: f32, fine: f32, base: Vec3) -> Vec3 {
        let (column, row) = (x / 2.4, y / 3.1);
        let (u, v) = (fract(column), fract(row));
        let soft = (fine / 2.4).max(0.004);
        let inside = |v: f32, low: f32, high: f32| {
            smooth_step(low - soft, low + soft, v) * smooth_step(high + soft, high - soft, v)
        };
        let window = inside(u, 0.27, 0.73) * inside(v, 0.28, 0.78);
        let trim = inside(u, 0.23, 0.77) * inside(v, 0.24, 0.82);
        let tone = cell(self.seed, floor(column) as i32, floor(row) as i32);
        let mirror = SOFT.at(x * 0.07 + tone, y * 0.05, fine * 0.07);
        let glass = self.second * (0.35 + 0.9 * tone * tone + 0.2 * mirror).max(0.05);
        let bars = (1.0 - inside(u, 0.485, 0.515)) * (1.0 - inside(v, 0.51, 0.535));
        let frame = vec3(0.62, 0.6, 0.57).lerp(base, 0.3);
        let sill = inside(v, 0.9, 0.96) * 0.12;
        (base * (1.0 - sill)).lerp(frame, trim).lerp(glass, window * bars)
    }

    fn crowd(&self, x: f32, y: f32, fine: f32) -> Vec3 {
        let row = y / 0.7;
        let shift = cell(self.seed ^ 5, floor(row) as i32, 1);
        let column = x / 0.5 + shift;
        let (u, v) = (fract(column) - 0.5, fract(row));
        let (i, j) = (floor(column) as i32, floor(row) as i32);
        let hue = [cell(self.seed, i, j), cell(self.seed ^ 1, i, j), cell(self.seed ^ 2, i, j)];
        let light = 0.05 + 0.5 * hue[0] * hue[0];
        let clothes =
            vec3(light * lerp(0.5, 1.3, hue[1]), light * lerp(0.5, 1.0, hue[2]), light * lerp(0.5, 1.3, hue[0]));
        let head_x = (cell(self.seed ^ 3, i, j) - 0.5) * 0.3;
        let head = (((u - head_x) / 0.2).abs().max(((v - 0.78) / 0.2).abs()) - 1.0) < 0.0;
        let body = u.abs() < 0.42 && v < 0.66;
        let full = if head {
            srgb(190.0, 145.0, 115.0) * lerp(0.25, 1.0, hue[1])
        } else if body {
            clothes
        } else {
            vec3(0.03, 0.03, 0.035)
        };
        let mean = vec3(0.16, 0.14, 0.14);
        full.lerp(mean, smooth_step(0.1, 0.5, fine)) * (1.0 + 0.2 * LEAVES.at(x * 0.3, y * 0.3, fine * 0.3))
    }

    fn shelves(&self, x: f32, y: f32, fine: f32, base: Vec3) -> Vec3 {
        let row = y / 0.36;
        let j = floor(row) as i32;
        let width = lerp(0.05, 0.22, cell(self.seed ^ 9, j, 0));
        let column = x / width;
        let i = floor(column) as i32;
        let tall = lerp(0.45, 0.88, cell(self.seed ^ 4, i, j));
        let hue = |k: u64| cell(self.seed ^ (16 + k), i, j);
        let thing = vec3(0.03 + 0.5 * hue(0) * hue(3), 0.03 + 0.45 * hue(1) * hue(3), 0.03 + 0.45 * hue(2) * hue(3));
        let inside =
            if fract(row) < tall { thing * (1.0 - 0.4 * joints(column, 0.1, fine / width)) } else { base * 0.25 };
        let board = joints(row, 0.12, fine / 0.36);
        inside.lerp(base, board)
    }

    fn pictures(&self, x: f32, y: f32, fine: f32, base: Vec3) -> Vec3 {
        let (column, row) = (x / 1.5, y / 1.3);
        let (i, j) = (floor(column) as i32, floor(row) as i32);
        let random = |k: u64| cell(self.seed ^ (40 + k), i, j);
        if random(0) < 0.45 || j < 0 {
            return base;
        }
        let (half_x, half_y) = (lerp(0.12, 0.38, random(1)), lerp(0.12, 0.36, random(2)));
        let (u, v) = ((fract(column) - 0.5) / half_x, (fract(row) - 0.5) / half_y);
        let edge = u.abs().max(v.abs());
        if edge > 1.0 {
            return base;
        }
        let frame = vec3(0.02, 0.018, 0.016).lerp(vec3(0.6, 0.55, 0.45), random(3));
        if edge > 0.93 {
            return frame;
        }
        let paint = SOFT.at(u * 0.15 + random(4), v * 0.15 + random(5), fine * 0.3);
        let low = vec3(random(6), random(7), random(8)) * 0.5;
        let high = vec3(random(9), random(10), random(11)) * 0.8;
        low.lerp(high, (0.5 + 0.35 * paint).clamp(0.0, 1.0))
    }
}
