//! `framefan run`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use framefan_contract::request::ExportFormat;
use framefan_contract::{Error, Result};
use framefan_jobs::{Ask, LocalRun, Models, RunSummary, Truth, parse_model};
use framefan_models::ComputeDevice;
use framefan_worker::{Progress, Stop};

use super::ask;
use crate::args::Run;
use crate::output;
use crate::progress::ProgressLine;

pub fn run(args: &Run) -> Result<()> {
    let mut models = BTreeMap::new();
    for text in &args.models {
        let (name, path) = parse_model(text)?;
        models.insert(name, path);
    }
    let device = args.device.parse::<ComputeDevice>()?;
    let precision = args.precision.into();
    let models = Models::on_this_machine(models)?;
    let ask = Ask {
        analyzers: args.analysis.analyzers.clone(),
        params: ask::params(&args.analysis.params)?,
        common: ask::common_params(&args.analysis),
        exports: ExportFormat::parse_list(args.exports.exports.iter().map(String::as_str))?,
        precision,
        device_class: device.class(precision)?,
        chunk_seconds: ask::chunk_seconds(&args.cutting.chunk_seconds)?,
    };
    let truth = args.truth.as_deref().map(read_truth).transpose()?;
    let shards = ask::shards(&args.cutting.shards)?;
    std::fs::create_dir_all(&args.out).map_err(|e| Error::io(args.out.display(), e))?;
    let (progress, stop) = (Progress::default(), Stop::default());
    stop_on_signal(&stop)?;
    let line = ProgressLine::new();
    let summary = line.watch(&progress, |on_plan| {
        framefan_jobs::run(&LocalRun {
            video: &args.video,
            ask: &ask,
            models: &models,
            device,
            out: &args.out,
            shards,
            workers: args.workers,
            truth: truth.as_ref(),
            force: args.force,
            progress: &progress,
            stop: &stop,
            on_plan,
        })
    })?;
    if args.json {
        let json = serde_json::to_string(&summary)
            .map_err(|e| Error::defect(format!("the summary does not serialize: {e}")))?;
        return output::line(&json);
    }
    output::text(&describe(&summary))
}

fn read_truth(path: &Path) -> Result<Truth> {
    let file = File::open(path).map_err(|e| Error::io(path.display(), e))?;
    Truth::read(file, &path.display().to_string())
}

/// The first Ctrl-C or SIGTERM stops cleanly; a second one ends the process at once.
fn stop_on_signal(stop: &Stop) -> Result<()> {
    let stop = stop.clone();
    ctrlc::set_handler(move || {
        if stop.is_requested() {
            std::process::exit(130);
        }
        stop.request();
        output::note("framefan: stopping; finished chunks are kept (again to stop at once)");
    })
    .map_err(|e| Error::defect(format!("no signal handler could be set: {e}")))
}

fn describe(summary: &RunSummary) -> String {
    let mut text = format!(
        "job {}\n{} frames, {} sampled, in {} chunks ({} resumed) and {} shards: {} \n",
        summary.job_id,
        summary.frames,
        summary.sampled_frames,
        summary.chunks,
        summary.resumed_chunks,
        summary.shards,
        output::duration(summary.wall_s),
    );
    for stage in &summary.stages.detail {
        let unit = match stage.stage.as_str() {
            "read" => bytes_per_s(stage.per_s),
            "write" => format!("{:.1} chunks/s", stage.per_s),
            _ => format!("{:.1} frames/s", stage.per_s),
        };
        let mark = if stage.stage == summary.bottleneck { "  ← bottleneck" } else { "" };
        text.push_str(&format!("  {:<12} busy {:>8.2} s  {:>16}{mark}\n", stage.stage, stage.busy_s, unit));
    }
    for warning in &summary.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text.push_str(&format!("results  {}\nreport   {}\n", summary.results, summary.report));
    text
}

fn bytes_per_s(per_s: f64) -> String {
    format!("{}/s", output::bytes(per_s as u64))
}
