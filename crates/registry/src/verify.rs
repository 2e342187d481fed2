//! Checks weights that are there: their digest, and whether they are of the network that their name says.

use candle_core::Device;
use framefan_contract::{Error, Result, digest};
use framefan_models::{Found, Lookup, Weights, catalogue};
use serde::Serialize;

/// What was found of one model in one place.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The model.
    pub name: String,
    /// In which kind of place.
    pub place: &'static str,
    /// Where.
    pub path: String,
    /// SHA-256 of the bytes, where they could be read.
    pub sha256: Option<String>,
    /// What the weights are, when they are right.
    pub network: Option<String>,
    /// What is wrong.
    pub error: Option<String>,
}

/// Checks the models called `names` wherever they are, not only where they are found first; all there are without names.
///
/// # Errors
/// `NotFound` for a name that is nowhere. What is wrong with weights is no error but stands in [`Checked::error`].
pub fn verify(lookup: &Lookup, names: &[String]) -> Result<Vec<Checked>> {
    let all = lookup.names();
    let names = if names.is_empty() { all.into_iter().collect() } else { asked(lookup, names)? };
    let found = names.into_iter().flat_map(|name| lookup.all(name).into_iter().map(move |found| (name, found)));
    Ok(found.map(|(name, found)| check(name, &found)).collect())
}

fn asked<'a>(lookup: &Lookup, names: &'a [String]) -> Result<Vec<&'a str>> {
    for name in names {
        if lookup.all(name).is_empty() {
            let advice = catalogue::find(name)
                .map_or("`framefan models list` shows what there is".to_owned(), |known| known.how_to_get());
            return Err(Error::not_found(format!("there are no weights of '{name}' here: {advice}")));
        }
    }
    Ok(names.iter().map(String::as_str).collect())
}

fn check(name: &str, found: &Found) -> Checked {
    let mut checked = Checked {
        name: name.to_owned(),
        place: found.place.as_str(),
        path: found.source.display().to_string(),
        sha256: None,
        network: None,
        error: None,
    };
    match network(name, found, &mut checked.sha256) {
        Ok(network) => checked.network = Some(network),
        Err(error) => checked.error = Some(error.message().to_owned()),
    }
    checked
}

fn network(name: &str, found: &Found, sha256: &mut Option<String>) -> Result<String> {
    let bytes = found.source.read()?;
    let is = digest::of_bytes(&bytes);
    *sha256 = Some(is.clone());
    if let Some(should) = found.sha256.as_ref().filter(|should| **should != is) {
        return Err(Error::bad_input(format!("its SHA-256 is {is}, not {should}")));
    }
    let weights = Weights::from_bytes(&found.source, &bytes, &Device::Cpu)?;
    match catalogue::find(name) {
        Some(known) => known.architecture.check(&weights),
        None => Ok(format!("{} tensors", weights.names().count())),
    }
}
