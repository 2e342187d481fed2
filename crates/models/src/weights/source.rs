//! Where weights are: a file, or bytes that are part of the program.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use framefan_contract::{Error, Result, digest};

use crate::catalogue;

/// Where weights are.
#[derive(Clone, PartialEq, Eq)]
pub enum WeightsSource {
    /// A file.
    File(PathBuf),
    /// Bytes that are part of the program.
    BuiltIn {
        /// The model's name.
        name: String,
        /// A whole weights file.
        bytes: &'static [u8],
    },
}

impl WeightsSource {
    /// All of its bytes.
    ///
    /// # Errors
    /// [`NotFound`](framefan_contract::ErrorKind::NotFound) when the file is missing, with where a known model's weights
    /// can be had.
    pub fn read(&self) -> Result<Cow<'static, [u8]>> {
        match self {
            WeightsSource::File(path) => Ok(Cow::Owned(std::fs::read(path).map_err(|e| missing(path, e))?)),
            WeightsSource::BuiltIn { bytes, .. } => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// SHA-256 of its bytes, 64 hexadecimal digits.
    ///
    /// # Errors
    /// As [`WeightsSource::read`].
    pub fn digest(&self) -> Result<String> {
        Ok(digest::of_bytes(&self.read()?))
    }

    /// Its path, or `built-in NAME`: for messages.
    pub fn display(&self) -> impl fmt::Display {
        match self {
            WeightsSource::File(path) => path.display().to_string(),
            WeightsSource::BuiltIn { name, .. } => format!("built-in {name}"),
        }
    }
}

impl fmt::Debug for WeightsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.display())
    }
}

impl From<PathBuf> for WeightsSource {
    fn from(path: PathBuf) -> Self {
        WeightsSource::File(path)
    }
}

impl From<&PathBuf> for WeightsSource {
    fn from(path: &PathBuf) -> Self {
        WeightsSource::File(path.clone())
    }
}

impl From<&Path> for WeightsSource {
    fn from(path: &Path) -> Self {
        WeightsSource::File(path.to_owned())
    }
}

impl From<&WeightsSource> for WeightsSource {
    fn from(source: &WeightsSource) -> Self {
        source.clone()
    }
}

/// The error of a weights file that cannot be read, with how to get it when its name is that of a known model.
fn missing(path: &Path, source: std::io::Error) -> Error {
    let model = path.file_stem().and_then(|stem| stem.to_str()).and_then(catalogue::find);
    let error = Error::io(format!("cannot read the weights {}", path.display()), source);
    match model {
        Some(model) => Error::new(error.kind(), format!("{error}; {}", model.how_to_get())),
        None => error,
    }
}
