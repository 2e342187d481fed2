//! Arguments of the commands that work against a deployment.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use framefan_jobs::cloud::Compute;

use super::{Exports, PrecisionArg};

/// Which deployment.
#[derive(Args)]
pub struct Target {
    /// CloudFormation stack of the deployment; FRAMEFAN_BUCKET, FRAMEFAN_TABLE, FRAMEFAN_STATE_MACHINE,
    /// FRAMEFAN_JOB_LOG_GROUP, FRAMEFAN_GPU_QUEUE, FRAMEFAN_CPU_QUEUE and FRAMEFAN_EVENT_BUS override its outputs
    #[arg(long, value_name = "NAME", env = "FRAMEFAN_STACK", default_value = "framefan")]
    stack: String,
}

impl Target {
    /// The stack's name; an empty one counts as not given.
    pub fn stack(&self) -> &str {
        if self.stack.is_empty() { "framefan" } else { &self.stack }
    }
}

#[derive(Args)]
pub struct Submit {
    /// Files, folders of videos, or objects (s3://bucket/key)
    #[arg(required = true, value_name = "VIDEO")]
    pub videos: Vec<String>,
    /// Analyzer to run; may be given several times [default: the deployment's]
    #[arg(long = "analyzer", value_name = "NAME")]
    pub analyzers: Vec<String>,
    /// Frames per second to look at [default: the deployment's]
    #[arg(long, value_name = "FPS")]
    pub sample_fps: Option<String>,
    /// Long side of the network's input in pixels [default: the deployment's]
    #[arg(long, value_name = "PIXELS")]
    pub max_width: Option<u32>,
    /// Parameter of an analyzer; may be given several times
    #[arg(long = "param", value_name = "ANALYZER.KEY=VALUE")]
    pub params: Vec<String>,
    #[command(flatten)]
    pub exports: Exports,
    /// Wanted length of a chunk in seconds [default: the deployment's]
    #[arg(long, value_name = "SECONDS")]
    pub chunk_seconds: Option<String>,
    /// Number of jobs to deal the chunks to [default: by the video's length]
    #[arg(long, value_name = "N|auto", default_value = "auto", hide_default_value = true)]
    pub shards: String,
    /// Which queue works on it [default: the deployment's]
    #[arg(long, value_enum)]
    pub compute: Option<ComputeArg>,
    /// Number format of the networks [default: the queue's]
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionArg>,
    /// Start over: forget what earlier runs of the same job left
    #[arg(long)]
    pub force: bool,
    /// Wait until the jobs are over; the exit code then says how they ended
    #[arg(long)]
    pub wait: bool,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub target: Target,
}

/// [`Compute`] on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum ComputeArg {
    /// Machines with a GPU
    Gpu,
    /// Machines without
    Cpu,
}

impl From<ComputeArg> for Compute {
    fn from(arg: ComputeArg) -> Self {
        match arg {
            ComputeArg::Gpu => Compute::Gpu,
            ComputeArg::Cpu => Compute::Cpu,
        }
    }
}

#[derive(Args)]
pub struct Status {
    /// The job: its id, or the first six or more digits of it; all recent jobs when not given
    #[arg(value_name = "JOB_ID")]
    pub job: Option<String>,
    /// Show how the job goes on, until it is over
    #[arg(long, requires = "job")]
    pub follow: bool,
    /// How many jobs to list, the newest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Args)]
pub struct Cancel {
    /// The job: its id, or the first six or more digits of it
    #[arg(value_name = "JOB_ID")]
    pub job: String,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Args)]
pub struct Logs {
    /// The job: its id, or the first six or more digits of it
    #[arg(value_name = "JOB_ID")]
    pub job: String,
    /// Only this shard
    #[arg(long, value_name = "N")]
    pub shard: Option<u32>,
    /// Go on with new lines until the job is over
    #[arg(long)]
    pub follow: bool,
    /// Print lines as they were written, most of them JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Args)]
pub struct Rm {
    /// The jobs: ids, or the first six or more digits of them
    #[arg(required = true, value_name = "JOB_ID")]
    pub jobs: Vec<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Args)]
pub struct Report {
    /// The job: its id, or the first six or more digits of it
    #[arg(value_name = "JOB_ID")]
    pub job: String,
    /// Folder for the files [default: framefan-reports/JOB_ID]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Open the report in a browser
    #[arg(long)]
    pub open: bool,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Args)]
pub struct Import {
    /// Every completed job, also those that somebody has imported already
    #[arg(long, conflicts_with = "job_ids")]
    pub all: bool,
    /// Only these jobs: ids, or the first six or more digits of them
    #[arg(long = "job-id", value_name = "ID", num_args = 1..)]
    pub job_ids: Vec<String>,
    /// The database, made where it is missing
    #[arg(long, value_name = "FILE", default_value = "framefan.sqlite")]
    pub db: PathBuf,
    /// Import from a folder of `framefan run --out` instead of a deployment
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub target: Target,
}
