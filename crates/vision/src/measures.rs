//! Sharpness and motion of a batch of frames, as one operation on tensors.

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor};
use framefan_contract::{Error, Result};
use framefan_models::kernels::Isa;
use rayon::prelude::*;

use crate::flow::Farneback;
use crate::grey::Grey;
use crate::tensors::{self, FlowGraph};

/// Sharpness and motion of consecutive frames of one size.
///
/// On the CPU it runs the kernels, on as many threads as the current rayon pool has; elsewhere candle's operations.
pub struct FrameMeasures {
    width: usize,
    height: usize,
    way: Way,
    batch_size: usize,
}

enum Way {
    Kernels(Box<Farneback>),
    Graph(FlowGraph),
}

impl FrameMeasures {
    /// Prepares for frames of a size on a device.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) when there is no pixel; a defect when the device fails.
    pub fn new(width: usize, height: usize, device: &Device) -> Result<Self> {
        let farneback = Farneback::new(width, height)?;
        let way = match device {
            Device::Cpu => Way::Kernels(Box::new(farneback)),
            _ => Way::Graph(FlowGraph::new(width, height, device).map_err(failed)?),
        };
        Ok(FrameMeasures { width, height, way, batch_size: batch_size(device, width * height) })
    }

    /// The same with candle's operations on every device.
    ///
    /// # Errors
    /// As [`FrameMeasures::new`].
    pub fn reference(width: usize, height: usize, device: &Device) -> Result<Self> {
        let way = Way::Graph(FlowGraph::new(width, height, device).map_err(failed)?);
        Ok(FrameMeasures { width, height, way, batch_size: batch_size(device, width * height) })
    }

    /// Frames that are best measured together. What is measured does not depend on it.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Measures all frames but the first, which only precedes the second: `[1 + B, 1, H, W]` of grey values 0 to 255, `u8` or
    /// `f32`, to `[B, 2]` in doubles, sharpness and the mean length of the flow from the frame before.
    ///
    /// # Errors
    /// A defect for another shape or type, or when the device fails.
    pub fn measure(&self, frames: &Tensor) -> Result<Tensor> {
        let fits = matches!(frames.dims(), [n, 1, h, w] if *n > 0 && (*h, *w) == (self.height, self.width));
        if !fits || !matches!(frames.dtype(), DType::U8 | DType::F32) {
            let (width, height) = (self.width, self.height);
            let (dims, dtype) = (frames.dims(), frames.dtype());
            return Err(Error::defect(format!("frames of {width}×{height} came as {dims:?} of {dtype:?}")));
        }
        let measured = match &self.way {
            Way::Kernels(farneback) => frames.contiguous().and_then(|f| f.apply_op1_no_bwd(&MeasureOp { farneback })),
            Way::Graph(graph) => with_graph(graph, frames),
        };
        measured.map_err(failed)
    }
}

/// Bytes that a thread works in for each pixel of its frames, about.
const BYTES_A_PIXEL: usize = 60;
/// Bytes that all threads together may work in: machines with many have more memory.
fn most_bytes(threads: usize) -> usize {
    (threads << 29).max(3 << 30)
}
/// Pixels of a batch: several are alive at a time.
const MOST_PIXELS: usize = 1 << 27;

fn batch_size(device: &Device, pixels: usize) -> usize {
    match device {
        Device::Cpu => cpu_batch_size(rayon::current_num_threads(), pixels.max(1)),
        _ => 16,
    }
}

fn cpu_batch_size(threads: usize, pixels: usize) -> usize {
    let side_by_side = (most_bytes(threads) / (BYTES_A_PIXEL * pixels)).max(1);
    if side_by_side < threads {
        // No more threads have work than there are frames.
        return side_by_side;
    }
    // Enough for each thread to go through neighbouring frames, whose expansions it uses twice; but so few that the frames
    // take little beside what the threads work in.
    (8 * threads).clamp(16, 64).min((MOST_PIXELS / pixels).max(threads))
}

fn with_graph(graph: &FlowGraph, frames: &Tensor) -> candle_core::Result<Tensor> {
    let motion = graph.motion(frames)?;
    let sharpness = tensors::sharpness(&frames.narrow(0, 1, frames.dim(0)? - 1)?)?;
    Tensor::stack(&[sharpness, motion], 1)
}

fn failed(error: candle_core::Error) -> Error {
    Error::defect(format!("cannot measure frames: {error}")).with_source(error)
}

/// The kernels as candle's operation.
struct MeasureOp<'a> {
    farneback: &'a Farneback,
}

impl CustomOp1 for MeasureOp<'_> {
    fn name(&self) -> &'static str {
        "sharpness-and-motion"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (frames, _, height, width) = layout.shape().dims4()?;
        let (start, end) =
            layout.contiguous_offsets().ok_or(candle_core::Error::RequiresContiguous { op: self.name() })?;
        let values = match storage {
            CpuStorage::U8(pixels) => self.measure(&pixels[start..end], width, height),
            CpuStorage::F32(pixels) => self.measure(&bytes(&pixels[start..end])?, width, height),
            _ => candle_core::bail!("grey values are u8 or f32"),
        };
        Ok((CpuStorage::F64(values?), (frames - 1, 2).into()))
    }
}

impl MeasureOp<'_> {
    fn measure(&self, pixels: &[u8], width: usize, height: usize) -> candle_core::Result<Vec<f64>> {
        let pictures = pixels.chunks_exact(width * height).map(|p| Grey::new(p, width, height));
        let pictures: Vec<Grey<'_>> = pictures.collect::<Result<_>>().map_err(candle_core::Error::wrap)?;
        let isa = Isa::detect();
        let sharpness: Vec<f64> = pictures[1..].par_iter().map(|p| crate::sharpness::sharpness_with(*p, isa)).collect();
        let motion = self.farneback.motion(&pictures).map_err(candle_core::Error::wrap)?;
        Ok(sharpness.into_iter().zip(motion).flat_map(|(sharpness, motion)| [sharpness, motion]).collect())
    }
}

/// Whole grey values as bytes.
fn bytes(values: &[f32]) -> candle_core::Result<Vec<u8>> {
    let byte = |value: &f32| {
        let byte = *value as u8;
        match f32::from(byte) == *value {
            true => Ok(byte),
            false => Err(candle_core::Error::Msg(format!("{value} is no grey value: whole numbers from 0 to 255 are"))),
        }
    };
    values.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_for_the_largest_pictures_and_small_ones_come_in_full_batches() {
        for threads in [1, 2, 4, 8, 64] {
            assert_eq!(cpu_batch_size(threads, 1920 * 1080), (8 * threads).clamp(16, 64));
            for pixels in [1, 1920 * 1080, 3840 * 2160, 8192 * 4352] {
                let batch = cpu_batch_size(threads, pixels);
                assert!(
                    batch == 1 || batch.min(threads) * pixels * BYTES_A_PIXEL <= most_bytes(threads),
                    "{threads} {pixels}"
                );
                assert!(batch * pixels <= MOST_PIXELS.max(threads * pixels), "{threads} {pixels}");
            }
        }
    }
}
