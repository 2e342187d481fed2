//! A job's documents in an object store.

use framefan_contract::run::RunRecord;
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

/// Removes all that a job left: its objects, and the pointers by which other jobs find its chunks.
pub fn remove_objects(objects: &dyn ObjectStore, job_id: &str) -> Result<()> {
    for object in objects.list(&keys::job_prefix(job_id))? {
        if object.key.contains("/chunks/") {
            let bytes = objects.get(&object.key)?;
            let artifact = bytes.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
            if let Some(digest) = artifact.as_ref().and_then(|a| a["digest"].as_str()) {
                objects.delete(&keys::chunk_by_digest(digest))?;
            }
        }
        objects.delete(&object.key)?;
    }
    Ok(())
}
