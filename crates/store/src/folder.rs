//! Objects as files under one folder.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use framefan_contract::{Error, Result};
use tempfile::NamedTempFile;

use crate::objects::{Created, ObjectInfo, ObjectStore, check_key, check_prefix};

/// Folder under the root where objects are written before they appear; no key can name it.
const TEMP: &str = ".tmp";

/// A temporary file untouched for this long has lost its writer: nothing is written slower.
const STALE: Duration = Duration::from_secs(3600);

/// An [`ObjectStore`] in a folder: key `a/b.json` is the file `a/b.json` below it. Several processes may use one folder.
#[derive(Debug)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// Opens the folder, making it where it is missing, and removes what killed writers left more than an hour ago.
    pub fn open(root: &Path) -> Result<Self> {
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let temp = root.join(TEMP);
        fs::create_dir_all(&temp).map_err(|e| Error::io(format!("cannot make the folder {}", temp.display()), e))?;
        remove_stale(&temp)?;
        Ok(FolderStore { root: root.to_owned() })
    }

    /// A folder for files that no object becomes. What a killed process leaves there goes like half-written objects.
    pub fn scratch(&self) -> PathBuf {
        self.root.join(TEMP)
    }

    /// Where the object `key` is or would be.
    pub fn path(&self, key: &str) -> Result<PathBuf> {
        check_key(key)?;
        if key.split('/').next() == Some(TEMP) {
            return Err(Error::usage(format!(
                "'{key}' cannot be an object's key: '{TEMP}' is kept for files being written"
            )));
        }
        Ok(self.root.join(key))
    }

    /// A file beside the objects that becomes one when it is renamed. It goes when dropped.
    fn temp_file(&self) -> Result<NamedTempFile> {
        let folder = self.scratch();
        let mut builder = tempfile::Builder::new();
        builder.prefix("");
        #[cfg(unix)]
        {
            // An object is as readable as any file the user makes; the process's umask narrows this.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        builder.tempfile_in(&folder).map_err(|e| Error::io(format!("cannot make a file in {}", folder.display()), e))
    }

    /// The bytes in a file that survives a crash once it is renamed.
    fn written(&self, key: &str, bytes: &[u8]) -> Result<NamedTempFile> {
        let mut file = self.temp_file()?;
        file.write_all(bytes)
            .and_then(|()| file.as_file().sync_all())
            .map_err(|e| Error::io(format!("cannot write the object {key}"), e))?;
        Ok(file)
    }
}

impl ObjectStore for FolderStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let Some(mut file) = open_file(&self.path(key)?, key)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| Error::io(format!("cannot read the object {key}"), e))?;
        Ok(Some(bytes))
    }

    fn open(&self, key: &str) -> Result<Option<Box<dyn Read + Send>>> {
        Ok(open_file(&self.path(key)?, key)?.map(|file| Box::new(file) as Box<dyn Read + Send>))
    }

    fn create(&self, key: &str, bytes: &[u8]) -> Result<Created> {
        let path = self.path(key)?;
        if path.is_file() {
            return Ok(Created::Existed);
        }
        let file = self.written(key, bytes)?;
        make_parents(&self.root, &path)?;
        match file.persist_noclobber(&path) {
            Ok(_) => {
                sync_parent(&path)?;
                Ok(Created::New)
            }
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists && path.is_file() => Ok(Created::Existed),
            Err(e) => Err(Error::io(format!("cannot create the object {key}"), e.error)),
        }
    }

    fn replace(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(key)?;
        let file = self.written(key, bytes)?;
        make_parents(&self.root, &path)?;
        file.persist(&path).map_err(|e| Error::io(format!("cannot replace the object {key}"), e.error))?;
        sync_parent(&path)
    }

    fn replace_from_file(&self, key: &str, source: &Path) -> Result<()> {
        let path = self.path(key)?;
        let failed = |e| Error::io(format!("cannot make {} the object {key}", source.display()), e);
        let mut file = File::open(source).map_err(failed)?;
        // It may come from a folder of private files; an object is as readable as all others.
        let usual = self.temp_file()?.as_file().metadata().map_err(failed)?.permissions();
        file.set_permissions(usual).and_then(|()| file.sync_all()).map_err(failed)?;
        make_parents(&self.root, &path)?;
        match fs::rename(source, &path) {
            Ok(()) => return sync_parent(&path),
            Err(e) if e.kind() == io::ErrorKind::CrossesDevices => {}
            Err(e) => return Err(failed(e)),
        }
        let mut copy = self.temp_file()?;
        io::copy(&mut file, &mut copy).and_then(|_| copy.as_file().sync_all()).map_err(failed)?;
        copy.persist(&path).map_err(|e| failed(e.error))?;
        sync_parent(&path)?;
        fs::remove_file(source).map_err(failed)
    }

    fn list(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        check_prefix(prefix)?;
        // The part before the last '/' names the folder to walk.
        let (folder, key_folder) = match prefix.rsplit_once('/') {
            Some((folder, _)) => (self.path(folder)?, format!("{folder}/")),
            None => (self.root.clone(), String::new()),
        };
        let mut found = Vec::new();
        walk(&folder, &key_folder, prefix, &mut found)?;
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    fn delete(&self, key: &str) -> Result<bool> {
        let path = self.path(key)?;
        if !path.is_file() {
            return Ok(false);
        }
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(Error::io(format!("cannot delete the object {key}"), e)),
        }
    }
}

/// The object's file; `None` where there is none, or a folder.
fn open_file(path: &Path, key: &str) -> Result<Option<File>> {
    let failed = |e| Error::io(format!("cannot open the object {key}"), e);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let is_file = file.metadata().map_err(failed)?.is_file();
    Ok(is_file.then_some(file))
}

/// Adds the objects below `folder` whose key starts with `prefix`. What vanishes meanwhile is left out.
fn walk(folder: &Path, key_folder: &str, prefix: &str, found: &mut Vec<ObjectInfo>) -> Result<()> {
    let failed = |e| Error::io(format!("cannot list the folder {}", folder.display()), e);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        Err(e) => return Err(failed(e)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        // A name that is not UTF-8 was not made by this store.
        let Ok(name) = entry.file_name().into_string() else { continue };
        if key_folder.is_empty() && name == TEMP {
            continue;
        }
        let key = format!("{key_folder}{name}");
        let metadata = match fs::metadata(entry.path()) {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(failed(e)),
        };
        if metadata.is_dir() {
            let below = format!("{key}/");
            if below.starts_with(prefix) || prefix.starts_with(&below) {
                walk(&entry.path(), &below, prefix, found)?;
            }
        } else if metadata.is_file() && key.starts_with(prefix) {
            found.push(ObjectInfo { key, size: metadata.len() });
        }
    }
    Ok(())
}

/// Makes the folders above `path`, each durable in the one above it.
fn make_parents(root: &Path, path: &Path) -> Result<()> {
    let mut missing = Vec::new();
    let mut folder = path.parent();
    while let Some(f) = folder.filter(|f| *f != root && !f.is_dir()) {
        missing.push(f);
        folder = f.parent();
    }
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => sync_parent(folder)?,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io(format!("cannot make the folder {}", folder.display()), e)),
        }
    }
    Ok(())
}

/// Makes the entry `path` durable in its folder. A file's own sync does not do that.
fn sync_parent(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    #[cfg(unix)]
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(|e| Error::io(format!("cannot sync the folder {}", folder.display()), e))?;
    Ok(())
}

/// Removes temporary files that nobody has written to for [`STALE`].
fn remove_stale(temp: &Path) -> Result<()> {
    let failed = |e| Error::io(format!("cannot look through {}", temp.display()), e);
    let now = SystemTime::now();
    for entry in fs::read_dir(temp).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // Another process may be cleaning up as well.
        let Ok(modified) = entry.metadata().and_then(|m| m.modified()) else { continue };
        if now.duration_since(modified).is_ok_and(|age| age > STALE) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}
