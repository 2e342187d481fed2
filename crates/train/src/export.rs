//! From what training found to the weights file that is used: normalisation folded into the convolutions, half precision.

use std::path::Path;

use candle_core::{DType, Device, Result, Tensor};

use crate::network::BINS;
use crate::ops::EPSILON;
use crate::optimizer::Tensors;

/// The tensors of the weights file, in `f32`, from parameters and running statistics: convolutions with a bias in place of their normalisation.
pub fn folded(all: &Tensors) -> Result<Tensors> {
    let all: Tensors =
        all.iter().map(|(name, tensor)| Ok((name.clone(), tensor.to_device(&Device::Cpu)?))).collect::<Result<_>>()?;
    let find = |name: String| all.get(&name).ok_or_else(|| candle_core::Error::Msg(format!("{name} is missing")));
    let mut tensors = Tensors::new();
    for (name, tensor) in &all {
        if let Some(block) = name.strip_suffix(".conv.weight") {
            let part = |part: &str| find(format!("{block}.bn.{part}"));
            let factor = part("weight")?.div(&(part("running_var")? + EPSILON)?.sqrt()?)?;
            let weight = tensor.broadcast_mul(&factor.reshape(((), 1, 1, 1))?)?;
            let bias = part("bias")?.sub(&part("running_mean")?.mul(&factor)?)?;
            tensors.insert(name.clone(), weight);
            tensors.insert(format!("{block}.conv.bias"), bias);
        } else if !name.contains(".bn.") {
            tensors.insert(name.clone(), tensor.clone());
        }
    }
    let bins = Tensor::arange(0f32, BINS as f32, &Device::Cpu)?.reshape((1, BINS, 1, 1))?;
    tensors.insert("head.dfl.conv.weight".to_owned(), bins);
    Ok(tensors)
}

/// Writes the weights file, in half precision, tensors in the order of their names.
pub fn write(all: &Tensors, path: &Path) -> Result<()> {
    let halves: Tensors = folded(all)?
        .into_iter()
        .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F16)?)))
        .collect::<Result<_>>()?;
    crate::checkpoint::write_tensors(&halves, None, path)
}
