//! Job state in an SQLite file.
//!
//! Every change is one immediate transaction that reads the items it depends on, so processes and threads at the same
//! file see each other's changes whole and in one order. What is allowed is decided in [`crate::rules`], not here.

mod error;
mod rows;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use framefan_contract::state::{Actor, ChunkItem, ChunkStatus, JobError, JobItem, JobStage};
use framefan_contract::{Error, Result};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::jobs::{ChunkClaim, Claim, JobStore, NewChunk, NewJob};
use crate::rules;
pub use error::sqlite_error;
use rows::Rows;

/// A later layout of the tables than this is refused.
const SCHEMA_VERSION: i64 = 2;

/// How long a call waits for others who write. Transactions take milliseconds.
const BUSY: Duration = Duration::from_secs(30);

const TABLES: &str = "
    CREATE TABLE jobs (
        job_id TEXT PRIMARY KEY, stage TEXT NOT NULL, progress_pct INTEGER NOT NULL, total_chunks INTEGER NOT NULL,
        completed_chunks INTEGER NOT NULL, failed_chunks INTEGER NOT NULL, video TEXT NOT NULL, owner TEXT NOT NULL,
        plan_digest TEXT, created_at REAL NOT NULL, started_at REAL, completed_at REAL, error_kind TEXT,
        error_message TEXT, request TEXT NOT NULL DEFAULT 'null'
    ) STRICT;
    CREATE INDEX jobs_by_age ON jobs (created_at DESC, job_id);
    CREATE TABLE chunks (
        job_id TEXT NOT NULL, chunk INTEGER NOT NULL, status TEXT NOT NULL, attempts INTEGER NOT NULL, lease_owner TEXT,
        lease_until REAL, start_s REAL NOT NULL, end_s REAL NOT NULL, artifact_key TEXT, runtime_ms INTEGER,
        error_message TEXT, created_at REAL NOT NULL, started_at REAL, completed_at REAL, PRIMARY KEY (job_id, chunk)
    ) STRICT, WITHOUT ROWID;
";

/// From layout 1, which did not keep requests.
const FROM_1: &str = "ALTER TABLE jobs ADD COLUMN request TEXT NOT NULL DEFAULT 'null'";

/// A [`JobStore`] in an SQLite file. Several processes and threads may use one file.
#[derive(Debug)]
pub struct SqliteJobs {
    connection: Mutex<Connection>,
    /// The file, for messages.
    name: String,
}

impl SqliteJobs {
    /// Opens the file, making it and its folder where they are missing. A file that is no such store is
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput).
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|e| Error::io(format!("cannot make the folder {}", folder.display()), e))?;
        }
        let mut connection = Connection::open(path).map_err(|e| sqlite_error(&what(&name), e))?;
        prepare(&mut connection).map_err(|e| sqlite_error(&what(&name), e))?;
        let store = SqliteJobs { connection: Mutex::new(connection), name };
        let version = store.change(|rows| {
            match rows.schema_version()? {
                0 => rows.make_tables(TABLES, SCHEMA_VERSION)?,
                1 => rows.make_tables(FROM_1, SCHEMA_VERSION)?,
                _ => {}
            }
            Ok(rows.schema_version()?)
        })?;
        if version != SCHEMA_VERSION {
            return Err(Error::bad_input(format!(
                "the job state in {} has layout {version}; this version of framefan knows {SCHEMA_VERSION}",
                store.name
            )));
        }
        Ok(store)
    }

    /// A panic elsewhere cannot leave a half-made change: its transaction was rolled back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` as one transaction that nobody else writes during; an error undoes it.
    fn change<T>(&self, work: impl FnOnce(&Rows<'_>) -> Result<T, Failure>) -> Result<T> {
        let mut connection = self.lock();
        let outcome = (|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&Rows::new(&transaction))?;
            transaction.commit()?;
            Ok(value)
        })();
        outcome.map_err(|failure| self.error(failure))
    }

    /// Runs `work`, which only reads.
    fn read<T>(&self, work: impl FnOnce(&Rows<'_>) -> rusqlite::Result<T>) -> Result<T> {
        work(&Rows::new(&self.lock())).map_err(|e| sqlite_error(&what(&self.name), e))
    }

    fn error(&self, failure: Failure) -> Error {
        match failure {
            Failure::Refused(error) => error,
            Failure::Sql(error) => sqlite_error(&what(&self.name), error),
        }
    }

    /// Takes a job to its stage `to`; nothing happens when it is there already.
    fn move_job(
        &self,
        job_id: &str,
        to: JobStage,
        actor: Actor,
        owner: Option<&str>,
        apply: impl FnOnce(&mut JobItem),
    ) -> Result<()> {
        self.change(|rows| {
            let mut job = rows.known_job(job_id)?;
            if let Some(owner) = owner {
                rules::check_owner(&job, owner)?;
            }
            if job.stage == to {
                return Ok(());
            }
            rules::move_job(&mut job, to, actor)?;
            apply(&mut job);
            Ok(rows.put_job(&job)?)
        })
    }
}

impl JobStore for SqliteJobs {
    fn claim_job(&self, new: &NewJob<'_>, now: f64, owner_is_alive: &dyn Fn(&str) -> bool) -> Result<Claim> {
        self.change(|rows| {
            let Some(mut job) = rows.job(new.job_id)? else {
                rows.put_job(&rules::new_job(new, now))?;
                return Ok(Claim::New);
            };
            match rules::claim(&job, new, owner_is_alive) {
                rules::ClaimRule::Enter => Ok(Claim::Resumed(job)),
                rules::ClaimRule::Done => Ok(Claim::Done(job)),
                rules::ClaimRule::OwnedBy => Ok(Claim::OwnedBy(job)),
                rules::ClaimRule::Restart => {
                    rules::restart(&mut job, new)?;
                    rows.put_job(&job)?;
                    Ok(Claim::Resumed(job))
                }
                rules::ClaimRule::StartOver => {
                    rows.delete_job(new.job_id)?;
                    rows.put_job(&rules::new_job(new, now))?;
                    Ok(Claim::New)
                }
            }
        })
    }

    fn set_plan(&self, job_id: &str, owner: &str, plan_digest: &str, chunks: &[NewChunk], now: f64) -> Result<()> {
        self.change(|rows| {
            let mut job = rows.known_job(job_id)?;
            if !rules::accept_plan(&mut job, owner, plan_digest, chunks)? {
                return Ok(());
            }
            for chunk in chunks {
                if rows.chunk(job_id, chunk.index)?.is_none() {
                    rows.put_chunk(job_id, &rules::new_chunk(chunk, now))?;
                }
            }
            Ok(rows.put_job(&job)?)
        })
    }

    fn claim_chunk(&self, job_id: &str, index: u32, worker: &str, lease_s: f64, now: f64) -> Result<ChunkClaim> {
        self.change(|rows| {
            let (mut job, mut chunk) = rows.known_chunk(job_id, index)?;
            let claim = rules::claim_chunk(&mut job, &mut chunk, worker, lease_s, now)?;
            if claim == ChunkClaim::Claimed {
                rows.put_chunk(job_id, &chunk)?;
                rows.put_job(&job)?;
            }
            Ok(claim)
        })
    }

    fn heartbeat(&self, job_id: &str, index: u32, worker: &str, until: f64) -> Result<bool> {
        self.change(|rows| {
            let (_, mut chunk) = rows.known_chunk(job_id, index)?;
            if !rules::has_lease(&chunk, worker) {
                return Ok(false);
            }
            chunk.lease_until = Some(chunk.lease_until.unwrap_or(until).max(until));
            rows.put_chunk(job_id, &chunk)?;
            Ok(true)
        })
    }

    fn complete_chunk(
        &self,
        job_id: &str,
        index: u32,
        worker: &str,
        artifact_key: &str,
        runtime_ms: u64,
        now: f64,
    ) -> Result<bool> {
        self.change(|rows| {
            let (mut job, mut chunk) = rows.known_chunk(job_id, index)?;
            if chunk.status == ChunkStatus::Completed {
                return Ok(false);
            }
            rules::complete_chunk(&mut job, &mut chunk, worker, now)?;
            chunk.artifact_key = Some(artifact_key.to_owned());
            chunk.runtime_ms = Some(runtime_ms);
            rows.put_chunk(job_id, &chunk)?;
            rows.put_job(&job)?;
            Ok(true)
        })
    }

    fn fail_chunk(&self, job_id: &str, index: u32, worker: &str, message: &str, now: f64) -> Result<()> {
        self.change(|rows| {
            let (mut job, mut chunk) = rows.known_chunk(job_id, index)?;
            rules::fail_chunk(&mut job, &mut chunk, worker, message, now)?;
            rows.put_chunk(job_id, &chunk)?;
            Ok(rows.put_job(&job)?)
        })
    }

    fn release_chunk(&self, job_id: &str, index: u32, worker: &str) -> Result<()> {
        self.change(|rows| {
            let (mut job, mut chunk) = rows.known_chunk(job_id, index)?;
            rules::release_chunk(&mut job, &mut chunk, worker)?;
            Ok(rows.put_chunk(job_id, &chunk)?)
        })
    }

    fn begin_aggregating(&self, job_id: &str, owner: &str, _now: f64) -> Result<()> {
        self.change(|rows| {
            let mut job = rows.known_job(job_id)?;
            rules::begin_aggregating(&mut job, owner)?;
            Ok(rows.put_job(&job)?)
        })
    }

    fn finish_job(&self, job_id: &str, owner: &str, now: f64) -> Result<()> {
        self.move_job(job_id, JobStage::Done, Actor::Reducer, Some(owner), |job| job.completed_at = Some(now))
    }

    fn fail_job(&self, job_id: &str, owner: &str, error: &JobError, now: f64) -> Result<()> {
        self.move_job(job_id, JobStage::Failed, Actor::Closer, Some(owner), |job| {
            job.completed_at = Some(now);
            job.error = Some(error.clone());
        })
    }

    fn cancel_job(&self, job_id: &str, owner: Option<&str>, now: f64) -> Result<()> {
        self.move_job(job_id, JobStage::Cancelled, Actor::Closer, owner, |job| job.completed_at = Some(now))
    }

    fn job(&self, job_id: &str) -> Result<Option<JobItem>> {
        self.read(|rows| rows.job(job_id))
    }

    fn chunks(&self, job_id: &str) -> Result<Vec<ChunkItem>> {
        self.read(|rows| rows.chunks(job_id))
    }

    fn jobs(&self, limit: usize) -> Result<Vec<JobItem>> {
        self.read(|rows| rows.jobs(limit))
    }

    fn owned_by(&self, owner: &str) -> Result<Vec<JobItem>> {
        let owned = self.read(|rows| rows.owned_by(owner))?;
        Ok(owned.into_iter().filter(|job| !job.stage.is_terminal()).collect())
    }

    fn delete_job(&self, job_id: &str) -> Result<bool> {
        self.change(|rows| Ok(rows.delete_job(job_id)?))
    }
}

/// Why a transaction did not happen.
enum Failure {
    /// The change is not allowed.
    Refused(Error),
    /// SQLite could not do it.
    Sql(rusqlite::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Refused(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Sql(error)
    }
}

/// Readers beside one writer, and nothing lost when the machine stops.
fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Changing the mode needs the file alone for a moment and does not wait by itself.
    let begun = std::time::Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(e) if is_busy(&e) && begun.elapsed() < BUSY => std::thread::sleep(Duration::from_millis(5)),
            outcome => return outcome,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// What messages are about.
fn what(name: &str) -> String {
    format!("job state in {name}")
}
