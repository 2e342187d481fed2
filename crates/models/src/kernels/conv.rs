//! A convolution with bias, activation and an added map in one pass.

use std::sync::Arc;

use rayon::prelude::*;

use super::Isa;
use super::map::{BORDER, Map, Plane, PlanePool};
use super::simd::LANES;
use super::tile::{Finish, InputBlock, MAX_GROUP, Tile, group, tiles};
use super::winograd;

/// A convolution's weights, ordered for the kernels of one instruction set.
pub(crate) struct PackedConv {
    isa: Isa,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    finish: Finish,
    method: Method,
    /// By group of output blocks: `[input block][tap][channel][group × LANES]`; with [`Method::Winograd`] the same for each
    /// point, as if it were a 1 × 1 convolution.
    weights: Vec<f32>,
    /// `[output blocks × LANES]`, filled up with zeros.
    bias: Vec<f32>,
    /// The same for the slopes of [`Finish::PRelu`].
    slopes: Vec<f32>,
}

/// How the sum is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// Tap by tap.
    Direct,
    /// In tiles of 4 × 4 pixels with fewer multiplications.
    Winograd,
}

/// The output rows that a task computes at least, where the map has so many.
const ROWS_PER_TASK: usize = 4;

/// What all tasks of one run share.
struct Run<'a> {
    conv: &'a PackedConv,
    inputs: &'a [InputBlock],
    /// Zero pixels around the input.
    input_border: usize,
    input_row: usize,
    input_pixel: usize,
    outputs: &'a [*mut f32],
    plus: &'a [*const f32],
    width: usize,
}

// SAFETY: tasks only read the inputs, and each writes output pixels of its own.
unsafe impl Sync for Run<'_> {}

impl PackedConv {
    /// Orders `weight`, `[out, in, kernel, kernel]`; the kernel is 1 or 3, or for pictures 7, the stride 1 or 2, and the padding
    /// half the kernel.
    pub fn new(
        isa: Isa,
        weight: &[f32],
        bias: &[f32],
        inputs: usize,
        kernel: usize,
        stride: usize,
        finish: Finish,
    ) -> Self {
        assert!(
            (matches!(kernel, 1 | 3) || (kernel == 7 && inputs < LANES)) && matches!(stride, 1 | 2),
            "no kernel for {kernel} × {kernel} with stride {stride} on {inputs} channels"
        );
        let outputs = bias.len();
        let taps = kernel * kernel;
        assert_eq!(weight.len(), outputs * inputs * taps);
        // With fewer inputs than a block the transforms cost more than they save.
        let method = if kernel == 3 && stride == 1 && inputs >= LANES { Method::Winograd } else { Method::Direct };
        let weights = match method {
            Method::Direct => pack(isa, [outputs, inputs, taps], weight),
            Method::Winograd => {
                let points: Vec<_> = weight.par_chunks_exact(taps).map(winograd::transform_filter).collect();
                let point_weights = |point: usize| points.iter().map(|p| p[point] as f32).collect::<Vec<f32>>();
                let packed = |point| pack(isa, [outputs, inputs, 1], &point_weights(point));
                (0..winograd::POINTS).into_par_iter().map(packed).collect::<Vec<_>>().concat()
            }
        };
        let (bias, slopes) = (padded(bias), padded(&vec![0.0; outputs]));
        PackedConv { isa, inputs, outputs, kernel, stride, finish, method, weights, bias, slopes }
    }

    /// The same convolution with these slopes, one for each output.
    pub fn with_slopes(self, slopes: &[f32]) -> Self {
        assert_eq!(slopes.len(), self.outputs);
        PackedConv { slopes: padded(slopes), ..self }
    }

    /// Runs on a map; `plus`, where given, is added to the result.
    pub fn run(&self, pool: &Arc<PlanePool>, x: &Map, plus: Option<&Map>) -> Map {
        assert_eq!(x.channels, self.inputs);
        let [height, width] = [x.height, x.width].map(|side| (side - 1) / self.stride + 1);
        let blocks = self.outputs.div_ceil(LANES);
        let mut planes: Vec<Plane> = (0..blocks).map(|_| pool.take([height, width, LANES])).collect();
        let outputs: Vec<*mut f32> = planes.iter_mut().map(|plane| plane.data_mut().as_mut_ptr()).collect();
        let plus: Vec<*const f32> = match plus {
            Some(map) => {
                assert_eq!([map.channels, map.height, map.width, map.lanes], [self.outputs, height, width, LANES]);
                map.planes.iter().map(|plane| plane.data().as_ptr()).collect()
            }
            None => vec![std::ptr::null(); blocks],
        };
        match self.method {
            Method::Direct => self.direct(x, &outputs, &plus, [height, width]),
            Method::Winograd => {
                assert_eq!(x.lanes, LANES, "a picture has fewer channels than a block");
                let filters = winograd::Filters {
                    isa: self.isa,
                    inputs: self.inputs,
                    finish: self.finish,
                    weights: &self.weights,
                    bias: &self.bias,
                    slopes: &self.slopes,
                };
                // SAFETY: the planes were made above, for nobody else; `isa` is one that the processor has.
                unsafe { winograd::run(&filters, x, &outputs, &plus) }
            }
        }
        let planes = planes.into_iter().map(Arc::new).collect();
        Map { channels: self.outputs, height, width, lanes: LANES, planes }
    }

    /// Tap by tap, in tasks of a few rows of a group of output blocks.
    fn direct(&self, x: &Map, outputs: &[*mut f32], plus: &[*const f32], [height, width]: [usize; 2]) {
        let border = BORDER.max(self.kernel / 2);
        let widened = (border > BORDER).then(|| widened_picture(x, border));
        let inputs = match &widened {
            None => input_blocks(x),
            Some(values) => vec![InputBlock {
                data: values.as_ptr(),
                channels: x.channels,
                channel_step: (x.height + 2 * border) * (x.width + 2 * border),
            }],
        };
        let run = Run {
            conv: self,
            inputs: &inputs,
            input_border: border,
            input_row: (x.width + 2 * border) * x.lanes,
            input_pixel: x.lanes,
            outputs,
            plus,
            width,
        };
        let groups = outputs.len().div_ceil(group(self.isa));
        let rows_per_task = ROWS_PER_TASK.min(height.div_ceil(rayon::current_num_threads()));
        let row_tasks = height.div_ceil(rows_per_task);
        (0..groups * row_tasks).into_par_iter().for_each(|task| {
            let first = (task % row_tasks) * rows_per_task;
            let rows = first..height.min(first + rows_per_task);
            // SAFETY: every (group, row) is in exactly one task, and the planes are as large as the geometry says.
            unsafe { run.rows(task / row_tasks, rows) }
        });
    }
}

/// Filled up with zeros to whole blocks.
fn padded(values: &[f32]) -> Vec<f32> {
    let mut padded = values.to_vec();
    padded.resize(values.len().next_multiple_of(LANES), 0.0);
    padded
}

/// Orders `weight`, `[out, in, taps]`: by group of output blocks `[input block][tap][channel][group × LANES]`, outputs filled up
/// with zeros.
fn pack(isa: Isa, [outputs, inputs, taps]: [usize; 3], weight: &[f32]) -> Vec<f32> {
    let blocks = outputs.div_ceil(LANES);
    let mut packed = Vec::with_capacity(blocks * LANES * inputs * taps);
    for first in (0..blocks).step_by(group(isa)) {
        let lanes = group(isa).min(blocks - first) * LANES;
        for input_block in (0..inputs).step_by(LANES) {
            for tap in 0..taps {
                for input in input_block..inputs.min(input_block + LANES) {
                    for output in first * LANES..first * LANES + lanes {
                        let value = if output < outputs { weight[(output * inputs + input) * taps + tap] } else { 0.0 };
                        packed.push(value);
                    }
                }
            }
        }
    }
    packed
}

/// A picture's channels one below the other, each with this many zero pixels around it.
fn widened_picture(x: &Map, border: usize) -> Vec<f32> {
    assert_eq!(x.lanes, 1, "a filter wider than 3 × 3 is for pictures");
    let width = x.width + 2 * border;
    let mut values = vec![0.0; x.channels * (x.height + 2 * border) * width];
    let plane = &x.planes[0];
    for (channel, values) in values.chunks_exact_mut((x.height + 2 * border) * width).enumerate() {
        let first = channel * (x.height + 2 * BORDER);
        for (y, row) in values.chunks_exact_mut(width).skip(border).take(x.height).enumerate() {
            row[border..border + x.width].copy_from_slice(&plane.data()[plane.row(first + y)]);
        }
    }
    values
}

/// Where a map's channels lie.
fn input_blocks(x: &Map) -> Vec<InputBlock> {
    // A picture's channels are planes one below the other, all of them in the first plane.
    let channel_step = if x.lanes == LANES { 1 } else { (x.height + 2 * BORDER) * (x.width + 2 * BORDER) };
    let block = |(number, plane): (usize, &Arc<Plane>)| InputBlock {
        data: plane.data().as_ptr(),
        channels: LANES.min(x.channels - number * LANES),
        channel_step,
    };
    x.planes.iter().enumerate().map(block).collect()
}

impl Run<'_> {
    /// Computes rows of one group of output blocks.
    ///
    /// # Safety
    /// No other thread may work on these rows of this group.
    unsafe fn rows(&self, group_index: usize, rows: std::ops::Range<usize>) {
        let conv = self.conv;
        let first = group_index * group(conv.isa);
        let blocks = group(conv.isa).min(self.outputs.len() - first);
        let tiles = tiles(conv.isa, blocks, conv.stride * self.input_pixel);
        let count = self.width.div_ceil(tiles.len());
        let taps = conv.kernel * conv.kernel;
        let weights = &conv.weights[first * LANES * conv.inputs * taps..];
        // With a border of one pixel a 3 × 3 filter begins at it, a 1 × 1 filter inside it.
        let inset = self.input_border - conv.kernel / 2;
        for y in rows {
            let mut x = 0;
            for index in 0..count {
                // Tiles of a row differ by one pixel at most.
                let pixels = (self.width * (index + 1)) / count - x;
                let output_offset = ((y + BORDER) * (self.width + 2 * BORDER) + x + BORDER) * LANES;
                let input_y = y * conv.stride + inset;
                let input_x = x * conv.stride + inset;
                let mut tile = Tile {
                    inputs: self.inputs.as_ptr(),
                    input_blocks: self.inputs.len(),
                    input_offset: input_y * self.input_row + input_x * self.input_pixel,
                    input_row: self.input_row,
                    input_pixel: self.input_pixel,
                    kernel: conv.kernel,
                    weights: weights.as_ptr(),
                    bias: conv.bias[first * LANES..].as_ptr(),
                    finish: conv.finish,
                    slopes: conv.slopes[first * LANES..].as_ptr(),
                    outputs: [std::ptr::null_mut(); MAX_GROUP],
                    plus: [std::ptr::null(); MAX_GROUP],
                };
                for block in 0..blocks {
                    // SAFETY: the offset is inside the plane, which has the geometry of the output.
                    unsafe {
                        tile.outputs[block] = self.outputs[first + block].add(output_offset);
                        if !self.plus[first + block].is_null() {
                            tile.plus[block] = self.plus[first + block].add(output_offset);
                        }
                    }
                }
                // SAFETY: the tile's pixels lie in row `y`, which is this thread's; `isa` is one that the processor has.
                unsafe { tiles[pixels - 1](&tile) }
                x += pixels;
            }
        }
    }
}
