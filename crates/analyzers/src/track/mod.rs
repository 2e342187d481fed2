//! Tracking: everything detected in the sampled frames, and which of it is one thing through the whole video.
//!
//! The chunk stage ([`chunk`]) runs a detector on each sampled frame and, where asked for, a network that tells people apart by
//! their looks ([`appearance`]). The reduce stage ([`reduce`]) goes through the whole video in order: motion ([`kalman`]) and
//! assignment ([`assignment`]) make tracks ([`tracker`]), and looks make those who come back who they were ([`identities`]).

use framefan_contract::Result;

use crate::analyzer::{Analyzer, ChunkContext, ChunkStage, Needs, ReduceContext, ReduceStage, Sampling};
use crate::params::{Params, Specs};

pub mod appearance;
pub mod assignment;
pub mod chunk;
pub mod classes;
pub mod detector;
pub mod feature;
pub mod identities;
pub mod kalman;
mod meetings;
pub mod params;
pub mod reduce;
pub mod section;
#[cfg(test)]
mod tests;
mod trace;
pub mod tracker;

/// The name of the analyzer and of its section.
pub const NAME: &str = "track";

/// The tracking analyzer.
pub struct Track;

impl Analyzer for Track {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "objects of 80 classes, each with one number through the whole video"
    }

    fn chunk_version(&self) -> u32 {
        1
    }

    fn reduce_version(&self) -> u32 {
        2
    }

    fn specs(&self) -> Specs {
        params::SPECS
    }

    fn params(&self, given: &Params) -> Result<(Params, Params)> {
        params::check(given)
    }

    fn needs(&self, chunk_params: &Params) -> Result<Needs> {
        let params = params::ChunkParams::read(chunk_params)?;
        let mut models = vec![params.model];
        models.extend(params.appearance);
        Ok(Needs { sampling: Sampling::Fps(params.sample_fps), stencil: 0, models })
    }

    fn chunk_stage(&self, context: &ChunkContext<'_>) -> Result<Box<dyn ChunkStage>> {
        Ok(Box::new(chunk::TrackChunkStage::new(context)?))
    }

    fn section_schema(&self) -> schemars::Schema {
        schemars::schema_for!(section::Section)
    }

    fn reduce_stage(&self, context: &ReduceContext<'_>) -> Result<Box<dyn ReduceStage>> {
        let params = params::ReduceParams::read(context.reduce_params)?;
        Ok(Box::new(reduce::TrackReduceStage::new(context.video, params)))
    }
}
