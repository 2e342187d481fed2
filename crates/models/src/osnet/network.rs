//! The network, over the operations of any backend.

use framefan_contract::{Error, Result};

use crate::backend::{Activation, ChannelBackend, ConvParams, ConvShape, DepthwiseParams, GateParams, folded};
use crate::weights::Weights;

/// What batch normalisation adds to the variance.
const EPSILON: f64 = 1e-5;

/// Streams of a block; the first sees 3 pixels, the last 9.
const STREAMS: [&str; 4] = ["conv2a", "conv2b", "conv2c", "conv2d"];

/// Where tensors come from.
struct Loader<'a, B: ChannelBackend> {
    ops: &'a B,
    weights: &'a Weights,
}

impl<B: ChannelBackend> Loader<'_, B> {
    /// Convolution and batch normalisation; `activation` comes after a shortcut's addition.
    fn conv(&self, name: &str, shape: ConvShape, activation: Activation) -> Result<B::Conv> {
        let (conv, norm) = (format!("{name}.conv"), format!("{name}.bn"));
        let mut params = ConvParams::normalised(self.weights, &conv, &norm, EPSILON, shape)?;
        params.activation = activation;
        self.ops.prepare(params)
    }

    /// The same, 1 × 1.
    fn point(&self, name: &str, [inputs, outputs]: [usize; 2], activation: Activation) -> Result<B::Conv> {
        self.conv(name, ConvShape { outputs, inputs, kernel: 1, stride: 1 }, activation)
    }

    /// Output channels of the convolution `{name}.weight`.
    fn outputs(&self, name: &str) -> Result<usize> {
        match *self.weights.shape(&format!("{name}.weight"))? {
            [outputs, ..] if outputs > 0 => Ok(outputs),
            ref other => Err(Error::bad_input(format!(
                "tensor {name}.weight has shape {other:?}, in {}",
                self.weights.path().display()
            ))),
        }
    }
}

/// A 1 × 1 convolution, then one of each channel by itself, batch normalisation and ReLU.
struct LightConv<B: ChannelBackend> {
    point: B::Conv,
    depthwise: B::Depthwise,
}

impl<B: ChannelBackend> LightConv<B> {
    fn load(from: &Loader<'_, B>, name: &str, channels: usize) -> Result<Self> {
        let shape = ConvShape { outputs: channels, inputs: channels, kernel: 1, stride: 1 };
        let point = ConvParams::unbiased(from.weights, &format!("{name}.conv1"), shape)?;
        let (conv, norm) = (format!("{name}.conv2"), format!("{name}.bn"));
        let mut depthwise = DepthwiseParams::normalised(from.weights, &conv, &norm, EPSILON, channels)?;
        depthwise.activation = Activation::Relu;
        Ok(LightConv { point: from.ops.prepare(point)?, depthwise: from.ops.prepare_depthwise(depthwise)? })
    }

    fn forward(&self, ops: &B, x: &B::Map) -> Result<B::Map> {
        ops.depthwise(&self.depthwise, &ops.conv(&self.point, x, None)?)
    }
}

/// Omni-scale block: streams of one to four light convolutions, weighed by one gate, beside a shortcut.
struct Block<B: ChannelBackend> {
    conv1: B::Conv,
    streams: Vec<Vec<LightConv<B>>>,
    gate: B::Gate,
    conv3: B::Conv,
    downsample: Option<B::Conv>,
}

impl<B: ChannelBackend> Block<B> {
    fn load(from: &Loader<'_, B>, name: &str, [inputs, outputs]: [usize; 2]) -> Result<Self> {
        let hidden = outputs / 4;
        let mut streams = Vec::new();
        for (number, stream) in STREAMS.iter().enumerate() {
            let mut links = Vec::new();
            for link in 0..=number {
                // A single convolution has no number.
                let part = if number == 0 { String::new() } else { format!(".{link}") };
                links.push(LightConv::load(from, &format!("{name}.{stream}{part}"), hidden)?);
            }
            streams.push(links);
        }
        let squeezed = from.outputs(&format!("{name}.gate.fc1"))?;
        let layer = |part: &str, [inputs, outputs]: [usize; 2]| {
            let shape = ConvShape { outputs, inputs, kernel: 1, stride: 1 };
            ConvParams::plain(from.weights, &format!("{name}.gate.{part}"), shape)
        };
        let (squeeze, excite) = (layer("fc1", [hidden, squeezed])?, layer("fc2", [squeezed, hidden])?);
        let gate = GateParams {
            squeeze: squeeze.weight,
            squeeze_bias: squeeze.bias,
            excite: excite.weight,
            excite_bias: excite.bias,
        };
        let downsample = match inputs == outputs {
            true => None,
            false => Some(from.point(&format!("{name}.downsample"), [inputs, outputs], Activation::None)?),
        };
        Ok(Block {
            conv1: from.point(&format!("{name}.conv1"), [inputs, hidden], Activation::Relu)?,
            streams,
            gate: from.ops.prepare_gate(gate)?,
            conv3: from.point(&format!("{name}.conv3"), [hidden, outputs], Activation::Relu)?,
            downsample,
        })
    }

    fn forward(&self, ops: &B, x: &B::Map) -> Result<B::Map> {
        let narrow = ops.conv(&self.conv1, x, None)?;
        let mut scales = Vec::with_capacity(self.streams.len());
        for stream in &self.streams {
            scales.push(stream.iter().try_fold(narrow.clone(), |x, link| link.forward(ops, &x))?);
        }
        let sum = ops.gated_sum(&self.gate, &scales)?;
        let shortcut = match &self.downsample {
            Some(conv) => ops.conv(conv, x, None)?,
            None => x.clone(),
        };
        ops.conv(&self.conv3, &sum, Some(&shortcut))
    }
}

/// Two blocks, and between stages a convolution and the halving of the size.
struct Stage<B: ChannelBackend> {
    blocks: [Block<B>; 2],
    reduce: Option<B::Conv>,
}

impl<B: ChannelBackend> Stage<B> {
    fn load(from: &Loader<'_, B>, name: &str, [inputs, outputs]: [usize; 2], reduce: bool) -> Result<Self> {
        let reduce = match reduce {
            true => Some(from.point(&format!("{name}.2.0"), [outputs, outputs], Activation::Relu)?),
            false => None,
        };
        let block = |number: usize, inputs| Block::load(from, &format!("{name}.{number}"), [inputs, outputs]);
        Ok(Stage { blocks: [block(0, inputs)?, block(1, outputs)?], reduce })
    }

    fn forward(&self, ops: &B, x: &B::Map) -> Result<B::Map> {
        let x = self.blocks[1].forward(ops, &self.blocks[0].forward(ops, x)?)?;
        match &self.reduce {
            Some(conv) => ops.mean_pool_2(&ops.conv(conv, &x, None)?),
            None => Ok(x),
        }
    }
}

/// The whole network.
pub(super) struct Network<B: ChannelBackend> {
    conv1: B::Conv,
    stages: [Stage<B>; 3],
    conv5: B::Conv,
    /// `[features, channels]`, row-major.
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl<B: ChannelBackend> Network<B> {
    pub fn load(ops: &B, weights: &Weights) -> Result<Self> {
        let from = Loader { ops, weights };
        let first = from.outputs("conv1.conv")?;
        let [c2, c3, c4] = [
            from.outputs("conv2.0.conv3.conv")?,
            from.outputs("conv3.0.conv3.conv")?,
            from.outputs("conv4.0.conv3.conv")?,
        ];
        let features = from.outputs("fc.0")?;
        let (weight, bias) = folded(weights, ["fc.0", "fc.1"], EPSILON, &[features, c4])?;
        let stem = ConvShape { outputs: first, inputs: 3, kernel: 7, stride: 2 };
        Ok(Network {
            conv1: from.conv("conv1", stem, Activation::Relu)?,
            stages: [
                Stage::load(&from, "conv2", [first, c2], true)?,
                Stage::load(&from, "conv3", [c2, c3], true)?,
                Stage::load(&from, "conv4", [c3, c4], false)?,
            ],
            conv5: from.point("conv5", [c4, c4], Activation::Relu)?,
            weight,
            bias,
        })
    }

    /// Values of a feature.
    pub fn feature_len(&self) -> usize {
        self.bias.len()
    }

    /// Pictures `[B, 3, 256, 128]` → features `[B × F]`, one after the other.
    pub fn forward(&self, ops: &B, x: &B::Map) -> Result<Vec<f32>> {
        let x = ops.conv(&self.conv1, x, None)?; // 128 × 64
        let mut x = ops.max_pool_3_half(&x)?; // 64 × 32
        for stage in &self.stages {
            x = stage.forward(ops, &x)?; // 32 × 16, 16 × 8, 16 × 8
        }
        let means = ops.channel_means(&ops.conv(&self.conv5, &x, None)?)?;
        let channels = self.weight.len() / self.bias.len();
        let mut features = Vec::with_capacity(means.len() / channels * self.bias.len());
        for means in means.chunks_exact(channels) {
            for (row, bias) in self.weight.chunks_exact(channels).zip(&self.bias) {
                let sum = row.iter().zip(means).fold(*bias, |sum, (weight, mean)| sum + weight * mean);
                features.push(sum.max(0.0));
            }
        }
        Ok(features)
    }
}
