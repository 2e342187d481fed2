//! Golden frames: how sharp every frame is and how much moves in it, and pictures of the few sharpest still ones.
//!
//! The chunk stage ([`chunk`]) measures each frame's luma: the variance of its Laplacian, and the mean length of Farnebäck's
//! flow from the frame before. The reduce stage ([`reduce`]) writes the measurements as they come and keeps what may still be
//! selected ([`selection`]); at the end it decodes the selected frames again, keeps their pictures and says where they glint
//! ([`pictures`]).

use framefan_contract::Result;

use crate::analyzer::{Analyzer, ChunkContext, ChunkStage, Needs, ReduceContext, ReduceStage, Sampling};
use crate::params::{Params, Specs};

pub mod chunk;
pub mod params;
pub mod pictures;
pub mod reduce;
pub mod section;
pub mod selection;

#[cfg(test)]
mod tests;

/// The name of the analyzer and of its section.
pub const NAME: &str = "golden_frames";

/// The golden-frames analyzer.
pub struct GoldenFrames;

impl Analyzer for GoldenFrames {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "sharpness and motion of every frame, and pictures of the sharpest still ones"
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

    fn needs(&self, _: &Params) -> Result<Needs> {
        Ok(Needs { sampling: Sampling::EveryFrame, stencil: 1, models: Vec::new() })
    }

    fn chunk_stage(&self, context: &ChunkContext<'_>) -> Result<Box<dyn ChunkStage>> {
        Ok(Box::new(chunk::GoldenFramesChunkStage::new(context)?))
    }

    fn section_schema(&self) -> schemars::Schema {
        schemars::schema_for!(section::Section)
    }

    fn reduce_stage(&self, context: &ReduceContext<'_>) -> Result<Box<dyn ReduceStage>> {
        let params = params::ReduceParams::read(context.reduce_params)?;
        Ok(Box::new(reduce::GoldenFramesReduceStage::new(context.video, params)))
    }
}
