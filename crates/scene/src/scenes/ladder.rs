//! Frames of one view with known sharpness and known motion.

use framefan_contract::error::Result;

use super::lens;
use super::walks::{cast, tripod};
use crate::camera::CameraPath;
use crate::motion::{Act, Path};
use crate::random::Random;
use crate::scene::{Play, Scene, SceneSettings};
use crate::world::{Place, Setting};

/// How a ladder of sharpness is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LadderSettings {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Steps of blur: step k has a defocus of `k * step_px`.
    pub steps: usize,
    /// Deviation of the defocus from one step to the next, in pixels.
    pub step_px: f32,
    /// How often each step comes.
    pub repeats: usize,
    /// Pixels by which the far background moves to the right from each frame to the next.
    pub pan_px: f32,
}

impl Default for LadderSettings {
    fn default() -> Self {
        LadderSettings { width: 640, height: 360, steps: 10, step_px: 0.4, repeats: 1, pan_px: 0.0 }
    }
}

/// Frames in a shuffled order of sharpness; each frame's truth says its blur and the camera's shift. The people stand still,
/// and the shutter is too quick for the camera's motion to blur.
pub fn sharpness_ladder(seed: u64, ladder: LadderSettings) -> Result<Scene> {
    let frames = ladder.steps * ladder.repeats;
    let settings = SceneSettings {
        width: ladder.width,
        height: ladder.height,
        frames,
        people: 2,
        shutter: 0.0,
        ..SceneSettings::default()
    };
    let mut random = Random::new(seed, "ladder", 0);
    let mut order: Vec<f32> = (0..frames).map(|k| (k % ladder.steps.max(1)) as f32 * ladder.step_px).collect();
    for k in (1..order.len()).rev() {
        order.swap(k, random.below(k + 1));
    }
    let setting = Setting::random(&mut random, Place::Field, 6.0);
    let standing = |k: u64, x: f32, z: f32, yaw: f32| {
        let pose = Act::Stand.pose(k as f32, 0.0);
        cast(seed, k, Path::standing(x, z), vec![(0.0, Act::Hold(pose))], Some(yaw))
    };
    let actors = vec![standing(0, -0.9, 1.5, 0.4), standing(1, 1.0, 0.6, -0.6)];
    let fps = settings.fps as f32;
    let base = tripod(&settings, frames as f32 / fps);
    // A camera that turns to the left by this angle moves the picture's middle to the right by the pixels asked for.
    let turn = libm::atanf(ladder.pan_px / base.focal);
    let camera = CameraPath { pan: turn * fps, yaw: -turn * 0.5 * frames as f32, ..base };
    let finish = crate::draw::Finish { grain: 1.0, defocus: 0.0, ..lens(&mut random, &setting, 0.0) };
    let play = Play {
        name: "sharpness_ladder".to_owned(),
        seed,
        actors,
        props: Vec::new(),
        setting,
        camera,
        finish,
        defocus: order,
        ball: None,
    };
    Scene::stage(play, settings)
}
