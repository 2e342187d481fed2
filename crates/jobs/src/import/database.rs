//! The database file: opening it, and replacing a job's rows in one transaction.

use std::path::Path;
use std::time::Duration;

use framefan_contract::results::ResultsHeader;
use framefan_contract::state::JobItem;
use framefan_contract::{Error, Result};
use framefan_store::sqlite_error;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::rows::Rows;
use super::{Counts, schema};

/// How long a call waits for others who write. An import of a long video takes minutes.
const BUSY: Duration = Duration::from_secs(300);

/// Memory for pages, in KiB: what makes inserting fast, whatever the size of the result.
const CACHE_KIB: i32 = 65_536;

/// Imported results in an SQLite file.
pub struct Database {
    connection: Connection,
    /// The file, for messages.
    name: String,
}

/// Where a result comes from, and which it is.
pub(super) struct Origin<'a> {
    pub place: &'a str,
    pub results_bytes: u64,
    pub imported_at: f64,
}

impl Database {
    /// Opens the file, making it where it is missing.
    ///
    /// # Errors
    /// `BadInput` for a file that is something else, or has the tables of another version of framefan.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let mut connection = Connection::open(path).map_err(|e| sql_error(&name, e))?;
        prepare(&mut connection, &name)?;
        Ok(Database { connection, name })
    }

    /// Whether the database has this result of the job.
    pub(super) fn has(&self, job: &JobItem, origin: &Origin<'_>) -> Result<bool> {
        let sql = "SELECT 1 FROM imports JOIN jobs USING (job)
                   WHERE job_id = ?1 AND results_bytes = ?2 AND imports.completed_at IS ?3";
        let found: rusqlite::Result<Option<i64>> = self
            .connection
            .query_row(sql, params![job.job_id, origin.results_bytes as i64, job.completed_at], |row| row.get(0))
            .optional();
        Ok(found.map_err(|e| sql_error(&self.name, e))?.is_some())
    }

    /// Replaces the job's rows by those that `write` makes, or leaves everything as it was.
    pub(super) fn replace(
        &mut self,
        job: &JobItem,
        origin: &Origin<'_>,
        write: impl FnOnce(&mut Rows<'_>) -> Result<ResultsHeader>,
    ) -> Result<Counts> {
        let name = self.name.clone();
        let failed = |e| sql_error(&name, e);
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(failed)?;
        transaction.execute("DELETE FROM jobs WHERE job_id = ?1", [&job.job_id]).map_err(failed)?;
        let sql = "INSERT INTO jobs (job_id, video, created_at, started_at, completed_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let item = params![job.job_id, job.video, job.created_at, job.started_at, job.completed_at];
        transaction.execute(sql, item).map_err(failed)?;
        let number = transaction.last_insert_rowid();
        let mut rows = Rows::new(&transaction, number, &name)?;
        let header = write(&mut rows)?;
        let counts = rows.counts();
        drop(rows);
        complete(&transaction, number, &header).map_err(failed)?;
        let import = params![number, origin.imported_at, origin.place, origin.results_bytes as i64, job.completed_at];
        transaction.execute("INSERT INTO imports VALUES (?1, ?2, ?3, ?4, ?5)", import).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(counts)
    }
}

/// Adds what the result says of the job.
fn complete(transaction: &Transaction<'_>, number: i64, header: &ResultsHeader) -> rusqlite::Result<()> {
    let (video, made) = (&header.video, &header.provenance);
    let sql = "UPDATE jobs SET duration_s = ?2, width = ?3, height = ?4, fps = ?5, frames = ?6, frames_processed = ?7,
               container = ?8, codec = ?9, device_class = ?10, precision = ?11, framefan = ?12, source = ?13,
               analyzers = ?14, damaged = ?15, warnings = ?16 WHERE job = ?1";
    transaction.execute(
        sql,
        params![
            number,
            video.duration_s,
            video.width,
            video.height,
            video.average_fps.as_f64(),
            video.frames as i64,
            header.frames_processed as i64,
            video.container,
            video.codec,
            made.device_class,
            made.precision.as_str(),
            made.framefan,
            text(&made.source),
            text(&made.analyzers),
            text(&header.damaged),
            text(&header.warnings),
        ],
    )?;
    Ok(())
}

/// JSON, for the parts that have no columns.
fn text<T: Serialize>(value: &T) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// Checks that the file is ours, or makes it so.
fn prepare(connection: &mut Connection, name: &str) -> Result<()> {
    let failed = |e| sql_error(name, e);
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(failed)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let number = |pragma: &str| transaction.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let (application, version) = (number("application_id").map_err(failed)?, number("user_version").map_err(failed)?);
    let count = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = transaction.query_row(count, [], |row| row.get(0)).map_err(failed)?;
    match (application, version) {
        (schema::APPLICATION, schema::VERSION) => {}
        (0, 0) if tables == 0 => schema::make(&transaction).map_err(failed)?,
        (schema::APPLICATION, other) => {
            return Err(Error::bad_input(format!(
                "{name} has tables of version {other}, this framefan writes version {}: import into a new file with --db",
                schema::VERSION
            )));
        }
        _ => {
            return Err(Error::bad_input(format!(
                "{name} is an SQLite database of something else: import into another file with --db"
            )));
        }
    }
    transaction.commit().map_err(failed)
}

/// What SQLite says about the database of this name.
pub(super) fn sql_error(name: &str, error: rusqlite::Error) -> Error {
    sqlite_error(&format!("the database {name}"), error)
}
