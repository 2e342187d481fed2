//! The report step: reads the result back as a stream, decodes the frames worth showing, writes the page.

use std::collections::BTreeMap;
use std::io::Read;

use framefan_contract::plan::Plan;
use framefan_contract::request::JobRequest;
use framefan_contract::run::RunRecord;
use framefan_contract::{Error, Result, keys};
use framefan_report::{Figures, ReportInput, read_summary, render, wanted_pictures};
use framefan_store::ObjectStore;

use crate::pictures::decode_pictures;
use crate::source::OpenSource;

/// Writes `report.html` of a job whose result is written. `runs` are all attempts; `figures` tell of the last run. Without
/// `source` the page has no pictures.
pub fn write_report(
    objects: &dyn ObjectStore,
    request: &JobRequest,
    plan: &Plan,
    runs: Vec<RunRecord>,
    source: Option<&OpenSource>,
    figures: Figures,
) -> Result<()> {
    let open = |key: &str| {
        objects.open(key)?.ok_or_else(|| Error::retryable(format!("{key} vanished before the report was written")))
    };
    let results = open(&keys::results(&plan.job_id))?;
    let section =
        |file: &str| -> Result<Box<dyn Read>> { Ok(open(&format!("{}{file}", keys::job_prefix(&plan.job_id)))?) };
    let (header, pose) = read_summary(results, section)?;
    let wanted = pose.as_ref().map(wanted_pictures).unwrap_or_default();
    let page = render(&ReportInput {
        header,
        request: request.clone(),
        plan: plan.clone(),
        runs,
        pose,
        pictures: source.map_or_else(|| Ok(BTreeMap::new()), |source| decode_pictures(source, &wanted))?,
        figures,
    })?;
    objects.replace(&keys::report(&plan.job_id), page.as_bytes())
}
