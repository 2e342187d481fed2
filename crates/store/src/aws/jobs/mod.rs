//! Job state in a DynamoDB table.
//!
//! What is allowed is decided in [`crate::rules`]: a call reads the items as they are now, applies the rule, and writes
//! them back on condition that nobody changed them ([`write`]); otherwise it decides anew. A change to a chunk that the
//! job's counters follow is one transaction. A heartbeat is one request and does not touch the job's item.
//!
//! A job that starts over gets a new *life* in one write: from then on chunk items of the earlier life count as absent,
//! whether or not they are removed yet, so a crash in between does no harm.
//!
//! Table: keys `pk` and `sk`; the index `by_stage` (`stage`, `created_at`), keys suffice; TTL attribute `expires_at`.

mod index;
mod items;
mod patience;
mod table;
mod upkeep;
mod write;

use framefan_contract::Result;
use framefan_contract::state::{Actor, ChunkItem, ChunkStatus, JobError, JobItem, JobStage, progress_pct};

use super::Aws;
use super::random::unique;
use crate::jobs::{ChunkClaim, Claim, JobStore, NewChunk, NewJob};
use crate::rules;
use items::{EXPIRES, LIFE, META, RETENTION, number, text};
use patience::Patience;
use table::{ChunkRow, JobRow, Table};
use write::{Change, Wrote};

const SECONDS_A_DAY: u64 = 86_400;

/// A [`JobStore`] in a DynamoDB table. Any number of processes may use one table.
#[derive(Clone)]
pub struct DynamoJobs {
    table: Table,
    retention_days: Option<u64>,
}

/// What a call makes of the items it read.
enum Decision<T> {
    /// Nothing is to be written.
    Answer(T),
    /// The answer, once this is written.
    Write(Vec<Change>, T),
}

/// What a rule made of a chunk and its job.
enum Step<T> {
    /// Nothing.
    Keep(T),
    /// Changes.
    Save(T),
}

impl DynamoJobs {
    pub(super) fn new(aws: Aws, table: &str) -> Self {
        DynamoJobs { table: Table { aws, name: table.to_owned() }, retention_days: None }
    }

    /// Lets DynamoDB remove a job's items so many days after its end; 0 keeps them. It is written into the jobs that
    /// are claimed from now on, and holds for them whoever ends them.
    #[must_use]
    pub fn with_retention(mut self, days: u32) -> Self {
        self.retention_days = (days > 0).then_some(u64::from(days));
        self
    }

    /// Reads, decides and writes, until what was decided on is what was there when it was written.
    fn change<T>(&self, job_id: &str, mut decide: impl FnMut() -> Result<Decision<T>>) -> Result<T> {
        let mut patience = Patience::of_writers();
        loop {
            match decide()? {
                Decision::Answer(answer) => return Ok(answer),
                Decision::Write(changes, answer) => {
                    if self.table.write(changes, &mut patience)? == Wrote::All {
                        return Ok(answer);
                    }
                }
            }
            let what = format!("cannot change job {job_id} in the table {}", self.table.name);
            std::thread::sleep(patience.pause(&what, "others change it at the same time")?);
        }
    }

    /// A change of a chunk; the job's item is written with it where it changes too.
    fn change_chunk<T>(
        &self,
        job_id: &str,
        index: u32,
        apply: impl Fn(&mut JobItem, &mut ChunkItem) -> Result<Step<T>>,
    ) -> Result<T> {
        self.change(job_id, || {
            let (mut job, mut chunk) = self.table.known_chunk(job_id, index)?;
            let before = job.item.clone();
            match apply(&mut job.item, &mut chunk.item)? {
                Step::Keep(answer) => Ok(Decision::Answer(answer)),
                Step::Save(answer) => {
                    let mut changes = vec![chunk.change(job_id)?];
                    if job.item != before {
                        changes.push(job.change()?);
                    }
                    Ok(Decision::Write(changes, answer))
                }
            }
        })
    }

    /// Takes a job to its stage `to`; nothing happens when it is there already.
    fn move_job(
        &self,
        job_id: &str,
        to: JobStage,
        actor: Actor,
        owner: Option<&str>,
        apply: impl Fn(&mut JobItem),
    ) -> Result<()> {
        let expires_at = self.change(job_id, || {
            let mut job = self.table.known_job(job_id)?;
            if let Some(owner) = owner {
                rules::check_owner(&job.item, owner)?;
            }
            if job.item.stage == to {
                return Ok(Decision::Answer(job.expires_at()));
            }
            rules::move_job(&mut job.item, to, actor)?;
            apply(&mut job.item);
            Ok(Decision::Write(vec![job.change()?], job.expires_at()))
        })?;
        match expires_at {
            Some(_) => self.table.expire_chunks(job_id, &self.table.chunks(job_id)?, expires_at),
            None => Ok(()),
        }
    }
}

impl JobRow {
    /// A job that begins.
    fn begin(item: JobItem, retention_days: Option<u64>, found: Option<&JobRow>) -> Result<Change> {
        let row = JobRow { item, rev: String::new(), life: unique(), retention_days };
        let mut change = row.change()?;
        change.found = found.map(|found| found.rev.clone());
        Ok(change)
    }

    /// Writes the row, if it is as it was found.
    fn change(&self) -> Result<Change> {
        let mut fields = items::fields(&self.item)?;
        fields.push((LIFE.to_owned(), Some(text(&self.life))));
        fields.push((RETENTION.to_owned(), self.retention_days.map(number)));
        fields.push((EXPIRES.to_owned(), self.expires_at().map(number)));
        let job_id = self.item.job_id.clone();
        Ok(Change { job_id, sort: META.to_owned(), fields, found: Some(self.rev.clone()) })
    }

    /// When the items of a job that is over may go.
    fn expires_at(&self) -> Option<u64> {
        let ended = self.item.completed_at.filter(|_| self.item.stage.is_terminal())?;
        Some(ended.ceil() as u64 + self.retention_days? * SECONDS_A_DAY)
    }
}

impl ChunkRow {
    /// Writes the row, if it is as it was found.
    fn change(&self, job_id: &str) -> Result<Change> {
        let sort = items::chunk_key(self.item.index);
        Ok(Change {
            job_id: job_id.to_owned(),
            sort,
            fields: items::fields(&self.item)?,
            found: Some(self.rev.clone()),
        })
    }
}

impl JobStore for DynamoJobs {
    fn claim_job(&self, new: &NewJob<'_>, now: f64, owner_is_alive: &dyn Fn(&str) -> bool) -> Result<Claim> {
        let claim = self.change(new.job_id, || {
            let begin = |found| JobRow::begin(rules::new_job(new, now), self.retention_days, found);
            let Some(mut row) = self.table.job(new.job_id)? else {
                return Ok(Decision::Write(vec![begin(None)?], Claim::New));
            };
            Ok(match rules::claim(&row.item, new, owner_is_alive) {
                rules::ClaimRule::Enter => Decision::Answer(Claim::Resumed(row.item)),
                rules::ClaimRule::Done => Decision::Answer(Claim::Done(row.item)),
                rules::ClaimRule::OwnedBy => Decision::Answer(Claim::OwnedBy(row.item)),
                rules::ClaimRule::Restart => {
                    rules::restart(&mut row.item, new)?;
                    row.retention_days = self.retention_days.or(row.retention_days);
                    Decision::Write(vec![row.change()?], Claim::Resumed(row.item))
                }
                rules::ClaimRule::StartOver => Decision::Write(vec![begin(Some(&row))?], Claim::New),
            })
        })?;
        if claim == Claim::New {
            self.table.sweep(new.job_id)?;
        }
        Ok(claim)
    }

    fn set_plan(&self, job_id: &str, owner: &str, plan_digest: &str, chunks: &[NewChunk], now: f64) -> Result<()> {
        self.change(job_id, || {
            let mut job = self.table.known_job(job_id)?;
            if !rules::accept_plan(&mut job.item, owner, plan_digest, chunks)? {
                return Ok(Decision::Answer(()));
            }
            // What an interrupted start from nothing or a removal has left.
            self.table.sweep(job_id)?;
            let mut known = self.table.stored_chunks(job_id)?;
            known.retain(|row| row.life == job.life);
            let is_known = |index| known.binary_search_by_key(&index, |row| row.item.index).is_ok();
            let missing: Vec<ChunkItem> =
                chunks.iter().filter(|c| !is_known(c.index)).map(|c| rules::new_chunk(c, now)).collect();
            self.table.make_chunks(job_id, &job.life, &missing)?;
            self.table.expire_chunks(job_id, &known, None)?;
            // Counted anew: items of a job that was over may have expired.
            let count = |status| known.iter().filter(|row| row.item.status == status).count() as u32;
            job.item.completed_chunks = count(ChunkStatus::Completed);
            job.item.failed_chunks = count(ChunkStatus::Failed);
            job.item.progress_pct = progress_pct(job.item.stage, job.item.completed_chunks, job.item.total_chunks);
            Ok(Decision::Write(vec![job.change()?], ()))
        })
    }

    fn claim_chunk(&self, job_id: &str, index: u32, worker: &str, lease_s: f64, now: f64) -> Result<ChunkClaim> {
        self.change_chunk(job_id, index, |job, chunk| {
            let claim = rules::claim_chunk(job, chunk, worker, lease_s, now)?;
            Ok(if claim == ChunkClaim::Claimed { Step::Save(claim) } else { Step::Keep(claim) })
        })
    }

    fn heartbeat(&self, job_id: &str, index: u32, worker: &str, until: f64) -> Result<bool> {
        self.table.extend_lease(job_id, index, worker, until)
    }

    fn complete_chunk(
        &self,
        job_id: &str,
        index: u32,
        worker: &str,
        artifact_key: &str,
        runtime_ms: u64,
        now: f64,
    ) -> Result<bool> {
        self.change_chunk(job_id, index, |job, chunk| {
            if chunk.status == ChunkStatus::Completed {
                return Ok(Step::Keep(false));
            }
            rules::complete_chunk(job, chunk, worker, now)?;
            chunk.artifact_key = Some(artifact_key.to_owned());
            chunk.runtime_ms = Some(runtime_ms);
            Ok(Step::Save(true))
        })
    }

    fn fail_chunk(&self, job_id: &str, index: u32, worker: &str, message: &str, now: f64) -> Result<()> {
        self.change_chunk(job_id, index, |job, chunk| {
            rules::fail_chunk(job, chunk, worker, message, now).map(Step::Save)
        })
    }

    fn release_chunk(&self, job_id: &str, index: u32, worker: &str) -> Result<()> {
        self.change_chunk(job_id, index, |job, chunk| rules::release_chunk(job, chunk, worker).map(Step::Save))
    }

    fn begin_aggregating(&self, job_id: &str, owner: &str, _now: f64) -> Result<()> {
        self.change(job_id, || {
            let mut job = self.table.known_job(job_id)?;
            let before = job.item.stage;
            rules::begin_aggregating(&mut job.item, owner)?;
            Ok(match job.item.stage == before {
                true => Decision::Answer(()),
                false => Decision::Write(vec![job.change()?], ()),
            })
        })
    }

    fn finish_job(&self, job_id: &str, owner: &str, now: f64) -> Result<()> {
        self.move_job(job_id, JobStage::Done, Actor::Reducer, Some(owner), |job| job.completed_at = Some(now))
    }

    fn fail_job(&self, job_id: &str, owner: &str, error: &JobError, now: f64) -> Result<()> {
        self.move_job(job_id, JobStage::Failed, Actor::Closer, Some(owner), |job| {
            job.completed_at = Some(now);
            job.error = Some(error.clone());
        })
    }

    fn cancel_job(&self, job_id: &str, owner: Option<&str>, now: f64) -> Result<()> {
        self.move_job(job_id, JobStage::Cancelled, Actor::Closer, owner, |job| job.completed_at = Some(now))
    }

    fn job(&self, job_id: &str) -> Result<Option<JobItem>> {
        Ok(self.table.job(job_id)?.map(|row| row.item))
    }

    fn chunks(&self, job_id: &str) -> Result<Vec<ChunkItem>> {
        Ok(self.table.chunks(job_id)?.into_iter().map(|row| row.item).collect())
    }

    fn jobs(&self, limit: usize) -> Result<Vec<JobItem>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut jobs = self.table.jobs_at(&JobStage::ALL, limit)?;
        jobs.truncate(limit);
        Ok(jobs)
    }

    fn owned_by(&self, owner: &str) -> Result<Vec<JobItem>> {
        let live: Vec<JobStage> = JobStage::ALL.into_iter().filter(|stage| !stage.is_terminal()).collect();
        let mut jobs = self.table.jobs_at(&live, usize::MAX)?;
        jobs.retain(|job| job.owner == owner && !job.stage.is_terminal());
        Ok(jobs)
    }

    fn delete_job(&self, job_id: &str) -> Result<bool> {
        // The job first: without it there are no chunks, whether or not their items are removed yet.
        let existed = self.table.remove_job(job_id)?;
        self.table.sweep(job_id)?;
        Ok(existed)
    }
}
