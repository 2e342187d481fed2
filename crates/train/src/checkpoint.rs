//! All that a training needs to go on: one safetensors file, written whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{DType, Device, Error, Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::optimizer::{Optimizer, Tensors};
use crate::parameters::Parameters;
use crate::recipe::Recipe;

/// What a checkpoint says beside its tensors.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    /// Steps that are done.
    pub step: usize,
    /// What is trained.
    pub recipe: Recipe,
}

/// The metadata's key.
const STATE: &str = "framefan.training/1";

/// The groups of tensors, by their names' beginnings.
const GROUPS: [&str; 4] = ["parameters/", "first/", "second/", "average/"];

/// Writes where a training is.
pub fn save(parameters: &Parameters, optimizer: &Optimizer, state: &State, path: &Path) -> Result<()> {
    let current: Tensors = parameters.all().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect();
    let mut tensors = Tensors::new();
    for (group, of_group) in GROUPS.iter().zip([&current, &optimizer.first, &optimizer.second, &optimizer.average]) {
        for (name, tensor) in of_group {
            tensors.insert(format!("{group}{name}"), tensor.to_device(&Device::Cpu)?);
        }
    }
    let state = serde_json::to_string(state).map_err(Error::wrap)?;
    write_tensors(&tensors, Some((STATE, state)), path)
}

/// Puts a training where a checkpoint was written; what the checkpoint says of it.
pub fn load(path: &Path, parameters: &Parameters, optimizer: &mut Optimizer, device: &Device) -> Result<State> {
    let bytes = std::fs::read(path)?;
    let state = state_of(&bytes)?;
    let all = candle_core::safetensors::load_buffer(&bytes, device)?;
    let [current, first, second, average] = GROUPS.map(|group| -> Tensors {
        let part = |(name, tensor): (&String, &Tensor)| Some((name.strip_prefix(group)?.to_owned(), tensor.clone()));
        all.iter().filter_map(part).collect()
    });
    parameters.set(&current)?;
    for (ours, read) in
        [(&mut optimizer.first, first), (&mut optimizer.second, second), (&mut optimizer.average, average)]
    {
        if !ours.keys().eq(read.keys()) {
            candle_core::bail!("{} is not a checkpoint of this network", path.display());
        }
        *ours = read;
    }
    Ok(state)
}

/// What a checkpoint file says of its training.
pub fn state_of(bytes: &[u8]) -> Result<State> {
    let (_, header) = safetensors::SafeTensors::read_metadata(bytes).map_err(Error::wrap)?;
    let state = header.metadata().as_ref().and_then(|all| all.get(STATE));
    let state = state.ok_or_else(|| Error::Msg("the file is not a checkpoint of a training".into()))?;
    serde_json::from_str(state).map_err(Error::wrap)
}

/// Writes tensors (`f32` or `f16`, on the CPU) beside the place and then moves them there.
pub fn write_tensors(tensors: &BTreeMap<String, Tensor>, metadata: Option<(&str, String)>, path: &Path) -> Result<()> {
    let mut views = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let (dtype, bytes): (_, Vec<u8>) = match tensor.dtype() {
            DType::F32 => {
                let values = tensor.flatten_all()?.to_vec1::<f32>()?;
                (safetensors::Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect())
            }
            DType::F16 => {
                let values = tensor.flatten_all()?.to_vec1::<half::f16>()?;
                (safetensors::Dtype::F16, values.iter().flat_map(|v| v.to_le_bytes()).collect())
            }
            other => candle_core::bail!("{name} has numbers of type {other:?}"),
        };
        views.push((name.clone(), dtype, tensor.dims().to_vec(), bytes));
    }
    let views = views
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            Ok((name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes).map_err(Error::wrap)?))
        })
        .collect::<Result<Vec<_>>>()?;
    let metadata = metadata.map(|(key, value)| HashMap::from([(key.to_owned(), value)]));
    let bytes = safetensors::serialize(views, metadata).map_err(Error::wrap)?;
    let beside = path.with_extension("part");
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, path)?;
    Ok(())
}
