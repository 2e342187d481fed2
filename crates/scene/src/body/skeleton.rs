//! Angles to joints: the figure's forward kinematics, and two-bone inverse kinematics for hands that hold something.

use super::shape::Shape;
use crate::math::{Frame, Vec3, lerp, vec3};

/// What the skeleton does, in radians. Index 0 is the left side, 1 the right.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pose {
    /// The pelvis against the figure's heading: forward tilt, tilt to the right, turn to the left.
    pub pelvis_pitch: f32,
    pub pelvis_roll: f32,
    pub pelvis_yaw: f32,
    /// The chest against the pelvis.
    pub spine_bend: f32,
    pub spine_side: f32,
    pub spine_twist: f32,
    /// The head against the chest.
    pub head_pitch: f32,
    pub head_roll: f32,
    pub head_yaw: f32,
    pub arms: [Arm; 2],
    pub legs: [Leg; 2],
    /// Metres between the ground and the figure's lowest point.
    pub lift: f32,
    /// Where a bat held in both hands points to, in the figure's own axes.
    pub bat: Option<Vec3>,
}

/// One arm. All zero: it hangs, palm to the body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arm {
    /// Forward, then sideways away from the body, then about its own axis (outwards).
    pub flex: f32,
    pub abduct: f32,
    pub twist: f32,
    pub elbow: f32,
    /// Bend of the hand towards the palm.
    pub wrist: f32,
    /// 0 an open hand, 1 a fist.
    pub grip: f32,
    /// Where the wrist is to be, instead of the angles.
    pub reach: Option<Reach>,
}

/// A place for the wrist in the figure's own axes: metres left, up from the shoulders' level, and to the front.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    pub wrist: Vec3,
    /// Where the elbow tends to.
    pub elbow: Vec3,
}

/// One leg. All zero: it stands straight.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leg {
    pub flex: f32,
    pub abduct: f32,
    pub twist: f32,
    pub knee: f32,
    /// The foot's upward bend.
    pub ankle: f32,
    /// How much the sole is level whatever the shank does: 0 to 1.
    pub flat: f32,
}

impl Pose {
    /// Between two poses. A reach belongs to the nearer one.
    pub fn blend(&self, other: &Pose, share: f32) -> Pose {
        if share <= 0.0 {
            return *self;
        }
        if share >= 1.0 {
            return *other;
        }
        let l = |a, b| lerp(a, b, share);
        let near = if share < 0.5 { self } else { other };
        let (a, b) = (self, other);
        Pose {
            pelvis_pitch: l(a.pelvis_pitch, b.pelvis_pitch),
            pelvis_roll: l(a.pelvis_roll, b.pelvis_roll),
            pelvis_yaw: l(a.pelvis_yaw, b.pelvis_yaw),
            spine_bend: l(a.spine_bend, b.spine_bend),
            spine_side: l(a.spine_side, b.spine_side),
            spine_twist: l(a.spine_twist, b.spine_twist),
            head_pitch: l(a.head_pitch, b.head_pitch),
            head_roll: l(a.head_roll, b.head_roll),
            head_yaw: l(a.head_yaw, b.head_yaw),
            arms: std::array::from_fn(|i| {
                let (p, q) = (&a.arms[i], &b.arms[i]);
                Arm {
                    flex: l(p.flex, q.flex),
                    abduct: l(p.abduct, q.abduct),
                    twist: l(p.twist, q.twist),
                    elbow: l(p.elbow, q.elbow),
                    wrist: l(p.wrist, q.wrist),
                    grip: l(p.grip, q.grip),
                    reach: near.arms[i].reach,
                }
            }),
            legs: std::array::from_fn(|i| {
                let (p, q) = (&a.legs[i], &b.legs[i]);
                Leg {
                    flex: l(p.flex, q.flex),
                    abduct: l(p.abduct, q.abduct),
                    twist: l(p.twist, q.twist),
                    knee: l(p.knee, q.knee),
                    ankle: l(p.ankle, q.ankle),
                    flat: l(p.flat, q.flat),
                }
            }),
            lift: l(a.lift, b.lift),
            bat: near.bat,
        }
    }
}

/// The joints in space, with the frames of the bones that begin there: y along the body upwards (a hanging bone points
/// to −y), z to its front.
#[derive(Clone, Debug)]
pub struct Joints {
    pub pelvis: Vec3,
    pub pelvis_frame: Frame,
    /// The middle of the shoulders' line.
    pub chest: Vec3,
    pub chest_frame: Frame,
    pub neck: Vec3,
    /// The middle of the head at the height of the eyes.
    pub head: Vec3,
    pub head_frame: Frame,
    pub shoulder: [Vec3; 2],
    pub elbow: [Vec3; 2],
    pub wrist: [Vec3; 2],
    pub upper_arm: [Frame; 2],
    pub forearm: [Frame; 2],
    pub hand: [Frame; 2],
    pub hip: [Vec3; 2],
    pub knee: [Vec3; 2],
    pub ankle: [Vec3; 2],
    pub thigh: [Frame; 2],
    pub shank: [Frame; 2],
    pub foot: [Frame; 2],
    /// The figure's heading in the world.
    pub heading: Frame,
}

/// +1 on the left side, −1 on the right.
pub fn side(index: usize) -> f32 {
    if index == 0 { 1.0 } else { -1.0 }
}

impl Joints {
    /// The joints of a figure above `ground`, facing `yaw` (0 faces +z, positive turns to its left), its lowest point
    /// `pose.lift` above the ground.
    pub fn solve(shape: &Shape, pose: &Pose, ground: Vec3, yaw: f32) -> Joints {
        let mut joints = Joints::hanging(shape, pose, yaw);
        let lowest = joints.lowest(shape);
        let shift = ground + vec3(0.0, pose.lift - lowest, 0.0);
        joints.shift(shift);
        joints
    }

    /// With the pelvis at the origin.
    fn hanging(shape: &Shape, pose: &Pose, yaw: f32) -> Joints {
        let heading = Frame::about_y(yaw);
        let pelvis_frame = heading
            .then(Frame::about_y(pose.pelvis_yaw))
            .then(Frame::about_x(pose.pelvis_pitch))
            .then(Frame::about_z(pose.pelvis_roll));
        let chest_frame = pelvis_frame
            .then(Frame::about_y(pose.spine_twist))
            .then(Frame::about_x(pose.spine_bend))
            .then(Frame::about_z(pose.spine_side));
        let trunk = shape.trunk();
        let chest = pelvis_frame.y * (0.42 * trunk) + chest_frame.y * (0.58 * trunk);
        let head_frame = chest_frame
            .then(Frame::about_y(pose.head_yaw))
            .then(Frame::about_x(pose.head_pitch))
            .then(Frame::about_z(pose.head_roll));
        let neck = chest + chest_frame.apply(vec3(0.0, 0.026, -0.006) * shape.height);
        let neck_axis = chest_frame.y.lerp(head_frame.y, 0.5).lerp(heading.z, 0.12).unit_or(Vec3::UP);
        let skull = neck + neck_axis * (0.034 * shape.height);
        let head = skull + head_frame.apply(vec3(0.0, shape.head_size(10.4), shape.head_size(1.6)));

        let mut joints = Joints {
            pelvis: Vec3::ZERO,
            pelvis_frame,
            chest,
            chest_frame,
            neck,
            head,
            head_frame,
            shoulder: [chest; 2],
            elbow: [chest; 2],
            wrist: [chest; 2],
            upper_arm: [chest_frame; 2],
            forearm: [chest_frame; 2],
            hand: [chest_frame; 2],
            hip: [Vec3::ZERO; 2],
            knee: [Vec3::ZERO; 2],
            ankle: [Vec3::ZERO; 2],
            thigh: [pelvis_frame; 2],
            shank: [pelvis_frame; 2],
            foot: [pelvis_frame; 2],
            heading,
        };
        for i in 0..2 {
            joints.place_arm(i, shape, &pose.arms[i]);
            joints.place_leg(i, shape, &pose.legs[i]);
        }
        joints
    }

    fn place_arm(&mut self, i: usize, shape: &Shape, arm: &Arm) {
        let s = side(i);
        let local = Frame::about_z(s * arm.abduct).then(Frame::about_x(-arm.flex)).then(Frame::about_y(s * arm.twist));
        // The collar bone follows a raised arm: up, and inwards.
        let raised = 0.5 * (1.0 + local.y.dot(vec3(0.0, -1.0, 0.0)));
        let half = shape.shoulder();
        let joint = vec3(s * half * (1.0 - 0.12 * raised), 0.024 * shape.height * raised - 0.012 * shape.height, 0.0);
        self.shoulder[i] = self.chest + self.chest_frame.apply(joint);
        let (upper, lower) = (shape.upper_arm(), shape.forearm());
        let (upper_frame, fore_frame) = match arm.reach {
            Some(reach) => {
                let target = self.chest + self.heading.apply(reach.wrist) - self.shoulder[i];
                let pole = self.heading.apply(reach.elbow);
                two_bones(target, upper, lower, pole, -1.0)
            }
            None => {
                let frame = self.chest_frame.then(local);
                (frame, frame.then(Frame::about_x(-arm.elbow)))
            }
        };
        self.elbow[i] = self.shoulder[i] - upper_frame.y * upper;
        self.wrist[i] = self.elbow[i] - fore_frame.y * lower;
        self.upper_arm[i] = upper_frame;
        self.forearm[i] = fore_frame;
        self.hand[i] = fore_frame.then(Frame::about_z(-s * arm.wrist));
    }

    fn place_leg(&mut self, i: usize, shape: &Shape, leg: &Leg) {
        let s = side(i);
        self.hip[i] = self.pelvis + self.pelvis_frame.x * (s * shape.hip());
        let thigh = self
            .pelvis_frame
            .then(Frame::about_z(s * leg.abduct))
            .then(Frame::about_x(-leg.flex))
            .then(Frame::about_y(s * leg.twist));
        let shank = thigh.then(Frame::about_x(leg.knee));
        self.knee[i] = self.hip[i] - thigh.y * shape.thigh();
        self.ankle[i] = self.knee[i] - shank.y * shape.shank();
        let bent = shank.then(Frame::about_x(-leg.ankle));
        let forward = vec3(bent.z.x, 0.0, bent.z.z);
        let level = Frame::from_up(Vec3::UP, forward.unit_or(self.heading.z));
        self.thigh[i] = thigh;
        self.shank[i] = shank;
        self.foot[i] = bent.blend(&level, leg.flat);
    }

    /// The height of the lowest point of feet, knees, seat, hands and head.
    fn lowest(&self, shape: &Shape) -> f32 {
        let mut lowest = (self.pelvis - self.pelvis_frame.y * (0.05 * shape.height)).y - 0.03 * shape.height;
        for i in 0..2 {
            let foot = &self.foot[i];
            let sole = self.ankle[i] - foot.y * shape.ankle();
            let heel = sole - foot.z * (0.035 * shape.height);
            let toe = sole + foot.z * (0.105 * shape.height);
            let knee = self.knee[i].y - 0.032 * shape.height;
            let hand = (self.wrist[i] - self.hand[i].y * (0.5 * shape.hand())).y - 0.02 * shape.height;
            lowest = lowest.min(heel.y).min(toe.y).min(knee).min(hand);
        }
        lowest.min(self.head.y - shape.head_size(11.5))
    }

    fn shift(&mut self, by: Vec3) {
        for point in [&mut self.pelvis, &mut self.chest, &mut self.neck, &mut self.head] {
            *point += by;
        }
        for pair in
            [&mut self.shoulder, &mut self.elbow, &mut self.wrist, &mut self.hip, &mut self.knee, &mut self.ankle]
        {
            pair.iter_mut().for_each(|point| *point += by);
        }
    }
}

/// The frames of two bones from the origin to `target` (or as near as they reach), the joint between them tending towards
/// `pole`. `hinge` is +1 where that joint points to the bones' front (a knee), −1 where it points back (an elbow).
fn two_bones(target: Vec3, first: f32, second: f32, pole: Vec3, hinge: f32) -> (Frame, Frame) {
    let distance = target.length().clamp((first - second).abs() + 1e-3, (first + second) * 0.999);
    let along = target.unit_or(-Vec3::UP);
    let away = (pole - along * pole.dot(along)).unit_or(vec3(0.0, 0.0, hinge));
    // The law of cosines: how far along the line the joint's foot is.
    let foot = (first * first - second * second + distance * distance) / (2.0 * distance);
    let height = (first * first - foot * foot).max(0.0).sqrt();
    let joint = along * foot + away * height;
    let front = away * hinge;
    (Frame::from_up(-joint, front), Frame::from_up(joint - along * distance, front))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn standing() -> (Shape, Pose) {
        let shape = Shape::random(&mut Random::new(5, "shape", 0));
        let legs = [Leg { flat: 1.0, ..Leg::default() }; 2];
        (shape, Pose { legs, ..Pose::default() })
    }

    #[test]
    fn a_standing_figure_is_as_tall_as_its_shape_says() {
        let (shape, pose) = standing();
        let joints = Joints::solve(&shape, &pose, Vec3::ZERO, 0.3);
        let top = joints.head.y + shape.head_size(11.5);
        assert!((top / shape.height - 1.0).abs() < 0.06, "{top} of {}", shape.height);
        assert!((joints.ankle[0].y - shape.ankle()).abs() < 1e-3);
    }

    #[test]
    fn left_is_to_the_right_of_who_faces_the_figure() {
        let (shape, pose) = standing();
        let joints = Joints::solve(&shape, &pose, Vec3::ZERO, 0.0);
        assert!(joints.shoulder[0].x > 0.1 && joints.hip[1].x < -0.05);
    }

    #[test]
    fn a_reaching_wrist_arrives() {
        let (shape, mut pose) = standing();
        let wrist = vec3(0.1, -0.1, 0.35);
        pose.arms[1].reach = Some(Reach { wrist, elbow: vec3(-0.5, -1.0, 0.0) });
        let joints = Joints::solve(&shape, &pose, Vec3::ZERO, 0.0);
        assert!((joints.wrist[1] - joints.chest - wrist).length() < 1e-3);
        let lengths = [(joints.elbow[1] - joints.shoulder[1]).length(), (joints.wrist[1] - joints.elbow[1]).length()];
        assert!((lengths[0] - shape.upper_arm()).abs() < 1e-4 && (lengths[1] - shape.forearm()).abs() < 1e-4);
    }
}
