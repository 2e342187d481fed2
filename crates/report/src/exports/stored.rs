//! The sections of a result that is written: in `final_results.json`, or in files that it names.

use std::io::{self, Cursor, Read};

use framefan_contract::results::SectionFile;
use framefan_contract::{Error, Result, digest};
use sha2::{Digest, Sha256};

use super::{SectionStream, member};

/// Longer than any [`SectionFile`]: what does not end within is a section.
const STAND_IN: u64 = 4096;

/// Opens the section of `analyzer` in the result that `open` opens by its name: `final_results.json`, and the files that
/// stand in for its sections. A file is compared with its digest once it is read to its end. `None` when the result has
/// no such section.
///
/// # Errors
/// `BadInput` when the result is not what the schema says; what `open` returns.
pub fn stored_section(open: &dyn Fn(&str) -> Result<Box<dyn Read>>, analyzer: &str) -> Result<SectionStream> {
    let Some(mut section) = member::find(open("final_results.json")?, analyzer)? else { return Ok(None) };
    let mut start = Vec::new();
    section.by_ref().take(STAND_IN).read_to_end(&mut start).map_err(|e| Error::io("reading the result", e))?;
    if (start.len() as u64) < STAND_IN
        && let Ok(SectionFile { file, sha256, size }) = serde_json::from_slice(&start)
    {
        if file.contains('/') {
            return Err(Error::bad_input(format!("the result names a section outside its job: '{file}'")));
        }
        let inner = open(&file)?;
        return Ok(Some(Box::new(Verified { inner, hash: Sha256::new(), read: 0, file, sha256, size })));
    }
    Ok(Some(Box::new(Cursor::new(start).chain(section))))
}

/// A section's file, which ends with an error when it is not the one that the result names.
struct Verified {
    inner: Box<dyn Read>,
    hash: Sha256,
    read: u64,
    file: String,
    sha256: String,
    size: u64,
}

impl Read for Verified {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf)?;
        self.hash.update(&buf[..count]);
        self.read += count as u64;
        let ended = count == 0 && !buf.is_empty();
        if ended && (self.read != self.size || digest::hex(&self.hash.clone().finalize()) != self.sha256) {
            let file = &self.file;
            let error = format!("the section '{file}' is not the file that the result names: its digest differs");
            return Err(io::Error::other(Error::bad_input(error)));
        }
        Ok(count)
    }
}
