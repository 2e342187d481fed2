//! A convolution with bias, activation and an added map in one pass, in tiles of bf16.
//!
//! With stride 1 a task's rows are one run of pixels, borders between rows included: what comes to lie on them is put back to
//! zero. A pixel's sum (step by step, in the order of the map's parts and the filter's taps) is the same wherever its tile
//! begins, so its bits do not depend on threads.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::finish::{Destination, Finished, finish};
use super::map::{Bf16Map, Part, PartLayout, lanes_of, numbers_mut, place, take, to_bf16};
use super::tile::{DEPTH, Inputs, Product, SIDE, SUMS, Tiles, WEIGHTS, multiply};
use crate::kernels::Finish;
use crate::kernels::map::{BORDER, Map, Plane, PlanePool};

/// Pixels that are worth a task of their own.
const PIXELS_PER_TASK: usize = 256;
/// Tasks for each thread, at most.
const TASKS_PER_THREAD: usize = 4;

/// A convolution and its weights.
pub(crate) struct Bf16Conv {
    /// `[out, in, kernel, kernel]`.
    weight: Vec<f32>,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    finish: Finish,
    /// `[output blocks × SIDE]`, filled up with zeros.
    bias: Vec<f32>,
    slopes: Vec<f32>,
    /// Ordered for the input's layout, which the first run shows.
    packed: OnceLock<Packed>,
}

/// Weights in the order in which tiles want them.
struct Packed {
    layout: Vec<PartLayout>,
    steps: Vec<Step>,
    /// `[output block][step][DEPTH / 2][SIDE][2]`.
    weights: Vec<u16>,
}

/// What one instruction sums over: 64 bytes of a pixel and those after it, in one part of the input.
struct Step {
    part: usize,
    /// Rows and pixels from the filter's first tap.
    down: usize,
    across: usize,
}

/// For each of a step's numbers the tap and the input channel that it belongs to, if any.
type Sources = [Option<[usize; 2]>; DEPTH];

impl Bf16Conv {
    /// Keeps `weight`, `[out, in, kernel, kernel]`; the kernel is 1 or 3, the stride 1 or 2, and the padding half the kernel.
    pub fn new(
        weight: Vec<f32>,
        bias: &[f32],
        inputs: usize,
        kernel: usize,
        stride: usize,
        finish: Finish,
        slopes: &[f32],
    ) -> Self {
        assert!(
            matches!(kernel, 1 | 3) && matches!(stride, 1 | 2),
            "no kernel for {kernel} × {kernel} with stride {stride}"
        );
        let outputs = bias.len();
        assert_eq!(weight.len(), outputs * inputs * kernel * kernel);
        let padded = |values: &[f32]| {
            let mut padded = values.to_vec();
            padded.resize(outputs.next_multiple_of(SIDE), 0.0);
            padded
        };
        let (bias, slopes) = (padded(bias), padded(slopes));
        Bf16Conv { weight, inputs, outputs, kernel, stride, finish, bias, slopes, packed: OnceLock::new() }
    }

    /// Runs on a map; `plus`, where given, is added to the result before it is rounded.
    pub fn run(&self, pool: &Arc<PlanePool>, x: &Bf16Map, plus: Option<&Bf16Map>) -> Bf16Map {
        let size = self.size_out(x);
        let lanes = lanes_of(self.outputs);
        let mut planes: Vec<Plane> = lanes.iter().map(|lanes| take(pool, size, *lanes)).collect();
        let outputs = planes.iter_mut().zip(&lanes).flat_map(|(plane, lanes)| {
            let first = numbers_mut(plane).as_mut_ptr();
            // SAFETY: blocks of a pixel are inside the plane.
            (0..lanes / SIDE).map(move |block| unsafe { Destination::Bf16(first.add(block * SIDE), *lanes) })
        });
        let outputs: Vec<Destination> = outputs.collect();
        self.work(x, plus, &outputs, size);
        Bf16Map::from_planes([self.outputs, size[0], size[1]], planes)
    }

    /// The same with a result in `f32`.
    pub fn run_to_f32(&self, pool: &Arc<PlanePool>, x: &Bf16Map) -> Map {
        let [height, width] = self.size_out(x);
        let blocks = self.outputs.div_ceil(SIDE);
        let mut planes: Vec<Plane> = (0..blocks).map(|_| pool.take([height, width, SIDE])).collect();
        let outputs: Vec<Destination> =
            planes.iter_mut().map(|plane| Destination::F32(plane.data_mut().as_mut_ptr(), SIDE)).collect();
        self.work(x, None, &outputs, [height, width]);
        let planes = planes.into_iter().map(Arc::new).collect();
        Map { channels: self.outputs, height, width, lanes: SIDE, planes }
    }

    fn size_out(&self, x: &Bf16Map) -> [usize; 2] {
        [x.height, x.width].map(|side| (side - 1) / self.stride + 1)
    }

    /// Fills the outputs, one for each block of [`SIDE`] channels: planes of this size.
    fn work(&self, x: &Bf16Map, plus: Option<&Bf16Map>, outputs: &[Destination], [height, width]: [usize; 2]) {
        assert_eq!(x.channels, self.inputs);
        let packed = self.packed.get_or_init(|| self.pack(x.layout()));
        assert!(packed.layout == x.layout(), "a convolution's inputs always lie alike");
        let plus: Vec<(*const u16, usize)> = match plus {
            Some(map) => {
                assert_eq!([map.channels, map.height, map.width], [self.outputs, height, width]);
                let blocks: Vec<_> = map.parts.iter().flat_map(blocks_of).collect();
                assert_eq!(blocks.len(), self.outputs.div_ceil(SIDE));
                blocks
            }
            None => vec![(std::ptr::null(), 0); outputs.len()],
        };
        // A filter of 3 × 3 begins at the border, one of 1 × 1 inside it.
        let inset = BORDER - self.kernel / 2;
        let inputs: Vec<Inputs> = (packed.steps.iter())
            .map(|step| {
                let part = &x.parts[step.part];
                let pitch = 2 * part.layout.lanes;
                let pixels = (step.down + inset) * (x.width + 2 * BORDER) + step.across + inset;
                Inputs {
                    base: part.data().wrapping_add(pixels * part.layout.lanes).cast(),
                    pitch,
                    row: pitch * self.stride,
                }
            })
            .collect();
        let run = Run {
            conv: self,
            weights: &packed.weights,
            inputs: &inputs,
            outputs,
            plus: &plus,
            width_in: x.width,
            width,
        };
        let threads = rayon::current_num_threads();
        let tasks = threads * (height * width / (threads * PIXELS_PER_TASK)).clamp(1, TASKS_PER_THREAD);
        let rows = height.div_ceil(tasks);
        (0..height.div_ceil(rows)).into_par_iter().for_each(|task| {
            // SAFETY: every row is in exactly one task; whoever makes a convolution has asked whether there are tiles.
            unsafe { run.rows(task * rows..height.min((task + 1) * rows)) }
        });
    }

    /// Orders the weights for inputs that lie like this.
    fn pack(&self, layout: Vec<PartLayout>) -> Packed {
        let taps = self.kernel * self.kernel;
        let mut steps = Vec::new();
        let mut sources: Vec<Sources> = Vec::new();
        let mut first_channel = 0;
        for (number, part) in layout.iter().enumerate() {
            // How many taps of a row one step reads: pixels that lie side by side and fit into a tile's row.
            let together = if part.first == 0 { DEPTH / part.lanes } else { 1 };
            for down in 0..self.kernel {
                for across in (0..self.kernel).step_by(together) {
                    let mut source: Sources = [None; DEPTH];
                    for tap in across..self.kernel.min(across + together) {
                        for channel in 0..part.channels {
                            let at = (tap - across) * part.lanes + channel;
                            source[at] = Some([down * self.kernel + tap, first_channel + channel]);
                        }
                    }
                    steps.push(Step { part: number, down, across });
                    sources.push(source);
                }
            }
            first_channel += part.channels;
        }
        let mut weights = vec![0; self.outputs.div_ceil(SIDE) * steps.len() * WEIGHTS];
        for (output, filter) in self.weight.chunks_exact(self.inputs * taps).enumerate() {
            let block = &mut weights[output / SIDE * steps.len() * WEIGHTS..];
            for (source, tile) in sources.iter().zip(block.chunks_exact_mut(WEIGHTS)) {
                for (at, source) in source.iter().enumerate() {
                    if let Some([tap, channel]) = source {
                        tile[(at / 2 * SIDE + output % SIDE) * 2 + at % 2] = to_bf16(filter[channel * taps + tap]);
                    }
                }
            }
        }
        Packed { layout, steps, weights }
    }
}

/// The first channels of a part's blocks, and numbers from pixel to pixel.
fn blocks_of(part: &Part) -> impl Iterator<Item = (*const u16, usize)> {
    let (data, PartLayout { lanes, channels, .. }) = (part.data(), part.layout);
    (0..channels.div_ceil(SIDE)).map(move |block| (data.wrapping_add(block * SIDE), lanes))
}

/// What all tasks of one run share.
struct Run<'a> {
    conv: &'a Bf16Conv,
    weights: &'a [u16],
    inputs: &'a [Inputs],
    outputs: &'a [Destination],
    plus: &'a [(*const u16, usize)],
    width_in: usize,
    width: usize,
}

// SAFETY: tasks only read the inputs, and each writes output pixels of its own.
unsafe impl Sync for Run<'_> {}

/// Sums of the tiles that are worked on at once.
#[repr(C, align(64))]
struct Sums([f32; SUMS * SIDE * SIDE]);

/// What a task keeps from one product to the next: a product's sums are finished after the next one is under way, so that the
/// processor does both at a time.
struct Work {
    free: Box<Sums>,
    summed: Box<Sums>,
    waiting: Option<Waiting>,
}

impl Default for Work {
    fn default() -> Self {
        let [free, summed] = [0; 2].map(|_| Box::new(Sums([0.0; SUMS * SIDE * SIDE])));
        Work { free, summed, waiting: None }
    }
}

/// Sums that wait to be finished.
struct Waiting {
    /// Number of the first pixel in the output's planes, border included.
    first: usize,
    pixels: usize,
    block: usize,
}

/// Pixels that follow each other in the output, and their inputs in the input.
#[derive(Clone, Copy)]
struct Pixels {
    /// Number of the first in the output's planes, border included.
    output: usize,
    /// Pixels of the input's planes before the first one's inputs.
    input: usize,
    count: usize,
}

impl Run<'_> {
    /// Computes rows.
    ///
    /// # Safety
    /// No other thread may work on these rows, and there must be tiles.
    unsafe fn rows(&self, rows: std::ops::Range<usize>) {
        let (pitch, stride) = (self.width + 2 * BORDER, self.conv.stride);
        let pixels = |y: usize, count: usize| Pixels {
            output: place(self.width, 1, y, 0),
            input: y * stride * (self.width_in + 2 * BORDER),
            count,
        };
        let mut work = Work::default();
        // SAFETY: as for this function.
        unsafe {
            let _tiles = Tiles::configure();
            for block in 0..self.outputs.len() {
                if stride == 1 {
                    self.pixels(pixels(rows.start, (rows.len() - 1) * pitch + self.width), block, &mut work);
                } else {
                    for y in rows.clone() {
                        self.pixels(pixels(y, self.width), block, &mut work);
                    }
                }
            }
            self.finish(&mut work);
            if stride == 1 {
                for (y, block) in
                    (rows.start + 1..rows.end).flat_map(|y| (0..self.outputs.len()).map(move |block| (y, block)))
                {
                    // The last pixel of the border on the right, the first of that on the left.
                    self.clear(place(self.width, 1, y, 0) - 2 * BORDER, 2 * BORDER, block);
                }
            }
        }
    }

    /// Computes pixels of a block of outputs.
    ///
    /// # Safety
    /// As for [`Run::rows`], with tiles configured.
    unsafe fn pixels(&self, all: Pixels, block: usize, work: &mut Work) {
        let steps = self.inputs;
        let weights = self.weights[block * steps.len() * WEIGHTS..].as_ptr();
        for done in (0..all.count).step_by(SUMS * SIDE) {
            let first = all.input + done * self.conv.stride;
            let pixels = (all.count - done).min(SUMS * SIDE);
            let product = Product { steps, first, weights, sums: work.free.0.as_mut_ptr() };
            // SAFETY: planes have room after their end for what a last tile reads; the rest as for this function.
            unsafe {
                match pixels.div_ceil(SIDE) {
                    1 => multiply::<1>(product),
                    2 => multiply::<2>(product),
                    3 => multiply::<3>(product),
                    _ => multiply::<SUMS>(product),
                }
                self.finish(work);
            }
            std::mem::swap(&mut work.free, &mut work.summed);
            work.waiting = Some(Waiting { first: all.output + done, pixels, block });
        }
    }

    /// Finishes the sums that wait, if any.
    ///
    /// # Safety
    /// As for [`Run::pixels`].
    unsafe fn finish(&self, work: &mut Work) {
        let Some(Waiting { first, pixels, block }) = work.waiting.take() else { return };
        let conv = self.conv;
        let (plus, plus_pixel) = self.plus[block];
        for before in (0..pixels).step_by(SIDE) {
            let tile = Finished {
                sums: work.summed.0[before * SIDE..].as_ptr(),
                pixels: SIDE.min(pixels - before),
                bias: conv.bias[block * SIDE..].as_ptr(),
                slopes: conv.slopes[block * SIDE..].as_ptr(),
                finish: conv.finish,
                plus: if plus.is_null() { plus } else { plus.wrapping_add((first + before) * plus_pixel) },
                plus_pixel,
                to: self.outputs[block].at(first + before),
            };
            // SAFETY: the pixels are inside the planes, whose geometry is the output's; nobody else writes them.
            unsafe { finish(&tile) }
        }
    }

    /// Puts pixels back to zero.
    ///
    /// # Safety
    /// As for [`Run::pixels`].
    unsafe fn clear(&self, first: usize, count: usize, block: usize) {
        for pixel in first..first + count {
            // SAFETY: inside the planes.
            unsafe {
                match self.outputs[block].at(pixel) {
                    Destination::Bf16(to, _) => to.write_bytes(0, SIDE),
                    Destination::F32(to, _) => to.write_bytes(0, SIDE),
                }
            }
        }
    }
}
