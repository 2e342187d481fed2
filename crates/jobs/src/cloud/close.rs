//! Closing: a job whose execution failed, or ended without saying so, is written down as failed or cancelled.

use framefan_contract::run::RunRecord;
use framefan_contract::state::{JobError, JobItem, JobStage};
use framefan_contract::{Error, ErrorKind, Result};
use framefan_store::JobStore;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Cloud;
use super::event::End;
use crate::objects::all_runs;

/// What the closer is told: by the state machine, or by the event of an execution that ended.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum CloseInput {
    /// A step failed.
    Step(StepFailure),
    /// An execution ended: "Step Functions Execution Status Change".
    Ended(ExecutionEvent),
}

/// A failure that the state machine caught.
#[derive(Clone, Debug, Deserialize)]
pub struct StepFailure {
    /// The execution.
    pub execution: String,
    /// The job, when the plan step told it.
    #[serde(default)]
    pub job_id: Option<String>,
    /// Error and cause as the state machine caught them.
    #[serde(default)]
    pub error: Option<CaughtError>,
    /// Shards whose Batch job failed.
    #[serde(default)]
    pub failed_shards: Vec<FailedShard>,
}

/// An error as the state machine catches it.
#[derive(Clone, Debug, Deserialize)]
pub struct CaughtError {
    /// Its name.
    #[serde(rename = "Error")]
    pub error: String,
    /// For a function's error, JSON with `errorType` and `errorMessage`; text otherwise.
    #[serde(rename = "Cause", default)]
    pub cause: Option<String>,
}

/// A shard whose Batch job failed.
#[derive(Clone, Debug, Deserialize)]
pub struct FailedShard {
    /// The shard.
    pub shard: u32,
    /// The last attempt's exit code, if its container ever ran.
    #[serde(default)]
    pub exit_code: Option<i64>,
    /// What Batch says.
    #[serde(default)]
    pub reason: Option<String>,
}

/// An execution's end as EventBridge tells it.
#[derive(Clone, Debug, Deserialize)]
pub struct ExecutionEvent {
    /// What happened.
    pub detail: ExecutionDetail,
}

/// Which execution ended, and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionDetail {
    /// The execution.
    pub execution_arn: String,
    /// `FAILED`, `TIMED_OUT`, `ABORTED` or `SUCCEEDED`.
    pub status: String,
    /// Its error, if it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// And the cause.
    #[serde(default)]
    pub cause: Option<String>,
}

/// What the closer answers: the error of the execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// The job that was found, if any.
    pub job_id: Option<String>,
    /// Name of the error's kind.
    pub kind: &'static str,
    /// What went wrong.
    pub message: String,
}

/// Ends the job of an execution that failed, if it is not over.
pub fn close(cloud: &Cloud, input: &CloseInput) -> Result<Closed> {
    match input {
        CloseInput::Step(failure) => close_step(cloud, failure),
        CloseInput::Ended(event) => close_ended(cloud, &event.detail),
    }
}

fn close_step(cloud: &Cloud, failure: &StepFailure) -> Result<Closed> {
    let job = find_job(cloud, &failure.execution, failure.job_id.as_deref())?;
    let job_id = job.as_ref().map(|job| job.job_id.clone());
    let error = match (&failure.error, failure.failed_shards.is_empty(), &job_id) {
        (_, false, Some(job_id)) => shard_error(&failure.failed_shards, &all_runs(&cloud.objects, job_id)?),
        (Some(caught), ..) => caught_error(caught),
        _ => JobError { kind: ErrorKind::Defect, message: "the execution failed without an error".to_owned() },
    };
    let cancelled = job.as_ref().is_some_and(|job| job.stage == JobStage::Cancelled);
    if let Some(job) = &job {
        cloud.end_job(&job.job_id, &failure.execution, &End::Failed(&error))?;
    }
    // A job that was cancelled meanwhile failed because of that.
    let error = if cancelled {
        JobError { kind: ErrorKind::Cancelled, message: "the job was cancelled".to_owned() }
    } else {
        error
    };
    Ok(Closed { job_id, kind: error.kind.name(), message: error.message })
}

fn close_ended(cloud: &Cloud, ended: &ExecutionDetail) -> Result<Closed> {
    if ended.status == "SUCCEEDED" || ended.status == "RUNNING" {
        return Err(Error::usage(format!("an execution that is {} needs no closing", ended.status)));
    }
    let error = match ended.status.as_str() {
        "TIMED_OUT" => JobError {
            kind: ErrorKind::Retryable,
            message: "the execution took longer than the state machine allows; ask again to go on".to_owned(),
        },
        "ABORTED" => JobError { kind: ErrorKind::Cancelled, message: "the execution was stopped".to_owned() },
        _ => caught_error(&CaughtError {
            error: ended.error.clone().unwrap_or_else(|| "States.Runtime".to_owned()),
            cause: ended.cause.clone(),
        }),
    };
    let mut job_id = None;
    for job in cloud.jobs.owned_by(&ended.execution_arn)? {
        let end = if ended.status == "ABORTED" { End::Cancelled } else { End::Failed(&error) };
        cloud.end_job(&job.job_id, &ended.execution_arn, &end)?;
        job_id = Some(job.job_id);
    }
    Ok(Closed { job_id, kind: error.kind.name(), message: error.message })
}

/// The job of an execution: the one that is named, if the execution owns it, or the one that it owns.
fn find_job(cloud: &Cloud, execution: &str, job_id: Option<&str>) -> Result<Option<JobItem>> {
    match job_id {
        Some(job_id) => Ok(cloud.jobs.job(job_id)?.filter(|job| job.owner == execution)),
        None => Ok(cloud.jobs.owned_by(execution)?.into_iter().next()),
    }
}

/// What a caught error means. Our functions name their errors after kinds; everything else is the platform's.
fn caught_error(caught: &CaughtError) -> JobError {
    let text = caught.cause.clone().unwrap_or_default();
    let cause: Option<Value> = serde_json::from_str(&text).ok();
    let message = cause.as_ref().and_then(|c| c["errorMessage"].as_str()).map_or(text.clone(), str::to_owned);
    let message = if message.is_empty() { format!("the state machine caught {}", caught.error) } else { message };
    if let Some(kind) = ErrorKind::from_name(&caught.error) {
        return JobError { kind, message };
    }
    // Functions that were ended from outside, services that did not answer: asking again may help.
    let may_pass =
        ["Lambda.", "Runtime.", "Sandbox.", "Batch.", "DynamoDB.", "S3.", "States.Timeout", "States.Heartbeat"];
    let kind = if may_pass.iter().any(|prefix| caught.error.starts_with(prefix)) {
        ErrorKind::Retryable
    } else {
        ErrorKind::Defect
    };
    JobError { kind, message: format!("{}: {message}", caught.error) }
}

/// The order in which errors tell most: a bad video makes every shard fail, and a passing trouble may hide behind it.
const TELLING: [ErrorKind; 6] = [
    ErrorKind::BadInput,
    ErrorKind::Usage,
    ErrorKind::NotFound,
    ErrorKind::Defect,
    ErrorKind::Retryable,
    ErrorKind::Cancelled,
];

/// The most telling error of shards that failed, in the words of their last attempt where it left any.
fn shard_error(failed: &[FailedShard], runs: &[RunRecord]) -> JobError {
    let kind_of = |shard: &FailedShard| {
        // A process that was killed, or that never ran, says nothing; another attempt may do better.
        shard.exit_code.and_then(ErrorKind::from_exit_code).unwrap_or(ErrorKind::Retryable)
    };
    let rank = |shard: &FailedShard| {
        let kind = kind_of(shard);
        (TELLING.iter().position(|k| *k == kind), shard.shard)
    };
    let Some(worst) = failed.iter().min_by_key(|shard| rank(shard)) else {
        return JobError { kind: ErrorKind::Defect, message: "no shard failed".to_owned() };
    };
    // Of a process that was ended from outside, its record says less than Batch, or is an earlier attempt's.
    let ended_itself = worst.exit_code.and_then(ErrorKind::from_exit_code).is_some();
    let last_run = runs.iter().rev().find(|run| ended_itself && run.shard == worst.shard && run.error.is_some());
    let what = last_run.and_then(|run| run.error.clone()).unwrap_or_else(|| {
        let reason = worst.reason.clone().unwrap_or_else(|| "no reason given".to_owned());
        match worst.exit_code {
            Some(code) => format!("its job ended with exit code {code} ({reason})"),
            None => format!("its job did not run ({reason})"),
        }
    });
    let others = match failed.len() {
        1 => String::new(),
        n => format!(" ({} more shards failed)", n - 1),
    };
    JobError { kind: kind_of(worst), message: format!("shard {}: {what}{others}", worst.shard) }
}

#[cfg(test)]
mod tests {
    use framefan_contract::run::RUN_SCHEMA;
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> CloseInput {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn inputs_of_all_callers_are_understood() {
        let step = read(json!({"execution": "arn:e", "error": {"Error": "BadInput", "Cause": "{}"}}));
        assert!(matches!(step, CloseInput::Step(StepFailure { job_id: None, error: Some(_), .. })));
        let shards = read(json!({"execution": "arn:e", "job_id": "j",
                                 "failed_shards": [{"shard": 1, "exit_code": 3, "reason": "x"}, {"shard": 2}]}));
        assert!(matches!(shards, CloseInput::Step(StepFailure { failed_shards, .. }) if failed_shards.len() == 2));
        // The documented form of the event.
        let event = read(
            json!({"version": "0", "detail-type": "Step Functions Execution Status Change", "source": "aws.states",
            "detail": {"executionArn": "arn:e", "stateMachineArn": "arn:m", "name": "n", "status": "TIMED_OUT",
                       "startDate": 1, "stopDate": 2, "input": "{}", "output": null, "error": null, "cause": null}}),
        );
        assert!(matches!(event, CloseInput::Ended(ExecutionEvent { detail }) if detail.status == "TIMED_OUT"));
    }

    #[test]
    fn caught_errors_keep_their_kind_and_words() {
        let caught = |error: &str, cause: &str| {
            caught_error(&CaughtError { error: error.to_owned(), cause: Some(cause.to_owned()) })
        };
        let ours = caught("BadInput", r#"{"errorType":"BadInput","errorMessage":"s3://b/k: not a video"}"#);
        assert_eq!((ours.kind, ours.message.as_str()), (ErrorKind::BadInput, "s3://b/k: not a video"));
        assert_eq!(caught("Runtime.ExitError", "exit status 137").kind, ErrorKind::Retryable);
        assert_eq!(caught("States.QueryEvaluationError", "x").kind, ErrorKind::Defect);
        assert!(caught("States.Timeout", "").message.contains("States.Timeout"));
    }

    #[test]
    fn of_failed_shards_the_most_telling_is_named() {
        let shard = |shard, exit_code| FailedShard { shard, exit_code, reason: Some("Essential container".into()) };
        let error = shard_error(&[shard(0, Some(5)), shard(3, Some(3)), shard(1, Some(137))], &[]);
        assert_eq!(error.kind, ErrorKind::BadInput);
        assert!(error.message.starts_with("shard 3: ") && error.message.contains("2 more"), "{}", error.message);
        assert_eq!(shard_error(&[shard(1, Some(137))], &[]).kind, ErrorKind::Retryable);
        assert_eq!(shard_error(&[shard(1, None)], &[]).kind, ErrorKind::Retryable);
    }

    #[test]
    fn a_process_that_was_ended_is_told_of_in_batchs_words() {
        let run = RunRecord {
            schema: RUN_SCHEMA.to_owned(),
            job_id: "j".to_owned(),
            run_id: "r".to_owned(),
            worker: "w:1".to_owned(),
            shard: 0,
            device: "cpu".to_owned(),
            started_at: 1.0,
            wall_s: 1.0,
            frames: 0,
            sampled_frames: 0,
            bytes_read: 0,
            chunks: Vec::new(),
            stages: Default::default(),
            error: Some("the weights are missing".to_owned()),
        };
        let error = |exit_code| {
            let reason = Some("Job attempt duration exceeded timeout".to_owned());
            shard_error(&[FailedShard { shard: 0, exit_code, reason }], std::slice::from_ref(&run)).message
        };
        assert_eq!(error(Some(4)), "shard 0: the weights are missing");
        for code in [Some(143), Some(137), None] {
            assert!(error(code).contains("attempt duration exceeded"), "{}", error(code));
        }
    }
}
