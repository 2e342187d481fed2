//! All steps of a job in one process on one machine: objects in a folder, state in SQLite, workers as threads.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use framefan_analyzers::ChunkContext;
use framefan_contract::plan::{Plan, Shard};
use framefan_contract::request::{AnalyzerRequest, JobRequest};
use framefan_contract::run::RunRecord;
use framefan_contract::state::{ChunkStatus, JobError, JobItem, JobStage};
use framefan_contract::{Error, ErrorKind, Result, digest, keys};
use framefan_media::Limits;
use framefan_report::Figures;
use framefan_store::{Claim, FolderStore, JobStore, NewChunk, NewJob, ObjectStore, SqliteJobs};
use framefan_worker::{AnalyzerRun, Progress, ShardTask, Stop, run_shard};

use crate::accept::{Accepted, Ask, accept};
use crate::models::{self, ModelPaths};
use crate::plan::{accept_plan, make_plan};
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
    /// Folder for objects and state.
    pub out: &'a Path,
    /// Number of shards; as many as workers when not given.
    pub shards: Option<u32>,
    /// Worker threads.
    pub workers: u32,
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
    let source = open(local.video, &Limits::default())?;
    let probe_s = started.elapsed().as_secs_f64();
    let Accepted { request, job_id } = accept(local.ask, &source)?;
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
        // A finished job is opened again when somebody removed files of it; what is left is not done again.
        let chunks = self.objects.list(&format!("{}chunks/", keys::job_prefix(&self.job_id)))?.len();
        let lacks_files = before.as_ref().is_some_and(|job| chunks < job.total_chunks as usize);
        let new = NewJob {
            job_id: &self.job_id,
            video: &self.source.name,
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
        for object in self.objects.list(&keys::job_prefix(&self.job_id))? {
            if let Some(artifact) =
                object.key.contains("/chunks/").then(|| self.objects.get(&object.key)).transpose()?
            {
                let artifact = artifact.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
                if let Some(digest) = artifact.as_ref().and_then(|a| a["digest"].as_str()) {
                    self.objects.delete(&keys::chunk_by_digest(digest))?;
                }
            }
            self.objects.delete(&object.key)?;
        }
        self.jobs.delete_job(&self.job_id)?;
        Ok(())
    }

    fn work(&self, started: Instant, probe_s: f64) -> Result<RunSummary> {
        let plan = self.plan()?;
        (self.run.on_plan)(&plan);
        let is_done = self.jobs.job(&self.job_id)?.is_some_and(|item| item.stage == JobStage::Done);
        let auto = || framefan_planner::auto_shards(&plan.chunks, self.run.workers);
        let shards = framefan_planner::deal(&self.job_id, &plan.chunks, self.run.shards.unwrap_or_else(auto));
        self.objects.replace(&keys::shards(&self.job_id), &json(&shards)?)?;
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
        let all_runs = self.all_runs()?;
        let mut devices: Vec<String> = all_runs.iter().map(|r| r.device.clone()).collect();
        devices.sort();
        devices.dedup();
        let reduced = reduce(&self.objects, &self.request, &plan, devices, self.run.out)?;
        stages.reduce_s = reducing.elapsed().as_secs_f64();

        let reporting = Instant::now();
        let figures = Figures {
            wall_s: Some(started.elapsed().as_secs_f64()),
            bottleneck: Some(stages.bottleneck()).filter(|stage| !stage.is_empty()),
            resumed_chunks: self.run.progress.resumed.load(Ordering::Relaxed) as u32,
        };
        write_report(&self.objects, &self.request, &plan, all_runs, &self.source, figures)?;
        stages.report_s = reporting.elapsed().as_secs_f64();
        if !is_done {
            self.jobs.finish_job(&self.job_id, &self.owner, now())?;
        }
        Ok(self.summary(&plan, &shards, &reduced, stages, started))
    }

    fn plan(&self) -> Result<Plan> {
        let made = make_plan(&self.job_id, &self.request, &self.source.probe)?;
        self.objects.create(&keys::manifest(&self.job_id), &json(&self.request)?)?;
        let (plan, _) = accept_plan(&self.objects, made)?;
        let chunks: Vec<NewChunk> =
            plan.chunks.iter().map(|c| NewChunk { index: c.index, start_s: c.start_s, end_s: c.end_s }).collect();
        let stage = self.jobs.job(&self.job_id)?.map(|item| item.stage);
        if stage == Some(JobStage::Planning) {
            self.jobs.set_plan(&self.job_id, &self.owner, &digest::of_bytes(&json(&plan)?), &chunks, now())?;
        }
        Ok(plan)
    }

    /// Deals the shards out to worker threads. The first error stops the others; what they finished is kept.
    fn work_shards(&self, plan: &Plan, shards: &[Shard]) -> Result<Vec<RunRecord>> {
        let device = self.run.ask.device.describe();
        let ready: Mutex<Option<Vec<AnalyzerRun>>> = Mutex::new(None);
        let prepare = || {
            let mut ready = ready.lock().unwrap_or_else(PoisonError::into_inner);
            if ready.is_none() {
                *ready = Some(self.prepare_analyzers(plan)?);
            }
            Ok(ready.clone().unwrap_or_default())
        };
        let next = AtomicUsize::new(0);
        let failed = Stop::default();
        let results: Mutex<(Vec<RunRecord>, Option<Error>)> = Mutex::new((Vec::new(), None));
        thread::scope(|scope| {
            for worker in 0..self.run.workers.max(1) {
                let (prepare, next, failed, results, device) = (&prepare, &next, &failed, &results, &device);
                let name = format!("{}:{worker}", self.owner);
                scope.spawn(move || {
                    while !failed.is_requested() {
                        let Some(shard) = shards.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                        let outcome = run_shard(&ShardTask {
                            request: &self.request,
                            plan,
                            shard,
                            source: self.source.bytes.clone(),
                            prepare,
                            objects: &self.objects,
                            jobs: &self.jobs,
                            worker: &name,
                            device,
                            lease_s: LEASE_S,
                            decode_threads: 0,
                            progress: self.run.progress,
                            stop: self.run.stop,
                        });
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        results.0.push(outcome.run);
                        if let Some(error) = outcome.error {
                            failed.request();
                            results.1.get_or_insert(error);
                        }
                    }
                });
            }
        });
        let (mut runs, error) = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        runs.sort_by_key(|run| run.shard);
        error.map_or(Ok(runs), Err)
    }

    fn prepare_analyzers(&self, plan: &Plan) -> Result<Vec<AnalyzerRun>> {
        let mut runs = Vec::new();
        for asked in &self.request.analyzers {
            let analyzer = framefan_analyzers::find(&asked.name)?;
            let models = verified(&self.run.ask.models, asked)?;
            let stage = analyzer.chunk_stage(&ChunkContext {
                video: &plan.video,
                params: &asked.chunk_params,
                models: &models,
                device: &self.run.ask.device,
                precision: self.request.precision,
            })?;
            let sampling = analyzer.needs(&asked.chunk_params)?.sampling;
            runs.push(AnalyzerRun { name: asked.name.clone(), sampling, stage: Arc::from(stage) });
        }
        Ok(runs)
    }

    /// The records of all attempts at this job, the oldest first.
    fn all_runs(&self) -> Result<Vec<RunRecord>> {
        let mut runs = Vec::new();
        for object in self.objects.list(&format!("{}runs/", keys::job_prefix(&self.job_id)))? {
            let bytes = self.objects.get(&object.key)?;
            // A record from another version tells nothing here; the numbers do not depend on it.
            if let Some(run) = bytes.and_then(|bytes| serde_json::from_slice::<RunRecord>(&bytes).ok()) {
                runs.push(run);
            }
        }
        runs.sort_by(|a, b| a.started_at.total_cmp(&b.started_at).then_with(|| a.run_id.cmp(&b.run_id)));
        Ok(runs)
    }

    /// Writes on the job that it ended with `error`.
    fn close(&self, error: &Error) -> Result<()> {
        let stage = self.jobs.job(&self.job_id)?.map(|item| item.stage);
        if stage.is_none_or(JobStage::is_terminal) {
            return Ok(());
        }
        if error.kind() == ErrorKind::Cancelled {
            return self.jobs.cancel_job(&self.job_id, now());
        }
        let error = JobError { kind: error.kind(), message: error.message().to_owned() };
        self.jobs.fail_job(&self.job_id, &error, now())
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

/// The weights files that the analyzer was accepted with, by name.
fn verified(paths: &ModelPaths, asked: &AnalyzerRequest) -> Result<ModelPaths> {
    let mut found = ModelPaths::new();
    for (name, sha256) in &asked.models {
        let path = models::resolve(paths, name, &asked.name)?;
        let bytes = std::fs::read(path).map_err(|e| Error::io(path.display(), e))?;
        if digest::of_bytes(&bytes) != *sha256 {
            return Err(Error::bad_input(format!(
                "{}: the weights of '{name}' changed since the job was accepted (SHA-256 {sha256}); start again",
                path.display()
            )));
        }
        found.insert(name.clone(), path.to_owned());
    }
    Ok(found)
}

fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|e| Error::defect(format!("a document does not serialize: {e}")))
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}
