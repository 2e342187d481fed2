//! Works through a shard until every chunk of it is completed, by whomever.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use framefan_analyzers::{ChunkStage, Sampling};
use framefan_contract::artifact::Artifact;
use framefan_contract::plan::{Chunk, Plan, Shard};
use framefan_contract::request::JobRequest;
use framefan_contract::run::{ChunkTiming, RUN_SCHEMA, RunRecord};
use framefan_contract::state::{ChunkItem, ChunkStatus};
use framefan_contract::{Error, ErrorKind, Result, keys};
use framefan_media::ByteSource;
use framefan_store::{JobStore, ObjectStore};

use crate::artifacts::Artifacts;
use crate::lease::{Leases, now};
use crate::pipeline::{self, Lanes, Pass, Stream};
use crate::progress::{Progress, Stop};

/// How often a worker looks again at chunks that somebody else holds.
const POLL: Duration = Duration::from_millis(500);

/// An analyzer ready to run.
#[derive(Clone)]
pub struct AnalyzerRun {
    /// Its name.
    pub name: String,
    /// Which frames it looks at.
    pub sampling: Sampling,
    /// Frames before each of them that it also sees.
    pub stencil: u32,
    /// Its chunk stage; workers on one machine share it.
    pub stage: Arc<dyn ChunkStage>,
}

/// All that a worker is given.
pub struct ShardTask<'a> {
    /// The request as accepted.
    pub request: &'a JobRequest,
    /// The accepted plan.
    pub plan: &'a Plan,
    /// The chunks to see completed.
    pub shard: &'a Shard,
    /// The video's bytes.
    pub source: Arc<dyn ByteSource>,
    /// Makes the analyzers ready, in the request's order; at most 32. Called when there is work for them, so that
    /// a job whose chunks are all finished loads no network.
    pub prepare: &'a (dyn Fn() -> Result<Vec<AnalyzerRun>> + Sync),
    /// Artifacts.
    pub objects: &'a dyn ObjectStore,
    /// Job state.
    pub jobs: &'a dyn JobStore,
    /// This worker's name, unique among workers.
    pub worker: &'a str,
    /// What computes, for people.
    pub device: &'a str,
    /// How long a chunk stays this worker's without a heartbeat, seconds.
    pub lease_s: f64,
    /// Decoder threads; 0 means one for each core.
    pub decode_threads: usize,
    /// Called whenever a chunk is committed.
    pub on_chunk: &'a (dyn Fn(&ChunkTiming) + Sync),
    /// Counters shared with other workers.
    pub progress: &'a Progress,
    /// The wish to stop.
    pub stop: &'a Stop,
}

/// How a shard went.
#[derive(Debug)]
pub struct Outcome {
    /// Timings and metrics of this attempt, also stored under `runs/`.
    pub run: RunRecord,
    /// Why it ended early, if it did. Chunks that were finished before are kept.
    pub error: Option<Error>,
}

/// Works through the shard. Returns without an error only when every chunk of it is completed.
///
/// Finished work is never done again: a chunk whose artifact is there is only marked completed, one that another job
/// finished under the same digest is copied. Chunks held by another worker are waited for, and taken over when its lease
/// runs out.
pub fn run_shard(task: &ShardTask<'_>) -> Outcome {
    let (started_at, started) = (now(), Instant::now());
    let leases = Leases::new(task.jobs, &task.plan.job_id, task.worker, task.lease_s);
    let mut total = Pass::default();
    let error = thread::scope(|scope| {
        scope.spawn(|| leases.keep_alive());
        let outcome = work(task, &leases, &mut total);
        let error = outcome.err();
        let failure = error.as_ref().filter(|e| e.kind() != ErrorKind::Cancelled).map(|e| e.message().to_owned());
        leases.release_all(failure.as_deref());
        leases.stop();
        error
    });
    let attempt = ShardAttempt {
        job_id: &task.plan.job_id,
        shard: task.shard.shard,
        worker: task.worker,
        device: task.device,
        started_at,
    };
    attempt.end(task.objects, started.elapsed().as_secs_f64(), total, error)
}

/// An attempt at a shard.
#[derive(Clone, Copy, Debug)]
pub struct ShardAttempt<'a> {
    /// The job.
    pub job_id: &'a str,
    /// The shard.
    pub shard: u32,
    /// The worker's name, unique among workers.
    pub worker: &'a str,
    /// What computes, for people.
    pub device: &'a str,
    /// When it began, seconds since 1970.
    pub started_at: f64,
}

impl ShardAttempt<'_> {
    /// Records an attempt that failed before there was anything to work on.
    pub fn failed(&self, objects: &dyn ObjectStore, error: Error) -> Outcome {
        self.end(objects, now() - self.started_at, Pass::default(), Some(error))
    }

    fn end(&self, objects: &dyn ObjectStore, wall_s: f64, total: Pass, error: Option<Error>) -> Outcome {
        let name = self.worker.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let run = RunRecord {
            schema: RUN_SCHEMA.to_owned(),
            job_id: self.job_id.to_owned(),
            run_id: format!("{:.3}-{name}", self.started_at),
            worker: self.worker.to_owned(),
            shard: self.shard,
            device: self.device.to_owned(),
            started_at: self.started_at,
            wall_s,
            frames: total.frames,
            sampled_frames: total.sampled,
            bytes_read: total.bytes_read,
            chunks: total.chunks,
            stages: total.stages,
            error: error.as_ref().map(|e| e.message().to_owned()),
        };
        let error = error.or_else(|| store_run(objects, &run).err());
        Outcome { run, error }
    }
}

fn store_run(objects: &dyn ObjectStore, run: &RunRecord) -> Result<()> {
    let bytes =
        serde_json::to_vec(run).map_err(|e| Error::defect(format!("the run record does not serialize: {e}")))?;
    objects.create(&keys::run(&run.job_id, &run.run_id), &bytes)?;
    Ok(())
}

fn work(task: &ShardTask<'_>, leases: &Leases<'_>, total: &mut Pass) -> Result<()> {
    let range = task.shard.first_chunk as usize..task.shard.end_chunk as usize;
    let chunks =
        task.plan.chunks.get(range).ok_or_else(|| {
            Error::defect(format!("shard {} names chunks that the plan does not have", task.shard.shard))
        })?;
    let mut missing = missing_chunks(task, chunks, |artifact| {
        Progress::add(&task.progress.resumed, 1);
        Progress::add(&task.progress.resumed_frames, u64::from(artifact.frames));
    })?;
    if missing.is_empty() {
        return Ok(());
    }
    let analyzers = (task.prepare)()?;
    if analyzers.len() > 32 {
        return Err(Error::usage(format!("{} analyzers in one job; 32 is the most", analyzers.len())));
    }
    let lanes = Lanes::of(&analyzers)?;
    while !missing.is_empty() {
        let held = held_by_others(task)?;
        let free: Vec<Chunk> = missing.iter().filter(|c| !held.contains(&c.index)).cloned().collect();
        for consecutive in free.chunk_by(|a, b| a.index + 1 == b.index) {
            let stream = Stream { task, analyzers: &analyzers, lanes: &lanes, chunks: consecutive, leases };
            let (pass, outcome) = pipeline::run(&stream);
            total.add(pass);
            outcome?;
        }
        if free.is_empty() {
            check_stop(task, leases)?;
            thread::sleep(POLL);
        }
        missing = missing_chunks(task, &missing, |_| {})?;
    }
    Ok(())
}

/// Ends the work when somebody asked for it, or when the job is over.
pub(crate) fn check_stop(task: &ShardTask<'_>, leases: &Leases<'_>) -> Result<()> {
    if let Some(stage) = leases.job_is_over() {
        return Err(Error::cancelled(format!(
            "job {} is {stage:?} meanwhile; finished chunks are kept",
            task.plan.job_id
        )));
    }
    if task.stop.is_requested() {
        return Err(Error::cancelled("stopped on request; finished chunks are kept"));
    }
    Ok(())
}

/// Those of the chunks that have no artifact yet. Those that have one are marked completed on the way.
fn missing_chunks(task: &ShardTask<'_>, chunks: &[Chunk], found: impl Fn(&Artifact)) -> Result<Vec<Chunk>> {
    let mut missing = Vec::new();
    for chunk in chunks {
        let Some(artifact) = task.artifacts().find(chunk)? else {
            missing.push(chunk.clone());
            continue;
        };
        let key = keys::chunk(&task.plan.job_id, chunk.index);
        task.jobs.complete_chunk(&task.plan.job_id, chunk.index, task.worker, &key, 0, now())?;
        found(&artifact);
    }
    Ok(missing)
}

/// Chunks that another worker holds under a lease that has not run out.
fn held_by_others(task: &ShardTask<'_>) -> Result<BTreeSet<u32>> {
    let items = task.jobs.chunks(&task.plan.job_id)?;
    let is_held = |item: &ChunkItem| {
        item.status == ChunkStatus::Processing
            && item.lease_owner.as_deref().is_some_and(|owner| owner != task.worker)
            && item.lease_until.is_some_and(|until| until > now())
    };
    Ok(items.into_iter().filter(is_held).map(|item| item.index).collect())
}

impl ShardTask<'_> {
    /// The job's artifacts.
    pub(crate) fn artifacts(&self) -> Artifacts<'_> {
        Artifacts { objects: self.objects, job_id: &self.plan.job_id, request: self.request }
    }
}
