//! Ready-made scenes.

mod cricket;
mod free;
mod ladder;
mod still;
mod walks;

pub use cricket::cricket;
pub use ladder::{LadderSettings, sharpness_ladder};
pub use still::{still, still_with};
pub use walks::{crossings, returns, sample};

use crate::draw::Finish;
use crate::math::{Vec3, vec3};
use crate::random::Random;
use crate::world::Setting;

/// A lens whose exposure suits the setting's light. `variety` is how far it strays: 0 to 1.
fn lens(random: &mut Random, setting: &Setting, variety: f32) -> Finish {
    let light = setting.light.on(vec3(0.2, 0.7, 0.68), 1.0, 0.7);
    let key = 1.1 / light.dot(vec3(0.2126, 0.7152, 0.0722)).max(0.05);
    let mut around = |spread: f32| libm::exp2f(random.normal(spread).clamp(-2.0 * spread, 2.0 * spread) * variety);
    let exposure = key * around(0.32);
    let warm = around(0.12);
    let balance = Vec3 { x: warm, y: 1.0, z: 1.0 / warm };
    let contrast = around(0.12);
    let saturation = around(0.25);
    Finish {
        exposure,
        balance,
        contrast,
        saturation,
        vignette: random.range(0.0, 0.3) * variety,
        grain: random.range(0.5, 1.5) + variety * if random.chance(0.25) { random.range(0.0, 9.0) } else { 0.0 },
        defocus: if random.chance(0.5 * variety) { random.range(0.0, 1.3) } else { 0.35 },
        smear: (0.0, 0.0),
        seed: random.next(),
    }
}

/// A lens that changes nothing but the exposure.
fn plain(mut finish: Finish) -> Finish {
    (finish.vignette, finish.grain, finish.defocus) = (0.0, 0.0, 0.0);
    finish
}
