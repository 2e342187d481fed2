//! `framefan status`.

use framefan_contract::state::JobItem;
use framefan_contract::state::JobStage;
use framefan_contract::{Result, keys};
use framefan_jobs::remote::{Deployment, Part, find_job};
use framefan_store::JobStore;
use serde_json::json;

use super::wait;
use crate::args::Status;
use crate::meter::Meter;
use crate::{output, show};

pub fn status(args: &Status) -> Result<()> {
    let Some(text) = &args.job else { return list(args) };
    let deployment = Deployment::connect(args.target.stack(), &[Part::Bucket, Part::Table])?;
    let mut job = find_job(&deployment.jobs()?, text)?;
    if args.follow && !job.stage.is_terminal() {
        wait::leave_on_signal()?;
        job = wait::to_the_end(&deployment, &job.job_id, &Meter::new(), "")?;
    }
    show_one(args, &deployment, &job)?;
    if args.follow { wait::error_of(&job).map_or(Ok(()), Err) } else { Ok(()) }
}

fn list(args: &Status) -> Result<()> {
    let deployment = Deployment::connect(args.target.stack(), &[Part::Table])?;
    let jobs = deployment.jobs()?.jobs(args.limit)?;
    if args.json {
        return output::json(&json!({"jobs": jobs}));
    }
    if jobs.is_empty() {
        return output::line("no jobs yet (framefan submit VIDEO starts one)");
    }
    output::text(&show::table(&jobs, output::now()))
}

fn show_one(args: &Status, deployment: &Deployment, job: &JobItem) -> Result<()> {
    let chunks = deployment.jobs()?.chunks(&job.job_id)?;
    let bucket = deployment.name(Part::Bucket)?;
    if args.json {
        let mut answer = json!({"job": job, "chunks": chunks, "bucket": bucket});
        if job.stage == JobStage::Done {
            answer["results_key"] = json!(keys::results(&job.job_id));
            answer["report_key"] = json!(keys::report(&job.job_id));
        }
        return output::json(&answer);
    }
    output::text(&show::describe(job, &chunks, bucket, output::now()))
}
