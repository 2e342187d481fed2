//! `framefan logs`.

use std::thread;
use std::time::Duration;

use framefan_contract::{Error, Result};
use framefan_jobs::remote::{Deployment, JobLogs, LogLine, Part, find_job};
use framefan_store::JobStore;

use super::wait;
use crate::args::Logs;
use crate::{output, show};

/// How often new lines are looked for.
const POLL: Duration = Duration::from_secs(2);

/// Looks after the end: the last lines come a few seconds late.
const LATE_LOOKS: u32 = 2;

pub fn logs(args: &Logs) -> Result<()> {
    let needs = [Part::Table, Part::JobLogGroup, Part::GpuQueue, Part::CpuQueue];
    let deployment = Deployment::connect(args.target.stack(), &needs)?;
    let jobs = deployment.jobs()?;
    let job = find_job(&jobs, &args.job)?;
    let mut logs = JobLogs::new(&deployment, &job.job_id, args.shard);
    let mut print = |line: &LogLine| output::line(&if args.json { line.message.clone() } else { readable(line) });
    let (mut any, mut all_over) = logs.read(&mut print)?;
    if args.follow {
        wait::leave_on_signal()?;
        let mut late_looks = 0;
        while late_looks < LATE_LOOKS {
            let is_over = jobs.job(&job.job_id)?.is_none_or(|job| job.stage.is_terminal());
            late_looks += u32::from(is_over && all_over);
            thread::sleep(POLL);
            (any, all_over) = logs.read(&mut print)?;
        }
    }
    if any {
        return logs.into_missing().map_or(Ok(()), Err);
    }
    let which = args.shard.map_or(String::new(), |shard| format!(" for shard {shard}"));
    Err(Error::not_found(format!(
        "Batch knows no jobs of job {}{which}: none has been submitted yet, every chunk was there already, or they ended more \
         than a week ago",
        job.job_id
    )))
}

/// `04:55:01.123  shard 2 attempt 1  ERROR  BadInput: not a video`.
fn readable(line: &LogLine) -> String {
    let since = Duration::from_millis(u64::try_from(line.time_ms).unwrap_or(0));
    let time = humantime::format_rfc3339_millis(std::time::SystemTime::UNIX_EPOCH + since);
    format!("{time}  shard {} attempt {}  {}", line.shard, line.attempt, show::readable(&line.message))
}
