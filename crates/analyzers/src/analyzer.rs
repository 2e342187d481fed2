//! What every analyzer provides: its needs, its chunk stage, its reduce stage and, where it makes pictures, what it does
//! at the end with the video's frames.

use std::collections::BTreeMap;
use std::io::Write;

use candle_core::Tensor;
use framefan_contract::request::Precision;
use framefan_contract::video::VideoInfo;
use framefan_contract::{Error, Rational, Result};
use framefan_media::Frame;
use framefan_models::{ComputeDevice, WeightsSource};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::networks::Networks;
use crate::params::{Params, Specs};

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
    /// Frames before each frame that it must also see. Other than 0 only with [`Sampling::EveryFrame`].
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
    /// Where the weights of each model it needs are.
    pub models: &'a BTreeMap<String, WeightsSource>,
    /// Networks that are loaded already: stages that use the same one share it.
    pub networks: &'a Networks,
    /// Where networks run.
    pub device: &'a ComputeDevice,
    /// Number format of the networks.
    pub precision: Precision,
}

impl ChunkContext<'_> {
    /// Where the weights of the model called `name` are.
    ///
    /// # Errors
    /// `Usage` when nobody said.
    pub fn model(&self, name: &str) -> Result<&WeightsSource> {
        let unnamed = || Error::usage(format!("no weights were named for the model '{name}'"));
        self.models.get(name).ok_or_else(unnamed)
    }
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
    /// Its parameters.
    fn specs(&self) -> Specs;
    /// Checks `given` (what the user set, by key) and fills in defaults: chunk-stage and reduce-stage parameters.
    fn params(&self, given: &Params) -> Result<(Params, Params)> {
        self.specs().check(given)
    }
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
/// a frame's record depends on that frame and, with a stencil of S, on the S frames displayed before it; never on the
/// batch or the chunk it travels in.
pub trait ChunkStage: Send + Sync {
    /// Names what [`ChunkStage::prepare`] makes. Stages of a job with equal names share one input of each frame.
    fn input(&self) -> String;
    /// Names what [`ChunkStage::infer`] computes. Stages of a job with equal inputs, networks, batch sizes and stencils
    /// share one inference of each frame.
    fn network(&self) -> String;
    /// Frames that go through [`ChunkStage::infer`] together, B. A last, short batch is padded to this size.
    fn batch_size(&self) -> usize;
    /// Frame to input of fixed shape, e.g. `[C, H, W]`, on the host.
    fn prepare(&self, frame: &Frame) -> Result<Tensor>;
    /// Inputs of S + B consecutive frames `[S + B, …]` to outputs of the last B `[B, …]`, on the host. S is the
    /// stencil. Where the video has no earlier frame, or one could not be decoded, the first one after that stands in.
    fn infer(&self, batch: &Tensor) -> Result<Tensor>;
    /// One frame's input and output to its record.
    fn interpret(&self, input: &Tensor, output: &Tensor) -> Result<Finding>;
}

/// What a chunk stage says of one frame.
#[derive(Debug)]
pub struct Finding {
    /// The record's data.
    pub data: Box<RawValue>,
    /// What is too much for JSON: it travels beside the record, in a binary file of the chunk. Often empty.
    pub sidecar: Vec<u8>,
}

impl Finding {
    /// A record without a sidecar.
    pub fn of<T: Serialize>(data: &T) -> Result<Self> {
        let data = serde_json::value::to_raw_value(data)
            .map_err(|error| Error::defect(format!("a record cannot be written as JSON: {error}")))?;
        Ok(Finding { data, sidecar: Vec::new() })
    }
}

/// Records in presentation order to the analyzer's section: one JSON object, written as it grows.
pub trait ReduceStage {
    /// Writes what comes before the first record.
    fn begin(&mut self, out: &mut dyn Write) -> Result<()>;
    /// Takes the next sampled frame's record and the bytes that travelled beside it.
    fn push(&mut self, time: FrameTime, data: &RawValue, sidecar: &[u8], out: &mut dyn Write) -> Result<()>;
    /// Writes what comes after the last record and closes the object.
    fn finish(&mut self, finish: &mut Finish<'_>, out: &mut dyn Write) -> Result<()>;
}

/// What an analyzer has at its end to make pictures with.
pub struct Finish<'a> {
    /// The video's frames.
    pub frames: &'a mut dyn FrameSource,
    /// Where pictures go.
    pub media: &'a mut dyn MediaSink,
}

/// Single frames of the video, decoded again.
pub trait FrameSource {
    /// Calls `each` with the frame of each of these timestamps, which ascend, in any order. One that does not decode is left out.
    ///
    /// # Errors
    /// `NotFound` when the video is not there any more.
    fn frames(&mut self, pts: &[i64], each: &mut dyn FnMut(&Frame) -> Result<()>) -> Result<()>;
}

/// Keeps files beside the result.
pub trait MediaSink {
    /// Keeps `bytes` as `frames/NAME`, and returns that. What was there is replaced.
    fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<String>;
}
