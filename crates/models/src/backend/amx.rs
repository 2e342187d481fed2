//! The CPU kernels on tiles in `bf16`, one picture at a time.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use framefan_contract::request::Precision;
use framefan_contract::{Error, Result};

use super::{Activation, Backend, ConvParams, with_picture};
use crate::kernels::Finish;
use crate::kernels::amx::conv::Bf16Conv;
use crate::kernels::amx::map::{Bf16Map, plane_pool};
use crate::kernels::amx::{self, pool};
use crate::kernels::map::{Map, PlanePool};

/// The kernels, and the memory that they reuse.
pub(crate) struct Amx {
    planes: Arc<PlanePool>,
}

impl Amx {
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) when this processor has no tiles, and for another device or precision.
    pub fn new(device: &Device, precision: Precision) -> Result<Amx> {
        if !device.is_cpu() || precision != Precision::Bf16 {
            return Err(Error::usage("the kernels on tiles run on the CPU in bf16 only"));
        }
        // The kernels' safety rests on this check.
        Amx::require()?;
        Ok(Amx { planes: plane_pool() })
    }

    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) when this processor has no tiles.
    pub fn require() -> Result<()> {
        if amx::available() {
            return Ok(());
        }
        let needs = "amx_bf16 in /proc/cpuinfo; Intel since Sapphire Rapids, AWS c7i, m7i and later";
        Err(Error::usage(format!("precision bf16 on a CPU needs AMX ({needs}): use f32")))
    }
}

impl Backend for Amx {
    type Map = Bf16Map;
    type Output = Map;
    type Conv = Bf16Conv;

    fn prepare(&self, params: ConvParams) -> Result<Bf16Conv> {
        let ConvParams { weight, bias, inputs, kernel, stride, activation } = params;
        let (finish, slopes) = match activation {
            Activation::None => (Finish::None, Vec::new()),
            Activation::Silu => (Finish::Silu, Vec::new()),
            Activation::Relu => (Finish::Relu, Vec::new()),
            Activation::PRelu(slopes) => (Finish::PRelu, slopes),
        };
        Ok(Bf16Conv::new(weight, &bias, inputs, kernel, stride, finish, &slopes))
    }

    fn enter(&self, input: &Tensor) -> Result<Bf16Map> {
        with_picture(input, |values, shape| Bf16Map::from_planar(&self.planes, values, shape))
    }

    fn conv(&self, conv: &Bf16Conv, x: &Bf16Map, plus: Option<&Bf16Map>) -> Result<Bf16Map> {
        Ok(conv.run(&self.planes, x, plus))
    }

    fn output(&self, conv: &Bf16Conv, x: &Bf16Map) -> Result<Map> {
        Ok(conv.run_to_f32(&self.planes, x))
    }

    fn concat(&self, maps: &[Bf16Map]) -> Result<Bf16Map> {
        Ok(Bf16Map::concat(maps))
    }

    fn halve(&self, x: &Bf16Map) -> Result<[Bf16Map; 2]> {
        Ok(x.halve())
    }

    fn max_pool_5(&self, x: &Bf16Map) -> Result<Bf16Map> {
        Ok(pool::max_pool_5(&self.planes, x))
    }

    fn upsample_2(&self, x: &Bf16Map) -> Result<Bf16Map> {
        Ok(pool::upsample_2(&self.planes, x))
    }
}
