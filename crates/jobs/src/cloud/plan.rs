//! Planning: becomes the job's owner, writes manifest, plan and shards, makes the items.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use framefan_contract::plan::{Chunk, Plan, Shard};
use framefan_contract::state::{ChunkStatus, JobError, JobItem, JobStage};
use framefan_contract::{Error, ErrorKind, Result, keys};
use framefan_media::Limits;
use framefan_store::aws::Video;
use framefan_store::{Claim, JobStore, NewJob, ObjectStore};
use framefan_worker::Artifacts;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Cloud;
use super::event::End;
use super::metrics;
use super::request::{CloudRequest, Compute};
use super::settings::Defaults;
use crate::accept::{Accepted, accept, check};
use crate::clock::now;
use crate::models::Models;
use crate::objects::{Pointers, lacks_files, read_json, remove_objects, to_json, to_value};
use crate::plan::{accept_plan, make_plan, queue_chunks};
use crate::source::{identity, open_object};

/// Requests to S3 at once while looking for finished chunks.
const LOOKUPS: usize = 16;

/// What the state machine gives the planner.
#[derive(Clone, Debug, Deserialize)]
pub struct PlanInput {
    /// The execution, which is to own the job.
    pub execution: String,
    /// The execution's own input.
    pub input: Value,
}

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanStatus {
    /// Shards are to be worked through.
    Planned,
    /// Every chunk is there; results are to be merged.
    Reduce,
    /// Results are there.
    Done,
    /// Another execution, which is alive, has the job.
    Owned,
}

/// What the planner answers: small, because it travels through the state machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The job.
    pub job_id: String,
    /// What there is to do.
    pub status: PlanStatus,
    /// The bucket of the job's objects.
    pub bucket: String,
    /// The Map state's items.
    pub shards_key: String,
    /// How many there are.
    pub shards: u32,
    /// How many may be worked on at once.
    pub max_concurrency: u32,
    /// Which queue.
    pub compute: Compute,
    /// Chunks in the plan, for people who look at the execution.
    pub chunks: u32,
    /// The result, when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results_key: Option<String>,
    /// Who has the job, when it is owned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// Plans the job that the execution's input asks for, or says that there is nothing to plan.
///
/// # Errors
/// With a kind that no retry helps, the job, if it is known by then, is failed.
pub fn plan_video(cloud: &Cloud, defaults: &Defaults, input: &PlanInput) -> Result<Planned> {
    let request = CloudRequest::read(&input.input)?;
    let (ask, compute) = request.ask(defaults)?;
    let shards = request.checked_shards()?;
    let analyzers = check(&ask, &Models::folder(&defaults.models)?)?;
    let video = cloud.aws.video(&request.bucket, &request.key, request.version.as_deref())?;
    let accepted = accept(&ask, analyzers, &identity(&video));
    let job = PlanJob { cloud, defaults, execution: &input.execution, accepted, compute, shards };
    if let Some(answer) = job.claim(video.name(), request.force)? {
        return Ok(answer);
    }
    // From here on the job is this execution's: what goes wrong for good is written on it.
    job.plan(video).inspect_err(|error| job.record(error))
}

/// A job that is being planned.
struct PlanJob<'a> {
    cloud: &'a Cloud,
    defaults: &'a Defaults,
    execution: &'a str,
    accepted: Accepted,
    compute: Compute,
    shards: Option<u32>,
}

impl PlanJob<'_> {
    fn job_id(&self) -> &str {
        &self.accepted.job_id
    }

    /// Makes the execution the job's owner. An answer means that there is nothing to plan.
    fn claim(&self, video: &str, force: bool) -> Result<Option<Planned>> {
        let cloud = self.cloud;
        let before = cloud.jobs.job(self.job_id())?;
        let lacks_files = before.as_ref().map_or(Ok(false), |job| lacks_files(&cloud.objects, job))?;
        // The store asks while it decides, and takes only yes or no: a service that does not answer must not cost an owner
        // its job.
        let trouble = Mutex::new(None);
        let is_alive = |owner: &str| match cloud.aws.execution_is_running(owner) {
            Ok(running) => running,
            Err(error) => {
                *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                true
            }
        };
        let request = &to_value(&self.accepted.request)?;
        let force_items = force || lacks_files;
        let new = NewJob { job_id: self.job_id(), video, request, owner: self.execution, force: force_items };
        let claim = cloud.jobs.claim_job(&new, now(), &is_alive)?;
        if let Some(error) = trouble.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        match claim {
            Claim::Done(item) => return Ok(Some(self.answer(PlanStatus::Done, item.total_chunks, 0))),
            Claim::OwnedBy(item) => {
                let answer = self.answer(PlanStatus::Owned, item.total_chunks, 0);
                return Ok(Some(Planned { owner: Some(item.owner), ..answer }));
            }
            // Whoever starts over removes what was there before a plan is accepted, again if it was interrupted at that.
            Claim::New if force => remove_objects(&cloud.objects, self.job_id(), Pointers::All)?,
            Claim::Resumed(item) if force && item.plan_digest.is_none() => {
                remove_objects(&cloud.objects, self.job_id(), Pointers::All)?;
            }
            Claim::New | Claim::Resumed(_) => {}
        }
        Ok(None)
    }

    fn plan(&self, video: Video) -> Result<Planned> {
        let cloud = self.cloud;
        cloud.objects.create(&keys::manifest(self.job_id()), &to_json(&self.accepted.request)?)?;
        let plan = match cloud.objects.get(&keys::plan(self.job_id()))? {
            Some(_) => read_json(&cloud.objects, &keys::plan(self.job_id()))?,
            None => {
                let source = open_object(video, &Limits::default())?;
                accept_plan(&cloud.objects, make_plan(self.job_id(), &self.accepted.request, &source.probe)?)?.0
            }
        };
        if cloud.jobs.job(self.job_id())?.is_some_and(|item: JobItem| item.stage == JobStage::Planning) {
            queue_chunks(&cloud.jobs, self.execution, &plan, now())?;
        }
        let missing = self.missing_chunks(&plan)?;
        let shards = deal_missing(&plan, &missing, |seconds| self.shard_count(seconds));
        cloud.objects.replace(&keys::shards(self.job_id()), &to_json(&shards)?)?;
        metrics::emit(&metrics::planned(&cloud.place.stack, self.job_id(), missing.len()));
        let status = if shards.is_empty() { PlanStatus::Reduce } else { PlanStatus::Planned };
        Ok(self.answer(status, plan.chunks.len() as u32, shards.len() as u32))
    }

    /// The chunks whose artifact is not there. The others are marked completed, and other jobs' results are taken over.
    fn missing_chunks(&self, plan: &Plan) -> Result<BTreeSet<u32>> {
        let cloud = self.cloud;
        let items = cloud.jobs.chunks(self.job_id())?;
        let completed: BTreeSet<u32> =
            items.iter().filter(|item| item.status == ChunkStatus::Completed).map(|item| item.index).collect();
        let artifacts = Artifacts { objects: &cloud.objects, job_id: self.job_id(), request: &self.accepted.request };
        let next = AtomicUsize::new(0);
        let (missing, found) = (Mutex::new(BTreeSet::new()), Mutex::new(BTreeSet::new()));
        let look = || -> Result<()> {
            while let Some(chunk) = plan.chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
                if completed.contains(&chunk.index) {
                    continue;
                }
                let set = if artifacts.find(chunk)?.is_some() { &found } else { &missing };
                set.lock().unwrap_or_else(PoisonError::into_inner).insert(chunk.index);
            }
            Ok(())
        };
        thread::scope(|scope| {
            let lookups: Vec<_> = (0..LOOKUPS.min(plan.chunks.len())).map(|_| scope.spawn(look)).collect();
            lookups.into_iter().try_for_each(|lookup| {
                lookup.join().unwrap_or_else(|_| Err(Error::defect("looking for finished chunks panicked")))
            })
        })?;
        // One after the other: all of them change the job's item, and would only keep each other waiting.
        for index in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            cloud.jobs.complete_chunk(self.job_id(), index, "planner", &keys::chunk(self.job_id(), index), 0, now())?;
        }
        Ok(missing.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many jobs so many seconds of video are worth.
    fn shard_count(&self, seconds: f64) -> u32 {
        let wanted = (seconds / self.defaults.shard_seconds).ceil().max(1.0) as u32;
        self.shards.unwrap_or_else(|| wanted.min(self.defaults.max_shards))
    }

    fn answer(&self, status: PlanStatus, chunks: u32, shards: u32) -> Planned {
        Planned {
            job_id: self.job_id().to_owned(),
            status,
            bucket: self.cloud.place.bucket.clone(),
            shards_key: keys::shards(self.job_id()),
            shards,
            max_concurrency: shards.clamp(1, self.defaults.max_shards),
            compute: self.compute,
            chunks,
            results_key: (status == PlanStatus::Done).then(|| keys::results(self.job_id())),
            owner: None,
        }
    }

    /// Writes on the job that planning failed for good. An error that may pass is left to the next try, and at last to
    /// the closer.
    fn record(&self, error: &Error) {
        if matches!(error.kind(), ErrorKind::Retryable | ErrorKind::Cancelled) {
            return;
        }
        let job_error = JobError { kind: error.kind(), message: error.message().to_owned() };
        if let Err(other) = self.cloud.end_job(self.job_id(), self.execution, &End::Failed(&job_error)) {
            // The closer tries again.
            eprintln!("job {} could not be marked as failed: {other}", self.job_id());
        }
    }
}

/// Shards of the chunks that are missing: consecutive chunks that begin and end with a missing one. Finished chunks
/// between them cost nothing.
fn deal_missing(plan: &Plan, missing: &BTreeSet<u32>, count: impl Fn(f64) -> u32) -> Vec<Shard> {
    let is_missing = |chunk: &Chunk| missing.contains(&chunk.index);
    let seconds: f64 = plan.chunks.iter().filter(|c| is_missing(c)).map(|c| c.end_s - c.start_s).sum();
    let mut chunks: Vec<Chunk> = plan.chunks.clone();
    for chunk in chunks.iter_mut().filter(|chunk| !missing.contains(&chunk.index)) {
        chunk.cost = 0.0;
    }
    let wanted = count(seconds).min(missing.len().max(1) as u32);
    let mut shards = Vec::new();
    for dealt in framefan_planner::deal(&plan.job_id, &chunks, wanted) {
        let mut range = missing.range(dealt.first_chunk..dealt.end_chunk);
        let Some(&first_chunk) = range.next() else { continue };
        let end_chunk = range.next_back().map_or(first_chunk, |last| *last) + 1;
        shards.push(Shard { shard: shards.len() as u32, first_chunk, end_chunk, ..dealt });
    }
    shards
}
