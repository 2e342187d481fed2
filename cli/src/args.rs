//! The command line.

mod deployment;
mod models;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use framefan_contract::request::Precision;

pub use deployment::{Cancel, Import, Logs, Report, Rm, Status, Submit};
pub use models::{List, Models, ModelsCommand, Pull, Verify};

/// Video analysis with neural networks, fanned out over GPUs.
#[derive(Parser)]
#[command(name = "framefan", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 2 wrong usage, 3 the input is bad, 4 not found or not allowed, \
5 worth retrying, 70 a defect of framefan, 130 cancelled.";

#[derive(Subcommand)]
pub enum Command {
    /// Show what a video is: stream, frames, timing, colour
    #[command(after_help = "Example:\n  framefan probe match.mp4 --json")]
    Probe(Probe),
    /// Show how a video would be cut into chunks and shards
    #[command(after_help = "Example:\n  framefan plan match.mp4 --analyzer pose --chunk-seconds 30 --shards 4")]
    Plan(Plan),
    /// Analyze a video on this machine; run again to resume
    #[command(after_help = RUN_EXAMPLES)]
    Run(Run),
    /// Analyze videos on AWS: upload them and start a job for each
    #[command(after_help = SUBMIT_EXAMPLES)]
    Submit(Submit),
    /// List the jobs of a deployment, or show one
    #[command(after_help = "Examples:\n  framefan status\n  framefan status 3f2a9c --follow")]
    Status(Status),
    /// Cancel a job: stop its execution and end its Batch jobs; what is finished is kept
    #[command(after_help = "Example:\n  framefan cancel 3f2a9c")]
    Cancel(Cancel),
    /// Show the log lines of a job's workers, by shard and attempt
    #[command(after_help = "Example:\n  framefan logs 3f2a9c --shard 2 --follow")]
    Logs(Logs),
    /// Remove jobs that are over: their results and their state; videos stay
    #[command(after_help = "Example:\n  framefan rm 3f2a9c 77b01e --yes")]
    Rm(Rm),
    /// Download a job's report and result
    #[command(after_help = "Example:\n  framefan report 3f2a9c --open")]
    Report(Report),
    /// Import results into a local SQLite database
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(Import),
    /// List the models there are, download weights, check them
    #[command(after_help = models::EXAMPLES)]
    Models(Models),
}

const SUBMIT_EXAMPLES: &str = "Examples:
  framefan submit match.mp4 --wait
  framefan submit videos/ --analyzer pose --sample-fps 5 --compute cpu
  framefan submit s3://bucket/match.mp4 --param pose.score=0.4 --json

A file is uploaded under videos/, named after its content, so the same file is uploaded once. The same request is the same
job: submitting it again resumes what is not finished.";

const IMPORT_EXAMPLES: &str = "Examples:
  framefan import                          completed jobs that nobody has imported yet
  framefan import --all --db team.sqlite   every completed job
  framefan import --job-id 3f2a9c
  framefan import --out out                of a folder that `framefan run --out out` wrote

A job is imported once: again only when its result has changed. docs/import.md describes the tables.";

const RUN_EXAMPLES: &str = "Examples:
  framefan run match.mp4 --analyzer pose --out out
  framefan run match.mp4 --analyzer pose --sample-fps 5 --max-width 960 \\
      --param pose.score=0.4 --model yolov8n-pose=mine.safetensors --out out --json

Weights come from --model, else from where `framefan models pull` has put them; `framefan models list` shows them.

A run that was stopped or killed goes on where it was when the same command is given again.";

#[derive(Args)]
pub struct Probe {
    /// Path of the video
    pub video: String,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What decides the plan.
#[derive(Args)]
pub struct Cutting {
    /// Wanted length of a chunk in seconds; chunks begin at keyframes
    #[arg(long, value_name = "SECONDS", env = "CHUNK_SECONDS", default_value = "30")]
    pub chunk_seconds: String,
    /// Number of shards to deal the chunks to, or 'auto': one for each worker
    #[arg(long, value_name = "N|auto", default_value = "auto")]
    pub shards: String,
}

/// What decides the numbers.
#[derive(Args)]
pub struct Analysis {
    /// Analyzer to run; may be given several times
    #[arg(long = "analyzer", value_name = "NAME", required = true)]
    pub analyzers: Vec<String>,
    /// Frames per second to look at: the first frame of each 1/N second
    #[arg(long, value_name = "FPS", env = "SAMPLE_FPS", default_value = "10")]
    pub sample_fps: String,
    /// Long side of the network's input in pixels; frames are letterboxed to it
    #[arg(long, value_name = "PIXELS", env = "MAX_WIDTH", default_value_t = 640)]
    pub max_width: u32,
    /// Parameter of an analyzer; may be given several times
    #[arg(long = "param", value_name = "ANALYZER.KEY=VALUE")]
    pub params: Vec<String>,
}

/// Forms in which results are also written.
#[derive(Args)]
pub struct Exports {
    /// Also write the results under exports/: all, or some of mot, coco, csv, parquet, webvtt
    #[arg(long = "export", value_name = "FORMAT", value_delimiter = ',')]
    pub exports: Vec<String>,
}

#[derive(Args)]
pub struct Plan {
    /// Path of the video
    pub video: String,
    #[command(flatten)]
    pub analysis: Analysis,
    #[command(flatten)]
    pub cutting: Cutting,
    /// Print one JSON object: the plan and its shards
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct Run {
    /// Path of the video
    pub video: String,
    #[command(flatten)]
    pub analysis: Analysis,
    #[command(flatten)]
    pub exports: Exports,
    /// Weights file of a model, instead of the one that `framefan models list` shows; may be given several times
    #[arg(long = "model", value_name = "NAME=PATH")]
    pub models: Vec<String>,
    #[command(flatten)]
    pub cutting: Cutting,
    /// Worker threads, each with a decoder of its own; one keeps all cores busy unless decoding is the bottleneck
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub workers: u32,
    /// Where networks run: cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: String,
    /// Number format of the networks; on a CPU f32, or bf16 where it has AMX
    #[arg(long, value_enum, default_value_t = PrecisionArg::F32)]
    pub precision: PrecisionArg,
    /// Compare with what is known of a drawn scene, in the report: the JSON beside its video
    #[arg(long, value_name = "SCENE.json")]
    pub truth: Option<PathBuf>,
    /// Start over: forget what earlier runs of the same job left
    #[arg(long)]
    pub force: bool,
    /// Folder for results and state
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
}

/// [`Precision`] on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum PrecisionArg {
    /// 32-bit floats
    F32,
    /// bfloat16 operands, 32-bit accumulation
    Bf16,
    /// IEEE half precision
    F16,
}

impl From<PrecisionArg> for Precision {
    fn from(arg: PrecisionArg) -> Self {
        match arg {
            PrecisionArg::F32 => Precision::F32,
            PrecisionArg::Bf16 => Precision::Bf16,
            PrecisionArg::F16 => Precision::F16,
        }
    }
}
