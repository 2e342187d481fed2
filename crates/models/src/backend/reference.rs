//! candle's own operations, unfused: the reference for the CPU kernels, and what runs on GPUs.

use candle_core::{DType, Device, Module, Tensor};
use framefan_contract::Result;
use framefan_contract::request::Precision;

use super::conv::DEPTHWISE_KERNEL;
use super::{Activation, Backend, ChannelBackend, ConvParams, DepthwiseParams, GateParams, internal};

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

/// A convolution of each channel by itself: the values of each tap, `[1, C, 1, 1]`.
pub(crate) struct ReferenceDepthwise {
    taps: Vec<Tensor>,
    bias: Tensor,
    stride: usize,
    activation: ReferenceActivation,
}

/// A channel gate: two 1 × 1 convolutions.
pub(crate) struct ReferenceGate {
    squeeze: candle_nn::Conv2d,
    excite: candle_nn::Conv2d,
}

/// What follows it.
enum ReferenceActivation {
    None,
    Silu,
    PRelu(candle_nn::PReLU),
    Relu,
}

impl ReferenceActivation {
    /// The activation; [`ReferenceActivation::Relu`] after the addition of `plus`, the others before.
    fn run(&self, y: Tensor, plus: Option<&Tensor>) -> candle_core::Result<Tensor> {
        let y = match self {
            ReferenceActivation::None | ReferenceActivation::Relu => y,
            ReferenceActivation::Silu => y.silu()?,
            ReferenceActivation::PRelu(prelu) => prelu.forward(&y)?,
        };
        let y = match plus {
            Some(plus) => (y + plus)?,
            None => y,
        };
        if matches!(self, ReferenceActivation::Relu) { y.relu() } else { Ok(y) }
    }
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

    fn activation(&self, activation: Activation) -> Result<ReferenceActivation> {
        Ok(match activation {
            Activation::None => ReferenceActivation::None,
            Activation::Silu => ReferenceActivation::Silu,
            Activation::Relu => ReferenceActivation::Relu,
            Activation::PRelu(slopes) => {
                let count = slopes.len();
                ReferenceActivation::PRelu(candle_nn::PReLU::new(self.tensor(slopes, &[count])?, false))
            }
        })
    }

    fn tensor(&self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
        Tensor::from_vec(values, shape, &self.device).and_then(|t| t.to_dtype(self.dtype)).map_err(internal)
    }
}

impl Backend for Reference {
    type Map = Tensor;
    type Output = Tensor;
    type Conv = ReferenceConv;

    fn prepare(&self, params: ConvParams) -> Result<ReferenceConv> {
        let shape = [params.outputs(), params.inputs, params.kernel, params.kernel];
        let config = candle_nn::Conv2dConfig { padding: params.padding(), stride: params.stride, ..Default::default() };
        let weight = self.tensor(params.weight, &shape)?;
        let bias = self.tensor(params.bias, &shape[..1])?;
        let activation = self.activation(params.activation)?;
        Ok(ReferenceConv { conv: candle_nn::Conv2d::new(weight, Some(bias), config), activation })
    }

    fn enter(&self, input: &Tensor) -> Result<Tensor> {
        let enter = || input.to_device(&self.device)?.to_dtype(self.dtype)?.contiguous();
        enter().map_err(internal)
    }

    fn conv(&self, conv: &ReferenceConv, x: &Tensor, plus: Option<&Tensor>) -> Result<Tensor> {
        let run = || conv.activation.run(conv.conv.forward(x)?, plus);
        run().map_err(internal)
    }

    fn output(&self, conv: &ReferenceConv, x: &Tensor) -> Result<Tensor> {
        self.conv(conv, x, None)
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

impl ChannelBackend for Reference {
    type Depthwise = ReferenceDepthwise;
    type Gate = ReferenceGate;

    fn prepare_depthwise(&self, params: DepthwiseParams) -> Result<ReferenceDepthwise> {
        let channels = params.channels();
        let size = DEPTHWISE_KERNEL * DEPTHWISE_KERNEL;
        let mut taps = Vec::with_capacity(size);
        for tap in 0..size {
            let values = params.weight.iter().skip(tap).step_by(size).copied().collect();
            taps.push(self.tensor(values, &[1, channels, 1, 1])?);
        }
        Ok(ReferenceDepthwise {
            taps,
            bias: self.tensor(params.bias, &[1, channels, 1, 1])?,
            stride: params.stride,
            activation: self.activation(params.activation)?,
        })
    }

    fn prepare_gate(&self, params: GateParams) -> Result<ReferenceGate> {
        let (hidden, channels) = (params.squeeze_bias.len(), params.excite_bias.len());
        let layer = |weight, bias, [outputs, inputs]: [usize; 2]| -> Result<candle_nn::Conv2d> {
            let weight = self.tensor(weight, &[outputs, inputs, 1, 1])?;
            Ok(candle_nn::Conv2d::new(weight, Some(self.tensor(bias, &[outputs])?), Default::default()))
        };
        Ok(ReferenceGate {
            squeeze: layer(params.squeeze, params.squeeze_bias, [hidden, channels])?,
            excite: layer(params.excite, params.excite_bias, [channels, hidden])?,
        })
    }

    fn depthwise(&self, conv: &ReferenceDepthwise, x: &Tensor) -> Result<Tensor> {
        // A sum of shifted maps: candle's own grouped convolution runs once for each group.
        let run = || {
            let (_, _, height, width) = x.dims4()?;
            // One row and column more than the filter needs, so that every shifted map has whole strides.
            let padded = x.pad_with_zeros(2, 1, 2)?.pad_with_zeros(3, 1, 2)?;
            let mut sum: Option<Tensor> = None;
            for (tap, weight) in conv.taps.iter().enumerate() {
                let (down, across) = (tap / DEPTHWISE_KERNEL, tap % DEPTHWISE_KERNEL);
                let shifted = every(&every(&padded, 2, down, height, conv.stride)?, 3, across, width, conv.stride)?;
                let product = shifted.broadcast_mul(weight)?;
                sum = Some(match sum {
                    Some(sum) => (sum + product)?,
                    None => product.broadcast_add(&conv.bias)?,
                });
            }
            let sum = sum.ok_or_else(|| candle_core::Error::Msg("a filter without taps".to_owned()))?;
            conv.activation.run(sum, None)
        };
        run().map_err(internal)
    }

    fn gated_sum(&self, gate: &ReferenceGate, maps: &[Tensor]) -> Result<Tensor> {
        let gated = |x: &Tensor| {
            let means = x.mean_keepdim(3)?.mean_keepdim(2)?;
            let scales = candle_nn::ops::sigmoid(&gate.excite.forward(&gate.squeeze.forward(&means)?.relu()?)?)?;
            x.broadcast_mul(&scales)
        };
        let run = || maps[1..].iter().try_fold(gated(&maps[0])?, |sum, x| sum + gated(x)?);
        run().map_err(internal)
    }

    fn channel_means(&self, x: &Tensor) -> Result<Vec<f32>> {
        let run = || x.to_dtype(DType::F32)?.mean(3)?.mean(2)?.flatten_all()?.to_vec1::<f32>();
        run().map_err(internal)
    }

    fn max_pool_3_half(&self, x: &Tensor) -> Result<Tensor> {
        // Repeating the border's own pixels adds no value that the window does not hold already.
        let run = || x.pad_with_same(2, 1, 1)?.pad_with_same(3, 1, 1)?.max_pool2d_with_stride(3, 2);
        run().map_err(internal)
    }

    fn mean_pool_2(&self, x: &Tensor) -> Result<Tensor> {
        x.avg_pool2d(2).map_err(internal)
    }
}

/// Of a padded side, what one tap of a filter sees: from `first` on, as many pixels as `side` has, every `stride`-th of them.
fn every(x: &Tensor, dim: usize, first: usize, side: usize, stride: usize) -> candle_core::Result<Tensor> {
    if stride == 1 {
        return x.narrow(dim, first, side);
    }
    let count = (side - 1) / stride + 1;
    let whole = x.narrow(dim, first, count * stride)?;
    let mut shape = whole.dims().to_vec();
    shape[dim] = count;
    shape.insert(dim + 1, stride);
    whole.contiguous()?.reshape(shape)?.narrow(dim + 1, 0, 1)?.squeeze(dim + 1)
}
