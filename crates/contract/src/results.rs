//! The envelope of `final_results.json`. Each analyzer defines its own section.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artifact::DamagedSpan;
use crate::request::{AnalyzerRequest, Precision, Source};
use crate::video::{IndexMethod, VideoInfo};

/// The schema name of `final_results.json`.
pub const RESULTS_SCHEMA: &str = "framefan.results/1";

/// A section larger than this many bytes is a file of its own that `final_results.json` names.
pub const SECTION_LIMIT: u64 = 64 << 20;

/// Everything in `final_results.json` but the analyzers' sections, which stand beside these fields under their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultsHeader {
    /// `framefan.results/1`.
    pub schema: String,
    /// The job.
    pub job_id: String,
    /// The video as probed.
    pub video: VideoInfo,
    /// When the result was written, RFC 3339.
    pub completed_at: String,
    /// What made the numbers.
    pub provenance: Provenance,
    /// What a reader should know before trusting the numbers.
    pub warnings: Vec<String>,
    /// Parts of the video that did not decode cleanly.
    pub damaged: Vec<DamagedSpan>,
    /// Frames decoded for analysis.
    pub frames_processed: u64,
}

/// What made the numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// Version of framefan.
    pub framefan: String,
    /// Versions of the FFmpeg libraries.
    pub ffmpeg: String,
    /// The source.
    pub source: Source,
    /// Analyzers, versions, parameters, model digests.
    pub analyzers: Vec<AnalyzerRequest>,
    /// Number format.
    pub precision: Precision,
    /// Device class of every number.
    pub device_class: String,
    /// Devices that worked on it.
    pub devices: Vec<String>,
    /// How the frame index was made.
    pub index_method: IndexMethod,
    /// Number of chunks.
    pub chunks: u32,
}

/// Stands in for a section that is a file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SectionFile {
    /// Object name beside `final_results.json`.
    pub file: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}
