//! A section of the result, written as it grows: to a file, counted and digested, so that no section must fit in memory.

use std::io::{BufWriter, Write};
use std::path::Path;

use framefan_contract::{Error, Result, digest};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// A file that knows its length and digest.
pub(crate) struct Section {
    file: BufWriter<NamedTempFile>,
    hash: Sha256,
    size: u64,
}

impl Section {
    pub fn create(scratch: &Path) -> Result<Self> {
        let file = NamedTempFile::new_in(scratch).map_err(|e| Error::io(scratch.display(), e))?;
        Ok(Section { file: BufWriter::new(file), hash: Sha256::new(), size: 0 })
    }

    /// Closes it: the file, its bytes, its SHA-256.
    pub fn finish(self) -> Result<(NamedTempFile, u64, String)> {
        let file = self.file.into_inner().map_err(|e| Error::io("writing a section", e.into_error()))?;
        Ok((file, self.size, digest::hex(&self.hash.finalize())))
    }
}

impl Write for Section {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
