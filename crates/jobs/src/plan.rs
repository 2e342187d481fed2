//! The planning step: the first accepted plan of a job stands, and later runs resume it.

use framefan_analyzers::Sampling;
use framefan_contract::plan::Plan;
use framefan_contract::request::JobRequest;
use framefan_contract::{Error, Rational, Result, digest, keys};
use framefan_media::Probe;
use framefan_planner::PlanInput;
use framefan_store::{Created, JobStore, NewChunk, ObjectStore};

use crate::objects::to_json;

/// What running a network on one frame costs, as a multiple of decoding one. Only the balance of shards depends on it.
const SAMPLE_COST: f64 = 10.0;

/// Plans the request for a probed video.
pub fn make_plan(job_id: &str, request: &JobRequest, probe: &Probe) -> Result<Plan> {
    let mut stencil = 0;
    let mut fps: Option<Rational> = None;
    let mut every_frame = false;
    for analyzer in &request.analyzers {
        let needs = framefan_analyzers::find(&analyzer.name)?.needs(&analyzer.chunk_params)?;
        stencil = stencil.max(needs.stencil);
        match needs.sampling {
            Sampling::EveryFrame => every_frame = true,
            Sampling::Fps(wanted) if fps.is_none_or(|f| wanted.as_f64() > f.as_f64()) => fps = Some(wanted),
            Sampling::Fps(_) => {}
        }
    }
    framefan_planner::plan(&PlanInput {
        job_id,
        video: &probe.info,
        index: &probe.index,
        notes: &probe.notes,
        chunk_seconds: request.chunk_seconds,
        stencil,
        sampling: fps.filter(|_| !every_frame),
        sample_cost: SAMPLE_COST,
    })
}

/// Writes the plan, unless the job has one: then that one stands and is returned. True when it is the given plan.
pub fn accept_plan(objects: &dyn ObjectStore, plan: Plan) -> Result<(Plan, bool)> {
    let key = keys::plan(&plan.job_id);
    if objects.create(&key, &to_json(&plan)?)? == Created::New {
        return Ok((plan, true));
    }
    let accepted = objects.get(&key)?.ok_or_else(|| Error::retryable(format!("{key} vanished while it was read")))?;
    let accepted: Plan = serde_json::from_slice(&accepted)
        .map_err(|e| Error::defect(format!("{key} is not a readable plan ({e}); use --force to start over")))?;
    let is_same = accepted == plan;
    Ok((accepted, is_same))
}

/// Makes the chunk items of the accepted plan: the job is QUEUED then.
pub(crate) fn queue_chunks(jobs: &dyn JobStore, owner: &str, plan: &Plan, now: f64) -> Result<()> {
    let chunks: Vec<NewChunk> =
        plan.chunks.iter().map(|c| NewChunk { index: c.index, start_s: c.start_s, end_s: c.end_s }).collect();
    jobs.set_plan(&plan.job_id, owner, &digest::of_bytes(&to_json(plan)?), &chunks, now)
}
