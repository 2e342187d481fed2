//! OSNet (Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification", 2019): a picture of a person to a vector that
//! is alike for pictures of one person; tensor names as in the authors' PyTorch code (`conv2.0.conv2a.conv1.weight`, …):
//! <https://github.com/KaiyangZhou/deep-person-reid>, `torchreid/models/osnet.py`. All widths (x0.25 to x1.0) load; those with
//! instance normalisation do not.
//!
//! # What the caller must give
//!
//! Pictures `[B, 3, 256, 128]` (height, width) in RGB, each the whole box of a person stretched to that size, each channel
//! scaled to 0..1, less [`MEAN`], divided by [`DEVIATION`]: the statistics of ImageNet. Features are compared by the cosine of
//! their angle.

mod network;

use candle_core::{Device, Tensor};
use framefan_contract::request::Precision;
use framefan_contract::{Error, Result};

use crate::backend::{Backend, Fused, Kernels, Reference, each_picture, internal};
use crate::weights::Weights;
use network::Network;

/// Height of the input in pixels.
pub const HEIGHT: usize = 256;

/// Width of the input in pixels.
pub const WIDTH: usize = 128;

/// What is subtracted from red, green and blue (0 to 1).
pub const MEAN: [f32; 3] = [0.485, 0.456, 0.406];

/// What they are divided by then.
pub const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// An OSNet with its weights.
pub struct Osnet {
    device: Device,
    executor: Executor,
}

enum Executor {
    Candle(Reference, Box<Network<Reference>>),
    Fused(Fused, Box<Network<Fused>>),
}

impl Osnet {
    /// Loads the network that the tensors' shapes show.
    ///
    /// # Errors
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput) when a tensor is missing or has an unexpected shape.
    pub fn load(weights: &Weights, device: &Device, precision: Precision) -> Result<Osnet> {
        let (kernels, precision) = Kernels::best_without_tiles(device, precision);
        Osnet::load_with(weights, device, precision, kernels)
    }

    /// Like [`Osnet::load`], with a choice of what computes it.
    ///
    /// # Errors
    /// As [`Osnet::load`]; [`Usage`](framefan_contract::ErrorKind::Usage) for fused kernels that this processor, device or
    /// precision does not have.
    pub fn load_with(weights: &Weights, device: &Device, precision: Precision, kernels: Kernels) -> Result<Osnet> {
        let executor = match kernels {
            Kernels::Candle => {
                let ops = Reference::new(device, precision);
                let network = Network::load(&ops, weights)?;
                Executor::Candle(ops, Box::new(network))
            }
            Kernels::Fused(isa) => {
                let ops = Fused::new(isa, device, precision)?;
                let network = Network::load(&ops, weights)?;
                Executor::Fused(ops, Box::new(network))
            }
            Kernels::Amx => return Err(Error::usage("OSNet has no kernels on tiles")),
        };
        Ok(Osnet { device: device.clone(), executor })
    }

    /// Values of a feature: 512 in the published networks.
    pub fn feature_len(&self) -> usize {
        match &self.executor {
            Executor::Candle(_, network) => network.feature_len(),
            Executor::Fused(_, network) => network.feature_len(),
        }
    }

    /// The device that the network runs on, and that inputs should be on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The features `[B, F]` in `f32`, not normalised, of pictures `[B, 3, 256, 128]`.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) for an input of another shape.
    pub fn forward(&self, pictures: &Tensor) -> Result<Tensor> {
        let batch = match *pictures.dims() {
            [batch, 3, HEIGHT, WIDTH] if batch > 0 => batch,
            _ => {
                return Err(Error::usage(format!(
                    "an input of shape {:?} does not fit the network: wanted [B, 3, {HEIGHT}, {WIDTH}]",
                    pictures.dims()
                )));
            }
        };
        let features = match &self.executor {
            Executor::Candle(ops, network) => network.forward(ops, &ops.enter(pictures)?)?,
            Executor::Fused(ops, network) => {
                each_picture(pictures, |picture| network.forward(ops, &ops.enter(picture)?))?
            }
        };
        Tensor::from_vec(features, (batch, self.feature_len()), &self.device).map_err(internal)
    }
}
