//! The blocks that YOLOv8 is built of.

use framefan_contract::Result;

use crate::backend::{Backend, ConvParams, ConvShape};
use crate::weights::Weights;

/// Loads convolution, batch normalisation and SiLU.
pub(super) fn conv_block<B: Backend>(ops: &B, weights: &Weights, name: &str, shape: ConvShape) -> Result<B::Conv> {
    ops.prepare(ConvParams::block(weights, name, shape)?)
}

/// The shape of a convolution with stride 1.
pub(super) const fn same(inputs: usize, outputs: usize, kernel: usize) -> ConvShape {
    ConvShape { outputs, inputs, kernel, stride: 1 }
}

/// The shape of a 3 × 3 convolution that halves the size.
pub(super) const fn half(inputs: usize, outputs: usize) -> ConvShape {
    ConvShape { outputs, inputs, kernel: 3, stride: 2 }
}

/// Two 3 × 3 convolutions; in the backbone their input is added to the result.
struct Bottleneck<B: Backend> {
    cv1: B::Conv,
    cv2: B::Conv,
    shortcut: bool,
}

impl<B: Backend> Bottleneck<B> {
    fn load(ops: &B, weights: &Weights, name: &str, channels: usize, shortcut: bool) -> Result<Self> {
        let cv1 = conv_block(ops, weights, &format!("{name}.cv1"), same(channels, channels, 3))?;
        let cv2 = conv_block(ops, weights, &format!("{name}.cv2"), same(channels, channels, 3))?;
        Ok(Bottleneck { cv1, cv2, shortcut })
    }

    fn forward(&self, ops: &B, x: &B::Map) -> Result<B::Map> {
        let y = ops.conv(&self.cv1, x, None)?;
        ops.conv(&self.cv2, &y, self.shortcut.then_some(x))
    }
}

/// Cross-stage partial block, version 2f: half of the channels pass a chain of bottlenecks, and every link of the chain
/// is part of what the last convolution sees.
pub(super) struct C2f<B: Backend> {
    cv1: B::Conv,
    cv2: B::Conv,
    bottlenecks: Vec<Bottleneck<B>>,
}

impl<B: Backend> C2f<B> {
    pub fn load(
        ops: &B,
        weights: &Weights,
        name: &str,
        [inputs, outputs]: [usize; 2],
        depth: usize,
        shortcut: bool,
    ) -> Result<Self> {
        let hidden = outputs / 2;
        let cv1 = conv_block(ops, weights, &format!("{name}.cv1"), same(inputs, 2 * hidden, 1))?;
        let cv2 = conv_block(ops, weights, &format!("{name}.cv2"), same((2 + depth) * hidden, outputs, 1))?;
        let mut bottlenecks = Vec::with_capacity(depth);
        for link in 0..depth {
            bottlenecks.push(Bottleneck::load(ops, weights, &format!("{name}.bottleneck.{link}"), hidden, shortcut)?);
        }
        Ok(C2f { cv1, cv2, bottlenecks })
    }

    pub fn forward(&self, ops: &B, x: &B::Map) -> Result<B::Map> {
        let [passed, mut link] = ops.halve(&ops.conv(&self.cv1, x, None)?)?;
        let mut links = vec![passed, link.clone()];
        for bottleneck in &self.bottlenecks {
            link = bottleneck.forward(ops, &link)?;
            links.push(link.clone());
        }
        ops.conv(&self.cv2, &ops.concat(&links)?, None)
    }
}

/// Spatial pyramid pooling, fast: maxima over windows of 5, 9 and 13 pixels beside the map itself.
pub(super) struct Sppf<B: Backend> {
    cv1: B::Conv,
    cv2: B::Conv,
}

impl<B: Backend> Sppf<B> {
    pub fn load(ops: &B, weights: &Weights, name: &str, channels: usize) -> Result<Self> {
        let hidden = channels / 2;
        let cv1 = conv_block(ops, weights, &format!("{name}.cv1"), same(channels, hidden, 1))?;
        let cv2 = conv_block(ops, weights, &format!("{name}.cv2"), same(4 * hidden, channels, 1))?;
        Ok(Sppf { cv1, cv2 })
    }

    pub fn forward(&self, ops: &B, x: &B::Map) -> Result<B::Map> {
        let x = ops.conv(&self.cv1, x, None)?;
        let over_5 = ops.max_pool_5(&x)?;
        let over_9 = ops.max_pool_5(&over_5)?;
        let over_13 = ops.max_pool_5(&over_9)?;
        ops.conv(&self.cv2, &ops.concat(&[x, over_5, over_9, over_13])?, None)
    }
}
