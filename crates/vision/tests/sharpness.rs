//! Sharpness is OpenCV's.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

mod support;

use framefan_vision::sharpness;
use support::{OpenCv, Pictures, Random, texture};

fn assert_agrees(pictures: &Pictures, opencv: &OpenCv) {
    for (picture, expected) in pictures.greys().into_iter().zip(&opencv.sharpness) {
        let ours = sharpness(picture);
        assert!((ours - expected).abs() <= 1e-12 * expected.max(1.0), "{ours} {expected}");
    }
}

#[test]
fn sharpness_agrees_with_opencv_on_any_size() {
    let test = "sharpness_agrees_with_opencv_on_any_size";
    if framefan_testkit::python_or_skip(test).is_none() {
        return;
    }
    let sizes = [(1, 1), (2, 1), (1, 2), (2, 2), (3, 5), (17, 33), (1, 100), (100, 1), (640, 3), (2051, 4), (333, 211)];
    for (width, height) in sizes {
        let mut random = Random(width as u64 * 1000 + height as u64);
        let pictures = Pictures::made(width, height, 4, |n, x, y| match n {
            0 => 77,
            1 => random.byte(),
            2 => [0, 255][(x + y) % 2],
            _ => texture(x as f64, y as f64),
        });
        let Some(python) = framefan_testkit::python_or_skip(test) else { return };
        assert_agrees(&pictures, &OpenCv::measure(python, &pictures, false));
    }
}

#[test]
fn a_step_has_the_sharpness_worked_out_by_hand() {
    // Columns 0 0 8 8: Laplacians 0, 8, −8, 0 in each row; mean 0, variance (64 + 64) / 4.
    let pictures = Pictures::made(4, 3, 1, |_, x, _| if x < 2 { 0 } else { 8 });
    assert_eq!(sharpness(pictures.greys()[0]), 32.0);
}
