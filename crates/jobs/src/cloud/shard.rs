//! Working through a shard: what a Batch job does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use framefan_contract::plan::{Plan, Shard};
use framefan_contract::request::JobRequest;
use framefan_contract::run::RunRecord;
use framefan_contract::state::ChunkStatus;
use framefan_contract::{Error, ErrorKind, Result, keys};
use framefan_media::ByteSource;
use framefan_store::JobStore;
use framefan_worker::{Progress, ShardAttempt, ShardTask, Stop, run_shard};

use super::Cloud;
use super::metrics::{self, Attempt};
use super::settings::WorkerSettings;
use crate::analyzers::prepare;
use crate::clock::now;
use crate::models::Models;
use crate::objects::read_json;
use crate::source::ObjectBytes;

/// How often the machine is asked whether it will be taken away; the notice comes two minutes before.
const SPOT_POLL: Duration = Duration::from_secs(5);

/// Which shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardInput {
    /// The job.
    pub job_id: String,
    /// Position among the shards.
    pub shard: u32,
    /// First chunk.
    pub first_chunk: u32,
    /// Chunk after the last.
    pub end_chunk: u32,
}

/// Works through the shard until every chunk of it is completed, by whomever. `stop` ends it early, with the chunk in
/// hand given back; so does the notice that a Spot machine will be taken away, which sets `stop`.
///
/// # Errors
/// [`Cancelled`](ErrorKind::Cancelled) when it was stopped, or the job is over. Finished chunks stay in any case.
pub fn work_shard(cloud: &Cloud, settings: &WorkerSettings, input: &ShardInput, stop: &Stop) -> Result<RunRecord> {
    let started_at = now();
    let request: JobRequest = read_json(&cloud.objects, &keys::manifest(&input.job_id))?;
    let (worker, device) = (settings.worker(), settings.device.describe());
    let stack = &cloud.place.stack;
    let Ready { plan, models, source } = match make_ready(cloud, settings, input, &request) {
        Ok(ready) => ready,
        Err(error) => {
            let attempt = ShardAttempt {
                job_id: &input.job_id,
                shard: input.shard,
                worker: &worker,
                device: &device,
                started_at,
            };
            let outcome = attempt.failed(&cloud.objects, error);
            let end = Attempt {
                stack,
                queue: &settings.queue,
                number: settings.attempt,
                spot_interruption: false,
                failed_chunks: 1,
                bytes_fetched: 0,
            };
            metrics::emit(&metrics::attempt(&outcome.run, &end));
            return outcome.error.map_or(Ok(outcome.run), Err);
        }
    };
    let shard = Shard {
        job_id: input.job_id.clone(),
        shard: input.shard,
        first_chunk: input.first_chunk,
        end_chunk: input.end_chunk,
    };
    let progress = Progress::default();
    let over = AtomicBool::new(false);
    let (outcome, interrupted) = thread::scope(|scope| {
        let watch = scope.spawn(|| watch_spot(cloud, settings, stop, &over));
        let outcome = run_shard(&ShardTask {
            request: &request,
            plan: &plan,
            shard: &shard,
            source: source.clone(),
            prepare: &|| prepare(&request, &plan, &models, &settings.device),
            objects: &cloud.objects,
            jobs: &cloud.jobs,
            worker: &worker,
            device: &device,
            lease_s: settings.lease_s,
            decode_threads: 0,
            on_chunk: &|timing| {
                let seconds = plan.chunks.get(timing.chunk as usize).map_or(0.0, |chunk| chunk.end_s - chunk.start_s);
                metrics::emit(&metrics::chunk(stack, &input.job_id, &settings.queue, timing, seconds));
            },
            progress: &progress,
            stop,
        });
        over.store(true, Ordering::SeqCst);
        watch.thread().unpark();
        (outcome, watch.join().unwrap_or(false))
    });
    let failed = outcome.error.as_ref().is_some_and(|e| e.kind() != ErrorKind::Cancelled);
    let attempt = Attempt {
        stack,
        queue: &settings.queue,
        number: settings.attempt,
        spot_interruption: interrupted,
        failed_chunks: u32::from(failed),
        bytes_fetched: source.fetched(),
    };
    metrics::emit(&metrics::attempt(&outcome.run, &attempt));
    outcome.error.map_or(Ok(outcome.run), Err)
}

/// What a shard's work needs beside the request.
struct Ready {
    plan: Plan,
    models: Models,
    source: Arc<ObjectBytes>,
}

/// Looks whether this machine can do the shard, and readies the video for it.
fn make_ready(cloud: &Cloud, settings: &WorkerSettings, input: &ShardInput, request: &JobRequest) -> Result<Ready> {
    let plan: Plan = read_json(&cloud.objects, &keys::plan(&input.job_id))?;
    let chunks = plan
        .chunks
        .get(input.first_chunk as usize..input.end_chunk as usize)
        .filter(|chunks| !chunks.is_empty())
        .ok_or_else(|| {
            let count = plan.chunks.len();
            Error::usage(format!("chunks {} to {} of {count}: no such shard", input.first_chunk, input.end_chunk))
        })?;
    check_device(request, settings)?;
    let models = Models::folder(&settings.models)?;
    let source = Arc::new(ObjectBytes::new(cloud.video(&request.source)?));
    source.will_read(&chunks.iter().map(|chunk| chunk.byte_range).collect::<Vec<_>>());
    free_earlier_attempts(cloud, settings, input)?;
    Ok(Ready { plan, models, source })
}

/// A job runs on one class of device, or its chunks would not be parts of one result.
fn check_device(request: &JobRequest, settings: &WorkerSettings) -> Result<()> {
    let own = settings.device.class(request.precision)?;
    if own == request.device_class {
        return Ok(());
    }
    Err(Error::usage(format!(
        "the job is for devices of class {}, and this machine is {own}: set the planner's GPU_DEVICE_CLASS or \
         CPU_DEVICE_CLASS to the class of the queue's machines, and keep machines of one class in a queue",
        request.device_class
    )))
}

/// Frees the chunks that earlier attempts at the same Batch job held when they died: Batch starts an attempt after the
/// one before has ended, so nobody need wait for their leases.
fn free_earlier_attempts(cloud: &Cloud, settings: &WorkerSettings, input: &ShardInput) -> Result<()> {
    if settings.attempt <= 1 {
        return Ok(());
    }
    for chunk in cloud.jobs.chunks(&input.job_id)? {
        let holder = chunk.lease_owner.filter(|worker| settings.is_earlier_attempt(worker));
        if let (ChunkStatus::Processing, Some(worker)) = (chunk.status, holder) {
            match cloud.jobs.release_chunk(&input.job_id, chunk.index, &worker) {
                // Somebody took it meanwhile.
                Err(error) if error.kind() == ErrorKind::Retryable => {}
                other => other?,
            }
        }
    }
    Ok(())
}

/// Asks the machine whether it will be taken away, and stops the work when it says so; true then.
fn watch_spot(cloud: &Cloud, settings: &WorkerSettings, stop: &Stop, over: &AtomicBool) -> bool {
    if !settings.is_batch {
        return false;
    }
    while !over.load(Ordering::SeqCst) {
        // A metadata service that does not answer says nothing.
        if let Ok(Some(notice)) = cloud.aws.spot_notice() {
            stop.request();
            eprintln!("this machine will be taken away ({notice}): the chunk in hand is given back");
            return true;
        }
        thread::park_timeout(SPOT_POLL);
    }
    false
}
