//! Doubling a map's sides by repeating pixels.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::slices::{values, with_values};

/// `[B, C, H, W]` → `[B, C, 2 H, 2 W]`.
pub fn upsample_2(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        x.contiguous()?.apply_op1(Upsample)
    } else {
        let (_, _, height, width) = x.dims4()?;
        x.upsample_nearest2d(2 * height, 2 * width)
    }
}

struct Upsample;

impl CustomOp1 for Upsample {
    fn name(&self) -> &'static str {
        "upsample-2"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let x = values(x, layout)?;
        let mut output = vec![0f32; 4 * x.len()];
        // Two rows of the output for each of the input.
        output.par_chunks_exact_mut(4 * width).zip(x.par_chunks_exact(width)).for_each(|(rows, row)| {
            let (first, second) = rows.split_at_mut(2 * width);
            for (pair, value) in first.chunks_exact_mut(2).zip(row) {
                pair.fill(*value);
            }
            second.copy_from_slice(first);
        });
        Ok((CpuStorage::F32(output), (batch, channels, 2 * height, 2 * width).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let width = x.dim(3)?;
        let mut sums = vec![0f32; x.elem_count()];
        with_values(&gradient.contiguous()?, |gradient| {
            sums.par_chunks_exact_mut(width).zip(gradient.par_chunks_exact(4 * width)).for_each(|(row, rows)| {
                let (first, second) = rows.split_at(2 * width);
                let pairs = first.chunks_exact(2).zip(second.chunks_exact(2));
                for (sum, (above, below)) in row.iter_mut().zip(pairs) {
                    *sum = above[0] + above[1] + below[0] + below[1];
                }
            });
            Ok(())
        })?;
        Ok(Some(Tensor::from_vec(sums, x.shape(), x.device())?))
    }
}
