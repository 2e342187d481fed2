//! Where a scene plays: ground, sky, what stands far away, walls.

use super::ground::Ground;
use super::wall::{Stuff, Wall};
use crate::draw::{Light, ShadowMap, View};
use crate::image::srgb;
use crate::math::{Vec3, floor, lerp, smooth_step, vec3};
use crate::noise::{LEAVES, SOFT};
use crate::random::Random;

/// Kinds of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Field,
    Street,
    Room,
    CricketGround,
}

/// Something flat that stands upright across the view.
#[derive(Clone, Debug)]
struct Backdrop {
    /// Where it stands on the z axis.
    z: f32,
    /// Height of its upper edge: mean, and how far it varies over which length.
    height: f32,
    varies: f32,
    length: f32,
    /// How jagged the edge is.
    jagged: f32,
    wall: Wall,
    /// Share of the air's colour in front of it.
    haze: f32,
    seed: f32,
}

/// Everything that is drawn behind people and objects.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub light: Light,
    ground: Ground,
    /// From near to far.
    backdrops: Vec<Backdrop>,
    /// Walls at ±x of this distance and height.
    sides: Option<(f32, f32, [Wall; 2])>,
    ceiling: Option<(f32, Vec3)>,
    zenith: Vec3,
    horizon: Vec3,
    clouds: f32,
    seed: f32,
}

impl Setting {
    /// A random setting of that kind, whose back lies `depth` metres behind the origin at least.
    pub fn random(random: &mut Random, place: Place, depth: f32) -> Setting {
        let sunny = random.chance(0.55);
        let mut setting = Setting {
            light: if place == Place::Room { indoor_light(random) } else { outdoor_light(random, sunny) },
            ground: match place {
                Place::Field => Ground::outdoors(random),
                Place::Street => Ground::street(random),
                Place::Room => Ground::indoors(random),
                Place::CricketGround => Ground::pitch(random),
            },
            backdrops: Vec::new(),
            sides: None,
            ceiling: None,
            zenith: srgb(92.0, 142.0, 204.0) * random.range(0.8, 1.3),
            horizon: srgb(190.0, 210.0, 230.0) * random.range(0.9, 1.3),
            clouds: random.range(-0.6, 1.2),
            seed: random.unit() * 9.0,
        };
        if !sunny {
            let grey = random.range(0.5, 0.95);
            setting.zenith = vec3(0.72, 0.75, 0.8) * grey;
            setting.horizon = vec3(0.85, 0.86, 0.88) * grey;
            setting.clouds = 1.5;
        }
        match place {
            Place::Field => setting.add_landscape(random, depth, true),
            Place::CricketGround => setting.add_stands(random, depth),
            Place::Street => {
                let facades = [Stuff::Facade, Stuff::Facade, Stuff::Brick, Stuff::Ribs, Stuff::Plaster];
                let walls = [Wall::random(random, &facades), Wall::random(random, &facades)];
                if random.chance(0.6) {
                    setting.sides = Some((random.range(4.0, 12.0), random.range(4.0, 16.0), walls));
                }
                let (behind, high) = (random.range(1.0, 16.0), random.range(4.0, 20.0));
                let mut edge = Backdrop::new(random, &facades, -depth - behind, high);
                (edge.varies, edge.jagged) = (0.0, 0.0);
                setting.backdrops.push(edge);
                setting.add_landscape(random, depth + 30.0, false);
            }
            Place::Room => {
                let inside = [
                    Stuff::Plaster,
                    Stuff::Pictures,
                    Stuff::Brick,
                    Stuff::Planks,
                    Stuff::Tiles,
                    Stuff::Shelves,
                    Stuff::Ribs,
                ];
                let walls = [Wall::random(random, &inside), Wall::random(random, &inside)];
                let height = random.range(2.6, 6.0);
                setting.sides = Some((random.range(3.0, 9.0), height, walls));
                setting.ceiling = Some((height, srgb(214.0, 212.0, 206.0) * random.range(0.5, 1.0)));
                let behind = random.range(0.4, 5.0);
                let mut back = Backdrop::new(random, &inside, -depth - behind, 50.0);
                (back.varies, back.jagged, back.haze) = (0.0, 0.0, 0.0);
                setting.backdrops.push(back);
            }
        }
        setting
    }

    /// Half the distance between the side walls, where there are any.
    pub fn half_width(&self) -> Option<f32> {
        self.sides.as_ref().map(|sides| sides.0)
    }

    /// Takes the side walls away.
    pub fn open_sides(&mut self) {
        self.sides = None;
    }

    /// Turns the ground's pattern.
    pub fn turn_ground(&mut self, angle: f32) {
        self.ground.set_direction(angle);
    }

    fn add_landscape(&mut self, random: &mut Random, depth: f32, near: bool) {
        let mut z = -depth - random.range(2.0, 20.0);
        if near && random.chance(0.45) {
            let stuffs = [Stuff::Hedge, Stuff::Planks, Stuff::Brick, Stuff::Rock, Stuff::Ribs];
            let height = random.range(0.9, 2.6);
            let mut fence = Backdrop::new(random, &stuffs, z, height);
            let soft = if fence.wall.stuff == Stuff::Hedge { 0.15 } else { 0.0 };
            (fence.varies, fence.jagged) = (soft, soft);
            self.backdrops.push(fence);
        }
        z -= random.range(8.0, 50.0);
        let height = random.range(4.0, 14.0);
        let choices = [Stuff::Hedge, Stuff::Hedge, Stuff::Facade, Stuff::Rock];
        let mut row = Backdrop::new(random, &choices, z, height);
        if row.wall.stuff == Stuff::Facade {
            (row.varies, row.jagged, row.length) = (4.0, 0.0, 14.0);
        } else {
            row.wall.scale *= 2.5;
        }
        row.haze = random.range(0.0, 0.25);
        self.backdrops.push(row);
        let height = random.range(20.0, 90.0);
        let mut hills = Backdrop::new(random, &[Stuff::Hedge, Stuff::Rock], z - 600.0, height);
        (hills.varies, hills.length, hills.jagged) = (height * 0.5, 260.0, 2.0);
        hills.wall.scale = 30.0;
        hills.haze = random.range(0.35, 0.8);
        self.backdrops.push(hills);
    }

    fn add_stands(&mut self, random: &mut Random, depth: f32) {
        let mut rail = Backdrop::new(random, &[Stuff::Ribs, Stuff::Plaster, Stuff::Pictures], -depth - 30.0, 1.1);
        (rail.varies, rail.jagged) = (0.0, 0.0);
        self.backdrops.push(rail);
        let high = random.range(6.0, 14.0);
        let mut stand = Backdrop::new(random, &[Stuff::Crowd, Stuff::Hedge], -depth - 36.0, high);
        (stand.varies, stand.jagged) = (1.0, 0.3);
        self.backdrops.push(stand);
        self.add_landscape(random, depth + 60.0, false);
    }

    /// The light that comes along a ray from the camera.
    pub fn light_along(&self, view: &View, shadows: Option<&ShadowMap>, x: f32, y: f32) -> Vec3 {
        let ray = view.ray(x, y);
        let at = view.at;
        let length = ray.length();
        let pixel = length / view.focal;
        let mut nearest = f32::MAX;
        let mut colour = None;
        if ray.y < -1e-5 {
            nearest = -at.y / ray.y;
            colour = Some(0);
        }
        if let Some((half, height, _)) = &self.sides
            && ray.x.abs() > 1e-6
        {
            let t = (half.copysign(ray.x) - at.x) / ray.x;
            let y = at.y + ray.y * t;
            if t > 0.0 && t < nearest && y < *height && y > -0.01 {
                (nearest, colour) = (t, Some(1));
            }
        }
        if let Some((height, _)) = self.ceiling
            && ray.y > 1e-6
        {
            let t = (height - at.y) / ray.y;
            if t < nearest {
                (nearest, colour) = (t, Some(2));
            }
        }
        let ambient = |normal: Vec3| self.light.on(normal, 1.0, if self.ceiling.is_some() { 0.6 } else { 1.0 });
        if ray.z < -1e-6 {
            for drop in &self.backdrops {
                let t = (drop.z - at.z) / ray.z;
                if t <= 0.0 || t >= nearest {
                    continue;
                }
                let (x, y) = (at.x + ray.x * t, at.y + ray.y * t);
                let fine = t * pixel;
                if y > drop.edge(x, fine) {
                    continue;
                }
                let facing = vec3(0.0, 0.25, 0.97);
                let near_ground = 0.72 + 0.28 * smooth_step(0.0, 1.2, y);
                let lit = drop.wall.colour(x, y, fine).times(ambient(facing)) * near_ground;
                return lit.lerp(self.horizon, drop.haze);
            }
        }
        let hit = at + ray * nearest.min(1e6);
        match colour {
            Some(0) => {
                // Ground seen at a grazing angle is sampled coarsely along the view only.
                let slope = (-ray.y / length).max(0.02);
                let fine = nearest * pixel * (1.0 / slope).sqrt().min(4.0);
                let base = self.ground.colour(hit.x, hit.z, fine);
                let sunlight = shadows.map_or(1.0, |map| map.light(hit, 0.01 + self.light.soft, 0.015));
                let haze = if self.ceiling.is_some() { 0.0 } else { (nearest * length * 0.0012).min(0.5) };
                let open = if self.ceiling.is_some() { 0.9 } else { 1.0 };
                base.times(self.light.on(Vec3::UP, open, sunlight)).lerp(self.horizon, haze)
            }
            Some(1) => {
                let (_, _, walls) = self.sides.as_ref().expect("only a side wall sets this");
                let wall = &walls[usize::from(ray.x > 0.0)];
                let corner = 0.75 + 0.25 * smooth_step(0.0, 1.0, hit.y);
                let normal = vec3(-1.0f32.copysign(ray.x), 0.2, 0.0);
                wall.colour(hit.z, hit.y, nearest * pixel * 1.5).times(ambient(normal)) * corner
            }
            Some(_) => {
                let (_, tone) = self.ceiling.expect("only a ceiling sets this");
                let panel = 0.04 * SOFT.at(hit.x * 0.1, hit.z * 0.1, nearest * pixel * 0.1);
                tone.times(self.light.bounce + self.light.sky * 0.5) * (1.0 + panel)
            }
            None => self.sky(ray * (1.0 / length)),
        }
    }

    fn sky(&self, direction: Vec3) -> Vec3 {
        let height = direction.y.max(0.0);
        let base = self.horizon.lerp(self.zenith, (height * 2.2).min(1.0));
        let flat = 1.0 / (height + 0.12);
        let (u, v) = (direction.x * flat * 0.10 + self.seed, direction.z * flat * 0.10);
        let cloud = SOFT.at(u, v, 0.003 * flat) + 0.3 * SOFT.at(u * 3.0, v * 3.0, 0.009 * flat) + self.clouds - 0.6;
        let share = smooth_step(0.0, 1.6, cloud) * smooth_step(0.0, 0.12, height) * 0.85;
        let white = vec3(0.95, 0.96, 1.0) * lerp(0.8, 1.05, height) * self.horizon.y.max(0.3);
        base.lerp(white, share)
    }
}

impl Backdrop {
    fn new(random: &mut Random, choices: &[Stuff], z: f32, height: f32) -> Backdrop {
        Backdrop {
            z,
            height,
            varies: height * 0.3,
            length: height * 3.0,
            jagged: height * 0.12,
            wall: Wall::random(random, choices),
            haze: 0.0,
            seed: random.unit() * 7.0,
        }
    }

    fn edge(&self, x: f32, footprint: f32) -> f32 {
        if self.varies + self.jagged == 0.0 {
            return self.height;
        }
        let (u, fine) = (x / self.length, footprint / self.length);
        let form = if self.wall.stuff == Stuff::Facade {
            // Houses: flat roofs of different heights.
            crate::noise::cell(self.wall.seed ^ 77, floor(u) as i32, 0) * 2.0 - 1.0
        } else {
            SOFT.at(u * 0.25 + self.seed, self.seed, fine * 0.25)
        };
        self.height + self.varies * form + self.jagged * LEAVES.at(u * 2.0, self.seed, fine * 2.0)
    }
}

fn outdoor_light(random: &mut Random, sunny: bool) -> Light {
    let azimuth = random.range(-1.0, 1.0) * 2.6;
    let height = random.range(0.35, 1.25);
    let (s, c) = libm::sincosf(azimuth);
    let sun = vec3(s, height, c).unit_or(Vec3::UP);
    if sunny {
        let warm = random.range(0.0, 1.0) * (1.25 - height).max(0.0);
        Light {
            sun,
            sun_colour: vec3(1.0, 0.94 - 0.12 * warm, 0.84 - 0.3 * warm) * random.range(0.65, 1.05),
            sky: vec3(0.42, 0.5, 0.64) * random.range(0.6, 1.0),
            bounce: vec3(0.26, 0.24, 0.2) * random.range(0.7, 1.2),
            soft: random.range(0.01, 0.05),
        }
    } else {
        Light {
            sun: vec3(s * 0.4, 1.0, c * 0.4).unit_or(Vec3::UP),
            sun_colour: vec3(0.5, 0.51, 0.53) * random.range(0.5, 0.9),
            sky: vec3(0.6, 0.63, 0.68) * random.range(0.7, 1.0),
            bounce: vec3(0.24, 0.24, 0.23),
            soft: random.range(0.15, 0.35),
        }
    }
}

fn indoor_light(random: &mut Random) -> Light {
    let warm = random.unit();
    let (s, c) = libm::sincosf(random.range(-1.0, 1.0) * 1.8);
    Light {
        sun: vec3(s * 0.7, random.range(0.6, 1.4), c * 0.7).unit_or(Vec3::UP),
        sun_colour: vec3(1.0, 0.95 - 0.1 * warm, 0.88 - 0.25 * warm) * random.range(0.35, 0.75),
        sky: vec3(0.5, 0.48, 0.46 - 0.08 * warm) * random.range(0.7, 1.2),
        bounce: vec3(0.3, 0.27, 0.24) * random.range(0.7, 1.2),
        soft: random.range(0.06, 0.3),
    }
}
