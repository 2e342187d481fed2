//! Waiting for jobs, as `submit --wait` and `status --follow` do.

use framefan_contract::state::{JobItem, JobStage};
use framefan_contract::{Error, Result};
use framefan_jobs::remote::{Deployment, follow};

use crate::meter::Meter;
use crate::output;
use crate::show;

/// Follows a job to its end and shows how it goes on.
pub fn to_the_end(deployment: &Deployment, job_id: &str, meter: &Meter, name: &str) -> Result<JobItem> {
    follow(deployment, job_id, &mut |job| {
        meter.set(u64::from(job.progress_pct), 100, &format!("{name}{}", show::progress_words(job)));
        Ok(())
    })
}

/// A job that did not end well, as the error that decides the exit code.
pub fn error_of(job: &JobItem) -> Option<Error> {
    let id = &job.job_id;
    match job.stage {
        JobStage::Failed => Some(match &job.error {
            Some(error) => Error::new(error.kind, format!("job {id}: {}", error.message)),
            None => Error::defect(format!("job {id} failed without saying why")),
        }),
        JobStage::Cancelled => Some(Error::cancelled(format!("job {id} was cancelled"))),
        _ => None,
    }
}

/// Ctrl-C ends the waiting, and says that it does not end the job.
pub fn leave_on_signal() -> Result<()> {
    ctrlc::set_handler(|| {
        output::note(
            "\nframefan: no longer waiting; what was started goes on (framefan status, framefan cancel JOB_ID)",
        );
        std::process::exit(130);
    })
    .map_err(|e| Error::defect(format!("no signal handler could be set: {e}")))
}
