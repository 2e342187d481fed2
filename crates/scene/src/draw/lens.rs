//! From light to a photograph: blur, vignette, exposure, tone curve, grain.

use std::sync::LazyLock;

use crate::image::{LinearImage, RgbImage};
use crate::math::Vec3;
use crate::random::mix;

/// What a camera does to the light of one frame.
#[derive(Clone, Debug)]
pub(crate) struct Finish {
    pub exposure: f32,
    /// Factors of the channels: white balance.
    pub balance: Vec3,
    /// 1 leaves the contrast, more raises it.
    pub contrast: f32,
    pub saturation: f32,
    /// Loss of light in the corners, 0 to 1.
    pub vignette: f32,
    /// Deviation of the grain in 8-bit steps, in the middle greys.
    pub grain: f32,
    /// Gaussian deviation of the defocus, in pixels.
    pub defocus: f32,
    /// The way of the picture during the exposure, in pixels.
    pub smear: (f32, f32),
    pub seed: u64,
}

const STEPS: usize = 4096;

/// The sRGB curve from [0, 1] in steps, as 8-bit values with fractions.
static SRGB: LazyLock<Vec<f32>> = LazyLock::new(|| {
    (0..=STEPS)
        .map(|i| {
            let c = i as f32 / STEPS as f32;
            255.0 * if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * libm::powf(c, 1.0 / 2.4) - 0.055 }
        })
        .collect()
});

/// The picture as the camera stores it.
pub(crate) fn finish(mut image: LinearImage, how: &Finish) -> RgbImage {
    image.blur(how.defocus);
    image.smear(how.smear.0, how.smear.1);
    let (width, height) = (image.width, image.height);
    let mut data = Vec::with_capacity(width * height * 3);
    let gain = how.balance * how.exposure;
    let (cx, cy) = (width as f32 * 0.5, height as f32 * 0.5);
    let corner = 1.0 / (cx * cx + cy * cy);
    let grey = Vec3 { x: 0.2126, y: 0.7152, z: 0.0722 };
    for (index, pixel) in image.pixels.iter().enumerate() {
        let (x, y) = ((index % width) as f32 + 0.5 - cx, (index / width) as f32 + 0.5 - cy);
        let shade = 1.0 - how.vignette * (x * x + y * y) * corner;
        let light = pixel.times(gain) * shade;
        let luminance = light.dot(grey);
        let light = Vec3 { x: luminance, y: luminance, z: luminance }.lerp(light, how.saturation);
        let mut noise = mix(how.seed.wrapping_add((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        for channel in [light.x, light.y, light.z] {
            let mut value = encode(shoulder(channel));
            value = (value - 110.0) * how.contrast + 110.0;
            // The sum of two uniform numbers is near enough to a normal one; 2.45 makes its deviation 1.
            let uniform = |bits: u64| (bits & 0x3ff) as f32 * (1.0 / 1023.0);
            let normal = (uniform(noise) + uniform(noise >> 10) - 1.0) * 2.45;
            noise = noise.rotate_right(20);
            let strength = how.grain * (1.25 - value * (1.0 / 400.0));
            data.push((value + normal * strength + 0.5).clamp(0.0, 255.0) as u8);
        }
    }
    RgbImage { width, height, data }
}

/// Linear to 0.6, then bent so that bright light keeps some detail.
fn shoulder(light: f32) -> f32 {
    const KNEE: f32 = 0.6;
    if light <= KNEE {
        return light.max(0.0);
    }
    let over = (light - KNEE) / (1.0 - KNEE);
    KNEE + (1.0 - KNEE) * over / (1.0 + over)
}

fn encode(light: f32) -> f32 {
    let at = light * STEPS as f32;
    let index = (at as usize).min(STEPS - 1);
    let share = at - index as f32;
    SRGB[index] + (SRGB[index + 1] - SRGB[index]) * share
}
