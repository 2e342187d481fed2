//! Which change is allowed, and what it does to the items: the same for every store.
//!
//! Pure functions on items that the store has read. The store makes sure that nothing changed them meanwhile when it
//! writes them back. Stages and statuses change in [`move_job`] and [`move_chunk`] alone, after a look at the contract's
//! tables.

use framefan_contract::state::{
    Actor, CHUNK_TRANSITIONS, ChunkCondition, ChunkItem, ChunkStatus, JobItem, JobStage, progress_pct,
};
use framefan_contract::{Error, ErrorKind, Result};

use crate::jobs::{ChunkClaim, NewChunk, NewJob};

/// What a claim does to a job that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimRule {
    /// The owner enters again; nothing changes.
    Enter,
    /// Nothing changes: it is done.
    Done,
    /// Nothing changes: somebody else is at it.
    OwnedBy,
    /// The caller owns it from now on; back to PLANNING with what is completed.
    Restart,
    /// Its items are removed and it begins anew.
    StartOver,
}

/// Which rule fits a known job.
pub(crate) fn claim(job: &JobItem, new: &NewJob<'_>, owner_is_alive: &dyn Fn(&str) -> bool) -> ClaimRule {
    if !job.stage.is_terminal() {
        if job.owner == new.owner {
            return ClaimRule::Enter;
        }
        if owner_is_alive(&job.owner) {
            return ClaimRule::OwnedBy;
        }
    }
    match job.stage {
        _ if new.force => ClaimRule::StartOver,
        JobStage::Done => ClaimRule::Done,
        _ => ClaimRule::Restart,
    }
}

/// A job's first item.
pub(crate) fn new_job(new: &NewJob<'_>, now: f64) -> JobItem {
    JobItem {
        job_id: new.job_id.to_owned(),
        stage: JobStage::Planning,
        progress_pct: 0,
        total_chunks: 0,
        completed_chunks: 0,
        failed_chunks: 0,
        video: new.video.to_owned(),
        request: new.request.clone(),
        owner: new.owner.to_owned(),
        plan_digest: None,
        created_at: now,
        started_at: None,
        completed_at: None,
        error: None,
    }
}

/// [`ClaimRule::Restart`].
pub(crate) fn restart(job: &mut JobItem, new: &NewJob<'_>) -> Result<()> {
    // A job at PLANNING whose owner has ended only changes hands.
    if job.stage != JobStage::Planning {
        move_job(job, JobStage::Planning, Actor::Planner)?;
    }
    job.owner = new.owner.to_owned();
    job.video = new.video.to_owned();
    job.request = new.request.clone();
    job.started_at = None;
    job.completed_at = None;
    job.error = None;
    Ok(())
}

/// Accepts a plan; false when it was accepted before and the job has gone on.
pub(crate) fn accept_plan(job: &mut JobItem, owner: &str, plan_digest: &str, chunks: &[NewChunk]) -> Result<bool> {
    check_owner(job, owner)?;
    if chunks.is_empty() {
        return Err(Error::defect(format!("the plan of job {} has no chunks", job.job_id)));
    }
    if let Some(accepted) = job.plan_digest.as_deref().filter(|d| *d != plan_digest) {
        return Err(Error::usage(format!(
            "job {} has an accepted plan already ({accepted}, not {plan_digest}): resume that one, or force the job to \
             start over",
            job.job_id
        )));
    }
    let accepted = job.plan_digest.is_some();
    if accepted && matches!(job.stage, JobStage::Queued | JobStage::Processing | JobStage::Aggregating) {
        return Ok(false);
    }
    move_job(job, JobStage::Queued, Actor::Planner)?;
    job.plan_digest = Some(plan_digest.to_owned());
    job.total_chunks = u32::try_from(chunks.len())
        .map_err(|_| Error::bad_input(format!("the plan of job {} has too many chunks", job.job_id)))?;
    job.progress_pct = progress_pct(job.stage, job.completed_chunks, job.total_chunks);
    Ok(true)
}

/// A chunk's first item.
pub(crate) fn new_chunk(chunk: &NewChunk, now: f64) -> ChunkItem {
    ChunkItem {
        index: chunk.index,
        status: ChunkStatus::Queued,
        attempts: 0,
        lease_owner: None,
        lease_until: None,
        start_s: chunk.start_s,
        end_s: chunk.end_s,
        artifact_key: None,
        runtime_ms: None,
        error_message: None,
        created_at: now,
        started_at: None,
        completed_at: None,
    }
}

/// Takes a chunk, or says why not. Only [`ChunkClaim::Claimed`] changes the items.
pub(crate) fn claim_chunk(
    job: &mut JobItem,
    chunk: &mut ChunkItem,
    worker: &str,
    lease_s: f64,
    now: f64,
) -> Result<ChunkClaim> {
    if chunk.status == ChunkStatus::Completed {
        return Ok(ChunkClaim::Completed);
    }
    match job.stage {
        JobStage::Processing => {}
        JobStage::Queued => move_job(job, JobStage::Processing, Actor::Worker)?,
        _ => return Err(refused(job, JobStage::Processing)),
    }
    job.started_at = job.started_at.or(Some(now));
    if has_lease(chunk, worker) {
        chunk.lease_until = Some(now + lease_s);
        return Ok(ChunkClaim::Claimed);
    }
    let until = chunk.lease_until.unwrap_or(f64::NEG_INFINITY);
    if chunk.status == ChunkStatus::Processing && until > now {
        return Ok(ChunkClaim::HeldBy { owner: chunk.lease_owner.clone().unwrap_or_default(), until });
    }
    move_chunk(job, chunk, ChunkStatus::Processing, ChunkCondition::LeaseExpired)?;
    chunk.attempts += 1;
    chunk.lease_owner = Some(worker.to_owned());
    chunk.lease_until = Some(now + lease_s);
    chunk.started_at = Some(now);
    chunk.completed_at = None;
    chunk.error_message = None;
    Ok(ChunkClaim::Claimed)
}

/// Whether `worker` was the last to take the chunk and has neither finished nor lost it.
pub(crate) fn has_lease(chunk: &ChunkItem, worker: &str) -> bool {
    chunk.status == ChunkStatus::Processing && chunk.lease_owner.as_deref() == Some(worker)
}

/// Completes a chunk that is not yet completed, and counts it.
pub(crate) fn complete_chunk(job: &mut JobItem, chunk: &mut ChunkItem, worker: &str, now: f64) -> Result<()> {
    move_chunk(job, chunk, ChunkStatus::Completed, ChunkCondition::LeaseHeldOrCommitted)?;
    job.completed_chunks += 1;
    job.progress_pct = progress_pct(job.stage, job.completed_chunks, job.total_chunks);
    // Who completed it stays visible; the lease is over.
    chunk.lease_owner = Some(worker.to_owned());
    chunk.lease_until = None;
    chunk.completed_at = Some(now);
    chunk.error_message = None;
    Ok(())
}

/// Ends an attempt with an error.
pub(crate) fn fail_chunk(
    job: &mut JobItem,
    chunk: &mut ChunkItem,
    worker: &str,
    message: &str,
    now: f64,
) -> Result<()> {
    check_lease(chunk, worker)?;
    move_chunk(job, chunk, ChunkStatus::Failed, ChunkCondition::LeaseHeld)?;
    chunk.lease_owner = None;
    chunk.lease_until = None;
    chunk.completed_at = Some(now);
    chunk.error_message = Some(message.to_owned());
    Ok(())
}

/// Gives a chunk back.
pub(crate) fn release_chunk(job: &mut JobItem, chunk: &mut ChunkItem, worker: &str) -> Result<()> {
    check_lease(chunk, worker)?;
    move_chunk(job, chunk, ChunkStatus::Queued, ChunkCondition::LeaseHeld)?;
    chunk.lease_owner = None;
    chunk.lease_until = None;
    Ok(())
}

/// Goes on to the reduce stage; nothing happens when the job is there already.
pub(crate) fn begin_aggregating(job: &mut JobItem, owner: &str) -> Result<()> {
    check_owner(job, owner)?;
    if job.stage == JobStage::Aggregating {
        return Ok(());
    }
    if !job.stage.allows(JobStage::Aggregating, Actor::Reducer) {
        return Err(refused(job, JobStage::Aggregating));
    }
    if job.completed_chunks != job.total_chunks {
        return Err(Error::retryable(format!(
            "job {} has {} of {} chunks completed: not all, so there is nothing to merge yet",
            job.job_id, job.completed_chunks, job.total_chunks
        )));
    }
    move_job(job, JobStage::Aggregating, Actor::Reducer)
}

/// Refuses who does not own the job.
pub(crate) fn check_owner(job: &JobItem, owner: &str) -> Result<()> {
    if job.owner == owner {
        return Ok(());
    }
    Err(Error::retryable(format!("job {} is owned by {}, not by {owner}: it was taken over", job.job_id, job.owner)))
}

/// Changes a job's stage if the contract's table has it.
pub(crate) fn move_job(job: &mut JobItem, to: JobStage, actor: Actor) -> Result<()> {
    if !job.stage.allows(to, actor) {
        return Err(refused(job, to));
    }
    job.stage = to;
    job.progress_pct = progress_pct(to, job.completed_chunks, job.total_chunks);
    Ok(())
}

/// Changes a chunk's status if the contract's table has it, either always or on a condition that the caller found true;
/// and keeps the job's count of failed chunks.
fn move_chunk(job: &mut JobItem, chunk: &mut ChunkItem, to: ChunkStatus, holds: ChunkCondition) -> Result<()> {
    let from = chunk.status;
    let allowed = [ChunkCondition::Always, holds].iter().any(|&c| CHUNK_TRANSITIONS.contains(&(from, to, c)));
    if !allowed {
        return Err(Error::defect(format!(
            "chunk {} cannot go from {from:?} to {to:?}: no store allows that",
            chunk.index
        )));
    }
    chunk.status = to;
    match (from == ChunkStatus::Failed, to == ChunkStatus::Failed) {
        (true, false) => job.failed_chunks = job.failed_chunks.saturating_sub(1),
        (false, true) => job.failed_chunks += 1,
        _ => {}
    }
    Ok(())
}

/// Refuses who does not have the lease.
fn check_lease(chunk: &ChunkItem, worker: &str) -> Result<()> {
    if has_lease(chunk, worker) {
        return Ok(());
    }
    let state = match (chunk.status, &chunk.lease_owner) {
        (ChunkStatus::Processing, Some(owner)) => format!("{owner} has it"),
        (status, _) => format!("it is {status:?}"),
    };
    Err(Error::retryable(format!("{worker} has no lease on chunk {}: {state}", chunk.index)))
}

/// What to say of a stage that cannot be reached from here.
fn refused(job: &JobItem, to: JobStage) -> Error {
    let (kind, why) = match job.stage {
        JobStage::Failed => (ErrorKind::Cancelled, "it has failed; ask for it again to resume it"),
        JobStage::Cancelled => (ErrorKind::Cancelled, "it is cancelled; ask for it again to resume it"),
        JobStage::Done => (ErrorKind::Usage, "it is done"),
        JobStage::Planning if to == JobStage::Processing => (ErrorKind::Retryable, "it is being planned"),
        _ => (ErrorKind::Defect, "no store allows that"),
    };
    Error::new(kind, format!("job {} cannot go from {:?} to {to:?}: {why}", job.job_id, job.stage))
}
