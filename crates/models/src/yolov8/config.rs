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
    /// Size.
    pub size: Size,
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

impl Config {
    /// Reads the size from the first convolution and the task from the heads.
    pub(crate) fn infer(weights: &Weights) -> Result<Config> {
        let filters = weights.shape("net.b1.0.conv.weight")?.first().copied().unwrap_or(0);
        let size = Size::ALL.into_iter().find(|size| size.shape().0[0] == filters).ok_or_else(|| {
            Error::bad_input(format!(
                "tensor net.b1.0.conv.weight has {filters} filters, wanted 16 (n), 32 (s), 48 (m), 64 (l) or 80 (x), in {}",
                weights.path().display()
            ))
        })?;
        let rows = |name: &str| Ok::<usize, Error>(weights.shape(name)?.first().copied().unwrap_or(0));
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
        let (channels, depth) = size.shape();
        Ok(Config { size, task, channels, depth })
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
