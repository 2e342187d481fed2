//! `framefan submit`.

use std::thread;
use std::time::{Duration, Instant};

use framefan_contract::request::ExportFormat;
use framefan_contract::state::JobItem;
use framefan_contract::{Error, ErrorKind, Rational, Result, keys};
use framefan_jobs::cloud::CloudRequest;
use framefan_jobs::remote::{Begun, Deployment, ListedVideos, Part, Placing, VideoInput};
use framefan_jobs::remote::{begun, execution_name, list_videos, place};
use serde_json::{Value, json};

use super::{ask, wait};
use crate::args::Submit;
use crate::meter::Meter;
use crate::output;

/// How long to wait for the planner to name the jobs, when nobody waits for the jobs themselves.
const NAMING: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_secs(1);

pub fn submit(args: &Submit) -> Result<()> {
    let request = request(args)?;
    let listed = list_videos(&args.videos)?;
    say_skipped(&listed);
    let needs_bucket = listed.videos.iter().any(|video| matches!(video, VideoInput::File(_)));
    let mut needs = vec![Part::Table, Part::StateMachine];
    needs.extend(needs_bucket.then_some(Part::Bucket));
    let deployment = Deployment::connect(args.target.stack(), &needs)?;
    if args.wait {
        wait::leave_on_signal()?;
    }
    let meter = Meter::new();
    let mut all = Vec::new();
    for video in &listed.videos {
        let mut one = Submitted::new(video);
        if let Err(error) = one.start(&deployment, video, &request, &meter) {
            one.error = Some(error);
        }
        all.push(one);
    }
    learn_jobs(&deployment, &mut all, args.wait, &meter);
    if args.wait {
        for one in &mut all {
            if let Err(error) = one.follow(&deployment, &meter) {
                one.error.get_or_insert(error);
            }
        }
    }
    drop(meter);
    if args.json {
        output::json(&json!({"submitted": all.iter().map(Submitted::to_json).collect::<Vec<_>>()}))?;
    } else {
        for one in &all {
            output::text(&one.to_text())?;
        }
    }
    failure(all)
}

/// The first error decides the exit code; of several videos each one's error is said.
fn failure(all: Vec<Submitted>) -> Result<()> {
    let videos = all.len();
    let failed: Vec<(String, Error)> =
        all.into_iter().filter_map(|one| one.error.map(|error| (one.name, error))).collect();
    if videos > 1 {
        for (name, error) in &failed {
            output::note(&format!("{name}: {error}"));
        }
    }
    let count = failed.len();
    match failed.into_iter().next() {
        None => Ok(()),
        Some((_, error)) if videos == 1 => Err(error),
        Some((_, error)) => Err(Error::new(error.kind(), format!("{count} of {videos} videos failed: see above"))),
    }
}

/// The request without its video. What is wrong in it is said before anything is uploaded.
fn request(args: &Submit) -> Result<CloudRequest> {
    let params = ask::params(&args.params)?;
    let mut common = framefan_analyzers::params::Params::new();
    if let Some(fps) = &args.sample_fps {
        common.insert("sample_fps".to_owned(), Value::String(fps.clone()));
    }
    if let Some(width) = args.max_width {
        common.insert("max_width".to_owned(), Value::from(width));
    }
    // Which analyzers run by default, the deployment knows; those with parameters are among them or it refuses.
    let named: Vec<String> =
        if args.analyzers.is_empty() { params.keys().cloned().collect() } else { args.analyzers.clone() };
    if !named.is_empty() {
        framefan_jobs::analyzer_requests(&named, &params, &common)?;
    }
    if let Some(fps) = &args.sample_fps {
        Rational::parse(fps).map_err(|e| e.context("--sample-fps"))?;
    }
    ExportFormat::parse_list(args.exports.exports.iter().map(String::as_str))?;
    if let Some(seconds) = &args.chunk_seconds {
        ask::chunk_seconds(seconds)?;
    }
    Ok(CloudRequest {
        analyzers: (!args.analyzers.is_empty()).then(|| args.analyzers.clone()),
        params,
        sample_fps: args.sample_fps.clone().map(Value::String),
        max_width: args.max_width,
        chunk_seconds: args.chunk_seconds.clone().map(Value::String),
        exports: (!args.exports.exports.is_empty()).then(|| args.exports.exports.clone()),
        compute: args.compute.map(Into::into),
        precision: args.precision.map(Into::into),
        shards: ask::shards(&args.shards)?,
        force: args.force,
        ..CloudRequest::default()
    })
}

fn say_skipped(listed: &ListedVideos) {
    if listed.skipped.is_empty() {
        return;
    }
    let names: Vec<String> = listed.skipped.iter().map(|path| output::printable(&path.display().to_string())).collect();
    output::note(&format!("skipped, no video's extension: {}", names.join(", ")));
}

/// A video and what became of it.
struct Submitted {
    video: String,
    /// The last part of its path, for progress.
    name: String,
    place: Option<(String, String, bool)>,
    execution: Option<String>,
    job_id: Option<String>,
    /// `done` when the result was there already, `owned` when another execution has the job.
    status: Option<&'static str>,
    owner: Option<String>,
    job: Option<JobItem>,
    error: Option<Error>,
}

impl Submitted {
    fn new(video: &VideoInput) -> Self {
        Submitted {
            name: output::printable(video.to_string().rsplit('/').next().unwrap_or_default()),
            video: video.to_string(),
            place: None,
            execution: None,
            job_id: None,
            status: None,
            owner: None,
            job: None,
            error: None,
        }
    }

    /// Uploads the video if need be and starts its execution.
    fn start(
        &mut self,
        deployment: &Deployment,
        video: &VideoInput,
        request: &CloudRequest,
        meter: &Meter,
    ) -> Result<()> {
        let progress = |what, done, all| {
            let doing = if what == Placing::Reading { "reading" } else { "uploading" };
            meter.set(done, all, &format!("{doing} {}", self.name));
        };
        let placed = place(deployment, video, &progress)?;
        let request = CloudRequest { bucket: placed.bucket.clone(), key: placed.key.clone(), ..request.clone() };
        let input = serde_json::to_string(&request)
            .map_err(|e| Error::defect(format!("the request does not serialize: {e}")))?;
        self.execution = Some(deployment.start(&execution_name(&placed.key), &input)?);
        self.place = Some((placed.bucket, placed.key, placed.uploaded));
        Ok(())
    }

    /// Waits for the end of the job.
    fn follow(&mut self, deployment: &Deployment, meter: &Meter) -> Result<()> {
        let Some(job_id) = self.job_id.clone() else { return Ok(()) };
        let job = wait::to_the_end(deployment, &job_id, meter, &format!("{}: ", self.name))?;
        let error = wait::error_of(&job);
        self.job = Some(job);
        error.map_or(Ok(()), Err)
    }

    /// Takes what is known of the execution's job; true when that is all there is to know.
    fn learn(&mut self, begun: Begun) -> Result<bool> {
        match begun {
            Begun::NotYet => return Ok(false),
            Begun::Works(job_id) => self.job_id = Some(job_id),
            Begun::WasDone(job_id) => (self.job_id, self.status) = (Some(job_id), Some("done")),
            Begun::Owned { job_id, owner } => {
                (self.job_id, self.status, self.owner) = (Some(job_id), Some("owned"), Some(owner));
            }
            Begun::Ended(error) => return Err(error),
        }
        Ok(true)
    }

    fn to_json(&self) -> Value {
        let mut answer = json!({"video": self.video, "execution": self.execution, "job_id": self.job_id});
        if let Some((bucket, key, uploaded)) = &self.place {
            answer["bucket"] = json!(bucket);
            answer["key"] = json!(key);
            answer["uploaded"] = json!(uploaded);
        }
        if let Some(status) = self.status {
            answer["status"] = json!(status);
            answer["owner"] = json!(self.owner);
        }
        if let Some(job) = &self.job {
            answer["stage"] = json!(job.stage);
            if self.error.is_none() {
                answer["results_key"] = json!(keys::results(&job.job_id));
                answer["report_key"] = json!(keys::report(&job.job_id));
            }
        }
        if let Some(error) = &self.error {
            answer["error"] = json!({"kind": error.kind().name(), "message": error.message()});
        }
        answer
    }

    fn to_text(&self) -> String {
        let mut text = format!("{}\n", output::printable(&self.video));
        let mut line = |name: &str, words: &str| text.push_str(&format!("  {name:<10} {}\n", output::printable(words)));
        if let Some((bucket, key, uploaded)) = &self.place {
            let how = if *uploaded { "uploaded" } else { "was there" };
            line("object", &format!("s3://{bucket}/{key} ({how})"));
        }
        if let Some(execution) = &self.execution {
            line("execution", execution);
        }
        match (&self.job_id, &self.execution, &self.error) {
            (Some(job_id), ..) => line("job", job_id),
            (None, Some(_), None) => line("job", "not planned yet: framefan status lists it in a moment"),
            _ => {}
        }
        match self.status {
            Some("done") => line("result", "was there already (--force makes it anew)"),
            Some(_) => line("owner", &format!("{} works on it already", self.owner.as_deref().unwrap_or("another"))),
            None => {}
        }
        if let Some(job) = &self.job {
            line("stage", &output::name_of(&job.stage));
            if self.error.is_none() {
                line("report", &format!("framefan report {}", job.job_id));
            }
        }
        text
    }
}

/// Asks which jobs the executions have, until all are known. Who does not wait for the jobs does not wait long for this.
fn learn_jobs(deployment: &Deployment, all: &mut [Submitted], for_long: bool, meter: &Meter) {
    let asked = Instant::now();
    let mut open: Vec<&mut Submitted> = all.iter_mut().filter(|one| one.execution.is_some()).collect();
    let count = open.len();
    while !open.is_empty() {
        open.retain_mut(|one| {
            let execution = one.execution.clone().unwrap_or_default();
            match begun(deployment, &execution).and_then(|begun| one.learn(begun)) {
                Ok(known) => !known,
                // Not answering now is no reason to forget an execution that has started.
                Err(error) if error.kind() == ErrorKind::Retryable && asked.elapsed() < NAMING => true,
                Err(error) => {
                    one.error.get_or_insert(error);
                    false
                }
            }
        });
        if open.is_empty() || (!for_long && asked.elapsed() >= NAMING) {
            return;
        }
        let known = count - open.len();
        meter.set(known as u64, count as u64, &format!("planned: {known} of {count}"));
        thread::sleep(POLL);
    }
}
