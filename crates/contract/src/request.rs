//! What is asked for: one video, one or more analyzers with parameters, and how the numbers are to be made.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Rational, Result, digest};

/// Where the video is and which version of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Source {
    /// A file on this machine.
    File {
        /// Absolute path.
        path: String,
        /// Bytes.
        size: u64,
        /// Modification time, nanoseconds since 1970.
        mtime_ns: i64,
        /// SHA-256 of the bytes that the probe read, hexadecimal.
        probe_digest: String,
    },
    /// An S3 object.
    S3 {
        /// Bucket.
        bucket: String,
        /// Key.
        key: String,
        /// Version, or the ETag in a bucket without versions.
        version: String,
        /// Bytes.
        size: u64,
    },
}

/// One analyzer with its parameters, defaults filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnalyzerRequest {
    /// Registered name (`pose`).
    pub name: String,
    /// Version of its chunk stage; a new one makes new artifacts.
    pub chunk_version: u32,
    /// Version of its reduce stage; a new one makes a new job that reuses artifacts.
    pub reduce_version: u32,
    /// Parameters that decide the chunk stage's records.
    pub chunk_params: BTreeMap<String, serde_json::Value>,
    /// Parameters of the reduce and finish stages alone.
    pub reduce_params: BTreeMap<String, serde_json::Value>,
    /// Name of each model it uses, and the SHA-256 of its weights.
    pub models: BTreeMap<String, String>,
}

/// How numbers are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats throughout.
    F32,
    /// bfloat16 operands, 32-bit accumulation.
    Bf16,
    /// IEEE half precision.
    F16,
}

impl Precision {
    /// The name used on the command line and in device classes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::F16 => "f16",
        }
    }
}

/// A form in which results are written for other programs, under `exports/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// MOT Challenge text: tracks.
    Mot,
    /// COCO results and annotations, JSON: people with landmarks, detections.
    Coco,
    /// Comma-separated tables.
    Csv,
    /// The same tables as Apache Parquet.
    Parquet,
    /// WebVTT: findings as subtitles.
    Webvtt,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [ExportFormat; 5] =
        [ExportFormat::Mot, ExportFormat::Coco, ExportFormat::Csv, ExportFormat::Parquet, ExportFormat::Webvtt];

    /// The name in requests and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            ExportFormat::Mot => "mot",
            ExportFormat::Coco => "coco",
            ExportFormat::Csv => "csv",
            ExportFormat::Parquet => "parquet",
            ExportFormat::Webvtt => "webvtt",
        }
    }

    /// Reads names: `all`, or formats; each is named once in the result, in the order of [`ExportFormat::ALL`].
    ///
    /// # Errors
    /// `Usage` when one is unknown.
    pub fn parse_list<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<ExportFormat>> {
        let names: Vec<&str> = names.into_iter().map(str::trim).filter(|name| !name.is_empty()).collect();
        let known = || ExportFormat::ALL.map(ExportFormat::as_str).join(", ");
        let is_known = |name: &str| name == "all" || ExportFormat::ALL.iter().any(|format| format.as_str() == name);
        if let Some(name) = names.iter().find(|name| !is_known(name)) {
            return Err(Error::usage(format!("results cannot be exported as '{name}'; there is: all, {}", known())));
        }
        let wanted = |format: &ExportFormat| names.contains(&"all") || names.contains(&format.as_str());
        Ok(ExportFormat::ALL.into_iter().filter(wanted).collect())
    }
}

/// A request as accepted: all defaults filled in. Its digest is the job id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobRequest {
    /// `framefan.request/1`.
    pub schema: String,
    /// The video.
    pub source: Source,
    /// Analyzers, sorted by name.
    pub analyzers: Vec<AnalyzerRequest>,
    /// Number format of the networks.
    pub precision: Precision,
    /// The kind of device whose results are the same bits, e.g. `cpu-avx512-f32`.
    pub device_class: String,
    /// The forms in which the results are also written, each once, in the order of [`ExportFormat::ALL`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<ExportFormat>,
    /// Wanted length of a chunk. Not part of the identity: it does not change the result.
    pub chunk_seconds: Rational,
}

/// The schema name of [`JobRequest`].
pub const REQUEST_SCHEMA: &str = "framefan.request/1";

impl JobRequest {
    /// The job id: 32 hexadecimal digits that depend on all that can change the result, and on nothing else.
    pub fn job_id(&self) -> String {
        let mut identity = serde_json::json!({
            "schema": self.schema, "source": self.source, "analyzers": self.analyzers,
            "precision": self.precision, "device_class": self.device_class,
        });
        if !self.exports.is_empty() {
            identity["exports"] = serde_json::json!(self.exports);
        }
        digest::of_json(&identity)[..32].to_owned()
    }

    /// The digest of the chunk `[start_pts, end_pts)`: source, interval and all that decides the chunk stage.
    pub fn chunk_digest(&self, start_pts: i64, end_pts: i64) -> String {
        let analyzers: Vec<_> = self.analyzers.iter().map(|a| {
            serde_json::json!({"name": a.name, "version": a.chunk_version, "params": a.chunk_params, "models": a.models})
        }).collect();
        digest::of_json(&serde_json::json!({
            "schema": crate::artifact::ARTIFACT_SCHEMA, "source": self.source, "start_pts": start_pts, "end_pts": end_pts,
            "analyzers": analyzers, "precision": self.precision, "device_class": self.device_class,
        }))
    }
}
