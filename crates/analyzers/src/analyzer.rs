//! What every analyzer provides: its needs, its chunk stage and its reduce stage.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use candle_core::Tensor;
use framefan_contract::request::Precision;
use framefan_contract::video::VideoInfo;
use framefan_contract::{Rational, Result};
use framefan_media::Frame;
use framefan_models::ComputeDevice;
use serde_json::Value;
use serde_json::value::RawValue;

/// Parameters of an analyzer: defaults filled in, names and values checked.
pub type Params = BTreeMap<String, Value>;

/// Which frames an analyzer looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// Every frame.
    EveryFrame,
    /// The first frame of each `1/fps` cell of presentation time.
    Fps(Rational),
}

/// What an analyzer asks of the planner and the worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Needs {
    /// Which frames it looks at.
    pub sampling: Sampling,
    /// Frames before each frame that it must also see.
    pub stencil: u32,
    /// Roles of the models it uses, e.g. `yolov8n-pose`.
    pub models: Vec<String>,
}

/// What a chunk stage is built from.
pub struct ChunkContext<'a> {
    /// The video.
    pub video: &'a VideoInfo,
    /// Checked parameters of the chunk stage.
    pub params: &'a Params,
    /// Weights file of each model it needs.
    pub models: &'a BTreeMap<String, PathBuf>,
    /// Where networks run.
    pub device: &'a ComputeDevice,
    /// Number format of the networks.
    pub precision: Precision,
}

/// What a reduce stage is built from.
pub struct ReduceContext<'a> {
    /// The video.
    pub video: &'a VideoInfo,
    /// Checked parameters of the chunk stage.
    pub chunk_params: &'a Params,
    /// Checked parameters of the reduce stage.
    pub reduce_params: &'a Params,
}

/// Where a frame stands in the video.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameTime {
    /// Number of the frame in presentation order, from 0.
    pub frame: u64,
    /// Presentation timestamp.
    pub pts: i64,
    /// Seconds from the first displayed frame.
    pub time_s: f64,
}

/// A kind of analysis.
pub trait Analyzer: Sync {
    /// The name in requests, results and on the command line.
    fn name(&self) -> &'static str;
    /// One line for people.
    fn summary(&self) -> &'static str;
    /// Version of the chunk stage: another one means other records.
    fn chunk_version(&self) -> u32;
    /// Version of the reduce stage.
    fn reduce_version(&self) -> u32;
    /// Checks `given` (what the user set, by key) and fills in defaults: chunk-stage and reduce-stage parameters.
    fn params(&self, given: &Params) -> Result<(Params, Params)>;
    /// What it needs with these chunk-stage parameters.
    fn needs(&self, chunk_params: &Params) -> Result<Needs>;
    /// Makes the chunk stage; called once a worker.
    fn chunk_stage(&self, context: &ChunkContext<'_>) -> Result<Box<dyn ChunkStage>>;
    /// The JSON Schema of its section of the result.
    fn section_schema(&self) -> schemars::Schema;
    /// Makes the reduce stage; called once a job.
    fn reduce_stage(&self, context: &ReduceContext<'_>) -> Result<Box<dyn ReduceStage>>;
}

/// Frames to records, in three steps that run on threads of their own. Each step is a pure function of its arguments:
/// a frame's record depends on no other frame, whatever batch or chunk it travels in.
pub trait ChunkStage: Send + Sync {
    /// Frames that go through [`ChunkStage::infer`] together. A last, short batch is padded to this size.
    fn batch_size(&self) -> usize;
    /// Frame to network input of fixed shape `[C, H, W]`, on the host.
    fn prepare(&self, frame: &Frame) -> Result<Tensor>;
    /// Batch of inputs `[B, C, H, W]` to outputs `[B, …]`, on the host.
    fn infer(&self, batch: &Tensor) -> Result<Tensor>;
    /// One frame's output `[…]` to its record's data.
    fn interpret(&self, output: &Tensor) -> Result<Box<RawValue>>;
}

/// Records in presentation order to the analyzer's section: one JSON object, written as it grows.
pub trait ReduceStage {
    /// Writes what comes before the first record.
    fn begin(&mut self, out: &mut dyn Write) -> Result<()>;
    /// Takes the next sampled frame's record.
    fn push(&mut self, time: FrameTime, data: &RawValue, out: &mut dyn Write) -> Result<()>;
    /// Writes what comes after the last record and closes the object.
    fn finish(&mut self, out: &mut dyn Write) -> Result<()>;
}
