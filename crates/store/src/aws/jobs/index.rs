//! The index of jobs by stage and age.
//!
//! An index follows the table after a moment, and may hold keys alone. So it only says where to look: the items are read
//! from the table, as they are now.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use framefan_contract::state::{JobItem, JobStage};
use framefan_contract::{Error, Result};

use super::items::{self, Attributes, META, key, text};
use super::table::Table;

/// Partition: the stage's name. Sort: `created_at`.
const INDEX: &str = "by_stage";

/// Keys in one answer.
const PAGE: usize = 200;

impl Table {
    /// The `limit` newest jobs of each of these stages, and what else is as old as the last of them; newest first. With
    /// the stages in a job's order, one that goes on meanwhile is found: at the stage it leaves or at a later one.
    pub(super) fn jobs_at(&self, stages: &[JobStage], limit: usize) -> Result<Vec<JobItem>> {
        let mut ids = BTreeSet::new();
        for &stage in stages {
            ids.extend(self.ids_at(stage, limit)?);
        }
        let keys = ids.iter().map(|id| key(id, META)).collect();
        let rows = self.get(keys)?;
        let mut jobs =
            rows.iter().map(|attributes| items::item(&self.name, attributes)).collect::<Result<Vec<JobItem>>>()?;
        jobs.sort_by(|a, b| b.created_at.total_cmp(&a.created_at).then_with(|| a.job_id.cmp(&b.job_id)));
        Ok(jobs)
    }

    fn ids_at(&self, stage: JobStage, limit: usize) -> Result<Vec<String>> {
        let name = serde_json::to_value(stage).map_err(|e| Error::defect(e.to_string()))?;
        let query = self
            .aws
            .dynamodb()
            .query()
            .table_name(&self.name)
            .index_name(INDEX)
            .key_condition_expression("#stage = :stage")
            .expression_attribute_names("#stage", "stage")
            .expression_attribute_values(":stage", text(name.as_str().unwrap_or_default()))
            .scan_index_forward(false)
            .limit(i32::try_from(limit.saturating_add(1).min(PAGE)).unwrap_or(i32::MAX));
        let mut ids = Vec::new();
        let mut last_age: Option<AttributeValue> = None;
        let mut after = None;
        loop {
            let page = self.query(&query, after, "list jobs")?;
            for attributes in page.items.unwrap_or_default() {
                let age = attributes.get("created_at").cloned();
                if ids.len() >= limit && age != last_age {
                    return Ok(ids);
                }
                last_age = age;
                ids.extend(job_id(&attributes));
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(ids);
            }
        }
    }
}

fn job_id(attributes: &Attributes) -> Option<String> {
    Some(items::string(attributes, "pk")?.strip_prefix("JOB#")?.to_owned())
}
