//! What is painted on a head: eyes, brows, lips, beard, spectacles. All in centimetres of the head's own axes.

use crate::math::{Vec3, smooth_step, vec3};
use crate::noise::SOFT;

/// The looks of a face. Colours are linear light.
#[derive(Clone, Debug)]
pub(crate) struct FaceLook {
    pub skin: Vec3,
    pub iris: Vec3,
    pub brow: Vec3,
    pub lips: Vec3,
    /// 0 closed, 1 wide open.
    pub eyes: f32,
    /// Where the eyes look, in centimetres on the eye.
    pub gaze: (f32, f32),
    /// Where the lips' corners are against their middle, and how far the mouth is open.
    pub smile: f32,
    pub mouth: f32,
    /// Cover of the beard: 0 none, 1 full.
    pub beard: f32,
    pub moustache: f32,
    /// Spectacles: their colour, and whether their glass is dark.
    pub glasses: Option<(Vec3, bool)>,
    /// Where the scalp is to look like hair, for shaved heads: 0 to 1.
    pub stubble: f32,
    /// Shifts the texture of the skin, so that no two are alike.
    pub seed: f32,
}

/// How much of a shape with the signed distance `d` covers a sample of that footprint.
fn cover(d: f32, footprint: f32) -> f32 {
    (0.5 - d / footprint.max(0.05)).clamp(0.0, 1.0)
}

/// About the signed distance to an ellipse.
fn ellipse(x: f32, y: f32, a: f32, b: f32) -> f32 {
    let k = (x * x / (a * a) + y * y / (b * b)).sqrt();
    (k - 1.0) * a.min(b)
}

/// The colour at a place of the head. `footprint` is the size of a sample in centimetres.
pub(crate) fn face_colour(look: &FaceLook, at: Vec3, footprint: f32) -> Vec3 {
    let mottled = 1.0 + 0.05 * SOFT.at(at.x * 0.04 + look.seed, at.y * 0.04, footprint * 0.04);
    let mut colour = look.skin * mottled;
    let side = at.x.abs();

    // The scalp of a shaved head, whose hair begins where hair would.
    if look.stubble > 0.0 {
        let scalp = smooth_step(4.6, 5.6, at.y + (at.z * -0.32).clamp(-1.0, 6.0));
        colour = colour.lerp(look.brow * 0.9, scalp * look.stubble);
    }
    // Ears: darker inside.
    if side > 6.6 && at.z < 1.5 && at.z > -4.0 {
        colour = colour.lerp(
            colour.times(vec3(0.72, 0.5, 0.45)),
            0.8 * cover(ellipse(at.z + 0.5, at.y + 1.0, 1.0, 1.9), 0.6 + footprint),
        );
    }
    if at.z < 3.0 {
        return beard(look, at, colour, footprint);
    }

    // Cheeks, nose tip and the hollows of the eyes.
    let blush = (1.0 - ellipse(side - 4.6, at.y + 3.2, 2.2, 1.8).max(-1.0) * 0.5 - 0.5).clamp(0.0, 1.0);
    colour = colour.lerp(colour.times(vec3(1.06, 0.84, 0.82)), 0.5 * blush);
    let hollow = smooth_step(1.4, -0.9, ellipse(side - 3.0, at.y - 0.35, 2.1, 1.2));
    colour = colour * (1.0 - 0.38 * hollow);
    colour = beard(look, at, colour, footprint);

    // Nostrils, and the shade under the nose.
    if at.y < -2.6 && at.y > -5.0 {
        colour = colour * (1.0 - 0.7 * cover(ellipse(side - 0.75, at.y + 3.75, 0.5, 0.3), footprint));
        colour = colour * (1.0 - 0.25 * cover(ellipse(at.x, at.y + 4.3, 1.5, 0.5), 0.5 + footprint));
    }
    colour = lips(look, at, colour, footprint);

    let (ex, ey) = (side - 3.1, at.y);
    // Brows.
    let arch = 1.75 - 0.10 * ex * ex + 0.12 * ex;
    let brow = ((ey - arch).abs() - 0.34 + 0.06 * ex).max(ex.abs() - 2.1);
    colour = colour.lerp(look.brow, 0.85 * cover(brow, footprint));
    if at.z > 6.0 {
        colour = eye(look, ex, ey, at.x > 0.0, colour, footprint);
    }
    if let Some((frame, dark)) = look.glasses {
        colour = glasses(frame, dark, ex, ey, at.x, colour, footprint);
    }
    colour
}

fn eye(look: &FaceLook, ex: f32, ey: f32, left: bool, colour: Vec3, footprint: f32) -> Vec3 {
    let half = 0.18 + 0.5 * look.eyes;
    let almond = ellipse(ex, ey, 1.5, half);
    let gaze = if left { look.gaze.0 } else { -look.gaze.0 };
    let mut ball = vec3(0.72, 0.68, 0.64);
    let iris = ellipse(ex - gaze, ey - look.gaze.1, 0.62, 0.62);
    ball = ball.lerp(look.iris, cover(iris, footprint));
    ball = ball.lerp(vec3(0.005, 0.005, 0.006), cover(iris + 0.34, footprint));
    let glint = ellipse(ex - gaze - 0.18, ey - look.gaze.1 - 0.2, 0.14, 0.14);
    ball = ball.lerp(vec3(0.9, 0.9, 0.9), 0.8 * cover(glint, footprint));
    // The upper lid's shade on the ball.
    ball = ball * (1.0 - 0.5 * smooth_step(half - 0.35, half, ey));
    let mut colour = colour.lerp(ball, cover(almond, footprint));
    // Lashes: a dark line, thick above.
    let line = almond.abs() - if ey > 0.0 { 0.17 } else { 0.05 };
    colour = colour.lerp(vec3(0.012, 0.009, 0.008), 0.9 * cover(line, footprint));
    // The fold of the lid.
    let fold = ellipse(ex, ey - 0.15, 1.75, half + 0.45).abs() - 0.07;
    if ey > 0.2 {
        colour = colour * (1.0 - 0.4 * cover(fold, footprint + 0.1));
    }
    colour
}

fn lips(look: &FaceLook, at: Vec3, colour: Vec3, footprint: f32) -> Vec3 {
    if at.y > -4.6 || at.y < -9.0 {
        return colour;
    }
    let bend = look.smile * at.x * at.x * 0.09;
    let y = at.y + 6.5 - bend;
    let half = 2.5 - 0.5 * look.mouth + 0.3 * look.smile;
    let body = ellipse(at.x, y, half, 0.75 + 0.6 * look.mouth);
    let mut colour = colour.lerp(look.lips, 0.85 * cover(body, footprint + 0.15));
    let gap = ellipse(at.x, y, half * 0.92, 0.09 + 0.55 * look.mouth);
    let inside = if look.mouth > 0.25 && y > -0.05 { vec3(0.55, 0.52, 0.47) } else { vec3(0.03, 0.008, 0.008) };
    colour = colour.lerp(inside, 0.9 * cover(gap, footprint));
    // The shade under the lower lip.
    colour * (1.0 - 0.22 * cover(ellipse(at.x, y + 1.5 + 0.5 * look.mouth, 1.6, 0.5), 0.6 + footprint))
}

fn beard(look: &FaceLook, at: Vec3, colour: Vec3, footprint: f32) -> Vec3 {
    if look.beard <= 0.0 && look.moustache <= 0.0 || at.z < -2.5 || at.y > 0.5 {
        return colour;
    }
    let side = at.x.abs();
    let edge = SOFT.at(at.x * 0.15 + look.seed, at.y * 0.15, footprint * 0.15) * 0.35;
    // Along the jaw: below a line that rises towards the ears.
    let line = at.y + 5.2 - (side - 3.0).max(0.0) * 0.9 + edge;
    let mouth = ellipse(at.x, at.y + 6.4, 2.7, 1.0);
    let jaw = smooth_step(0.5, -0.5, line) * smooth_step(-0.2, 0.4, mouth);
    let lip = cover(ellipse(at.x, at.y + 5.1 + 0.06 * at.x * at.x, 2.7, 0.6) + edge * 0.5, 0.4 + footprint);
    let amount = (jaw * look.beard).max(lip * look.moustache.max(look.beard));
    colour.lerp(look.brow, 0.85 * amount)
}

fn glasses(frame: Vec3, dark: bool, ex: f32, ey: f32, x: f32, colour: Vec3, footprint: f32) -> Vec3 {
    let rim = ellipse(ex, ey + 0.15, 2.4, 1.8);
    let colour = if dark { colour.lerp(frame, 0.95 * cover(rim, footprint)) } else { colour };
    let bridge = (ey - 0.4).abs().max(x.abs() - 0.9) - 0.12;
    let line = (rim.abs() - 0.17).min(bridge);
    colour.lerp(frame, cover(line, footprint))
}
