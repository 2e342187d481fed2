//! Makes a job's analyzers ready to run on a device.

use std::sync::Arc;

use framefan_analyzers::{ChunkContext, Needs, Networks};
use framefan_contract::Result;
use framefan_contract::plan::Plan;
use framefan_contract::request::JobRequest;
use framefan_models::ComputeDevice;
use framefan_worker::AnalyzerRun;

use crate::models::Models;

/// Loads the networks of all analyzers of the request, in its order. Weights must be those of the request.
pub(crate) fn prepare(
    request: &JobRequest,
    plan: &Plan,
    models: &Models,
    device: &ComputeDevice,
) -> Result<Vec<AnalyzerRun>> {
    let (mut runs, networks) = (Vec::new(), Networks::default());
    for asked in &request.analyzers {
        let analyzer = framefan_analyzers::find(&asked.name)?;
        let models = models.verified(asked)?;
        let stage = analyzer.chunk_stage(&ChunkContext {
            video: &plan.video,
            params: &asked.chunk_params,
            models: &models,
            networks: &networks,
            device,
            precision: request.precision,
        })?;
        let Needs { sampling, stencil, .. } = analyzer.needs(&asked.chunk_params)?;
        runs.push(AnalyzerRun { name: asked.name.clone(), sampling, stencil, stage: Arc::from(stage) });
    }
    Ok(runs)
}
