//! Human pose: 17 landmarks of every person in the sampled frames, what they add up to, and what stands out.
//!
//! The chunk stage ([`chunk`]) runs a YOLOv8 pose network on each sampled frame. The reduce stage ([`reduce`]) copies the
//! people of each frame into the section and keeps running statistics beside it, so its memory does not grow with the
//! video: joint angles and movement ([`metrics`]), rules that name spans of time ([`findings`]), and a few frames worth
//! a picture ([`moments`]). What each number means is stated where it is computed.

use framefan_contract::{Rational, Result};

use crate::analyzer::{Analyzer, ChunkContext, ChunkStage, Needs, ReduceContext, ReduceStage, Sampling};
use crate::params::{Params, Specs};

pub mod angles;
pub mod body;
pub mod chunk;
pub mod findings;
pub mod metrics;
pub mod moments;
pub mod movement;
pub mod observation;
pub mod params;
pub mod presence;
pub mod reduce;
pub mod repetitions;
pub mod section;
pub mod series;
pub mod spans;

pub use framefan_models::COCO_SIGMAS;

#[cfg(test)]
mod synthetic;

/// The name of the analyzer and of its section.
pub const NAME: &str = "pose";

/// The pose analyzer.
pub struct Pose;

impl Analyzer for Pose {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "human pose: 17 landmarks a person, joint angles, movement and findings"
    }

    fn chunk_version(&self) -> u32 {
        2
    }

    fn reduce_version(&self) -> u32 {
        1
    }

    fn specs(&self) -> Specs {
        params::SPECS
    }

    fn params(&self, given: &Params) -> Result<(Params, Params)> {
        params::check(given)
    }

    fn needs(&self, chunk_params: &Params) -> Result<Needs> {
        let params = params::ChunkParams::read(chunk_params)?;
        Ok(Needs { sampling: Sampling::Fps(params.sample_fps), stencil: 0, models: vec![params.model] })
    }

    fn chunk_stage(&self, context: &ChunkContext<'_>) -> Result<Box<dyn ChunkStage>> {
        Ok(Box::new(chunk::PoseChunkStage::new(context)?))
    }

    fn section_schema(&self) -> schemars::Schema {
        section_schema()
    }

    fn reduce_stage(&self, context: &ReduceContext<'_>) -> Result<Box<dyn ReduceStage>> {
        let chunk_params = params::ChunkParams::read(context.chunk_params)?;
        let reduce_params = params::ReduceParams::read(context.reduce_params)?;
        Ok(Box::new(reduce::PoseReduceStage::new(context.video, chunk_params.sample_fps, reduce_params)))
    }
}

/// The JSON Schema of the `pose` section of `final_results.json`.
pub fn section_schema() -> schemars::Schema {
    schemars::schema_for!(section::Section)
}

/// Seconds between samples on the grid of `sample_fps`.
pub(crate) fn sample_period(sample_fps: Rational) -> f64 {
    1.0 / sample_fps.as_f64()
}
