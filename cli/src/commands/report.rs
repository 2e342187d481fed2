//! `framefan report`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use framefan_contract::state::{JobItem, JobStage};
use framefan_contract::{Error, Result};
use framefan_jobs::remote::{Deployment, Part, download, find_job};
use serde_json::json;

use crate::args::Report;
use crate::meter::Meter;
use crate::output;

/// Where reports go unless the user says where.
const FOLDER: &str = "framefan-reports";

pub fn report(args: &Report) -> Result<()> {
    let deployment = Deployment::connect(args.target.stack(), &[Part::Bucket, Part::Table])?;
    let job = find_job(&deployment.jobs()?, &args.job)?;
    check_done(&job)?;
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(FOLDER).join(&job.job_id));
    let meter = Meter::new();
    let downloaded =
        download(&deployment.objects()?, &job.job_id, &folder, &|done, all| meter.set(done, all, "downloading"))?;
    drop(meter);
    if args.json {
        output::json(&json!({"job_id": job.job_id, "report": downloaded.report, "results": downloaded.results,
                             "files": downloaded.files, "bytes": downloaded.bytes}))?;
    } else {
        output::text(&format!(
            "results  {}\nreport   {}\n",
            downloaded.results.display(),
            downloaded.report.display()
        ))?;
    }
    if args.open { open(&downloaded.report) } else { Ok(()) }
}

fn check_done(job: &JobItem) -> Result<()> {
    let (id, stage) = (&job.job_id, output::name_of(&job.stage));
    match job.stage {
        JobStage::Done => Ok(()),
        JobStage::Failed | JobStage::Cancelled => Err(Error::not_found(format!(
            "job {id} is {stage} and has no report (framefan status {id} says why; submit it again to go on)"
        ))),
        _ => Err(Error::retryable(format!(
            "job {id} is {stage}, {} %: there is no report yet (framefan status {id} --follow waits for it)",
            job.progress_pct
        ))),
    }
}

/// Shows the page with the desktop's own program for such files.
fn open(page: &Path) -> Result<()> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started =
        Command::new(program).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match started {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            Err(Error::not_found(format!("{program} could not open the report ({status}): open the file yourself")))
        }
        Err(e) => Err(Error::io(format!("cannot start {program} to open the report"), e)),
    }
}
