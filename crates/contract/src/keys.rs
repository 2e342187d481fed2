//! Object keys. The same names are S3 keys and paths under `--out`.

/// `jobs/{job_id}/`.
pub fn job_prefix(job_id: &str) -> String {
    format!("jobs/{job_id}/")
}

/// The request as accepted.
pub fn manifest(job_id: &str) -> String {
    format!("jobs/{job_id}/manifest.json")
}

/// Chunks and what was assumed.
pub fn plan(job_id: &str) -> String {
    format!("jobs/{job_id}/plan.json")
}

/// The Map state's items.
pub fn shards(job_id: &str) -> String {
    format!("jobs/{job_id}/shards.json")
}

/// A chunk's commit record.
pub fn chunk(job_id: &str, index: u32) -> String {
    format!("jobs/{job_id}/chunks/chunk_{index:04}.json")
}

/// A file beside a chunk's commit record, by the name that the record gives it.
pub fn sidecar(job_id: &str, name: &str) -> String {
    format!("jobs/{job_id}/chunks/{name}")
}

/// A picture or another file that an analyzer made at its end, by the name that the result gives it: `frames/…`.
pub fn media(job_id: &str, name: &str) -> String {
    format!("jobs/{job_id}/{name}")
}

/// Where finished work is found again by its digest, by any job: the key of the artifact that holds it.
pub fn chunk_by_digest(digest: &str) -> String {
    format!("chunks-by-digest/{digest}.json")
}

/// One attempt's timings and metrics.
pub fn run(job_id: &str, run_id: &str) -> String {
    format!("jobs/{job_id}/runs/{run_id}.json")
}

/// The result.
pub fn results(job_id: &str) -> String {
    format!("jobs/{job_id}/final_results.json")
}

/// An analyzer's section too large for the result itself.
pub fn section(job_id: &str, analyzer: &str) -> String {
    format!("jobs/{job_id}/final_results.{analyzer}.json")
}

/// A file for other programs.
pub fn export(job_id: &str, name: &str) -> String {
    format!("jobs/{job_id}/exports/{name}")
}

/// The page for people.
pub fn report(job_id: &str) -> String {
    format!("jobs/{job_id}/report.html")
}
