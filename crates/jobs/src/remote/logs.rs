//! The log lines of a job's Batch jobs: by shard, and within a shard by attempt.

use std::collections::BTreeMap;

use framefan_contract::{Error, ErrorKind, Result};
use framefan_store::aws::{BatchAttempt, BatchJob, LogEvent};

use super::cancel::batch_prefix;
use super::{Deployment, Part};

/// Reads of a stream after the end of its Batch job: the last lines come a few seconds late.
const LATE_READS: u32 = 3;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The shard.
    pub shard: u32,
    /// Which attempt at it, from 1, over all Batch jobs that there were for it.
    pub attempt: u32,
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// What was written.
    pub message: String,
}

/// Reads the logs of a job; what was read is not read again.
pub struct JobLogs<'a> {
    deployment: &'a Deployment,
    prefix: String,
    shard: Option<u32>,
    /// Where reading goes on, by stream.
    places: BTreeMap<String, Place>,
    lines: u64,
    missing: Option<Error>,
}

/// A place in a stream.
#[derive(Default)]
struct Place {
    after: Option<String>,
    /// How often the stream was read after its Batch job was over.
    late_reads: u32,
}

/// An attempt and where its lines are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attempt {
    shard: u32,
    number: u32,
    stream: String,
    /// Whether its Batch job is over, so that no more lines come.
    is_over: bool,
}

impl<'a> JobLogs<'a> {
    /// Of all shards, or of one.
    pub fn new(deployment: &'a Deployment, job_id: &str, shard: Option<u32>) -> Self {
        JobLogs { deployment, prefix: batch_prefix(job_id), shard, places: BTreeMap::new(), lines: 0, missing: None }
    }

    /// Gives `take` the lines that are new. Answers whether there were Batch jobs, and whether all of them are over.
    ///
    /// # Errors
    /// What AWS or `take` say. A log that is not there yet is no error.
    pub fn read(&mut self, take: &mut dyn FnMut(&LogLine) -> Result<()>) -> Result<(bool, bool)> {
        let mut jobs = Vec::new();
        for queue in self.deployment.queues() {
            jobs.extend(self.deployment.aws.batch_jobs(queue, &self.prefix)?);
        }
        jobs.retain(|job| shard_of(&job.name, &self.prefix).is_some_and(|s| self.shard.is_none_or(|only| only == s)));
        let attempts = order(&jobs, self.deployment.aws.batch_attempts(&jobs)?, &self.prefix);
        for attempt in &attempts {
            self.read_attempt(attempt, take)?;
        }
        Ok((!jobs.is_empty(), jobs.iter().all(BatchJob::is_over)))
    }

    fn read_attempt(&mut self, attempt: &Attempt, take: &mut dyn FnMut(&LogLine) -> Result<()>) -> Result<()> {
        let group = self.deployment.name(Part::JobLogGroup)?;
        let place = self.places.entry(attempt.stream.clone()).or_default();
        if place.late_reads >= LATE_READS {
            return Ok(());
        }
        loop {
            let page = match self.deployment.aws.log_events(group, &attempt.stream, place.after.as_deref()) {
                Ok(page) => page,
                // The stream is made with its first line, a moment after the start.
                Err(error) if is_missing(&error) => {
                    self.missing = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            };
            for LogEvent { time_ms, message } in page.events {
                self.lines += 1;
                take(&LogLine { shard: attempt.shard, attempt: attempt.number, time_ms, message })?;
            }
            place.after = page.next.or(place.after.take());
            if page.at_end || place.after.is_none() {
                break;
            }
        }
        place.late_reads += u32::from(attempt.is_over);
        Ok(())
    }

    /// Why there was no line at all, if a log was not there.
    pub fn into_missing(self) -> Option<Error> {
        self.missing.filter(|_| self.lines == 0)
    }
}

fn is_missing(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound && error.message().contains("does not exist")
}

/// The shard of a Batch job, by its name.
fn shard_of(name: &str, prefix: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.parse().ok()
}

/// Attempts by shard and time. A shard that was submitted again, by a later execution, counts on.
fn order(jobs: &[BatchJob], attempts: Vec<BatchAttempt>, prefix: &str) -> Vec<Attempt> {
    let mut known: Vec<(u32, &BatchJob, BatchAttempt)> = Vec::new();
    for attempt in attempts {
        let job = jobs.iter().find(|job| job.id == attempt.batch_job);
        if let Some((shard, job)) = job.and_then(|job| Some((shard_of(&job.name, prefix)?, job))) {
            known.push((shard, job, attempt));
        }
    }
    known.sort_by(|(shard_a, _, a), (shard_b, _, b)| {
        (shard_a, a.submitted_ms, &a.batch_job, a.attempt).cmp(&(shard_b, b.submitted_ms, &b.batch_job, b.attempt))
    });
    let mut ordered: Vec<Attempt> = Vec::new();
    let mut number = 0;
    let mut last_shard = None;
    for (shard, job, attempt) in known {
        number = if last_shard == Some(shard) { number + 1 } else { 1 };
        last_shard = Some(shard);
        if let Some(stream) = attempt.log_stream {
            ordered.push(Attempt { shard, number, stream, is_over: job.is_over() });
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str, name: &str, status: &str) -> BatchJob {
        BatchJob {
            id: id.into(),
            name: name.into(),
            status: status.into(),
            log_stream: None,
            exit_code: None,
            reason: None,
        }
    }

    fn attempt(batch_job: &str, submitted_ms: i64, attempt: u32, stream: Option<&str>) -> BatchAttempt {
        BatchAttempt { batch_job: batch_job.into(), submitted_ms, attempt, log_stream: stream.map(str::to_owned) }
    }

    #[test]
    fn lines_come_by_shard_and_then_by_attempt() {
        let jobs = [
            job("z", "framefan-j-2", "SUCCEEDED"),
            job("y", "framefan-j-10", "RUNNING"),
            // Shard 2 again, by a later execution; its id sorts before the first one's.
            job("a", "framefan-j-2", "SUCCEEDED"),
            job("b", "framefan-j-x", "RUNNING"),
        ];
        let attempts = vec![
            attempt("y", 5, 1, Some("y1")),
            attempt("a", 90, 1, Some("a1")),
            attempt("z", 5, 1, None),
            attempt("z", 5, 2, Some("z2")),
            attempt("b", 1, 1, Some("b1")),
        ];
        let ordered = order(&jobs, attempts, "framefan-j-");
        let seen: Vec<_> = ordered.iter().map(|a| (a.shard, a.number, a.stream.as_str(), a.is_over)).collect();
        assert_eq!(seen, [(2, 2, "z2", true), (2, 3, "a1", true), (10, 1, "y1", false)]);
    }
}
