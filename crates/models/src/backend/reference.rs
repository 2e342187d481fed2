//! candle's own operations, unfused: the reference for the CPU kernels, and what runs on GPUs.

use candle_core::{DType, Device, Module, Tensor};
use framefan_contract::Result;
use framefan_contract::request::Precision;

use super::{Activation, Backend, ConvParams, internal};

/// candle's operations on one device, in one number format.
pub(crate) struct Reference {
    device: Device,
    dtype: DType,
}

/// A convolution with its bias.
pub(crate) struct ReferenceConv {
    conv: candle_nn::Conv2d,
    activation: ReferenceActivation,
}

/// What follows it.
enum ReferenceActivation {
    None,
    Silu,
    PRelu(candle_nn::PReLU),
}

impl Reference {
    /// Operations on a device in a precision.
    pub fn new(device: &Device, precision: Precision) -> Self {
        let dtype = match precision {
            Precision::F32 => DType::F32,
            Precision::Bf16 => DType::BF16,
            Precision::F16 => DType::F16,
        };
        Reference { device: device.clone(), dtype }
    }

    fn tensor(&self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
        Tensor::from_vec(values, shape, &self.device).and_then(|t| t.to_dtype(self.dtype)).map_err(internal)
    }
}

impl Backend for Reference {
    type Map = Tensor;
    type Conv = ReferenceConv;

    fn prepare(&self, params: ConvParams) -> Result<ReferenceConv> {
        let shape = [params.outputs(), params.inputs, params.kernel, params.kernel];
        let config = candle_nn::Conv2dConfig { padding: params.padding(), stride: params.stride, ..Default::default() };
        let weight = self.tensor(params.weight, &shape)?;
        let bias = self.tensor(params.bias, &shape[..1])?;
        let activation = match params.activation {
            Activation::None => ReferenceActivation::None,
            Activation::Silu => ReferenceActivation::Silu,
            Activation::PRelu(slopes) => {
                let slopes = self.tensor(slopes, &shape[..1])?;
                ReferenceActivation::PRelu(candle_nn::PReLU::new(slopes, false))
            }
        };
        Ok(ReferenceConv { conv: candle_nn::Conv2d::new(weight, Some(bias), config), activation })
    }

    fn enter(&self, input: &Tensor) -> Result<Tensor> {
        let enter = || input.to_device(&self.device)?.to_dtype(self.dtype)?.contiguous();
        enter().map_err(internal)
    }

    fn conv(&self, conv: &ReferenceConv, x: &Tensor, plus: Option<&Tensor>) -> Result<Tensor> {
        let run = || {
            let y = conv.conv.forward(x)?;
            let y = match &conv.activation {
                ReferenceActivation::None => y,
                ReferenceActivation::Silu => y.silu()?,
                ReferenceActivation::PRelu(prelu) => prelu.forward(&y)?,
            };
            match plus {
                Some(plus) => y + plus,
                None => Ok(y),
            }
        };
        run().map_err(internal)
    }

    fn concat(&self, maps: &[Tensor]) -> Result<Tensor> {
        Tensor::cat(maps, 1).map_err(internal)
    }

    fn halve(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        let run = || {
            let half = x.dim(1)? / 2;
            Ok([x.narrow(1, 0, half)?.contiguous()?, x.narrow(1, half, half)?.contiguous()?])
        };
        run().map_err(internal)
    }

    fn max_pool_5(&self, x: &Tensor) -> Result<Tensor> {
        // Repeating the border's own pixels adds no value that the window does not hold already.
        let run = || x.pad_with_same(2, 2, 2)?.pad_with_same(3, 2, 2)?.max_pool2d_with_stride(5, 1);
        run().map_err(internal)
    }

    fn upsample_2(&self, x: &Tensor) -> Result<Tensor> {
        let run = || {
            let (_, _, height, width) = x.dims4()?;
            x.upsample_nearest2d(2 * height, 2 * width)
        };
        run().map_err(internal)
    }
}
