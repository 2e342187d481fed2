//! Opens the video that a request names: a file, or an object on S3.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use framefan_contract::request::Source;
use framefan_contract::{Error, Result};
use framefan_media::{ByteSource, FileSource, Limits, Probe, probe};
use framefan_store::aws::{Aws, Video};

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

/// Opens and probes `video`: a path, or `s3://bucket/key`.
pub fn open(video: &str, limits: &Limits) -> Result<OpenSource> {
    match video.strip_prefix("s3://") {
        Some(place) => {
            let (bucket, key) = place
                .split_once('/')
                .filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty())
                .ok_or_else(|| Error::usage(format!("{video}: not of the form s3://bucket/key")))?;
            open_object(Aws::connect()?.video(bucket, key, None)?, limits)
        }
        None => open_file(video, limits),
    }
}

fn open_file(video: &str, limits: &Limits) -> Result<OpenSource> {
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

/// Probes an object on S3.
pub fn open_object(video: Video, limits: &Limits) -> Result<OpenSource> {
    let source = identity(&video);
    let bytes = Arc::new(ObjectBytes::new(video));
    let name = bytes.name().to_owned();
    let probe = probe(bytes.clone(), limits)?;
    Ok(OpenSource { source, name, bytes, probe })
}

/// What identifies this version of the object.
pub(crate) fn identity(video: &Video) -> Source {
    Source::S3 {
        bucket: video.bucket().to_owned(),
        key: video.key().to_owned(),
        version: video.version().to_owned(),
        size: video.size(),
    }
}

/// An object on S3 as bytes to decode from.
pub(crate) struct ObjectBytes {
    video: Video,
    name: String,
}

impl ObjectBytes {
    pub fn new(video: Video) -> Self {
        let name = video.name().to_owned();
        ObjectBytes { video, name }
    }

    /// Bytes fetched from S3 so far.
    pub fn fetched(&self) -> u64 {
        self.video.fetched()
    }
}

impl ByteSource for ObjectBytes {
    fn size(&self) -> u64 {
        self.video.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        self.video.read_at(offset, buf)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn will_read(&self, ranges: &[[u64; 2]]) {
        self.video.read_ahead(ranges);
    }
}
