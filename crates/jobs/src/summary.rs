//! What a run tells when it is over.

use framefan_contract::run::{RunRecord, StageMetrics};
use framefan_contract::state::JobStage;
use serde::Serialize;

/// The last line of `framefan run --json`.
#[derive(Clone, Debug, Serialize)]
pub struct RunSummary {
    /// The job.
    pub job_id: String,
    /// Its stage: DONE.
    pub stage: JobStage,
    /// Frames decoded for analysis over the whole video.
    pub frames: u64,
    /// Frames on the sample grid.
    pub sampled_frames: u64,
    /// Chunks in the plan.
    pub chunks: u32,
    /// Shards of this run.
    pub shards: u32,
    /// Chunks that were finished before this run.
    pub resumed_chunks: u64,
    /// Seconds from start to end.
    pub wall_s: f64,
    /// Seconds that this process used the CPU, over all cores.
    pub cpu_s: f64,
    /// Busy seconds, waits and throughput of the stages of this run, summed over its workers.
    pub stages: StageSummary,
    /// The stage with the most busy seconds; empty when nothing was left to do.
    pub bottleneck: String,
    /// What a reader should know.
    pub warnings: Vec<String>,
    /// Path of `final_results.json`.
    pub results: String,
    /// Path of `report.html`.
    pub report: String,
}

/// Busy seconds by stage, and the details.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StageSummary {
    /// Finding properties and the frame index.
    pub probe_s: f64,
    /// Reading and demultiplexing.
    pub read_s: f64,
    /// Decoding.
    pub decode_s: f64,
    /// Colour conversion and letterboxing.
    pub convert_s: f64,
    /// Networks.
    pub infer_s: f64,
    /// Boxes and keypoints out of network outputs.
    pub postprocess_s: f64,
    /// Writing artifacts.
    pub write_s: f64,
    /// Merging artifacts into the result.
    pub reduce_s: f64,
    /// Pictures and the page.
    pub report_s: f64,
    /// Busy and waiting seconds, items and throughput of each pipeline stage.
    pub detail: Vec<StageMetrics>,
}

impl StageSummary {
    /// Sums the runs' stages.
    pub fn of_runs(runs: &[RunRecord]) -> Self {
        let mut detail: Vec<StageMetrics> = Vec::new();
        for stage in runs.iter().flat_map(|run| &run.stages) {
            match detail.iter_mut().find(|d| d.stage == stage.stage) {
                Some(d) => {
                    d.busy_s += stage.busy_s;
                    d.wait_in_s += stage.wait_in_s;
                    d.wait_out_s += stage.wait_out_s;
                    d.items += stage.items;
                }
                None => detail.push(stage.clone()),
            }
        }
        for stage in &mut detail {
            stage.per_s = if stage.busy_s > 0.0 { stage.items as f64 / stage.busy_s } else { 0.0 };
        }
        let busy = |name: &str| detail.iter().find(|d| d.stage == name).map_or(0.0, |d| d.busy_s);
        StageSummary {
            read_s: busy("read"),
            decode_s: busy("decode"),
            convert_s: busy("convert"),
            infer_s: busy("infer"),
            postprocess_s: busy("postprocess"),
            write_s: busy("write"),
            detail,
            ..StageSummary::default()
        }
    }

    /// The pipeline stage with the most busy seconds.
    pub fn bottleneck(&self) -> String {
        let slowest = self.detail.iter().max_by(|a, b| a.busy_s.total_cmp(&b.busy_s));
        slowest.map(|s| s.stage.clone()).unwrap_or_default()
    }
}
