//! Square convolutions without bias, padded by half of the kernel: patches laid out as columns, times the weights.
//!
//! A band of rows is done at a time, so that its columns stay in the cache. Pictures of a batch run side by side; the
//! gradient of the weights is summed group by group in a fixed order, so it does not depend on the number of threads.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::slices::{Matrix, multiply, values, with_values};

/// `[B, C, H, W]` and weights `[O, C, K, K]` → `[B, O, ⌈H / stride⌉, ⌈W / stride⌉]`.
pub fn conv2d(x: &Tensor, weight: &Tensor, stride: usize) -> Result<Tensor> {
    if x.device().is_cpu() {
        x.contiguous()?.apply_op2(&weight.contiguous()?, Conv { stride })
    } else {
        x.conv2d(weight, weight.dim(3)? / 2, stride, 1, 1)
    }
}

struct Conv {
    stride: usize,
}

/// Values of the columns of one band: half a megabyte.
const BAND_VALUES: usize = 1 << 17;

/// Groups of pictures whose gradients of the weights are summed apart.
const GROUPS: usize = 8;

/// What a convolution is done with.
#[derive(Clone, Copy)]
struct Geometry {
    batch: usize,
    inputs: usize,
    height: usize,
    width: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
}

impl Geometry {
    fn new(x: &[usize], weight: &[usize], stride: usize) -> Result<Geometry> {
        match (x, weight) {
            (&[batch, inputs, height, width], &[outputs, weight_inputs, kernel, kernel_width])
                if inputs == weight_inputs
                    && kernel == kernel_width
                    && kernel % 2 == 1
                    && batch * height * width > 0 =>
            {
                Ok(Geometry { batch, inputs, height, width, outputs, kernel, stride })
            }
            _ => candle_core::bail!("a convolution of {x:?} with weights {weight:?}"),
        }
    }

    fn output_height(&self) -> usize {
        self.height.div_ceil(self.stride)
    }

    fn output_width(&self) -> usize {
        self.width.div_ceil(self.stride)
    }

    fn input_values(&self) -> usize {
        self.inputs * self.height * self.width
    }

    fn output_pixels(&self) -> usize {
        self.output_height() * self.output_width()
    }

    /// Rows of the columns' matrix.
    fn taps(&self) -> usize {
        self.inputs * self.kernel * self.kernel
    }

    /// Whether a picture is its own columns' matrix.
    fn pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1
    }

    /// First row and number of rows of each band of the output.
    fn bands(&self) -> impl Iterator<Item = (usize, usize)> {
        let rows = self.output_height();
        let most = (BAND_VALUES / (self.taps() * self.output_width())).clamp(1, rows);
        (0..rows).step_by(most).map(move |first| (first, most.min(rows - first)))
    }

    /// For one tap: its channel, the part of an output row that falls inside of the input, and for an output row the input
    /// row, if it is inside.
    fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        let padding = self.kernel / 2;
        let per_channel = self.kernel * self.kernel;
        (0..self.taps()).map(move |tap| {
            let (channel, ky, kx) = (tap / per_channel, tap % per_channel / self.kernel, tap % self.kernel);
            // Output column c reads input column c * stride + kx - padding.
            let first = padding.saturating_sub(kx).div_ceil(self.stride);
            let end = (self.width + padding - kx).div_ceil(self.stride).min(self.output_width()).max(first);
            Span { channel, ky, first, end, from: (first * self.stride + kx).saturating_sub(padding) }
        })
    }

    fn input_row(&self, ky: usize, row: usize) -> Option<usize> {
        (row * self.stride + ky).checked_sub(self.kernel / 2).filter(|row| *row < self.height)
    }

    /// Lays the patches of a band of output rows out as columns.
    fn unfold(&self, picture: &[f32], (first_row, rows): (usize, usize), columns: &mut [f32]) {
        let width = self.output_width();
        for (span, lines) in self.spans().zip(columns.chunks_exact_mut(rows * width)) {
            for (line, row) in lines.chunks_exact_mut(width).zip(first_row..) {
                let Some(row) = self.input_row(span.ky, row) else {
                    line.fill(0.0);
                    continue;
                };
                let source = &picture[(span.channel * self.height + row) * self.width..][..self.width];
                line[..span.first].fill(0.0);
                line[span.end..].fill(0.0);
                let line = &mut line[span.first..span.end];
                if self.stride == 1 {
                    line.copy_from_slice(&source[span.from..][..line.len()]);
                } else {
                    for (value, from) in line.iter_mut().zip(source[span.from..].iter().step_by(self.stride)) {
                        *value = *from;
                    }
                }
            }
        }
    }

    /// The reverse of [`Geometry::unfold`]: adds each value to where it came from.
    fn fold(&self, columns: &[f32], (first_row, rows): (usize, usize), picture: &mut [f32]) {
        let width = self.output_width();
        for (span, lines) in self.spans().zip(columns.chunks_exact(rows * width)) {
            for (line, row) in lines.chunks_exact(width).zip(first_row..) {
                let Some(row) = self.input_row(span.ky, row) else { continue };
                let target = &mut picture[(span.channel * self.height + row) * self.width..][..self.width];
                let line = &line[span.first..span.end];
                if self.stride == 1 {
                    for (to, value) in target[span.from..].iter_mut().zip(line) {
                        *to += value;
                    }
                } else {
                    for (to, value) in target[span.from..].iter_mut().step_by(self.stride).zip(line) {
                        *to += value;
                    }
                }
            }
        }
    }

    fn forward(&self, picture: &[f32], weight: &[f32], output: &mut [f32], columns: &mut Vec<f32>) {
        let (taps, pixels, width) = (self.taps(), self.output_pixels(), self.output_width());
        let weight = Matrix::new(weight, self.outputs, taps, taps);
        if self.pointwise() {
            return multiply(weight, Matrix::new(picture, taps, pixels, pixels), output, pixels, false);
        }
        for band in self.bands() {
            let count = band.1 * width;
            columns.resize(taps * count, 0.0);
            self.unfold(picture, band, columns);
            multiply(weight, Matrix::new(columns, taps, count, count), &mut output[band.0 * width..], pixels, false);
        }
    }

    /// Adds a picture's share to the gradient of the weights, and to that of the picture where it is wanted.
    fn backward(&self, [picture, weight, gradient]: [&[f32]; 3], to: &mut Gradients, scratch: &mut Vec<f32>) {
        let (taps, pixels, width) = (self.taps(), self.output_pixels(), self.output_width());
        let weight = Matrix::new(weight, self.outputs, taps, taps);
        if self.pointwise() {
            let gradient = Matrix::new(gradient, self.outputs, pixels, pixels);
            let columns = Matrix::new(picture, taps, pixels, pixels);
            multiply(gradient, columns.transposed(), to.weight, taps, true);
            if let Some(picture) = &mut to.picture {
                multiply(weight.transposed(), gradient, picture, pixels, false);
            }
            return;
        }
        for band in self.bands() {
            let count = band.1 * width;
            scratch.resize(taps * count, 0.0);
            let gradient = Matrix::new(&gradient[band.0 * width..], self.outputs, count, pixels);
            self.unfold(picture, band, scratch);
            multiply(gradient, Matrix::new(scratch, taps, count, count).transposed(), to.weight, taps, true);
            if let Some(picture) = &mut to.picture {
                multiply(weight.transposed(), gradient, scratch, count, false);
                self.fold(scratch, band, picture);
            }
        }
    }
}

/// Where a tap reads in a row.
struct Span {
    channel: usize,
    ky: usize,
    /// Output columns `first..end` read inside of the input, from `from` on.
    first: usize,
    end: usize,
    from: usize,
}

struct Gradients<'a> {
    weight: &'a mut [f32],
    picture: Option<&'a mut [f32]>,
}

impl CustomOp2 for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let geometry = Geometry::new(x_layout.dims(), w_layout.dims(), self.stride)?;
        let (x, weight) = (values(x, x_layout)?, values(w, w_layout)?);
        let mut output = vec![0f32; geometry.batch * geometry.outputs * geometry.output_pixels()];
        output
            .par_chunks_exact_mut(geometry.outputs * geometry.output_pixels())
            .zip(x.par_chunks_exact(geometry.input_values()))
            .for_each_init(Vec::new, |columns, (output, picture)| geometry.forward(picture, weight, output, columns));
        let shape = (geometry.batch, geometry.outputs, geometry.output_height(), geometry.output_width());
        Ok((CpuStorage::F32(output), shape.into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let geometry = Geometry::new(x.dims(), weight.dims(), self.stride)?;
        let wanted = x.track_op();
        let mut x_gradient = vec![0f32; if wanted { x.elem_count() } else { 0 }];
        let weights = weight.elem_count();
        let pictures = geometry.batch.div_ceil(GROUPS);
        let mut group_gradients = vec![0f32; geometry.batch.div_ceil(pictures) * weights];
        let gradient = gradient.contiguous()?;
        let [input_values, output_values] = [geometry.input_values(), geometry.outputs * geometry.output_pixels()];
        with_values(x, |x| {
            with_values(weight, |weight| {
                with_values(&gradient, |gradient| {
                    let mut picture_gradients: Vec<Option<&mut [f32]>> = match wanted {
                        true => x_gradient.chunks_mut(input_values * pictures).map(Some).collect(),
                        false => (0..geometry.batch.div_ceil(pictures)).map(|_| None).collect(),
                    };
                    group_gradients
                        .par_chunks_exact_mut(weights)
                        .zip(picture_gradients.par_iter_mut())
                        .zip(x.par_chunks(input_values * pictures).zip(gradient.par_chunks(output_values * pictures)))
                        .for_each_init(Vec::new, |scratch, ((weight_gradient, picture_gradient), (x, gradient))| {
                            let parts = x.chunks_exact(input_values).zip(gradient.chunks_exact(output_values));
                            for (index, (picture, gradient)) in parts.enumerate() {
                                let picture_gradient = picture_gradient
                                    .as_mut()
                                    .map(|all| &mut all[index * input_values..][..input_values]);
                                let mut to = Gradients { weight: weight_gradient, picture: picture_gradient };
                                geometry.backward([picture, weight, gradient], &mut to, scratch);
                            }
                        });
                    Ok(())
                })
            })
        })?;
        let (first, others) = group_gradients.split_at_mut(weights);
        for other in others.chunks_exact(weights) {
            first.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
        }
        let weight_gradient = Tensor::from_slice(first, weight.shape(), weight.device())?;
        let x_gradient = wanted.then(|| Tensor::from_vec(x_gradient, x.shape(), x.device())).transpose()?;
        Ok((x_gradient, Some(weight_gradient)))
    }
}
