//! The human figure: proportions, a skeleton, and the surfaces around it.

mod arms;
mod dress;
mod face;
mod hair;
mod head;
mod legs;
mod loft;
mod look;
mod shape;
mod skeleton;
mod torso;

pub(crate) use dress::Figure;
pub(crate) use face::{FaceLook, face_colour};
pub(crate) use loft::{Mesh, Paint, Ring, Triangle, Vertex};
pub(crate) use look::{Cloth, Look, Pattern};
pub(crate) use shape::Shape;
pub(crate) use skeleton::{Arm, Leg, Pose, Reach};

/// The figure's parts, as the label images tell them apart. Left is the person's left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Part {
    Head,
    Neck,
    Torso,
    LeftUpperArm,
    RightUpperArm,
    LeftForearm,
    RightForearm,
    LeftHand,
    RightHand,
    LeftThigh,
    RightThigh,
    LeftShank,
    RightShank,
    LeftFoot,
    RightFoot,
    /// A thing held, a bat: drawn with the person, no part of its box.
    Held,
    /// Not a person: furniture, trees, balls.
    Object,
}

/// The names of the 17 keypoints in COCO's order.
pub const KEYPOINTS: [&str; 17] = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
];
