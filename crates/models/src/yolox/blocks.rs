//! The blocks that YOLOX is built of.

use framefan_contract::Result;

use crate::backend::{ChannelBackend, ConvParams, ConvShape, DepthwiseParams};
use crate::weights::Weights;

/// Where tensors come from, and which kind of 3 × 3 convolution the network has.
pub(super) struct Loader<'a, B: ChannelBackend> {
    pub ops: &'a B,
    pub weights: &'a Weights,
    /// 3 × 3 convolutions are a depthwise one and a 1 × 1 one.
    pub depthwise: bool,
}

impl<B: ChannelBackend> Loader<'_, B> {
    /// Convolution, batch normalisation and SiLU, whatever the size of the network.
    pub fn base(&self, name: &str, shape: ConvShape) -> Result<B::Conv> {
        self.ops.prepare(ConvParams::block(self.weights, name, shape)?)
    }

    /// The same, 1 × 1.
    pub fn point(&self, name: &str, [inputs, outputs]: [usize; 2]) -> Result<B::Conv> {
        self.base(name, ConvShape { outputs, inputs, kernel: 1, stride: 1 })
    }

    /// A 3 × 3 convolution of the network's kind.
    pub fn conv(&self, name: &str, [inputs, outputs]: [usize; 2], stride: usize) -> Result<Conv<B>> {
        if self.depthwise {
            let depthwise = DepthwiseParams::block(self.weights, &format!("{name}.dconv"), inputs, stride)?;
            let point = self.point(&format!("{name}.pconv"), [inputs, outputs])?;
            return Ok(Conv::Separable(self.ops.prepare_depthwise(depthwise)?, point));
        }
        Ok(Conv::Full(self.base(name, ConvShape { outputs, inputs, kernel: 3, stride })?))
    }
}

/// A 3 × 3 convolution with batch normalisation and SiLU; in nano, a depthwise one and a 1 × 1 one, each with both.
pub(super) enum Conv<B: ChannelBackend> {
    Full(B::Conv),
    Separable(B::Depthwise, B::Conv),
}

impl<B: ChannelBackend> Conv<B> {
    /// Runs; `plus`, where given, is added to the result.
    pub fn forward(&self, ops: &B, x: &B::Map, plus: Option<&B::Map>) -> Result<B::Map> {
        match self {
            Conv::Full(conv) => ops.conv(conv, x, plus),
            Conv::Separable(depthwise, point) => ops.conv(point, &ops.depthwise(depthwise, x)?, plus),
        }
    }
}

/// A 1 × 1 and a 3 × 3 convolution; in the backbone their input is added to the result.
struct Bottleneck<B: ChannelBackend> {
    conv1: B::Conv,
    conv2: Conv<B>,
}

/// Cross-stage partial block: one half of the channels passes the bottlenecks, the other does not.
pub(super) struct Csp<B: ChannelBackend> {
    conv1: B::Conv,
    conv2: B::Conv,
    conv3: B::Conv,
    bottlenecks: Vec<Bottleneck<B>>,
    shortcut: bool,
}

impl<B: ChannelBackend> Csp<B> {
    pub fn load(
        from: &Loader<'_, B>,
        name: &str,
        [inputs, outputs]: [usize; 2],
        depth: usize,
        shortcut: bool,
    ) -> Result<Self> {
        let hidden = outputs / 2;
        let mut bottlenecks = Vec::with_capacity(depth);
        for link in 0..depth {
            bottlenecks.push(Bottleneck {
                conv1: from.point(&format!("{name}.m.{link}.conv1"), [hidden, hidden])?,
                conv2: from.conv(&format!("{name}.m.{link}.conv2"), [hidden, hidden], 1)?,
            });
        }
        Ok(Csp {
            conv1: from.point(&format!("{name}.conv1"), [inputs, hidden])?,
            conv2: from.point(&format!("{name}.conv2"), [inputs, hidden])?,
            conv3: from.point(&format!("{name}.conv3"), [2 * hidden, outputs])?,
            bottlenecks,
            shortcut,
        })
    }

    pub fn forward(&self, ops: &B, x: &B::Map) -> Result<B::Map> {
        let mut deep = ops.conv(&self.conv1, x, None)?;
        let passed = ops.conv(&self.conv2, x, None)?;
        for bottleneck in &self.bottlenecks {
            let y = ops.conv(&bottleneck.conv1, &deep, None)?;
            deep = bottleneck.conv2.forward(ops, &y, self.shortcut.then_some(&deep))?;
        }
        ops.conv(&self.conv3, &ops.concat(&[deep, passed])?, None)
    }
}

/// Spatial pyramid pooling: maxima over windows of 5, 9 and 13 pixels beside the map itself.
pub(super) struct Spp<B: ChannelBackend> {
    conv1: B::Conv,
    conv2: B::Conv,
}

impl<B: ChannelBackend> Spp<B> {
    pub fn load(from: &Loader<'_, B>, name: &str, channels: usize) -> Result<Self> {
        let hidden = channels / 2;
        Ok(Spp {
            conv1: from.point(&format!("{name}.conv1"), [channels, hidden])?,
            conv2: from.point(&format!("{name}.conv2"), [4 * hidden, channels])?,
        })
    }

    pub fn forward(&self, ops: &B, x: &B::Map) -> Result<B::Map> {
        let x = ops.conv(&self.conv1, x, None)?;
        // The maximum over 9 pixels is the maximum over 5 of maxima over 5, and so on.
        let over_5 = ops.max_pool_5(&x)?;
        let over_9 = ops.max_pool_5(&over_5)?;
        let over_13 = ops.max_pool_5(&over_9)?;
        ops.conv(&self.conv2, &ops.concat(&[x, over_5, over_9, over_13])?, None)
    }
}
