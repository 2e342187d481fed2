//! One job as text.

use framefan_contract::keys;
use framefan_contract::state::{ChunkItem, ChunkStatus, JobItem, JobStage};

use crate::output;

/// Chunks listed at most; a video of hours has hundreds.
const CHUNKS: usize = 40;

/// Everything worth knowing of a job; `now` in seconds since 1970, `bucket` where its objects are.
pub fn describe(job: &JobItem, chunks: &[ChunkItem], bucket: &str, now: f64) -> String {
    let mut text = format!("job {}\n", job.job_id);
    let mut line = |name: &str, words: &str| text.push_str(&format!("  {name:<12} {}\n", output::printable(words)));
    line("video", &job.video);
    line("stage", &format!("{}, {} %", output::name_of(&job.stage), job.progress_pct));
    if job.total_chunks > 0 {
        line("chunks", &chunk_counts(job, chunks));
    }
    line("created", &format!("{}, {} ago", output::time(job.created_at), output::age(now - job.created_at)));
    if let Some(started) = job.started_at {
        line("started", &format!("{}, after {}", output::time(started), output::duration(started - job.created_at)));
    }
    if let Some(ended) = job.completed_at {
        let took = output::duration((ended - job.started_at.unwrap_or(job.created_at)).max(0.0));
        line("ended", &format!("{}, took {took}", output::time(ended)));
    }
    if let Some(error) = &job.error {
        line("error", &format!("{}: {}", error.kind.name(), error.message));
    }
    line("owner", &job.owner);
    if job.stage == JobStage::Done {
        line("results", &format!("s3://{bucket}/{}", keys::results(&job.job_id)));
        line("report", &format!("s3://{bucket}/{}", keys::report(&job.job_id)));
    }
    text.push_str(&chunk_table(chunks, job.stage.is_terminal(), now));
    text
}

/// `8: 3 completed, 2 processing, 3 queued; 6 attempts`.
fn chunk_counts(job: &JobItem, chunks: &[ChunkItem]) -> String {
    let statuses = [ChunkStatus::Completed, ChunkStatus::Processing, ChunkStatus::Failed, ChunkStatus::Queued];
    let counted: Vec<String> = statuses
        .into_iter()
        .map(|status| (status, chunks.iter().filter(|chunk| chunk.status == status).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| format!("{count} {}", output::name_of(&status)))
        .collect();
    let attempts: usize = chunks.iter().map(|chunk| chunk.attempts as usize).sum();
    format!("{}: {}; {}", job.total_chunks, counted.join(", "), output::plural(attempts, "attempt"))
}

/// The chunks that are being worked on, or with which something went wrong.
fn chunk_table(chunks: &[ChunkItem], is_over: bool, now: f64) -> String {
    let is_told = |chunk: &&ChunkItem| {
        let is_held = chunk.status == ChunkStatus::Processing && !is_over;
        is_held || chunk.status == ChunkStatus::Failed || chunk.error_message.is_some() || chunk.attempts > 1
    };
    let told: Vec<&ChunkItem> = chunks.iter().filter(is_told).collect();
    if told.is_empty() {
        return String::new();
    }
    let mut text =
        format!("{:>7}  {:>9}  {:>9}  {:<10}  {:>8}  {}\n", "chunk", "start", "end", "status", "attempts", "what");
    for chunk in told.iter().take(CHUNKS) {
        text.push_str(&format!(
            "{:>7}  {:>9.3}  {:>9.3}  {:<10}  {:>8}  {}\n",
            chunk.index,
            chunk.start_s,
            chunk.end_s,
            output::name_of(&chunk.status),
            chunk.attempts,
            output::printable(&what(chunk, now)),
        ));
    }
    if told.len() > CHUNKS {
        text.push_str(&format!("         … and {} more (--json has all)\n", told.len() - CHUNKS));
    }
    text
}

/// Who holds the chunk, and what went wrong.
fn what(chunk: &ChunkItem, now: f64) -> String {
    let mut words = Vec::new();
    if let (ChunkStatus::Processing, Some(owner)) = (chunk.status, &chunk.lease_owner) {
        let left = chunk.lease_until.unwrap_or(now) - now;
        words.push(match left > 0.0 {
            true => format!("held by {owner}, lease for {}", output::age(left)),
            false => format!("held by {owner}, lease expired {} ago", output::age(-left)),
        });
    }
    if let Some(error) = &chunk.error_message {
        words.push(format!("{}{error}", if chunk.status == ChunkStatus::Failed { "" } else { "before: " }));
    }
    words.join("; ")
}

/// How a job stands, in a few words that change when it does.
pub fn progress_words(job: &JobItem) -> String {
    let mut words = output::name_of(&job.stage);
    if job.total_chunks > 0 {
        words.push_str(&format!(", {}/{} chunks", job.completed_chunks, job.total_chunks));
    }
    if job.failed_chunks > 0 {
        words.push_str(&format!(", {} failed", job.failed_chunks));
    }
    words
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;
    use framefan_contract::state::JobError;

    use super::*;

    fn chunk(index: u32, status: ChunkStatus) -> ChunkItem {
        ChunkItem {
            index,
            status,
            attempts: 1,
            lease_owner: None,
            lease_until: None,
            start_s: f64::from(index) * 30.0,
            end_s: f64::from(index + 1) * 30.0,
            artifact_key: None,
            runtime_ms: None,
            error_message: None,
            created_at: 0.0,
            started_at: None,
            completed_at: None,
        }
    }

    fn job(stage: JobStage) -> JobItem {
        JobItem {
            job_id: "a".repeat(32),
            stage,
            progress_pct: 25,
            total_chunks: 4,
            completed_chunks: 1,
            failed_chunks: 1,
            video: "v.mp4".into(),
            request: serde_json::Value::Null,
            owner: "arn:e".into(),
            plan_digest: None,
            created_at: 1_795_236_901.0,
            started_at: Some(1_795_236_911.0),
            completed_at: None,
            error: None,
        }
    }

    #[test]
    fn a_live_job_shows_leases_and_errors() {
        let held = |index, owner: &str, until| ChunkItem {
            lease_owner: Some(owner.into()),
            lease_until: Some(until),
            ..chunk(index, ChunkStatus::Processing)
        };
        let now = 1_795_236_931.0;
        let failed =
            ChunkItem { error_message: Some("no memory\nleft".into()), attempts: 2, ..chunk(3, ChunkStatus::Failed) };
        let chunks = [chunk(0, ChunkStatus::Completed), held(1, "w1", now + 42.0), held(2, "w2", now - 90.0), failed];
        let text = describe(&job(JobStage::Processing), &chunks, "b", now);
        for says in [
            "PROCESSING, 25 %",
            "4: 1 completed, 2 processing, 1 failed; 5 attempts",
            "2026-11-21T04:55:01Z, 30 s ago",
            "after 10.0 s",
            "held by w1, lease for 42 s",
            "held by w2, lease expired 1 min ago",
            "no memory\u{fffd}left",
        ] {
            assert!(text.contains(says), "{says}\n{text}");
        }
        assert_eq!(text.lines().filter(|line| line.contains("completed")).count(), 1, "{text}");
    }

    #[test]
    fn an_ended_job_shows_its_error_or_its_results() {
        let error = JobError { kind: ErrorKind::BadInput, message: "not a video".into() };
        let failed = JobItem { error: Some(error), completed_at: Some(1_795_236_971.0), ..job(JobStage::Failed) };
        let text = describe(&failed, &[], "b", 1_795_237_000.0);
        assert!(text.contains("BadInput: not a video") && text.contains("took 1 min 00 s"), "{text}");
        let text = describe(&job(JobStage::Done), &[], "b", 1_795_237_000.0);
        assert!(text.contains(&format!("s3://b/jobs/{}/report.html", "a".repeat(32))), "{text}");
        assert_eq!(progress_words(&failed), "FAILED, 1/4 chunks, 1 failed");
    }
}
