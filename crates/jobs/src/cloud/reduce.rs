//! Merging: the chunks' records become the result and the report, and the job is done.

use std::path::PathBuf;
use std::time::Instant;

use framefan_contract::plan::Plan;
use framefan_contract::request::JobRequest;
use framefan_contract::state::{JobItem, JobStage};
use framefan_contract::{Error, ErrorKind, Result, keys};
use framefan_media::Limits;
use framefan_report::Figures;
use framefan_store::JobStore;
use serde::{Deserialize, Serialize};

use super::{Cloud, metrics};
use crate::clock::now;
use crate::exports::write_exports;
use crate::objects::{all_runs, devices, read_json};
use crate::reduce::reduce;
use crate::report::write_report;
use crate::source::open_object;
use crate::summary::StageSummary;

/// What the state machine gives the reducer.
#[derive(Clone, Debug, Deserialize)]
pub struct ReduceInput {
    /// The execution that owns the job.
    pub execution: String,
    /// The job.
    pub job_id: String,
}

/// Where the result is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// The job.
    pub job_id: String,
    /// Its result.
    pub results_key: String,
    /// Its page for people.
    pub report_key: String,
    /// Frames decoded for analysis; 0 when the job was done before.
    pub frames_processed: u64,
}

/// Merges the job's chunks, writes result and report, and marks the job as done. Large sections pass through files in the
/// temporary folder; one chunk's records are in memory at a time.
pub fn merge_results(cloud: &Cloud, input: &ReduceInput) -> Result<Merged> {
    let started = Instant::now();
    let job_id = &input.job_id;
    let job = cloud.jobs.job(job_id)?.ok_or_else(|| Error::not_found(format!("there is no job {job_id}")))?;
    if job.stage == JobStage::Done {
        // A try that died just before it could announce that.
        if job.owner == input.execution {
            cloud.announce(&job)?;
        }
        return Ok(merged(job_id, 0));
    }
    cloud.jobs.begin_aggregating(job_id, &input.execution, now())?;
    let request: JobRequest = read_json(&cloud.objects, &keys::manifest(job_id))?;
    let plan: Plan = read_json(&cloud.objects, &keys::plan(job_id))?;
    let runs = all_runs(&cloud.objects, job_id)?;
    // Pictures come from the video. A result without any stands, should somebody have removed it meanwhile.
    let source = match cloud.video(&request.source).and_then(|video| open_object(video, &Limits::default())) {
        Ok(source) => Some(source),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::BadInput) => {
            eprintln!("job {job_id}: there are no pictures: {error}");
            None
        }
        Err(error) => return Err(error),
    };
    let reduced = reduce(&cloud.objects, &request, &plan, source.as_ref(), devices(&runs), &scratch())?;
    write_exports(&cloud.objects, &request, &reduced.header, &scratch())?;

    let bottleneck = StageSummary::of_runs(&runs).bottleneck();
    let figures = Figures {
        // Nothing was left to do when no chunk was started.
        wall_s: job.started_at.map(|started| now() - started),
        bottleneck: Some(bottleneck).filter(|stage| !stage.is_empty()),
        resumed_chunks: 0,
    };
    write_report(&cloud.objects, &request, &plan, runs, source.as_ref(), None, figures)?;
    finish(cloud, input)?;
    metrics::emit(&metrics::merged(&cloud.place.stack, job_id, started.elapsed().as_secs_f64()));
    Ok(merged(job_id, reduced.header.frames_processed))
}

/// Marks the job as done and announces it. A twin that was faster has done both, or will.
fn finish(cloud: &Cloud, input: &ReduceInput) -> Result<()> {
    cloud.jobs.finish_job(&input.job_id, &input.execution, now())?;
    let job: Option<JobItem> = cloud.jobs.job(&input.job_id)?;
    job.filter(|job| job.stage == JobStage::Done).map_or(Ok(()), |job| cloud.announce(&job))
}

fn merged(job_id: &str, frames_processed: u64) -> Merged {
    Merged {
        job_id: job_id.to_owned(),
        results_key: keys::results(job_id),
        report_key: keys::report(job_id),
        frames_processed,
    }
}

/// The folder that a function may write to.
fn scratch() -> PathBuf {
    std::env::temp_dir()
}
