//! The records and the section, as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A record: what the chunk stage measures of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Variance of the Laplacian of the luma.
    pub sharpness: f64,
    /// Mean length in pixels of the flow from the frame before.
    pub motion: f64,
}

/// The section of the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "GoldenFramesSection")]
pub struct Section {
    /// Every frame, in presentation order.
    pub frames: Vec<Measured>,
    /// The selected frames, the sharpest first.
    pub selected: Vec<Selected>,
}

/// What was measured of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// Number of the frame in presentation order, from 0.
    pub frame: u64,
    /// Seconds from the first displayed frame.
    pub time_s: f64,
    /// Variance of the Laplacian of the luma (0 to 255): the greater, the sharper.
    pub sharpness: f64,
    /// Mean length in pixels of the dense optical flow from the frame before; for the first frame, and after one that
    /// could not be decoded, from itself.
    pub motion: f64,
}

/// A selected frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Selected {
    /// What was measured.
    #[serde(flatten)]
    pub measured: Measured,
    /// Its picture among the job's files; left out when the frame did not decode a second time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Where it glints; left out with the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glint: Option<GlintFound>,
}

/// Specular highlights of a picture: small bright spots where a surface mirrors the light.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Glint")]
pub struct GlintFound {
    /// Share of the picture that highlights cover, 0 to 1.
    pub share: f64,
    /// Share of the picture that is clipped: white in all channels, in highlights or elsewhere.
    pub clipped_share: f64,
    /// Highlights there are.
    pub count: u64,
    /// The largest of them, at most 50, the largest first.
    pub highlights: Vec<HighlightFound>,
}

/// One highlight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Highlight")]
pub struct HighlightFound {
    /// Centre of gravity in pixels of the frame as displayed, from its left edge.
    pub x: f64,
    /// The same from its upper edge.
    pub y: f64,
    /// Pixels.
    pub area: u64,
}
