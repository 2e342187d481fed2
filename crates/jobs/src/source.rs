//! Opens the video that a request names.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use framefan_contract::request::Source;
use framefan_contract::{Error, Result};
use framefan_media::{ByteSource, FileSource, Limits, Probe, probe};

/// A probed video and its bytes.
pub struct OpenSource {
    /// What identifies the version of the video.
    pub source: Source,
    /// Its name for people.
    pub name: String,
    /// Its bytes.
    pub bytes: Arc<dyn ByteSource>,
    /// Properties and frame index.
    pub probe: Probe,
}

/// Opens and probes `video`, a path.
pub fn open(video: &str, limits: &Limits) -> Result<OpenSource> {
    if video.starts_with("s3://") {
        return Err(Error::usage(format!("{video}: reading from S3 is not part of this build yet; give a file")));
    }
    let path = Path::new(video);
    let absolute = path.canonicalize().map_err(|e| Error::io(video, e))?;
    let metadata = absolute.metadata().map_err(|e| Error::io(video, e))?;
    if !metadata.is_file() {
        return Err(Error::not_found(format!("{video}: not a file")));
    }
    let mtime_ns = metadata
        .modified()
        .ok()
        .and_then(|m| m.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(0));
    let bytes: Arc<dyn ByteSource> = Arc::new(FileSource::open(&absolute)?);
    let probe = probe(bytes.clone(), limits)?;
    let source = Source::File {
        path: absolute.to_string_lossy().into_owned(),
        size: metadata.len(),
        mtime_ns,
        probe_digest: probe.digest.clone(),
    };
    Ok(OpenSource { source, name: video.to_owned(), bytes, probe })
}
