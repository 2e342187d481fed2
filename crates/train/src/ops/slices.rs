//! The numbers of CPU tensors, and what is done with them in bulk.

use candle_core::{CpuStorage, Error, Layout, Result, Storage, Tensor};

/// The values of a contiguous `f32` tensor in CPU storage.
pub fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) =
        layout.contiguous_offsets().ok_or_else(|| Error::Msg("this operation wants contiguous tensors".into()))?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// Calls `work` with the values of a contiguous `f32` tensor on the CPU.
pub fn with_values<T>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => work(values(storage, layout)?),
        _ => Err(Error::Msg("this operation runs on the CPU".into())),
    }
}

/// Independent sums that a long sum is made of, so that it runs in vectors. The order is fixed.
const LANES: usize = 16;

/// Sums of `terms` over the positions of two slices of one length.
pub fn sums_over<const N: usize>(a: &[f32], b: &[f32], terms: impl Fn(f32, f32) -> [f32; N]) -> [f64; N] {
    let mut totals = [0.0; N];
    for (a, b) in a.chunks(4096).zip(b.chunks(4096)) {
        let mut lanes = [[0f32; LANES]; N];
        let (a_lanes, a_rest) = a.as_chunks::<LANES>();
        let (b_lanes, b_rest) = b.as_chunks::<LANES>();
        for (a, b) in a_lanes.iter().zip(b_lanes) {
            for lane in 0..LANES {
                let terms = terms(a[lane], b[lane]);
                for sum in 0..N {
                    lanes[sum][lane] += terms[sum];
                }
            }
        }
        for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
            let terms = terms(*a, *b);
            for sum in 0..N {
                lanes[sum][lane] += terms[sum];
            }
        }
        for (total, lanes) in totals.iter_mut().zip(lanes) {
            *total += lanes.into_iter().map(f64::from).sum::<f64>();
        }
    }
    totals
}

/// A row-major matrix, or its transpose, in a slice.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` rows that begin `row_stride` values after one another.
    pub fn new(values: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        Matrix { values, rows, columns, row_stride, column_stride: 1 }
    }

    pub fn transposed(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    fn last(&self) -> usize {
        (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride
    }
}

/// `product = a · b`, or `product += a · b`, where `product` has rows that begin `row_stride` values after one another.
///
/// # Panics
/// When the shapes do not fit each other or the slices.
pub fn multiply(a: Matrix, b: Matrix, product: &mut [f32], row_stride: usize, add: bool) {
    assert_eq!(a.columns, b.rows, "inner sizes of a product");
    let (rows, columns) = (a.rows, b.columns);
    if rows == 0 || columns == 0 || a.columns == 0 {
        return;
    }
    assert!(a.last() < a.values.len() && b.last() < b.values.len(), "matrices within their slices");
    assert!(columns <= row_stride || rows == 1, "rows of a product that overlap");
    assert!((rows - 1) * row_stride + columns <= product.len(), "a product within its slice");
    // SAFETY: `gemm` reads `a` and `b` at the positions checked by `last`, and reads and writes `product` at
    // `row * row_stride + column` for all rows and columns, which the assertions above hold within the slices. The slices are
    // valid, and the exclusive one is not among the shared ones.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            a.columns,
            product.as_mut_ptr(),
            1,
            row_stride as isize,
            add,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
