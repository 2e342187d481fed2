//! What happens to a job and its chunks: what the stages ask of DynamoDB or of SQLite.

use framefan_contract::Result;
use framefan_contract::state::{ChunkItem, JobError, JobItem};
use serde_json::Value;

/// A job as its planner asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewJob<'a> {
    /// The job.
    pub job_id: &'a str,
    /// The video's name for people: path or URL.
    pub video: &'a str,
    /// The request as accepted, for people who look at the job.
    pub request: &'a Value,
    /// Who wants to own the job: an execution's ARN, or a process on this machine.
    pub owner: &'a str,
    /// Start over: forget the accepted plan and every chunk.
    pub force: bool,
}

/// What [`JobStore::claim_job`] says.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// The job is the caller's and starts from nothing, at PLANNING: it was unknown, or it was forced to start over.
    New,
    /// The job is the caller's and goes on. The item is as it is now: at PLANNING after a restart or a takeover, at
    /// any stage before the end when the same owner enters again.
    Resumed(JobItem),
    /// The job is done; nothing changed.
    Done(JobItem),
    /// Somebody else who is alive owns the job; nothing changed.
    OwnedBy(JobItem),
}

/// A chunk as the plan has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NewChunk {
    /// Position in the plan.
    pub index: u32,
    /// Start, seconds from the first displayed frame.
    pub start_s: f64,
    /// End, seconds from the first displayed frame.
    pub end_s: f64,
}

/// What [`JobStore::claim_chunk`] says.
#[derive(Clone, Debug, PartialEq)]
pub enum ChunkClaim {
    /// The chunk is the caller's to work on.
    Claimed,
    /// The chunk is completed, by whomever.
    Completed,
    /// Another worker's lease has not expired.
    HeldBy {
        /// Who.
        owner: String,
        /// Until when, seconds since 1970.
        until: f64,
    },
}

/// Job and chunk items. Every change is one of `framefan_contract::state::JOB_TRANSITIONS` and `CHUNK_TRANSITIONS`,
/// made whole or not at all and on condition of the state it found, whoever else is at it; every other change is
/// refused. Making a change that stands already is no error: calls may arrive twice.
///
/// `now` is seconds since 1970. Errors, everywhere: no such job or chunk is
/// [`NotFound`](framefan_contract::ErrorKind::NotFound); somebody else owns the job or has the lease, or the stage has
/// not been reached yet though it may be, [`Retryable`](framefan_contract::ErrorKind::Retryable); the job has failed or
/// is cancelled, [`Cancelled`](framefan_contract::ErrorKind::Cancelled); it is over already,
/// [`Usage`](framefan_contract::ErrorKind::Usage); steps out of order, [`Defect`](framefan_contract::ErrorKind::Defect).
pub trait JobStore: Send + Sync {
    /// Makes the caller the job's owner, or says why not. `owner_is_alive` must not call the store, which may hold the job
    /// fast meanwhile; and it may be asked again when others claim the job at the same time.
    ///
    /// An unknown job begins. The same owner enters again and finds the job as it is. An owner for whom
    /// `owner_is_alive` is true keeps it; from one who has ended, the job is taken over and returns to PLANNING. A
    /// failed or cancelled job restarts at PLANNING. In all these cases completed chunks stay completed and the accepted
    /// plan stands. A done job stays done.
    ///
    /// With `force` a job that is over, or whose owner has ended, begins anew: its items are removed and made again. An
    /// owner who enters again does not lose what was done since (a repeated call must do no harm).
    fn claim_job(&self, job: &NewJob<'_>, now: f64, owner_is_alive: &dyn Fn(&str) -> bool) -> Result<Claim>;

    /// PLANNING → QUEUED: accepts a plan and makes the chunk items that are missing. A job's first accepted plan
    /// stands: another digest is refused as [`Usage`](framefan_contract::ErrorKind::Usage).
    fn set_plan(&self, job_id: &str, owner: &str, plan_digest: &str, chunks: &[NewChunk], now: f64) -> Result<()>;

    /// Takes a chunk for `lease_s` seconds: queued, failed, or processing with an expired lease → processing; and the
    /// job QUEUED → PROCESSING. A worker that already has the lease renews it, so names of workers must differ.
    fn claim_chunk(&self, job_id: &str, index: u32, worker: &str, lease_s: f64, now: f64) -> Result<ChunkClaim>;

    /// Extends the caller's lease to `until`; false when the caller has it no more. A lease that expired but that
    /// nobody else took is still the caller's. Says nothing of the job: a job that is over is seen in [`JobStore::job`].
    fn heartbeat(&self, job_id: &str, index: u32, worker: &str, until: f64) -> Result<bool>;

    /// Any status → completed; true when this call counted it. The caller vouches that the commit record
    /// `artifact_key` is there, so no lease is asked for; at any stage of the job, since work done is done.
    fn complete_chunk(
        &self,
        job_id: &str,
        index: u32,
        worker: &str,
        artifact_key: &str,
        runtime_ms: u64,
        now: f64,
    ) -> Result<bool>;

    /// processing → failed, by who has the lease (as in [`JobStore::heartbeat`], even if it expired).
    fn fail_chunk(&self, job_id: &str, index: u32, worker: &str, message: &str, now: f64) -> Result<()>;

    /// processing → queued, by who has the lease: the worker stops early and leaves the chunk to others.
    fn release_chunk(&self, job_id: &str, index: u32, worker: &str) -> Result<()>;

    /// QUEUED or PROCESSING → AGGREGATING, by the owner, when every chunk is completed.
    fn begin_aggregating(&self, job_id: &str, owner: &str, now: f64) -> Result<()>;

    /// AGGREGATING → DONE, by the owner.
    fn finish_job(&self, job_id: &str, owner: &str, now: f64) -> Result<()>;

    /// → FAILED, by the owner. The first error stands.
    fn fail_job(&self, job_id: &str, owner: &str, error: &JobError, now: f64) -> Result<()>;

    /// → CANCELLED: by the owner who is named, or, by a person, whoever owns the job.
    fn cancel_job(&self, job_id: &str, owner: Option<&str>, now: f64) -> Result<()>;

    /// The job's item, or `None`.
    fn job(&self, job_id: &str) -> Result<Option<JobItem>>;

    /// The job's chunk items in order; none for an unknown job.
    fn chunks(&self, job_id: &str) -> Result<Vec<ChunkItem>>;

    /// At most `limit` jobs, newest first.
    fn jobs(&self, limit: usize) -> Result<Vec<JobItem>>;

    /// The jobs that this owner owns and that are not over, newest first.
    fn owned_by(&self, owner: &str) -> Result<Vec<JobItem>>;

    /// Removes the job's item and its chunks'; false where there was none. Objects are not touched.
    fn delete_job(&self, job_id: &str) -> Result<bool>;
}
