//! Job and chunk states, and the full table of transitions that every store enforces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ErrorKind;

/// A job's stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobStage {
    /// The video is probed and the plan written.
    Planning,
    /// The plan stands; no chunk has been taken yet.
    Queued,
    /// Chunks are being worked on.
    Processing,
    /// All chunks are completed; results are being merged.
    Aggregating,
    /// Results are there. Final.
    Done,
    /// Ended with an error; can be asked for again.
    Failed,
    /// Ended on request; can be asked for again.
    Cancelled,
}

/// A chunk's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChunkStatus {
    /// Nobody has taken it.
    Queued,
    /// A worker holds its lease.
    Processing,
    /// Its artifact is committed. Final.
    Completed,
    /// Its last attempt failed; it can be taken again.
    Failed,
}

/// Who may make a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The planner, on behalf of the execution that owns the job.
    Planner,
    /// A worker.
    Worker,
    /// The reducer, on behalf of the execution that owns the job.
    Reducer,
    /// What watches executions end, or the user who cancels.
    Closer,
}

/// A job transition: from, to, who.
pub type JobTransition = (JobStage, JobStage, Actor);

/// Every transition of a job that any store allows. All other changes of stage are refused.
pub const JOB_TRANSITIONS: &[JobTransition] = &[
    (JobStage::Planning, JobStage::Queued, Actor::Planner),
    (JobStage::Queued, JobStage::Processing, Actor::Worker),
    (JobStage::Queued, JobStage::Aggregating, Actor::Reducer),
    (JobStage::Processing, JobStage::Aggregating, Actor::Reducer),
    (JobStage::Aggregating, JobStage::Done, Actor::Reducer),
    // Asked for again: the owner's claim restarts the job; finished chunks stay finished.
    (JobStage::Failed, JobStage::Planning, Actor::Planner),
    (JobStage::Cancelled, JobStage::Planning, Actor::Planner),
    // A new owner takes over a job whose owner has ended.
    (JobStage::Queued, JobStage::Planning, Actor::Planner),
    (JobStage::Processing, JobStage::Planning, Actor::Planner),
    (JobStage::Aggregating, JobStage::Planning, Actor::Planner),
    (JobStage::Planning, JobStage::Failed, Actor::Closer),
    (JobStage::Queued, JobStage::Failed, Actor::Closer),
    (JobStage::Processing, JobStage::Failed, Actor::Closer),
    (JobStage::Aggregating, JobStage::Failed, Actor::Closer),
    (JobStage::Planning, JobStage::Cancelled, Actor::Closer),
    (JobStage::Queued, JobStage::Cancelled, Actor::Closer),
    (JobStage::Processing, JobStage::Cancelled, Actor::Closer),
    (JobStage::Aggregating, JobStage::Cancelled, Actor::Closer),
];

/// On what condition a chunk changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChunkCondition {
    /// None beyond the status.
    Always,
    /// The lease has expired.
    LeaseExpired,
    /// The caller holds the lease, or the caller finds the artifact already committed.
    LeaseHeldOrCommitted,
    /// The caller holds the lease.
    LeaseHeld,
}

/// Every transition of a chunk, with its condition. Completed is final.
pub const CHUNK_TRANSITIONS: &[(ChunkStatus, ChunkStatus, ChunkCondition)] = &[
    (ChunkStatus::Queued, ChunkStatus::Processing, ChunkCondition::Always),
    (ChunkStatus::Failed, ChunkStatus::Processing, ChunkCondition::Always),
    (ChunkStatus::Processing, ChunkStatus::Processing, ChunkCondition::LeaseExpired),
    (ChunkStatus::Queued, ChunkStatus::Completed, ChunkCondition::LeaseHeldOrCommitted),
    (ChunkStatus::Failed, ChunkStatus::Completed, ChunkCondition::LeaseHeldOrCommitted),
    (ChunkStatus::Processing, ChunkStatus::Completed, ChunkCondition::LeaseHeldOrCommitted),
    (ChunkStatus::Processing, ChunkStatus::Failed, ChunkCondition::LeaseHeld),
    (ChunkStatus::Processing, ChunkStatus::Queued, ChunkCondition::LeaseHeld),
];

impl JobStage {
    /// Every stage, in the order that a job goes through them.
    pub const ALL: [JobStage; 7] = [
        JobStage::Planning,
        JobStage::Queued,
        JobStage::Processing,
        JobStage::Aggregating,
        JobStage::Done,
        JobStage::Failed,
        JobStage::Cancelled,
    ];

    /// Whether `actor` may take a job from this stage to `to`.
    pub fn allows(self, to: JobStage, actor: Actor) -> bool {
        JOB_TRANSITIONS.contains(&(self, to, actor))
    }

    /// Whether nothing more happens to the job unless it is asked for again.
    pub const fn is_terminal(self) -> bool {
        matches!(self, JobStage::Done | JobStage::Failed | JobStage::Cancelled)
    }
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobError {
    /// The kind, which says whether asking again can help.
    pub kind: ErrorKind,
    /// What went wrong and where.
    pub message: String,
}

/// The item `JOB#{id}/META`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobItem {
    /// The job.
    pub job_id: String,
    /// Its stage.
    pub stage: JobStage,
    /// [`progress_pct`].
    pub progress_pct: u8,
    /// Chunks in the plan.
    pub total_chunks: u32,
    /// Chunks completed, each counted once.
    pub completed_chunks: u32,
    /// Chunks whose last attempt failed.
    pub failed_chunks: u32,
    /// The video's name for people: path or URL.
    pub video: String,
    /// What is asked for: the request as accepted, as in `manifest.json`.
    #[serde(default)]
    pub request: serde_json::Value,
    /// Who owns the job: an execution's ARN, or a process on this machine.
    pub owner: String,
    /// SHA-256 of the accepted plan.
    pub plan_digest: Option<String>,
    /// Seconds since 1970.
    pub created_at: f64,
    /// Seconds since 1970.
    pub started_at: Option<f64>,
    /// Seconds since 1970.
    pub completed_at: Option<f64>,
    /// Why it failed.
    pub error: Option<JobError>,
}

/// The item `JOB#{id}/CHUNK#{index:04d}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChunkItem {
    /// Position in the plan.
    pub index: u32,
    /// Its status.
    pub status: ChunkStatus,
    /// How often it was taken.
    pub attempts: u32,
    /// Who holds the lease.
    pub lease_owner: Option<String>,
    /// Until when, seconds since 1970.
    pub lease_until: Option<f64>,
    /// Start, seconds from the first displayed frame.
    pub start_s: f64,
    /// End, seconds from the first displayed frame.
    pub end_s: f64,
    /// The commit record's key.
    pub artifact_key: Option<String>,
    /// Milliseconds the completing attempt worked on it.
    pub runtime_ms: Option<u64>,
    /// Why the last attempt failed.
    pub error_message: Option<String>,
    /// Seconds since 1970.
    pub created_at: f64,
    /// Seconds since 1970.
    pub started_at: Option<f64>,
    /// Seconds since 1970.
    pub completed_at: Option<f64>,
}

/// `min(99, floor(100 × completed / total))` before the end, 99 while aggregating, 100 when done.
pub fn progress_pct(stage: JobStage, completed: u32, total: u32) -> u8 {
    match stage {
        JobStage::Done => 100,
        JobStage::Aggregating => 99,
        _ if total == 0 => 0,
        _ => (u64::from(completed) * 100 / u64::from(total)).min(99) as u8,
    }
}
