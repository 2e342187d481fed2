//! Kernels for the CPU, chosen at run time by what the processor can do.
//!
//! A feature map lies in blocks of 16 channels (`map`); a convolution adds its bias, activation and shortcut while the sums are
//! still near (`conv`, `tile`, `winograd`), written once over vectors of 16 floats (`simd`). In bf16, maps, convolutions and
//! pooling are their own (`amx`). The result's bits depend on the instruction set, and on nothing else: not on threads, not
//! on what else is in a batch.

#[cfg(target_arch = "x86_64")]
pub(crate) mod amx;
pub(crate) mod conv;
pub(crate) mod depthwise;
pub(crate) mod gate;
mod isa;
pub(crate) mod map;
pub(crate) mod pool;
pub(crate) mod simd;
#[cfg(test)]
mod tests;
mod tile;
mod winograd;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use isa::Isa;
pub(crate) use tile::Finish;
