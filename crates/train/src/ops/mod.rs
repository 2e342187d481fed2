//! Differentiable operations for training on the CPU, where candle's own are slow or have no gradient. On other devices
//! the same functions use candle's.

mod conv;
mod norm_silu;
mod product;
mod slices;
mod upsample;

pub use conv::conv2d;
pub use norm_silu::{BatchStatistics, EPSILON, norm_silu};
pub use product::product;
pub use upsample::upsample_2;

use candle_core::{Result, Tensor};

/// Largest value of each 5 × 5 window, the size unchanged: `[B, C, H, W]`.
pub fn max_pool_5(x: &Tensor) -> Result<Tensor> {
    // Repeated edges add no value that a window at the edge does not have.
    let slide = |x: &Tensor, dim: usize| {
        let length = x.dim(dim)?;
        let padded = x.pad_with_same(dim, 2, 2)?;
        (1..5)
            .try_fold(padded.narrow(dim, 0, length)?, |most, offset| most.maximum(&padded.narrow(dim, offset, length)?))
    };
    slide(&slide(x, 2)?, 3)
}
