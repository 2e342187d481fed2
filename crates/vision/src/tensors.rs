//! The measures written in candle's operations: a definition to hold the kernels against, and what runs on a GPU.
//!
//! Every linear step of Farnebäck's method is separable, so here it is a product with a matrix from the left (down the
//! columns) and one from the right (along the rows): smoothing and halving, the expansion's filters, sums over windows,
//! stretching flow. What is left is the sampling of the second expansion and a 2 × 2 system at each pixel.

use candle_core::{D, DType, Device, Result, Tensor};

use crate::flow::filters::{Filters, REACH};
use crate::flow::geometry::{Geometry, Level, Sample, Taps};
use crate::flow::{ITERATIONS, REGULARIZER, WINDOW};
use crate::grey::reflect;

/// Variance of the Laplacian of each picture: `[N, 1, H, W]` of grey values 0 to 255 to `[N]` in doubles.
///
/// # Errors
/// Those of candle, and another shape.
pub fn sharpness(pictures: &Tensor) -> Result<Tensor> {
    let (_, _, height, width) = pictures.dims4()?;
    let pictures = pictures.to_dtype(DType::F64)?;
    let moved = |dim: usize, length: usize, by: isize| {
        let indices: Vec<u32> = (0..length as isize).map(|i| reflect(i + by, length) as u32).collect();
        pictures.index_select(&Tensor::from_vec(indices, length, pictures.device())?, dim)
    };
    let around = ((moved(2, height, -1)? + moved(2, height, 1)?)? + (moved(3, width, -1)? + moved(3, width, 1)?)?)?;
    let values = (around - (&pictures * 4.0)?)?.flatten_from(1)?;
    values.sqr()?.mean(D::Minus1)? - values.mean(D::Minus1)?.sqr()?
}

/// Dense optical flow of pictures of one size, as [`Farneback`](crate::Farneback) computes it.
pub struct FlowGraph {
    levels: Vec<LevelGraph>,
}

/// What is constant at one level of the pyramid.
struct LevelGraph {
    /// From the full picture to this level's: `[h, H]` and `[W, w]`.
    reduce: [Tensor; 2],
    /// Filters of the expansion down the columns (`[h, h]`) and along the rows (`[w, w]`): smooth, slope, curve, twist.
    filters: [[Tensor; 4]; 2],
    /// Sums over a window: `[h, h]` and `[w, w]`.
    window: [Tensor; 2],
    /// From the smaller level's flow to this one's first: `[h, h′]` and `[w′, w]`.
    stretch: Option<[Tensor; 2]>,
    /// How much each pixel counts, and its coordinates: `[h, w]`.
    certainty: Tensor,
    xs: Tensor,
    ys: Tensor,
}

impl FlowGraph {
    /// Prepares for pictures of a size on a device.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(width: usize, height: usize, device: &Device) -> Result<Self> {
        let geometry = Geometry::new(width, height);
        let mut levels = Vec::new();
        for (number, level) in geometry.levels.iter().enumerate() {
            levels.push(LevelGraph::new(level, geometry.levels.get(number + 1), [height, width], device)?);
        }
        Ok(FlowGraph { levels })
    }

    /// Mean length in pixels of the flow from each picture to the next: `[N, 1, H, W]` of grey values 0 to 255 to `[N − 1]`
    /// in doubles.
    ///
    /// # Errors
    /// Those of candle, and another shape.
    pub fn motion(&self, pictures: &Tensor) -> Result<Tensor> {
        let pictures = pictures.squeeze(1)?.to_dtype(DType::F32)?;
        let mut means = Vec::new();
        let mut previous: Option<Vec<Tensor>> = None;
        // One pair after the other: one alone fills a GPU, and all together could fill its memory.
        for n in 0..pictures.dim(0)? {
            let next = self.expand(&pictures.get(n)?)?;
            if let Some(previous) = previous {
                let [dx, dy] = self.flow(&previous, &next)?;
                means.push((dx.sqr()? + dy.sqr()?)?.sqrt()?.to_dtype(DType::F64)?.mean_all()?);
            }
            previous = Some(next);
        }
        if means.is_empty() {
            return Tensor::zeros(0, DType::F64, pictures.device());
        }
        Tensor::stack(&means, 0)
    }

    /// Expansions of a picture `[H, W]`, one for each level: `[5, h, w]`.
    fn expand(&self, picture: &Tensor) -> Result<Vec<Tensor>> {
        let picture = (picture - 128.0)?;
        self.levels.iter().map(|level| level.expand(&picture)).collect()
    }

    fn flow(&self, previous: &[Tensor], next: &[Tensor]) -> Result<[Tensor; 2]> {
        let mut flow: Option<[Tensor; 2]> = None;
        for ((level, previous), next) in self.levels.iter().zip(previous).zip(next).rev() {
            let start = match (&flow, &level.stretch) {
                (Some([dx, dy]), Some([rows, columns])) => {
                    let stretched = |d: &Tensor| rows.matmul(d)?.matmul(columns)? * 2.0;
                    [stretched(dx)?, stretched(dy)?]
                }
                _ => [level.xs.zeros_like()?, level.xs.zeros_like()?],
            };
            let mut better = start;
            for _ in 0..ITERATIONS {
                better = level.improve(previous, next, &better)?;
            }
            flow = Some(better);
        }
        flow.ok_or_else(|| candle_core::Error::Msg("a pyramid has at least one level".into()))
    }
}

impl LevelGraph {
    fn new(level: &Level, smaller: Option<&Level>, full: [usize; 2], device: &Device) -> Result<Self> {
        let (width, height) = (level.width(), level.height());
        let by_rows = |rows: Vec<Vec<(usize, f32)>>, length: usize| matrix(rows, length, device);
        let filters = Filters::new();
        let [even, odd] = [1.0, -1.0];
        let all = [(filters.smooth, even), (filters.slope, odd), (filters.curve, even), (filters.twist, odd)];
        let along = |length: usize| -> Result<[Tensor; 4]> {
            let [a, b, c, d] = all.map(|(filter, sign)| by_rows(banded(&filter, sign, length), length));
            Ok([a?, b?, c?, d?])
        };
        let window = |length: usize| by_rows(banded(&[1.0; WINDOW / 2 + 1], even, length), length);
        let stretched = |samples: &[Sample], length: usize| {
            by_rows(samples.iter().map(|sample| two(sample, length)).collect(), length)
        };
        let counting = |length: usize, shape: [usize; 2]| {
            Tensor::arange(0f32, length as f32, device)?.reshape((shape[0], shape[1]))?.broadcast_as((height, width))
        };
        let column = Tensor::new(level.row_certainty.as_slice(), device)?.reshape((height, 1))?;
        let row = Tensor::new(level.column_certainty.as_slice(), device)?.reshape((1, width))?;
        let rows = along(height)?;
        let columns = along(width)?;
        Ok(LevelGraph {
            reduce: [
                by_rows(tap_rows(&level.rows), full[0])?,
                by_rows(tap_rows(&level.columns), full[1])?.t()?.contiguous()?,
            ],
            filters: [rows, transposed(columns)?],
            window: [window(height)?, window(width)?.t()?.contiguous()?],
            stretch: match smaller {
                None => None,
                Some(smaller) => Some([
                    stretched(&level.row_samples, smaller.height())?,
                    stretched(&level.column_samples, smaller.width())?.t()?.contiguous()?,
                ]),
            },
            certainty: column.broadcast_mul(&row)?,
            xs: counting(width, [1, width])?.contiguous()?,
            ys: counting(height, [height, 1])?.contiguous()?,
        })
    }

    fn expand(&self, picture: &Tensor) -> Result<Tensor> {
        let picture = self.reduce[0].matmul(picture)?.matmul(&self.reduce[1])?;
        let [[smooth_y, slope_y, curve_y, _], [smooth_x, slope_x, curve_x, twist_x]] = &self.filters;
        let smooth = smooth_y.matmul(&picture)?;
        let slope = slope_y.matmul(&picture)?;
        let b_y = slope.matmul(smooth_x)?;
        let b_x = smooth.matmul(slope_x)?;
        let a_yy = curve_y.matmul(&picture)?.matmul(smooth_x)?;
        let a_xx = smooth.matmul(curve_x)?;
        let a_xy = slope.matmul(twist_x)?;
        Tensor::stack(&[b_y, b_x, a_yy, a_xx, a_xy], 0)
    }

    /// One iteration: from flow `[h, w]`, horizontal and vertical, to better flow.
    fn improve(&self, previous: &Tensor, next: &Tensor, [dx, dy]: &[Tensor; 2]) -> Result<[Tensor; 2]> {
        let (sampled, inside) = self.sample(next, dx, dy)?;
        let outside = (1.0 - &inside)?;
        let channel = |tensor: &Tensor, n: usize| tensor.get(n);
        // Where the flow leaves the picture, the first picture's expansion stands for both, without a difference.
        let mean = |n: usize| -> Result<Tensor> {
            let own = channel(previous, n)?;
            (((&own + channel(&sampled, n)?)? * 0.5)? * &inside)? + (own * &outside)?
        };
        let difference =
            |n: usize| -> Result<Tensor> { (channel(previous, n)? - (channel(&sampled, n)? * &inside)?)? * 0.5 };
        let (a_yy, a_xx, a_xy) = (mean(2)?, mean(3)?, (mean(4)? * 0.5)?);
        let b_y = (difference(0)? + ((&a_yy * dy)? + (&a_xy * dx)?)?)?;
        let b_x = (difference(1)? + ((&a_xy * dy)? + (&a_xx * dx)?)?)?;
        let [a_yy, a_xx, a_xy, b_y, b_x] = [a_yy, a_xx, a_xy, b_y, b_x].map(|value| value * &self.certainty);
        let (a_yy, a_xx, a_xy, b_y, b_x) = (a_yy?, a_xx?, a_xy?, b_y?, b_x?);

        let sum = |equations: Tensor| -> Result<Tensor> {
            self.window[0].matmul(&equations)?.matmul(&self.window[1])?.to_dtype(DType::F64)
        };
        let cross = a_xy.sqr()?;
        let g11 = sum((a_yy.sqr()? + &cross)?)?;
        let g12 = sum(((&a_yy + &a_xx)? * &a_xy)?)?;
        let g22 = sum((a_xx.sqr()? + &cross)?)?;
        let h1 = sum(((&a_yy * &b_y)? + (&a_xy * &b_x)?)?)?;
        let h2 = sum(((&a_xy * &b_y)? + (&a_xx * &b_x)?)?)?;
        // In doubles, because the two products of a determinant nearly cancel along edges.
        let determinant = ((&g11 * &g22)? - g12.sqr()?)?.relu()?;
        let determinant = (determinant + f64::from(REGULARIZER))?;
        let dx = (((&g11 * &h2)? - (&g12 * &h1)?)? / &determinant)?;
        let dy = (((&g22 * &h1)? - (&g12 * &h2)?)? / &determinant)?;
        Ok([dx.to_dtype(DType::F32)?, dy.to_dtype(DType::F32)?])
    }

    /// An expansion `[5, h, w]` where the flow points, and 1 where that lies in the picture, 0 elsewhere.
    fn sample(&self, next: &Tensor, dx: &Tensor, dy: &Tensor) -> Result<(Tensor, Tensor)> {
        let (channels, height, width) = next.dims3()?;
        let (x, y) = ((&self.xs + dx)?, (&self.ys + dy)?);
        let (left, upper) = (x.floor()?, y.floor()?);
        let (right_share, lower_share) = ((&x - &left)?, (&y - &upper)?);
        let within = |corner: &Tensor, side: usize| -> Result<Tensor> {
            (corner.ge(0f64)? * corner.le(side as f64 - 2.0)?)?.to_dtype(DType::F32)
        };
        let inside = (within(&left, width)? * within(&upper, height)?)?;
        let flat = next.reshape((channels, height * width))?;
        let corner = |right: usize, down: usize| -> Result<Tensor> {
            let x = (&left + right as f64)?.clamp(0f64, width as f64 - 1.0)?.to_dtype(DType::I64)?;
            let y = (&upper + down as f64)?.clamp(0f64, height as f64 - 1.0)?.to_dtype(DType::I64)?;
            let index = ((y * width as f64)? + x)?.flatten_all()?;
            flat.index_select(&index, 1)?.reshape((channels, height, width))
        };
        let across = |down: usize| -> Result<Tensor> {
            let (left, right) = (corner(0, down)?, corner(1, down)?);
            left.broadcast_mul(&(1.0 - &right_share)?)? + right.broadcast_mul(&right_share)?
        };
        let upper = across(0)?.broadcast_mul(&(1.0 - &lower_share)?)?;
        Ok(((upper + across(1)?.broadcast_mul(&lower_share)?)?, inside))
    }
}

/// A matrix of rows that are mostly zero, given as columns and values; values of one column add up.
fn matrix(rows: Vec<Vec<(usize, f32)>>, length: usize, device: &Device) -> Result<Tensor> {
    let count = rows.len();
    let mut values = vec![0f32; count * length];
    for (row, terms) in rows.into_iter().enumerate() {
        for (column, value) in terms {
            values[row * length + column] += value;
        }
    }
    Tensor::from_vec(values, (count, length), device)
}

/// A filter, given from its middle outwards, along a line whose ends go on for ever.
fn banded(filter: &[f32], sign: f32, length: usize) -> Vec<Vec<(usize, f32)>> {
    let last = length as isize - 1;
    let clamped = |i: isize| i.clamp(0, last) as usize;
    let row = |i: usize| {
        let mut terms = Vec::with_capacity(2 * REACH + 1);
        if sign > 0.0 {
            terms.push((i, filter[0]));
        }
        for (distance, value) in filter.iter().enumerate().skip(1) {
            let (i, distance) = (i as isize, distance as isize);
            terms.push((clamped(i - distance), sign * value));
            terms.push((clamped(i + distance), *value));
        }
        terms
    };
    (0..length).map(row).collect()
}

fn tap_rows(taps: &Taps) -> Vec<Vec<(usize, f32)>> {
    let row = |i: usize| {
        let (start, weights) = taps.at(i);
        weights.iter().enumerate().map(|(k, weight)| (start + k, *weight)).collect()
    };
    (0..taps.starts.len()).map(row).collect()
}

fn two(sample: &Sample, length: usize) -> Vec<(usize, f32)> {
    let next = (sample.index + 1).min(length - 1);
    vec![(sample.index, 1.0 - sample.fraction), (next, sample.fraction)]
}

fn transposed(matrices: [Tensor; 4]) -> Result<[Tensor; 4]> {
    let [a, b, c, d] = matrices.map(|matrix| matrix.t()?.contiguous());
    Ok([a?, b?, c?, d?])
}
