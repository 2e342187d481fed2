//! Objects in a folder: the common suite, and what killed writers leave.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use framefan_contract::ErrorKind;
use framefan_store::{FolderStore, ObjectStore, conformance};

#[test]
fn a_folder_does_what_every_store_must() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    conformance::objects(&|| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Box::new(FolderStore::open(&folder.path().join(number.to_string())).unwrap())
    });
}

#[test]
fn leftovers_of_dead_writers_are_invisible_and_removed_after_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let temp = folder.path().join(".tmp");
    for (name, age_s) in [("fresh", 3000), ("stale", 4000)] {
        let file = File::create(temp.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age_s)).unwrap();
    }
    assert_eq!(store.list("").unwrap(), []);
    for key in [".tmp", ".tmp/fresh"] {
        assert_eq!(store.get(key).unwrap_err().kind(), ErrorKind::Usage);
    }
    assert_eq!(store.list(".tmp/").unwrap_err().kind(), ErrorKind::Usage);
    FolderStore::open(folder.path()).unwrap();
    assert!(temp.join("fresh").exists() && !temp.join("stale").exists());
}

#[test]
fn objects_are_files_of_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(&folder.path().join("made/here")).unwrap();
    store.create("jobs/a/plan.json", b"{}").unwrap();
    assert_eq!(fs::read(folder.path().join("made/here/jobs/a/plan.json")).unwrap(), b"{}");
    assert_eq!(store.path("jobs/a/plan.json").unwrap(), folder.path().join("made/here/jobs/a/plan.json"));
    #[cfg(unix)]
    {
        // As readable as any file the user makes.
        use std::os::unix::fs::PermissionsExt;
        File::create(folder.path().join("plain")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&store.path("jobs/a/plan.json").unwrap()), mode(&folder.path().join("plain")));
    }
}

#[cfg(unix)]
#[test]
fn objects_made_of_private_files_are_as_readable_as_others() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let private = folder.path().join("private");
    std::fs::write(&private, b"x").unwrap();
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o600)).unwrap();
    store.replace_from_file("from-file", &private).unwrap();
    store.replace("from-bytes", b"x").unwrap();
    let mode = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("from-file"), mode("from-bytes"));
}

#[test]
fn a_file_is_no_folder_to_keep_objects_in() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(FolderStore::open(file.path()).unwrap_err().kind(), ErrorKind::NotFound);
}

/// Where the child writes; without it, the child's test does nothing.
const CHILD_FOLDER: &str = "FRAMEFAN_TEST_FOLDER";

/// Not a test of its own: what the killed process below runs.
#[test]
fn child_writes_until_killed() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else { return };
    let store = FolderStore::open(Path::new(&folder)).unwrap();
    for round in 0u32.. {
        store.create(&format!("created/{round}"), &vec![b'c'; 300_000]).unwrap();
        store.replace("replaced", &vec![(round % 251) as u8; 300_000]).unwrap();
    }
}

#[test]
fn killed_writers_leave_whole_objects() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    for wait_ms in [60, 93, 127, 171, 214] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_writes_until_killed"])
            .env(CHILD_FOLDER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begun = std::time::Instant::now();
        while store.get("replaced").unwrap().is_none() {
            assert!(begun.elapsed().as_secs() < 60, "the child writes nothing");
        }
        std::thread::sleep(Duration::from_millis(wait_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        let replaced = store.get("replaced").unwrap().unwrap();
        assert!(replaced.len() == 300_000 && replaced.iter().all(|&b| b == replaced[0]));
        let listed = store.list("").unwrap();
        assert!(listed.len() > 1 && listed.iter().all(|o| o.size == 300_000));
        assert!(listed.iter().all(|o| o.key == "replaced" || o.key.starts_with("created/")));
        store.delete("replaced").unwrap();
    }
}
