//! The networks agree with ONNX Runtime on the same tensor, made from a real photograph.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

mod support;

use candle_core::{Device, Tensor};
use framefan_contract::request::Precision;
use framefan_models::{Task, Weights, Yolov8};
use support::{OnnxRun, run_onnx};

/// Anchors over this score are compared in pixels.
const CONFIDENT: f32 = 0.25;

fn assert_agrees(test: &str, weights: &str, onnx: &str, photo: &str) {
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let Some(python) = framefan_testkit::python_or_skip(test) else { return };
    let OnnxRun { input, shape, output, channels, anchors } =
        run_onnx(python, &data.join("weights").join(onnx), &data.join("labelled").join(photo));
    let weights = Weights::load(&data.join("weights").join(weights), &Device::Cpu).unwrap();
    let network = Yolov8::load(&weights, &Device::Cpu, Precision::F32).unwrap();
    let ours = network.forward(&Tensor::from_vec(input, &shape[..], &Device::Cpu).unwrap()).unwrap();
    assert_eq!(ours.dims(), [1, channels, anchors]);
    assert_eq!(channels, network.config().output_channels());
    let ours = ours.flatten_all().unwrap().to_vec1::<f32>().unwrap();

    let classes = network.config().classes();
    let (mut score_error, mut pixel_error, mut confident) = (0f32, 0f32, 0);
    for anchor in 0..anchors {
        let error = |row: usize| (ours[row * anchors + anchor] - output[row * anchors + anchor]).abs();
        let mut best = 0f32;
        for row in 4..4 + classes {
            score_error = score_error.max(error(row));
            best = best.max(output[row * anchors + anchor]);
        }
        let is_visibility = |row: usize| row >= 4 + classes && (row - 4 - classes) % 3 == 2;
        if best > CONFIDENT {
            confident += 1;
            for row in (0..4).chain(4 + classes..channels) {
                if is_visibility(row) {
                    score_error = score_error.max(error(row));
                } else {
                    pixel_error = pixel_error.max(error(row));
                }
            }
        }
    }
    println!("{onnx}: {confident} confident anchors, scores within {score_error:e}, pixels within {pixel_error:e}");
    assert!(confident > 3, "{confident} confident anchors are no test");
    assert!(score_error < 1e-3, "scores differ by {score_error}");
    assert!(pixel_error < 0.05, "boxes or keypoints differ by {pixel_error} pixels");
}

#[test]
fn pose_square() {
    assert_agrees(
        "pose_square",
        "yolov8n-pose.safetensors",
        "yolov8n-pose-640.onnx",
        "coco8-pose/images/val/000000000113.jpg",
    );
}

#[test]
fn pose_wide() {
    assert_agrees(
        "pose_wide",
        "yolov8n-pose.safetensors",
        "yolov8n-pose-384x640.onnx",
        "coco8-pose/images/val/000000000113.jpg",
    );
}

#[test]
fn detect_wide() {
    assert_agrees("detect_wide", "yolov8n.safetensors", "yolov8n-384x640.onnx", "coco8/images/val/000000000042.jpg");
}

#[test]
fn an_input_of_another_shape_is_refused() {
    let Some(data) = framefan_testkit::data_or_skip("an_input_of_another_shape_is_refused") else { return };
    let weights = Weights::load(&data.join("weights/yolov8n-pose.safetensors"), &Device::Cpu).unwrap();
    let network = Yolov8::load(&weights, &Device::Cpu, Precision::F32).unwrap();
    assert_eq!(network.config().task, Task::Pose { keypoints: 17 });
    for shape in [vec![1, 3, 640, 600], vec![1, 1, 64, 64], vec![3, 64, 64], vec![0, 3, 64, 64]] {
        let input = Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        let error = network.forward(&input).unwrap_err();
        assert!(error.message().contains("multiples of 32"), "{error}");
    }
}
