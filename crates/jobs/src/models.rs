//! Finds the weights that analyzers ask for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use framefan_contract::{Error, Result};
use framefan_models::catalogue;

/// Weights files by model name.
pub type ModelPaths = BTreeMap<String, PathBuf>;

/// Parses `NAME=PATH` of `--model`.
pub fn parse_model(text: &str) -> Result<(String, PathBuf)> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), PathBuf::from(path))),
        _ => Err(Error::usage(format!(
            "--model {text}: not NAME=PATH (example: yolov8n-pose=weights/yolov8n-pose.safetensors)"
        ))),
    }
}

/// The file of the model called `name`, which `analyzer` needs.
pub(crate) fn resolve<'a>(models: &'a ModelPaths, name: &str, analyzer: &str) -> Result<&'a Path> {
    let Some(path) = models.get(name) else {
        let advice = match catalogue::find(name) {
            Some(model) => model.how_to_get(),
            None => format!("name their file with `--model {name}=PATH`"),
        };
        return Err(Error::not_found(format!("analyzer '{analyzer}' needs the weights of '{name}': {advice}")));
    };
    if !path.is_file() {
        return Err(Error::not_found(format!("--model {name}={}: there is no such file", path.display())));
    }
    Ok(path)
}
