//! A convolution as read from a weights file, with its batch normalisation folded in.

use framefan_contract::Result;

use crate::weights::Weights;

/// What batch normalisation adds to the variance in YOLO networks (the value of the reference implementations).
const YOLO_EPSILON: f64 = 1e-3;

/// What follows a convolution.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Activation {
    /// Nothing.
    None,
    /// x · sigmoid(x).
    Silu,
    /// x where it is positive, x · slope elsewhere, with a slope for each channel.
    PRelu(Vec<f32>),
    /// x where it is positive, 0 elsewhere. Unlike the others it comes after the addition of a shortcut, as in residual networks.
    Relu,
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
        let mut params =
            ConvParams::normalised(weights, &format!("{name}.conv"), &format!("{name}.bn"), YOLO_EPSILON, shape)?;
        params.activation = Activation::Silu;
        Ok(params)
    }

    /// A convolution without bias: `{name}.weight`.
    pub fn unbiased(weights: &Weights, name: &str, shape: ConvShape) -> Result<ConvParams> {
        let ConvShape { outputs, inputs, kernel, stride } = shape;
        let weight = weights.values(&format!("{name}.weight"), &[outputs, inputs, kernel, kernel])?;
        Ok(ConvParams { weight, bias: vec![0.0; outputs], inputs, kernel, stride, activation: Activation::None })
    }

    /// A convolution and its batch normalisation, which adds `epsilon` to the variance: `{conv}.weight` with `{norm}.*`, or with
    /// `{conv}.bias` where the file's author has folded the normalisation already.
    pub fn normalised(weights: &Weights, conv: &str, norm: &str, epsilon: f64, shape: ConvShape) -> Result<ConvParams> {
        let ConvShape { outputs, inputs, kernel, stride } = shape;
        let (weight, bias) = folded(weights, [conv, norm], epsilon, &[outputs, inputs, kernel, kernel])?;
        Ok(ConvParams { weight, bias, inputs, kernel, stride, activation: Activation::None })
    }
}

/// Width and height of the filters of a [`DepthwiseParams`].
pub(crate) const DEPTHWISE_KERNEL: usize = 3;

/// A 3 × 3 convolution of each channel by itself: weights `[channels, 3, 3]`, row-major, with a bias per channel. The padding is
/// 1, so with stride 1 the size stays.
#[derive(Clone, Debug)]
pub(crate) struct DepthwiseParams {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    pub stride: usize,
    pub activation: Activation,
}

impl DepthwiseParams {
    /// Channels in and out.
    pub fn channels(&self) -> usize {
        self.bias.len()
    }

    /// Convolution, batch normalisation and SiLU, named as in [`ConvParams::block`].
    pub fn block(weights: &Weights, name: &str, channels: usize, stride: usize) -> Result<DepthwiseParams> {
        let (conv, norm) = (format!("{name}.conv"), format!("{name}.bn"));
        let mut params = DepthwiseParams::normalised(weights, &conv, &norm, YOLO_EPSILON, channels)?;
        params.stride = stride;
        params.activation = Activation::Silu;
        Ok(params)
    }

    /// Like [`ConvParams::normalised`], with stride 1.
    pub fn normalised(
        weights: &Weights,
        conv: &str,
        norm: &str,
        epsilon: f64,
        channels: usize,
    ) -> Result<DepthwiseParams> {
        let shape = [channels, 1, DEPTHWISE_KERNEL, DEPTHWISE_KERNEL];
        let (weight, bias) = folded(weights, [conv, norm], epsilon, &shape)?;
        Ok(DepthwiseParams { weight, bias, stride: 1, activation: Activation::None })
    }
}

/// Weights and bias of a layer with its batch normalisation folded in: y = (layer(x) − mean) · scale + bias with scale =
/// weight / √(variance + ε), as one layer. Where the layer has a bias and there is no normalisation, the file's author has
/// done so already; where there are both, the layer's bias is normalised too.
pub(crate) fn folded(
    weights: &Weights,
    [layer, norm]: [&str; 2],
    epsilon: f64,
    shape: &[usize],
) -> Result<(Vec<f32>, Vec<f32>)> {
    let outputs = shape[0];
    let mut weight = weights.values(&format!("{layer}.weight"), shape)?;
    let bias_name = format!("{layer}.bias");
    let mut bias = if weights.contains(&bias_name) { Some(weights.values(&bias_name, &[outputs])?) } else { None };
    if let Some(bias) = bias.take_if(|_| !weights.contains(&format!("{norm}.running_mean"))) {
        return Ok((weight, bias));
    }
    let gamma = weights.values(&format!("{norm}.weight"), &[outputs])?;
    let beta = weights.values(&format!("{norm}.bias"), &[outputs])?;
    let mean = weights.values(&format!("{norm}.running_mean"), &[outputs])?;
    let variance = weights.values(&format!("{norm}.running_var"), &[outputs])?;
    let before = bias.unwrap_or_else(|| vec![0.0; outputs]);
    let mut after = Vec::with_capacity(outputs);
    let values = weight.len() / outputs;
    for (output, filter) in weight.chunks_exact_mut(values).enumerate() {
        let scale = f64::from(gamma[output]) / (f64::from(variance[output]) + epsilon).sqrt();
        for value in filter {
            *value = (f64::from(*value) * scale) as f32;
        }
        let shifted = f64::from(before[output]) - f64::from(mean[output]);
        after.push((f64::from(beta[output]) + shifted * scale) as f32);
    }
    Ok((weight, after))
}
