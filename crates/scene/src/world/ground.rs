//! The ground: meadows, roads, floors.

use super::wall::{Stuff, Wall};
use crate::image::srgb;
use crate::math::{Vec3, floor, fract, radians, smooth_step, vec3};
use crate::noise::{GRAIN, LEAVES, RIDGED, SOFT, cell};
use crate::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Grass,
    Earth,
    Asphalt,
    Paving,
    /// A sports floor with lines.
    Court,
    /// A worn strip of clay in a meadow, as cricket is played on.
    Pitch,
    Boards,
    Carpet,
    Marble,
}

/// The ground's looks.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    kind: Kind,
    colour: Vec3,
    second: Vec3,
    scale: f32,
    /// Cosine and sine of the direction of its pattern.
    turn: (f32, f32),
    seed: u64,
    boards: Wall,
}

impl Ground {
    pub fn outdoors(random: &mut Random) -> Ground {
        let kind = random.pick(&[
            Kind::Grass,
            Kind::Grass,
            Kind::Earth,
            Kind::Asphalt,
            Kind::Asphalt,
            Kind::Paving,
            Kind::Court,
        ]);
        Ground::of(random, kind)
    }

    pub fn street(random: &mut Random) -> Ground {
        let kind = random.pick(&[Kind::Asphalt, Kind::Paving, Kind::Paving]);
        Ground::of(random, kind)
    }

    pub fn indoors(random: &mut Random) -> Ground {
        let kind = random.pick(&[Kind::Boards, Kind::Boards, Kind::Carpet, Kind::Marble, Kind::Paving, Kind::Court]);
        Ground::of(random, kind)
    }

    pub fn pitch(random: &mut Random) -> Ground {
        Ground { turn: (1.0, 0.0), ..Ground::of(random, Kind::Pitch) }
    }

    fn of(random: &mut Random, kind: Kind) -> Ground {
        let [a, b] = match kind {
            Kind::Grass | Kind::Pitch => [[86.0, 112.0, 52.0], [60.0, 78.0, 40.0]],
            Kind::Earth => [[168.0, 142.0, 108.0], [122.0, 100.0, 78.0]],
            Kind::Asphalt => [[104.0, 104.0, 106.0], [206.0, 204.0, 198.0]],
            Kind::Paving => [[158.0, 152.0, 144.0], [104.0, 100.0, 96.0]],
            Kind::Court => random.pick(&[
                [[68.0, 108.0, 84.0], [228.0, 228.0, 224.0]],
                [[62.0, 92.0, 140.0], [232.0, 232.0, 230.0]],
                [[170.0, 92.0, 64.0], [236.0, 236.0, 232.0]],
                [[196.0, 154.0, 104.0], [60.0, 60.0, 70.0]],
            ]),
            Kind::Boards => [[166.0, 124.0, 84.0], [104.0, 74.0, 50.0]],
            Kind::Carpet => random.pick(&[
                [[120.0, 112.0, 104.0], [96.0, 90.0, 86.0]],
                [[80.0, 88.0, 110.0], [60.0, 66.0, 84.0]],
                [[140.0, 90.0, 80.0], [110.0, 70.0, 60.0]],
            ]),
            Kind::Marble => [[206.0, 202.0, 194.0], [140.0, 136.0, 132.0]],
        };
        let light = random.range(0.75, 1.15);
        let mut tone = |[r, g, b]: [f32; 3]| {
            let mut channel = |c: f32| (c * light + random.normal(7.0)).clamp(6.0, 246.0);
            srgb(channel(r), channel(g), channel(b))
        };
        let (colour, second) = (tone(a), tone(b));
        let angle = random.pick(&[0.0, 90.0, 45.0]) + random.range(-12.0, 12.0);
        let (s, c) = libm::sincosf(radians(angle));
        let scale = random.range(0.6, 1.7);
        let seed = random.next();
        let boards = Wall { stuff: Stuff::Planks, colour, second, scale, seed };
        Ground { kind, colour, second, scale, turn: (c, s), seed, boards }
    }

    /// Sets the direction of the pattern.
    pub fn set_direction(&mut self, angle: f32) {
        let (s, c) = libm::sincosf(angle);
        self.turn = (c, s);
    }

    /// The colour at a place of the ground.
    pub fn colour(&self, x: f32, z: f32, footprint: f32) -> Vec3 {
        let (c, s) = self.turn;
        let (x, z) = ((c * x + s * z) / self.scale, (c * z - s * x) / self.scale);
        let fine = footprint / self.scale;
        let offset = (self.seed & 0xff) as f32 * 0.29;
        let stain = SOFT.at(x * 0.06 + offset, z * 0.06, fine * 0.06);
        let patch = SOFT.at(x * 0.31, z * 0.31 + offset, fine * 0.31);
        let grain = GRAIN.at(x * 1.1, z * 1.1, fine * 1.1);
        let base = self.colour * (1.0 + 0.10 * stain + 0.05 * patch);
        match self.kind {
            Kind::Grass => self.grass(x, z, fine, stain, patch),
            Kind::Earth => {
                let pebbles = RIDGED.at(x * 0.9, z * 0.9, fine * 0.9);
                self.colour.lerp(self.second, (0.4 + 0.22 * patch + 0.12 * pebbles).clamp(0.0, 1.0))
                    * (1.0 + 0.12 * grain)
            }
            Kind::Asphalt => {
                let crack = smooth_step(0.9, 1.5, RIDGED.at(x * 0.12 + offset, z * 0.12, fine * 0.12)) * 0.25;
                let lane = line(x + 1.3, 6.0, 0.14, fine);
                let dash = if fract(z / 4.0) < 0.5 { lane } else { 0.0 };
                (base * (1.0 + 0.13 * grain - crack)).lerp(self.second, dash * 0.8)
            }
            Kind::Paving => {
                let (column, row) = (x / 0.6, z / 0.6);
                let tone = cell(self.seed, floor(column) as i32, floor(row) as i32) - 0.5;
                let near = 1.0 - smooth_step(0.3, 1.0, fine / 0.6);
                let stone = base * (1.0 + 0.22 * tone * near + 0.07 * grain);
                let joint = line(x, 0.6, 0.02, fine).max(line(z, 0.6, 0.02, fine));
                stone.lerp(self.second * 0.6, joint * 0.8)
            }
            Kind::Court => {
                let lines = line(x + 2.0, 9.0, 0.08, fine).max(line(z + 1.0, 13.0, 0.08, fine));
                (base * (1.0 + 0.05 * grain)).lerp(self.second, lines)
            }
            Kind::Pitch => {
                let clay = srgb(188.0, 164.0, 122.0) * (1.0 + 0.1 * patch + 0.06 * grain);
                let on = smooth_step(1.75, 1.45, x.abs() * self.scale)
                    * smooth_step(12.5, 12.0, (z * self.scale + 8.0).abs());
                self.grass(x, z, fine, stain, patch).lerp(clay, on)
            }
            Kind::Boards => self.boards.colour(x * self.scale, z * self.scale, footprint),
            Kind::Carpet => base.lerp(self.second, 0.5 + 0.2 * patch) * (1.0 + 0.16 * grain),
            Kind::Marble => {
                let vein = smooth_step(0.6, 1.6, RIDGED.at(x * 0.2 + offset, z * 0.23 + 0.1 * patch, fine * 0.2));
                let joint = line(x, 0.9, 0.012, fine).max(line(z, 0.9, 0.012, fine));
                base.lerp(self.second, 0.6 * vein.max(joint))
            }
        }
    }

    fn grass(&self, x: f32, z: f32, fine: f32, stain: f32, patch: f32) -> Vec3 {
        let blades = LEAVES.at(x * 1.3, z * 1.3, fine * 1.3);
        let share = (0.42 + 0.22 * blades + 0.16 * patch + 0.1 * stain).clamp(0.0, 1.2);
        let dry = vec3(0.10, 0.08, 0.02) * smooth_step(0.6, 2.0, stain - 0.4 * patch);
        self.second.lerp(self.colour, share) + dry
    }
}

/// 1 in a line of that width at each repeat.
fn line(x: f32, repeat: f32, width: f32, footprint: f32) -> f32 {
    let from = fract(x / repeat).min(1.0 - fract(x / repeat)) * repeat;
    let soft = footprint.max(0.004);
    ((width * 0.5 - from) / soft + 0.5).clamp(0.0, 1.0) * (width / soft).min(1.0)
}
