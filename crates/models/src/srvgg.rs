//! SRVGGNetCompact, the compact network of Real-ESRGAN (Wang et al., 2021): a plain row of 3 × 3 convolutions with PReLU that
//! enlarges a picture. Tensor names as in BasicSR: `body.0`, `body.2`, … are convolutions, `body.1`, `body.3`, … the slopes
//! between them. The last convolution makes `3 × scale²` channels, which become pixels, and the picture, enlarged by
//! repeating its pixels, is added: <https://github.com/xinntao/Real-ESRGAN>, `realesrgan/archs/srvgg_arch.py`.

use candle_core::{DType, Device, Tensor};
use framefan_contract::request::Precision;
use framefan_contract::{Error, Result};
use rayon::prelude::*;

use crate::backend::{Activation, Amx, Backend, ConvParams, ConvShape, Fused, Kernels, Reference, internal};
use crate::kernels::map::Map;
use crate::kernels::simd::LANES;
use crate::weights::Weights;

/// Colours of a picture.
const COLOURS: usize = 3;

/// A network that enlarges pictures, with its weights.
pub struct Srvgg {
    scale: usize,
    device: Device,
    executor: Executor,
}

enum Executor {
    Candle(Reference, Vec<<Reference as Backend>::Conv>),
    Fused(Fused, Vec<<Fused as Backend>::Conv>),
    Amx(Amx, Vec<<Amx as Backend>::Conv>),
}

impl Srvgg {
    /// Loads the network that the tensors' shapes show: its width, its depth and its scale.
    ///
    /// # Errors
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput) when a tensor is missing or has an unexpected shape.
    pub fn load(weights: &Weights, device: &Device, precision: Precision) -> Result<Srvgg> {
        Srvgg::load_with(weights, device, precision, Kernels::best(device, precision))
    }

    /// Like [`Srvgg::load`], with a choice of what computes it.
    ///
    /// # Errors
    /// As [`Srvgg::load`]; [`Usage`](framefan_contract::ErrorKind::Usage) for fused kernels that this processor, device or
    /// precision does not have.
    pub fn load_with(weights: &Weights, device: &Device, precision: Precision, kernels: Kernels) -> Result<Srvgg> {
        let (layers, scale) = layers(weights)?;
        let executor = match kernels {
            Kernels::Candle => {
                let ops = Reference::new(device, precision);
                let convs = prepare(&ops, layers)?;
                Executor::Candle(ops, convs)
            }
            Kernels::Fused(isa) => {
                let ops = Fused::new(isa, device, precision)?;
                let convs = prepare(&ops, layers)?;
                Executor::Fused(ops, convs)
            }
            Kernels::Amx => {
                let ops = Amx::new(device, precision)?;
                let convs = prepare(&ops, layers)?;
                Executor::Amx(ops, convs)
            }
        };
        Ok(Srvgg { scale, device: device.clone(), executor })
    }

    /// How many times larger pictures become.
    pub fn scale(&self) -> usize {
        self.scale
    }

    /// Enlarges pictures `[B, 3, H, W]`, RGB, 0 to 1. The result is `[B, 3, scale · H, scale · W]` in `f32`, and may go a little
    /// below 0 and above 1.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) for an input of another shape.
    pub fn forward(&self, pictures: &Tensor) -> Result<Tensor> {
        let [batch, COLOURS, height, width] = *pictures.dims() else {
            return Err(Error::usage(format!("an input of shape {:?}: wanted [B, 3, H, W]", pictures.dims())));
        };
        if batch * height * width == 0 {
            return Err(Error::usage(format!("an input of shape {:?} is empty", pictures.dims())));
        }
        let (wide, high) = (self.scale * width, self.scale * height);
        match &self.executor {
            Executor::Candle(ops, convs) => {
                let x = ops.enter(pictures)?;
                let y = run(ops, convs, x.clone())?;
                let enlarge = || {
                    let y = candle_nn::ops::pixel_shuffle(&y, self.scale)?;
                    (y + x.upsample_nearest2d(high, wide)?)?.to_dtype(DType::F32)
                };
                enlarge().map_err(internal)
            }
            Executor::Fused(ops, convs) => self.each_picture(ops, convs, pictures),
            Executor::Amx(ops, convs) => self.each_picture(ops, convs, pictures),
        }
    }

    /// Enlarges each picture by itself, for kernels whose output is blocks of channels.
    fn each_picture<B: Backend<Output = Map>>(&self, ops: &B, convs: &[B::Conv], pictures: &Tensor) -> Result<Tensor> {
        let (batch, _, height, width) = pictures.dims4().map_err(internal)?;
        let mut enlarged = Vec::with_capacity(pictures.elem_count() * self.scale * self.scale);
        for index in 0..batch {
            let picture = pictures.narrow(0, index, 1).map_err(internal)?;
            let y = run(ops, convs, ops.enter(&picture)?)?;
            let values =
                picture.to_dtype(DType::F32).and_then(|x| x.flatten_all()?.to_vec1::<f32>()).map_err(internal)?;
            enlarged.extend(to_pixels(&values, &y, self.scale));
        }
        let shape = (batch, COLOURS, self.scale * height, self.scale * width);
        Tensor::from_vec(enlarged, shape, &self.device).map_err(internal)
    }
}

/// The convolutions in order, and the scale.
fn layers(weights: &Weights) -> Result<(Vec<ConvParams>, usize)> {
    let count = weights.names().filter(|name| name.starts_with("body.") && name.ends_with(".bias")).count();
    let mut layers = Vec::with_capacity(count);
    let mut inputs = COLOURS;
    for layer in 0..count {
        let name = format!("body.{}", 2 * layer);
        let outputs = weights.shape(&format!("{name}.bias"))?.first().copied().unwrap_or(0);
        let mut conv = ConvParams::plain(weights, &name, ConvShape { outputs, inputs, kernel: 3, stride: 1 })?;
        if layer + 1 < count {
            let slopes = weights.values(&format!("body.{}.weight", 2 * layer + 1), &[outputs])?;
            conv.activation = Activation::PRelu(slopes);
        }
        layers.push(conv);
        inputs = outputs;
    }
    let scale = (1..=8).find(|scale| scale * scale * COLOURS == inputs).filter(|_| count >= 2).ok_or_else(|| {
        Error::bad_input(format!(
            "{} is not a compact Real-ESRGAN: {count} convolutions that end in {inputs} channels",
            weights.path().display()
        ))
    })?;
    Ok((layers, scale))
}

fn prepare<B: Backend>(ops: &B, layers: Vec<ConvParams>) -> Result<Vec<B::Conv>> {
    layers.into_iter().map(|layer| ops.prepare(layer)).collect()
}

fn run<B: Backend>(ops: &B, convs: &[B::Conv], x: B::Map) -> Result<B::Output> {
    let (last, inner) = convs.split_last().ok_or_else(|| Error::defect("a network without layers"))?;
    ops.output(last, &inner.iter().try_fold(x, |x, conv| ops.conv(conv, &x, None))?)
}

/// The pixels `[3, scale · H, scale · W]`: channel `(c · scale + i) · scale + j` of `y` is row `i`, column `j` of each pixel's
/// square in colour `c`; the picture `x`, `[3, H, W]`, is added.
fn to_pixels(x: &[f32], y: &Map, scale: usize) -> Vec<f32> {
    let (high, wide) = (scale * y.height, scale * y.width);
    let mut pixels = vec![0.0; COLOURS * high * wide];
    pixels.par_chunks_exact_mut(wide).enumerate().for_each(|(line, out)| {
        let (colour, row) = (line / high, line % high);
        let source = row / scale;
        let picture = &x[(colour * y.height + source) * y.width..][..y.width];
        let first = (colour * scale + row % scale) * scale;
        for column in 0..scale {
            let channel = first + column;
            let plane = &y.planes[channel / LANES];
            let values = plane.data()[plane.row(source)].iter().skip(channel % LANES).step_by(LANES);
            for ((out, value), base) in out.iter_mut().skip(column).step_by(scale).zip(values).zip(picture) {
                *out = value + base;
            }
        }
    });
    pixels
}
