//! What there is: every model of the catalogue and of the folders, and where its weights are found.

use framefan_models::catalogue::{self, KnownModel};
use framefan_models::{Found, Lookup, WeightsSource};
use serde::{Serialize, Serializer};

/// A model.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What the catalogue says of it.
    #[serde(flatten, serialize_with = "known")]
    pub known: Option<&'static KnownModel>,
    /// Where its weights are found; `null` when they are not.
    #[serde(serialize_with = "found")]
    pub found: Option<Found>,
}

#[derive(Serialize)]
struct Known {
    architecture: &'static str,
    input: &'static str,
    purpose: &'static str,
    licence: &'static str,
    url: Option<String>,
    stated_sha256: Option<&'static str>,
    tried: &'static str,
}

/// All models by name.
pub fn list(lookup: &Lookup) -> Vec<Listed> {
    let names = lookup.names().into_iter();
    names.map(|name| Listed { name: name.to_owned(), known: catalogue::find(name), found: lookup.find(name) }).collect()
}

impl Listed {
    /// Size of the weights in bytes, where they are found.
    pub fn bytes(&self) -> Option<u64> {
        self.found.as_ref().and_then(bytes)
    }
}

fn bytes(found: &Found) -> Option<u64> {
    match &found.source {
        WeightsSource::File(path) => std::fs::metadata(path).ok().map(|about| about.len()),
        WeightsSource::BuiltIn { bytes, .. } => Some(bytes.len() as u64),
    }
}

fn known<S: Serializer>(known: &Option<&'static KnownModel>, serializer: S) -> Result<S::Ok, S::Error> {
    let known = known.map(|model| Known {
        architecture: model.architecture.name(),
        input: model.input,
        purpose: model.purpose,
        licence: model.licence,
        url: model.url(),
        stated_sha256: model.sha256,
        tried: model.tried.as_str(),
    });
    known.serialize(serializer)
}

fn found<S: Serializer>(found: &Option<Found>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Where {
        place: &'static str,
        path: String,
        bytes: Option<u64>,
        sha256: Option<String>,
    }
    let found = found.as_ref().map(|found| Where {
        place: found.place.as_str(),
        path: found.source.display().to_string(),
        bytes: bytes(found),
        sha256: found.sha256.clone(),
    });
    found.serialize(serializer)
}
