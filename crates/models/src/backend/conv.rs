//! A convolution as read from a weights file, with its batch normalisation folded in.

use framefan_contract::Result;

use crate::weights::Weights;

/// What batch normalisation adds to the variance (the value of the reference implementation).
const BATCH_NORM_EPSILON: f64 = 1e-3;

/// What follows a convolution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Activation {
    /// Nothing.
    None,
    /// x · sigmoid(x).
    Silu,
    /// x where it is positive, x · slope elsewhere, with a slope for each channel.
    PRelu(Vec<f32>),
}

/// A square convolution: weights `[out, in, kernel, kernel]`, row-major, with a bias per output channel. The padding is
/// half of the kernel, so with stride 1 the size stays.
#[derive(Clone, Debug)]
pub(crate) struct ConvParams {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    pub inputs: usize,
    pub kernel: usize,
    pub stride: usize,
    pub activation: Activation,
}

/// The shape of a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConvShape {
    pub outputs: usize,
    pub inputs: usize,
    pub kernel: usize,
    pub stride: usize,
}

impl ConvParams {
    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Pixels around the input that count as zero.
    pub fn padding(&self) -> usize {
        self.kernel / 2
    }

    /// A bare convolution: `{name}.weight` and `{name}.bias`.
    pub fn plain(weights: &Weights, name: &str, shape: ConvShape) -> Result<ConvParams> {
        let ConvShape { outputs, inputs, kernel, stride } = shape;
        let weight = weights.values(&format!("{name}.weight"), &[outputs, inputs, kernel, kernel])?;
        let bias = weights.values(&format!("{name}.bias"), &[outputs])?;
        Ok(ConvParams { weight, bias, inputs, kernel, stride, activation: Activation::None })
    }

    /// The network's usual block, convolution, batch normalisation and SiLU: `{name}.conv.weight` with `{name}.bn.*`, or
    /// with `{name}.conv.bias` where the file's author has folded the normalisation already.
    pub fn block(weights: &Weights, name: &str, shape: ConvShape) -> Result<ConvParams> {
        let conv = format!("{name}.conv");
        let mut params = if weights.contains(&format!("{conv}.bias")) {
            ConvParams::plain(weights, &conv, shape)?
        } else {
            ConvParams::with_batch_norm(weights, name, shape)?
        };
        params.activation = Activation::Silu;
        Ok(params)
    }

    /// y = (conv(x) − mean) · scale + bias with scale = weight / √(variance + ε), as one convolution.
    fn with_batch_norm(weights: &Weights, name: &str, shape: ConvShape) -> Result<ConvParams> {
        let ConvShape { outputs, inputs, kernel, stride } = shape;
        let mut weight = weights.values(&format!("{name}.conv.weight"), &[outputs, inputs, kernel, kernel])?;
        let gamma = weights.values(&format!("{name}.bn.weight"), &[outputs])?;
        let beta = weights.values(&format!("{name}.bn.bias"), &[outputs])?;
        let mean = weights.values(&format!("{name}.bn.running_mean"), &[outputs])?;
        let variance = weights.values(&format!("{name}.bn.running_var"), &[outputs])?;
        let mut bias = Vec::with_capacity(outputs);
        for (output, filter) in weight.chunks_exact_mut(inputs * kernel * kernel).enumerate() {
            let scale = f64::from(gamma[output]) / (f64::from(variance[output]) + BATCH_NORM_EPSILON).sqrt();
            for value in filter {
                *value = (f64::from(*value) * scale) as f32;
            }
            bias.push((f64::from(beta[output]) - f64::from(mean[output]) * scale) as f32);
        }
        Ok(ConvParams { weight, bias, inputs, kernel, stride, activation: Activation::None })
    }
}
