//! A bowler, a batter and a ball.

use framefan_contract::error::Result;

use super::lens;
use super::walks::tripod;
use crate::body::{Look, Shape};
use crate::camera::CameraPath;
use crate::math::{TURN, radians, vec3};
use crate::motion::{Act, Actor, BallFlight, Delivery, Path};
use crate::random::Random;
use crate::scene::{Ball, Play, Scene, SceneSettings};
use crate::world::{Place, Prop, PropKind, Setting};

/// One ball of cricket in five seconds of 640×360 at 25 frames a second, seen from the side: the bowler (track 1) runs up
/// from the right and bowls, the batter (track 2) hits.
pub fn cricket(seed: u64) -> Result<Scene> {
    let settings = SceneSettings { frames: 125, people: 2, ..SceneSettings::default() };
    let mut random = Random::new(seed, "cricket", 0);
    let mut setting = Setting::random(&mut random, Place::CricketGround, 6.0);
    setting.turn_ground(radians(90.0));
    let (release, hit) = (2.9, 3.6);
    let mut person = |k: u64, bats: bool, path: Path, facing: Option<f32>, act: Act| {
        let mut own = Random::new(seed, "cricketer", k);
        let shape = Shape { feminine: 0.1, ..Shape::random(&mut own) };
        let shape = Shape { height: shape.height.max(1.68), head: 1.0, ..shape };
        let look = Look::cricketer(&mut random, bats);
        Actor { shape, look, path, acts: vec![(0.0, act)], facing, phase: 0.25 }
    };
    // The pitch runs from right to left: the bowler faces -x, the batter the camera, the left shoulder to the bowler.
    let run_up = Path::new(vec![(0.3, 7.6, 0.0), (1.9, 2.9, 0.0), (2.25, 2.4, 0.0)]);
    let bowler = person(0, false, run_up, Some(-TURN / 4.0), Act::Bowl(release));
    let batter = person(1, true, Path::standing(-2.6, 0.0), Some(0.1), Act::Bat(hit));
    let delivery = Delivery {
        release_s: release,
        bounce_s: 3.35,
        hit_s: hit,
        bounce: vec3(-0.9, 0.0, 0.35),
        hit: vec3(-2.45, 0.55, 0.45),
        away: vec3(9.0, 5.0, random.range(-6.0, -2.0)),
    };
    let ball = Ball { flight: BallFlight { radius: 0.045, delivery }, bowler: 0 };
    let camera = CameraPath { at: vec3(0.0, 1.5, 6.4), shake: 0.002, pitch: radians(-6.0), ..tripod(&settings, 5.0) };
    let finish = lens(&mut random, &setting, 0.2);
    let props = vec![
        Prop::new(&mut random, PropKind::Wicket, vec3(-3.3, 0.0, 0.1), TURN / 4.0),
        Prop::new(&mut random, PropKind::Wicket, vec3(2.8, 0.0, -0.7), TURN / 4.0),
    ];
    let play = Play {
        name: "cricket".to_owned(),
        seed,
        actors: vec![bowler, batter],
        props,
        setting,
        camera,
        finish,
        defocus: Vec::new(),
        ball: Some(ball),
    };
    Scene::stage(play, settings)
}
