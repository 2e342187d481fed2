//! How a job ends for others: the items say so, and an event is put on the bus.

use framefan_contract::state::{JobError, JobItem, JobStage};
use framefan_contract::{Error, Result, keys};
use framefan_store::JobStore;
use framefan_store::aws::Aws;
use serde_json::json;

use super::{Cloud, metrics};
use crate::clock::now;

/// How a job that is not done ended.
pub(super) enum End<'a> {
    /// With an error.
    Failed(&'a JobError),
    /// On request.
    Cancelled,
}

impl Cloud {
    /// Ends the job of the execution `owner` and announces that, again if the call is a repeated one. A job that ended
    /// otherwise, or that another execution has taken over, is left alone.
    pub(super) fn end_job(&self, job_id: &str, owner: &str, end: &End<'_>) -> Result<()> {
        let outcome = match end {
            End::Failed(error) => self.jobs.fail_job(job_id, owner, error, now()),
            End::Cancelled => self.jobs.cancel_job(job_id, Some(owner), now()),
        };
        let job = self.jobs.job(job_id)?;
        if let Err(error) = outcome {
            let is_ours = job.is_some_and(|job| job.owner == owner && !job.stage.is_terminal());
            return if is_ours { Err(error) } else { Ok(()) };
        }
        // It may have been asked for again, and be running, since.
        let Some(job) = job.filter(|job| job.stage.is_terminal()) else { return Ok(()) };
        if let End::Failed(error) = end {
            metrics::emit(&metrics::failed(&self.place.stack, job_id, error.kind.name()));
        }
        self.announce(&job)
    }

    /// Puts the event of a job that is over on the bus. It may be put twice: subscribers see the job id.
    pub(super) fn announce(&self, job: &JobItem) -> Result<()> {
        announce(&self.aws, &self.place.event_bus, &self.place.bucket, job)
    }
}

/// Puts the event of a job that is over on a bus.
pub(crate) fn announce(aws: &Aws, bus: &str, bucket: &str, job: &JobItem) -> Result<()> {
    let detail_type = match job.stage {
        JobStage::Done => "Job Done",
        JobStage::Failed => "Job Failed",
        JobStage::Cancelled => "Job Cancelled",
        stage => return Err(Error::defect(format!("job {} is at {stage:?}: nothing to announce", job.job_id))),
    };
    let mut detail = json!({"job_id": job.job_id, "stage": job.stage, "video": job.video, "bucket": bucket});
    if job.stage == JobStage::Done {
        detail["results_key"] = json!(keys::results(&job.job_id));
        detail["report_key"] = json!(keys::report(&job.job_id));
    }
    if let Some(error) = &job.error {
        detail["error"] = json!(error);
    }
    aws.put_event(bus, detail_type, &detail.to_string())
}
