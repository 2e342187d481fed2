//! Sizes and tasks of YOLOv8, and how they show in a weights file.

use framefan_contract::{Error, Result};

use crate::weights::Weights;

/// The five published sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Nano.
    N,
    /// Small.
    S,
    /// Medium.
    M,
    /// Large.
    L,
    /// Extra large.
    X,
}

/// What the network was trained to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Boxes of this many classes.
    Detect {
        /// Score rows.
        classes: usize,
    },
    /// Boxes of people, each with keypoints.
    Pose {
        /// Keypoints of a person.
        keypoints: usize,
    },
}

/// The shape of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Task.
    pub task: Task,
    /// Output channels of the backbone's five levels, at strides 2, 4, 8, 16, 32.
    pub channels: [usize; 5],
    /// Bottlenecks in the short stages; the long ones have twice as many.
    pub depth: usize,
}

impl Size {
    const ALL: [Size; 5] = [Size::N, Size::S, Size::M, Size::L, Size::X];

    /// Channels by level, as width × (64, 128, 256, 512, 512 × ratio), and depth × 3 rounded.
    const fn shape(self) -> ([usize; 5], usize) {
        match self {
            Size::N => ([16, 32, 64, 128, 256], 1),
            Size::S => ([32, 64, 128, 256, 512], 1),
            Size::M => ([48, 96, 192, 384, 576], 2),
            Size::L => ([64, 128, 256, 512, 512], 3),
            Size::X => ([80, 160, 320, 640, 640], 3),
        }
    }

    /// The letter of the size.
    pub const fn as_str(self) -> &'static str {
        match self {
            Size::N => "n",
            Size::S => "s",
            Size::M => "m",
            Size::L => "l",
            Size::X => "x",
        }
    }
}

/// The convolutions that begin the backbone's levels.
const LEVELS: [&str; 5] = ["net.b1.0", "net.b1.1", "net.b2.1", "net.b3.0", "net.b4.0"];

/// The blocks of levels split their channels in two halves of which the kernels want whole blocks of 16.
const CHANNEL_STEP: usize = 32;

/// The most channels of a block, twice those of the largest published size.
const MOST_CHANNELS: usize = 1280;

/// The filters of a block's convolution.
pub(super) fn filters(weights: &Weights, block: &str) -> Result<usize> {
    let name = format!("{block}.conv.weight");
    let filters = weights.shape(&name)?.first().copied().unwrap_or(0);
    if filters == 0 || filters > MOST_CHANNELS {
        return Err(Error::bad_input(format!(
            "tensor {name} has {filters} filters, wanted 1 to {MOST_CHANNELS}, in {}",
            weights.path().display()
        )));
    }
    Ok(filters)
}

impl Config {
    /// Reads channels and depth from the backbone and the task from the heads.
    pub(crate) fn infer(weights: &Weights) -> Result<Config> {
        let rows = |name: &str| Ok::<usize, Error>(weights.shape(name)?.first().copied().unwrap_or(0));
        let mut channels = [0; LEVELS.len()];
        for (level, name) in LEVELS.iter().enumerate() {
            let filters = filters(weights, name)?;
            // The first level is one convolution, so any number of channels will do.
            if level > 0 && !filters.is_multiple_of(CHANNEL_STEP) {
                return Err(Error::bad_input(format!(
                    "tensor {name}.conv.weight has {filters} filters, wanted a multiple of {CHANNEL_STEP}, in {}",
                    weights.path().display()
                )));
            }
            channels[level] = filters;
        }
        let depth =
            (0..).take_while(|link| weights.contains(&format!("net.b2.0.bottleneck.{link}.cv1.conv.weight"))).count();
        let classes = rows("head.cv3.0.2.weight")?;
        let task = if weights.contains("head.cv4.0.2.weight") {
            let values = rows("head.cv4.0.2.weight")?;
            if classes != 1 || values == 0 || !values.is_multiple_of(3) {
                return Err(Error::bad_input(format!(
                    "a pose network with {classes} classes and {values} keypoint values, wanted 1 class and 3 values a keypoint, in {}",
                    weights.path().display()
                )));
            }
            Task::Pose { keypoints: values / 3 }
        } else {
            Task::Detect { classes }
        };
        Ok(Config { task, channels, depth })
    }

    /// The published size of these channels and this depth, if it is one.
    pub fn size(&self) -> Option<Size> {
        Size::ALL.into_iter().find(|size| size.shape() == (self.channels, self.depth))
    }

    /// Score rows of the output.
    pub fn classes(&self) -> usize {
        match self.task {
            Task::Detect { classes } => classes,
            Task::Pose { .. } => 1,
        }
    }

    /// Keypoints of each object; none for a detector.
    pub fn keypoints(&self) -> usize {
        match self.task {
            Task::Detect { .. } => 0,
            Task::Pose { keypoints } => keypoints,
        }
    }

    /// Rows of the output: box, scores, keypoints.
    pub fn output_channels(&self) -> usize {
        4 + self.classes() + 3 * self.keypoints()
    }
}
