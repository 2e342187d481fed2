//! Job and chunk items as attributes of a table's items.
//!
//! The attributes have the names and values that the contract's types have in JSON, so that there is one list of them.
//! Numbers keep every bit: DynamoDB stores 38 decimal digits, and a number is written with as many as it needs.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use framefan_contract::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

/// An item of the table.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// Attributes to write: `None` removes one.
pub(super) type Fields = Vec<(String, Option<AttributeValue>)>;

/// Sort key of the item with a job's state.
pub(super) const META: &str = "META";

/// How the sort keys of chunks start.
pub(super) const CHUNK_PREFIX: &str = "CHUNK#";

/// Names the write that left an item as it is; no two writes have the same.
pub(super) const REV: &str = "rev";

/// Names the life of a job: a job that starts over gets a new one, and chunk items of another one count as absent.
pub(super) const LIFE: &str = "life";

/// How many days the items are kept after the job's end; on the job's item, for whoever ends it.
pub(super) const RETENTION: &str = "retention_days";

/// When DynamoDB may remove the item, seconds since 1970.
pub(super) const EXPIRES: &str = "expires_at";

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Partition key of a job's items.
pub(super) fn partition(job_id: &str) -> String {
    format!("JOB#{job_id}")
}

/// Sort key of a chunk's item.
pub(super) fn chunk_key(index: u32) -> String {
    format!("{CHUNK_PREFIX}{index:04}")
}

/// The primary key.
pub(super) fn key(job_id: &str, sort: &str) -> Attributes {
    HashMap::from([("pk".to_owned(), text(partition(job_id))), ("sk".to_owned(), text(sort))])
}

/// The fields of a contract type.
pub(super) fn fields(item: &impl Serialize) -> Result<Fields> {
    let unwritable = |why: &str| Error::defect(format!("job state cannot be written: {why}"));
    match serde_json::to_value(item) {
        Ok(Value::Object(object)) => Ok(object.into_iter().map(|(name, value)| (name, attribute(value))).collect()),
        Ok(_) => Err(unwritable("it is no object")),
        Err(e) => Err(unwritable(&e.to_string())),
    }
}

/// The other way round. Attributes that the type does not have are passed over.
pub(super) fn item<T: DeserializeOwned>(table: &str, attributes: &Attributes) -> Result<T> {
    let object: Map<String, Value> =
        attributes.iter().map(|(name, attribute)| (name.clone(), value(attribute))).collect();
    serde_json::from_value(Value::Object(object)).map_err(|e| {
        let name = |key| attributes.get(key).and_then(|a| a.as_s().ok()).map_or("?", String::as_str);
        Error::bad_input(format!(
            "the item {} {} of table {table} is not one of framefan's: {e}",
            name("pk"),
            name("sk")
        ))
    })
}

/// Text of an attribute, if it is there.
pub(super) fn string(attributes: &Attributes, name: &str) -> Option<String> {
    attributes.get(name)?.as_s().ok().cloned()
}

/// A whole number of an attribute, if it is there.
pub(super) fn integer(attributes: &Attributes, name: &str) -> Option<u64> {
    attributes.get(name)?.as_n().ok()?.parse().ok()
}

fn attribute(value: Value) -> Option<AttributeValue> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(AttributeValue::Bool(flag)),
        Value::Number(value) => Some(number(value)),
        Value::String(value) => Some(text(value)),
        Value::Array(values) => Some(AttributeValue::L(values.into_iter().filter_map(attribute).collect())),
        Value::Object(object) => Some(AttributeValue::M(
            object.into_iter().filter_map(|(name, value)| Some((name, attribute(value)?))).collect(),
        )),
    }
}

fn value(attribute: &AttributeValue) -> Value {
    match attribute {
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::N(digits) => {
            let whole = digits.parse::<u64>().map(Number::from).ok();
            let number = whole.or_else(|| digits.parse::<f64>().ok().and_then(Number::from_f64));
            number.map_or(Value::Null, Value::Number)
        }
        AttributeValue::L(values) => Value::Array(values.iter().map(value).collect()),
        AttributeValue::M(map) => Value::Object(map.iter().map(|(name, a)| (name.clone(), value(a))).collect()),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;
    use framefan_contract::state::{JobError, JobItem, JobStage};

    use super::*;

    fn job() -> JobItem {
        JobItem {
            job_id: "j".into(),
            stage: JobStage::Failed,
            progress_pct: 7,
            total_chunks: 3,
            completed_chunks: 1,
            failed_chunks: 2,
            video: "film ünd".into(),
            request: serde_json::json!({"a": [1, "b"]}),
            owner: "arn:x".into(),
            plan_digest: None,
            created_at: 1_763_686_912.123_456_7,
            started_at: Some(1.0e16),
            completed_at: Some(100.0),
            error: Some(JobError { kind: ErrorKind::BadInput, message: "m".into() }),
        }
    }

    #[test]
    fn items_come_back_to_the_bit() {
        let fields = fields(&job()).unwrap();
        assert!(fields.contains(&("plan_digest".into(), None)));
        assert!(fields.contains(&("stage".into(), Some(text("FAILED")))));
        assert!(fields.contains(&("total_chunks".into(), Some(number(3)))));
        let mut attributes: Attributes = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        // What DynamoDB gives back has no needless zeros.
        attributes.insert("completed_at".into(), number("100"));
        attributes.insert(REV.into(), text("r"));
        assert_eq!(item::<JobItem>("t", &attributes).unwrap(), job());
        attributes.remove("owner");
        let error = item::<JobItem>("t", &attributes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput);
        assert!(error.message().contains("owner"), "{error}");
    }

    #[test]
    fn chunks_sort_as_they_are_numbered() {
        assert_eq!(chunk_key(7), "CHUNK#0007");
        assert_eq!(chunk_key(12345), "CHUNK#12345");
    }
}
