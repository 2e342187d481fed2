//! What the environment of a function or a job says.

use std::path::PathBuf;

use framefan_contract::request::ExportFormat;
use framefan_contract::{Error, Rational, Result};
use framefan_models::ComputeDevice;

use super::request::Compute;

/// Where weights are when the environment does not say: the images have them there.
const MODELS: &str = "/opt/framefan/models";
/// How long a chunk stays a worker's without a heartbeat, seconds.
const LEASE_SECONDS: f64 = 60.0;

/// Reads variables; an empty one counts as unset.
#[derive(Clone, Copy)]
pub struct Variables<'a>(pub &'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn find(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn need(&self, name: &str, what: &str) -> Result<String> {
        self.find(name).ok_or_else(|| Error::usage(format!("the variable {name} is not set: {what}")))
    }

    fn parse<T>(&self, name: &str, default: T, parse: impl Fn(&str) -> Option<T>, what: &str) -> Result<T> {
        match self.find(name) {
            None => Ok(default),
            Some(text) => parse(&text).ok_or_else(|| Error::usage(format!("{name}={text}: must be {what}"))),
        }
    }
}

/// A variable of this process.
fn of_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Which deployment this is, and where it keeps things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `FRAMEFAN_STACK`: its CloudFormation stack, for metrics; `framefan` when not given, as for the command line.
    pub stack: String,
    /// `FRAMEFAN_BUCKET`: the bucket of `jobs/…`.
    pub bucket: String,
    /// `FRAMEFAN_TABLE`: the table of jobs and chunks.
    pub table: String,
    /// `FRAMEFAN_EVENT_BUS`: where the end of a job is announced.
    pub event_bus: String,
    /// `RETENTION_DAYS`: how long items of ended jobs are kept; 0 means for good.
    pub retention_days: u32,
}

impl Place {
    /// From this process's environment.
    pub fn from_env() -> Result<Self> {
        Self::read(Variables(&of_process))
    }

    /// From variables.
    pub fn read(variables: Variables<'_>) -> Result<Self> {
        Ok(Place {
            stack: variables.find("FRAMEFAN_STACK").unwrap_or_else(|| "framefan".to_owned()),
            bucket: variables.need("FRAMEFAN_BUCKET", "the bucket of the deployment")?,
            table: variables.need("FRAMEFAN_TABLE", "the table of the deployment")?,
            event_bus: variables.find("FRAMEFAN_EVENT_BUS").unwrap_or_else(|| "default".to_owned()),
            retention_days: variables.parse("RETENTION_DAYS", 0, |t| t.parse().ok(), "a number of days")?,
        })
    }
}

/// What the planner fills in where a request says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    /// `FRAMEFAN_MODELS`: the folder whose manifest tells the weights' digests.
    pub models: PathBuf,
    /// `DEFAULT_ANALYZERS`, separated by commas.
    pub analyzers: Vec<String>,
    /// `DEFAULT_EXPORTS`, separated by commas: forms in which results are also written; none when not given.
    pub exports: Vec<ExportFormat>,
    /// `CHUNK_SECONDS`.
    pub chunk_seconds: Rational,
    /// `SAMPLE_FPS`, as the user wrote it.
    pub sample_fps: String,
    /// `MAX_WIDTH`.
    pub max_width: u32,
    /// `DEFAULT_COMPUTE`.
    pub compute: Compute,
    /// `GPU_DEVICE_CLASS`: the class of the GPU queue's machines with the precision they use, if there is a GPU queue.
    pub gpu_class: Option<String>,
    /// `CPU_DEVICE_CLASS`: the same of the CPU queue's machines.
    pub cpu_class: Option<String>,
    /// `MAX_SHARDS`: how many jobs of one video run at once.
    pub max_shards: u32,
    /// `SHARD_SECONDS`: how many seconds of video are worth a job of their own.
    pub shard_seconds: f64,
}

impl Defaults {
    /// From this process's environment.
    pub fn from_env() -> Result<Self> {
        Self::read(Variables(&of_process))
    }

    /// From variables.
    pub fn read(variables: Variables<'_>) -> Result<Self> {
        let positive = |text: &str| text.parse().ok().filter(|n: &u32| *n > 0);
        let analyzers = variables.find("DEFAULT_ANALYZERS").unwrap_or_else(|| "pose".to_owned());
        Ok(Defaults {
            models: models_folder(variables),
            analyzers: analyzers.split(',').map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect(),
            exports: ExportFormat::parse_list(variables.find("DEFAULT_EXPORTS").unwrap_or_default().split(','))
                .map_err(|error| error.context("DEFAULT_EXPORTS"))?,
            chunk_seconds: variables.parse(
                "CHUNK_SECONDS",
                Rational { num: 30, den: 1 },
                |text| Rational::parse(text).ok().filter(|r| r.is_positive()),
                "a number of seconds greater than 0",
            )?,
            sample_fps: variables.find("SAMPLE_FPS").unwrap_or_else(|| "10".to_owned()),
            max_width: variables.parse("MAX_WIDTH", 640, positive, "a number of pixels greater than 0")?,
            compute: variables.parse("DEFAULT_COMPUTE", Compute::Gpu, Compute::from_name, "gpu or cpu")?,
            gpu_class: variables.find("GPU_DEVICE_CLASS"),
            cpu_class: variables.find("CPU_DEVICE_CLASS"),
            max_shards: variables.parse("MAX_SHARDS", 40, positive, "a number greater than 0")?,
            shard_seconds: variables.parse(
                "SHARD_SECONDS",
                120.0,
                |text| text.parse().ok().filter(|s: &f64| s.is_finite() && *s > 0.0),
                "a number of seconds greater than 0",
            )?,
        })
    }
}

/// What a worker is told by its job definition and by Batch.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerSettings {
    /// `FRAMEFAN_MODELS`.
    pub models: PathBuf,
    /// `FRAMEFAN_DEVICE`.
    pub device: ComputeDevice,
    /// `FRAMEFAN_LEASE_SECONDS`.
    pub lease_s: f64,
    /// Names this worker among all: the Batch job, or this machine and process.
    pub name: String,
    /// Which attempt at the Batch job this is, from 1.
    pub attempt: u32,
    /// `AWS_BATCH_JQ_NAME`: the queue, for metrics.
    pub queue: String,
    /// Whether Batch runs this worker, on a machine that may be taken away.
    pub is_batch: bool,
}

impl WorkerSettings {
    /// From this process's environment.
    pub fn from_env() -> Result<Self> {
        Self::read(Variables(&of_process))
    }

    /// From variables.
    pub fn read(variables: Variables<'_>) -> Result<Self> {
        let device = variables.find("FRAMEFAN_DEVICE").unwrap_or_else(|| "cpu".to_owned());
        let batch_job = variables.find("AWS_BATCH_JOB_ID");
        let is_batch = batch_job.is_some();
        let name = batch_job.unwrap_or_else(|| {
            format!("{}-{}", variables.find("HOSTNAME").unwrap_or_else(|| "local".to_owned()), std::process::id())
        });
        Ok(WorkerSettings {
            models: models_folder(variables),
            device: device.parse::<ComputeDevice>().map_err(|e| e.context("FRAMEFAN_DEVICE"))?,
            lease_s: variables.parse(
                "FRAMEFAN_LEASE_SECONDS",
                LEASE_SECONDS,
                |text| text.parse().ok().filter(|s: &f64| s.is_finite() && *s >= 1.0),
                "a number of seconds from 1",
            )?,
            name,
            attempt: variables.parse("AWS_BATCH_JOB_ATTEMPT", 1, |t| t.parse().ok(), "a number")?,
            queue: variables.find("AWS_BATCH_JQ_NAME").unwrap_or_else(|| "none".to_owned()),
            is_batch,
        })
    }

    /// The worker's name in leases: an attempt is a worker of its own.
    pub fn worker(&self) -> String {
        format!("{}:{}", self.name, self.attempt)
    }

    /// Whether `worker` names an earlier attempt at the same Batch job, which has ended since.
    pub fn is_earlier_attempt(&self, worker: &str) -> bool {
        let attempt = worker.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix(':'));
        attempt.and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n < self.attempt)
    }
}

fn models_folder(variables: Variables<'_>) -> PathBuf {
    variables.find("FRAMEFAN_MODELS").unwrap_or_else(|| MODELS.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;

    use super::*;

    fn with<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn what_is_unset_or_empty_takes_its_default() {
        let unset = Defaults::read(Variables(&with(&[]))).unwrap();
        let empty = Defaults::read(Variables(&with(&[("MAX_WIDTH", ""), ("GPU_DEVICE_CLASS", "")]))).unwrap();
        assert_eq!(unset, empty);
        assert_eq!((unset.max_width, unset.gpu_class), (640, None));
        assert_eq!(unset.chunk_seconds.to_string(), "30");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            ("CHUNK_SECONDS", "0"),
            ("CHUNK_SECONDS", "soon"),
            ("MAX_WIDTH", "-1"),
            ("DEFAULT_COMPUTE", "tpu"),
            ("MAX_SHARDS", "0"),
            ("SHARD_SECONDS", "inf"),
        ] {
            let error = Defaults::read(Variables(&with(&[(name, value)]))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.message().contains(name), "{error}");
        }
        let error = Place::read(Variables(&with(&[("FRAMEFAN_BUCKET", "b")]))).unwrap_err();
        assert!(error.message().contains("FRAMEFAN_TABLE"), "{error}");
    }

    #[test]
    fn an_attempt_knows_the_earlier_ones() {
        let set = [("AWS_BATCH_JOB_ID", "a-b"), ("AWS_BATCH_JOB_ATTEMPT", "3")];
        let third = WorkerSettings::read(Variables(&with(&set))).unwrap();
        assert_eq!(third.worker(), "a-b:3");
        for (worker, earlier) in
            [("a-b:1", true), ("a-b:2", true), ("a-b:3", false), ("a-b:4", false), ("a-bc:1", false)]
        {
            assert_eq!(third.is_earlier_attempt(worker), earlier, "{worker}");
        }
    }
}
