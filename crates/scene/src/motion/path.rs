//! Ways over the ground: straight lines between places, walked with smooth starts and turns.

use crate::math::lerp;

/// Places (second, x, z) in the order of time.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    places: Vec<(f32, f32, f32)>,
    /// Metres walked up to each place.
    walked: Vec<f32>,
}

/// Seconds over which starts and stops are spread, and metres over which turns are.
const EASE: f32 = 0.35;
const CORNER: f32 = 0.35;

impl Path {
    /// `places` must not be empty.
    pub fn new(places: Vec<(f32, f32, f32)>) -> Path {
        let mut walked = vec![0.0];
        for pair in places.windows(2) {
            let (dx, dz) = (pair[1].1 - pair[0].1, pair[1].2 - pair[0].2);
            walked.push(walked[walked.len() - 1] + (dx * dx + dz * dz).sqrt());
        }
        Path { places, walked }
    }

    pub fn standing(x: f32, z: f32) -> Path {
        Path::new(vec![(0.0, x, z)])
    }

    /// The same way, kept within ±`half` metres across.
    pub fn within(&self, half: f32) -> Path {
        Path::new(self.places.iter().map(|&(time, x, z)| (time, x.clamp(-half, half), z)).collect())
    }

    /// Metres walked until then.
    pub fn distance(&self, time: f32) -> f32 {
        const TAPS: usize = 8;
        let sum: f32 =
            (0..TAPS).map(|k| self.raw_distance(time + EASE * ((k as f32 + 0.5) / TAPS as f32 * 2.0 - 1.0))).sum();
        sum / TAPS as f32
    }

    fn raw_distance(&self, time: f32) -> f32 {
        let next = self.places.partition_point(|place| place.0 <= time);
        if next == 0 {
            return 0.0;
        }
        if next == self.places.len() {
            return self.walked[next - 1];
        }
        let (from, to) = (self.places[next - 1].0, self.places[next].0);
        lerp(self.walked[next - 1], self.walked[next], (time - from) / (to - from))
    }

    fn at_distance(&self, distance: f32) -> (f32, f32) {
        let next = self.walked.partition_point(|walked| *walked <= distance);
        if next == 0 {
            return (self.places[0].1, self.places[0].2);
        }
        let (_, x, z) = self.places[next - 1];
        if next == self.places.len() {
            return (x, z);
        }
        let share = (distance - self.walked[next - 1]) / (self.walked[next] - self.walked[next - 1]);
        (lerp(x, self.places[next].1, share), lerp(z, self.places[next].2, share))
    }

    pub fn place(&self, time: f32) -> (f32, f32) {
        let distance = self.distance(time);
        let taps = [-1.0, -0.5, 0.0, 0.5, 1.0].map(|k| self.at_distance(distance + k * CORNER));
        // At the ends the taps lie on one side only: they are weighed so that the place does not lag behind.
        let total = self.walked[self.walked.len() - 1];
        let room = distance.min(total - distance).clamp(0.0, CORNER) / CORNER;
        let sum = taps.iter().fold((0.0, 0.0), |sum, tap| (sum.0 + tap.0, sum.1 + tap.1));
        let here = taps[2];
        (lerp(here.0, sum.0 * 0.2, room), lerp(here.1, sum.1 * 0.2, room))
    }

    /// Metres a second.
    pub fn speed(&self, time: f32) -> f32 {
        (self.distance(time + 0.05) - self.distance(time - 0.05)) * 10.0
    }

    /// The yaw of who walks there.
    pub fn heading(&self, time: f32) -> f32 {
        let total = self.walked[self.walked.len() - 1];
        let distance = self.distance(time).clamp(0.01, (total - 0.01).max(0.01));
        let (from, to) = (self.at_distance(distance - CORNER), self.at_distance(distance + CORNER));
        libm::atan2f(to.0 - from.0, to.1 - from.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_through_its_places_at_its_pace() {
        let path = Path::new(vec![(0.0, -4.0, 0.0), (4.0, 0.0, 0.0), (8.0, 0.0, 4.0)]);
        let (x, z) = path.place(2.0);
        assert!((x + 2.0).abs() < 0.02 && z.abs() < 1e-3);
        assert!((path.speed(2.0) - 1.0).abs() < 0.01);
        assert!((path.heading(2.0) - std::f32::consts::FRAC_PI_2).abs() < 1e-3, "to +x is to the left of +z");
        assert!(path.heading(6.0).abs() < 1e-3);
        assert_eq!(path.place(20.0), (0.0, 4.0));
        assert!(path.speed(20.0).abs() < 1e-5);
        let steps: Vec<(f32, f32)> = (0..200).map(|i| path.place(i as f32 * 0.05)).collect();
        assert!(steps.windows(2).all(|w| (w[1].0 - w[0].0).abs() + (w[1].1 - w[0].1).abs() < 0.1), "no jumps");
    }
}
