//! Job state in SQLite: the common suite, several processes at one file, and files that are something else.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use framefan_contract::ErrorKind;
use framefan_contract::state::ChunkStatus;
use framefan_store::{ChunkClaim, Claim, JobStore, NewChunk, NewJob, SqliteJobs, conformance};

#[test]
fn sqlite_does_what_every_store_must() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    conformance::jobs(&|| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Box::new(SqliteJobs::open(&folder.path().join(format!("{number}.sqlite"))).unwrap())
    });
}

#[test]
fn state_outlives_the_process_that_wrote_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not/there/yet/jobs.sqlite");
    let new = NewJob { job_id: "j", video: "v", request: &serde_json::Value::Null, owner: "o", force: false };
    let first = SqliteJobs::open(&path).unwrap();
    assert_eq!(first.claim_job(&new, 1.0, &|_| true).unwrap(), Claim::New);
    let item = first.job("j").unwrap();
    // Seen by others at once, and after it is closed.
    assert_eq!(SqliteJobs::open(&path).unwrap().job("j").unwrap(), item);
    drop(first);
    assert_eq!(SqliteJobs::open(&path).unwrap().job("j").unwrap(), item);
}

#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "this is not a database, however long it may be".repeat(100)).unwrap();
    let error = SqliteJobs::open(&text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput, "{error}");
    assert!(error.message().contains("text"), "{error}");

    let newer = folder.path().join("newer");
    drop(SqliteJobs::open(&newer).unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteJobs::open(&newer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput, "{error}");

    let error = SqliteJobs::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// Where the children work and under which name; without it, the child's test does nothing.
const CHILD_FILE: &str = "FRAMEFAN_TEST_SQLITE";
const CHILD_NAME: &str = "FRAMEFAN_TEST_WORKER";
const CHUNKS: u32 = 60;
/// A worker that is killed loses its chunk after this long.
const LEASE_S: f64 = 2.0;

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs_f64()
}

/// Not a test of its own: a worker that does chunks until none is left.
#[test]
fn child_works_on_chunks() {
    let (Ok(path), Ok(worker)) = (std::env::var(CHILD_FILE), std::env::var(CHILD_NAME)) else { return };
    let store = SqliteJobs::open(Path::new(&path)).unwrap();
    let mut counted = 0u64;
    loop {
        let mut left = false;
        for index in 0..CHUNKS {
            match store.claim_chunk("j", index, &worker, LEASE_S, now()).unwrap() {
                ChunkClaim::Claimed => {
                    std::thread::sleep(Duration::from_millis(5));
                    assert!(store.heartbeat("j", index, &worker, now() + LEASE_S).unwrap());
                    // The number of chunks that this worker was told it counted travels in the last one's runtime.
                    counted += 1;
                    assert!(store.complete_chunk("j", index, &worker, &worker, counted, now()).unwrap());
                }
                ChunkClaim::Completed => {}
                ChunkClaim::HeldBy { .. } => left = true,
            }
        }
        if !left {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn worker(path: &Path, name: &str) -> Child {
    Command::new(std::env::current_exe().expect("a test knows its own file"))
        .args(["--exact", "child_works_on_chunks"])
        .envs([(CHILD_FILE, path.as_os_str()), (CHILD_NAME, name.as_ref())])
        .stdout(Stdio::null())
        .spawn()
        .expect("a test can run itself")
}

#[test]
fn processes_share_the_work_and_survive_one_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    let store = SqliteJobs::open(&path).unwrap();
    let new = NewJob { job_id: "j", video: "v", request: &serde_json::Value::Null, owner: "o", force: false };
    store.claim_job(&new, now(), &|_| false).unwrap();
    let chunks: Vec<_> = (0..CHUNKS).map(|index| NewChunk { index, start_s: 0.0, end_s: 1.0 }).collect();
    store.set_plan("j", "o", "d", &chunks, now()).unwrap();

    let mut killed = worker(&path, "killed");
    let others: Vec<Child> = (0..3).map(|n| worker(&path, &format!("w{n}"))).collect();
    let holds = |name: &str| store.chunks("j").unwrap().iter().any(|c| c.lease_owner.as_deref() == Some(name));
    let begun = std::time::Instant::now();
    while !holds("killed") {
        assert!(begun.elapsed().as_secs() < 60, "the worker takes no chunk");
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    for mut other in others {
        assert!(other.wait().unwrap().success());
    }

    let item = store.job("j").unwrap().unwrap();
    assert_eq!((item.completed_chunks, item.progress_pct), (CHUNKS, 99));
    let items = store.chunks("j").unwrap();
    assert!(items.iter().all(|c| c.status == ChunkStatus::Completed));
    for name in ["killed", "w0", "w1", "w2"] {
        let own: Vec<_> = items.iter().filter(|c| c.artifact_key.as_deref() == Some(name)).collect();
        let told = own.iter().filter_map(|c| c.runtime_ms).max().unwrap_or(0);
        assert_eq!(own.len() as u64, told, "{name} was told that it counted {told}");
    }
    store.begin_aggregating("j", "o", now()).unwrap();
}

#[test]
fn the_first_layout_is_carried_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    let new = NewJob { job_id: "j", video: "v", request: &serde_json::Value::Null, owner: "o", force: false };
    assert_eq!(SqliteJobs::open(&path).unwrap().claim_job(&new, 1.0, &|_| true).unwrap(), Claim::New);
    let before = SqliteJobs::open(&path).unwrap().job("j").unwrap();
    // What the first version of framefan left: no column for the request.
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("ALTER TABLE jobs DROP COLUMN request; PRAGMA user_version = 1").unwrap();
    drop(connection);
    assert_eq!(SqliteJobs::open(&path).unwrap().job("j").unwrap(), before);
    let request = serde_json::json!({"analyzers": ["pose"]});
    let again = NewJob { request: &request, owner: "p", ..new };
    SqliteJobs::open(&path).unwrap().claim_job(&again, 2.0, &|_| false).unwrap();
    assert_eq!(SqliteJobs::open(&path).unwrap().job("j").unwrap().unwrap().request, request);
}
