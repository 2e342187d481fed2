//! The pinhole camera.

use crate::math::{Frame, Vec3};

/// A camera's place and axes, and the picture's size.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub at: Vec3,
    pub right: Vec3,
    pub up: Vec3,
    pub forward: Vec3,
    /// Pixels.
    pub focal: f32,
    pub width: usize,
    pub height: usize,
}

impl View {
    /// A camera that looks along −z, turned to its left by `yaw`, up by `pitch`, clockwise by `roll`.
    pub fn new(at: Vec3, yaw: f32, pitch: f32, roll: f32, focal: f32, width: usize, height: usize) -> View {
        // The camera's own axes are those of a figure that looks back at −z: x to its right.
        let frame = Frame::about_y(yaw).then(Frame::about_x(pitch)).then(Frame::about_z(-roll));
        View { at, right: frame.x, up: frame.y, forward: -frame.z, focal, width, height }
    }

    /// Pixel coordinates and depth along the axis. A pixel's centre lies at half.
    pub fn project(&self, point: Vec3) -> (f32, f32, f32) {
        let from = point - self.at;
        let depth = from.dot(self.forward);
        let scale = self.focal / depth.max(1e-3);
        let x = self.width as f32 * 0.5 + from.dot(self.right) * scale;
        let y = self.height as f32 * 0.5 - from.dot(self.up) * scale;
        (x, y, depth)
    }

    /// The direction through a place of the picture, with a length of 1 along the axis.
    pub fn ray(&self, x: f32, y: f32) -> Vec3 {
        let (u, v) = ((x - self.width as f32 * 0.5) / self.focal, (y - self.height as f32 * 0.5) / self.focal);
        self.forward + self.right * u - self.up * v
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::vec3;

    #[test]
    fn rays_and_projection_agree() {
        let view = View::new(vec3(1.0, 2.0, 5.0), 0.2, -0.1, 0.05, 300.0, 320, 240);
        for (x, y) in [(0.0, 0.0), (160.0, 120.0), (300.5, 17.25)] {
            let (px, py, depth) = view.project(view.at + view.ray(x, y) * 7.0);
            assert!((px - x).abs() < 1e-2 && (py - y).abs() < 1e-2 && (depth - 7.0).abs() < 1e-3);
        }
    }

    #[test]
    fn right_is_right_and_up_is_up() {
        let view = View::new(vec3(0.0, 0.0, 5.0), 0.0, 0.0, 0.0, 100.0, 100, 100);
        let (x, y, _) = view.project(vec3(1.0, 1.0, 0.0));
        assert!(x > 50.0 && y < 50.0);
        let turned = View::new(vec3(0.0, 0.0, 5.0), 0.1, 0.1, 0.0, 100.0, 100, 100);
        let (x, y, _) = turned.project(Vec3::ZERO);
        assert!(x > 50.0, "looking left moves things right: {x}");
        assert!(y > 50.0, "looking up moves things down: {y}");
    }
}
