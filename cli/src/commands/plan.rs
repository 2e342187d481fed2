//! `framefan plan`.

use framefan_contract::plan::Shard;
use framefan_contract::request::{AnalyzerRequest, JobRequest, Precision, REQUEST_SCHEMA};
use framefan_contract::{Error, Result};
use framefan_media::Limits;
use serde_json::Value;

use super::ask;
use crate::args::Plan;
use crate::output;

pub fn plan(args: &Plan) -> Result<()> {
    // First what is quick to find wrong.
    let analyzers = analyzers(args)?;
    let chunk_seconds = ask::chunk_seconds(&args.cutting.chunk_seconds)?;
    let opened = framefan_jobs::open(&args.video, &Limits::default())?;
    // A plan depends neither on weights nor on devices.
    let request = JobRequest {
        schema: REQUEST_SCHEMA.to_owned(),
        source: opened.source.clone(),
        analyzers,
        precision: Precision::F32,
        device_class: String::new(),
        exports: Vec::new(),
        chunk_seconds,
    };
    let plan = framefan_jobs::make_plan(&request.job_id(), &request, &opened.probe)?;
    let shard_count = ask::shards(&args.cutting.shards)?.unwrap_or(1);
    let shards = framefan_planner::deal(&plan.job_id, &plan.chunks, shard_count);
    if args.json {
        return output::line(&answer(&plan, &shards)?.to_string());
    }
    let mut text = format!(
        "{}: {} frames in {} chunk{}, {} shard{}; index by {}\n",
        args.video,
        plan.video.frames,
        plan.chunks.len(),
        if plan.chunks.len() == 1 { "" } else { "s" },
        shards.len(),
        if shards.len() == 1 { "" } else { "s" },
        output::name_of(&plan.index_method),
    );
    text.push_str("shard  chunk      start        end   frames  decode from      bytes\n");
    for shard in &shards {
        for chunk in &plan.chunks[shard.first_chunk as usize..shard.end_chunk as usize] {
            let from = chunk.decode_from.pts.map_or("-".to_owned(), |pts| format!("{:.3}", plan.video.seconds(pts)));
            text.push_str(&format!(
                "{:>5}  {:>5}  {:>9.3}  {:>9.3}  {:>7}  {:>11}  {:>9}\n",
                shard.shard,
                chunk.index,
                chunk.start_s,
                chunk.end_s,
                chunk.frames,
                from,
                output::bytes(chunk.byte_range[1].saturating_sub(chunk.byte_range[0])),
            ));
        }
    }
    for note in &plan.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    output::text(&text)
}

/// `--json`'s answer: plan and shards without the job's id, since which job a run is depends on its weights, too.
fn answer(plan: &framefan_contract::plan::Plan, shards: &[Shard]) -> Result<Value> {
    let without_job = |part: serde_json::Result<Value>| {
        let mut part = part.map_err(|e| Error::defect(format!("the plan does not serialize: {e}")))?;
        part.as_object_mut().map(|fields| fields.remove("job_id"));
        Ok(part)
    };
    let shards: Vec<Value> =
        shards.iter().map(|shard| without_job(serde_json::to_value(shard))).collect::<Result<_>>()?;
    Ok(serde_json::json!({"plan": without_job(serde_json::to_value(plan))?, "shards": shards}))
}

fn analyzers(args: &Plan) -> Result<Vec<AnalyzerRequest>> {
    let (names, params) = (&args.analysis.analyzers, ask::params(&args.analysis.params)?);
    framefan_jobs::analyzer_requests(names, &params, &ask::common_params(&args.analysis))
}
