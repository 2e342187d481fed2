//! What one attempt at a shard reports: timings, stages, device.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The schema name of [`RunRecord`].
pub const RUN_SCHEMA: &str = "framefan.run/1";

/// One attempt of one worker at one shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// `framefan.run/1`.
    pub schema: String,
    /// The job.
    pub job_id: String,
    /// Names this attempt.
    pub run_id: String,
    /// Worker's name: host and thread, or Batch job and attempt.
    pub worker: String,
    /// Shard worked through.
    pub shard: u32,
    /// Device class and what is behind it.
    pub device: String,
    /// Start, seconds since 1970.
    pub started_at: f64,
    /// Seconds from start to end.
    pub wall_s: f64,
    /// Frames decoded.
    pub frames: u64,
    /// Frames that went through a network.
    pub sampled_frames: u64,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Chunks completed by this attempt.
    pub chunks: Vec<ChunkTiming>,
    /// The pipeline's stages in order.
    pub stages: Vec<StageMetrics>,
    /// Error that ended the attempt, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// When a chunk was worked on, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChunkTiming {
    /// Chunk index.
    pub chunk: u32,
    /// Its first frame entered the pipeline.
    pub started_at: f64,
    /// Its commit record was written.
    pub completed_at: f64,
}

/// Busy and waiting time of one pipeline stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageMetrics {
    /// `read`, `decode`, `convert`, `infer`, `postprocess` or `write`.
    pub stage: String,
    /// Seconds at work.
    pub busy_s: f64,
    /// Seconds waiting for input.
    pub wait_in_s: f64,
    /// Seconds waiting for room at the next stage.
    pub wait_out_s: f64,
    /// Items handled (frames, but chunks for `write` and bytes for `read`).
    pub items: u64,
    /// Items per busy second.
    pub per_s: f64,
}
