//! What is trained is what `framefan-models` runs.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use framefan_contract::request::Precision;
use framefan_models::yolov8::NEGLIGIBLE;
use framefan_models::{Weights, Yolov8};
use framefan_scene::Random;
use framefan_train::export;
use framefan_train::loss::Anchors;
use framefan_train::network::{Network, Shape};

const SHAPE: Shape = Shape { channels: [16, 32, 32, 64, 128], depth: 1, heads: [32, 16, 51] };

#[test]
fn trained_and_exported_networks_say_the_same() {
    let device = Device::Cpu;
    let network = Network::new(SHAPE, 3, &device).unwrap();
    let mut random = Random::new(5, "picture", 0);
    let values: Vec<f32> = (0..2 * 3 * 128 * 160).map(|_| random.unit()).collect();
    let pictures = Tensor::from_vec(values, (2, 3, 128, 160), &device).unwrap();
    let (output, seen) = network.forward(&pictures).unwrap();
    // Running statistics that are the batch's own, so that both networks normalise alike.
    network.follow(&[seen], 1.0).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let all = network.parameters().all().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect();
    let tensors: HashMap<String, Tensor> = export::folded(&all).unwrap().into_iter().collect();
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let exported = Yolov8::load(&Weights::load(&path, &device).unwrap(), &device, Precision::F32).unwrap();
    let theirs = exported.forward(&pictures).unwrap().transpose(1, 2).unwrap().to_vec3::<f32>().unwrap();

    let anchors = Anchors::new(128, 160);
    let scores = output.scores.to_vec2::<f32>().unwrap();
    let keypoints = output.keypoints.to_vec3::<f32>().unwrap();
    let sides = output.boxes.reshape((2, anchors.strides.len(), 4, 16)).unwrap();
    let sides = candle_nn::ops::softmax(&sides, 3).unwrap();
    let bins = Tensor::arange(0f32, 16f32, &device).unwrap();
    let sides = sides.broadcast_mul(&bins).unwrap().sum(3).unwrap().to_vec3::<f32>().unwrap();
    let mut compared = 0;
    for picture in 0..2 {
        for anchor in 0..anchors.strides.len() {
            let theirs = &theirs[picture][anchor];
            if theirs[4] == 0.0 {
                assert!(scores[picture][anchor] < (NEGLIGIBLE * 1.01).ln(), "anchor {anchor} is left out");
                continue;
            }
            compared += 1;
            let near =
                |ours: f32, theirs: f32| assert!((ours - theirs).abs() < 1e-2, "anchor {anchor}: {ours} {theirs}");
            let distances = std::array::from_fn(|side| sides[picture][anchor][side]);
            let [left, top, right, bottom] = anchors.bbox(anchor, distances);
            near((left + right) / 2.0, theirs[0]);
            near((top + bottom) / 2.0, theirs[1]);
            near(right - left, theirs[2]);
            near(bottom - top, theirs[3]);
            near(1.0 / (1.0 + (-scores[picture][anchor]).exp()), theirs[4]);
            let ([x, y], stride) = (anchors.centres[anchor], anchors.strides[anchor]);
            for keypoint in 0..17 {
                let raw = &keypoints[picture][anchor][3 * keypoint..][..3];
                near((raw[0] * 2.0 - 0.5) * stride + x, theirs[5 + 3 * keypoint]);
                near((raw[1] * 2.0 - 0.5) * stride + y, theirs[6 + 3 * keypoint]);
                near(1.0 / (1.0 + (-raw[2]).exp()), theirs[7 + 3 * keypoint]);
            }
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn a_network_begins_with_given_weights() {
    let device = Device::Cpu;
    let given = Network::new(SHAPE, 3, &device).unwrap();
    let mut random = Random::new(6, "picture", 0);
    let values: Vec<f32> = (0..2 * 3 * 96 * 96).map(|_| random.unit()).collect();
    let pictures = Tensor::from_vec(values, (2, 3, 96, 96), &device).unwrap();
    let (expected, seen) = given.forward(&pictures).unwrap();
    given.follow(&[seen], 1.0).unwrap();
    let all = given.parameters().all().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect();

    let network = Network::new(SHAPE, 4, &device).unwrap();
    network.begin_with(&export::folded(&all).unwrap(), &pictures).unwrap();
    let (found, _) = network.forward(&pictures).unwrap();
    let pairs = [(found.boxes, expected.boxes), (found.scores, expected.scores), (found.keypoints, expected.keypoints)];
    for (found, expected) in pairs {
        let largest = expected.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let apart = (found - expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(apart < 1e-3 * largest, "{apart} of {largest}");
    }

    let other = Network::new(Shape { channels: [16, 32, 32, 64, 64], ..SHAPE }, 4, &device).unwrap();
    assert!(other.begin_with(&export::folded(&all).unwrap(), &pictures).is_err(), "another network's weights");
}
