//! A folder of weights with a manifest of their digests: what container images have, and the user's cache.
//!
//! `manifest.json` says which file belongs to which model, and its SHA-256. In the cache that is the digest that was seen
//! when the model was first downloaded: it stays pinned when the file is gone.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use framefan_contract::{Error, Result};
use serde::{Deserialize, Serialize};

/// The schema name of a folder's manifest.
const SCHEMA: &str = "framefan.models/1";

/// The manifest's name in its folder.
pub const MANIFEST: &str = "manifest.json";

/// A folder of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelsFolder {
    path: PathBuf,
    entries: BTreeMap<String, FolderEntry>,
}

/// What a manifest says of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderEntry {
    /// The weights file's name in the folder.
    pub file: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Where it was downloaded from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// SPDX name of its licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    schema: String,
    models: BTreeMap<String, FolderEntry>,
}

impl ModelsFolder {
    /// Reads a folder's manifest. The weights themselves need not be there: a planner needs their digests only. A folder
    /// without a manifest, or no folder, is one without models.
    ///
    /// # Errors
    /// [`Defect`](framefan_contract::ErrorKind::Defect) for a manifest that is none, that another version wrote, or that
    /// names files elsewhere.
    pub fn open(path: &Path) -> Result<ModelsFolder> {
        let file = path.join(MANIFEST);
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Ok(ModelsFolder { path: path.to_owned(), entries: BTreeMap::new() });
            }
            Err(e) => return Err(Error::io(format!("the models' manifest {}", file.display()), e)),
        };
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|e| Error::defect(format!("{} is not a manifest of models: {e}", file.display())))?;
        if manifest.schema != SCHEMA {
            return Err(Error::defect(format!(
                "{} has the schema {}; this program reads {SCHEMA}",
                file.display(),
                manifest.schema
            )));
        }
        for (name, entry) in &manifest.models {
            if Path::new(&entry.file).components().count() != 1 || entry.file.starts_with('.') {
                return Err(Error::defect(format!("{}: '{name}' names no file of this folder", file.display())));
            }
            if entry.sha256.len() != 64 || !entry.sha256.bytes().all(|b| b"0123456789abcdef".contains(&b)) {
                return Err(Error::defect(format!(
                    "{}: the sha256 of '{name}' is not 64 digits of 0-9 and a-f",
                    file.display()
                )));
            }
        }
        Ok(ModelsFolder { path: path.to_owned(), entries: manifest.models })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The models that the manifest names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// What the manifest says of a model.
    pub fn entry(&self, name: &str) -> Option<&FolderEntry> {
        self.entries.get(name)
    }

    /// Where the file of a model is, or would be.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.path.join(&self.entry(name)?.file))
    }

    /// Writes what is true of a model into the manifest of the folder at `path`, which is made when it is not there. Entries
    /// that other processes write at the same time stay.
    ///
    /// # Errors
    /// As [`ModelsFolder::open`], and those of writing.
    pub fn set(path: &Path, name: &str, entry: FolderEntry) -> Result<()> {
        std::fs::create_dir_all(path).map_err(|e| Error::io(path.display(), e))?;
        let _held = FolderLock::take(path, "manifest")?;
        let mut folder = ModelsFolder::open(path)?;
        if folder.entry(name) == Some(&entry) {
            return Ok(());
        }
        folder.entries.insert(name.to_owned(), entry);
        let manifest = Manifest { schema: SCHEMA.to_owned(), models: folder.entries };
        let mut text = serde_json::to_vec_pretty(&manifest)
            .map_err(|e| Error::defect(format!("a manifest of models does not serialize: {e}")))?;
        text.push(b'\n');
        let (whole, temporary) = (path.join(MANIFEST), path.join(".manifest.json.new"));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&temporary)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &whole)
        };
        write().map_err(|e| Error::io(whole.display(), e))
    }
}

/// A lock on something in a folder, between processes. It is given back when it is dropped, and by the system when its
/// process ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Waits until nobody else has the lock called `what` of the folder.
    ///
    /// # Errors
    /// Those of making the lock's file, `.WHAT.lock`.
    pub fn take(folder: &Path, what: &str) -> Result<FolderLock> {
        FolderLock::take_or_wait(folder, what, &|| {})
    }

    /// The same; `on_wait` is called first if somebody else has it.
    ///
    /// # Errors
    /// As [`FolderLock::take`].
    pub fn take_or_wait(folder: &Path, what: &str, on_wait: &dyn Fn()) -> Result<FolderLock> {
        let path = folder.join(format!(".{what}.lock"));
        let lock = || -> std::io::Result<File> {
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            if let Err(e) = file.try_lock() {
                if let TryLockError::Error(e) = e {
                    return Err(e);
                }
                on_wait();
                file.lock()?;
            }
            Ok(file)
        };
        lock().map(|file| FolderLock { _file: file }).map_err(|e| Error::io(path.display(), e))
    }
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;

    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn entry(sha256: &str) -> FolderEntry {
        FolderEntry { file: "m.safetensors".into(), sha256: sha256.into(), url: None, licence: None }
    }

    #[test]
    fn what_is_set_is_read_again_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not/there/yet");
        assert_eq!(ModelsFolder::open(&path).unwrap().names().count(), 0);
        ModelsFolder::set(&path, "one", entry(ABC)).unwrap();
        let two = FolderEntry { url: Some("https://example.com/two".into()), ..entry(&"0".repeat(64)) };
        ModelsFolder::set(&path, "two", two.clone()).unwrap();
        let read = ModelsFolder::open(&path).unwrap();
        assert_eq!(read.names().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!((read.entry("one"), read.entry("two")), (Some(&entry(ABC)), Some(&two)));
        assert_eq!(read.file("one").unwrap(), path.join("m.safetensors"));
    }

    #[test]
    fn writers_at_the_same_time_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = folder.path();
                scope.spawn(move || ModelsFolder::set(path, &format!("model-{writer}"), entry(ABC)).unwrap());
            }
        });
        assert_eq!(ModelsFolder::open(folder.path()).unwrap().names().count(), 8);
    }

    #[test]
    fn a_manifest_that_leads_elsewhere_or_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = |text: &str| {
            std::fs::write(folder.path().join(MANIFEST), text).unwrap();
            ModelsFolder::open(folder.path())
        };
        let one = |file: &str, sha256: &str| {
            format!(r#"{{"schema":"framefan.models/1","models":{{"m":{{"file":"{file}","sha256":"{sha256}"}}}}}}"#)
        };
        assert!(open(&one("m.pth", ABC)).is_ok());
        for file in ["../m.pth", "/etc/passwd", "a/b", ".", "..", ".hidden", ""] {
            assert_eq!(open(&one(file, ABC)).unwrap_err().kind(), ErrorKind::Defect, "{file}");
        }
        for sha256 in ["", "abc", &ABC.to_uppercase(), &format!("{ABC}0")] {
            assert_eq!(open(&one("m.pth", sha256)).unwrap_err().kind(), ErrorKind::Defect, "{sha256}");
        }
        for text in [r#"{"schema":"framefan.models/9","models":{}}"#, "[]", ""] {
            assert_eq!(open(text).unwrap_err().kind(), ErrorKind::Defect, "{text}");
        }
    }
}
