//! Jobs in a queue of AWS Batch.

use aws_sdk_batch::types::{JobDetail, JobStatus, JobSummary, KeyValuesPair};
use framefan_contract::Result;

use super::Aws;
use super::errors::failed;

/// Jobs that Batch describes in one answer.
const DESCRIBED_AT_ONCE: usize = 100;

/// A job of AWS Batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchJob {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `SUBMITTED`, `PENDING`, `RUNNABLE`, `STARTING`, `RUNNING`, `SUCCEEDED` or `FAILED`.
    pub status: String,
    /// The log stream of its latest attempt, once it has started.
    pub log_stream: Option<String>,
    /// The exit code of its latest attempt, once it has ended.
    pub exit_code: Option<i32>,
    /// What Batch says about its state.
    pub reason: Option<String>,
}

impl BatchJob {
    /// Whether it has succeeded or failed for good.
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "SUCCEEDED" | "FAILED")
    }
}

impl Aws {
    /// The jobs in a queue (name or ARN), of any status, whose name starts with `name_prefix`; sorted by name. Batch
    /// remembers ended jobs for a week.
    ///
    /// # Errors
    /// `NotFound` when there is no such queue or asking is not allowed.
    pub fn batch_jobs(&self, queue: &str, name_prefix: &str) -> Result<Vec<BatchJob>> {
        let summaries = self.batch_summaries(queue, name_prefix)?;
        let mut jobs: Vec<BatchJob> = Vec::with_capacity(summaries.len());
        for group in summaries.chunks(DESCRIBED_AT_ONCE) {
            let ids = group.iter().filter_map(|job| job.job_id.clone()).collect();
            let described = self
                .block_on(self.batch().describe_jobs().set_jobs(Some(ids)).send())
                .map_err(|e| failed(format!("cannot describe the Batch jobs in {queue}"), e))?;
            jobs.extend(described.jobs.unwrap_or_default().into_iter().map(batch_job));
        }
        jobs.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(jobs)
    }

    /// Ends every job in a queue (name or ARN) that is not over and whose name starts with `name_prefix`, and says how
    /// many there were. Jobs that have not started are cancelled.
    ///
    /// # Errors
    /// `NotFound` when there is no such queue or ending jobs is not allowed.
    pub fn terminate_batch_jobs(&self, queue: &str, name_prefix: &str, reason: &str) -> Result<u32> {
        let mut ended = 0;
        for job in self.batch_summaries(queue, name_prefix)? {
            if matches!(job.status, Some(JobStatus::Succeeded | JobStatus::Failed)) {
                continue;
            }
            let Some(id) = job.job_id else { continue };
            self.block_on(self.batch().terminate_job().job_id(&id).reason(reason).send())
                .map_err(|e| failed(format!("cannot end the Batch job {id} in {queue}"), e))?;
            ended += 1;
        }
        Ok(ended)
    }

    fn batch_summaries(&self, queue: &str, name_prefix: &str) -> Result<Vec<JobSummary>> {
        let by_name = KeyValuesPair::builder().name("JOB_NAME").values(format!("{name_prefix}*")).build();
        let mut pages = self.batch().list_jobs().job_queue(queue).filters(by_name).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = self.block_on(pages.next()) {
            let page = page.map_err(|e| failed(format!("cannot list the Batch jobs in {queue}"), e))?;
            found.extend(page.job_summary_list.unwrap_or_default());
        }
        // The filter does not tell upper from lower case.
        found.retain(|job| job.job_name.as_deref().is_some_and(|name| name.starts_with(name_prefix)));
        Ok(found)
    }
}

fn batch_job(job: JobDetail) -> BatchJob {
    let attempt = job.attempts.unwrap_or_default().pop().and_then(|attempt| attempt.container);
    let (log_stream, exit_code, container_reason) = match (job.container, attempt) {
        (Some(c), Some(last)) => {
            (c.log_stream_name.or(last.log_stream_name), c.exit_code.or(last.exit_code), c.reason.or(last.reason))
        }
        (Some(c), None) => (c.log_stream_name, c.exit_code, c.reason),
        (None, Some(last)) => (last.log_stream_name, last.exit_code, last.reason),
        (None, None) => (None, None, None),
    };
    BatchJob {
        id: job.job_id.unwrap_or_default(),
        name: job.job_name.unwrap_or_default(),
        status: job.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        log_stream,
        exit_code,
        // The container's reason is the nearer one: an out-of-memory kill, an image that cannot be pulled.
        reason: container_reason.or(job.status_reason),
    }
}
