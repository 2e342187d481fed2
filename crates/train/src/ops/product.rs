//! Products of matrices outside of the network, which need no gradient.

use candle_core::{Error, Result, Tensor};

use super::slices::{Matrix, multiply, with_values};

/// `a · b` for `[M, K]` and `[K, N]`, either of them transposed or not, in the same bits on any number of threads.
pub fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !a.device().is_cpu() {
        return a.matmul(b);
    }
    // candle's own asks the system for the number of processors each time, which for small matrices takes longer than they do.
    let ((rows, inner), (b_rows, columns)) = (a.dims2()?, b.dims2()?);
    if inner != b_rows {
        return Err(Error::Msg(format!("a product of matrices of {:?} and {:?}", a.shape(), b.shape())));
    }
    let mut values = vec![0f32; rows * columns];
    with_matrix(a, |a| {
        with_matrix(b, |b| {
            multiply(a, b, &mut values, columns, false);
            Ok(())
        })
    })?;
    Tensor::from_vec(values, (rows, columns), a.device())
}

fn with_matrix<T>(matrix: &Tensor, work: impl FnOnce(Matrix) -> Result<T>) -> Result<T> {
    let (rows, columns) = matrix.dims2()?;
    if matrix.is_contiguous() {
        return with_values(matrix, |values| work(Matrix::new(values, rows, columns, columns)));
    }
    with_values(&matrix.t()?.contiguous()?, |values| work(Matrix::new(values, columns, rows, rows).transposed()))
}
