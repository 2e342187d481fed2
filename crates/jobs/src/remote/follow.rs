//! From an execution to its job, and a job to its end.

use std::thread;
use std::time::{Duration, Instant};

use framefan_contract::state::JobItem;
use framefan_contract::{Error, ErrorKind, Result};
use framefan_store::JobStore;
use framefan_store::aws::ExecutionState;
use serde_json::Value;

use super::{Deployment, Part};

/// How often the table is asked.
const POLL: Duration = Duration::from_secs(1);

/// How often it is checked that the job's execution still runs.
const CHECK_OWNER: Duration = Duration::from_secs(15);

/// How long after its execution's end a job may take to be closed.
const CLOSING: Duration = Duration::from_secs(60);

/// Among so many of the newest jobs, one that has already ended is looked for.
const NEWEST: usize = 200;

/// What is known of an execution's job.
#[derive(Debug)]
pub enum Begun {
    /// Nothing yet: the planner is at it.
    NotYet,
    /// The execution has this job, or had it to its end.
    Works(String),
    /// The result of this job was there already.
    WasDone(String),
    /// Another execution, which is alive, has this job.
    Owned {
        /// The job.
        job_id: String,
        /// The other execution.
        owner: String,
    },
    /// The execution ended before there was a job.
    Ended(Error),
}

/// What is known of the job of an execution that was started a while ago.
pub fn begun(deployment: &Deployment, execution: &str) -> Result<Begun> {
    let jobs = deployment.jobs()?;
    if let Some(job) = jobs.owned_by(execution)?.into_iter().next() {
        return Ok(Begun::Works(job.job_id));
    }
    let state = deployment.aws.execution_state(execution)?;
    if state.is_running() {
        return Ok(Begun::NotYet);
    }
    if let Some(begun) = from_output(&state) {
        return Ok(begun);
    }
    // It failed. If there was a job by then, that tells more.
    let of_execution = jobs.jobs(NEWEST)?.into_iter().find(|job| job.owner == execution);
    Ok(of_execution.map_or_else(|| Begun::Ended(ended(&state)), |job| Begun::Works(job.job_id)))
}

/// What an execution that succeeded says of its job.
fn from_output(state: &ExecutionState) -> Option<Begun> {
    let output: Value = serde_json::from_str(state.output.as_deref()?).ok()?;
    let job_id = output["job_id"].as_str()?.to_owned();
    Some(match output["status"].as_str() {
        Some("done") => Begun::WasDone(job_id),
        Some("owned") => Begun::Owned { job_id, owner: output["owner"].as_str().unwrap_or_default().to_owned() },
        _ => Begun::Works(job_id),
    })
}

/// Why an execution ended without a job.
fn ended(state: &ExecutionState) -> Error {
    let cause = state.cause.clone().filter(|cause| !cause.is_empty());
    match state.status.as_str() {
        "ABORTED" => Error::cancelled("the execution was stopped before it had planned a job"),
        "TIMED_OUT" => Error::retryable("the execution ran out of time before it had planned a job; submit again"),
        "SUCCEEDED" => Error::defect("the execution succeeded without naming a job: is the state machine framefan's?"),
        status => {
            let name = state.error.clone().unwrap_or_else(|| status.to_owned());
            let kind = ErrorKind::from_name(&name);
            let message = match (kind, cause) {
                (Some(_), Some(cause)) => cause,
                (_, cause) => {
                    format!("the execution ended with {name}: {}", cause.unwrap_or_else(|| "no cause".into()))
                }
            };
            Error::new(kind.unwrap_or(ErrorKind::Retryable), message)
        }
    }
}

/// Waits until the job is over, and tells `on_look` how it stands each time it looks.
///
/// # Errors
/// `NotFound` when the job is removed meanwhile; `Retryable` when its execution has ended and nobody closes the job; what
/// `on_look` returns.
pub fn follow(
    deployment: &Deployment,
    job_id: &str,
    on_look: &mut dyn FnMut(&JobItem) -> Result<()>,
) -> Result<JobItem> {
    let jobs = deployment.jobs()?;
    let mut checked = Instant::now();
    let mut alone_since: Option<Instant> = None;
    loop {
        let job = jobs.job(job_id)?.ok_or_else(|| Error::not_found(format!("job {job_id} has been removed")))?;
        on_look(&job)?;
        if job.stage.is_terminal() {
            return Ok(job);
        }
        if checked.elapsed() >= CHECK_OWNER {
            checked = Instant::now();
            let is_alone = !deployment.aws.execution_is_running(&job.owner)?;
            alone_since = is_alone.then(|| alone_since.unwrap_or_else(Instant::now));
        }
        if alone_since.is_some_and(|since| since.elapsed() >= CLOSING) {
            return Err(Error::retryable(format!(
                "the execution of job {job_id} has ended and nobody has closed the job: submit it again, or cancel it \
                 (framefan cancel {job_id}); the log of the function 'closer' may say why"
            )));
        }
        thread::sleep(POLL);
    }
}

impl Deployment {
    /// Starts an execution with this input and answers its ARN.
    pub fn start(&self, name: &str, input: &str) -> Result<String> {
        self.aws.start_execution(self.name(Part::StateMachine)?, Some(name), input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: &str, output: Option<&str>, error: Option<&str>, cause: Option<&str>) -> ExecutionState {
        let own = |text: Option<&str>| text.map(str::to_owned);
        ExecutionState { status: status.to_owned(), output: own(output), error: own(error), cause: own(cause) }
    }

    #[test]
    fn outputs_of_all_ways_through_the_machine_are_understood() {
        let of = |output: &str| from_output(&state("SUCCEEDED", Some(output), None, None));
        assert!(matches!(
            of(r#"{"job_id":"a","results_key":"r","report_key":"p","frames_processed":5}"#),
            Some(Begun::Works(id)) if id == "a"
        ));
        assert!(matches!(of(r#"{"job_id":"a","status":"done","results_key":"r"}"#), Some(Begun::WasDone(_))));
        assert!(matches!(
            of(r#"{"job_id":"a","status":"owned","owner":"arn:e"}"#),
            Some(Begun::Owned { owner, .. }) if owner == "arn:e"
        ));
        assert!(of(r#"{"other":1}"#).is_none());
        assert!(from_output(&state("FAILED", None, None, None)).is_none());
    }

    #[test]
    fn an_execution_that_failed_early_keeps_the_kind_of_its_error() {
        let bad = ended(&state("FAILED", None, Some("BadInput"), Some("s3://b/k: not a video")));
        assert_eq!((bad.kind(), bad.message()), (ErrorKind::BadInput, "s3://b/k: not a video"));
        assert_eq!(ended(&state("ABORTED", None, None, None)).kind(), ErrorKind::Cancelled);
        assert_eq!(ended(&state("TIMED_OUT", None, None, None)).kind(), ErrorKind::Retryable);
        let other = ended(&state("FAILED", None, Some("States.Runtime"), None));
        assert!(other.message().contains("States.Runtime"), "{other}");
    }
}
