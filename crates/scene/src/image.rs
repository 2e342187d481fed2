//! Pictures: eight-bit RGB as handed out, and linear light as worked on.

use crate::math::{Vec3, vec3};

/// A picture of interleaved 8-bit sRGB, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `height * width * 3` bytes.
    pub data: Vec<u8>,
}

impl RgbImage {
    /// The colour of a pixel; panics outside the picture.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }
}

/// A picture in linear light, where 1 is the white of an exposure of 1.
#[derive(Clone, Debug)]
pub(crate) struct LinearImage {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Vec3>,
}

impl LinearImage {
    pub fn new(width: usize, height: usize) -> Self {
        LinearImage { width, height, pixels: vec![Vec3::ZERO; width * height] }
    }

    /// Gaussian blur with this deviation in pixels, the edge's pixels repeated outside.
    pub fn blur(&mut self, sigma: f32) {
        if sigma < 0.05 {
            return;
        }
        let kernel = gaussian(sigma);
        self.convolve(&kernel, 1, 0);
        self.convolve(&kernel, 0, 1);
    }

    /// The mean along a line of `dx`, `dy` pixels through each pixel: what a camera that moves so during the exposure sees.
    pub fn smear(&mut self, dx: f32, dy: f32) {
        let length = (dx * dx + dy * dy).sqrt();
        if length < 0.3 {
            return;
        }
        let taps = (length * 1.5).ceil() as usize + 1;
        let source = self.pixels.clone();
        let (w, h) = (self.width as i32, self.height as i32);
        let at = |x: i32, y: i32| source[(y.clamp(0, h - 1) * w + x.clamp(0, w - 1)) as usize];
        let offsets: Vec<(i32, i32, f32, f32)> = (0..taps)
            .map(|tap| {
                let along = tap as f32 / (taps - 1) as f32 - 0.5;
                let (x, y) = (dx * along, dy * along);
                (x.floor() as i32, y.floor() as i32, x - x.floor(), y - y.floor())
            })
            .collect();
        for y in 0..h {
            for x in 0..w {
                let mut sum = Vec3::ZERO;
                for &(ox, oy, tx, ty) in &offsets {
                    let (x, y) = (x + ox, y + oy);
                    let upper = at(x, y).lerp(at(x + 1, y), tx);
                    sum += upper.lerp(at(x, y + 1).lerp(at(x + 1, y + 1), tx), ty);
                }
                self.pixels[(y * w + x) as usize] = sum * (1.0 / taps as f32);
            }
        }
    }

    fn convolve(&mut self, kernel: &[f32], step_x: usize, step_y: usize) {
        let (w, h, reach) = (self.width, self.height, kernel.len() - 1);
        let (lines, length, stride) = if step_x == 1 { (h, w, 1) } else { (w, h, w) };
        let mut padded = vec![Vec3::ZERO; length + 2 * reach];
        for line in 0..lines {
            let start = if step_x == 1 { line * w } else { line * step_y };
            for (i, slot) in padded.iter_mut().enumerate() {
                *slot = self.pixels[start + stride * i.saturating_sub(reach).min(length - 1)];
            }
            for i in 0..length {
                let middle = i + reach;
                let mut sum = padded[middle] * kernel[0];
                for (k, &weight) in kernel.iter().enumerate().skip(1) {
                    sum += (padded[middle - k] + padded[middle + k]) * weight;
                }
                self.pixels[start + stride * i] = sum;
            }
        }
    }
}

/// One half of a Gaussian kernel from its middle, whose whole sums to one.
fn gaussian(sigma: f32) -> Vec<f32> {
    let reach = (sigma * 3.0).ceil() as usize;
    let mut kernel: Vec<f32> = (0..=reach).map(|k| libm::expf(-((k * k) as f32) / (2.0 * sigma * sigma))).collect();
    let sum = kernel[0] + 2.0 * kernel[1..].iter().sum::<f32>();
    kernel.iter_mut().for_each(|k| *k /= sum);
    kernel
}

/// An sRGB colour of 0 to 255 as linear light.
pub(crate) fn srgb(r: f32, g: f32, b: f32) -> Vec3 {
    let linear = |c: f32| {
        let c = (c / 255.0).clamp(0.0, 1.0);
        if c <= 0.04045 { c / 12.92 } else { libm::powf((c + 0.055) / 1.055, 2.4) }
    };
    vec3(linear(r), linear(g), linear(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blur_keeps_the_light_and_spreads_it_by_sigma() {
        let mut image = LinearImage::new(41, 41);
        image.pixels[20 * 41 + 20] = vec3(1.0, 2.0, 3.0);
        image.blur(2.0);
        let total = image.pixels.iter().fold(Vec3::ZERO, |sum, p| sum + *p);
        assert!((total - vec3(1.0, 2.0, 3.0)).length() < 1e-3);
        let variance: f32 = (0..41 * 41).map(|i| image.pixels[i].x * ((i % 41) as f32 - 20.0).powi(2)).sum();
        assert!((variance - 4.0).abs() < 0.1, "{variance}");
    }

    #[test]
    fn smear_spreads_along_its_line_only() {
        let mut image = LinearImage::new(41, 41);
        image.pixels[20 * 41 + 20] = vec3(1.0, 1.0, 1.0);
        image.smear(12.0, 0.0);
        let spread = |axis: usize| -> f32 {
            let at = |i: usize| if axis == 0 { i % 41 } else { i / 41 };
            (0..41 * 41).map(|i| image.pixels[i].x * (at(i) as f32 - 20.0).powi(2)).sum()
        };
        assert!((spread(0) - 12.0).abs() < 1.5, "the variance of a line of 12 is 12: {}", spread(0));
        assert!(spread(1) < 1e-6);
    }
}
