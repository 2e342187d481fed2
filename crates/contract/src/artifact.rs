//! What a chunk leaves behind: its commit record.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The schema name of [`Artifact`].
pub const ARTIFACT_SCHEMA: &str = "framefan.artifact/1";

/// The commit record of a chunk. It exists when, and only when, the chunk's work is complete.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// `framefan.artifact/1`.
    pub schema: String,
    /// Identity of the chunk's work; an artifact is reused exactly when it matches.
    pub digest: String,
    /// Position in the plan.
    pub chunk: u32,
    /// First timestamp inside.
    pub start_pts: i64,
    /// First timestamp after it.
    pub end_pts: i64,
    /// Frames that decoded in the interval.
    pub frames: u32,
    /// Timestamp of the first of them.
    pub first_pts: Option<i64>,
    /// Timestamp of the last of them.
    pub last_pts: Option<i64>,
    /// Parts of the interval whose media data is damaged.
    pub damaged: Vec<DamagedSpan>,
    /// Records by analyzer, in presentation order.
    pub records: BTreeMap<String, Vec<Record>>,
    /// Other files of this chunk, with their digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sidecars: Vec<Sidecar>,
}

/// What an analyzer's chunk stage says of one frame.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Presentation timestamp of the frame.
    pub pts: i64,
    /// Frames of this chunk displayed before it: the reducer adds the frames of earlier chunks.
    pub offset: u32,
    /// The analyzer's own data. A chunk's first frame always has a record; the reducer drops it when the sample grid does not hold it.
    #[schemars(with = "serde_json::Value")]
    pub data: Box<RawValue>,
    /// Bytes of the analyzer's sidecar that belong to this record; those of earlier records come first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sidecar_bytes: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(bytes: &u32) -> bool {
    *bytes == 0
}

/// A part of the video whose media data could not be decoded cleanly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DamagedSpan {
    /// First affected timestamp.
    pub start_pts: i64,
    /// First timestamp that is clean again.
    pub end_pts: i64,
    /// The same in seconds from the first displayed frame.
    pub start_s: f64,
    /// The same in seconds from the first displayed frame.
    pub end_s: f64,
    /// What the decoder said.
    pub reason: String,
}

/// A file beside the commit record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sidecar {
    /// The analyzer whose records it belongs to.
    pub analyzer: String,
    /// Object name under the job's `chunks/`.
    pub name: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}
