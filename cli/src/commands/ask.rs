//! Arguments to what `framefan_jobs` asks for.

use std::collections::BTreeMap;

use framefan_analyzers::params::Params;
use framefan_contract::{Error, Rational, Result};
use serde_json::Value;

use crate::args::Analysis;

/// Parameters that hold for every analyzer.
pub fn common_params(analysis: &Analysis) -> Params {
    BTreeMap::from([
        ("sample_fps".to_owned(), Value::String(analysis.sample_fps.clone())),
        ("max_width".to_owned(), Value::from(analysis.max_width)),
    ])
}

/// Parses `ANALYZER.KEY=VALUE`; the value is JSON where it can be (numbers, true), else a string.
pub fn params(texts: &[String]) -> Result<BTreeMap<String, Params>> {
    let mut params: BTreeMap<String, Params> = BTreeMap::new();
    for text in texts {
        let wrong = || Error::usage(format!("--param {text}: not ANALYZER.KEY=VALUE (example: pose.score=0.4)"));
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        let (analyzer, key) = name.split_once('.').ok_or_else(wrong)?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        params.entry(analyzer.to_owned()).or_default().insert(key.to_owned(), value);
    }
    Ok(params)
}

/// `--chunk-seconds`.
pub fn chunk_seconds(text: &str) -> Result<Rational> {
    let seconds = Rational::parse(text).map_err(|e| e.context("--chunk-seconds"))?;
    if !seconds.is_positive() {
        return Err(Error::usage(format!("--chunk-seconds {text}: must be greater than 0")));
    }
    Ok(seconds)
}

/// `--shards`: `None` is auto.
pub fn shards(text: &str) -> Result<Option<u32>> {
    match text {
        "auto" => Ok(None),
        _ => match text.parse() {
            Ok(shards) if shards > 0 => Ok(Some(shards)),
            _ => Err(Error::usage(format!("--shards {text}: must be 'auto' or a number from 1"))),
        },
    }
}
