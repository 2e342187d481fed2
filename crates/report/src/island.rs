//! The data that the page's script reads: a JSON block that cannot end the element it stands in.

use framefan_analyzers::pose::section::Summary;
use framefan_contract::{Error, Result};
use serde_json::{Map, Value, json};

use crate::ReportInput;
use crate::timeline::Axis;

/// The JSON for the script: the series of each analyzer's timeline. `<`, `>` and `&` are written as escapes, which mean the
/// same in JSON and nothing in HTML.
///
/// # Errors
/// [`Defect`](framefan_contract::ErrorKind::Defect) when it cannot be written.
pub fn data(input: &ReportInput) -> Result<String> {
    let mut series = Map::new();
    if let Some(pose) = &input.sections.pose {
        let of = &pose.metrics.series;
        series.insert("pose".to_owned(), timeline(input, of.bin_s, of.bins, pose_traces(pose)));
    }
    if let Some(track) = &input.sections.track {
        let traces = json!({ "at_once": track.at_once });
        series.insert("track".to_owned(), timeline(input, track.bin_s, track.at_once.len(), traces));
    }
    if let Some(golden) = &input.sections.golden_frames {
        let traces = json!({ "sharpness": golden.sharpness.mean, "motion": golden.motion.mean });
        series.insert("golden_frames".to_owned(), timeline(input, golden.bin_s, golden.sharpness.mean.len(), traces));
    }
    let text = serde_json::to_string(&json!({ "series": series }))
        .map_err(|error| Error::defect(format!("the report's data cannot be written: {error}")))?;
    Ok(text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

fn timeline(input: &ReportInput, bin_s: f64, bins: usize, traces: Value) -> Value {
    let duration_s = Axis::new(input, "", bin_s, bins).duration_s;
    json!({ "duration_s": duration_s, "bin_s": bin_s, "bins": bins, "traces": traces })
}

fn pose_traces(pose: &Summary) -> Value {
    let series = &pose.metrics.series;
    let mut traces: Map<String, Value> =
        series.angles.iter().map(|(name, band)| (format!("angles.{name}"), json!(band.mean))).collect();
    traces.insert("people_mean".to_owned(), json!(series.people_mean));
    traces.insert("head".to_owned(), json!(series.head.mean_speed));
    traces.insert("hips".to_owned(), json!(series.hips.mean_speed));
    Value::Object(traces)
}
