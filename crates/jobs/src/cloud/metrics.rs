//! CloudWatch metrics as log lines, in the embedded metric format: whoever prints them to CloudWatch Logs has metrics
//! without a call. <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;

use framefan_contract::run::{ChunkTiming, RunRecord};
use serde_json::{Map, Value, json};

use crate::clock::now;

/// The namespace of all metrics.
const NAMESPACE: &str = "framefan";

/// One line of metrics.
struct Line {
    metrics: Vec<Value>,
    fields: Map<String, Value>,
}

impl Line {
    fn new() -> Self {
        Line { metrics: Vec::new(), fields: Map::new() }
    }

    fn metric(mut self, name: &str, unit: &str, value: f64) -> Self {
        self.metrics.push(json!({"Name": name, "Unit": unit}));
        self.fields.insert(name.to_owned(), json!(value));
        self
    }

    /// A property: to search for, not a dimension, of which each value would be a metric to pay for.
    fn property(mut self, name: &str, value: &str) -> Self {
        self.fields.insert(name.to_owned(), json!(value));
        self
    }

    /// The line, whose metrics are summed over the stack and, if given, by queue: two stacks have no queue in common.
    fn finish(mut self, stack: &str, queue: Option<&str>) -> String {
        let mut dimensions = vec![json!(["Stack"])];
        self.fields.insert("Stack".to_owned(), json!(stack));
        if let Some(queue) = queue {
            dimensions.push(json!(["Queue"]));
            self.fields.insert("Queue".to_owned(), json!(queue));
        }
        self.fields.insert(
            "_aws".to_owned(),
            json!({"Timestamp": (now() * 1000.0) as u64, "CloudWatchMetrics": [
                {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": self.metrics}]}),
        );
        Value::Object(self.fields).to_string()
    }
}

/// Prints a line to standard output, which is a log that CloudWatch reads.
pub fn emit(line: &str) {
    // A log that nobody takes is no reason to lose work.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A job was planned, with so many chunks to do.
pub fn planned(stack: &str, job_id: &str, chunks: usize) -> String {
    let line = Line::new().metric("JobsPlanned", "Count", 1.0).metric("ChunksQueued", "Count", chunks as f64);
    line.property("JobId", job_id).finish(stack, None)
}

/// A chunk of so many seconds of video was committed.
pub fn chunk(stack: &str, job_id: &str, queue: &str, timing: &ChunkTiming, video_seconds: f64) -> String {
    let milliseconds = (timing.completed_at - timing.started_at).max(0.0) * 1000.0;
    let line = Line::new()
        .metric("ChunkRuntime", "Milliseconds", milliseconds)
        .metric("ChunksCompleted", "Count", 1.0)
        .metric("VideoSeconds", "Seconds", video_seconds);
    line.property("JobId", job_id).property("Chunk", &timing.chunk.to_string()).finish(stack, Some(queue))
}

/// What is known of an attempt beside its record.
pub struct Attempt<'a> {
    /// The deployment's stack.
    pub stack: &'a str,
    /// Batch's queue.
    pub queue: &'a str,
    /// Which attempt, from 1.
    pub number: u32,
    /// Whether the machine was taken away.
    pub spot_interruption: bool,
    /// Chunks in hand when it failed.
    pub failed_chunks: u32,
    /// Bytes fetched from S3.
    pub bytes_fetched: u64,
}

/// An attempt at a shard ended.
pub fn attempt(run: &RunRecord, attempt: &Attempt<'_>) -> String {
    let mut line = Line::new()
        .metric("ShardRuntime", "Milliseconds", run.wall_s * 1000.0)
        .metric("FramesDecoded", "Count", run.frames as f64)
        .metric("FramesAnalyzed", "Count", run.sampled_frames as f64)
        .metric("BytesFetched", "Bytes", attempt.bytes_fetched as f64)
        .metric("ChunksFailed", "Count", f64::from(attempt.failed_chunks))
        .metric("Retries", "Count", f64::from(u8::from(attempt.number > 1)))
        .metric("SpotInterruptions", "Count", f64::from(u8::from(attempt.spot_interruption)));
    if run.wall_s > 0.0 {
        line = line.metric("ThroughputFps", "Count/Second", run.sampled_frames as f64 / run.wall_s);
    }
    for stage in &run.stages {
        line = line.metric(&format!("StageBusySeconds_{}", stage.stage), "Seconds", stage.busy_s);
    }
    if let Some(infer) = run.stages.iter().find(|stage| stage.stage == "infer") {
        let all = infer.busy_s + infer.wait_in_s + infer.wait_out_s;
        if all > 0.0 {
            line = line.metric("GpuIdleShare", "Percent", 100.0 * (1.0 - infer.busy_s / all));
        }
    }
    line = line.property("JobId", &run.job_id).property("Shard", &run.shard.to_string());
    line.property("Worker", &run.worker).property("Device", &run.device).finish(attempt.stack, Some(attempt.queue))
}

/// A job's results were merged.
pub fn merged(stack: &str, job_id: &str, seconds: f64) -> String {
    let line = Line::new().metric("AggregationTime", "Milliseconds", seconds * 1000.0).metric("JobsDone", "Count", 1.0);
    line.property("JobId", job_id).finish(stack, None)
}

/// A job failed.
pub fn failed(stack: &str, job_id: &str, kind: &str) -> String {
    Line::new().metric("JobsFailed", "Count", 1.0).property("JobId", job_id).property("Kind", kind).finish(stack, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let timing = ChunkTiming { chunk: 7, started_at: 10.0, completed_at: 12.5 };
        let line: Value = serde_json::from_str(&chunk("s", "j", "gpu", &timing, 30.0)).unwrap();
        // The specification's rules: a time in milliseconds, and every metric and dimension is a member at the root.
        assert!(line["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "framefan");
        assert_eq!(directive["Dimensions"], json!([["Stack"], ["Queue"]]));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        assert_eq!(line["ChunkRuntime"], json!(2500.0));
        assert_eq!((&line["Stack"], &line["Queue"]), (&json!("s"), &json!("gpu")));
    }
}
