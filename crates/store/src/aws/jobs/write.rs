//! Writing the table's items.
//!
//! Every write names itself (`rev`) and is made on condition of the write it found. So a change is made on what it was
//! decided on or not at all; and when an answer is lost, the item tells whether the write happened.

use std::collections::HashMap;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use framefan_contract::{Error, Result};

use super::items::{self, Attributes, Fields, META, REV, key, text};
use super::patience::Patience;
use super::table::Table;
use crate::aws::random::unique;
use crate::rules;

/// One item to write.
pub(super) struct Change {
    pub(super) job_id: String,
    pub(super) sort: String,
    pub(super) fields: Fields,
    /// The write that must have left the item as it is; `None` when there must be no item.
    pub(super) found: Option<String>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// It happened.
    All,
    /// It did not: an item is not as it was found.
    Stale,
}

impl Table {
    /// Makes the changes, all or none.
    pub(super) fn write(&self, changes: Vec<Change>, patience: &mut Patience) -> Result<Wrote> {
        let rev = unique();
        let job_id = changes.first().map(|change| change.job_id.clone()).unwrap_or_default();
        let updates: Vec<Update> =
            changes.into_iter().map(|change| self.update(change, &rev)).collect::<Result<_>>()?;
        loop {
            let why = match self.try_write(&updates, &rev)? {
                Tried::Wrote(wrote) => return Ok(wrote),
                Tried::Again(why) => why,
            };
            let what = format!("cannot write job {job_id} in the table {}", self.name);
            std::thread::sleep(patience.pause(&what, &why)?);
        }
    }

    /// Moves the end of a worker's lease to `until`, if it has the lease and that is later: one request.
    pub(super) fn extend_lease(&self, job_id: &str, index: u32, worker: &str, until: f64) -> Result<bool> {
        let mut patience = Patience::of_writers();
        loop {
            let request = self
                .aws
                .dynamodb()
                .update_item()
                .table_name(&self.name)
                .set_key(Some(key(job_id, &items::chunk_key(index))))
                .update_expression("SET lease_until = :until, rev = :rev")
                .condition_expression("#status = :processing AND lease_owner = :worker AND lease_until < :until")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":processing", text("processing"))
                .expression_attribute_values(":worker", text(worker))
                .expression_attribute_values(":until", items::number(until))
                .expression_attribute_values(":rev", text(unique()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let error = match self.aws.block_on(request.send()) {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            if let Some(there) = condition_failed(&error) {
                let Some(there) = there else {
                    return Err(Error::not_found(format!("job {job_id} has no chunk {index}")));
                };
                // Extended already, by a call that came later or by this one, whose answer was lost.
                return Ok(rules::has_lease(&self.chunk_row(there)?.item, worker));
            }
            let why = self.again(error)?;
            let what = format!("cannot extend the lease of chunk {index} of job {job_id}");
            std::thread::sleep(patience.pause(&what, &why)?);
        }
    }

    /// Removes a job's item; false where there was none.
    pub(super) fn remove_job(&self, job_id: &str) -> Result<bool> {
        let mut patience = Patience::of_writers();
        let mut existed = false;
        while let Some(job) = self.job(job_id)? {
            existed = true;
            let request = self
                .aws
                .dynamodb()
                .delete_item()
                .table_name(&self.name)
                .set_key(Some(key(job_id, META)))
                .condition_expression("rev = :rev")
                .expression_attribute_values(":rev", text(job.rev));
            let why = match self.aws.block_on(request.send()) {
                Ok(_) => return Ok(true),
                Err(error) if condition_failed(&error).is_some() => "others change it at the same time".to_owned(),
                Err(error) => self.again(error)?,
            };
            std::thread::sleep(patience.pause(&format!("cannot remove job {job_id}"), &why)?);
        }
        Ok(existed)
    }

    /// One try, which may be repeated as it is: a write that did happen is recognised by its name.
    fn try_write(&self, updates: &[Update], rev: &str) -> Result<Tried> {
        if let [update] = updates {
            return self.try_update(update, rev);
        }
        let items: Vec<_> =
            updates.iter().map(|update| TransactWriteItem::builder().update(update.clone()).build()).collect();
        let request =
            self.aws.dynamodb().transact_write_items().set_transact_items(Some(items)).client_request_token(rev);
        let error = match self.aws.block_on(request.send()) {
            Ok(_) => return Ok(Tried::Wrote(Wrote::All)),
            Err(error) => error,
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
            match tried(cancelled.cancellation_reasons(), rev) {
                Some(tried) => return Ok(tried),
                None => return Err(self.error("write items", error)),
            }
        }
        self.again(error).map(Tried::Again)
    }

    fn try_update(&self, update: &Update, rev: &str) -> Result<Tried> {
        let request = self
            .aws
            .dynamodb()
            .update_item()
            .table_name(&update.table_name)
            .set_key(Some(update.key.clone()))
            .update_expression(&update.update_expression)
            .set_condition_expression(update.condition_expression.clone())
            .set_expression_attribute_names(update.expression_attribute_names.clone())
            .set_expression_attribute_values(update.expression_attribute_values.clone())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.aws.block_on(request.send()) {
            Ok(_) => Ok(Tried::Wrote(Wrote::All)),
            Err(error) => match condition_failed(&error) {
                Some(there) => Ok(Tried::Wrote(if is_by(there, rev) { Wrote::All } else { Wrote::Stale })),
                None => self.again(error).map(Tried::Again),
            },
        }
    }

    /// Why to try again, where it may pass or may have happened after all.
    fn again<E>(&self, error: SdkError<E, HttpResponse>) -> Result<String>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let error = self.error("write items", error);
        if error.kind().is_retryable() { Ok(error.message().to_owned()) } else { Err(error) }
    }

    fn update(&self, change: Change, rev: &str) -> Result<Update> {
        let mut fields = change.fields;
        fields.push((REV.to_owned(), Some(text(rev))));
        let mut names = HashMap::new();
        let mut values = HashMap::new();
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        for (position, (name, value)) in fields.into_iter().enumerate() {
            // Placeholders, since many plain words are reserved.
            names.insert(format!("#a{position}"), name);
            match value {
                Some(value) => {
                    set.push(format!("#a{position} = :a{position}"));
                    values.insert(format!(":a{position}"), value);
                }
                None => remove.push(format!("#a{position}")),
            }
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        let condition = match change.found {
            Some(found) => {
                names.insert("#rev".to_owned(), REV.to_owned());
                values.insert(":found".to_owned(), text(found));
                "#rev = :found"
            }
            None => "attribute_not_exists(pk)",
        };
        Update::builder()
            .table_name(&self.name)
            .set_key(Some(key(&change.job_id, &change.sort)))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|e| Error::defect(e.to_string()))
    }
}

/// What one try came to.
enum Tried {
    Wrote(Wrote),
    /// Not, or nobody knows; the reason.
    Again(String),
}

/// What cancelled a transaction; `None` when repeating it is of no use.
fn tried(reasons: &[CancellationReason], rev: &str) -> Option<Tried> {
    let is = |reason: &CancellationReason, codes: &[&str]| codes.contains(&reason.code().unwrap_or("None"));
    // One item that bears the name is enough: the other may have changed since.
    if reasons.iter().any(|reason| is_by(reason.item(), rev)) {
        return Some(Tried::Wrote(Wrote::All));
    }
    if reasons.iter().any(|reason| is(reason, &["ConditionalCheckFailed"])) {
        return Some(Tried::Wrote(Wrote::Stale));
    }
    let busy = ["TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"];
    let why = reasons.iter().find(|reason| !is(reason, &["None"]))?;
    let text = format!("{}: {}", why.code().unwrap_or_default(), why.message().unwrap_or_default());
    is(why, &busy).then_some(Tried::Again(text))
}

/// The item that did not meet a condition, where that is what the error says.
pub(super) fn condition_failed<E, R>(error: &SdkError<E, R>) -> Option<Option<&Attributes>>
where
    E: ConditionFailed,
{
    error.as_service_error()?.there()
}

/// Errors of requests that have a condition.
pub(super) trait ConditionFailed {
    /// The item that was there instead, if the condition was not met.
    fn there(&self) -> Option<Option<&Attributes>>;
}

macro_rules! condition_failed {
    ($($error:ty),*) => {$(
        impl ConditionFailed for $error {
            fn there(&self) -> Option<Option<&Attributes>> {
                match self {
                    Self::ConditionalCheckFailedException(failed) => Some(failed.item()),
                    _ => None,
                }
            }
        }
    )*};
}

condition_failed!(
    aws_sdk_dynamodb::operation::update_item::UpdateItemError,
    aws_sdk_dynamodb::operation::put_item::PutItemError,
    aws_sdk_dynamodb::operation::delete_item::DeleteItemError
);

fn is_by(item: Option<&Attributes>, rev: &str) -> bool {
    item.and_then(|item| item.get(REV)).and_then(|found| found.as_s().ok()).is_some_and(|found| found == rev)
}
