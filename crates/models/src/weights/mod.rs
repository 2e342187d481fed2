//! Weights: named tensors whose shapes are checked where they are used.
//!
//! They come as safetensors or as a checkpoint of PyTorch, from a file or out of the program itself.

mod checkpoint;
mod pickle;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use framefan_contract::{Error, Result};

pub use source::WeightsSource;

/// The tensors of one weights file.
#[derive(Clone, Debug)]
pub struct Weights {
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Reads weights onto `device`, usually from the path of a file. A checkpoint that `torch.save` wrote is known by its
    /// first bytes; anything else is read as safetensors.
    ///
    /// # Errors
    /// [`NotFound`](framefan_contract::ErrorKind::NotFound) when the file is missing, with where a known model's weights
    /// can be had; [`BadInput`](framefan_contract::ErrorKind::BadInput) when it is not a whole file of either format.
    pub fn load<'a, S: ?Sized>(source: &'a S, device: &Device) -> Result<Weights>
    where
        &'a S: Into<WeightsSource>,
    {
        let source = source.into();
        Weights::from_bytes(&source, &source.read()?, device)
    }

    /// As [`Weights::load`], from bytes that the caller has read; `source` is only named.
    ///
    /// # Errors
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput) when they are not a whole file of either format.
    pub fn from_bytes(source: &WeightsSource, bytes: &[u8], device: &Device) -> Result<Weights> {
        let path = PathBuf::from(source.display().to_string());
        let tensors = if checkpoint::is_checkpoint(bytes) {
            checkpoint::read(bytes, device).map_err(|what| {
                Error::bad_input(format!("{} is not a usable checkpoint of PyTorch: {what}", path.display()))
            })?
        } else {
            let loaded = candle_core::safetensors::load_buffer(bytes, device).map_err(|e| {
                Error::bad_input(format!("{} is not a usable safetensors file: {e}", path.display())).with_source(e)
            })?;
            loaded.into_iter().collect()
        };
        Ok(Weights { path, tensors })
    }

    /// The file, or `built-in NAME`: for messages.
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
