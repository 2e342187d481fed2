//! The camera over time: where it stands, how it turns, zooms and shakes.

use crate::draw::View;
use crate::math::{Vec3, lerp, smooth_step};
use crate::noise::SOFT;

/// A camera on a tripod or in a hand.
#[derive(Clone, Debug)]
pub(crate) struct CameraPath {
    pub at: Vec3,
    /// Radians: to the left, up, clockwise.
    pub yaw: f32,
    pub pitch: f32,
    pub roll: f32,
    /// Pixels.
    pub focal: f32,
    /// Radians a second to the left.
    pub pan: f32,
    /// Factor of the focal length reached at the end.
    pub zoom: f32,
    /// Radians of the hand's unrest.
    pub shake: f32,
    /// Seconds of the whole scene.
    pub duration: f32,
    pub seed: f32,
}

impl CameraPath {
    pub fn view(&self, time: f32, width: usize, height: usize) -> View {
        let share = if self.duration > 0.0 { smooth_step(0.0, self.duration, time) } else { 0.0 };
        // Two speeds of unrest: a sway and a tremble.
        let unrest = |row: f32| {
            SOFT.at(time * 0.03 + self.seed, row, 0.0) + 0.25 * SOFT.at(time * 0.23 + self.seed, row + 0.5, 0.0)
        };
        let (dx, dy, roll) = if self.shake > 0.0 {
            (self.shake * unrest(0.11), self.shake * unrest(0.37), 0.5 * self.shake * unrest(0.73))
        } else {
            (0.0, 0.0, 0.0)
        };
        View::new(
            self.at,
            self.yaw + self.pan * time + dx,
            self.pitch + dy,
            self.roll + roll,
            self.focal * lerp(1.0, self.zoom, share),
            width,
            height,
        )
    }

    /// How far the far background at the picture's middle moves between two times, in pixels.
    pub fn shift(&self, from: f32, to: f32, width: usize, height: usize) -> [f32; 2] {
        let (first, second) = (self.view(from, width, height), self.view(to, width, height));
        let far = second.at + first.forward * 1e4;
        let (x, y, _) = second.project(far);
        [x - width as f32 * 0.5, y - height as f32 * 0.5]
    }
}
