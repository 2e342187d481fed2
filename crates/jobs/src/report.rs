//! The report step: reads the result back as a stream, decodes the frames worth showing, writes the page.

use std::collections::BTreeMap;
use std::io::Read;

use framefan_contract::plan::Plan;
use framefan_contract::request::JobRequest;
use framefan_contract::run::RunRecord;
use framefan_contract::{Error, Result, keys};
use framefan_report::exports::stored_section;
use framefan_report::truth::Truth;
use framefan_report::{Figures, ReportInput, read_summary, render, wanted_pictures};
use framefan_store::ObjectStore;

use crate::pictures::decode_pictures;
use crate::source::OpenSource;

/// Writes `report.html` of a job whose result is written. `runs` are all attempts; `figures` tell of the last run. Without
/// `source` the page has no pictures; with `truth` it compares.
pub fn write_report(
    objects: &dyn ObjectStore,
    request: &JobRequest,
    plan: &Plan,
    runs: Vec<RunRecord>,
    source: Option<&OpenSource>,
    truth: Option<&Truth>,
    figures: Figures,
) -> Result<()> {
    let open = |key: &str| {
        objects.open(key)?.ok_or_else(|| Error::retryable(format!("{key} vanished before the report was written")))
    };
    let results = open(&keys::results(&plan.job_id))?;
    let section =
        |file: &str| -> Result<Box<dyn Read>> { Ok(open(&format!("{}{file}", keys::job_prefix(&plan.job_id)))?) };
    let (header, sections) = read_summary(results, section)?;
    let wanted = source.map(|source| nearest(source, wanted_pictures(&header.video, &sections))).unwrap_or_default();
    let comparison = truth.map(|truth| truth.compare(&|analyzer| stored_section(&section, analyzer))).transpose()?;
    let page = render(&ReportInput {
        header,
        request: request.clone(),
        plan: plan.clone(),
        runs,
        sections,
        pictures: source.map_or_else(|| Ok(BTreeMap::new()), |source| decode_pictures(source, &wanted))?,
        comparison,
        figures,
    })?;
    objects.replace(&keys::report(&plan.job_id), page.as_bytes())
}

/// The same with timestamps that frames have: in a fine time base, times that are rounded to microseconds miss them.
fn nearest(source: &OpenSource, mut wanted: Vec<(u64, i64)>) -> Vec<(u64, i64)> {
    let times = source.probe.index.presentation_times();
    for (_, pts) in &mut wanted {
        let place = times.partition_point(|time| time < pts);
        let around = times[place.saturating_sub(1)..times.len().min(place + 1)].iter();
        *pts = around.copied().min_by_key(|time| time.abs_diff(*pts)).unwrap_or(*pts);
    }
    wanted.dedup_by_key(|&mut (_, pts)| pts);
    wanted
}
