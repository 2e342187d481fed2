//! Cancelling a job: its item says so first, then what still runs for it is ended.

use framefan_contract::state::{JobItem, JobStage};
use framefan_contract::{Error, ErrorKind, Result};
use framefan_store::JobStore;
use serde::Serialize;

use super::{Deployment, Part};
use crate::clock::now;
use crate::cloud::event;

/// Looks at the queues. A map that is being stopped may have submitted a job between two of them.
const LOOKS: usize = 2;

/// What cancelling did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// The job.
    pub job_id: String,
    /// Its stage before.
    pub before: JobStage,
    /// Its stage now: CANCELLED, or how it had ended.
    pub stage: JobStage,
    /// Whether an execution had to be stopped.
    pub execution_stopped: bool,
    /// How many Batch jobs had to be ended.
    pub batch_jobs_ended: u32,
    /// Why others could not be told, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unannounced: Option<String>,
}

/// The name that all Batch jobs of a job begin with.
pub(super) fn batch_prefix(job_id: &str) -> String {
    format!("framefan-{job_id}-")
}

/// Cancels the job, if it is not over, and ends what still runs for it in any case. Doing it again does no harm.
///
/// # Errors
/// `NotFound` when there is no such job, or ending things is not allowed.
pub fn cancel(deployment: &Deployment, job_id: &str) -> Result<Cancelled> {
    let jobs = deployment.jobs()?;
    let job = || {
        let found = jobs.job(job_id)?;
        found.ok_or_else(|| Error::not_found(format!("there is no job {job_id}")))
    };
    let before = job()?;
    let cancelled_now = !before.stage.is_terminal() && cancel_item(&jobs, job_id)?;
    // The state machine goes before its Batch jobs: it must not take their end for a failure, or submit more.
    let execution_stopped = deployment.aws.execution_is_running(&before.owner)?;
    if execution_stopped {
        deployment.aws.stop_execution(&before.owner, "Cancelled", "the job was cancelled with framefan cancel")?;
    }
    let mut batch_jobs_ended = 0;
    for _ in 0..LOOKS {
        let mut ended = 0;
        for queue in deployment.queues() {
            ended += deployment.aws.terminate_batch_jobs(queue, &batch_prefix(job_id), "the job was cancelled")?;
        }
        batch_jobs_ended = batch_jobs_ended.max(ended);
    }
    let after = job()?;
    // Who ends a job tells others. The job is cancelled even if that is not allowed from here.
    let unannounced = cancelled_now.then(|| announce(deployment, &after)).and_then(Result::err);
    Ok(Cancelled {
        job_id: job_id.to_owned(),
        before: before.stage,
        stage: after.stage,
        execution_stopped,
        batch_jobs_ended,
        unannounced: unannounced.map(|error| error.message().to_owned()),
    })
}

/// Marks the job as cancelled; false when it ended by itself meanwhile.
fn cancel_item(jobs: &dyn JobStore, job_id: &str) -> Result<bool> {
    match jobs.cancel_job(job_id, None, now()) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::Usage | ErrorKind::Cancelled) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts the event of a cancelled job on the bus.
fn announce(deployment: &Deployment, job: &JobItem) -> Result<()> {
    let bucket = deployment.name(Part::Bucket)?;
    event::announce(&deployment.aws, deployment.event_bus(), bucket, job)
}
