//! Scenes of people, drawn from a seed, with the exact truth of every frame: for tests, for demonstrations, for training.
//!
//! People are articulated figures in clothes, lofted around a skeleton and drawn in perspective with light and shadows, in
//! front of procedural surroundings; a camera pans, shakes, blurs and adds grain. [`Scene::frame`] gives a frame's picture
//! and its [`FrameTruth`]: boxes, 17 COCO keypoints with visibility, occlusion, track ids, balls, blur, captions.
//!
//! The same seed and settings give the same bytes, on any number of threads and on any machine: only arithmetic that IEEE
//! 754 fixes and the functions of the crate `libm` are used. (Encoded videos depend on the FFmpeg that encodes them, too.)
//!
//! A person in the JSON of [`SceneTruth`] (schema `framefan.scene/1`; [`PersonTruth`] says what each field means):
//!
//! ```json
//! {"track_id": 2, "bbox": [401.5, 127.0, 38.0, 118.5], "full_bbox": [401.2, 126.8, 38.5, 118.9], "visible_px": 1893.25,
//!  "occluded": 0.12, "truncated": 0.0, "keypoints": [[421.3, 136.2, 2.0], [423.9, 133.1, 2.0], …17 in all]}
//! ```
//!
//! ```
//! let scene = framefan_scene::still(7, 128)?;
//! let (picture, truth) = scene.frame(0);
//! assert_eq!((picture.width, picture.height), (128, 128));
//! assert!(truth.people.len() <= 4);
//! # Ok::<(), framefan_contract::error::Error>(())
//! ```

mod body;
mod camera;
mod caption;
mod draw;
mod image;
mod math;
mod motion;
mod noise;
mod observe;
mod random;
mod scene;
mod scenes;
mod truth;
mod video;
mod world;

pub use body::{KEYPOINTS, Part};
pub use caption::CaptionSettings;
pub use image::RgbImage;
pub use random::Random;
pub use scene::{MAX_PEOPLE, Scene, SceneSettings};
pub use scenes::{LadderSettings, cricket, crossings, returns, sample, sharpness_ladder, still, still_with};
pub use truth::{BallTruth, BlurTruth, CaptionTruth, FrameTruth, Labels, PersonTruth, SCHEMA, SceneTruth};
pub use video::{VideoOptions, write_video};
