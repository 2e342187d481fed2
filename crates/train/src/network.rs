//! YOLOv8 for poses as it is trained: the network of `framefan_models::yolov8` with live batch normalisation, under the
//! same names. A test holds the two against each other.

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor, Var};

use crate::ops::{BatchStatistics, EPSILON, conv2d, max_pool_5, norm_silu, upsample_2};
use crate::optimizer::{Tensors, is_filter};
use crate::parameters::{Initializer, Parameters};

/// Keypoints of a person.
pub const KEYPOINTS: usize = 17;
/// Values per side of a box.
pub const BINS: usize = 16;
/// Input pixels per cell of each level.
pub const STRIDES: [usize; 3] = [8, 16, 32];

/// The names of a block's running statistics end with these.
const MEAN: &str = ".bn.running_mean";
const VARIANCE: &str = ".bn.running_var";

/// The statistics that a batch had in each block, by the block's name.
pub type Seen = BTreeMap<String, BatchStatistics>;

/// Root mean square of an output's filter that begins with given weights: about what Muon makes of them. Normalisation takes the
/// length out again, but steps are as long for any filter.
const FILTER_LENGTH: f64 = 0.1;

/// The side that the first guess of the number of objects is made for, as in the reference implementation.
const PRIOR_SIDE: f64 = 640.0;
/// Objects in a picture that the first guess says.
const PRIOR_OBJECTS: f64 = 5.0;

/// Width and depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Output channels of the backbone's five levels.
    pub channels: [usize; 5],
    /// Bottlenecks in the short stages; the long ones have twice as many.
    pub depth: usize,
    /// Channels within the heads of boxes, scores and keypoints.
    pub heads: [usize; 3],
}

/// Convolution, batch normalisation, SiLU.
struct Block {
    weight: Var,
    scale: Var,
    shift: Var,
    stride: usize,
    name: String,
}

impl Block {
    fn new(init: &mut Initializer, name: &str, [inputs, outputs, kernel, stride]: [usize; 4]) -> Result<Block> {
        init.statistic(&format!("{name}{MEAN}"), outputs, 0.0)?;
        init.statistic(&format!("{name}{VARIANCE}"), outputs, 1.0)?;
        Ok(Block {
            weight: init.spread(&format!("{name}.conv.weight"), &[outputs, inputs, kernel, kernel])?,
            scale: init.constant(&format!("{name}.bn.weight"), outputs, 1.0)?,
            shift: init.constant(&format!("{name}.bn.bias"), outputs, 0.0)?,
            stride,
            name: name.to_owned(),
        })
    }

    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let x = conv2d(x, &self.weight, self.stride)?;
        if let Some(weights) = pass.folded {
            self.undo_folding(&x, weights)?;
        }
        let (y, statistics) = norm_silu(&x, &self.scale, &self.shift)?;
        pass.seen.insert(self.name.clone(), statistics);
        Ok(y)
    }

    /// Sets scale and shift so that this batch's normalised output is that of the convolution with a bias. `x` is the output of the
    /// filters as they are, which are those of `folded` with another length for each output.
    fn undo_folding(&self, x: &Tensor, folded: &Tensors) -> Result<()> {
        let (_, statistics) = norm_silu(x, &self.scale, &self.shift)?;
        let bias = named(folded, &format!("{}.conv.bias", self.name))?.to_vec1::<f32>()?;
        let stretched =
            stretch(named(folded, &format!("{}.conv.weight", self.name))?)?.flatten_all()?.to_vec1::<f32>()?;
        let each = bias.iter().zip(stretched).zip(statistics.mean.iter().zip(&statistics.variance));
        let (scale, shift): (Vec<f32>, Vec<f32>) = each
            .map(|((bias, stretched), (mean, variance))| {
                let scale = (f64::from(*variance) + EPSILON).sqrt() / f64::from(stretched);
                (scale as f32, bias + mean / stretched)
            })
            .unzip();
        let device = self.scale.device();
        self.scale.set(&Tensor::new(scale, device)?)?;
        self.shift.set(&Tensor::new(shift, device)?)
    }
}

/// What one pass of a batch takes along.
struct Pass<'a> {
    seen: Seen,
    /// Weights without normalisation that blocks begin with.
    folded: Option<&'a Tensors>,
}

fn named<'a>(tensors: &'a Tensors, name: &str) -> Result<&'a Tensor> {
    tensors.get(name).ok_or_else(|| candle_core::Error::Msg(format!("{name} is missing")))
}

/// What each output's filter of `[outputs, …]` is multiplied with to have the length [`FILTER_LENGTH`]: `[outputs, 1, 1, 1]`.
fn stretch(weight: &Tensor) -> Result<Tensor> {
    let squares = weight.flatten_from(1)?.sqr()?.mean_keepdim(1)?;
    ((squares + 1e-12)?.sqrt()?.recip()? * FILTER_LENGTH)?.reshape(((), 1, 1, 1))
}

struct C2f {
    cv1: Block,
    cv2: Block,
    bottlenecks: Vec<[Block; 2]>,
    shortcut: bool,
}

impl C2f {
    fn new(
        init: &mut Initializer,
        name: &str,
        [inputs, outputs]: [usize; 2],
        depth: usize,
        shortcut: bool,
    ) -> Result<C2f> {
        let hidden = outputs / 2;
        let mut bottlenecks = Vec::new();
        for link in 0..depth {
            let part = |part: &str| format!("{name}.bottleneck.{link}.{part}");
            let first = Block::new(init, &part("cv1"), [hidden, hidden, 3, 1])?;
            bottlenecks.push([first, Block::new(init, &part("cv2"), [hidden, hidden, 3, 1])?]);
        }
        Ok(C2f {
            cv1: Block::new(init, &format!("{name}.cv1"), [inputs, 2 * hidden, 1, 1])?,
            cv2: Block::new(init, &format!("{name}.cv2"), [(2 + depth) * hidden, outputs, 1, 1])?,
            bottlenecks,
            shortcut,
        })
    }

    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let mut links = self.cv1.forward(x, pass)?.chunk(2, 1)?;
        for [cv1, cv2] in &self.bottlenecks {
            let link = &links[links.len() - 1];
            let mut next = cv2.forward(&cv1.forward(link, pass)?, pass)?;
            if self.shortcut {
                next = (next + link)?;
            }
            links.push(next);
        }
        self.cv2.forward(&Tensor::cat(&links, 1)?, pass)
    }
}

struct Sppf {
    cv1: Block,
    cv2: Block,
}

impl Sppf {
    fn new(init: &mut Initializer, name: &str, channels: usize) -> Result<Sppf> {
        let hidden = channels / 2;
        Ok(Sppf {
            cv1: Block::new(init, &format!("{name}.cv1"), [channels, hidden, 1, 1])?,
            cv2: Block::new(init, &format!("{name}.cv2"), [4 * hidden, channels, 1, 1])?,
        })
    }

    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let mut maps = vec![self.cv1.forward(x, pass)?];
        for level in 0..3 {
            maps.push(max_pool_5(&maps[level])?);
        }
        self.cv2.forward(&Tensor::cat(&maps, 1)?, pass)
    }
}

/// Two blocks and the convolution that gives the values.
struct Branch {
    blocks: [Block; 2],
    weight: Var,
    bias: Var,
}

impl Branch {
    fn new(init: &mut Initializer, name: &str, [inputs, hidden, outputs]: [usize; 3], prior: f32) -> Result<Branch> {
        Ok(Branch {
            blocks: [
                Block::new(init, &format!("{name}.0"), [inputs, hidden, 3, 1])?,
                Block::new(init, &format!("{name}.1"), [hidden, hidden, 3, 1])?,
            ],
            weight: init.spread(&format!("{name}.2.weight"), &[outputs, hidden, 1, 1])?,
            bias: init.constant(&format!("{name}.2.bias"), outputs, prior)?,
        })
    }

    /// `[B, cells, outputs]`.
    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let [first, second] = &self.blocks;
        let x = second.forward(&first.forward(x, pass)?, pass)?;
        conv2d(&x, &self.weight, 1)?.flatten_from(2)?.transpose(1, 2)?.broadcast_add(&self.bias)
    }
}

/// The network and its parameters.
pub struct Network {
    parameters: Parameters,
    backbone: Backbone,
    neck: Neck,
    /// Boxes, classes, keypoints of each level.
    heads: Vec<[Branch; 3]>,
}

struct Backbone {
    stem: [Block; 2],
    quarter: C2f,
    eighth: (Block, C2f),
    sixteenth: (Block, C2f),
    thirty_second: (Block, C2f),
    pool: Sppf,
}

struct Neck {
    n1: C2f,
    n2: C2f,
    n3: Block,
    n4: C2f,
    n5: Block,
    n6: C2f,
}

/// What the network says of a batch, all levels one after the other.
pub struct Output {
    /// `[B, A, 4 × 16]`: logits of the distances to left, top, right, bottom.
    pub boxes: Tensor,
    /// `[B, A]`: logit of a person.
    pub scores: Tensor,
    /// `[B, A, 3 × 17]`: x, y, logit of visibility.
    pub keypoints: Tensor,
}

impl Network {
    /// A network with the first weights of this seed.
    pub fn new(shape: Shape, seed: u64, device: &Device) -> Result<Network> {
        let mut parameters = Parameters::default();
        let init = &mut Initializer::new(&mut parameters, seed, device);
        let [c1, c2, c3, c4, c5] = shape.channels;
        let (short, long) = (shape.depth, 2 * shape.depth);
        let backbone = Backbone {
            stem: [Block::new(init, "net.b1.0", [3, c1, 3, 2])?, Block::new(init, "net.b1.1", [c1, c2, 3, 2])?],
            quarter: C2f::new(init, "net.b2.0", [c2, c2], short, true)?,
            eighth: (Block::new(init, "net.b2.1", [c2, c3, 3, 2])?, C2f::new(init, "net.b2.2", [c3, c3], long, true)?),
            sixteenth: (
                Block::new(init, "net.b3.0", [c3, c4, 3, 2])?,
                C2f::new(init, "net.b3.1", [c4, c4], long, true)?,
            ),
            thirty_second: (
                Block::new(init, "net.b4.0", [c4, c5, 3, 2])?,
                C2f::new(init, "net.b4.1", [c5, c5], short, true)?,
            ),
            pool: Sppf::new(init, "net.b5.0", c5)?,
        };
        let neck = Neck {
            n1: C2f::new(init, "fpn.n1", [c5 + c4, c4], short, false)?,
            n2: C2f::new(init, "fpn.n2", [c4 + c3, c3], short, false)?,
            n3: Block::new(init, "fpn.n3", [c3, c3, 3, 2])?,
            n4: C2f::new(init, "fpn.n4", [c3 + c4, c4], short, false)?,
            n5: Block::new(init, "fpn.n5", [c4, c4, 3, 2])?,
            n6: C2f::new(init, "fpn.n6", [c4 + c5, c5], short, false)?,
        };
        let mut heads = Vec::new();
        for (level, (inputs, stride)) in [c3, c4, c5].into_iter().zip(STRIDES).enumerate() {
            let cells = (PRIOR_SIDE / stride as f64).powi(2);
            let mut branch = |name: &str, hidden: usize, outputs: usize, prior: f32| {
                Branch::new(init, &format!("head.{name}.{level}"), [inputs, hidden, outputs], prior)
            };
            let [boxes, scores, keypoints] = shape.heads;
            heads.push([
                branch("cv2", boxes, 4 * BINS, 1.0)?,
                branch("cv3", scores, 1, (PRIOR_OBJECTS / cells).ln() as f32)?,
                branch("cv4", keypoints, 3 * KEYPOINTS, 0.0)?,
            ]);
        }
        Ok(Network { parameters, backbone, neck, heads })
    }

    /// The numbers to be trained.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Moves the running statistics towards the mean of those of some batches, by the share `momentum`.
    pub fn follow(&self, batches: &[Seen], momentum: f64) -> Result<()> {
        for (name, running) in self.parameters.statistics() {
            let of = |seen: &Seen| -> Option<Vec<f32>> {
                let mean = name.strip_suffix(MEAN).and_then(|block| Some(seen.get(block)?.mean.clone()));
                mean.or_else(|| Some(seen.get(name.strip_suffix(VARIANCE)?)?.variance.clone()))
            };
            let share = momentum / batches.len() as f64;
            let mut moved = (running.as_tensor() * (1.0 - momentum))?;
            for seen in batches {
                let found = of(seen).ok_or_else(|| candle_core::Error::Msg(format!("{name} was not seen")))?;
                let found = Tensor::from_vec(found, running.shape(), running.device())?;
                moved = (moved + (found * share)?)?;
            }
            running.set(&moved.detach())?;
        }
        Ok(())
    }

    /// Pictures `[B, 3, H, W]`, RGB, 0 to 1, sides multiples of 32. Normalises with the batch's own statistics, which come
    /// beside the output.
    pub fn forward(&self, pictures: &Tensor) -> Result<(Output, Seen)> {
        self.pass(pictures, &mut Pass { seen: Seen::new(), folded: None })
    }

    /// Begins with the tensors of a weights file, whose normalisation is folded into the convolutions, and normalises so that these
    /// pictures, `[B, 3, H, W]`, give what the file's network gives.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn begin_with(&self, folded: &Tensors, pictures: &Tensor) -> Result<()> {
        for (name, var) in self.parameters.trained().iter().filter(|(name, _)| !name.contains(".bn.")) {
            let mut weight = named(folded, name)?.to_device(var.device())?;
            if is_filter(name) {
                weight = weight.broadcast_mul(&stretch(&weight)?)?;
            }
            var.set(&weight)?;
        }
        let (_, seen) = self.pass(pictures, &mut Pass { seen: Seen::new(), folded: Some(folded) })?;
        self.follow(&[seen], 1.0)
    }

    fn pass(&self, pictures: &Tensor, pass: &mut Pass) -> Result<(Output, Seen)> {
        let levels = self.neck.forward(self.backbone.forward(pictures, pass)?, pass)?;
        let [mut boxes, mut scores, mut keypoints] = [const { Vec::new() }; 3];
        for ([boxes_of, scores_of, keypoints_of], level) in self.heads.iter().zip(&levels) {
            boxes.push(boxes_of.forward(level, pass)?);
            scores.push(scores_of.forward(level, pass)?);
            keypoints.push(keypoints_of.forward(level, pass)?);
        }
        let output = Output {
            boxes: Tensor::cat(&boxes, 1)?,
            scores: Tensor::cat(&scores, 1)?.squeeze(2)?,
            keypoints: Tensor::cat(&keypoints, 1)?,
        };
        Ok((output, std::mem::take(&mut pass.seen)))
    }
}

impl Backbone {
    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<[Tensor; 3]> {
        let [first, second] = &self.stem;
        let x = second.forward(&first.forward(x, pass)?, pass)?;
        let x = self.quarter.forward(&x, pass)?;
        let mut step = |(down, stage): &(Block, C2f), x: &Tensor| stage.forward(&down.forward(x, pass)?, pass);
        let fine = step(&self.eighth, &x)?;
        let middle = step(&self.sixteenth, &fine)?;
        let coarse = step(&self.thirty_second, &middle)?;
        Ok([fine, middle, self.pool.forward(&coarse, pass)?])
    }
}

impl Neck {
    fn forward(&self, [fine, middle, coarse]: [Tensor; 3], pass: &mut Pass) -> Result<[Tensor; 3]> {
        let middle = self.n1.forward(&Tensor::cat(&[upsample_2(&coarse)?, middle], 1)?, pass)?;
        let fine = self.n2.forward(&Tensor::cat(&[upsample_2(&middle)?, fine], 1)?, pass)?;
        let down = self.n3.forward(&fine, pass)?;
        let middle = self.n4.forward(&Tensor::cat(&[down, middle], 1)?, pass)?;
        let down = self.n5.forward(&middle, pass)?;
        let coarse = self.n6.forward(&Tensor::cat(&[down, coarse], 1)?, pass)?;
        Ok([fine, middle, coarse])
    }
}
