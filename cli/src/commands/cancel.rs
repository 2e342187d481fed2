//! `framefan cancel`.

use framefan_contract::Result;
use framefan_contract::state::JobStage;
use framefan_jobs::remote::{self, Cancelled, Deployment, Part, find_job};

use crate::args::Cancel;
use crate::output;

pub fn cancel(args: &Cancel) -> Result<()> {
    let needs = [Part::Bucket, Part::Table, Part::GpuQueue, Part::CpuQueue, Part::EventBus];
    let deployment = Deployment::connect(args.target.stack(), &needs)?;
    let job = find_job(&deployment.jobs()?, &args.job)?;
    let cancelled = remote::cancel(&deployment, &job.job_id)?;
    if let Some(why) = &cancelled.unannounced {
        output::note(&format!("framefan: no event 'Job Cancelled' was published: {why}"));
    }
    if args.json {
        return output::json(&cancelled);
    }
    output::line(&describe(&cancelled))
}

fn describe(cancelled: &Cancelled) -> String {
    let id = &cancelled.job_id;
    let (before, stage) = (output::name_of(&cancelled.before), output::name_of(&cancelled.stage));
    let mut text = match (cancelled.before.is_terminal(), cancelled.stage) {
        (true, _) => format!("job {id} was {stage} already"),
        (false, JobStage::Cancelled) => format!("job {id} is cancelled (it was {before})"),
        (false, _) => format!("job {id} ended by itself: it is {stage}"),
    };
    if cancelled.execution_stopped {
        text.push_str("\n  its execution was stopped");
    }
    if cancelled.batch_jobs_ended > 0 {
        let count = output::plural(cancelled.batch_jobs_ended as usize, "Batch job");
        text.push_str(&format!("\n  {count} ended"));
    }
    if !cancelled.before.is_terminal() && cancelled.stage == JobStage::Cancelled {
        text.push_str("\n  finished chunks are kept: submit the same again to go on");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_did() {
        let done = |before, stage| {
            describe(&Cancelled {
                job_id: "a".into(),
                before,
                stage,
                execution_stopped: !before.is_terminal(),
                batch_jobs_ended: 2,
                unannounced: None,
            })
        };
        let text = done(JobStage::Processing, JobStage::Cancelled);
        assert!(text.contains("is cancelled (it was PROCESSING)") && text.contains("2 Batch jobs ended"), "{text}");
        assert!(done(JobStage::Done, JobStage::Done).starts_with("job a was DONE already"));
        assert!(done(JobStage::Aggregating, JobStage::Done).contains("ended by itself: it is DONE"));
    }
}
