//! Batch normalisation (Ioffe and Szegedy, 2015) and SiLU (Elfwing et al., 2018) in one operation, with the statistics
//! of the batch at hand.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::slices::{sums_over, values, with_values};

/// Added to the variance (the value of the reference implementation of YOLOv8).
pub const EPSILON: f64 = 1e-3;

/// Mean and variance of each channel of a batch; the variance is the sample's (divided by its size).
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// By channel.
    pub mean: Vec<f32>,
    /// By channel.
    pub variance: Vec<f32>,
}

/// `silu(scale · (x − mean) / √(variance + ε) + shift)` of `[B, C, H, W]` with `scale` and `shift` `[C]`, and the statistics.
pub fn norm_silu(x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<(Tensor, BatchStatistics)> {
    if x.device().is_cpu() {
        let statistics = Arc::new(OnceLock::new());
        let op = NormSilu { statistics: Arc::clone(&statistics) };
        let output = x.contiguous()?.apply_op3(&scale.contiguous()?, &shift.contiguous()?, op)?;
        let found = statistics.get().cloned().ok_or_else(|| Error::Msg("no statistics of the batch".into()))?;
        Ok((output, found))
    } else {
        let mean = x.mean_keepdim((0, 2, 3))?;
        let centred = x.broadcast_sub(&mean)?;
        let variance = centred.sqr()?.mean_keepdim((0, 2, 3))?;
        let normal = centred.broadcast_div(&(&variance + EPSILON)?.sqrt()?)?;
        let channels = (1, x.dim(1)?, 1, 1);
        let y = normal.broadcast_mul(&scale.reshape(channels)?)?.broadcast_add(&shift.reshape(channels)?)?;
        let read = |t: &Tensor| t.detach().flatten_all()?.to_vec1::<f32>();
        Ok((y.silu()?, BatchStatistics { mean: read(&mean)?, variance: read(&variance)? }))
    }
}

struct NormSilu {
    statistics: Arc<OnceLock<BatchStatistics>>,
}

/// e to the power of `x`, within 2 units in the last place for |x| ≤ 87; written so that it runs in vectors.
#[inline]
fn exp(x: f32) -> f32 {
    // Adding 1.5 · 2²³ leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    // ln 2 in two parts, the first exact in few bits.
    let r = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let p =
        1.0 + r * (1.0 + r * (0.5 + r * (0.166_666_66 + r * (0.041_666_66 + r * (0.008_333_33 + r * 0.001_388_89)))));
    p * f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23)
}

#[inline]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The derivative of SiLU.
#[inline]
fn silu_slope(y: f32) -> f32 {
    let s = sigmoid(y);
    s * (1.0 + y * (1.0 - s))
}

/// `[B, C, H · W]`.
fn sizes(dims: &[usize]) -> Result<[usize; 3]> {
    match dims {
        &[batch, channels, height, width] if batch * height * width > 0 => Ok([batch, channels, height * width]),
        _ => candle_core::bail!("batch normalisation of {dims:?}"),
    }
}

fn planes(x: &[f32], [batch, channels, pixels]: [usize; 3], channel: usize) -> impl Iterator<Item = &[f32]> {
    (0..batch).map(move |b| &x[(b * channels + channel) * pixels..][..pixels])
}

impl CustomOp3 for NormSilu {
    fn name(&self) -> &'static str {
        "norm-silu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        scale: &CpuStorage,
        scale_layout: &Layout,
        shift: &CpuStorage,
        shift_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = sizes(x_layout.dims())?;
        let [batch, channels, pixels] = sizes;
        let (x, scale, shift) = (values(x, x_layout)?, values(scale, scale_layout)?, values(shift, shift_layout)?);
        let count = (batch * pixels) as f64;
        let (mean, variance): (Vec<f32>, Vec<f32>) = (0..channels)
            .into_par_iter()
            .map(|channel| {
                let mean = planes(x, sizes, channel).map(|p| sums_over(p, p, |x, _| [x])[0]).sum::<f64>() / count;
                let middle = mean as f32;
                let squares =
                    planes(x, sizes, channel).map(|p| sums_over(p, p, |x, _| [(x - middle) * (x - middle)])[0]);
                (middle, (squares.sum::<f64>() / count) as f32)
            })
            .unzip();
        let mut output = vec![0f32; x.len()];
        output.par_chunks_exact_mut(pixels).zip(x.par_chunks_exact(pixels)).enumerate().for_each(
            |(plane, (out, x))| {
                let channel = plane % channels;
                let factor = scale[channel] * inverse_deviation(variance[channel]);
                let offset = shift[channel] - mean[channel] * factor;
                for (out, x) in out.iter_mut().zip(x) {
                    let y = x * factor + offset;
                    *out = y * sigmoid(y);
                }
            },
        );
        self.statistics
            .set(BatchStatistics { mean, variance })
            .map_err(|_| Error::Msg("a normalisation that was run twice".into()))?;
        Ok((CpuStorage::F32(output), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let sizes = sizes(x.dims())?;
        let statistics =
            self.statistics.get().ok_or_else(|| Error::Msg("a gradient before its normalisation".into()))?;
        let gradient = gradient.contiguous()?;
        let (x_gradient, scale_gradient, shift_gradient) = with_values(x, |x| {
            with_values(&gradient, |gradient| {
                with_values(scale, |scale| {
                    with_values(shift, |shift| Ok(backward(sizes, statistics, [x, gradient, scale, shift])))
                })
            })
        })?;
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(x_gradient, x.shape(), device)?),
            Some(Tensor::from_vec(scale_gradient, scale.shape(), device)?),
            Some(Tensor::from_vec(shift_gradient, shift.shape(), device)?),
        ))
    }
}

fn inverse_deviation(variance: f32) -> f32 {
    (1.0 / (f64::from(variance) + EPSILON).sqrt()) as f32
}

/// Gradients of the input, the scale and the shift.
fn backward(
    sizes: [usize; 3],
    statistics: &BatchStatistics,
    [x, gradient, scale, shift]: [&[f32]; 4],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let [batch, channels, pixels] = sizes;
    let count = (batch * pixels) as f64;
    // Of each channel: the normalised value is x · inverse + offset.
    let normal = |channel: usize| {
        let inverse = inverse_deviation(statistics.variance[channel]);
        (inverse, -statistics.mean[channel] * inverse)
    };
    let (scale_gradient, shift_gradient): (Vec<f32>, Vec<f32>) = (0..channels)
        .into_par_iter()
        .map(|channel| {
            let (inverse, offset) = normal(channel);
            let (scale, shift) = (scale[channel], shift[channel]);
            let parts = planes(x, sizes, channel).zip(planes(gradient, sizes, channel));
            parts.fold((0.0, 0.0), |(of_scale, of_shift), (x, gradient)| {
                let [more_scale, more_shift] = sums_over(x, gradient, |x, gradient| {
                    let value = x * inverse + offset;
                    let slope = gradient * silu_slope(value * scale + shift);
                    [slope * value, slope]
                });
                (of_scale + more_scale, of_shift + more_shift)
            })
        })
        .map(|(of_scale, of_shift)| (of_scale as f32, of_shift as f32))
        .unzip();
    let mut x_gradient = vec![0f32; x.len()];
    x_gradient
        .par_chunks_exact_mut(pixels)
        .zip(x.par_chunks_exact(pixels).zip(gradient.par_chunks_exact(pixels)))
        .enumerate()
        .for_each(|(plane, (out, (x, gradient)))| {
            let channel = plane % channels;
            let (inverse, offset) = normal(channel);
            let (scale, shift) = (scale[channel], shift[channel]);
            let mean_shift = (f64::from(shift_gradient[channel]) / count) as f32;
            let mean_scale = (f64::from(scale_gradient[channel]) / count) as f32;
            for (out, (x, gradient)) in out.iter_mut().zip(x.iter().zip(gradient)) {
                let value = x * inverse + offset;
                let slope = gradient * silu_slope(value * scale + shift);
                *out = scale * inverse * (slope - mean_shift - value * mean_scale);
            }
        });
    (x_gradient, scale_gradient, shift_gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_near_the_true_value() {
        for step in -8700..=8700 {
            let x = step as f32 * 0.01;
            let truth = f64::from(x).exp();
            assert!((f64::from(exp(x)) - truth).abs() <= 4e-7 * truth, "exp({x}) = {}", exp(x));
        }
        assert!(exp(-1e30) >= 0.0 && exp(1e30).is_finite());
    }
}
