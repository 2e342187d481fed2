//! Sharpness: the variance of a picture's Laplacian.
//!
//! The measure of Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative study", ICPR 2000, as
//! `cv2.Laplacian(grey, cv2.CV_64F).var()` computes it: four neighbours less four times the pixel, mirrored at the edges.
//! Sums are of whole numbers, so the result is the same on every machine.

use framefan_models::kernels::Isa;

use crate::grey::{Grey, reflect};

/// Variance of the Laplacian, 0 for a plain picture; sharp photographs have hundreds to thousands.
pub fn sharpness(picture: Grey<'_>) -> f64 {
    sharpness_with(picture, Isa::detect())
}

pub(crate) fn sharpness_with(picture: Grey<'_>, isa: Isa) -> f64 {
    let (width, height) = (picture.width(), picture.height());
    let mut total = Sums::default();
    for y in 0..height {
        let row = |offset: isize| picture.row(reflect(y as isize + offset, height));
        total.add(row_sums(isa, [row(-1), row(0), row(1)]));
    }
    // The variance as one fraction of whole numbers: (n Σ l² − (Σ l)²) / n².
    let n = (width * height) as i128;
    let spread = n * i128::from(total.squares) - i128::from(total.values) * i128::from(total.values);
    spread as f64 / (n * n) as f64
}

/// Sums of Laplacians and of their squares. A Laplacian is at most 1020, so the squares of 8 · 10¹² pixels fit.
#[derive(Clone, Copy, Default)]
struct Sums {
    values: i64,
    squares: i64,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.values += other.values;
        self.squares += other.squares;
    }
}

fn row_sums(isa: Isa, rows: [&[u8]; 3]) -> Sums {
    let width = rows[1].len();
    let mut sums = Sums::default();
    for &x in &[0, width - 1][..width.min(2)] {
        let beside = |offset: isize| i64::from(rows[1][reflect(x as isize + offset, width)]);
        let own = i64::from(rows[1][x]);
        let value = i64::from(rows[0][x]) + i64::from(rows[2][x]) + beside(-1) + beside(1) - 4 * own;
        sums.add(Sums { values: value, squares: value * value });
    }
    // Pieces so short that sums of 32 bits hold their squares.
    let mut start = 1;
    while start + 1 < width {
        let end = (start + PIECE).min(width - 1);
        let piece = Piece {
            above: &rows[0][start..end],
            left: &rows[1][start - 1..end - 1],
            own: &rows[1][start..end],
            right: &rows[1][start + 1..end + 1],
            below: &rows[2][start..end],
        };
        sums.add(match isa {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a processor with either set has AVX2.
            Isa::Avx512 | Isa::Avx2 => unsafe { piece.sums_avx2() },
            _ => piece.sums(),
        });
        start = end;
    }
    sums
}

/// Pixels whose squared Laplacians fit into 31 bits together: 2048 · 1020² < 2³¹.
const PIECE: usize = 2048;

/// The pixels of a part of a row, and their neighbours.
struct Piece<'a> {
    above: &'a [u8],
    left: &'a [u8],
    own: &'a [u8],
    right: &'a [u8],
    below: &'a [u8],
}

impl Piece<'_> {
    #[inline(always)]
    fn sums(&self) -> Sums {
        let (mut values, mut squares) = (0i32, 0i32);
        let around = self.above.iter().zip(self.left).zip(self.right).zip(self.below);
        for (own, (((above, left), right), below)) in self.own.iter().zip(around) {
            let around = i16::from(*above) + i16::from(*left) + i16::from(*right) + i16::from(*below);
            let value = around - 4 * i16::from(*own);
            values += i32::from(value);
            squares += i32::from(value) * i32::from(value);
        }
        Sums { values: i64::from(values), squares: i64::from(squares) }
    }

    /// # Safety
    /// The processor has AVX2.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn sums_avx2(&self) -> Sums {
        self.sums()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_fit() {
        // A chessboard has the largest Laplacians there are, over pieces and beyond them.
        let (width, height) = (3 * PIECE + 6, 3);
        let board: Vec<u8> =
            (0..width * height).map(|i| if (i % width + i / width) % 2 == 0 { 255 } else { 0 }).collect();
        let picture = Grey::new(&board, width, height).unwrap();
        for isa in Isa::available() {
            // Half of them 1020, half −1020.
            assert_eq!(sharpness_with(picture, isa), 1020.0 * 1020.0);
        }
    }
}
