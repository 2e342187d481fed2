//! A file that is being downloaded: `.NAME.DIGEST.part` beside where it is to stand, and the server's name for its version
//! (ETag) in a second file, so that another process can go on with it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use framefan_contract::{Error, Result, digest};
use sha2::{Digest, Sha256};

/// Digits of the digest in the file's name: another digest is another part.
const DIGITS: usize = 16;

/// A part of a file, whose whole is to have a digest.
#[derive(Debug)]
pub(crate) struct Part {
    path: PathBuf,
    tag_path: PathBuf,
    /// Bytes that are there.
    pub length: u64,
}

impl Part {
    /// The part of the file of `model` that is to have the digest `expected`.
    pub fn of(folder: &Path, model: &str, expected: &str) -> Part {
        let path = folder.join(format!(".{model}.{}.part", &expected[..DIGITS.min(expected.len())]));
        let length = fs::metadata(&path).map_or(0, |about| about.len());
        Part { tag_path: path.with_extension("etag"), path, length }
    }

    /// The file with what is there.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The server's name for the version that the part is of.
    pub fn tag(&self) -> Option<String> {
        fs::read_to_string(&self.tag_path).ok().filter(|tag| !tag.is_empty())
    }

    /// Opens it to write at its end, after forgetting what is there if that is of another version.
    pub fn writer(&mut self, anew: bool, tag: Option<&str>) -> Result<File> {
        let mut open = || -> io::Result<File> {
            let mut file = File::options().create(true).truncate(false).write(true).open(&self.path)?;
            if anew {
                file.set_len(0)?;
                self.length = 0;
                // First what it is a part of: without, a later attempt would mix versions.
                fs::write(&self.tag_path, tag.unwrap_or_default())?;
            }
            file.seek(SeekFrom::Start(self.length))?;
            Ok(file)
        };
        open().map_err(|e| Error::io(self.path.display(), e))
    }

    /// Appends to it.
    pub fn append(&mut self, file: &mut File, bytes: &[u8]) -> Result<()> {
        file.write_all(bytes).map_err(|e| Error::io(self.path.display(), e))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// SHA-256 of what is there.
    pub fn digest(&self) -> Result<String> {
        digest_of(&self.path)
    }

    /// Makes it the whole file `target`.
    pub fn finish(self, target: &Path) -> Result<()> {
        let finish = || -> io::Result<()> {
            File::open(&self.path)?.sync_all()?;
            fs::rename(&self.path, target)
        };
        finish().map_err(|e| Error::io(target.display(), e))
    }

    /// Removes every part of the file of `model`, also those of other versions.
    pub fn discard_all(folder: &Path, model: &str) {
        let prefix = format!(".{model}.");
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(&prefix) && (name.ends_with(".part") || name.ends_with(".etag")) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Removes it.
    pub fn discard(&mut self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.tag_path);
        self.length = 0;
    }
}

/// SHA-256 of a file.
pub(crate) fn digest_of(path: &Path) -> Result<String> {
    let read = || -> io::Result<String> {
        let (mut file, mut hasher, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(digest::hex(&hasher.finalize())),
                count => hasher.update(&buffer[..count]),
            }
        }
    };
    read().map_err(|e| Error::io(path.display(), e))
}
