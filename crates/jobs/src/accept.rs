//! From what a user asks to a request with every default filled in, whose digest is the job id.

use std::collections::BTreeMap;

use framefan_analyzers::analyzer::Params;
use framefan_contract::request::{AnalyzerRequest, JobRequest, Precision, REQUEST_SCHEMA};
use framefan_contract::{Error, Rational, Result, digest};
use framefan_models::ComputeDevice;

use crate::models::{self, ModelPaths};
use crate::source::OpenSource;

/// What a user asks for, before defaults.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Analyzer names.
    pub analyzers: Vec<String>,
    /// Parameters by analyzer: `ANALYZER.KEY=VALUE`.
    pub params: BTreeMap<String, Params>,
    /// Parameters for every analyzer that does not set them itself (`sample_fps`, `max_width`).
    pub common: Params,
    /// Weights files by model name.
    pub models: ModelPaths,
    /// Where networks run.
    pub device: ComputeDevice,
    /// Number format.
    pub precision: Precision,
    /// Wanted length of a chunk.
    pub chunk_seconds: Rational,
}

/// A request with the job id that follows from it.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The request, complete.
    pub request: JobRequest,
    /// The digest of all that decides the result.
    pub job_id: String,
}

/// Checks the ask and fills in defaults.
pub fn accept(ask: &Ask, source: &OpenSource) -> Result<Accepted> {
    if ask.analyzers.is_empty() {
        return Err(Error::usage("no analyzer was named; add --analyzer pose"));
    }
    for name in ask.params.keys() {
        if !ask.analyzers.contains(name) {
            return Err(Error::usage(format!("a parameter is set for analyzer '{name}', which is not asked for")));
        }
    }
    if ask.device == ComputeDevice::Cpu && ask.precision != Precision::F32 {
        return Err(Error::usage(format!("--precision {}: on a CPU there is only f32 so far", ask.precision.as_str())));
    }
    let mut names = ask.analyzers.clone();
    names.sort();
    names.dedup();
    let mut analyzers = Vec::new();
    for name in names {
        let analyzer = framefan_analyzers::find(&name)?;
        let mut given = ask.common.clone();
        given.extend(ask.params.get(&name).cloned().unwrap_or_default());
        let (chunk_params, reduce_params) = analyzer.params(&given)?;
        let mut models = BTreeMap::new();
        for model in analyzer.needs(&chunk_params)?.models {
            let path = models::resolve(&ask.models, &model, &name)?;
            let bytes = std::fs::read(path).map_err(|e| Error::io(path.display(), e))?;
            models.insert(model, digest::of_bytes(&bytes));
        }
        analyzers.push(AnalyzerRequest {
            name,
            chunk_version: analyzer.chunk_version(),
            reduce_version: analyzer.reduce_version(),
            chunk_params,
            reduce_params,
            models,
        });
    }
    let request = JobRequest {
        schema: REQUEST_SCHEMA.to_owned(),
        source: source.source.clone(),
        analyzers,
        precision: ask.precision,
        device_class: ask.device.class(ask.precision)?,
        chunk_seconds: ask.chunk_seconds,
    };
    let job_id = request.job_id();
    Ok(Accepted { request, job_id })
}
