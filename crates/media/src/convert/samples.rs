//! Reads rows of samples as `f32`, and blends several rows into one.

use crate::picture::{Component, Picture};

/// Writes to `out` the weighted sum of rows of component `index`: for `k` in order, row `first + k` times `weights[k]`.
/// Rows past the last are left out (their weight is 0), a single row is taken as it is. Values are as coded (0 to
/// `2^depth - 1`).
///
/// The picture must have passed [`Picture::check`].
pub(super) fn blend_rows(picture: &Picture, index: usize, first: usize, weights: &[f32], out: &mut [f32]) {
    let component = &picture.layout.components[index];
    match (component.word_bytes(), component.step) {
        (1, 1) => blend::<1>(picture, index, first, weights, out, bytes(component)),
        (1, 2) => blend::<2>(picture, index, first, weights, out, bytes(component)),
        (1, 3) => blend::<3>(picture, index, first, weights, out, bytes(component)),
        (1, 4) => blend::<4>(picture, index, first, weights, out, bytes(component)),
        (2, 2) => blend::<2>(picture, index, first, weights, out, words(component, picture.layout.big_endian)),
        (2, 4) => blend::<4>(picture, index, first, weights, out, words(component, picture.layout.big_endian)),
        (2, 6) => blend::<6>(picture, index, first, weights, out, words(component, picture.layout.big_endian)),
        (2, 8) => blend::<8>(picture, index, first, weights, out, words(component, picture.layout.big_endian)),
        _ => blend_any(picture, index, first, weights, out),
    }
}

/// Samples in one byte.
fn bytes<const STEP: usize>(component: &Component) -> impl Fn(&[u8; STEP]) -> f32 + Copy {
    let (offset, shift, mask) = (component.offset, u32::from(component.shift), mask(component));
    move |cell| f32::from((cell[offset].wrapping_shr(shift)) & mask as u8)
}

/// Samples in two bytes.
fn words<const STEP: usize>(component: &Component, big_endian: bool) -> impl Fn(&[u8; STEP]) -> f32 + Copy {
    let (offset, shift, mask) = (component.offset, u32::from(component.shift), mask(component));
    let swap = if big_endian { 8 } else { 0 };
    move |cell| {
        let word = u16::from_le_bytes([cell[offset], cell[offset + 1]]).rotate_left(swap);
        f32::from(word.wrapping_shr(shift) & mask)
    }
}

fn mask(component: &Component) -> u16 {
    u16::MAX.wrapping_shr(16 - u32::from(component.depth))
}

fn blend<const STEP: usize>(
    picture: &Picture,
    index: usize,
    first: usize,
    weights: &[f32],
    out: &mut [f32],
    read: impl Fn(&[u8; STEP]) -> f32 + Copy,
) {
    let row = |k: usize| row(picture, index, first + k).map(|bytes| bytes.as_chunks::<STEP>().0);
    match (weights, row(0), row(1)) {
        ([_], Some(cells), _) => {
            for (value, cell) in out.iter_mut().zip(cells) {
                *value = read(cell);
            }
        }
        ([a, b], Some(upper), Some(lower)) => {
            for ((value, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
                *value = read(upper) * a + read(lower) * b;
            }
        }
        _ => {
            out.fill(0.0);
            for (k, weight) in weights.iter().enumerate() {
                for (value, cell) in out.iter_mut().zip(row(k).unwrap_or_default()) {
                    *value += read(cell) * weight;
                }
            }
        }
    }
}

/// [`blend`] for layouts that are too rare for a loop of their own.
fn blend_any(picture: &Picture, index: usize, first: usize, weights: &[f32], out: &mut [f32]) {
    let component = &picture.layout.components[index];
    let (size, mask) = (component.word_bytes(), u32::from(mask(component)));
    let weights = if weights.len() == 1 { &[1.0] } else { weights };
    out.fill(0.0);
    for (k, weight) in weights.iter().enumerate() {
        let cells = row(picture, index, first + k).unwrap_or_default().chunks_exact(component.step);
        for (value, cell) in out.iter_mut().zip(cells) {
            let mut word = 0u32;
            for position in 0..size {
                let byte = if picture.layout.big_endian { position } else { size - 1 - position };
                word = word << 8 | u32::from(cell[component.offset + byte]);
            }
            *value += (word.wrapping_shr(u32::from(component.shift)) & mask) as f32 * weight;
        }
    }
}

/// The cells of a row, or `None` past the last row.
fn row<'a>(picture: &Picture<'a>, index: usize, row: usize) -> Option<&'a [u8]> {
    let component = &picture.layout.components[index];
    let (columns, rows) = picture.layout.size_of(index, picture.width, picture.height);
    let plane = &picture.planes[component.plane];
    (row < rows).then(|| &plane.data[row * plane.stride..][..columns * component.step])
}
