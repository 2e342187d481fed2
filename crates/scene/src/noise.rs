//! Tileable noise textures with smaller copies of themselves: the stuff that every surface's texture is mixed from.

use std::sync::LazyLock;

use crate::math::{floor, lerp};
use crate::random::mix;

const SIZE: usize = 256;
/// 256 to 1.
const LEVELS: usize = 9;

/// A texture that repeats, mean 0 and deviation about 1, with its copies at halves of its size.
pub struct Texture {
    /// `levels[k]` is square with side `SIZE >> k`, at the beginning of an array of full length: with a fixed length no look-up
    /// needs a check of its bounds.
    levels: [Box<[f32; SIZE * SIZE]>; LEVELS],
}

/// Clouds and stains: large forms with some detail.
pub static SOFT: LazyLock<Texture> = LazyLock::new(|| Texture::octaves(11, 3, 6, 0.55, |n| n));
/// Sand, cloth, asphalt: fine grain.
pub static GRAIN: LazyLock<Texture> = LazyLock::new(|| Texture::octaves(23, 32, 3, 0.9, |n| n));
/// Cracks, folds and marble: ridges.
pub static RIDGED: LazyLock<Texture> = LazyLock::new(|| Texture::octaves(37, 4, 5, 0.5, |n| 1.0 - n.abs() * 2.0));
/// Leaves and grass: as much detail as form, hard contrasts.
pub static LEAVES: LazyLock<Texture> =
    LazyLock::new(|| Texture::octaves(53, 8, 5, 0.85, |n| (n * 4.0).clamp(-1.0, 1.0)));

impl Texture {
    /// Value noise in `octaves` layers, the first with `cells` cells a side, each next with twice as many.
    fn octaves(seed: u64, cells: usize, octaves: u32, persistence: f32, shape: fn(f32) -> f32) -> Texture {
        let mut texels = vec![0.0f32; SIZE * SIZE];
        let mut amplitude = 1.0;
        for octave in 0..octaves {
            let cells = cells << octave;
            for (index, texel) in texels.iter_mut().enumerate() {
                let at = |i: usize| i as f32 * cells as f32 / SIZE as f32;
                *texel +=
                    amplitude * shape(lattice(seed + u64::from(octave), cells, at(index % SIZE), at(index / SIZE)));
            }
            amplitude *= persistence;
        }
        let count = texels.len() as f32;
        let mean = texels.iter().sum::<f32>() / count;
        let variance = texels.iter().map(|t| (t - mean) * (t - mean)).sum::<f32>() / count;
        let scale = 1.0 / variance.sqrt();
        texels.iter_mut().for_each(|t| *t = ((*t - mean) * scale).clamp(-3.0, 3.0));
        let levels = std::array::from_fn(|_| {
            let mut level = Box::new([0.0; SIZE * SIZE]);
            level[..texels.len()].copy_from_slice(&texels);
            texels = halved(&texels);
            level
        });
        Texture { levels }
    }

    /// The value at (u, v), where the texture repeats at each whole number. `footprint` is the distance between
    /// neighbouring samples in the same units: detail finer than it fades out.
    #[inline]
    pub fn at(&self, u: f32, v: f32, footprint: f32) -> f32 {
        let texels = (footprint * SIZE as f32).max(1.0);
        // The exponent of the float is the whole part of its binary logarithm.
        let level = (((texels.to_bits() >> 23) - 127) as usize).min(LEVELS - 1);
        let size = SIZE >> level;
        let data = &self.levels[level];
        let (x, y) = (u * size as f32, v * size as f32);
        let (fx, fy) = (floor(x), floor(y));
        let mask = size - 1;
        let (x0, y0) = (fx as i32 as usize & mask, fy as i32 as usize & mask);
        let (x1, y1) = (x0.wrapping_add(1) & mask, y0.wrapping_add(1) & mask);
        let texel = |x: usize, y: usize| data[((y << (8 - level)) | x) & (SIZE * SIZE - 1)];
        let (tx, ty) = (x - fx, y - fy);
        lerp(lerp(texel(x0, y0), texel(x1, y0), tx), lerp(texel(x0, y1), texel(x1, y1), tx), ty)
    }
}

/// The mean of each two by two texels.
fn halved(texels: &[f32]) -> Vec<f32> {
    let side = (texels.len() as f32).sqrt() as usize;
    let half = side / 2;
    let at = |x: usize, y: usize| texels[y * side + x];
    (0..half * half)
        .map(|i| (2 * (i % half), 2 * (i / half)))
        .map(|(x, y)| 0.25 * (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)))
        .collect()
}

/// Value noise on a lattice that repeats after `cells`, in [-1, 1].
fn lattice(seed: u64, cells: usize, x: f32, y: f32) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (x0, y0) = (fx as usize % cells, fy as usize % cells);
    let (x1, y1) = ((x0 + 1) % cells, (y0 + 1) % cells);
    let value = |x: usize, y: usize| {
        let bits = mix(mix(seed ^ ((x as u64) << 32)) ^ y as u64);
        (bits >> 40) as f32 * (2.0 / (1u32 << 24) as f32) - 1.0
    };
    let ease = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (tx, ty) = (ease(x - fx), ease(y - fy));
    lerp(lerp(value(x0, y0), value(x1, y0), tx), lerp(value(x0, y1), value(x1, y1), tx), ty)
}

/// A random number in [0, 1) that belongs to a cell of a grid.
pub fn cell(seed: u64, x: i32, y: i32) -> f32 {
    let bits = mix(seed ^ mix(((x as u32 as u64) << 32) | y as u32 as u64));
    (bits >> 40) as f32 * (1.0 / (1u32 << 24) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textures_repeat_and_fade_with_distance() {
        for texture in [&SOFT, &GRAIN, &RIDGED, &LEAVES] {
            assert_eq!(texture.at(0.25, 0.5, 0.0), texture.at(1.25, -0.5, 0.0));
            assert!(texture.at(0.3, 0.1, 100.0).abs() < 0.2, "what is seen from far away is the mean");
        }
        let spread = |footprint: f32| {
            (0..100).map(|i| GRAIN.at(i as f32 * 0.137, i as f32 * 0.071, footprint).abs()).sum::<f32>() / 100.0
        };
        assert!(spread(0.0) > 2.0 * spread(0.1));
    }
}
