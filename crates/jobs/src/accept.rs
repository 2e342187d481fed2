//! From what a user asks to a request with every default filled in, whose digest is the job id.

use std::collections::{BTreeMap, BTreeSet};

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
    if ask.device == ComputeDevice::Cpu && ask.precision != Precision::F32 {
        return Err(Error::usage(format!("--precision {}: on a CPU there is only f32 so far", ask.precision.as_str())));
    }
    let mut analyzers = analyzer_requests(&ask.analyzers, &ask.params, &ask.common)?;
    for asked in &mut analyzers {
        for (model, sha256) in &mut asked.models {
            let path = models::resolve(&ask.models, model, &asked.name)?;
            let bytes = std::fs::read(path).map_err(|e| Error::io(path.display(), e))?;
            *sha256 = digest::of_bytes(&bytes);
        }
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

/// The analyzers called `names`, sorted by name, with all parameters checked and filled in. `common` parameters hold for
/// every analyzer that `params` does not set otherwise. The models' digests are left empty: a plan needs no weights.
pub fn analyzer_requests(
    names: &[String],
    params: &BTreeMap<String, Params>,
    common: &Params,
) -> Result<Vec<AnalyzerRequest>> {
    if names.is_empty() {
        return Err(Error::usage("no analyzer was named; add --analyzer pose"));
    }
    if let Some(name) = params.keys().find(|name| !names.contains(name)) {
        return Err(Error::usage(format!("a parameter is set for analyzer '{name}', which is not asked for")));
    }
    let names: BTreeSet<&String> = names.iter().collect();
    let mut requests = Vec::new();
    for name in names {
        let analyzer = framefan_analyzers::find(name)?;
        let mut given = common.clone();
        given.extend(params.get(name).cloned().unwrap_or_default());
        let (chunk_params, reduce_params) = analyzer.params(&given)?;
        let models = analyzer.needs(&chunk_params)?.models;
        requests.push(AnalyzerRequest {
            name: name.clone(),
            chunk_version: analyzer.chunk_version(),
            reduce_version: analyzer.reduce_version(),
            chunk_params,
            reduce_params,
            models: models.into_iter().map(|model| (model, String::new())).collect(),
        });
    }
    Ok(requests)
}
