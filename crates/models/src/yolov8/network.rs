//! Backbone, neck and heads, over the operations of any backend.

use framefan_contract::Result;

use super::blocks::{C2f, Sppf, conv_block, half, same};
use super::config::{Config, filters};
use crate::backend::{Backend, ConvParams};
use crate::weights::Weights;

/// Values per side of a box: the probabilities of its distance in strides.
pub(super) const DISTANCE_BINS: usize = 16;

/// Halves the picture five times; the last three levels, at strides 8, 16 and 32, are seen by the neck.
struct Backbone<B: Backend> {
    b1_0: B::Conv,
    b1_1: B::Conv,
    b2_0: C2f<B>,
    b2_1: B::Conv,
    b2_2: C2f<B>,
    b3_0: B::Conv,
    b3_1: C2f<B>,
    b4_0: B::Conv,
    b4_1: C2f<B>,
    b5: Sppf<B>,
}

impl<B: Backend> Backbone<B> {
    fn load(ops: &B, weights: &Weights, config: &Config) -> Result<Self> {
        let [c1, c2, c3, c4, c5] = config.channels;
        let (short, long) = (config.depth, 2 * config.depth);
        Ok(Backbone {
            b1_0: conv_block(ops, weights, "net.b1.0", half(3, c1))?,
            b1_1: conv_block(ops, weights, "net.b1.1", half(c1, c2))?,
            b2_0: C2f::load(ops, weights, "net.b2.0", [c2, c2], short, true)?,
            b2_1: conv_block(ops, weights, "net.b2.1", half(c2, c3))?,
            b2_2: C2f::load(ops, weights, "net.b2.2", [c3, c3], long, true)?,
            b3_0: conv_block(ops, weights, "net.b3.0", half(c3, c4))?,
            b3_1: C2f::load(ops, weights, "net.b3.1", [c4, c4], long, true)?,
            b4_0: conv_block(ops, weights, "net.b4.0", half(c4, c5))?,
            b4_1: C2f::load(ops, weights, "net.b4.1", [c5, c5], short, true)?,
            b5: Sppf::load(ops, weights, "net.b5.0", c5)?,
        })
    }

    /// `[B, 3, H, W]` → the levels at strides 8, 16, 32.
    fn forward(&self, ops: &B, x: &B::Map) -> Result<[B::Map; 3]> {
        let x = ops.conv(&self.b1_0, x, None)?; // H / 2
        let x = ops.conv(&self.b1_1, &x, None)?; // H / 4
        let x = self.b2_0.forward(ops, &x)?;
        let x = ops.conv(&self.b2_1, &x, None)?; // H / 8
        let fine = self.b2_2.forward(ops, &x)?;
        let x = ops.conv(&self.b3_0, &fine, None)?; // H / 16
        let middle = self.b3_1.forward(ops, &x)?;
        let x = ops.conv(&self.b4_0, &middle, None)?; // H / 32
        let x = self.b4_1.forward(ops, &x)?;
        let coarse = self.b5.forward(ops, &x)?;
        Ok([fine, middle, coarse])
    }
}

/// Feature pyramid: down from the coarse level to the fine one, and back up.
struct Neck<B: Backend> {
    n1: C2f<B>,
    n2: C2f<B>,
    n3: B::Conv,
    n4: C2f<B>,
    n5: B::Conv,
    n6: C2f<B>,
}

impl<B: Backend> Neck<B> {
    fn load(ops: &B, weights: &Weights, config: &Config) -> Result<Self> {
        let [_, _, c3, c4, c5] = config.channels;
        let depth = config.depth;
        Ok(Neck {
            n1: C2f::load(ops, weights, "fpn.n1", [c5 + c4, c4], depth, false)?,
            n2: C2f::load(ops, weights, "fpn.n2", [c4 + c3, c3], depth, false)?,
            n3: conv_block(ops, weights, "fpn.n3", half(c3, c3))?,
            n4: C2f::load(ops, weights, "fpn.n4", [c3 + c4, c4], depth, false)?,
            n5: conv_block(ops, weights, "fpn.n5", half(c4, c4))?,
            n6: C2f::load(ops, weights, "fpn.n6", [c4 + c5, c5], depth, false)?,
        })
    }

    fn forward(&self, ops: &B, [fine, middle, coarse]: [B::Map; 3]) -> Result<[B::Map; 3]> {
        let up = ops.upsample_2(&coarse)?;
        let middle = self.n1.forward(ops, &ops.concat(&[up, middle])?)?;
        let up = ops.upsample_2(&middle)?;
        let fine = self.n2.forward(ops, &ops.concat(&[up, fine])?)?;
        let down = ops.conv(&self.n3, &fine, None)?;
        let middle = self.n4.forward(ops, &ops.concat(&[down, middle])?)?;
        let down = ops.conv(&self.n5, &middle, None)?;
        let coarse = self.n6.forward(ops, &ops.concat(&[down, coarse])?)?;
        Ok([fine, middle, coarse])
    }
}

/// Two 3 × 3 convolutions, of as many channels as the weights have, and the one that gives the values, for one level.
struct Branch<B: Backend>([B::Conv; 3]);

impl<B: Backend> Branch<B> {
    fn load(ops: &B, weights: &Weights, name: &str, [inputs, outputs]: [usize; 2]) -> Result<Self> {
        let hidden = filters(weights, &format!("{name}.0"))?;
        Ok(Branch([
            conv_block(ops, weights, &format!("{name}.0"), same(inputs, hidden, 3))?,
            conv_block(ops, weights, &format!("{name}.1"), same(hidden, hidden, 3))?,
            ops.prepare(ConvParams::plain(weights, &format!("{name}.2"), same(hidden, outputs, 1))?)?,
        ]))
    }

    fn forward(&self, ops: &B, x: &B::Map) -> Result<B::Output> {
        let [first, second, values] = &self.0;
        ops.output(values, &ops.conv(second, &ops.conv(first, x, None)?, None)?)
    }
}

/// The heads of one level.
struct Head<B: Backend> {
    boxes: Branch<B>,
    classes: Branch<B>,
    keypoints: Option<Branch<B>>,
}

/// What the heads of one level say, before it is decoded.
pub(super) struct HeadMaps<M> {
    /// `[B, 4 × 16, h, w]`: left, top, right, bottom; of each the logits of its distance.
    pub boxes: M,
    /// `[B, classes, h, w]`: logits.
    pub classes: M,
    /// `[B, 3 × keypoints, h, w]`: x, y, visibility logit.
    pub keypoints: Option<M>,
}

impl<B: Backend> Head<B> {
    fn load(ops: &B, weights: &Weights, config: &Config, level: usize) -> Result<Self> {
        let inputs = config.channels[level + 2];
        let (boxes, classes, keypoints) = (4 * DISTANCE_BINS, config.classes(), 3 * config.keypoints());
        let branch =
            |name: &str, outputs: usize| Branch::load(ops, weights, &format!("head.{name}.{level}"), [inputs, outputs]);
        Ok(Head {
            boxes: branch("cv2", boxes)?,
            classes: branch("cv3", classes)?,
            keypoints: match keypoints {
                0 => None,
                _ => Some(branch("cv4", keypoints)?),
            },
        })
    }

    fn forward(&self, ops: &B, x: &B::Map) -> Result<HeadMaps<B::Output>> {
        let boxes = self.boxes.forward(ops, x)?;
        let classes = self.classes.forward(ops, x)?;
        let keypoints = match &self.keypoints {
            Some(branch) => Some(branch.forward(ops, x)?),
            None => None,
        };
        Ok(HeadMaps { boxes, classes, keypoints })
    }
}

/// The whole network.
pub(super) struct Network<B: Backend> {
    backbone: Backbone<B>,
    neck: Neck<B>,
    heads: Vec<Head<B>>,
    distance_bins: Vec<f32>,
}

impl<B: Backend> Network<B> {
    pub fn load(ops: &B, weights: &Weights, config: &Config) -> Result<Self> {
        let mut heads = Vec::new();
        for level in 0..super::head::STRIDES.len() {
            heads.push(Head::load(ops, weights, config, level)?);
        }
        Ok(Network {
            backbone: Backbone::load(ops, weights, config)?,
            neck: Neck::load(ops, weights, config)?,
            heads,
            distance_bins: weights.values("head.dfl.conv.weight", &[1, DISTANCE_BINS, 1, 1])?,
        })
    }

    /// The distance in strides that each of a side's 16 values stands for.
    pub fn distance_bins(&self) -> &[f32] {
        &self.distance_bins
    }

    /// `[B, 3, H, W]` → what the heads say at strides 8, 16, 32.
    pub fn forward(&self, ops: &B, x: &B::Map) -> Result<Vec<HeadMaps<B::Output>>> {
        let levels = self.neck.forward(ops, self.backbone.forward(ops, x)?)?;
        let mut maps = Vec::with_capacity(self.heads.len());
        for (head, level) in self.heads.iter().zip(&levels) {
            maps.push(head.forward(ops, level)?);
        }
        Ok(maps)
    }
}
