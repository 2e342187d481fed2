//! The kernels agree with the definition in candle's operations, and both with OpenCV.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

mod support;

use candle_core::{DType, Device, Tensor};
use framefan_vision::FrameMeasures;
use support::{OpenCv, Pictures, Random, texture};

fn tensor(pictures: &Pictures) -> Tensor {
    let count = pictures.pixels.len() / (pictures.width * pictures.height);
    Tensor::from_slice(&pictures.pixels, (count, 1, pictures.height, pictures.width), &Device::Cpu).unwrap()
}

fn assert_near(ours: &[[f64; 2]], expected: impl Iterator<Item = [f64; 2]>, what: &str) {
    for (n, (ours, expected)) in ours.iter().zip(expected).enumerate() {
        assert!((ours[0] - expected[0]).abs() <= 1e-9 * expected[0].max(1.0), "{what}, {n}: {ours:?} {expected:?}");
        assert!((ours[1] - expected[1]).abs() <= 1e-3 + 1e-3 * expected[1], "{what}, {n}: {ours:?} {expected:?}");
    }
}

fn rows(measured: &Tensor) -> Vec<[f64; 2]> {
    measured.to_vec2::<f64>().unwrap().into_iter().map(|row| [row[0], row[1]]).collect()
}

fn assert_all_agree(test: &str, pictures: &Pictures, what: &str) {
    let frames = tensor(pictures);
    let (width, height) = (pictures.width, pictures.height);
    let kernels = FrameMeasures::new(width, height, &Device::Cpu).unwrap();
    let ours = rows(&kernels.measure(&frames).unwrap());
    assert_eq!(ours, rows(&kernels.measure(&frames.to_dtype(DType::F32).unwrap()).unwrap()));
    let reference = FrameMeasures::reference(width, height, &Device::Cpu).unwrap();
    let defined = rows(&reference.measure(&frames).unwrap());
    assert_eq!(ours.len(), frames.dim(0).unwrap() - 1);
    assert_near(&ours, defined.iter().copied(), what);
    let Some(python) = framefan_testkit::python_or_skip(test) else { return };
    let opencv = OpenCv::measure(python, pictures, false);
    let expected: Vec<[f64; 2]> =
        std::iter::zip(&opencv.sharpness[1..], &opencv.motion).map(|(s, m)| [*s, *m]).collect();
    assert_near(&ours, expected.iter().copied(), what);
    assert_near(&defined, expected.iter().copied(), what);
}

#[test]
fn kernels_definition_and_opencv_agree() {
    for (width, height) in [(1, 1), (3, 5), (17, 33), (66, 150), (140, 65)] {
        let mut random = Random(width as u64);
        let pictures = Pictures::made(width, height, 6, |n, x, y| match n {
            0 | 1 => texture(x as f64 + 1.5 * n as f64, y as f64),
            2 => 90,
            3 => random.byte(),
            _ => texture(x as f64, y as f64 * 1.1 + 4.0 * n as f64),
        });
        assert_all_agree("kernels_definition_and_opencv_agree", &pictures, &format!("{width}×{height}"));
    }
}

#[test]
fn kernels_definition_and_opencv_agree_on_real_frames() {
    let test = "kernels_definition_and_opencv_agree_on_real_frames";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let pictures = Pictures::of_video(&data.join("video/carphone_pristine.mp4"), 10, 8);
    assert_all_agree(test, &pictures, "carphone_pristine");
}

#[test]
fn other_inputs_are_refused() {
    let measures = FrameMeasures::new(4, 3, &Device::Cpu).unwrap();
    let zeros = |shape: &[usize], dtype| Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
    for (shape, dtype) in [(&[2, 1, 4, 3][..], DType::U8), (&[2, 3, 4], DType::U8), (&[2, 1, 3, 4], DType::F64)] {
        assert!(measures.measure(&zeros(shape, dtype)).is_err(), "{shape:?}");
    }
    let half = (zeros(&[2, 1, 3, 4], DType::F32) + 0.5).unwrap();
    let error = measures.measure(&half).unwrap_err();
    assert!(error.message().contains("0.5 is no grey value"), "{}", error.message());
    assert_eq!(measures.measure(&zeros(&[1, 1, 3, 4], DType::U8)).unwrap().dims(), [0, 2]);
}
