//! Pictures from `framefan-scene`.

use std::ops::Range;

use framefan_contract::Result;
use framefan_scene::{PersonTruth, Random, Scene, SceneSettings, still};
use rayon::prelude::*;

use super::{Person, Picture};

/// Of a person who is hidden more than this nothing can be learnt.
const MOST_HIDDEN: f32 = 0.85;

/// Frames of a scene of people who walk, of which one is drawn.
const FRAMES: usize = 200;

/// Pictures that are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Collection {
    /// Of all of them.
    pub seed: u64,
    /// Sides of stills in pixels. Moments are twice as wide, 16:9, because people are smaller in them.
    pub size: usize,
    /// One of so many is a still, with people in any pose and at any distance; the others are moments of videos of people who
    /// walk about.
    pub one_still_in: usize,
}

impl Collection {
    /// Whether picture number `index` is a still.
    fn is_still(&self, index: usize) -> bool {
        index.is_multiple_of(self.one_still_in)
    }

    /// The scene of number `index`, and which of its frames to take.
    fn scene(&self, index: usize) -> Result<(Scene, usize)> {
        let (size, scene_seed) = (self.size, self.seed.wrapping_add(index as u64));
        if self.is_still(index) {
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

    /// Draws the pictures of these numbers.
    ///
    /// # Errors
    /// Those of the scenes.
    pub fn draw(&self, numbers: Range<usize>) -> Result<Vec<Picture>> {
        let draw = |index| {
            let (scene, frame) = self.scene(index)?;
            let (picture, truth) = scene.frame(frame);
            let people = truth.people.iter().filter_map(person).collect();
            Ok(Picture { width: picture.width, height: picture.height, pixels: picture.data, people })
        };
        numbers.into_par_iter().map(draw).collect()
    }
}

/// The person as it is learnt, if enough of it is seen.
fn person(truth: &PersonTruth) -> Option<Person> {
    let [left, top, width, height] = truth.bbox.filter(|_| truth.occluded <= MOST_HIDDEN)?;
    Some(Person { bbox: [left, top, left + width, top + height], keypoints: truth.keypoints, area: truth.visible_px })
}
