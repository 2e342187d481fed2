//! The chunk items of a job: making them, removing those of a life that is over, and saying when they expire.
//!
//! Each item is written on its own and on condition, sixteen at a time: a batch has no conditions, and could undo what a
//! worker did to a chunk meanwhile.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use framefan_contract::state::ChunkItem;
use framefan_contract::{Error, Result};
use tokio::task::JoinSet;

use super::items::{self, EXPIRES, LIFE, REV, key, number, text};
use super::table::{ChunkRow, Table};
use super::write::condition_failed;
use crate::aws::random::unique;

/// Requests at a time.
const AT_ONCE: usize = 16;

impl Table {
    /// The chunks of the job as it lives now, in order; none when there is no job.
    pub(super) fn chunks(&self, job_id: &str) -> Result<Vec<ChunkRow>> {
        // Chunks first: what belongs to another life than the job has afterwards is from an earlier one.
        let mut rows = self.stored_chunks(job_id)?;
        let life = self.job(job_id)?.map(|job| job.life);
        rows.retain(|row| life.as_ref() == Some(&row.life));
        Ok(rows)
    }

    /// Removes the chunk items of the job's earlier lives; all of them when there is no job.
    pub(super) fn sweep(&self, job_id: &str) -> Result<()> {
        let mut rows = self.stored_chunks(job_id)?;
        if rows.is_empty() {
            return Ok(());
        }
        let life = self.job(job_id)?.map(|job| job.life);
        rows.retain(|row| life.as_ref() != Some(&row.life));
        self.each(rows.into_iter().map(|row| {
            let request = self
                .aws
                .dynamodb()
                .delete_item()
                .table_name(&self.name)
                .set_key(Some(key(job_id, &items::chunk_key(row.item.index))))
                .condition_expression("#life = :life")
                .expression_attribute_names("#life", LIFE)
                .expression_attribute_values(":life", text(row.life));
            let table = self.clone();
            async move {
                match request.send().await {
                    Ok(_) => Ok(()),
                    // Gone, or made anew.
                    Err(e) if condition_failed(&e).is_some() => Ok(()),
                    Err(e) => Err(table.error("remove chunks", e)),
                }
            }
        }))
    }

    /// Makes chunk items of this life unless they are there.
    ///
    /// # Errors
    /// `Retryable` when an item of another life is in the way.
    pub(super) fn make_chunks(&self, job_id: &str, life: &str, chunks: &[ChunkItem]) -> Result<()> {
        let mut requests = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let mut item = key(job_id, &items::chunk_key(chunk.index));
            item.extend(items::fields(chunk)?.into_iter().filter_map(|(name, value)| Some((name, value?))));
            item.insert(LIFE.to_owned(), text(life));
            item.insert(REV.to_owned(), text(unique()));
            let request = self
                .aws
                .dynamodb()
                .put_item()
                .table_name(&self.name)
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(pk)")
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let (table, life, what) = (self.clone(), life.to_owned(), format!("chunk {} of job {job_id}", chunk.index));
            requests.push(async move {
                let Err(error) = request.send().await else { return Ok(()) };
                let there = condition_failed(&error).map(|item| item.and_then(|item| items::string(item, LIFE)));
                match there {
                    Some(there) if there.as_ref() == Some(&life) => Ok(()),
                    Some(_) => Err(Error::retryable(format!("{what} is in the way from before the job started over"))),
                    None => Err(table.error("make chunks", error)),
                }
            });
        }
        self.each(requests.into_iter())
    }

    /// Sets or removes when chunk items expire.
    pub(super) fn expire_chunks(&self, job_id: &str, rows: &[ChunkRow], at: Option<u64>) -> Result<()> {
        self.each(rows.iter().filter(|row| row.expires_at != at).map(|row| {
            let request = self
                .aws
                .dynamodb()
                .update_item()
                .table_name(&self.name)
                .set_key(Some(key(job_id, &items::chunk_key(row.item.index))))
                .condition_expression("#life = :life")
                .expression_attribute_names("#life", LIFE)
                .expression_attribute_values(":life", text(&row.life))
                .expression_attribute_names("#expires", EXPIRES);
            let request = match at {
                Some(at) => {
                    request.update_expression("SET #expires = :at").expression_attribute_values(":at", number(at))
                }
                None => request.update_expression("REMOVE #expires"),
            };
            let table = self.clone();
            async move {
                match request.send().await {
                    Ok(_) => Ok(()),
                    Err(e) if condition_failed(&e).is_some() => Ok(()),
                    Err(e) => Err(table.error("say when chunks expire", e)),
                }
            }
        }))
    }

    /// Runs requests, some at a time. The first error ends it.
    fn each<F>(&self, requests: impl Iterator<Item = F>) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.aws.block_on(async {
            let mut running = JoinSet::new();
            for request in requests {
                if running.len() == AT_ONCE {
                    ended(running.join_next().await)?;
                }
                running.spawn(request);
            }
            while !running.is_empty() {
                ended(running.join_next().await)?;
            }
            Ok(())
        })
    }
}

fn ended(task: Option<Result<Result<()>, tokio::task::JoinError>>) -> Result<()> {
    match task {
        Some(Ok(outcome)) => outcome,
        Some(Err(e)) => Err(Error::defect(format!("a request's task failed: {e}"))),
        None => Ok(()),
    }
}
