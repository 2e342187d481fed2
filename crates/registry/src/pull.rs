//! `framefan models pull`: a model's weights into a folder, with their digest in its manifest.

use std::path::{Path, PathBuf};

use candle_core::Device;
use framefan_contract::{Error, Result};
use framefan_models::catalogue::KnownModel;
use framefan_models::folder::{FolderEntry, FolderLock};
use framefan_models::{ModelsFolder, Weights};
use serde::Serialize;

pub use crate::download::Step;

use crate::client::Client;
use crate::download::Download;
use crate::part::digest_of;
use crate::places::Places;
use crate::trust::{Trust, parse_digest};

/// What to download.
pub struct Pull<'a> {
    /// The model.
    pub model: &'a KnownModel,
    /// The folder it goes to; it is made when it is not there.
    pub folder: &'a Path,
    /// The digest that the user says the file must have.
    pub sha256: Option<&'a str>,
    /// Whether another digest than the pinned one is wanted.
    pub repin: bool,
    /// Where from.
    pub places: &'a Places,
    /// Told what happens.
    pub step: &'a dyn Fn(Step),
}

/// A model that is in its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// Its name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
    /// SPDX name of its licence.
    pub licence: String,
    /// What the weights are.
    pub network: String,
    /// Whether anything was downloaded: it may have been there.
    pub downloaded: bool,
}

/// Whether the folder has the model with the right digest, so that there is nothing to download and nothing to accept.
///
/// # Errors
/// Those of reading.
pub fn has(folder: &Path, model: &KnownModel) -> Result<bool> {
    let opened = ModelsFolder::open(folder)?;
    let (Some(entry), Some(file)) = (opened.entry(model.name), opened.file(model.name)) else { return Ok(false) };
    Ok(file.is_file() && digest_of(&file)? == entry.sha256)
}

/// Downloads a model unless it is there. It appears in the folder whole, with the right digest and of the right network,
/// or not at all; a part of it that came is kept beside for the next call. Two calls at once, of two processes, do the work
/// of one.
///
/// # Errors
/// `Retryable` when the connection failed several times; `BadInput` for wrong bytes, digests that do not agree, and
/// weights of another network; `NotFound` when the server does not give the file; `Usage` for what cannot be downloaded.
pub fn pull(pull: &Pull<'_>) -> Result<Pulled> {
    let (model, folder) = (pull.model, pull.folder);
    let given = pull.sha256.map(parse_digest).transpose()?;
    let address = pull.places.address(model)?;
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder.display(), e))?;
    let _held = FolderLock::take_or_wait(folder, model.name, &|| (pull.step)(Step::Waiting))?;
    let opened = ModelsFolder::open(folder)?;
    let pinned = opened.entry(model.name).map(|entry| entry.sha256.clone());
    let trust = Trust { model: model.name, given, entry: model.sha256, pinned: pinned.clone(), repin: pull.repin };
    let target = opened.file(model.name).unwrap_or_else(|| folder.join(model.file_name()));
    let url = address.url.to_string();

    // What is there and pinned needs no server; unless somebody wants to know what the server has now.
    let known = if pull.repin { None } else { trust.expected(None)? };
    let there = pinned.is_some() && known.is_some() && target.is_file() && digest_of(&target).ok() == known;
    let (sha256, downloaded) = if there {
        (known.unwrap_or_default(), false)
    } else {
        let look = |path: &Path| network(model, path).map(drop);
        let download = Download { address, trust, folder, target: &target, look: &look, step: pull.step };
        let done = download.run(&Client::new())?;
        (done.sha256, !done.was_there)
    };
    let network = network(model, &target)?;
    if !there {
        let file = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let url = if downloaded { Some(url) } else { opened.entry(model.name).and_then(|entry| entry.url.clone()) };
        let entry = FolderEntry { file, sha256: sha256.clone(), url, licence: Some(model.licence.to_owned()) };
        ModelsFolder::set(folder, model.name, entry)?;
    }
    let bytes = std::fs::metadata(&target).map_err(|e| Error::io(target.display(), e))?.len();
    Ok(Pulled {
        name: model.name.to_owned(),
        path: target,
        sha256,
        bytes,
        licence: model.licence.to_owned(),
        network,
        downloaded,
    })
}

/// What the weights in a file are, which must be what the model is.
fn network(model: &KnownModel, path: &Path) -> Result<String> {
    let weights = Weights::load(path, &Device::Cpu).map_err(|e| e.context(model.name))?;
    model.architecture.check(&weights).map_err(|e| e.context(model.name))
}
