//! What people do: where they go, and their poses on the way.

mod acts;
mod cricket;
mod gait;
mod path;
mod poses;

pub(crate) use acts::Act;
pub(crate) use cricket::{BallFlight, Delivery};
pub(crate) use path::Path;
pub(crate) use poses::random_pose;

use crate::body::{Figure, Look, Pose, Shape};
use crate::math::{TURN, fract, lerp, smooth_step, vec3};

/// A person with a part to play.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub shape: Shape,
    pub look: Look,
    pub path: Path,
    /// What is done while standing, from which second on; the first from the start.
    pub acts: Vec<(f32, Act)>,
    /// Which way the person faces while standing; `None` keeps the way it came.
    pub facing: Option<f32>,
    /// Shifts rhythms, so that people do not move in step.
    pub phase: f32,
}

/// Seconds in which one act passes into the next.
const PASSING: f32 = 0.5;

impl Actor {
    /// The figure at a time.
    pub fn figure(&self, time: f32) -> Figure {
        let (pose, x, z, yaw) = self.state(time);
        Figure::new(&self.shape, &self.look, &pose, vec3(x, 0.0, z), yaw)
    }

    /// Pose, place on the ground and heading at a time.
    pub fn state(&self, time: f32) -> (Pose, f32, f32, f32) {
        let (x, z) = self.path.place(time);
        let speed = self.path.speed(time);
        let moving = smooth_step(0.1, 0.75, speed);
        let mut pose = self.standing(time);
        if moving > 0.0 {
            let strides = self.path.distance(time) / gait::stride(self.shape.height, speed);
            let gait = gait::pose(fract(strides + self.phase), speed);
            pose = pose.blend(&gait, moving);
        }
        let going = self.path.heading(time);
        let yaw = match self.facing {
            Some(facing) => {
                // The shorter way round.
                let turn = fract((going - facing) / TURN + 0.5) - 0.5;
                facing + turn * TURN * moving
            }
            None => going,
        };
        (pose, x, z, yaw)
    }

    fn standing(&self, time: f32) -> Pose {
        let mut pose = Pose::default();
        for (index, (start, act)) in self.acts.iter().enumerate() {
            let share = if index == 0 { 1.0 } else { smooth_step(*start, start + PASSING, time) };
            if share > 0.0 {
                let next = act.pose(time - start, lerp(0.0, 7.0, self.phase));
                pose = if index == 0 { next } else { pose.blend(&next, share) };
            }
        }
        pose
    }
}
