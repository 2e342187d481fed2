//! Single pictures for training: as varied as can be.

use framefan_contract::error::Result;

use super::{lens, plain};
use crate::body::{Figure, Look, Shape};
use crate::camera::CameraPath;
use crate::math::{TURN, Vec3, lerp, radians, vec3};
use crate::motion::{Act, Actor, Path, random_pose};
use crate::random::Random;
use crate::scene::{Play, Scene, SceneSettings};
use crate::world::{Place, Prop, PropKind, Setting};

/// A scene of one square frame of `size` pixels a side: up to four people in random poses, sizes, clothes and light, before
/// a random background with clutter; some hidden in part, some cut by the frame.
pub fn still(seed: u64, size: usize) -> Result<Scene> {
    let mut random = Random::new(seed, "crowd", 0);
    let people = match random.below(100) {
        0..=3 => 0,
        4..=45 => 1,
        46..=72 => 2,
        73..=88 => 3,
        _ => 4,
    };
    still_with(seed, SceneSettings { width: size, height: size, frames: 1, people, ..SceneSettings::default() })
}

/// Like [`still`] for any settings. A scene of more than one frame shows the same picture with another grain in each.
pub fn still_with(seed: u64, settings: SceneSettings) -> Result<Scene> {
    let mut random = Random::new(seed, "still", 0);
    let place = random.pick(&[
        Place::Field,
        Place::Field,
        Place::Street,
        Place::Street,
        Place::Room,
        Place::Room,
        Place::CricketGround,
    ]);
    let (width, height) = (settings.width as f32, settings.height as f32);
    let focal = width.max(height) * random.range(0.75, 2.0);

    // The first person sets the distance: from small in the view to a face that fills it.
    let share = libm::exp2f(random.range(-2.6, 0.75));
    let main = focal * 1.7 / (share * height);
    let camera_height = if random.chance(0.75) { random.range(1.0, 1.9) } else { random.range(0.4, 3.2) };
    let aim = if share > 0.85 { random.range(0.9, 1.5) } else { random.range(0.5, 1.3) };
    // Where in the picture's height that point comes to lie.
    let offset = if share > 0.85 { random.range(-0.08, 0.12) } else { random.range(-0.22, 0.22) } * height / focal;
    let pitch = libm::atanf((aim - camera_height) / main) + libm::atanf(offset);

    let mut distances = vec![main];
    for _ in 1..settings.people {
        distances.push(main * libm::exp2f(random.range(-0.5, 1.2)));
    }
    let farthest = distances.iter().fold(1.0f32, |far, d| far.max(*d));
    let setting = Setting::random(&mut random, place, farthest + 0.8);
    let half = setting.half_width().map_or(f32::MAX, |half| half - 0.6);

    let mut props = Vec::new();
    let mut actors: Vec<Actor> = Vec::new();
    let mut taken: Vec<(f32, f32)> = Vec::new();
    for (k, distance) in distances.iter().enumerate().take(settings.people) {
        let mut own = Random::new(seed, "person", k as u64);
        // Somebody who would stand in another's place tries again.
        let spot = (0..8).find_map(|attempt| {
            let wide = if k == 0 { 0.36 } else { 0.5 };
            let x = (own.range(-wide, wide) * width / focal * distance).clamp(-half, half);
            let z = -distance * if attempt < 4 { 1.0 } else { own.range(0.8, 1.3) };
            let free = taken.iter().all(|(ox, oz)| (ox - x) * (ox - x) + (oz - z) * (oz - z) > 0.45);
            free.then_some((x, z))
        });
        let Some((x, z)) = spot else { continue };
        taken.push((x, z));
        actors.push(person(&mut own, x, z, &mut props));
    }
    let room = Room { main, farthest, half, view: width / focal };
    clutter(&mut random, place, &room, &taken, &mut props);

    let mut finish = lens(&mut random, &setting, 1.0);
    if random.chance(0.06) {
        let (s, c) = libm::sincosf(random.unit() * TURN);
        let way = random.range(1.5, 0.02 * width + 2.0);
        finish.smear = (way * c, way * s);
    }
    let finish = if settings.lens { finish } else { plain(finish) };
    let camera = CameraPath {
        at: vec3(0.0, camera_height, 0.0),
        yaw: radians(random.normal(2.0)),
        pitch,
        roll: radians(random.normal(2.5)),
        focal,
        pan: 0.0,
        zoom: 1.0,
        shake: 0.0,
        duration: 0.0,
        seed: 0.0,
    };
    let play = Play {
        name: "still".to_owned(),
        seed,
        actors,
        props,
        setting,
        camera,
        finish,
        defocus: Vec::new(),
        ball: None,
    };
    Scene::stage(play, settings)
}

fn person(random: &mut Random, x: f32, z: f32, props: &mut Vec<Prop>) -> Actor {
    let shape = Shape::random(random);
    let (pose, sits) = random_pose(random);
    let look = if pose.bat.is_some() && random.chance(0.7) {
        Look::cricketer(random, true)
    } else {
        Look::random(random, shape.feminine)
    };
    // Towards the camera more often than not.
    let yaw = if random.chance(0.5) { random.normal(0.6) } else { random.range(-0.5, 0.5) * TURN };
    let actor = Actor {
        shape,
        look,
        path: Path::standing(x, z),
        acts: vec![(0.0, Act::Hold(pose))],
        facing: Some(yaw),
        phase: 0.0,
    };
    if sits {
        let figure = Figure::new(&actor.shape, &actor.look, &pose, vec3(x, 0.0, z), yaw);
        let joints = &figure.joints;
        let seat = (joints.pelvis.y - 0.065 * actor.shape.height).max(0.1);
        let back = joints.heading.z * -0.05;
        props.push(Prop::seat(random, vec3(joints.pelvis.x, seat, joints.pelvis.z) + back, yaw));
    }
    actor
}

/// Where there is room for things.
struct Room {
    /// Distances of the first and of the farthest person.
    main: f32,
    farthest: f32,
    /// Half the distance between the walls.
    half: f32,
    /// The view's width at a distance of 1.
    view: f32,
}

/// Things around the people, now and then one in front of somebody.
fn clutter(random: &mut Random, place: Place, room: &Room, taken: &[(f32, f32)], props: &mut Vec<Prop>) {
    let &Room { main, farthest, half, view } = room;
    let kinds: &[PropKind] = match place {
        Place::Room => &[
            PropKind::Crate,
            PropKind::Crate,
            PropKind::Table,
            PropKind::CoatStand,
            PropKind::Lamp,
            PropKind::Ball,
            PropKind::Balloon,
        ],
        Place::Street => &[
            PropKind::Pole,
            PropKind::Sign,
            PropKind::Lamp,
            PropKind::Car,
            PropKind::Cone,
            PropKind::Barrel,
            PropKind::Bench,
            PropKind::Crate,
            PropKind::Tree,
        ],
        Place::CricketGround => &[PropKind::Wicket, PropKind::Ball, PropKind::Cone],
        Place::Field => &[
            PropKind::Tree,
            PropKind::Bush,
            PropKind::Bench,
            PropKind::Lamp,
            PropKind::Barrel,
            PropKind::Cone,
            PropKind::Ball,
            PropKind::CoatStand,
        ],
    };
    for _ in 0..random.below(7) {
        let kind = random.pick(kinds);
        let distance = (main * random.range(0.9, 2.6) + 0.5).min(farthest + 0.4);
        let x = (random.range(-0.6, 0.6) * view * distance).clamp(-half, half);
        let clear = if kind == PropKind::Car { 2.4 } else { 0.75 };
        let free = taken.iter().all(|(ox, oz)| (ox - x).abs() + (oz + distance).abs() > clear);
        let yaw = random.range(-1.6, 1.6);
        if free {
            props.push(Prop::new(random, kind, vec3(x, 0.0, -distance), yaw));
        }
    }
    if let Some(&(x, z)) = taken.first()
        && random.chance(0.22)
    {
        let kind = random.pick(&[
            PropKind::Pole,
            PropKind::Crate,
            PropKind::Bush,
            PropKind::Barrel,
            PropKind::Sign,
            PropKind::Table,
        ]);
        let before = random.range(0.45, 0.85);
        let aside = random.normal(0.25);
        let at = Vec3 { x: lerp(0.0, x, before) + aside, y: 0.0, z: z * before };
        props.push(Prop::new(random, kind, at, random_yaw(z)));
    }
}

/// Anything will do, as long as it is always the same.
fn random_yaw(z: f32) -> f32 {
    crate::math::fract(z * 7.31) * 1.5
}
