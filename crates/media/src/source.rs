//! Where bytes come from. FFmpeg never opens anything itself: every byte of a video is read through [`ByteSource`].

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use framefan_contract::{Error, Result, digest};
use sha2::{Digest, Sha256};

/// A thing of known size that can be read at any offset, from several threads.
pub trait ByteSource: Send + Sync {
    /// Size in bytes.
    fn size(&self) -> u64;
    /// Fills `buf` from `offset` and returns how many bytes it wrote; fewer than asked for only at the end.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize>;
    /// The name for messages: a path or URL.
    fn name(&self) -> &str;
    /// Says which byte ranges `[from, to)` will be read from now on, each from its beginning to its end: a source for which
    /// every read is a request may fetch ahead. It changes no answer.
    fn will_read(&self, _ranges: &[[u64; 2]]) {}
}

/// A regular file.
pub struct FileSource {
    file: File,
    size: u64,
    name: String,
}

impl FileSource {
    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// `NotFound` when it does not exist, may not be read or is not a regular file.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let kind = std::fs::metadata(path).map_err(|e| Error::io(format!("cannot open {name}"), e))?;
        if !kind.is_file() {
            return Err(Error::not_found(format!("cannot open {name}: not a regular file")));
        }
        let file = File::open(path).map_err(|e| Error::io(format!("cannot open {name}"), e))?;
        let size = file.metadata().map_err(|e| Error::io(format!("cannot read {name}"), e))?.len();
        Ok(FileSource { file, size, name })
    }
}

impl ByteSource for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.file.read_at(&mut buf[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io(format!("cannot read {}", self.name), e)),
            }
        }
        Ok(filled)
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// Counts what is read through it, and digests it.
pub struct MeteredSource {
    inner: Arc<dyn ByteSource>,
    bytes: AtomicU64,
    nanos: AtomicU64,
    digest: Option<Mutex<Sha256>>,
}

impl MeteredSource {
    /// Counts bytes and time, and digests offsets and bytes in the order they are read.
    pub fn new(inner: Arc<dyn ByteSource>) -> Self {
        MeteredSource {
            inner,
            bytes: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            digest: Some(Mutex::new(Sha256::new())),
        }
    }

    /// Counts bytes and time only.
    pub fn without_digest(inner: Arc<dyn ByteSource>) -> Self {
        MeteredSource { digest: None, ..MeteredSource::new(inner) }
    }

    /// Bytes read so far; bytes read twice count twice.
    pub fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Seconds spent reading so far, summed over threads.
    pub fn seconds(&self) -> f64 {
        self.nanos.load(Ordering::Relaxed) as f64 * 1e-9
    }

    /// SHA-256 (hexadecimal) over size, offset and bytes of every read so far, in order.
    pub fn digest(&self) -> String {
        match &self.digest {
            Some(hash) => {
                let mut hash = hash.lock().unwrap_or_else(PoisonError::into_inner).clone();
                hash.update(self.inner.size().to_le_bytes());
                digest::hex(&hash.finalize())
            }
            None => String::new(),
        }
    }
}

impl ByteSource for MeteredSource {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let started = Instant::now();
        let count = self.inner.read_at(offset, buf)?;
        self.nanos.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        if let Some(hash) = &self.digest {
            let mut hash = hash.lock().unwrap_or_else(PoisonError::into_inner);
            hash.update(offset.to_le_bytes());
            hash.update(&buf[..count]);
        }
        Ok(count)
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn will_read(&self, ranges: &[[u64; 2]]) {
        self.inner.will_read(ranges);
    }
}
