//! YOLOX (Ge et al., "YOLOX: Exceeding YOLO Series in 2021"), the sizes nano, tiny and s; tensor names as in the authors' PyTorch
//! code (`backbone.backbone.stem.conv.conv.weight`, …): <https://github.com/Megvii-BaseDetection/YOLOX>, `yolox/models`.
//!
//! A CSP backbone and a feature pyramid give three levels (strides 8, 16 and 32). At each level one branch says what is there,
//! the other where it is and whether anything is (`network`); every cell is an anchor (`decode`).
//!
//! # What the caller must give
//!
//! Pictures `[B, 3, H, W]`, sides multiples of 32, channels **B, G, R**, values **0 to 255**, neither scaled nor normalised. The
//! authors' own code shrinks a picture by one factor, with bilinear interpolation, to fit the input (416 × 416 for nano and
//! tiny, 640 × 640 for s), puts it at the top left and fills the rest with 114. The network sees no difference between that
//! and a picture in the middle, but for the effect of its borders. [`from_rgb`] turns RGB from 0 to 1 into this convention.

mod blocks;
mod decode;
mod network;

use candle_core::{DType, Device, Tensor};
use framefan_contract::request::Precision;
use framefan_contract::{Error, Result};

use crate::backend::{Backend, Fused, Kernels, Reference, each_picture, internal};
use crate::weights::Weights;
use network::Network;

/// Input sides are multiples of this: the coarsest level's stride.
const LARGEST_STRIDE: usize = 32;

/// The sizes that load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The smallest, with depthwise convolutions.
    Nano,
    /// Small.
    Tiny,
    /// Less small.
    S,
}

impl Size {
    /// Filters of the first convolution: width × 64.
    const fn base(self) -> usize {
        match self {
            Size::Nano => 16,
            Size::Tiny => 24,
            Size::S => 32,
        }
    }

    /// The name that the authors gave it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Size::Nano => "nano",
            Size::Tiny => "tiny",
            Size::S => "s",
        }
    }
}

/// The shape of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Size.
    pub size: Size,
    /// Score rows.
    pub classes: usize,
}

impl Config {
    /// Reads the size from the first convolution and the classes from a head.
    fn infer(weights: &Weights) -> Result<Config> {
        const STEM: &str = "backbone.backbone.stem.conv.conv.weight";
        let filters = weights.shape(STEM)?.first().copied().unwrap_or(0);
        let size =
            [Size::Nano, Size::Tiny, Size::S].into_iter().find(|size| size.base() == filters).ok_or_else(|| {
                Error::bad_input(format!(
                    "tensor {STEM} has {filters} filters, wanted 16 (nano), 24 (tiny) or 32 (s), in {}",
                    weights.path().display()
                ))
            })?;
        let classes = weights.shape("head.cls_preds.0.weight")?.first().copied().unwrap_or(0);
        if classes == 0 {
            return Err(Error::bad_input(format!("no classes in {}", weights.path().display())));
        }
        Ok(Config { size, classes })
    }
}

/// A YOLOX network with its weights.
pub struct Yolox {
    config: Config,
    device: Device,
    executor: Executor,
}

enum Executor {
    Candle(Reference, Box<Network<Reference>>),
    Fused(Fused, Box<Network<Fused>>),
}

impl Yolox {
    /// Loads the network that the tensors' shapes show.
    ///
    /// # Errors
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput) when a tensor is missing or has an unexpected shape.
    pub fn load(weights: &Weights, device: &Device, precision: Precision) -> Result<Yolox> {
        let (kernels, precision) = Kernels::best_without_tiles(device, precision);
        Yolox::load_with(weights, device, precision, kernels)
    }

    /// Like [`Yolox::load`], with a choice of what computes it.
    ///
    /// # Errors
    /// As [`Yolox::load`]; [`Usage`](framefan_contract::ErrorKind::Usage) for fused kernels that this processor, device or
    /// precision does not have.
    pub fn load_with(weights: &Weights, device: &Device, precision: Precision, kernels: Kernels) -> Result<Yolox> {
        let config = Config::infer(weights)?;
        let executor = match kernels {
            Kernels::Candle => {
                let ops = Reference::new(device, precision);
                let network = Network::load(&ops, weights, &config)?;
                Executor::Candle(ops, Box::new(network))
            }
            Kernels::Fused(isa) => {
                let ops = Fused::new(isa, device, precision)?;
                let network = Network::load(&ops, weights, &config)?;
                Executor::Fused(ops, Box::new(network))
            }
            Kernels::Amx => return Err(Error::usage("YOLOX has no kernels on tiles")),
        };
        Ok(Yolox { config, device: device.clone(), executor })
    }

    /// What was loaded.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The device that the network runs on, and that inputs should be on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs the network on pictures `[B, 3, H, W]`, BGR, 0 to 255, sides multiples of 32.
    ///
    /// The result is `[B, 4 + classes, A]` in `f32`, laid out as that of [`Yolov8`](crate::Yolov8): for each anchor (level by
    /// level, finest first, row by row) the box (centre x, centre y, width, height in input pixels) and the score of each
    /// class, which is the product of YOLOX's objectness and class probability.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) for an input of another shape.
    pub fn forward(&self, pictures: &Tensor) -> Result<Tensor> {
        let fits = |side: usize| side > 0 && side.is_multiple_of(LARGEST_STRIDE);
        let batch = match *pictures.dims() {
            [batch, 3, height, width] if batch > 0 && fits(height) && fits(width) => batch,
            _ => {
                return Err(Error::usage(format!(
                    "an input of shape {:?} does not fit the network: wanted [B, 3, H, W] with H and W multiples of {LARGEST_STRIDE}",
                    pictures.dims()
                )));
            }
        };
        match &self.executor {
            Executor::Candle(ops, network) => {
                let focused = ops.enter(pictures).and_then(|x| focus_tensor(&x).map_err(internal))?;
                decode::tensors(&network.forward(ops, &focused)?, &self.device).map_err(internal)
            }
            Executor::Fused(ops, network) => {
                let rows = 4 + self.config.classes;
                let outputs = each_picture(pictures, |picture| {
                    let focused = focus(picture).map_err(internal)?;
                    Ok(decode::maps(&network.forward(ops, &ops.enter(&focused)?)?))
                })?;
                let anchors = outputs.len() / batch / rows;
                Tensor::from_vec(outputs, (batch, rows, anchors), &self.device).map_err(internal)
            }
        }
    }
}

/// Pictures `[B, 3, H, W]` in RGB, 0 to 1, as the network wants them: BGR, 0 to 255.
///
/// # Errors
/// [`Usage`](framefan_contract::ErrorKind::Usage) for another number of channels.
pub fn from_rgb(pictures: &Tensor) -> Result<Tensor> {
    if !matches!(pictures.dims(), [_, 3, _, _]) {
        return Err(Error::usage(format!("an input of shape {:?}: wanted [B, 3, H, W]", pictures.dims())));
    }
    let convert = || {
        let [red, green, blue] = [0, 1, 2].map(|channel| pictures.narrow(1, channel, 1));
        Tensor::cat(&[blue?, green?, red?], 1)?.affine(255.0, 0.0)
    };
    convert().map_err(internal)
}

/// The focus layer on any device: `[B, 3, H, W]` → `[B, 12, H / 2, W / 2]`, the pixels of each square of four as channels: top
/// left, bottom left, top right, bottom right.
fn focus_tensor(x: &Tensor) -> candle_core::Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let squares = x.reshape(&[batch, channels, height / 2, 2, width / 2, 2][..])?;
    squares.permute([0, 5, 3, 1, 2, 4])?.contiguous()?.reshape((batch, 4 * channels, height / 2, width / 2))
}

/// The same for one picture on the CPU, which takes a fraction of the time there.
fn focus(picture: &Tensor) -> candle_core::Result<Tensor> {
    let (_, channels, height, width) = picture.dims4()?;
    let values = picture.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    let mut focused: Vec<f32> = Vec::with_capacity(values.len());
    for corner in [[0, 0], [1, 0], [0, 1], [1, 1]] {
        for channel in values.chunks_exact(height * width) {
            for row in channel.chunks_exact(width).skip(corner[0]).step_by(2) {
                focused.extend(row.iter().skip(corner[1]).step_by(2));
            }
        }
    }
    Tensor::from_vec(focused, (1, 4 * channels, height / 2, width / 2), &Device::Cpu)
}
