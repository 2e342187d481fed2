//! A job's result and report as files in a folder.

use std::io;
use std::path::{Path, PathBuf};

use framefan_contract::{Error, Result, keys};
use framefan_store::ObjectStore;
use serde::Serialize;
use tempfile::NamedTempFile;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Downloaded {
    /// The page.
    pub report: PathBuf,
    /// The result.
    pub results: PathBuf,
    /// Files in all.
    pub files: usize,
    /// Bytes in all.
    pub bytes: u64,
}

/// Writes the job's report, its result with the sections that are files of their own, its pictures and its exports under
/// `folder`. A file appears whole or not at all. `progress` is told bytes done and in all.
///
/// # Errors
/// `NotFound` when the job has no report.
pub fn download(
    objects: &dyn ObjectStore,
    job_id: &str,
    folder: &Path,
    progress: &dyn Fn(u64, u64),
) -> Result<Downloaded> {
    let prefix = keys::job_prefix(job_id);
    let mut wanted = objects.list(&prefix)?;
    wanted.retain(|object| object.key.strip_prefix(&prefix).is_some_and(is_wanted));
    for key in [keys::report(job_id), keys::results(job_id)] {
        if !wanted.iter().any(|object| object.key == key) {
            return Err(Error::not_found(format!("{key} is not there: submit the job again to make it")));
        }
    }
    let (all, mut done) = (wanted.iter().map(|object| object.size).sum(), 0);
    for object in &wanted {
        progress(done, all);
        let path = path_under(folder, &object.key[prefix.len()..])?;
        write(objects, &object.key, &path)?;
        done += object.size;
    }
    progress(done, all);
    let path = |key: &str| path_under(folder, &key[prefix.len()..]);
    Ok(Downloaded {
        report: path(&keys::report(job_id))?,
        results: path(&keys::results(job_id))?,
        files: wanted.len(),
        bytes: all,
    })
}

/// What people want of a job, by its name under the job's prefix.
fn is_wanted(name: &str) -> bool {
    let is_result = name.starts_with("final_results.") && name.ends_with(".json") && !name.contains('/');
    is_result || name == "report.html" || name.starts_with("frames/") || name.starts_with("exports/")
}

/// A bucket's key as a path that stays in the folder.
fn path_under(folder: &Path, name: &str) -> Result<PathBuf> {
    let is_safe = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':']);
    if !name.split('/').all(is_safe) {
        return Err(Error::bad_input(format!("'{}' cannot be the name of a file", name.escape_debug())));
    }
    Ok(folder.join(name))
}

fn write(objects: &dyn ObjectStore, key: &str, path: &Path) -> Result<()> {
    let failed = |e: io::Error| {
        // What the store's stream reports is one of our errors already.
        e.downcast::<Error>().unwrap_or_else(|e| Error::io(format!("cannot write {}", path.display()), e))
    };
    let mut object = objects.open(key)?.ok_or_else(|| Error::not_found(format!("{key} has vanished")))?;
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(failed)?;
    let mut file = NamedTempFile::new_in(parent).map_err(failed)?;
    #[cfg(unix)]
    {
        // As readable as any file that the user makes; the temporary file was not.
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(failed)?;
    }
    io::copy(&mut object, &mut file).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;
    use framefan_store::FolderStore;

    use super::*;

    #[test]
    fn report_result_sections_and_pictures_come_and_nothing_else() {
        let (store, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let objects = FolderStore::open(store.path()).unwrap();
        let id = "a".repeat(32);
        let error = download(&objects, &id, target.path(), &|_, _| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        for (key, bytes) in [
            (keys::report(&id), "page"),
            (keys::results(&id), "result"),
            (keys::section(&id, "track"), "section"),
            (keys::chunk(&id, 0), "chunk"),
            (keys::manifest(&id), "manifest"),
            (format!("jobs/{id}/frames/000012.jpg"), "jpeg"),
        ] {
            objects.create(&key, bytes.as_bytes()).unwrap();
        }
        let folder = target.path().join("deep/er");
        let downloaded = download(&objects, &id, &folder, &|_, _| {}).unwrap();
        assert_eq!((downloaded.files, downloaded.bytes), (4, 4 + 6 + 7 + 4));
        assert_eq!(std::fs::read(&downloaded.report).unwrap(), b"page");
        assert_eq!(std::fs::read(folder.join("frames/000012.jpg")).unwrap(), b"jpeg");
        assert!(!folder.join("manifest.json").exists() && !folder.join("chunks").exists());
    }

    #[test]
    fn a_key_cannot_lead_out_of_the_folder() {
        for name in ["../x", "frames/../../x", "frames//x", "frames/..", "/etc/passwd", "frames/a\\b", "c:x"] {
            assert!(path_under(Path::new("f"), name).is_err(), "{name}");
        }
    }
}
