//! Pictures from `framefan-scene`.

use framefan_contract::Result;
use framefan_scene::{PersonTruth, Random, Scene, SceneSettings, still};
use rayon::prelude::*;

use super::{Person, Picture};

/// Of a person who is hidden more than this nothing can be learnt.
const MOST_HIDDEN: f32 = 0.85;

/// Frames of a scene of people who walk, of which one is drawn.
const FRAMES: usize = 200;

/// Whether picture number `index` is a still, with people in any pose and at any distance; the others are moments of
/// videos of people who walk about.
pub fn is_still(index: usize) -> bool {
    index.is_multiple_of(2)
}

/// The scene of number `index`, and which of its frames to take. Stills are squares with sides of `size` pixels, moments are
/// twice as wide, 16:9, because people are smaller in them.
///
/// # Errors
/// Those of the scene.
pub fn scene_of(seed: u64, index: usize, size: usize) -> Result<(Scene, usize)> {
    let scene_seed = seed.wrapping_add(index as u64);
    if is_still(index) {
        return Ok((still(scene_seed, size)?, 0));
    }
    let mut random = Random::new(scene_seed, "moment", 0);
    let settings = SceneSettings {
        width: 2 * size,
        height: size + size / 8,
        frames: FRAMES,
        people: 1 + random.below(6),
        ..SceneSettings::default()
    };
    let frame = random.below(FRAMES);
    Ok((Scene::new(scene_seed, settings)?, frame))
}

/// Draws pictures number `from` to `from + count` of this [size](scene_of).
///
/// # Errors
/// Those of the scenes.
pub fn draw(seed: u64, from: usize, count: usize, size: usize) -> Result<Vec<Picture>> {
    (from..from + count)
        .into_par_iter()
        .map(|index| {
            let (scene, frame) = scene_of(seed, index, size)?;
            let (picture, truth) = scene.frame(frame);
            let people = truth.people.iter().filter_map(person).collect();
            Ok(Picture { width: picture.width, height: picture.height, pixels: picture.data, people })
        })
        .collect()
}

/// The person as it is learnt, if enough of it is seen.
fn person(truth: &PersonTruth) -> Option<Person> {
    let [left, top, width, height] = truth.bbox.filter(|_| truth.occluded <= MOST_HIDDEN)?;
    Some(Person { bbox: [left, top, left + width, top + height], keypoints: truth.keypoints, area: truth.visible_px })
}
