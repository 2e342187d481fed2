//! The operations that networks are written in, so that one network runs on candle and on the fused CPU kernels.

#[cfg(target_arch = "x86_64")]
mod amx;
mod conv;
mod fused;
#[cfg(not(target_arch = "x86_64"))]
mod no_amx;
mod reference;

use candle_core::{Device, Tensor};
use framefan_contract::request::Precision;
use framefan_contract::{Error, Result};

use crate::kernels::Isa;

#[cfg(target_arch = "x86_64")]
pub(crate) use amx::Amx;
pub(crate) use conv::{Activation, ConvParams, ConvShape, DepthwiseParams, folded};
pub(crate) use fused::{Fused, each_picture, with_picture};
#[cfg(not(target_arch = "x86_64"))]
pub(crate) use no_amx::Amx;
pub(crate) use reference::Reference;

/// What computes a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// candle's own operations, on any device, in any precision.
    Candle,
    /// The fused kernels of an instruction set, on the CPU in `f32`.
    Fused(Isa),
    /// The fused kernels on tiles, on CPUs with AMX in `bf16`.
    Amx,
}

impl Kernels {
    /// The fastest that there is.
    pub(crate) fn best(device: &Device, precision: Precision) -> Kernels {
        match (device, precision) {
            (Device::Cpu, Precision::F32) => Kernels::Fused(Isa::detect()),
            (Device::Cpu, Precision::Bf16) => Kernels::Amx,
            _ => Kernels::Candle,
        }
    }

    /// The same for a network that has layers of which there are none on tiles: on the CPU it stays in `f32`.
    pub(crate) fn best_without_tiles(device: &Device, precision: Precision) -> (Kernels, Precision) {
        match Kernels::best(device, precision) {
            Kernels::Amx => (Kernels::best(device, Precision::F32), Precision::F32),
            kernels => (kernels, precision),
        }
    }
}

/// A channel gate: scales of the channels from their means, `σ(W₂ · max(0, W₁ · means + b₁) + b₂)`.
#[derive(Clone, Debug)]
pub(crate) struct GateParams {
    /// W₁, `[hidden, channels]`.
    pub squeeze: Vec<f32>,
    /// b₁, `[hidden]`.
    pub squeeze_bias: Vec<f32>,
    /// W₂, `[channels, hidden]`.
    pub excite: Vec<f32>,
    /// b₂, `[channels]`.
    pub excite_bias: Vec<f32>,
}

/// A set of operations on feature maps.
pub(crate) trait Backend {
    /// A feature map `[B, C, H, W]`; cloning shares the data.
    type Map: Clone;
    /// What a network says in the end, `[B, C, H, W]`, not rounded to less than the sums are.
    type Output;
    /// A convolution with its weights where and as the backend wants them.
    type Conv;

    /// Prepares a convolution.
    fn prepare(&self, params: ConvParams) -> Result<Self::Conv>;

    /// Takes a picture `[B, C, H, W]` in.
    fn enter(&self, input: &Tensor) -> Result<Self::Map>;

    /// Convolution, bias and activation; then `plus`, where given, is added. [`Activation::Relu`] comes after the addition.
    fn conv(&self, conv: &Self::Conv, x: &Self::Map, plus: Option<&Self::Map>) -> Result<Self::Map>;

    /// Convolution, bias and activation, the last of a network.
    fn output(&self, conv: &Self::Conv, x: &Self::Map) -> Result<Self::Output>;

    /// Joins maps of one size along the channels.
    fn concat(&self, maps: &[Self::Map]) -> Result<Self::Map>;

    /// Cuts a map into two with half of the channels each.
    fn halve(&self, x: &Self::Map) -> Result<[Self::Map; 2]>;

    /// Max pooling over 5 × 5 with stride 1; the size stays, nothing outside the map counts.
    fn max_pool_5(&self, x: &Self::Map) -> Result<Self::Map>;

    /// Doubles height and width by repeating pixels.
    fn upsample_2(&self, x: &Self::Map) -> Result<Self::Map>;
}

/// Operations of networks that work channel by channel, too.
pub(crate) trait ChannelBackend: Backend {
    /// A convolution of each channel by itself with its weights where and as the backend wants them.
    type Depthwise;
    /// A channel gate, likewise.
    type Gate;

    /// Prepares a convolution of each channel by itself.
    fn prepare_depthwise(&self, params: DepthwiseParams) -> Result<Self::Depthwise>;

    /// Prepares a channel gate.
    fn prepare_gate(&self, params: GateParams) -> Result<Self::Gate>;

    /// Convolution of each channel by itself, bias and activation.
    fn depthwise(&self, conv: &Self::Depthwise, x: &Self::Map) -> Result<Self::Map>;

    /// Σ gate(x) · x over maps of one shape, channel by channel.
    fn gated_sum(&self, gate: &Self::Gate, maps: &[Self::Map]) -> Result<Self::Map>;

    /// The mean of each channel over all pixels, `[B × C]`, on the host.
    fn channel_means(&self, x: &Self::Map) -> Result<Vec<f32>>;

    /// Max pooling over 3 × 3 with stride 2; nothing outside the map counts.
    fn max_pool_3_half(&self, x: &Self::Map) -> Result<Self::Map>;

    /// Means of 2 × 2 pixels; an odd last row or column is left out.
    fn mean_pool_2(&self, x: &Self::Map) -> Result<Self::Map>;
}

/// An error of candle inside a network. Shapes are checked when weights are loaded and input is taken in, so it is our defect.
pub(crate) fn internal(source: candle_core::Error) -> Error {
    Error::defect(format!("a tensor operation failed: {source}")).with_source(source)
}
