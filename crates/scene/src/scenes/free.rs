//! Scenes from settings alone: people who stroll about.

use framefan_contract::error::Result;

use super::{lens, plain, walks};
use crate::random::Random;
use crate::scene::{Play, Scene, SceneSettings};
use crate::world::{Place, Setting};

impl Scene {
    /// A random scene: `settings.people` people walk, cross, stop and do things, in a random place before a camera in
    /// somebody's hand. Errors: a setting out of its range; a caption's font that is missing.
    pub fn new(seed: u64, settings: SceneSettings) -> Result<Scene> {
        let mut random = Random::new(seed, "scene", 0);
        let place = random.pick(&[Place::Field, Place::Street, Place::Room]);
        let setting = Setting::random(&mut random, place, 7.0);
        let duration = settings.frames as f32 / settings.fps as f32;
        let mut actors: Vec<_> = (0..settings.people).map(|k| walks::stroller(seed, k, duration)).collect();
        for actor in &mut actors {
            if let Some(half) = setting.half_width() {
                actor.path = actor.path.within(half - 0.6);
            }
        }
        let camera = walks::handheld(&mut random, &settings, duration);
        let finish = lens(&mut random, &setting, 0.6);
        let finish = if settings.lens { finish } else { plain(finish) };
        let props = walks::clutter(&mut random, place, setting.half_width());
        let play = Play {
            name: "free".to_owned(),
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
}
