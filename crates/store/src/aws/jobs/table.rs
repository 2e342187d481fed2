//! Reading the table's items, as they are now.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use framefan_contract::state::{ChunkItem, JobItem};
use framefan_contract::{Error, Result};

use super::items::{self, Attributes, CHUNK_PREFIX, LIFE, META, RETENTION, REV, key, text};
use super::patience::Patience;
use crate::aws::Aws;
use crate::aws::errors::failed;

/// Items that one BatchGetItem reads.
const READ_AT_ONCE: usize = 100;

/// A table and how to reach it.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) aws: Aws,
    pub(super) name: String,
}

/// A job's item with what the store keeps beside it.
pub(super) struct JobRow {
    pub(super) item: JobItem,
    pub(super) rev: String,
    pub(super) life: String,
    pub(super) retention_days: Option<u64>,
}

/// A chunk's item with what the store keeps beside it.
pub(super) struct ChunkRow {
    pub(super) item: ChunkItem,
    pub(super) rev: String,
    pub(super) life: String,
    pub(super) expires_at: Option<u64>,
}

impl Table {
    pub(super) fn error<E>(&self, what: &str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        failed(format!("cannot {what} in the table {}", self.name), error)
    }

    pub(super) fn job_row(&self, attributes: &Attributes) -> Result<JobRow> {
        Ok(JobRow {
            item: items::item(&self.name, attributes)?,
            rev: items::string(attributes, REV).unwrap_or_default(),
            life: items::string(attributes, LIFE).unwrap_or_default(),
            retention_days: items::integer(attributes, RETENTION),
        })
    }

    pub(super) fn chunk_row(&self, attributes: &Attributes) -> Result<ChunkRow> {
        Ok(ChunkRow {
            item: items::item(&self.name, attributes)?,
            rev: items::string(attributes, REV).unwrap_or_default(),
            life: items::string(attributes, LIFE).unwrap_or_default(),
            expires_at: items::integer(attributes, items::EXPIRES),
        })
    }

    /// A job's item as it is now.
    pub(super) fn job(&self, job_id: &str) -> Result<Option<JobRow>> {
        let request = self.aws.dynamodb().get_item().table_name(&self.name).set_key(Some(key(job_id, META)));
        let request = request.consistent_read(true);
        let answer = patiently(|| {
            self.aws.block_on(request.clone().send()).map_err(|e| self.error(&format!("read job {job_id}"), e))
        })?;
        answer.item.map(|attributes| self.job_row(&attributes)).transpose()
    }

    pub(super) fn known_job(&self, job_id: &str) -> Result<JobRow> {
        self.job(job_id)?.ok_or_else(|| Error::not_found(format!("there is no job {job_id}")))
    }

    /// A job's item and a chunk's, each as it is now.
    pub(super) fn known_chunk(&self, job_id: &str, index: u32) -> Result<(JobRow, ChunkRow)> {
        let sort = items::chunk_key(index);
        let mut found = self.get(vec![key(job_id, META), key(job_id, &sort)])?;
        let mut take = |sort: &str| {
            let position = found.iter().position(|attributes| items::string(attributes, "sk").as_deref() == Some(sort));
            position.map(|position| found.swap_remove(position))
        };
        let job = take(META).ok_or_else(|| Error::not_found(format!("there is no job {job_id}")))?;
        let job = self.job_row(&job)?;
        let chunk = take(&sort).map(|attributes| self.chunk_row(&attributes)).transpose()?;
        let chunk = chunk.filter(|chunk| chunk.life == job.life);
        Ok((job, chunk.ok_or_else(|| Error::not_found(format!("job {job_id} has no chunk {index}")))?))
    }

    /// The chunk items of a job that are stored, of any life, in order.
    pub(super) fn stored_chunks(&self, job_id: &str) -> Result<Vec<ChunkRow>> {
        let query = self
            .aws
            .dynamodb()
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :chunk)")
            .expression_attribute_values(":pk", text(items::partition(job_id)))
            .expression_attribute_values(":chunk", text(CHUNK_PREFIX))
            .consistent_read(true);
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let page = self.query(&query, after, &format!("read the chunks of job {job_id}"))?;
            for attributes in page.items.unwrap_or_default() {
                rows.push(self.chunk_row(&attributes)?);
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                break;
            }
        }
        rows.sort_by_key(|row| row.item.index);
        Ok(rows)
    }

    /// One page of a query: its first, or what follows the key that ended the page before.
    pub(super) fn query(
        &self,
        query: &QueryFluentBuilder,
        after: Option<Attributes>,
        what: &str,
    ) -> Result<QueryOutput> {
        patiently(|| {
            let request = query.clone().set_exclusive_start_key(after.clone());
            self.aws.block_on(request.send()).map_err(|e| self.error(what, e))
        })
    }

    /// The items with these keys that exist, each as it is now, in no order.
    pub(super) fn get(&self, keys: Vec<Attributes>) -> Result<Vec<Attributes>> {
        let mut found = Vec::with_capacity(keys.len());
        for group in keys.chunks(READ_AT_ONCE) {
            let mut patience = Patience::of_readers();
            let mut keys = group.to_vec();
            while !keys.is_empty() {
                let wanted = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .consistent_read(true)
                    .build()
                    .map_err(|e| Error::defect(e.to_string()))?;
                let request = self.aws.dynamodb().batch_get_item().request_items(&self.name, wanted);
                let answer =
                    patiently(|| self.aws.block_on(request.clone().send()).map_err(|e| self.error("read items", e)))?;
                found.extend(answer.responses.unwrap_or_default().into_values().flatten());
                keys = answer.unprocessed_keys.unwrap_or_default().remove(&self.name).map_or(vec![], |left| left.keys);
                if !keys.is_empty() {
                    let what = format!("cannot read items in the table {}", self.name);
                    std::thread::sleep(patience.pause(&what, "the table is busy")?);
                }
            }
        }
        Ok(found)
    }
}

/// Repeats a read that may succeed later, for as long as a change may be tried.
fn patiently<T>(mut read: impl FnMut() -> Result<T>) -> Result<T> {
    let mut patience = Patience::of_readers();
    loop {
        match read() {
            Err(error) if error.kind().is_retryable() => {
                std::thread::sleep(patience.pause("a read", "").map_err(|_| error)?);
            }
            outcome => return outcome,
        }
    }
}
