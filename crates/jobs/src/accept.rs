//! From what a user asks to a request with every default filled in, whose digest is the job id.

use std::collections::{BTreeMap, BTreeSet};

use framefan_analyzers::params::Params;
use framefan_contract::request::{AnalyzerRequest, ExportFormat, JobRequest, Precision, REQUEST_SCHEMA, Source};
use framefan_contract::{Error, Rational, Result};

use crate::models::Models;

/// What a user asks for, before defaults.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Analyzer names.
    pub analyzers: Vec<String>,
    /// Parameters by analyzer: `ANALYZER.KEY=VALUE`.
    pub params: BTreeMap<String, Params>,
    /// Parameters for every analyzer that has them and does not set them itself (`sample_fps`, `max_width`).
    pub common: Params,
    /// Forms in which the results are also written.
    pub exports: Vec<ExportFormat>,
    /// Number format.
    pub precision: Precision,
    /// The class of device that will do the work, e.g. `cpu-avx512-f32`.
    pub device_class: String,
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

/// Checks the ask and fills in the analyzers' defaults: all that can be wrong without looking at a video. `models` tells the
/// digests of the weights.
pub fn check(ask: &Ask, models: &Models) -> Result<Vec<AnalyzerRequest>> {
    let mut analyzers = analyzer_requests(&ask.analyzers, &ask.params, &ask.common)?;
    for asked in &mut analyzers {
        for (model, sha256) in &mut asked.models {
            *sha256 = models.digest(model, &asked.name)?;
        }
    }
    Ok(analyzers)
}

/// The request for a video, with the analyzers that [`check`] said.
pub fn accept(ask: &Ask, analyzers: Vec<AnalyzerRequest>, source: &Source) -> Accepted {
    let request = JobRequest {
        schema: REQUEST_SCHEMA.to_owned(),
        source: source.clone(),
        analyzers,
        precision: ask.precision,
        device_class: ask.device_class.clone(),
        exports: ask.exports.clone(),
        chunk_seconds: ask.chunk_seconds,
    };
    let job_id = request.job_id();
    Accepted { request, job_id }
}

/// The analyzers called `names`, sorted by name, with all parameters checked and filled in. `common` parameters hold for
/// every analyzer that has them and that `params` does not set otherwise. The models' digests are left empty: a plan needs no weights.
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
        given.retain(|key, _| analyzer.specs().has(key));
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
