//! People who walk through, cross each other's way, stop, wave and squat.

use framefan_contract::error::Result;

use super::lens;
use crate::body::{Look, Shape};
use crate::camera::CameraPath;
use crate::math::{radians, vec3};
use crate::motion::{Act, Actor, Path};
use crate::random::Random;
use crate::scene::{Play, Scene, SceneSettings};
use crate::world::{Place, Prop, PropKind, Setting};

/// The sample for demonstrations: eleven seconds of 640×360 at 25 frames a second. Two people come from both sides and
/// cross before a third, who waves and then squats.
pub fn sample() -> Result<Scene> {
    sample_with(SceneSettings { frames: 275, ..SceneSettings::default() })
}

fn sample_with(settings: SceneSettings) -> Result<Scene> {
    const SEED: u64 = 6;
    let mut random = Random::new(SEED, "sample", 0);
    let duration = settings.frames as f32 / settings.fps as f32;
    let setting = Setting::random(&mut random, Place::Field, 6.0);
    let person = |k: u64, path: Path, acts: Vec<(f32, Act)>, facing: Option<f32>| cast(SEED, k, path, acts, facing);
    let actors = vec![
        person(0, Path::new(vec![(0.2, -4.4, 0.6), (7.2, 4.4, 0.9)]), vec![(0.0, Act::Stand)], None),
        person(1, Path::new(vec![(1.0, 4.6, -0.4), (8.6, -4.8, -0.2)]), vec![(0.0, Act::Stand)], None),
        person(
            2,
            Path::standing(0.5, -1.4),
            vec![(0.0, Act::Stand), (1.0, Act::Wave(1)), (4.4, Act::Stand), (5.2, Act::Squat(2.6)), (10.4, Act::Stand)],
            Some(0.1),
        ),
    ];
    let camera =
        CameraPath { at: vec3(0.0, 1.5, 5.8), pitch: radians(-7.0), shake: 0.004, ..tripod(&settings, duration) };
    let finish = lens(&mut random, &setting, 0.0);
    let props = vec![
        Prop::new(&mut random, PropKind::Bench, vec3(-2.9, 0.0, -3.6), 0.3),
        Prop::new(&mut random, PropKind::Tree, vec3(4.4, 0.0, -7.0), 0.0),
        Prop::new(&mut random, PropKind::Lamp, vec3(-5.0, 0.0, -6.0), 0.0),
    ];
    let name = "sample".to_owned();
    Scene::stage(
        Play { name, seed: SEED, actors, props, setting, camera, finish, defocus: Vec::new(), ball: None },
        settings,
    )
}

/// People who cross from side to side at different depths and speeds, so that they hide one another; one pole stands in
/// their way. Errors: more people than a scene can hold, no seconds.
pub fn crossings(seed: u64, people: usize, seconds: f32) -> Result<Scene> {
    let fps = 25;
    let frames = (seconds * fps as f32).round().max(0.0) as usize;
    let settings = SceneSettings { frames, people, fps, ..SceneSettings::default() };
    let mut random = Random::new(seed, "crossings", 0);
    let place = random.pick(&[Place::Field, Place::Street]);
    let mut setting = Setting::random(&mut random, place, 8.0);
    setting.open_sides();
    let actors = (0..people)
        .map(|k| {
            let mut own = Random::new(seed, "crossing", k as u64);
            let depth = 1.4 - 4.6 * (k as f32 + own.range(0.2, 0.8)) / people.max(1) as f32;
            let side = if k % 2 == 0 { 1.0 } else { -1.0 };
            let speed = if own.chance(0.15) { own.range(2.8, 3.6) } else { own.range(0.9, 1.6) };
            let reach = 5.2 - 0.35 * depth;
            let start = own.range(0.0, (seconds - 2.0 * reach / speed).max(0.5));
            let way = vec![
                (start, side * reach, depth),
                (start + 2.0 * reach / speed, -side * reach, depth + own.range(-0.3, 0.3)),
            ];
            cast(seed, k as u64, Path::new(way), vec![(0.0, Act::Stand)], None)
        })
        .collect();
    let camera = tripod(&settings, seconds);
    let finish = lens(&mut random, &setting, 0.3);
    let aside = random.range(-1.5, 1.5);
    let props = vec![Prop::new(&mut random, PropKind::Pole, vec3(aside, 0.0, 2.2), 0.0)];
    let name = "crossings".to_owned();
    Scene::stage(Play { name, seed, actors, props, setting, camera, finish, defocus: Vec::new(), ball: None }, settings)
}

/// People who walk through, leave the picture altogether for some seconds, and come back, as often as there is time for:
/// whether they are the same can be told by their looks alone. They come back where they left, at another depth.
/// Errors: more people than a scene can hold, no seconds.
pub fn returns(seed: u64, people: usize, seconds: f32) -> Result<Scene> {
    let fps = 25;
    let frames = (seconds * fps as f32).round().max(0.0) as usize;
    let settings = SceneSettings { frames, people, fps, ..SceneSettings::default() };
    let mut random = Random::new(seed, "returns", 0);
    let place = random.pick(&[Place::Field, Place::Street]);
    let mut setting = Setting::random(&mut random, place, 8.0);
    setting.open_sides();
    let actors = (0..people)
        .map(|k| {
            let mut own = Random::new(seed, "returning", k as u64);
            let mut places = Vec::new();
            let mut time = own.range(0.0, 4.0);
            let mut side = if own.chance(0.5) { 1.0 } else { -1.0 };
            while places.is_empty() || time < seconds {
                // Beyond the edge of the picture at that depth, whoever waits cannot be seen.
                let depth = own.range(-3.0, 1.2);
                let outside = 0.6 * (7.5 - depth) + 1.0;
                let speed = own.range(1.1, 1.8);
                places.push((time, side * outside, depth));
                time += 2.0 * outside / speed;
                places.push((time, -side * outside, depth));
                time += own.range(4.0, 8.0);
                side = -side;
            }
            cast(seed, k as u64, Path::new(places), vec![(0.0, Act::Stand)], None)
        })
        .collect();
    let camera = tripod(&settings, seconds);
    let finish = lens(&mut random, &setting, 0.3);
    let name = "returns".to_owned();
    let props = Vec::new();
    Scene::stage(Play { name, seed, actors, props, setting, camera, finish, defocus: Vec::new(), ball: None }, settings)
}

/// A camera at eye level, 7.5 m before the middle, with the view of a normal lens.
pub(super) fn tripod(settings: &SceneSettings, duration: f32) -> CameraPath {
    CameraPath {
        at: vec3(0.0, 1.5, 7.5),
        yaw: 0.0,
        pitch: radians(-4.5),
        roll: 0.0,
        focal: settings.width as f32 * 0.86,
        pan: 0.0,
        zoom: 1.0,
        shake: 0.0,
        duration,
        seed: 0.3,
    }
}

/// A camera in a hand: it pans, zooms and shakes a little.
pub(super) fn handheld(random: &mut Random, settings: &SceneSettings, duration: f32) -> CameraPath {
    let pan = random.range(-0.05, 0.05);
    CameraPath {
        at: vec3(random.range(-1.0, 1.0), random.range(1.0, 2.4), random.range(5.5, 8.0)),
        yaw: -0.5 * pan * duration.min(8.0),
        pan: if duration > 8.0 { 0.0 } else { pan },
        pitch: radians(random.range(-9.0, -1.0)),
        roll: radians(random.range(-2.0, 2.0)),
        zoom: random.range(0.8, 1.35),
        shake: random.range(0.0, 0.012),
        seed: random.unit(),
        ..tripod(settings, duration)
    }
}

/// A person of a seed's cast.
pub(super) fn cast(seed: u64, k: u64, path: Path, acts: Vec<(f32, Act)>, facing: Option<f32>) -> Actor {
    let mut random = Random::new(seed, "person", k);
    let shape = Shape::random(&mut random);
    let look = Look::random(&mut random, shape.feminine);
    Actor { shape, look, path, acts, facing, phase: random.unit() }
}

/// Someone who walks from place to place and does something in between.
pub(super) fn stroller(seed: u64, k: usize, duration: f32) -> Actor {
    let mut random = Random::new(seed, "stroll", k as u64);
    let mut places = Vec::new();
    let mut acts = vec![(0.0, Act::Stand)];
    let (mut time, mut x, mut z) = (0.0, random.range(-3.0, 3.0), random.range(-4.0, 2.0));
    places.push((time, x, z));
    while time < duration {
        if random.chance(0.4) {
            let act = match random.below(4) {
                0 => Act::Wave(random.below(2)),
                1 => Act::Squat(random.range(1.8, 3.2)),
                2 => Act::Jump(random.range(1.2, 1.8)),
                _ => Act::Stand,
            };
            acts.push((time, act));
            time += random.range(2.0, 4.0);
            places.push((time, x, z));
            acts.push((time, Act::Stand));
        }
        let (to_x, to_z): (f32, f32) = (random.range(-4.5, 4.5), random.range(-5.0, 2.5));
        let way = ((to_x - x) * (to_x - x) + (to_z - z) * (to_z - z)).sqrt();
        if way < 0.8 {
            continue;
        }
        let speed = if random.chance(0.2) { random.range(2.6, 4.0) } else { random.range(0.8, 1.7) };
        time += way / speed;
        (x, z) = (to_x, to_z);
        places.push((time, x, z));
    }
    cast(seed, 1000 + k as u64, Path::new(places), acts, None)
}

/// A few things that suit the place.
pub(super) fn clutter(random: &mut Random, place: Place, half: Option<f32>) -> Vec<Prop> {
    let kinds: &[PropKind] = match place {
        Place::Room => {
            &[PropKind::Crate, PropKind::Table, PropKind::CoatStand, PropKind::Lamp, PropKind::Ball, PropKind::Balloon]
        }
        Place::Street => &[
            PropKind::Pole,
            PropKind::Sign,
            PropKind::Lamp,
            PropKind::Car,
            PropKind::Cone,
            PropKind::Barrel,
            PropKind::Bench,
            PropKind::Crate,
        ],
        _ => &[
            PropKind::Tree,
            PropKind::Bush,
            PropKind::Bench,
            PropKind::Lamp,
            PropKind::Barrel,
            PropKind::Cone,
            PropKind::Ball,
        ],
    };
    let reach = half.map_or(6.0, |half| (half - 0.7).min(6.0));
    (0..random.below(6))
        .map(|_| {
            let kind = random.pick(kinds);
            let at = vec3(random.range(-reach, reach), 0.0, random.range(-6.5, 1.0));
            let yaw = random.range(-1.6, 1.6);
            Prop::new(random, kind, at, yaw)
        })
        .collect()
}
