//! The Batch job: works through one shard of a job. Where things are stands in the environment.

use std::process::ExitCode;

use clap::Parser;
use framefan_contract::{Error, Result};
use framefan_jobs::cloud::settings::WorkerSettings;
use framefan_jobs::cloud::{Cloud, ShardInput, work_shard};
use framefan_worker::Stop;
use serde_json::json;

/// The exit code of an attempt that was asked to stop and has given its chunk back: 128 + SIGTERM. Batch tries again.
const INTERRUPTED: u8 = 143;

/// Work through one shard of a job.
#[derive(Parser)]
#[command(name = "gpu-job", version)]
struct Args {
    /// The job
    #[arg(long)]
    job_id: String,
    /// Position among the job's shards
    #[arg(long)]
    shard: u32,
    /// First chunk
    #[arg(long)]
    first_chunk: u32,
    /// Chunk after the last
    #[arg(long)]
    end_chunk: u32,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let input =
        ShardInput { job_id: args.job_id, shard: args.shard, first_chunk: args.first_chunk, end_chunk: args.end_chunk };
    let stop = Stop::default();
    match work(&input, &stop) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let interrupted = stop.is_requested();
            log(&input, if interrupted { "WARN" } else { "ERROR" }, error.kind().name(), error.message());
            ExitCode::from(if interrupted { INTERRUPTED } else { error.kind().exit_code() })
        }
    }
}

fn work(input: &ShardInput, stop: &Stop) -> Result<()> {
    let on_signal = stop.clone();
    ctrlc::set_handler(move || on_signal.request())
        .map_err(|e| Error::defect(format!("no signal handler could be set: {e}")))?;
    let settings = WorkerSettings::from_env()?;
    let run = work_shard(&Cloud::from_env()?, &settings, input, stop)?;
    let words = format!(
        "{} chunks, {} frames decoded, {} analyzed in {:.1} s on {}",
        run.chunks.len(),
        run.frames,
        run.sampled_frames,
        run.wall_s,
        run.device
    );
    log(input, "INFO", "Done", &words);
    Ok(())
}

/// One line of the job's log.
fn log(input: &ShardInput, level: &str, kind: &str, message: &str) {
    eprintln!(
        "{}",
        json!({"level": level, "kind": kind, "job_id": input.job_id, "shard": input.shard, "message": message})
    );
}
