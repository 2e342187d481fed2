//! The fused CPU kernels in `f32`, one picture at a time.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use framefan_contract::request::Precision;
use framefan_contract::{Error, Result};
use rayon::prelude::*;

use super::{Activation, Backend, ChannelBackend, ConvParams, DepthwiseParams, GateParams, internal};
use crate::kernels::conv::PackedConv;
use crate::kernels::depthwise::PackedDepthwise;
use crate::kernels::gate::{Gate, channel_means};
use crate::kernels::map::{Map, PlanePool};
use crate::kernels::{Finish, Isa, pool};

/// The kernels of one instruction set, and the memory that they reuse.
pub(crate) struct Fused {
    isa: Isa,
    planes: Arc<PlanePool>,
}

impl Fused {
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) when this processor does not have the instruction set, and for another
    /// device or precision.
    pub fn new(isa: Isa, device: &Device, precision: Precision) -> Result<Fused> {
        if !device.is_cpu() || precision != Precision::F32 {
            return Err(Error::usage("the fused kernels run on the CPU in f32 only"));
        }
        // The kernels' safety rests on this check.
        if !Isa::available().contains(&isa) {
            return Err(Error::usage(format!("this processor has no {}", isa.as_str())));
        }
        Ok(Fused { isa, planes: Arc::default() })
    }
}

/// What `make` makes of the values of one picture `[1, C, H, W]` and its shape.
pub(crate) fn with_picture<T>(picture: &Tensor, make: impl FnOnce(&[f32], [usize; 3]) -> T) -> Result<T> {
    let read = || {
        let (channels, height, width) = picture.squeeze(0)?.dims3()?;
        let picture = picture.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous()?;
        let (storage, layout) = picture.storage_and_layout();
        let candle_core::Storage::Cpu(storage) = &*storage else {
            candle_core::bail!("a tensor on the CPU has other storage");
        };
        let values = &storage.as_slice::<f32>()?[layout.start_offset()..][..picture.elem_count()];
        Ok(make(values, [channels, height, width]))
    };
    read().map_err(internal)
}

/// Runs `network` on each picture of `[B, C, H, W]` by itself and joins the outputs. Pictures run side by side: a thread that
/// has nothing left to do in one picture's layer works at another's.
pub(crate) fn each_picture(
    pictures: &Tensor,
    network: impl Fn(&Tensor) -> Result<Vec<f32>> + Sync,
) -> Result<Vec<f32>> {
    let one = |index| network(&pictures.narrow(0, index, 1).map_err(internal)?);
    let outputs: Vec<Vec<f32>> =
        (0..pictures.dim(0).map_err(internal)?).into_par_iter().map(one).collect::<Result<_>>()?;
    Ok(outputs.concat())
}

impl Backend for Fused {
    type Map = Map;
    type Output = Map;
    type Conv = PackedConv;

    fn prepare(&self, params: ConvParams) -> Result<PackedConv> {
        let ConvParams { weight, bias, inputs, kernel, stride, activation } = params;
        let conv = |finish| PackedConv::new(self.isa, &weight, &bias, inputs, kernel, stride, finish);
        Ok(match activation {
            Activation::None => conv(Finish::None),
            Activation::Silu => conv(Finish::Silu),
            Activation::Relu => conv(Finish::Relu),
            Activation::PRelu(slopes) => conv(Finish::PRelu).with_slopes(&slopes),
        })
    }

    fn enter(&self, input: &Tensor) -> Result<Map> {
        with_picture(input, |values, shape| Map::from_planar(&self.planes, values, shape))
    }

    fn conv(&self, conv: &PackedConv, x: &Map, plus: Option<&Map>) -> Result<Map> {
        Ok(conv.run(&self.planes, x, plus))
    }

    fn output(&self, conv: &PackedConv, x: &Map) -> Result<Map> {
        self.conv(conv, x, None)
    }

    fn concat(&self, maps: &[Map]) -> Result<Map> {
        Ok(Map::concat_any(&self.planes, maps))
    }

    fn halve(&self, x: &Map) -> Result<[Map; 2]> {
        Ok(x.halve())
    }

    fn max_pool_5(&self, x: &Map) -> Result<Map> {
        Ok(pool::max_pool_5(&self.planes, x))
    }

    fn upsample_2(&self, x: &Map) -> Result<Map> {
        Ok(pool::upsample_2(&self.planes, x))
    }
}

impl ChannelBackend for Fused {
    type Depthwise = PackedDepthwise;
    type Gate = Gate;

    fn prepare_depthwise(&self, params: DepthwiseParams) -> Result<PackedDepthwise> {
        let DepthwiseParams { weight, bias, stride, activation } = params;
        let finish = match activation {
            Activation::None => Finish::None,
            Activation::Silu => Finish::Silu,
            Activation::Relu => Finish::Relu,
            Activation::PRelu(_) => return Err(Error::defect("there is no depthwise convolution with slopes")),
        };
        Ok(PackedDepthwise::new(self.isa, &weight, &bias, stride, finish))
    }

    fn prepare_gate(&self, params: GateParams) -> Result<Gate> {
        let GateParams { squeeze, squeeze_bias, excite, excite_bias } = params;
        Ok(Gate { squeeze, squeeze_bias, excite, excite_bias })
    }

    fn depthwise(&self, conv: &PackedDepthwise, x: &Map) -> Result<Map> {
        Ok(conv.run(&self.planes, x))
    }

    fn gated_sum(&self, gate: &Gate, maps: &[Map]) -> Result<Map> {
        Ok(gate.sum(&self.planes, maps))
    }

    fn channel_means(&self, x: &Map) -> Result<Vec<f32>> {
        Ok(channel_means(x))
    }

    fn max_pool_3_half(&self, x: &Map) -> Result<Map> {
        Ok(pool::max_pool_3_half(&self.planes, x))
    }

    fn mean_pool_2(&self, x: &Map) -> Result<Map> {
        Ok(pool::mean_pool_2(&self.planes, x))
    }
}
