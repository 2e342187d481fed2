//! What is true of a frame: who is where, which joints are seen, how blurred the picture is.

use serde::{Deserialize, Serialize};

use crate::body::{KEYPOINTS, Part};

/// The name of the JSON format below.
pub const SCHEMA: &str = "framefan.scene/1";

/// The truth of a whole scene.
///
/// Coordinates are pixels of the frame, x to the right, y down; a pixel's centre lies at half. What the lens does
/// (defocus, motion blur) is left out: boxes and masks are those of the sharp picture at the middle of the exposure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SceneTruth {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the ready-made scene.
    pub scene: String,
    /// The seed it was drawn from.
    pub seed: u64,
    /// Columns of a frame.
    pub width: usize,
    /// Rows of a frame.
    pub height: usize,
    /// Frames a second.
    pub fps: u32,
    /// COCO's names of the keypoints, in their order.
    pub keypoint_names: Vec<String>,
    /// In the order of time.
    pub frames: Vec<FrameTruth>,
}

impl SceneTruth {
    pub(crate) fn keypoint_names() -> Vec<String> {
        KEYPOINTS.map(str::to_owned).to_vec()
    }
}

/// The truth of one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameTruth {
    /// From 0.
    pub frame: usize,
    /// Seconds.
    pub time_s: f64,
    /// Those of whom any part would be in the frame if nothing stood in front of them, by track id.
    pub people: Vec<PersonTruth>,
    /// Balls in play.
    pub balls: Vec<BallTruth>,
    /// How the camera blurred the picture.
    pub blur: BlurTruth,
    /// How far the far background has moved since the frame before, in pixels, at the middle of the picture: right, down.
    pub camera_shift_px: [f32; 2],
    /// Texts drawn over the picture.
    pub captions: Vec<CaptionTruth>,
}

/// One person in a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonTruth {
    /// The same in all frames of a scene, from 1.
    pub track_id: u32,
    /// `[x, y, width, height]` of what is seen of the figure (without a bat it holds), to half a pixel; `None` where it is wholly hidden.
    pub bbox: Option<[f32; 4]>,
    /// `[x, y, width, height]` of the whole figure, hidden parts and parts outside of the frame included.
    pub full_bbox: [f32; 4],
    /// Pixels of the figure that are seen, in quarters.
    pub visible_px: f32,
    /// The share of the figure in the frame that others or objects hide: 0 to 1.
    pub occluded: f32,
    /// The share of the figure outside of the frame, measured by the surface that faces the camera: 0 to 1.
    pub truncated: f32,
    /// `[x, y, visibility]` in COCO's order; visibility 0 outside of the frame, 1 hidden (by the person itself, too), 2
    /// seen. Unlike in COCO's files the place is told in all cases. Points of the head lie on its surface, the others are
    /// joints inside the limbs.
    pub keypoints: [[f32; 3]; 17],
}

/// A ball in play.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BallTruth {
    /// `[x, y]` of its centre.
    pub centre: [f32; 2],
    /// Pixels.
    pub radius_px: f32,
    /// Whether any of it is seen.
    pub visible: bool,
}

/// How blurred a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlurTruth {
    /// Deviation of the Gaussian defocus, in pixels.
    pub defocus_sigma_px: f32,
    /// The far background's way during the exposure, in pixels: right, down.
    pub motion_px: [f32; 2],
    /// Both as one deviation in pixels, a line of length L having that of L/√12: the order of sharpness of frames that show
    /// the same.
    pub level: f32,
}

impl BlurTruth {
    pub(crate) fn new(defocus_sigma_px: f32, motion_px: [f32; 2]) -> BlurTruth {
        let [dx, dy] = motion_px;
        let level = (defocus_sigma_px * defocus_sigma_px + (dx * dx + dy * dy) * (1.0 / 12.0)).sqrt();
        BlurTruth { defocus_sigma_px, motion_px, level }
    }
}

/// A text over the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaptionTruth {
    /// What it says.
    pub text: String,
    /// `[x, y, width, height]` of the letters, in whole pixels.
    pub bbox: [f32; 4],
}

/// Who and what is seen at each sample of a frame, four samples to a pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Columns of samples: twice the frame's.
    pub columns: usize,
    /// Rows of samples.
    pub rows: usize,
    /// Row by row: the track id (0 for objects) and the part; `None` for the background.
    pub samples: Vec<Option<(u32, Part)>>,
}

impl Labels {
    /// What is seen at a place of the frame, in pixels; `None` outside of it, too.
    pub fn at(&self, x: f32, y: f32) -> Option<(u32, Part)> {
        if x < 0.0 || y < 0.0 {
            return None;
        }
        let (column, row) = ((x * 2.0) as usize, (y * 2.0) as usize);
        if column >= self.columns || row >= self.rows { None } else { self.samples[row * self.columns + column] }
    }
}
