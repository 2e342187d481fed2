//! The plan: chunks in presentation time, what to read for each, and shards to deal out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::video::{IndexMethod, VideoInfo};

/// The schema name of [`Plan`].
pub const PLAN_SCHEMA: &str = "framefan.plan/1";

/// Everything a worker or reducer must know of a job beyond the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// `framefan.plan/1`.
    pub schema: String,
    /// The job.
    pub job_id: String,
    /// The video as probed.
    pub video: VideoInfo,
    /// How the frame index was made.
    pub index_method: IndexMethod,
    /// Chunks in presentation order; together they cover the video without gap or overlap.
    pub chunks: Vec<Chunk>,
    /// What was assumed or found odd, for people to read.
    pub notes: Vec<String>,
}

/// A half-open interval of presentation time with all that is needed to decode it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chunk {
    /// Position in the plan, from 0.
    pub index: u32,
    /// First timestamp inside, in the video's time base.
    pub start_pts: i64,
    /// First timestamp after it.
    pub end_pts: i64,
    /// Start in seconds from the first displayed frame.
    pub start_s: f64,
    /// End in seconds from the first displayed frame.
    pub end_s: f64,
    /// Frames that the index places in the interval.
    pub frames: u32,
    /// Where decoding starts so that every frame of the interval, and the stencil before it, comes out.
    pub decode_from: PacketRef,
    /// Ordinal just after the last packet that a frame of the interval needs.
    pub end_packet: u64,
    /// Byte range of the file, `[from, to)`, that holds these packets.
    pub byte_range: [u64; 2],
    /// Relative cost: decoded pixels plus sampled inputs, for dealing shards.
    pub cost: f64,
    /// Only for `decode_scan`: presentation time of each packet from `decode_from` to `end_packet`; null where a packet makes no frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Vec<Option<i64>>>,
}

/// A packet that can be found again in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PacketRef {
    /// Place in file order among the stream's packets, from 0.
    pub ordinal: u64,
    /// Presentation timestamp as demuxed.
    pub pts: Option<i64>,
    /// Decoding timestamp as demuxed.
    pub dts: Option<i64>,
    /// Byte position.
    pub pos: u64,
    /// Bytes.
    pub size: u32,
}

/// Consecutive chunks for one worker: one item of the Map state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// The job.
    pub job_id: String,
    /// Position among the shards of this run, from 0.
    pub shard: u32,
    /// First chunk.
    pub first_chunk: u32,
    /// Chunk after the last.
    pub end_chunk: u32,
}
