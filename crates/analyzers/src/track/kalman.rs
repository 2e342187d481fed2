//! The motion of a box: a Kalman filter with constant velocity on centre, aspect (width by height) and height, as in DeepSORT
//! (Wojke et al., 2017) and ByteTrack (Zhang et al., 2021).
//!
//! The eight states are four pairs of a value and its velocity, and nothing in the model ties one pair to another: motion, noise
//! and measurement are diagonal over pairs. So the filter of 8 × 8 matrices is four filters of 2 × 2, which this is.
//!
//! Time is counted in steps of 1/30 second, the frame rate that the noise was chosen for; a prediction over n steps at once gives
//! what n predictions over one step give, so the filter behaves the same at any sample rate.

/// Steps in a second.
const STEPS_PER_SECOND: f64 = 30.0;

/// Standard deviation of a position, in heights.
const POSITION: f64 = 1.0 / 20.0;
/// Standard deviation of a velocity, in heights a step.
const VELOCITY: f64 = 1.0 / 160.0;
/// Standard deviation of the aspect.
const ASPECT: f64 = 1e-2;
/// Standard deviation of the aspect's velocity, a step.
const ASPECT_VELOCITY: f64 = 1e-5;
/// Standard deviation of a measured aspect.
const MEASURED_ASPECT: f64 = 1e-1;

/// Where the aspect stands among the measured values.
const ASPECT_AXIS: usize = 2;
/// Where the height stands among them.
const HEIGHT_AXIS: usize = 3;

/// A value and its velocity, with their covariance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// The value.
    pub value: f64,
    /// Its change a step.
    pub velocity: f64,
    /// Variance of the value, covariance of both, variance of the velocity.
    pub covariance: [f64; 3],
}

impl Axis {
    /// `steps` later, with this standard deviation of the noise of each step.
    fn predict(&mut self, steps: f64, [value_noise, velocity_noise]: [f64; 2]) {
        let n = steps;
        let [vv, vd, dd] = self.covariance;
        let (q, w) = (value_noise * value_noise, velocity_noise * velocity_noise);
        // The noise of step k moves the value for the n − 1 − k steps that follow: sums of 1, k and k² over 0..n.
        self.value += n * self.velocity;
        self.covariance = [
            vv + 2.0 * n * vd + n * n * dd + n * q + n * (n - 1.0) * (2.0 * n - 1.0) / 6.0 * w,
            vd + n * dd + n * (n - 1.0) / 2.0 * w,
            dd + n * w,
        ];
    }

    /// After a measurement with this standard deviation.
    fn update(&mut self, measured: f64, noise: f64) {
        let [vv, vd, dd] = self.covariance;
        let innovation = vv + noise * noise;
        let (gain, velocity_gain) = (vv / innovation, vd / innovation);
        let surprise = measured - self.value;
        self.value += gain * surprise;
        self.velocity += velocity_gain * surprise;
        self.covariance = [vv - gain * vv, vd - gain * vd, dd - velocity_gain * vd];
    }
}

/// The filter of one box: centre x, centre y, aspect, height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoxFilter {
    axes: [Axis; 4],
}

impl BoxFilter {
    /// From a first box, left, top, width, height.
    pub fn new(bbox: [f64; 4]) -> Self {
        let measured = measurement(bbox);
        let height = measured[HEIGHT_AXIS];
        let axis = |index: usize| {
            let [value, velocity] = match index {
                ASPECT_AXIS => [ASPECT, ASPECT_VELOCITY],
                _ => [2.0 * POSITION * height, 10.0 * VELOCITY * height],
            };
            Axis { value: measured[index], velocity: 0.0, covariance: [value * value, 0.0, velocity * velocity] }
        };
        BoxFilter { axes: [axis(0), axis(1), axis(2), axis(3)] }
    }

    /// Centre x, centre y, aspect and height with what is known of them.
    pub fn axes(&self) -> &[Axis; 4] {
        &self.axes
    }

    /// `seconds` later.
    pub fn predict(&mut self, seconds: f64) {
        let height = self.axes[HEIGHT_AXIS].value;
        for (index, axis) in self.axes.iter_mut().enumerate() {
            let noise = match index {
                ASPECT_AXIS => [ASPECT, ASPECT_VELOCITY],
                _ => [POSITION * height, VELOCITY * height],
            };
            axis.predict(seconds * STEPS_PER_SECOND, noise);
        }
    }

    /// Sets the velocity of the centre: right and down, pixels a second.
    pub fn set_velocity(&mut self, velocity: [f64; 2]) {
        for (axis, pixels) in self.axes.iter_mut().zip(velocity) {
            axis.velocity = pixels / STEPS_PER_SECOND;
        }
    }

    /// After a measured box, left, top, width, height.
    pub fn update(&mut self, bbox: [f64; 4]) {
        let height = self.axes[HEIGHT_AXIS].value;
        let measured = measurement(bbox);
        for (index, axis) in self.axes.iter_mut().enumerate() {
            let noise = if index == ASPECT_AXIS { MEASURED_ASPECT } else { POSITION * height };
            axis.update(measured[index], noise);
        }
    }

    /// Stops the growth of the height: for something out of sight, only the place is worth predicting.
    pub fn hold_height(&mut self) {
        self.axes[HEIGHT_AXIS].velocity = 0.0;
    }

    /// Left, top, width, height. A height that was predicted to vanish is zero.
    pub fn bbox(&self) -> [f64; 4] {
        let [x, y, aspect, height] = self.axes.map(|axis| axis.value);
        let height = height.max(0.0);
        let width = (aspect * height).max(0.0);
        [x - width / 2.0, y - height / 2.0, width, height]
    }
}

/// Centre x, centre y, aspect, height.
fn measurement([left, top, width, height]: [f64; 4]) -> [f64; 4] {
    [left + width / 2.0, top + height / 2.0, width / height, height]
}
