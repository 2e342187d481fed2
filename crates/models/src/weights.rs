//! Weights from a safetensors file: named tensors whose shapes are checked where they are used, and the file's digest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use framefan_contract::{Error, Result, digest};

use crate::catalogue;

/// The tensors of one weights file.
#[derive(Clone, Debug)]
pub struct Weights {
    path: PathBuf,
    digest: String,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Reads a safetensors file onto `device`.
    ///
    /// # Errors
    /// [`NotFound`](framefan_contract::ErrorKind::NotFound) when the file is missing, with where a known model's weights
    /// can be had; [`BadInput`](framefan_contract::ErrorKind::BadInput) when it is not a whole safetensors file.
    pub fn load(path: &Path, device: &Device) -> Result<Weights> {
        let bytes = std::fs::read(path).map_err(|e| missing(path, e))?;
        let loaded = candle_core::safetensors::load_buffer(&bytes, device).map_err(|e| {
            Error::bad_input(format!("{} is not a usable safetensors file: {e}", path.display())).with_source(e)
        })?;
        Ok(Weights { path: path.to_owned(), digest: digest::of_bytes(&bytes), tensors: loaded.into_iter().collect() })
    }

    /// SHA-256 of the file, 64 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The shape of a tensor.
    ///
    /// # Errors
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput) when there is no such tensor.
    pub fn shape(&self, name: &str) -> Result<&[usize]> {
        Ok(self.find(name)?.dims())
    }

    /// The tensor of this name, which must have this shape, in the number format of the file.
    ///
    /// # Errors
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput), with the tensor's name, the wanted and the found shape, and the file.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let tensor = self.find(name)?;
        if tensor.dims() != shape {
            return Err(Error::bad_input(format!(
                "tensor {name} has shape {:?}, wanted {shape:?}, in {}",
                tensor.dims(),
                self.path.display()
            )));
        }
        Ok(tensor.clone())
    }

    /// The values of a tensor as `f32`, row-major.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let tensor = self.tensor(name, shape)?;
        let read = || tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
        read().map_err(|e| {
            Error::bad_input(format!("cannot read tensor {name} of {}: {e}", self.path.display())).with_source(e)
        })
    }

    fn find(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| {
            Error::bad_input(format!(
                "tensor {name} is missing in {}: is it the weights of another model?",
                self.path.display()
            ))
        })
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
