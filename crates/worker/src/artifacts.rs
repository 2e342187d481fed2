//! A job's chunk artifacts: finding the finished ones, and making new ones durable.

use framefan_contract::artifact::{Artifact, Sidecar};
use framefan_contract::plan::Chunk;
use framefan_contract::request::JobRequest;
use framefan_contract::{Error, Result, digest, keys};
use framefan_store::ObjectStore;

/// The artifacts of one job.
#[derive(Clone, Copy)]
pub struct Artifacts<'a> {
    /// Where they are.
    pub objects: &'a dyn ObjectStore,
    /// The job.
    pub job_id: &'a str,
    /// What decides which artifact is the right one.
    pub request: &'a JobRequest,
}

impl Artifacts<'_> {
    /// The chunk's artifact, if this job or another has finished the same work. Another job's is copied into this one.
    ///
    /// # Errors
    /// [`Defect`](framefan_contract::ErrorKind::Defect) when this job has something else in its place.
    pub fn find(&self, chunk: &Chunk) -> Result<Option<Artifact>> {
        let digest = self.request.chunk_digest(chunk.start_pts, chunk.end_pts);
        if let Some(artifact) = self.read(&keys::chunk(self.job_id, chunk.index), &digest)? {
            return Ok(Some(artifact));
        }
        let Some(pointer) = self.objects.get(&keys::chunk_by_digest(&digest))? else { return Ok(None) };
        let Ok(key) = serde_json::from_slice::<String>(&pointer) else { return Ok(None) };
        // The job that made it may have been removed since; then there is nothing to reuse.
        let Ok(Some(mut artifact)) = self.read(&key, &digest) else { return Ok(None) };
        let Some(job_id) = key.strip_prefix("jobs/").and_then(|rest| rest.split('/').next()) else { return Ok(None) };
        let theirs = Artifacts { job_id, ..*self };
        let sidecars: Result<Vec<_>> = artifact.sidecars.iter().map(|sidecar| theirs.sidecar(sidecar)).collect();
        let Ok(sidecars) = sidecars else { return Ok(None) };
        artifact.chunk = chunk.index;
        self.commit(&artifact, &sidecars)?;
        Ok(Some(artifact))
    }

    /// The bytes of a file beside a commit record.
    ///
    /// # Errors
    /// `Retryable` when it is not there; `Defect` when it is another one than the record names.
    pub fn sidecar(&self, sidecar: &Sidecar) -> Result<Vec<u8>> {
        let key = keys::sidecar(self.job_id, &sidecar.name);
        let gone = || Error::retryable(format!("{key} is missing though its chunk was completed; start the job over"));
        let bytes = self.objects.get(&key)?.ok_or_else(gone)?;
        if digest::of_bytes(&bytes) != sidecar.sha256 {
            return Err(Error::defect(format!(
                "{key} is not the file that its chunk names; use --force to start over"
            )));
        }
        Ok(bytes)
    }

    /// Makes the chunk's work durable: its sidecars (`sidecars` are their bytes), then the commit record that names them,
    /// then the pointer by which other jobs find it.
    pub fn commit(&self, artifact: &Artifact, sidecars: &[Vec<u8>]) -> Result<()> {
        for (sidecar, bytes) in artifact.sidecars.iter().zip(sidecars) {
            self.objects.create(&keys::sidecar(self.job_id, &sidecar.name), bytes)?;
        }
        let key = keys::chunk(self.job_id, artifact.chunk);
        let bytes = serde_json::to_vec(artifact)
            .map_err(|e| Error::defect(format!("chunk {} does not serialize: {e}", artifact.chunk)))?;
        // A twin may have been faster: its artifact is the same work, and it stands.
        self.objects.create(&key, &bytes)?;
        self.objects.create(&keys::chunk_by_digest(&artifact.digest), serde_json::json!(key).to_string().as_bytes())?;
        Ok(())
    }

    fn read(&self, key: &str, digest: &str) -> Result<Option<Artifact>> {
        let Some(bytes) = self.objects.get(key)? else { return Ok(None) };
        let artifact: Artifact = serde_json::from_slice(&bytes).map_err(|e| {
            Error::defect(format!("{key} is not a readable artifact ({e}); remove it, or use --force to start over"))
        })?;
        if artifact.digest != digest {
            return Err(Error::defect(format!(
                "{key} holds the result of other work than the plan asks for; use --force to start over"
            )));
        }
        Ok(Some(artifact))
    }
}
