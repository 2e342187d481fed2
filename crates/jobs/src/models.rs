//! The weights that a job's analyzers ask for: found where [`Lookup`] finds them, and held to the digests of the request.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use framefan_contract::request::AnalyzerRequest;
use framefan_contract::{Error, Result};
use framefan_models::catalogue::{self, KNOWN_MODELS, Origin};
use framefan_models::{Found, Lookup, ModelsFolder, Place, WeightsSource};

/// Where weights are.
#[derive(Clone, Debug, Default)]
pub struct Models {
    lookup: Lookup,
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
    /// On the user's machine: the files that the user names, a baked folder, what is part of the program, the cache.
    ///
    /// # Errors
    /// As [`Lookup::on_this_machine`].
    pub fn on_this_machine(named: BTreeMap<String, PathBuf>) -> Result<Self> {
        Ok(Models { lookup: Lookup::on_this_machine(named)? })
    }

    /// In a container: the folder's weights, as its `manifest.json` lists them, and what is part of the program. The
    /// folder's weights need not be there until they are asked for: a planner needs their digests only.
    ///
    /// # Errors
    /// As [`ModelsFolder::open`].
    pub fn folder(path: &Path) -> Result<Self> {
        Ok(Models { lookup: Lookup::default().with_baked(ModelsFolder::open(path)?) })
    }

    /// SHA-256 of the weights of the model called `name`, which `analyzer` needs.
    ///
    /// # Errors
    /// `NotFound`, with how to get them, when they are nowhere.
    pub fn digest(&self, name: &str, analyzer: &str) -> Result<String> {
        let found = self.find(name, analyzer)?;
        // What a manifest says is believed here and checked when the weights are loaded.
        found.sha256.clone().map_or_else(|| digest_of(name, &found), Ok)
    }

    /// Where the weights that the analyzer was accepted with are, by name.
    ///
    /// # Errors
    /// `BadInput` when they are other weights now; `NotFound` when they are gone.
    pub fn verified(&self, asked: &AnalyzerRequest) -> Result<BTreeMap<String, WeightsSource>> {
        let mut sources = BTreeMap::new();
        for (name, sha256) in &asked.models {
            let found = self.find(name, &asked.name)?;
            let is = digest_of(name, &found)?;
            if is != *sha256 {
                return Err(other_weights(name, &found, &is, sha256));
            }
            sources.insert(name.clone(), found.source);
        }
        Ok(sources)
    }

    fn find(&self, name: &str, analyzer: &str) -> Result<Found> {
        self.lookup.find(name).ok_or_else(|| self.missing(name, analyzer))
    }

    fn missing(&self, name: &str, analyzer: &str) -> Error {
        let needs = format!("analyzer '{analyzer}' needs the weights of '{name}'");
        // In a container there is nobody who could download anything.
        if let (Some(folder), None) = (self.lookup.baked(), self.lookup.cache()) {
            let there: Vec<&str> = folder.names().collect();
            return Error::not_found(format!(
                "{needs}, which {} does not have (its manifest.json has: {})",
                folder.path().display(),
                if there.is_empty() { "none".to_owned() } else { there.join(", ") }
            ));
        }
        let advice = match catalogue::find(name) {
            Some(model) => {
                let instead = KNOWN_MODELS.iter().find(|other| {
                    other.architecture == model.architecture && matches!(other.origin, Origin::BuiltIn { .. })
                });
                let instead = instead.map(|other| {
                    format!("; or try it with what is part of the program: `--param {analyzer}.model={}`", other.name)
                });
                model.how_to_get() + &instead.unwrap_or_default()
            }
            None => format!("name their file with `--model {name}=PATH`"),
        };
        Error::not_found(format!("{needs}: {advice}"))
    }
}

fn other_weights(name: &str, found: &Found, is: &str, accepted: &str) -> Error {
    let source = found.source.display();
    match &found.sha256 {
        Some(should) if should != is => {
            let repair = match found.place {
                Place::Cache => format!("`framefan models pull {name}` downloads it again"),
                _ => "put the right file there".to_owned(),
            };
            Error::bad_input(format!(
                "{source}: the file is not the one that its folder's manifest.json names (SHA-256 {is}, not {should}); {repair}"
            ))
        }
        _ => Error::bad_input(format!(
            "{source}: these are not the weights of '{name}' that the job was accepted with (SHA-256 {accepted}); start again"
        )),
    }
}

fn digest_of(name: &str, found: &Found) -> Result<String> {
    if let WeightsSource::File(path) = &found.source
        && !path.is_file()
    {
        return Err(Error::not_found(format!("the weights of '{name}': there is no file {}", path.display())));
    }
    found.source.digest()
}

#[cfg(test)]
mod tests {
    use framefan_contract::{ErrorKind, digest};
    use framefan_models::catalogue::KnownModel;
    use framefan_models::folder::MANIFEST;

    use super::*;

    /// SHA-256 of "abc": FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn folder(sha256: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let manifest = format!(
            r#"{{"schema":"framefan.models/1","models":{{"m":{{"file":"w.safetensors","sha256":"{sha256}"}}}}}}"#
        );
        std::fs::write(folder.path().join("w.safetensors"), b"abc").unwrap();
        std::fs::write(folder.path().join(MANIFEST), manifest).unwrap();
        folder
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

    #[test]
    fn a_folder_tells_digests_and_gives_only_weights_that_match() {
        let folder = folder(ABC);
        let models = Models::folder(folder.path()).unwrap();
        assert_eq!(models.digest("m", "pose").unwrap(), ABC);
        let verified = models.verified(&asked(ABC)).unwrap();
        assert_eq!(verified["m"], WeightsSource::File(folder.path().join("w.safetensors")));
        let error = models.verified(&asked(&"0".repeat(64))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput);
        assert!(error.message().contains("accepted with"), "{error}");
        let missing = models.digest("other", "pose").unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(missing.message().contains("has: m"), "{missing}");
    }

    #[test]
    fn a_file_that_its_manifest_does_not_name_is_refused_with_how_to_repair_it() {
        let zeros = "0".repeat(64);
        let folder = folder(&zeros);
        let baked = Models::folder(folder.path()).unwrap();
        let opened = ModelsFolder::open(folder.path()).unwrap();
        let cached = Models { lookup: Lookup::default().with_cache(opened) };
        for (models, says) in [(baked, "put the right file"), (cached, "framefan models pull m")] {
            // The job was accepted with what the manifest says.
            let error = models.verified(&asked(&models.digest("m", "pose").unwrap())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadInput);
            for part in [says, ABC, &zeros, "w.safetensors"] {
                assert!(error.message().contains(part), "{part}: {error}");
            }
        }
    }

    #[test]
    fn what_is_part_of_the_program_needs_no_file() {
        let Some(KnownModel { name, origin: Origin::BuiltIn { bytes }, .. }) = catalogue::find("pose-synth") else {
            panic!("pose-synth is part of the program");
        };
        let sha256 = digest::of_bytes(bytes);
        // In a container it is there beside the folder's weights, which come first.
        let empty = tempfile::tempdir().unwrap();
        for models in [Models::default(), Models::folder(empty.path()).unwrap()] {
            assert_eq!(models.digest(name, "pose").unwrap(), sha256);
            let asked = AnalyzerRequest { models: [((*name).to_owned(), sha256.clone())].into(), ..asked(ABC) };
            assert_eq!(models.verified(&asked).unwrap()[*name].digest().unwrap(), sha256);
        }
    }

    #[test]
    fn named_weights_come_first_and_missing_ones_say_how_to_get_them() {
        let folder = folder(ABC);
        let named = folder.path().join("mine");
        std::fs::write(&named, b"mine").unwrap();
        let lookup = Lookup::default().with_named(BTreeMap::from([("m".to_owned(), named.clone())]));
        let models = Models { lookup: lookup.with_baked(ModelsFolder::open(folder.path()).unwrap()) };
        let digest = models.digest("m", "pose").unwrap();
        assert_ne!(digest, ABC);
        assert_eq!(models.verified(&asked(&digest)).unwrap()["m"], WeightsSource::File(named.clone()));
        std::fs::remove_file(&named).unwrap();
        assert_eq!(models.digest("m", "pose").unwrap_err().kind(), ErrorKind::NotFound);

        let nowhere = Models::default();
        let error = nowhere.digest("yolov8n-pose", "pose").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let parts = [
            "framefan models pull yolov8n-pose",
            "AGPL-3.0",
            "--model yolov8n-pose=PATH",
            "--param pose.model=pose-synth",
        ];
        for part in parts {
            assert!(error.message().contains(part), "{part}: {error}");
        }
        assert!(nowhere.digest("mine", "pose").unwrap_err().message().contains("--model mine=PATH"));
    }
}
