//! Job and chunk items as table rows.

use framefan_contract::Error;
use framefan_contract::state::{ChunkItem, JobError, JobItem};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Failure;

/// The tables, inside a transaction or not.
pub(super) struct Rows<'a> {
    connection: &'a Connection,
}

impl<'a> Rows<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Rows { connection }
    }

    pub(super) fn schema_version(&self) -> rusqlite::Result<i64> {
        self.connection.pragma_query_value(None, "user_version", |row| row.get(0))
    }

    pub(super) fn make_tables(&self, tables: &str, version: i64) -> rusqlite::Result<()> {
        self.connection.execute_batch(tables)?;
        self.connection.pragma_update(None, "user_version", version)
    }

    pub(super) fn job(&self, job_id: &str) -> rusqlite::Result<Option<JobItem>> {
        let mut statement = self.connection.prepare_cached("SELECT * FROM jobs WHERE job_id = ?1")?;
        statement.query_row([job_id], read_job).optional()
    }

    pub(super) fn known_job(&self, job_id: &str) -> Result<JobItem, Failure> {
        Ok(self.job(job_id)?.ok_or_else(|| Error::not_found(format!("there is no job {job_id}")))?)
    }

    pub(super) fn jobs(&self, limit: usize) -> rusqlite::Result<Vec<JobItem>> {
        let mut statement =
            self.connection.prepare_cached("SELECT * FROM jobs ORDER BY created_at DESC, job_id LIMIT ?1")?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        statement.query_map([limit], read_job)?.collect()
    }

    pub(super) fn owned_by(&self, owner: &str) -> rusqlite::Result<Vec<JobItem>> {
        let mut statement =
            self.connection.prepare_cached("SELECT * FROM jobs WHERE owner = ?1 ORDER BY created_at DESC, job_id")?;
        statement.query_map([owner], read_job)?.collect()
    }

    pub(super) fn put_job(&self, job: &JobItem) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO jobs VALUES (:job_id, :stage, :progress_pct, :total_chunks, :completed_chunks,
             :failed_chunks, :video, :owner, :plan_digest, :created_at, :started_at, :completed_at, :error_kind,
             :error_message, :request)",
        )?;
        statement.execute(named_params! {
            ":job_id": job.job_id, ":stage": name(&job.stage)?, ":progress_pct": job.progress_pct,
            ":total_chunks": job.total_chunks, ":completed_chunks": job.completed_chunks,
            ":failed_chunks": job.failed_chunks, ":video": job.video, ":owner": job.owner,
            ":plan_digest": job.plan_digest, ":created_at": job.created_at, ":started_at": job.started_at,
            ":completed_at": job.completed_at, ":error_kind": job.error.as_ref().map(|e| name(&e.kind)).transpose()?,
            ":error_message": job.error.as_ref().map(|e| &e.message), ":request": job.request.to_string(),
        })?;
        Ok(())
    }

    pub(super) fn delete_job(&self, job_id: &str) -> rusqlite::Result<bool> {
        self.connection.execute("DELETE FROM chunks WHERE job_id = ?1", [job_id])?;
        Ok(self.connection.execute("DELETE FROM jobs WHERE job_id = ?1", [job_id])? > 0)
    }

    pub(super) fn chunk(&self, job_id: &str, index: u32) -> rusqlite::Result<Option<ChunkItem>> {
        let mut statement = self.connection.prepare_cached("SELECT * FROM chunks WHERE job_id = ?1 AND chunk = ?2")?;
        statement.query_row(params![job_id, index], read_chunk).optional()
    }

    pub(super) fn known_chunk(&self, job_id: &str, index: u32) -> Result<(JobItem, ChunkItem), Failure> {
        let job = self.known_job(job_id)?;
        let chunk = self.chunk(job_id, index)?;
        Ok((job, chunk.ok_or_else(|| Error::not_found(format!("job {job_id} has no chunk {index}")))?))
    }

    pub(super) fn chunks(&self, job_id: &str) -> rusqlite::Result<Vec<ChunkItem>> {
        let mut statement = self.connection.prepare_cached("SELECT * FROM chunks WHERE job_id = ?1 ORDER BY chunk")?;
        statement.query_map([job_id], read_chunk)?.collect()
    }

    pub(super) fn put_chunk(&self, job_id: &str, chunk: &ChunkItem) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO chunks VALUES (:job_id, :chunk, :status, :attempts, :lease_owner, :lease_until,
             :start_s, :end_s, :artifact_key, :runtime_ms, :error_message, :created_at, :started_at, :completed_at)",
        )?;
        statement.execute(named_params! {
            ":job_id": job_id, ":chunk": chunk.index, ":status": name(&chunk.status)?, ":attempts": chunk.attempts,
            ":lease_owner": chunk.lease_owner, ":lease_until": chunk.lease_until, ":start_s": chunk.start_s,
            ":end_s": chunk.end_s, ":artifact_key": chunk.artifact_key,
            ":runtime_ms": chunk.runtime_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
            ":error_message": chunk.error_message, ":created_at": chunk.created_at, ":started_at": chunk.started_at,
            ":completed_at": chunk.completed_at,
        })?;
        Ok(())
    }
}

fn read_job(row: &Row<'_>) -> rusqlite::Result<JobItem> {
    let error = match row.get::<_, Option<String>>("error_kind")? {
        Some(_) => Some(JobError { kind: named(row, "error_kind")?, message: row.get("error_message")? }),
        None => None,
    };
    Ok(JobItem {
        job_id: row.get("job_id")?,
        stage: named(row, "stage")?,
        progress_pct: row.get("progress_pct")?,
        total_chunks: row.get("total_chunks")?,
        completed_chunks: row.get("completed_chunks")?,
        failed_chunks: row.get("failed_chunks")?,
        video: row.get("video")?,
        request: json(row, "request")?,
        owner: row.get("owner")?,
        plan_digest: row.get("plan_digest")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        completed_at: row.get("completed_at")?,
        error,
    })
}

fn read_chunk(row: &Row<'_>) -> rusqlite::Result<ChunkItem> {
    Ok(ChunkItem {
        index: row.get("chunk")?,
        status: named(row, "status")?,
        attempts: row.get("attempts")?,
        lease_owner: row.get("lease_owner")?,
        lease_until: row.get("lease_until")?,
        start_s: row.get("start_s")?,
        end_s: row.get("end_s")?,
        artifact_key: row.get("artifact_key")?,
        runtime_ms: row.get::<_, Option<i64>>("runtime_ms")?.map(i64::unsigned_abs),
        error_message: row.get("error_message")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        completed_at: row.get("completed_at")?,
    })
}

/// A column of JSON text.
fn json(row: &Row<'_>, column: &str) -> rusqlite::Result<serde_json::Value> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|e| {
        let position = row.as_ref().column_index(column).unwrap_or(0);
        rusqlite::Error::FromSqlConversionFailure(position, rusqlite::types::Type::Text, Box::new(e))
    })
}

/// The name that the contract gives a stage, a status or a kind of error; JSON has the same.
fn name<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    let failed = |e| rusqlite::Error::ToSqlConversionFailure(Box::new(e));
    let json = serde_json::to_value(value).map_err(failed)?;
    serde_json::from_value(json).map_err(failed)
}

/// The other way round.
fn named<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let name: String = row.get(column)?;
    let failed = |e| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(e));
    serde_json::from_value(serde_json::Value::String(name)).map_err(failed)
}
