//! Results of completed jobs into a local SQLite database, for questions in SQL, notebooks and spreadsheets.
//!
//! A result is read as a stream and written as it comes, so memory does not grow with the video; each job is one
//! transaction. Importing a job again replaces its rows, and is skipped when nothing changed. The tables are described in
//! `docs/import.md`.

mod database;
mod document;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

use std::io::Read;

use framefan_contract::state::{JobItem, JobStage};
use framefan_contract::{Error, Result, keys};
use framefan_store::{Created, JobStore, ObjectStore};
use serde::Serialize;
use serde_json::json;

pub use database::Database;

use crate::clock::now;
use crate::objects::to_json;
use database::Origin;

/// How many rows a job has become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Frames that pose looked at.
    pub frames: u64,
    /// People in them.
    pub people: u64,
    /// Their landmarks.
    pub keypoints: u64,
    /// Findings of pose.
    pub findings: u64,
    /// Detections of track.
    pub detections: u64,
    /// Frames that golden_frames selected.
    pub golden_frames: u64,
}

/// What importing a job did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// Its rows are new, or replaced.
    Rows(Counts),
    /// The database has this very result.
    Unchanged,
}

/// The completed jobs, the newest first.
pub fn completed_jobs(jobs: &dyn JobStore) -> Result<Vec<JobItem>> {
    let mut completed = jobs.jobs(usize::MAX)?;
    completed.retain(|job| job.stage == JobStage::Done);
    Ok(completed)
}

/// Imports a job's result. `origin` says where from, for people: a bucket's or a folder's name.
///
/// # Errors
/// `Usage` when the job is not done; `NotFound` when its result is gone; `BadInput` when the result is not what the schema
/// says. The database is then as it was before.
pub fn import_job(database: &mut Database, objects: &dyn ObjectStore, job: &JobItem, origin: &str) -> Result<Imported> {
    if job.stage != JobStage::Done {
        let stage = serde_json::to_value(job.stage).unwrap_or_default();
        let stage = stage.as_str().unwrap_or_default();
        return Err(Error::usage(format!("job {} is {stage}: only completed jobs have a result", job.job_id)));
    }
    let key = keys::results(&job.job_id);
    let gone = || Error::not_found(format!("the result of job {} is gone ({key})", job.job_id));
    let listed = objects.list(&key)?.into_iter().find(|object| object.key == key).ok_or_else(gone)?;
    let origin = Origin { place: origin, results_bytes: listed.size, imported_at: now() };
    if database.has(job, &origin)? {
        return Ok(Imported::Unchanged);
    }
    let results = objects.open(&key)?.ok_or_else(gone)?;
    let section = |file: &str| -> Result<Box<dyn Read>> {
        if file.contains('/') {
            return Err(Error::bad_input(format!("the result names a section outside its job: '{file}'")));
        }
        let key = format!("{}{file}", keys::job_prefix(&job.job_id));
        let open = objects.open(&key)?;
        Ok(open.ok_or_else(|| Error::not_found(format!("{key} is gone, which the result says to read")))?)
    };
    let counts = database.replace(job, &origin, |rows| document::read(results, &section, &job.job_id, rows))?;
    Ok(Imported::Rows(counts))
}

/// Where it is written that somebody has imported a job.
fn marker(job_id: &str) -> String {
    format!("{}imported.json", keys::job_prefix(job_id))
}

/// Whether somebody, here or elsewhere, has imported the job.
pub fn is_marked(objects: &dyn ObjectStore, job_id: &str) -> Result<bool> {
    Ok(!objects.list(&marker(job_id))?.is_empty())
}

/// Leaves a mark with the job's objects, for others to see that it was imported. The first mark stays.
pub fn mark(objects: &dyn ObjectStore, job: &JobItem) -> Result<()> {
    let imported_at = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let mark = json!({"schema": "framefan.imported/1", "job_id": job.job_id, "imported_at": imported_at});
    let (Created::New | Created::Existed) = objects.create(&marker(&job.job_id), &to_json(&mark)?)?;
    Ok(())
}
