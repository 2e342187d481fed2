//! Recent jobs as a table.

use framefan_contract::state::JobItem;

use crate::output;

/// Digits of a job id that are shown: enough to name it by.
const ID: usize = 12;
const VIDEO: usize = 40;
const ERROR: usize = 60;

/// One line a job; `now` in seconds since 1970.
pub fn table(jobs: &[JobItem], now: f64) -> String {
    let mut text = format!(
        "{:<ID$}  {:<11}  {:>8}  {:>9}  {:>6}  {:>12}  {:<VIDEO$}  {}\n",
        "JOB", "STAGE", "PROGRESS", "CHUNKS", "AGE", "DURATION", "VIDEO", "ERROR"
    );
    for job in jobs {
        let until = job.completed_at.unwrap_or(now);
        let duration = job.started_at.map_or("-".to_owned(), |from| output::duration((until - from).max(0.0)));
        let error = job.error.as_ref().map_or(String::new(), |e| format!("{}: {}", e.kind.name(), e.message));
        let id: String = job.job_id.chars().take(ID).collect();
        let line = format!(
            "{:<ID$}  {:<11}  {:>7}%  {:>9}  {:>6}  {:>12}  {:<VIDEO$}  {}",
            id,
            output::name_of(&job.stage),
            job.progress_pct,
            format!("{}/{}", job.completed_chunks, job.total_chunks),
            output::age(now - job.created_at),
            duration,
            output::tail(&output::printable(&job.video), VIDEO),
            output::head(&output::printable(&error), ERROR),
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;
    use framefan_contract::state::{JobError, JobStage};

    use super::*;

    #[test]
    fn a_line_says_what_matters() {
        let job = JobItem {
            job_id: "0123456789abcdef0123456789abcdef".into(),
            stage: JobStage::Failed,
            progress_pct: 37,
            total_chunks: 8,
            completed_chunks: 3,
            failed_chunks: 1,
            video: "s3://a-bucket/videos/0123456789abcdef/final match.mp4".into(),
            request: serde_json::Value::Null,
            owner: "arn".into(),
            plan_digest: None,
            created_at: 1000.0,
            started_at: Some(1010.0),
            completed_at: Some(1075.0),
            error: Some(JobError { kind: ErrorKind::BadInput, message: "shard 1: \u{1b}[2Jnot a video".into() }),
        };
        let text = table(&[job], 1000.0 + 7300.0);
        let line = text.lines().nth(1).unwrap();
        for says in
            ["0123456789ab ", "FAILED", "37%", "3/8", "2 h", "1 min 05 s", "…", "final match.mp4", "BadInput: shard 1"]
        {
            assert!(line.contains(says), "{says}: {line}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
