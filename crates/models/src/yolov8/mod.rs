//! YOLOv8 (Jocher et al., 2023), all sizes, for boxes and for poses; tensor names as in candle's `yolo-v8` example.
//!
//! A picture passes the backbone (`network`), which halves it five times, and the neck, which carries what the deep
//! levels know back up. The heads look at three levels (strides 8, 16 and 32), and each cell of each level, an *anchor*,
//! says where the object around it begins and ends, what it is and where its keypoints are (`head`).

mod blocks;
mod config;
mod fused_head;
mod head;
mod network;

use candle_core::{Device, Tensor};
use framefan_contract::request::Precision;
use framefan_contract::{Error, Result};

pub use config::{Config, Size, Task};

use crate::backend::{Amx, Backend, Fused, Kernels, Reference, each_picture, internal};
use crate::kernels::map::Map;
use crate::weights::Weights;
use network::Network;

/// Input sides are multiples of this: the coarsest level's stride.
const LARGEST_STRIDE: usize = 32;

/// Nobody asks for anchors with no score over this, of which there are thousands in a picture.
pub const NEGLIGIBLE: f32 = 0.001;

/// A YOLOv8 network with its weights.
pub struct Yolov8 {
    config: Config,
    device: Device,
    executor: Executor,
}

enum Executor {
    Candle(Reference, Box<Network<Reference>>),
    Fused(Fused, Box<Network<Fused>>),
    Amx(Amx, Box<Network<Amx>>),
}

impl Yolov8 {
    /// Loads the network that the tensors' shapes show: its channels and depth (published: n, s, m, l, x) and its task (boxes or
    /// poses).
    ///
    /// # Errors
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput) when a tensor is missing or has an unexpected shape.
    pub fn load(weights: &Weights, device: &Device, precision: Precision) -> Result<Yolov8> {
        Yolov8::load_with(weights, device, precision, Kernels::best(device, precision))
    }

    /// Like [`Yolov8::load`], with a choice of what computes it.
    ///
    /// # Errors
    /// As [`Yolov8::load`]; [`Usage`](framefan_contract::ErrorKind::Usage) for fused kernels that this processor, device or
    /// precision does not have.
    pub fn load_with(weights: &Weights, device: &Device, precision: Precision, kernels: Kernels) -> Result<Yolov8> {
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
            Kernels::Amx => {
                let ops = Amx::new(device, precision)?;
                let network = Network::load(&ops, weights, &config)?;
                Executor::Amx(ops, Box::new(network))
            }
        };
        Ok(Yolov8 { config, device: device.clone(), executor })
    }

    /// What was loaded.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The device that the network runs on, and that inputs should be on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs the network on pictures `[B, 3, H, W]`, RGB, 0 to 1, sides multiples of 32.
    ///
    /// The result is `[B, C, A]` in `f32`: for each anchor (level by level, finest first, row by row) the box (centre x,
    /// centre y, width, height in input pixels), the score of each class, and x, y (input pixels) and visibility of each keypoint.
    /// On the CPU's fused kernels an anchor with no score over [`NEGLIGIBLE`] is zeros.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) for an input of another shape.
    pub fn forward(&self, pictures: &Tensor) -> Result<Tensor> {
        check_input(pictures)?;
        match &self.executor {
            Executor::Candle(ops, network) => {
                let maps = network.forward(ops, &ops.enter(pictures)?)?;
                head::decode(&maps, network.distance_bins(), &self.device)
            }
            Executor::Fused(ops, network) => self.each_picture(ops, network, pictures),
            Executor::Amx(ops, network) => self.each_picture(ops, network, pictures),
        }
    }

    /// Runs the network on each picture by itself, for kernels whose output is blocks of channels.
    fn each_picture<B>(&self, ops: &B, network: &Network<B>, pictures: &Tensor) -> Result<Tensor>
    where
        B: Backend<Output = Map> + Sync,
        Network<B>: Sync,
    {
        let batch = pictures.dim(0).map_err(internal)?;
        let outputs = each_picture(pictures, |picture| {
            let maps = network.forward(ops, &ops.enter(picture)?)?;
            Ok(fused_head::decode(&maps, network.distance_bins()))
        })?;
        let channels = self.config.output_channels();
        let anchors = outputs.len() / batch / channels;
        Tensor::from_vec(outputs, (batch, channels, anchors), &self.device).map_err(internal)
    }
}

/// Checks that `pictures` is `[B, 3, H, W]` with sides that the network can halve five times.
fn check_input(pictures: &Tensor) -> Result<()> {
    let fits = |side: usize| side > 0 && side.is_multiple_of(LARGEST_STRIDE);
    match *pictures.dims() {
        [batch, 3, height, width] if batch > 0 && fits(height) && fits(width) => Ok(()),
        _ => Err(Error::usage(format!(
            "an input of shape {:?} does not fit the network: wanted [B, 3, H, W] with H and W multiples of {LARGEST_STRIDE}",
            pictures.dims()
        ))),
    }
}
