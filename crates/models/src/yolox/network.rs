//! Backbone, feature pyramid and heads, over the operations of any backend.

use framefan_contract::Result;

use super::blocks::{Conv, Csp, Loader, Spp};
use super::{Config, Size};
use crate::backend::{ChannelBackend, ConvParams, ConvShape};
use crate::weights::Weights;

/// Channels of the picture after the focus layer.
const FOCUSED: usize = 12;

/// Values of a box and the objectness.
pub(super) const PLACE_ROWS: usize = 5;

/// Halves the picture five times (the focus layer before it does so first); the last three levels go on.
struct Backbone<B: ChannelBackend> {
    stem: B::Conv,
    dark2: (Conv<B>, Csp<B>),
    dark3: (Conv<B>, Csp<B>),
    dark4: (Conv<B>, Csp<B>),
    dark5: (Conv<B>, Spp<B>, Csp<B>),
}

impl<B: ChannelBackend> Backbone<B> {
    fn load(from: &Loader<'_, B>, base: usize) -> Result<Self> {
        let name = |part: &str| format!("backbone.backbone.{part}");
        // Bottlenecks: depth 0.33 × 3, × 9, × 9, × 3, rounded, in all sizes that load.
        let stage = |part: &str, inputs: usize, depth: usize| -> Result<(Conv<B>, Csp<B>)> {
            let down = from.conv(&name(&format!("{part}.0")), [inputs, 2 * inputs], 2)?;
            Ok((down, Csp::load(from, &name(&format!("{part}.1")), [2 * inputs, 2 * inputs], depth, true)?))
        };
        let stem = ConvShape { outputs: base, inputs: FOCUSED, kernel: 3, stride: 1 };
        Ok(Backbone {
            stem: from.base(&name("stem.conv"), stem)?,
            dark2: stage("dark2", base, 1)?,
            dark3: stage("dark3", 2 * base, 3)?,
            dark4: stage("dark4", 4 * base, 3)?,
            dark5: (
                from.conv(&name("dark5.0"), [8 * base, 16 * base], 2)?,
                Spp::load(from, &name("dark5.1"), 16 * base)?,
                Csp::load(from, &name("dark5.2"), [16 * base, 16 * base], 1, false)?,
            ),
        })
    }

    /// `[B, 12, H / 2, W / 2]` → the levels at strides 8, 16, 32.
    fn forward(&self, ops: &B, x: &B::Map) -> Result<[B::Map; 3]> {
        let stage = |(down, csp): &(Conv<B>, Csp<B>), x: &B::Map| csp.forward(ops, &down.forward(ops, x, None)?);
        let x = ops.conv(&self.stem, x, None)?;
        let x = stage(&self.dark2, &x)?;
        let fine = stage(&self.dark3, &x)?;
        let middle = stage(&self.dark4, &fine)?;
        let (down, spp, csp) = &self.dark5;
        let x = down.forward(ops, &middle, None)?;
        let coarse = csp.forward(ops, &spp.forward(ops, &x)?)?;
        Ok([fine, middle, coarse])
    }
}

/// Path aggregation: down from the coarse level to the fine one, and back up.
struct Pyramid<B: ChannelBackend> {
    lateral_conv0: B::Conv,
    c3_p4: Csp<B>,
    reduce_conv1: B::Conv,
    c3_p3: Csp<B>,
    bu_conv2: Conv<B>,
    c3_n3: Csp<B>,
    bu_conv1: Conv<B>,
    c3_n4: Csp<B>,
}

impl<B: ChannelBackend> Pyramid<B> {
    fn load(from: &Loader<'_, B>, base: usize) -> Result<Self> {
        let [fine, middle, coarse] = [4 * base, 8 * base, 16 * base];
        let csp =
            |part: &str, inputs, outputs| Csp::load(from, &format!("backbone.{part}"), [inputs, outputs], 1, false);
        Ok(Pyramid {
            lateral_conv0: from.point("backbone.lateral_conv0", [coarse, middle])?,
            c3_p4: csp("C3_p4", 2 * middle, middle)?,
            reduce_conv1: from.point("backbone.reduce_conv1", [middle, fine])?,
            c3_p3: csp("C3_p3", 2 * fine, fine)?,
            bu_conv2: from.conv("backbone.bu_conv2", [fine, fine], 2)?,
            c3_n3: csp("C3_n3", 2 * fine, middle)?,
            bu_conv1: from.conv("backbone.bu_conv1", [middle, middle], 2)?,
            c3_n4: csp("C3_n4", 2 * middle, coarse)?,
        })
    }

    fn forward(&self, ops: &B, [fine, middle, coarse]: [B::Map; 3]) -> Result<[B::Map; 3]> {
        let top = ops.conv(&self.lateral_conv0, &coarse, None)?;
        let middle = self.c3_p4.forward(ops, &ops.concat(&[ops.upsample_2(&top)?, middle])?)?;
        let reduced = ops.conv(&self.reduce_conv1, &middle, None)?;
        let fine = self.c3_p3.forward(ops, &ops.concat(&[ops.upsample_2(&reduced)?, fine])?)?;
        let down = self.bu_conv2.forward(ops, &fine, None)?;
        let middle = self.c3_n3.forward(ops, &ops.concat(&[down, reduced])?)?;
        let down = self.bu_conv1.forward(ops, &middle, None)?;
        let coarse = self.c3_n4.forward(ops, &ops.concat(&[down, top])?)?;
        Ok([fine, middle, coarse])
    }
}

/// The heads of one level.
struct Head<B: ChannelBackend> {
    stem: B::Conv,
    class_convs: [Conv<B>; 2],
    classes: B::Conv,
    place_convs: [Conv<B>; 2],
    /// Box and objectness, which the authors compute by two convolutions of the same map.
    place: B::Conv,
}

/// What the heads of one level say, before it is decoded.
pub(super) struct HeadMaps<M> {
    /// `[B, 5, h, w]`: x and y in cells from the cell's corner, logarithms of width and height in cells, objectness logit.
    pub place: M,
    /// `[B, classes, h, w]`: logits.
    pub classes: M,
}

impl<B: ChannelBackend> Head<B> {
    fn load(from: &Loader<'_, B>, base: usize, level: usize, classes: usize) -> Result<Self> {
        let hidden = 4 * base;
        let convs = |branch: &str| -> Result<[Conv<B>; 2]> {
            let conv = |number: usize| from.conv(&format!("head.{branch}.{level}.{number}"), [hidden, hidden], 1);
            Ok([conv(0)?, conv(1)?])
        };
        let plain = |part: &str, outputs: usize| {
            let shape = ConvShape { outputs, inputs: hidden, kernel: 1, stride: 1 };
            ConvParams::plain(from.weights, &format!("head.{part}.{level}"), shape)
        };
        let mut place = plain("reg_preds", PLACE_ROWS - 1)?;
        let objectness = plain("obj_preds", 1)?;
        place.weight.extend(objectness.weight);
        place.bias.extend(objectness.bias);
        Ok(Head {
            stem: from.point(&format!("head.stems.{level}"), [hidden << level, hidden])?,
            class_convs: convs("cls_convs")?,
            classes: from.ops.prepare(plain("cls_preds", classes)?)?,
            place_convs: convs("reg_convs")?,
            place: from.ops.prepare(place)?,
        })
    }

    fn forward(&self, ops: &B, x: &B::Map) -> Result<HeadMaps<B::Map>> {
        let x = ops.conv(&self.stem, x, None)?;
        let branch = |convs: &[Conv<B>; 2]| convs[1].forward(ops, &convs[0].forward(ops, &x, None)?, None);
        Ok(HeadMaps {
            classes: ops.conv(&self.classes, &branch(&self.class_convs)?, None)?,
            place: ops.conv(&self.place, &branch(&self.place_convs)?, None)?,
        })
    }
}

/// The whole network.
pub(super) struct Network<B: ChannelBackend> {
    backbone: Backbone<B>,
    pyramid: Pyramid<B>,
    heads: Vec<Head<B>>,
}

impl<B: ChannelBackend> Network<B> {
    pub fn load(ops: &B, weights: &Weights, config: &Config) -> Result<Self> {
        let from = Loader { ops, weights, depthwise: config.size == Size::Nano };
        let base = config.size.base();
        let mut heads = Vec::new();
        for level in 0..super::decode::STRIDES.len() {
            heads.push(Head::load(&from, base, level, config.classes)?);
        }
        Ok(Network { backbone: Backbone::load(&from, base)?, pyramid: Pyramid::load(&from, base)?, heads })
    }

    /// `[B, 12, H / 2, W / 2]` → what the heads say at strides 8, 16, 32.
    pub fn forward(&self, ops: &B, x: &B::Map) -> Result<Vec<HeadMaps<B::Map>>> {
        let levels = self.pyramid.forward(ops, self.backbone.forward(ops, x)?)?;
        self.heads.iter().zip(&levels).map(|(head, level)| head.forward(ops, level)).collect()
    }
}
