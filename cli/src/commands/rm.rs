//! `framefan rm`.

use std::io::{BufRead, IsTerminal};

use framefan_contract::state::JobItem;
use framefan_contract::{Error, ErrorKind, Result};
use framefan_jobs::remote::{self, Deployment, Part, check_id, check_no_worker, count_objects, find_job};
use framefan_store::{JobStore, ObjectStore};
use serde_json::json;

use crate::args::Rm;
use crate::output;

pub fn rm(args: &Rm) -> Result<()> {
    let needs = [Part::Bucket, Part::Table, Part::GpuQueue, Part::CpuQueue];
    let deployment = Deployment::connect(args.target.stack(), &needs)?;
    let (objects, jobs) = (deployment.objects()?, deployment.jobs()?);
    // All are looked at before any is removed.
    let mut ids = Vec::new();
    let mut text = String::new();
    for given in &args.jobs {
        let (id, item) = find(&jobs, &objects, given)?;
        if let Some(live) = item.as_ref().filter(|job| !job.stage.is_terminal()) {
            let stage = output::name_of(&live.stage);
            return Err(Error::usage(format!("job {id} is {stage}: cancel it first (framefan cancel {id})")));
        }
        if !ids.contains(&id) {
            check_no_worker(&deployment, &id)?;
            let count = output::plural(count_objects(&objects, &id)?, "object");
            let video = item.map_or("its state is gone".to_owned(), |job| output::printable(&job.video));
            text.push_str(&format!("  {id}  {count}  {video}\n"));
            ids.push(id);
        }
    }
    if !args.yes {
        confirm(&text, deployment.name(Part::Bucket)?)?;
    }
    let mut removed = Vec::new();
    for id in &ids {
        let one = remote::remove(&objects, &jobs, id)?;
        if !args.json {
            output::line(&format!("removed job {id}: {}", output::plural(one.objects, "object")))?;
        }
        removed.push(one);
    }
    if args.json { output::json(&json!({"removed": removed})) } else { Ok(()) }
}

/// The job's id and its item. Items may be gone before objects: then the whole id is needed.
fn find(jobs: &dyn JobStore, objects: &dyn ObjectStore, given: &str) -> Result<(String, Option<JobItem>)> {
    match find_job(jobs, given) {
        Ok(job) => Ok((job.job_id.clone(), Some(job))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let id = check_id(given)?;
            let is_whole = id.len() == 32;
            if is_whole && count_objects(objects, &id)? > 0 { Ok((id, None)) } else { Err(error) }
        }
        Err(error) => Err(error),
    }
}

fn confirm(text: &str, bucket: &str) -> Result<()> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::usage("nobody can be asked here: give --yes to remove jobs"));
    }
    eprint!("These jobs, their results in s3://{bucket} and their state will be removed:\n{text}Remove them? [y/N] ");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(|e| Error::io("standard input", e))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Error::cancelled("nothing was removed"))
}
