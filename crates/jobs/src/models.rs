//! Finds the weights that analyzers ask for: files named by the user, or a folder with a manifest of digests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use framefan_contract::request::AnalyzerRequest;
use framefan_contract::{Error, Result, digest};
use framefan_models::catalogue;
use serde::Deserialize;

/// The schema name of a models folder's `manifest.json`.
const MANIFEST_SCHEMA: &str = "framefan.models/1";

/// Where weights are.
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// Files named by the user, by model name.
    named: BTreeMap<String, PathBuf>,
    folder: Option<Folder>,
}

#[derive(Clone, Debug)]
struct Folder {
    path: PathBuf,
    manifest: Manifest,
}

/// `manifest.json`: which weights a folder has.
#[derive(Clone, Debug, Deserialize)]
struct Manifest {
    schema: String,
    models: BTreeMap<String, ManifestEntry>,
}

#[derive(Clone, Debug, Deserialize)]
struct ManifestEntry {
    file: String,
    sha256: String,
}

/// Parses `NAME=PATH` of `--model`.
pub fn parse_model(text: &str) -> Result<(String, PathBuf)> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), PathBuf::from(path))),
        _ => Err(Error::usage(format!(
            "--model {text}: not NAME=PATH (example: yolov8n-pose=weights/yolov8n-pose.safetensors)"
        ))),
    }
}

impl Models {
    /// Files named by the user, by model name.
    pub fn named(named: BTreeMap<String, PathBuf>) -> Self {
        Models { named, folder: None }
    }

    /// The folder's weights, as its `manifest.json` lists them. The weights themselves need not be there until they are
    /// asked for: a planner needs their digests only.
    pub fn folder(path: &Path) -> Result<Self> {
        let file = path.join("manifest.json");
        let bytes =
            std::fs::read(&file).map_err(|e| Error::io(format!("the models' manifest {}", file.display()), e))?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|e| Error::defect(format!("{} is not a manifest of models: {e}", file.display())))?;
        if manifest.schema != MANIFEST_SCHEMA {
            return Err(Error::defect(format!(
                "{} has the schema {}; this program reads {MANIFEST_SCHEMA}",
                file.display(),
                manifest.schema
            )));
        }
        for (name, entry) in &manifest.models {
            if Path::new(&entry.file).components().count() != 1 || entry.file.starts_with('.') {
                return Err(Error::defect(format!("{}: '{name}' names no file of this folder", file.display())));
            }
        }
        Ok(Models { named: BTreeMap::new(), folder: Some(Folder { path: path.to_owned(), manifest }) })
    }

    /// SHA-256 of the weights of the model called `name`, which `analyzer` needs.
    pub fn digest(&self, name: &str, analyzer: &str) -> Result<String> {
        if let Some(path) = self.named.get(name) {
            return digest_of(name, path);
        }
        match self.folder.as_ref().and_then(|folder| folder.manifest.models.get(name)) {
            Some(entry) => Ok(entry.sha256.clone()),
            None => Err(self.missing(name, analyzer)),
        }
    }

    /// The weights files that the analyzer was accepted with, by name.
    pub fn verified(&self, asked: &AnalyzerRequest) -> Result<BTreeMap<String, PathBuf>> {
        let mut found = BTreeMap::new();
        for (name, sha256) in &asked.models {
            let path = self.path(name, &asked.name)?;
            if digest_of(name, &path)? != *sha256 {
                return Err(Error::bad_input(format!(
                    "{}: these are not the weights of '{name}' that the job was accepted with (SHA-256 {sha256}); start \
                     again",
                    path.display()
                )));
            }
            found.insert(name.clone(), path);
        }
        Ok(found)
    }

    fn path(&self, name: &str, analyzer: &str) -> Result<PathBuf> {
        if let Some(path) = self.named.get(name) {
            return Ok(path.clone());
        }
        let in_folder =
            self.folder.as_ref().and_then(|f| f.manifest.models.get(name).map(|entry| f.path.join(&entry.file)));
        in_folder.ok_or_else(|| self.missing(name, analyzer))
    }

    fn missing(&self, name: &str, analyzer: &str) -> Error {
        if let Some(folder) = &self.folder {
            let there: Vec<&str> = folder.manifest.models.keys().map(String::as_str).collect();
            return Error::not_found(format!(
                "analyzer '{analyzer}' needs the weights of '{name}', which {} does not have (it has: {})",
                folder.path.display(),
                if there.is_empty() { "none".to_owned() } else { there.join(", ") }
            ));
        }
        let advice = match catalogue::find(name) {
            Some(model) => model.how_to_get(),
            None => format!("name their file with `--model {name}=PATH`"),
        };
        Error::not_found(format!("analyzer '{analyzer}' needs the weights of '{name}': {advice}"))
    }
}

fn digest_of(name: &str, path: &Path) -> Result<String> {
    if !path.is_file() {
        return Err(Error::not_found(format!("the weights of '{name}': there is no file {}", path.display())));
    }
    let bytes = std::fs::read(path).map_err(|e| Error::io(path.display(), e))?;
    Ok(digest::of_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;

    use super::*;

    fn folder(manifest: &str) -> (tempfile::TempDir, Result<Models>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w.safetensors"), b"abc").unwrap();
        std::fs::write(folder.path().join("manifest.json"), manifest).unwrap();
        let models = Models::folder(folder.path());
        (folder, models)
    }

    fn asked(sha256: &str) -> AnalyzerRequest {
        AnalyzerRequest {
            name: "pose".into(),
            chunk_version: 1,
            reduce_version: 1,
            chunk_params: BTreeMap::new(),
            reduce_params: BTreeMap::new(),
            models: [("m".to_owned(), sha256.to_owned())].into(),
        }
    }

    /// SHA-256 of "abc": FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_folder_tells_digests_and_gives_only_weights_that_match() {
        let manifest = |sha256: &str| {
            format!(
                r#"{{"schema":"framefan.models/1","models":{{"m":{{"file":"w.safetensors","sha256":"{sha256}"}}}}}}"#
            )
        };
        let (_folder, models) = folder(&manifest(ABC));
        let models = models.unwrap();
        assert_eq!(models.digest("m", "pose").unwrap(), ABC);
        assert!(models.verified(&asked(ABC)).unwrap()["m"].ends_with("w.safetensors"));
        assert_eq!(models.verified(&asked("00")).unwrap_err().kind(), ErrorKind::BadInput);
        let missing = models.digest("other", "pose").unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(missing.message().contains("it has: m"), "{missing}");
    }

    #[test]
    fn a_manifest_that_leads_elsewhere_is_refused() {
        for file in ["../w.safetensors", "/etc/passwd", "a/b", ".", ".."] {
            let manifest =
                format!(r#"{{"schema":"framefan.models/1","models":{{"m":{{"file":"{file}","sha256":"{ABC}"}}}}}}"#);
            assert!(folder(&manifest).1.is_err(), "{file}");
        }
        assert!(folder(r#"{"schema":"framefan.models/9","models":{}}"#).1.is_err());
        assert!(folder("[]").1.is_err());
    }
}
