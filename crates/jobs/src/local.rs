//! All steps of a job in one process on one machine: objects in a folder, state in SQLite, workers as threads.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use framefan_contract::plan::{Plan, Shard};
use framefan_contract::request::JobRequest;
use framefan_contract::run::RunRecord;
use framefan_contract::state::{ChunkStatus, JobError, JobItem, JobStage};
use framefan_contract::{Error, ErrorKind, Result, keys};
use framefan_media::Limits;
use framefan_models::ComputeDevice;
use framefan_report::Figures;
use framefan_report::truth::Truth;
use framefan_store::{Claim, FolderStore, JobStore, NewJob, ObjectStore, SqliteJobs};
use framefan_worker::{AnalyzerRun, Progress, ShardTask, Stop, run_shard};

use crate::accept::{Accepted, Ask, accept, check};
use crate::analyzers::prepare;
use crate::clock::now;
use crate::exports::write_exports;
use crate::models::Models;
use crate::objects::{Pointers, all_runs, devices, lacks_files, remove_objects, to_json, to_value};
use crate::plan::{accept_plan, make_plan, queue_chunks};
use crate::process::Process;
use crate::reduce::{Reduced, reduce};
use crate::report::write_report;
use crate::source::{OpenSource, open};
use crate::summary::{RunSummary, StageSummary};

/// How long a chunk stays a thread's without a heartbeat. Another process finds a dead owner by its process id, so this
/// matters only when a thread hangs.
const LEASE_S: f64 = 60.0;

/// One run on this machine.
pub struct LocalRun<'a> {
    /// Path of the video.
    pub video: &'a str,
    /// What is asked for.
    pub ask: &'a Ask,
    /// Where the weights are.
    pub models: &'a Models,
    /// Where networks run.
    pub device: ComputeDevice,
    /// Folder for objects and state.
    pub out: &'a Path,
    /// Number of shards; as many as workers when not given.
    pub shards: Option<u32>,
    /// Worker threads.
    pub workers: u32,
    /// What is known of the video, to compare with in the report.
    pub truth: Option<&'a Truth>,
    /// Start over: forget the plan, the chunks and the result of an earlier run.
    pub force: bool,
    /// Counters for others to watch.
    pub progress: &'a Progress,
    /// The wish to stop.
    pub stop: &'a Stop,
    /// Called once with the job id and the accepted plan.
    pub on_plan: &'a (dyn Fn(&Plan) + Sync),
}

/// What a job works on.
struct Job<'a> {
    run: &'a LocalRun<'a>,
    objects: FolderStore,
    jobs: SqliteJobs,
    source: OpenSource,
    request: JobRequest,
    job_id: String,
    owner: String,
}

/// Runs a job from probe to report, or resumes it: what an earlier run finished is not done again.
pub fn run(local: &LocalRun<'_>) -> Result<RunSummary> {
    let started = Instant::now();
    // First what is quick to find wrong: the probe of some containers decodes the whole video.
    let analyzers = check(local.ask, local.models)?;
    let probing = Instant::now();
    let source = open(local.video, &Limits::default())?;
    let probe_s = probing.elapsed().as_secs_f64();
    let Accepted { request, job_id } = accept(local.ask, analyzers, &source.source);
    let objects = FolderStore::open(local.out)?;
    let jobs = SqliteJobs::open(&local.out.join("jobs.sqlite"))?;
    let owner = Process::current().to_string();
    let job = Job { run: local, objects, jobs, source, request, job_id, owner };
    job.claim()?;
    // From here on the job is ours: whatever goes wrong is written on it.
    let outcome = job.work(started, probe_s);
    if let Err(error) = &outcome {
        job.close(error)?;
    }
    outcome
}

impl Job<'_> {
    /// Becomes the job's owner, or says why not. Chunks that a dead owner held are handed back.
    fn claim(&self) -> Result<()> {
        let before = self.jobs.job(&self.job_id)?;
        if self.run.force && before.is_some() {
            self.refuse_live_owner(before.as_ref())?;
            self.forget()?;
        }
        // A job is opened again when somebody removed files of it; what is left is not done again.
        let lacks_files = before.as_ref().map_or(Ok(false), |job| lacks_files(&self.objects, job))?;
        let new = NewJob {
            job_id: &self.job_id,
            video: &self.source.name,
            request: &to_value(&self.request)?,
            owner: &self.owner,
            force: self.run.force || lacks_files,
        };
        let is_alive = |owner: &str| Process::is_alive(owner);
        match self.jobs.claim_job(&new, now(), &is_alive)? {
            Claim::New | Claim::Resumed(_) | Claim::Done(_) => {}
            Claim::OwnedBy(item) => return self.refuse_live_owner(Some(&item)),
        }
        for chunk in self.jobs.chunks(&self.job_id)? {
            let (ChunkStatus::Processing, Some(holder)) = (chunk.status, &chunk.lease_owner) else { continue };
            let process = holder.split(':').next().unwrap_or(holder);
            if !Process::is_alive(process) {
                self.jobs.release_chunk(&self.job_id, chunk.index, holder)?;
            }
        }
        Ok(())
    }

    fn refuse_live_owner(&self, item: Option<&JobItem>) -> Result<()> {
        match item {
            Some(item) if !item.stage.is_terminal() && item.owner != self.owner && Process::is_alive(&item.owner) => {
                Err(Error::retryable(format!(
                    "job {} is being worked on by {}; wait for it, or stop it first",
                    self.job_id, item.owner
                )))
            }
            _ => Ok(()),
        }
    }

    /// Removes all that earlier runs of this job left.
    fn forget(&self) -> Result<()> {
        remove_objects(&self.objects, &self.job_id, Pointers::All)?;
        self.jobs.delete_job(&self.job_id)?;
        Ok(())
    }

    fn work(&self, started: Instant, probe_s: f64) -> Result<RunSummary> {
        let plan = self.plan()?;
        (self.run.on_plan)(&plan);
        let is_done = self.jobs.job(&self.job_id)?.is_some_and(|item| item.stage == JobStage::Done);
        let auto = || framefan_planner::auto_shards(&plan.chunks, self.run.workers);
        let shards = framefan_planner::deal(&self.job_id, &plan.chunks, self.run.shards.unwrap_or_else(auto));
        self.objects.replace(&keys::shards(&self.job_id), &to_json(&shards)?)?;
        let runs = if is_done { Vec::new() } else { self.work_shards(&plan, &shards)? };
        if is_done {
            self.run.progress.resumed.store(plan.chunks.len() as u64, Ordering::Relaxed);
        } else {
            self.jobs.begin_aggregating(&self.job_id, &self.owner, now())?;
        }
        let mut stages = StageSummary::of_runs(&runs);
        stages.probe_s = probe_s;

        // The merge runs again even for a finished job: it costs little, and the files are then whole whatever happened.
        let reducing = Instant::now();
        let all_runs = all_runs(&self.objects, &self.job_id)?;
        let scratch = self.objects.scratch();
        let reduced = reduce(&self.objects, &self.request, &plan, Some(&self.source), devices(&all_runs), &scratch)?;
        write_exports(&self.objects, &self.request, &reduced.header, &scratch)?;
        stages.reduce_s = reducing.elapsed().as_secs_f64();

        let reporting = Instant::now();
        let figures = Figures {
            wall_s: Some(started.elapsed().as_secs_f64()),
            bottleneck: Some(stages.bottleneck()).filter(|stage| !stage.is_empty()),
            resumed_chunks: self.run.progress.resumed.load(Ordering::Relaxed) as u32,
        };
        write_report(&self.objects, &self.request, &plan, all_runs, Some(&self.source), self.run.truth, figures)?;
        stages.report_s = reporting.elapsed().as_secs_f64();
        if !is_done {
            self.jobs.finish_job(&self.job_id, &self.owner, now())?;
        }
        Ok(self.summary(&plan, &shards, &reduced, stages, started))
    }

    fn plan(&self) -> Result<Plan> {
        let made = make_plan(&self.job_id, &self.request, &self.source.probe)?;
        self.objects.create(&keys::manifest(&self.job_id), &to_json(&self.request)?)?;
        let (plan, _) = accept_plan(&self.objects, made)?;
        let stage = self.jobs.job(&self.job_id)?.map(|item| item.stage);
        if stage == Some(JobStage::Planning) {
            queue_chunks(&self.jobs, &self.owner, &plan, now())?;
        }
        Ok(plan)
    }

    /// Deals the shards out to worker threads. The first error stops the others; what they finished is kept.
    fn work_shards(&self, plan: &Plan, shards: &[Shard]) -> Result<Vec<RunRecord>> {
        let device = self.run.device.describe();
        let ready: Mutex<Option<Vec<AnalyzerRun>>> = Mutex::new(None);
        let load = || {
            let mut ready = ready.lock().unwrap_or_else(PoisonError::into_inner);
            if ready.is_none() {
                *ready = Some(prepare(&self.request, plan, self.run.models, &self.run.device)?);
            }
            Ok(ready.clone().unwrap_or_default())
        };
        let next = AtomicUsize::new(0);
        let stop = self.run.stop.within();
        let results: Mutex<(Vec<RunRecord>, Option<Error>)> = Mutex::new((Vec::new(), None));
        thread::scope(|scope| {
            for worker in 0..self.run.workers.max(1) {
                let (load, next, stop, results, device) = (&load, &next, &stop, &results, &device);
                let name = format!("{}:{worker}", self.owner);
                scope.spawn(move || {
                    while let Some(shard) = shards.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = run_shard(&ShardTask {
                            request: &self.request,
                            plan,
                            shard,
                            source: self.source.bytes.clone(),
                            prepare: load,
                            objects: &self.objects,
                            jobs: &self.jobs,
                            worker: &name,
                            device,
                            lease_s: LEASE_S,
                            decode_threads: 0,
                            on_chunk: &|_| {},
                            progress: self.run.progress,
                            stop,
                        });
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        results.0.push(outcome.run);
                        if let Some(error) = outcome.error {
                            results.1.get_or_insert(error);
                            stop.request();
                            return;
                        }
                    }
                });
            }
        });
        let (mut runs, error) = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        runs.sort_by_key(|run| run.shard);
        error.map_or(Ok(runs), Err)
    }

    /// Writes on the job that it ended with `error`.
    fn close(&self, error: &Error) -> Result<()> {
        let stage = self.jobs.job(&self.job_id)?.map(|item| item.stage);
        if stage.is_none_or(JobStage::is_terminal) {
            return Ok(());
        }
        if error.kind() == ErrorKind::Cancelled {
            return self.jobs.cancel_job(&self.job_id, Some(&self.owner), now());
        }
        let error = JobError { kind: error.kind(), message: error.message().to_owned() };
        self.jobs.fail_job(&self.job_id, &self.owner, &error, now())
    }

    fn summary(
        &self,
        plan: &Plan,
        shards: &[Shard],
        reduced: &Reduced,
        stages: StageSummary,
        started: Instant,
    ) -> RunSummary {
        let path = |key: String| self.run.out.join(key).to_string_lossy().into_owned();
        RunSummary {
            job_id: self.job_id.clone(),
            stage: JobStage::Done,
            frames: reduced.header.frames_processed,
            sampled_frames: reduced.sampled_frames,
            chunks: plan.chunks.len() as u32,
            shards: shards.len() as u32,
            resumed_chunks: self.run.progress.resumed.load(Ordering::Relaxed),
            wall_s: started.elapsed().as_secs_f64(),
            cpu_s: Process::cpu_seconds(),
            bottleneck: stages.bottleneck(),
            stages,
            warnings: reduced.header.warnings.clone(),
            results: path(keys::results(&self.job_id)),
            report: path(keys::report(&self.job_id)),
        }
    }
}
