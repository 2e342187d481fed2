//! The data that the page's script reads: a JSON block that cannot end the element it stands in.

use framefan_analyzers::pose::section::Summary;
use framefan_contract::{Error, Result};
use serde_json::json;

/// The JSON for the script. `<`, `>` and `&` are written as escapes, which mean the same in JSON and nothing in HTML.
///
/// # Errors
/// [`Defect`](framefan_contract::ErrorKind::Defect) when it cannot be written.
pub fn data(pose: Option<&Summary>, duration_s: f64) -> Result<String> {
    let series = pose.map(|pose| {
        let series = &pose.metrics.series;
        let angles: serde_json::Map<_, _> =
            series.angles.iter().map(|(name, band)| (format!("angles.{name}"), json!(band.mean))).collect();
        let mut traces = json!({
            "people_mean": series.people_mean, "head": series.head.mean_speed, "hips": series.hips.mean_speed,
        });
        if let Some(traces) = traces.as_object_mut() {
            traces.extend(angles);
        }
        json!({ "bin_s": series.bin_s, "bins": series.bins, "traces": traces })
    });
    let text = serde_json::to_string(&json!({ "duration_s": duration_s, "series": series }))
        .map_err(|error| Error::defect(format!("the report's data cannot be written: {error}")))?;
    Ok(text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}
