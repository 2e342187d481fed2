//! A job's documents in an object store.

use framefan_contract::run::RunRecord;
use framefan_contract::state::{JobItem, JobStage};
use framefan_contract::{Error, Result, keys};
use framefan_store::ObjectStore;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The document as it is stored.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|e| Error::defect(format!("a document does not serialize: {e}")))
}

/// The document as a value.
pub(crate) fn to_value<T: Serialize>(value: &T) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(|e| Error::defect(format!("a document does not serialize: {e}")))
}

/// Reads a document that must be there.
pub(crate) fn read_json<T: DeserializeOwned>(objects: &dyn ObjectStore, key: &str) -> Result<T> {
    let bytes = objects.get(key)?.ok_or_else(|| Error::not_found(format!("there is no {key}")))?;
    serde_json::from_slice(&bytes).map_err(|e| {
        Error::defect(format!("{key} is not what this version of framefan writes ({e}); force the job to start over"))
    })
}

/// The records of all attempts at the job, the oldest first.
pub(crate) fn all_runs(objects: &dyn ObjectStore, job_id: &str) -> Result<Vec<RunRecord>> {
    let mut runs = Vec::new();
    for object in objects.list(&format!("{}runs/", keys::job_prefix(job_id)))? {
        let bytes = objects.get(&object.key)?;
        // A record from another version tells nothing here; the numbers do not depend on it.
        if let Some(run) = bytes.and_then(|bytes| serde_json::from_slice::<RunRecord>(&bytes).ok()) {
            runs.push(run);
        }
    }
    runs.sort_by(|a, b| a.started_at.total_cmp(&b.started_at).then_with(|| a.run_id.cmp(&b.run_id)));
    Ok(runs)
}

/// The devices that worked, each once, sorted.
pub(crate) fn devices(runs: &[RunRecord]) -> Vec<String> {
    let mut devices: Vec<String> = runs.iter().map(|r| r.device.clone()).collect();
    devices.sort();
    devices.dedup();
    devices
}

/// Whether `key` under a job's `chunks/` is an artifact: the files beside them have other endings.
fn is_artifact(key: &str) -> bool {
    key.ends_with(".json")
}

/// Whether somebody removed objects of a job that has them by its item: those chunks, or the result, are made again.
pub(crate) fn lacks_files(objects: &dyn ObjectStore, job: &JobItem) -> Result<bool> {
    let prefix = format!("{}chunks/", keys::job_prefix(&job.job_id));
    let artifacts = objects.list(&prefix)?.iter().filter(|object| is_artifact(&object.key)).count();
    if artifacts < job.completed_chunks as usize {
        return Ok(true);
    }
    Ok(job.stage == JobStage::Done && objects.list(&keys::results(&job.job_id))?.is_empty())
}

/// Which of the pointers by which jobs find finished chunks go with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pointers {
    /// Those to its own chunks. Chunks that it took over from another job can still be found there.
    Own,
    /// Those to any chunk that it has, so that nothing is taken over when it starts over.
    All,
}

/// Removes all that a job left: its objects, and pointers to its chunks.
pub(crate) fn remove_objects(objects: &dyn ObjectStore, job_id: &str, pointers: Pointers) -> Result<()> {
    let prefix = keys::job_prefix(job_id);
    for object in objects.list(&prefix)? {
        if object.key.contains("/chunks/") && is_artifact(&object.key) {
            let bytes = objects.get(&object.key)?;
            let artifact = bytes.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
            if let Some(digest) = artifact.as_ref().and_then(|a| a["digest"].as_str()) {
                let pointer = keys::chunk_by_digest(digest);
                if pointers == Pointers::All || points_below(objects, &pointer, &prefix)? {
                    objects.delete(&pointer)?;
                }
            }
        }
        objects.delete(&object.key)?;
    }
    Ok(())
}

/// Whether a pointer names an object below `prefix`. One that names nothing readable helps nobody, and counts.
fn points_below(objects: &dyn ObjectStore, pointer: &str, prefix: &str) -> Result<bool> {
    let Some(bytes) = objects.get(pointer)? else { return Ok(false) };
    Ok(serde_json::from_slice::<String>(&bytes).map_or(true, |key| key.starts_with(prefix)))
}
