//! The attempts at jobs of AWS Batch: each has a log stream of its own.

use aws_sdk_batch::types::{AttemptDetail, JobDetail};
use framefan_contract::Result;

use super::Aws;
use super::batch::BatchJob;
use super::errors::failed;

/// Jobs that Batch describes in one answer.
const DESCRIBED_AT_ONCE: usize = 100;

/// One attempt at a Batch job that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchAttempt {
    /// The Batch job's id.
    pub batch_job: String,
    /// When the Batch job was submitted, milliseconds since 1970.
    pub submitted_ms: i64,
    /// From 1.
    pub attempt: u32,
    /// Where its lines are, if its container ever started.
    pub log_stream: Option<String>,
}

impl Aws {
    /// The attempts at these Batch jobs, in the order of the jobs and then of the attempts.
    ///
    /// # Errors
    /// `NotFound` when asking is not allowed.
    pub fn batch_attempts(&self, jobs: &[BatchJob]) -> Result<Vec<BatchAttempt>> {
        let mut attempts = Vec::new();
        for group in jobs.chunks(DESCRIBED_AT_ONCE) {
            let ids = group.iter().map(|job| job.id.clone()).collect();
            let described = self
                .block_on(self.batch().describe_jobs().set_jobs(Some(ids)).send())
                .map_err(|e| failed("cannot describe Batch jobs", e))?;
            let mut described = described.jobs.unwrap_or_default();
            let place =
                |job: &JobDetail| group.iter().position(|known| Some(known.id.as_str()) == job.job_id.as_deref());
            described.sort_by_key(place);
            attempts.extend(described.into_iter().flat_map(attempts_of));
        }
        Ok(attempts)
    }
}

/// Ended attempts are in a list; the one that runs is known by its container alone.
fn attempts_of(job: JobDetail) -> Vec<BatchAttempt> {
    let stream_of = |attempt: AttemptDetail| attempt.container.and_then(|container| container.log_stream_name);
    let mut streams: Vec<Option<String>> = job.attempts.unwrap_or_default().into_iter().map(stream_of).collect();
    let current = job.container.and_then(|container| container.log_stream_name);
    if current.is_some() && !streams.contains(&current) {
        streams.push(current);
    }
    let (batch_job, submitted_ms) = (job.job_id.unwrap_or_default(), job.created_at.unwrap_or_default());
    let attempt = |(i, log_stream)| BatchAttempt {
        batch_job: batch_job.clone(),
        submitted_ms,
        attempt: i as u32 + 1,
        log_stream,
    };
    streams.into_iter().enumerate().map(attempt).collect()
}
