//! Lanes: what several analyzers ask of a frame alike is done once. One lane is one inference; the analyzers that share
//! it each make their own records of its outputs.

use std::sync::Arc;

use framefan_analyzers::{ChunkStage, Sampling};
use framefan_contract::{Error, Result};

use crate::shard::AnalyzerRun;

/// One inference on a frame, for one analyzer or several.
pub(crate) struct Lane {
    /// Runs it: the first of the analyzers' stages.
    pub stage: Arc<dyn ChunkStage>,
    /// Which of [`Lanes::inputs`] it takes.
    pub input: usize,
    /// The analyzers, by bit.
    pub analyzers: u32,
    /// Frames before each batch that it also takes.
    pub stencil: usize,
}

/// All that is done to a frame.
pub(crate) struct Lanes {
    /// Conversions, each made once a frame by the first stage that needs it.
    pub inputs: Vec<Arc<dyn ChunkStage>>,
    /// Inferences.
    pub lanes: Vec<Lane>,
    /// The longest stencil.
    pub stencil: usize,
}

impl Lanes {
    /// # Errors
    /// `Defect` when an analyzer wants earlier frames but does not look at every frame.
    pub fn of(analyzers: &[AnalyzerRun]) -> Result<Self> {
        let mut all = Lanes { inputs: Vec::new(), lanes: Vec::new(), stencil: 0 };
        for (i, analyzer) in analyzers.iter().enumerate() {
            let (stage, stencil) = (&analyzer.stage, analyzer.stencil as usize);
            if stencil > 0 && analyzer.sampling != Sampling::EveryFrame {
                let name = &analyzer.name;
                return Err(Error::defect(format!("analyzer '{name}' has a stencil but does not look at every frame")));
            }
            let input = all.inputs.iter().position(|other| other.input() == stage.input()).unwrap_or_else(|| {
                all.inputs.push(stage.clone());
                all.inputs.len() - 1
            });
            let same = |lane: &&mut Lane| {
                (lane.input, lane.stencil) == (input, stencil)
                    && lane.stage.network() == stage.network()
                    && lane.stage.batch_size() == stage.batch_size()
            };
            match all.lanes.iter_mut().find(same) {
                Some(lane) => lane.analyzers |= 1 << i,
                None => all.lanes.push(Lane { stage: stage.clone(), input, analyzers: 1 << i, stencil }),
            }
            all.stencil = all.stencil.max(stencil);
        }
        Ok(all)
    }
}
