//! The models that framefan knows by name: what they are, where their weights come from and under which licence.

mod entries;

use crate::architecture::Architecture;

pub use entries::KNOWN_MODELS;

/// A model whose weights can be had by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownModel {
    /// The name used in requests and in `--model NAME=PATH`.
    pub name: &'static str,
    /// The network that the weights are of.
    pub architecture: Architecture,
    /// The input it was trained for: height × width in pixels.
    pub input: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Where the weights come from.
    pub origin: Origin,
    /// SHA-256 of the weights file, where it is known.
    pub sha256: Option<&'static str>,
    /// SPDX name of the weights' licence, as their authors state it.
    pub licence: &'static str,
    /// What was tried of it.
    pub tried: Tried,
}

/// Where weights come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A repository of a server that speaks the Hugging Face hub's protocol.
    Hub {
        /// `OWNER/NAME`.
        repository: &'static str,
        /// A commit, so that the file stays the same.
        revision: &'static str,
        /// File in the repository.
        file: &'static str,
    },
    /// A file on the web.
    Web {
        /// Its address.
        url: &'static str,
    },
    /// The program itself.
    BuiltIn {
        /// A whole weights file.
        bytes: &'static [u8],
    },
}

/// What was tried of a model, which decides what may be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// These very bytes were run and scored.
    Bytes,
    /// A converted copy of these weights agreed with ONNX Runtime; the published file itself was not downloaded.
    Copy,
    /// A network of this shape loads and runs with made-up weights; the published file itself was not downloaded.
    Shape,
}

impl Tried {
    /// One word for tables: `bytes`, `copy` or `shape`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tried::Bytes => "bytes",
            Tried::Copy => "copy",
            Tried::Shape => "shape",
        }
    }
}

/// The hub that entries of [`Origin::Hub`] are at unless the user names a mirror.
pub const HUB: &str = "https://huggingface.co";

/// The known model of this name.
pub fn find(name: &str) -> Option<&'static KnownModel> {
    KNOWN_MODELS.iter().find(|model| model.name == name)
}

impl KnownModel {
    /// Where the file can be downloaded; `None` for a model that is part of the program.
    pub fn url(&self) -> Option<String> {
        self.origin.url(HUB)
    }

    /// The name of the file in a folder of models: `NAME.safetensors`, or `NAME.pth` for a checkpoint of PyTorch.
    pub fn file_name(&self) -> String {
        let published = match self.origin {
            Origin::Hub { file, .. } => file,
            Origin::Web { url } => url,
            Origin::BuiltIn { .. } => ".safetensors",
        };
        let extension = published.rsplit('.').next().unwrap_or("safetensors");
        format!("{}.{extension}", self.name)
    }

    /// What a copyleft licence asks of who uses the weights, in one line; `None` for permissive licences.
    pub fn copyleft(&self) -> Option<&'static str> {
        (self.licence == "AGPL-3.0-only").then_some(
            "AGPL-3.0 is copyleft: whoever passes on or offers over a network what is built with these weights must offer its \
             whole source under the same licence, or have another licence from the authors",
        )
    }

    /// How a person gets the weights: one line, for error messages.
    pub fn how_to_get(&self) -> String {
        match self.url() {
            Some(url) => format!(
                "`framefan models pull {name}` downloads them (licence {}, from {url}), or name their file with `--model \
                 {name}=PATH`",
                self.licence,
                name = self.name,
            ),
            None => format!("they are part of the program: leave out `--model {}=PATH`", self.name),
        }
    }
}

impl Origin {
    /// The address of the file, on this hub when it is on a hub; `None` for what is part of the program.
    pub fn url(&self, hub: &str) -> Option<String> {
        match self {
            Origin::Hub { repository, revision, file } => {
                Some(format!("{}/{repository}/resolve/{revision}/{file}", hub.trim_end_matches('/')))
            }
            Origin::Web { url } => Some((*url).to_owned()),
            Origin::BuiltIn { .. } => None,
        }
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url(HUB).unwrap_or_else(|| "built-in".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_sorted_and_unique_and_fit_file_names() {
        assert!(KNOWN_MODELS.windows(2).all(|pair| pair[0].name < pair[1].name));
        let files: BTreeSet<String> = KNOWN_MODELS.iter().map(KnownModel::file_name).collect();
        assert_eq!(files.len(), KNOWN_MODELS.len());
        for file in files {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            assert!(file.chars().all(plain) && !file.starts_with('.'), "{file}");
        }
    }

    #[test]
    fn what_is_downloaded_comes_over_https_and_stays_the_same() {
        for model in &KNOWN_MODELS {
            let Some(url) = model.url() else {
                assert_eq!((model.sha256, model.tried), (None, Tried::Bytes), "{}: it is at hand", model.name);
                continue;
            };
            assert!(url.starts_with("https://"), "{url}");
            match model.origin {
                Origin::Hub { revision, .. } => {
                    assert!(revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit()), "{revision}");
                }
                // A web server states no digest, so the catalogue must.
                _ => assert!(model.sha256.is_some(), "{url}"),
            }
            if let Some(sha256) = model.sha256 {
                assert!(sha256.len() == 64 && sha256.bytes().all(|b| b"0123456789abcdef".contains(&b)), "{sha256}");
            }
            assert_ne!(model.tried, Tried::Bytes, "{}: nobody has downloaded it", model.name);
        }
    }

    #[test]
    fn the_advice_names_the_command_the_url_and_the_option() {
        let advice = find("yolov8n-pose").unwrap().how_to_get();
        assert!(advice.contains("framefan models pull yolov8n-pose"), "{advice}");
        assert!(advice.contains("lmz/candle-yolo-v8/resolve/"), "{advice}");
        assert!(advice.contains("--model yolov8n-pose=PATH"), "{advice}");
        assert!(advice.contains("AGPL-3.0"), "{advice}");
        assert!(find("yolov9").is_none());
    }

    #[test]
    fn only_copyleft_licences_are_explained() {
        assert!(find("yolov8n").unwrap().copyleft().unwrap().contains("source"));
        assert_eq!(find("yolox-nano").unwrap().copyleft(), None);
        let known = ["AGPL-3.0-only", "Apache-2.0", "Apache-2.0 OR MIT", "BSD-3-Clause", "MIT"];
        assert!(KNOWN_MODELS.iter().all(|model| known.contains(&model.licence)));
    }
}
