//! Vectors, rotations and curves.
//!
//! Only operations that IEEE 754 defines to the last bit (`+ - * /`, square root, floor) and the functions of the crate
//! `libm` are used, so that a picture is the same bytes on every machine.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// A full turn in radians.
pub const TURN: f32 = std::f32::consts::TAU;

/// A point or direction in space, in metres: x to a figure's left, y up, z to its front.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vec3 {
    pub x: f32,
    pub y: f32,
    pub z: f32,
}

/// Shorthand for a vector.
pub const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    pub const ZERO: Vec3 = vec3(0.0, 0.0, 0.0);
    pub const UP: Vec3 = vec3(0.0, 1.0, 0.0);

    pub fn dot(self, other: Vec3) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub fn cross(self, other: Vec3) -> Vec3 {
        vec3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The direction, or `fallback` where there is none.
    pub fn unit_or(self, fallback: Vec3) -> Vec3 {
        let length = self.length();
        if length > 1e-9 { self * (1.0 / length) } else { fallback }
    }

    pub fn lerp(self, other: Vec3, share: f32) -> Vec3 {
        self + (other - self) * share
    }

    pub fn min(self, other: Vec3) -> Vec3 {
        vec3(self.x.min(other.x), self.y.min(other.y), self.z.min(other.z))
    }

    pub fn max(self, other: Vec3) -> Vec3 {
        vec3(self.x.max(other.x), self.y.max(other.y), self.z.max(other.z))
    }

    /// Each component times that of the other: colours.
    pub fn times(self, other: Vec3) -> Vec3 {
        vec3(self.x * other.x, self.y * other.y, self.z * other.z)
    }
}

impl Add for Vec3 {
    type Output = Vec3;
    fn add(self, other: Vec3) -> Vec3 {
        vec3(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl AddAssign for Vec3 {
    fn add_assign(&mut self, other: Vec3) {
        *self = *self + other;
    }
}

impl Sub for Vec3 {
    type Output = Vec3;
    fn sub(self, other: Vec3) -> Vec3 {
        vec3(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Vec3;
    fn mul(self, factor: f32) -> Vec3 {
        vec3(self.x * factor, self.y * factor, self.z * factor)
    }
}

impl Neg for Vec3 {
    type Output = Vec3;
    fn neg(self) -> Vec3 {
        vec3(-self.x, -self.y, -self.z)
    }
}

/// An orthonormal frame: the images of the three axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    pub x: Vec3,
    pub y: Vec3,
    pub z: Vec3,
}

impl Frame {
    pub const IDENTITY: Frame = Frame { x: vec3(1.0, 0.0, 0.0), y: vec3(0.0, 1.0, 0.0), z: vec3(0.0, 0.0, 1.0) };

    /// About x: a positive angle tips what points up towards the front.
    pub fn about_x(angle: f32) -> Frame {
        let (s, c) = libm::sincosf(angle);
        Frame { y: vec3(0.0, c, s), z: vec3(0.0, -s, c), ..Frame::IDENTITY }
    }

    /// About y: a positive angle turns the front to the left.
    pub fn about_y(angle: f32) -> Frame {
        let (s, c) = libm::sincosf(angle);
        Frame { x: vec3(c, 0.0, -s), z: vec3(s, 0.0, c), ..Frame::IDENTITY }
    }

    /// About z: a positive angle tips what points up to the right, and lifts what hangs down to the left.
    pub fn about_z(angle: f32) -> Frame {
        let (s, c) = libm::sincosf(angle);
        Frame { x: vec3(c, s, 0.0), y: vec3(-s, c, 0.0), ..Frame::IDENTITY }
    }

    pub fn apply(&self, v: Vec3) -> Vec3 {
        self.x * v.x + self.y * v.y + self.z * v.z
    }

    /// First `inner`, then this one.
    pub fn then(&self, inner: Frame) -> Frame {
        Frame { x: self.apply(inner.x), y: self.apply(inner.y), z: self.apply(inner.z) }
    }

    /// Between two frames, made orthonormal again. For frames less than half a turn apart.
    pub fn blend(&self, other: &Frame, share: f32) -> Frame {
        Frame::from_up(self.y.lerp(other.y, share), self.z.lerp(other.z, share))
    }

    /// The frame whose y axis is `up` and whose z axis is as near to `front` as can be.
    pub fn from_up(up: Vec3, front: Vec3) -> Frame {
        let y = up.unit_or(Vec3::UP);
        let fallback = if y.y.abs() < 0.9 { vec3(0.0, 1.0, 0.0) } else { vec3(0.0, 0.0, 1.0) };
        let z = (front - y * front.dot(y)).unit_or((fallback - y * fallback.dot(y)).unit_or(vec3(0.0, 0.0, 1.0)));
        Frame { x: y.cross(z), y, z }
    }
}

pub fn sin(angle: f32) -> f32 {
    libm::sinf(angle)
}

pub fn cos(angle: f32) -> f32 {
    libm::cosf(angle)
}

pub fn radians(degrees: f32) -> f32 {
    degrees * (TURN / 360.0)
}

pub fn lerp(a: f32, b: f32, share: f32) -> f32 {
    a + (b - a) * share
}

/// 0 below `low`, 1 above `high`, smooth between.
pub fn smooth_step(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The next whole number below, for numbers within ±2³¹. The standard library's calls into libc on x86-64's baseline, which
/// shows in the textures' time.
#[inline]
pub fn floor(x: f32) -> f32 {
    let whole = x as i32 as f32;
    if whole > x { whole - 1.0 } else { whole }
}

/// The fractional part, in [0, 1).
pub fn fract(x: f32) -> f32 {
    let f = x - floor(x);
    // A tiny negative number rounds to one.
    if f < 1.0 { f } else { 0.0 }
}

/// Linear interpolation in a table of (place, values) whose places grow; constant beyond its ends.
pub fn table<const N: usize>(rows: &[(f32, [f32; N])], at: f32) -> [f32; N] {
    let next = rows.partition_point(|(place, _)| *place < at);
    if next == 0 {
        return rows[0].1;
    }
    if next == rows.len() {
        return rows[next - 1].1;
    }
    let ((low, a), (high, b)) = (rows[next - 1], rows[next]);
    let share = (at - low) / (high - low);
    std::array::from_fn(|i| lerp(a[i], b[i], share))
}

/// A closed curve through (phase, value) points, by Catmull and Rom's cubic with tangents for uneven spacing. `phase` is
/// in turns, places grow within [0, 1).
pub fn cycle(points: &[(f32, f32)], phase: f32) -> f32 {
    let phase = fract(phase);
    let n = points.len();
    let after = points.partition_point(|(place, _)| *place <= phase);
    let at = |index: isize| {
        let turn = index.div_euclid(n as isize);
        let (place, value) = points[index.rem_euclid(n as isize) as usize];
        (place + turn as f32, value)
    };
    let i = after as isize;
    let (p0, p1, p2, p3) = (at(i - 2), at(i - 1), at(i), at(i + 1));
    let span = p2.0 - p1.0;
    let t = (phase - p1.0) / span;
    let m1 = (p2.1 - p0.1) / (p2.0 - p0.0) * span;
    let m2 = (p3.1 - p1.1) / (p3.0 - p1.0) * span;
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * p1.1 + (t3 - 2.0 * t2 + t) * m1 + (3.0 * t2 - 2.0 * t3) * p2.1 + (t3 - t2) * m2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_go_the_documented_way() {
        let near = |a: Vec3, b: Vec3| assert!((a - b).length() < 1e-6, "{a:?} {b:?}");
        near(Frame::about_x(TURN / 4.0).apply(Vec3::UP), vec3(0.0, 0.0, 1.0));
        near(Frame::about_y(TURN / 4.0).apply(vec3(0.0, 0.0, 1.0)), vec3(1.0, 0.0, 0.0));
        near(Frame::about_z(TURN / 4.0).apply(-Vec3::UP), vec3(1.0, 0.0, 0.0));
        let frame = Frame::from_up(vec3(0.3, 1.0, 0.2), vec3(0.1, 0.2, 1.0));
        near(frame.x.cross(frame.y), frame.z);
    }

    #[test]
    fn floor_is_the_standard_librarys() {
        for x in [-2.5f32, -2.0, -0.1, -0.0, 0.0, 0.9, 1.0, 123_456.7, -123_456.7] {
            assert_eq!(floor(x), x.floor());
        }
    }

    #[test]
    fn a_cycle_passes_through_its_points() {
        let points = [(0.0, 3.0), (0.2, 5.0), (0.7, -1.0)];
        for (phase, value) in points {
            assert!((cycle(&points, phase + 2.0) - value).abs() < 1e-4);
        }
        assert!((cycle(&points, 0.999_99) - 3.0).abs() < 1e-2);
    }
}
