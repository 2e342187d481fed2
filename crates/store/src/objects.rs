//! Bytes under keys: what the stages ask of S3 or of a folder.

use std::io::Read;
use std::path::Path;

use framefan_contract::{Error, Result};

/// What [`ObjectStore::create`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The object was not there and is now.
    New,
    /// The object was there already and is as it was.
    Existed,
}

/// One object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
}

/// Objects under keys. A key is a relative path with `/` between its parts: no empty part, no `.` or `..`, no
/// backslash, no control character; any other key is refused as [`framefan_contract::ErrorKind::Usage`]. All writes
/// appear whole or not at all, whoever reads at the same time and whenever the writer is killed.
pub trait ObjectStore: Send + Sync {
    /// The whole object, or `None` where there is none.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>>;

    /// The object as a stream, or `None` where there is none. A later replacement does not disturb the stream.
    fn open(&self, key: &str) -> Result<Option<Box<dyn Read + Send>>>;

    /// Writes the object unless there is one; never replaces. Of several creators at once, exactly one makes it.
    fn create(&self, key: &str, bytes: &[u8]) -> Result<Created>;

    /// Writes the object whether or not there is one.
    fn replace(&self, key: &str, bytes: &[u8]) -> Result<()>;

    /// Makes the file at `path` the object, for results too large to hold in memory. The file is moved or copied and
    /// is gone afterwards.
    fn replace_from_file(&self, key: &str, path: &Path) -> Result<()>;

    /// Every object whose key starts with `prefix` (any text that could start a key), sorted by key.
    fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>>;

    /// Removes the object; false where there was none.
    fn delete(&self, key: &str) -> Result<bool>;
}

/// Refuses what is not a key.
pub(crate) fn check_key(key: &str) -> Result<()> {
    let wrong = |why: &str| Err(Error::usage(format!("'{}' cannot be an object's key: {why}", key.escape_debug())));
    if key.is_empty() {
        return wrong("it is empty");
    }
    if key.contains('\\') || key.chars().any(char::is_control) {
        return wrong("it has a backslash or a control character");
    }
    for part in key.split('/') {
        match part {
            "" => return wrong("it starts or ends with '/', or has '//' inside"),
            "." | ".." => return wrong("a part of it is '.' or '..'"),
            _ => {}
        }
    }
    Ok(())
}

/// Refuses what cannot start a key.
pub(crate) fn check_prefix(prefix: &str) -> Result<()> {
    check_key(&format!("{prefix}x"))
}
