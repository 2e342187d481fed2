//! A video in S3, read by range, always the same version of it.

mod block;
mod blocks;
mod fetch;
mod pace;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use framefan_contract::{Error, Result};

use super::Aws;
use super::errors::{failed, status};
use blocks::Blocks;
use pace::Pace;

/// One version of a video in S3: every read is of that version, and fails when it is gone or replaced. Any number of
/// threads may read.
pub struct Video {
    aws: Aws,
    shared: Arc<Shared>,
}

/// What the tasks that fetch need.
struct Shared {
    client: Client,
    bucket: String,
    key: String,
    /// `s3://bucket/key`.
    name: String,
    /// The version's id, in a bucket that keeps versions.
    version_id: Option<String>,
    /// As S3 gave it, quoted.
    etag: String,
    size: u64,
    fetched: AtomicU64,
    blocks: Mutex<Blocks>,
    pace: Mutex<Pace>,
}

impl Aws {
    /// A video: its latest version, or the one named, by [`Video::version`] of an earlier look.
    ///
    /// # Errors
    /// `NotFound` when there is no such object or reading it is not allowed; `BadInput` when the version that was named is
    /// not there any more.
    pub fn video(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Video> {
        let name = format!("s3://{bucket}/{key}");
        // An error with the HTTP status that it had.
        let head = |version: Option<&str>| {
            let request = self.s3().head_object().bucket(bucket).key(key).set_version_id(version.map(str::to_owned));
            self.block_on(request.send()).map_err(|e| {
                let status = status(&e);
                (status, failed(cannot_open(&name, status), e))
            })
        };
        let latest = head(None);
        let Some(version) = version else {
            return latest.map_err(|(_, e)| e).and_then(|found| Video::new(self, bucket, key, &found));
        };
        // An ETag stands for the version in a bucket that keeps none.
        if let Ok(found) = &latest
            && (version_id(found) == Some(version) || etag(found).trim_matches('"') == version)
        {
            return Video::new(self, bucket, key, found);
        }
        match (head(Some(version)), latest) {
            (Ok(found), _) => Video::new(self, bucket, key, &found),
            (Err((Some(400 | 404), _)), Ok(_)) => Err(changed(&name, version)),
            (Err((Some(400 | 404), _)), Err((_, e))) | (Err((_, e)), _) => Err(e),
        }
    }
}

/// The answer to a look has no body that says why it was refused; this says what it can mean.
fn cannot_open(name: &str, status: Option<u16>) -> String {
    match status {
        Some(404) => format!("cannot open {name}: there is no such object, or no such bucket"),
        Some(403) => format!(
            "cannot open {name}: reading it (s3:GetObject) is not allowed, or it does not exist and listing the bucket \
             (s3:ListBucket) is not allowed"
        ),
        _ => format!("cannot open {name}"),
    }
}

fn changed(name: &str, version: &str) -> Error {
    Error::bad_input(format!(
        "{name} has changed since the job was accepted: its version {version} is not there any more; ask for the video \
         again to have it analyzed as it is now"
    ))
}

fn version_id(head: &HeadObjectOutput) -> Option<&str> {
    // "null" is what a bucket that stopped to keep versions says.
    head.version_id.as_deref().filter(|version| *version != "null")
}

fn etag(head: &HeadObjectOutput) -> &str {
    head.e_tag.as_deref().unwrap_or_default()
}

impl Video {
    fn new(aws: &Aws, bucket: &str, key: &str, head: &HeadObjectOutput) -> Result<Video> {
        let name = format!("s3://{bucket}/{key}");
        let size = head.content_length.and_then(|length| u64::try_from(length).ok());
        let (Some(size), false) = (size, etag(head).is_empty()) else {
            return Err(Error::retryable(format!("cannot open {name}: S3 did not say its size and ETag")));
        };
        let shared = Shared {
            client: aws.s3().clone(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            name,
            version_id: version_id(head).map(str::to_owned),
            etag: etag(head).to_owned(),
            size,
            fetched: AtomicU64::new(0),
            blocks: Mutex::new(Blocks::new(size)),
            pace: Mutex::default(),
        };
        Ok(Video { aws: aws.clone(), shared: Arc::new(shared) })
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.shared.bucket
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.shared.key
    }

    /// What names this version: the version's id, or the ETag in a bucket that keeps no versions.
    pub fn version(&self) -> &str {
        self.shared.version()
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.shared.size
    }

    /// `s3://bucket/key`.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Bytes that came from S3 so far; bytes that came twice count twice.
    pub fn fetched(&self) -> u64 {
        self.shared.fetched.load(Ordering::Relaxed)
    }

    /// Announces the byte ranges `[start, end)` that will be read, in ascending order; earlier announcements are
    /// forgotten. Only inside these are bytes fetched before they are asked for. Whoever will read the whole file in order
    /// announces `[0, size]`.
    pub fn read_ahead(&self, ranges: &[[u64; 2]]) {
        self.shared.blocks().announce(ranges);
    }

    /// Fills `buf` from `offset` and returns how many bytes it wrote; fewer than asked for only at the end.
    ///
    /// # Errors
    /// `BadInput` when the object was replaced; `NotFound` when it is gone or reading it is not allowed; `Retryable`
    /// when S3 did not answer, for a while.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(self.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = buf.len().min(left);
        let mut filled = 0;
        while filled < length {
            let at = offset + filled as u64;
            let (block, new) = self.shared.blocks().want(at, (length - filled) as u64);
            for block in new {
                let task = fetch::fetch(Arc::clone(&self.shared), Arc::clone(&block));
                block.fetched_by(self.aws.0.runtime.handle().spawn(task).abort_handle());
            }
            filled += block.copy(at, &mut buf[filled..length])?;
        }
        Ok(filled)
    }
}

impl Drop for Video {
    fn drop(&mut self) {
        for block in self.shared.blocks().all() {
            block.abort();
        }
    }
}

impl Shared {
    fn version(&self) -> &str {
        self.version_id.as_deref().unwrap_or_else(|| self.etag.trim_matches('"'))
    }

    fn changed(&self) -> Error {
        changed(&self.name, self.version())
    }

    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
