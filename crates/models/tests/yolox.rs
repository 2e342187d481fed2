//! YOLOX agrees with ONNX Runtime on a real photograph, and its other sizes with candle's operations.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

mod support;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use framefan_contract::ErrorKind;
use framefan_contract::request::Precision;
use framefan_models::nms::intersection_over_union;
use framefan_models::yolox::{Size, from_rgb};
use framefan_models::{Kernels, Weights, Yolox, decode_boxes};
use support::{converted, read_floats, run_python};

/// The authors' preprocessing (`preproc` in yolox/data/data_augment.py) and decoding (`demo_postprocess` in
/// yolox/utils/demo_utils.py), written down anew in numpy.
const RUN_ONNX: &str = r#"
import sys, numpy as np, cv2, onnxruntime as ort
model, photo, folder = sys.argv[1:]
s = ort.InferenceSession(model, providers=['CPUExecutionProvider'])
f = cv2.imread(photo)
r = min(416 / f.shape[0], 416 / f.shape[1])
small = cv2.resize(f, (int(f.shape[1] * r), int(f.shape[0] * r)), interpolation=cv2.INTER_LINEAR)
img = np.full((416, 416, 3), 114, np.uint8)
img[:small.shape[0], :small.shape[1]] = small
t = np.ascontiguousarray(img.transpose(2, 0, 1)[None], np.float32)
o = s.run(None, {s.get_inputs()[0].name: t})[0][0]
grids, strides = [], []
for stride in (8, 16, 32):
    n = 416 // stride
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    grids.append(np.stack((x, y), 2).reshape(-1, 2))
    strides.append(np.full((n * n, 1), stride))
grids, strides = np.concatenate(grids), np.concatenate(strides)
o[:, :2] = (o[:, :2] + grids) * strides
o[:, 2:4] = np.exp(o[:, 2:4]) * strides
decoded = np.concatenate([o[:, :4], o[:, 4:5] * o[:, 5:]], 1).T
t.tofile(folder + '/input')
np.ascontiguousarray(decoded, np.float32).tofile(folder + '/output')
print(*decoded.shape)
"#;

/// Anchors over this score are compared in pixels.
const CONFIDENT: f32 = 0.25;

#[test]
fn nano_agrees_with_onnx_runtime() {
    let test = "nano_agrees_with_onnx_runtime";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let Some(python) = framefan_testkit::python_or_skip(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let model = data.join("weights/yolox_nano-416.onnx");
    let photo = data.join("labelled/coco8/images/train/000000000025.jpg");
    assert_eq!(run_python(python, RUN_ONNX, &[&model, &photo, folder.path()]).trim(), "84 3549");
    let input = Tensor::from_vec(read_floats(&folder.path().join("input")), (1, 3, 416, 416), &Device::Cpu).unwrap();
    let reference = read_floats(&folder.path().join("output"));

    let weights = Weights::load(&converted("yolox-nano", &model, folder.path()), &Device::Cpu).unwrap();
    let network = Yolox::load(&weights, &Device::Cpu, Precision::F32).unwrap();
    assert_eq!((network.config().size, network.config().classes), (Size::Nano, 80));
    let output = network.forward(&input).unwrap();
    assert_eq!(output.dims(), [1, 84, 3549]);
    let ours = output.flatten_all().unwrap().to_vec1::<f32>().unwrap();

    assert_agrees("the kernels", &ours, &reference);
    // Detections, not only numbers: the photograph's label of the large giraffe (class 23), in pixels of the input. The label
    // is centre, width and height in parts of the picture, which covers 416 × 277 pixels.
    let found = decode_boxes(&ours, 84, 3549, CONFIDENT, 0.45);
    let [giraffe] = &found[..] else { panic!("{found:?}") };
    let [x, y, width, height] = [0.770336 * 416.0, 0.489695 * 276.9, 0.335891 * 416.0, 0.697559 * 276.9];
    let overlap = intersection_over_union(giraffe.bbox, [x - width / 2.0, y - height / 2.0, width, height]);
    assert!(giraffe.class == 23 && overlap > 0.8, "{giraffe:?} overlaps by {overlap}");

    let candle = Yolox::load_with(&weights, &Device::Cpu, Precision::F32, Kernels::Candle).unwrap();
    assert_agrees(
        "candle's operations",
        &candle.forward(&input).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap(),
        &reference,
    );
    // A picture's numbers do not depend on its place in a batch.
    let other = (Tensor::rand(0f32, 255f32, (1, 3, 416, 416), &Device::Cpu)).unwrap();
    let batch = network.forward(&Tensor::cat(&[&other, &input], 0).unwrap()).unwrap();
    let second = batch.narrow(0, 1, 1).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(second, ours);
}

/// Compares an output `[84, 3549]` with ONNX Runtime's: scores, the boxes of confident anchors in pixels, and all boxes relative
/// to their size, because their sizes are exponentials, which make rounding errors grow with them.
fn assert_agrees(name: &str, ours: &[f32], reference: &[f32]) {
    assert_eq!(ours.len(), reference.len());
    let (mut score_error, mut pixel_error, mut relative_error, mut confident) = (0f32, 0f32, 0f32, 0);
    for anchor in 0..3549 {
        let at = |values: &[f32], row: usize| values[row * 3549 + anchor];
        let error = |row: usize| (at(ours, row) - at(reference, row)).abs();
        score_error = (4..84).map(error).fold(score_error, f32::max);
        let place_error = (0..4).map(error).fold(0f32, f32::max);
        let size = at(reference, 2).max(at(reference, 3)).max(8.0);
        relative_error = relative_error.max(place_error / size);
        if (4..84).any(|row| at(reference, row) > CONFIDENT) {
            confident += 1;
            pixel_error = pixel_error.max(place_error);
        }
    }
    println!(
        "{name}: {confident} confident anchors, scores within {score_error:e}, pixels within {pixel_error:e}, all boxes within {relative_error:e} of their size"
    );
    assert!(confident > 3, "{confident} confident anchors are no test");
    assert!(score_error < 1e-4, "{name}: scores differ by {score_error}");
    assert!(pixel_error < 0.01, "{name}: boxes differ by {pixel_error} pixels");
    assert!(relative_error < 5e-4, "{name}: boxes differ by {relative_error} of their size");
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap()
}

/// Tensors of a network, written down independently of the code under test: random, with batch normalisation.
struct Maker(HashMap<String, Tensor>);

impl Maker {
    fn put(&mut self, name: String, shape: &[usize], scale: f32) {
        self.0.insert(name, Tensor::randn(0f32, scale, shape, &Device::Cpu).unwrap());
    }

    fn base(&mut self, name: &str, inputs: usize, outputs: usize, kernel: usize) {
        let gain = 1.5 / ((inputs * kernel * kernel) as f32).sqrt();
        self.put(format!("{name}.conv.weight"), &[outputs, inputs, kernel, kernel], gain);
        for part in ["weight", "running_var"] {
            let near_one = Tensor::rand(0.7f32, 1.3, outputs, &Device::Cpu).unwrap();
            self.0.insert(format!("{name}.bn.{part}"), near_one);
        }
        self.put(format!("{name}.bn.bias"), &[outputs], 0.1);
        self.put(format!("{name}.bn.running_mean"), &[outputs], 0.1);
    }

    fn csp(&mut self, name: &str, inputs: usize, outputs: usize, depth: usize) {
        let hidden = outputs / 2;
        self.base(&format!("{name}.conv1"), inputs, hidden, 1);
        self.base(&format!("{name}.conv2"), inputs, hidden, 1);
        self.base(&format!("{name}.conv3"), 2 * hidden, outputs, 1);
        for link in 0..depth {
            self.base(&format!("{name}.m.{link}.conv1"), hidden, hidden, 1);
            self.base(&format!("{name}.m.{link}.conv2"), hidden, hidden, 3);
        }
    }
}

/// A network without depthwise convolutions; `base` is 64 × width.
fn made(base: usize, classes: usize) -> HashMap<String, Tensor> {
    let mut m = Maker(HashMap::new());
    let body = "backbone.backbone";
    m.base(&format!("{body}.stem.conv"), 12, base, 3);
    for (stage, times, depth) in [("dark2", 2, 1), ("dark3", 4, 3), ("dark4", 8, 3), ("dark5", 16, 0)] {
        m.base(&format!("{body}.{stage}.0"), base * times / 2, base * times, 3);
        if depth > 0 {
            m.csp(&format!("{body}.{stage}.1"), base * times, base * times, depth);
        }
    }
    m.base(&format!("{body}.dark5.1.conv1"), base * 16, base * 8, 1);
    m.base(&format!("{body}.dark5.1.conv2"), base * 32, base * 16, 1);
    m.csp(&format!("{body}.dark5.2"), base * 16, base * 16, 1);
    m.base("backbone.lateral_conv0", base * 16, base * 8, 1);
    m.csp("backbone.C3_p4", base * 16, base * 8, 1);
    m.base("backbone.reduce_conv1", base * 8, base * 4, 1);
    m.csp("backbone.C3_p3", base * 8, base * 4, 1);
    m.base("backbone.bu_conv2", base * 4, base * 4, 3);
    m.csp("backbone.C3_n3", base * 8, base * 8, 1);
    m.base("backbone.bu_conv1", base * 8, base * 8, 3);
    m.csp("backbone.C3_n4", base * 16, base * 16, 1);
    for (level, inputs) in [base * 4, base * 8, base * 16].into_iter().enumerate() {
        let hidden = base * 4;
        m.base(&format!("head.stems.{level}"), inputs, hidden, 1);
        for (branch, number) in [("cls", 0), ("cls", 1), ("reg", 0), ("reg", 1)] {
            m.base(&format!("head.{branch}_convs.{level}.{number}"), hidden, hidden, 3);
        }
        for (part, outputs) in [("cls", classes), ("reg", 4), ("obj", 1)] {
            m.put(format!("head.{part}_preds.{level}.weight"), &[outputs, hidden, 1, 1], 0.05);
            m.put(format!("head.{part}_preds.{level}.bias"), &[outputs], 0.1);
        }
    }
    m.0
}

fn load(tensors: &HashMap<String, Tensor>) -> (tempfile::TempDir, Weights) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.safetensors");
    candle_core::safetensors::save(tensors, &path).unwrap();
    let weights = Weights::load(&path, &Device::Cpu).unwrap();
    (folder, weights)
}

#[test]
fn tiny_and_s_load_and_the_kernels_agree_with_candle() {
    for (base, size, classes) in [(24, Size::Tiny, 3), (32, Size::S, 80)] {
        let (_folder, weights) = load(&made(base, classes));
        let fused = Yolox::load(&weights, &Device::Cpu, Precision::F32).unwrap();
        assert_eq!((fused.config().size, fused.config().classes), (size, classes));
        let candle = Yolox::load_with(&weights, &Device::Cpu, Precision::F32, Kernels::Candle).unwrap();
        let input = Tensor::rand(0f32, 1f32, (1, 3, 96, 160), &Device::Cpu).unwrap();
        let (ours, reference) = (fused.forward(&input).unwrap(), candle.forward(&input).unwrap());
        assert_eq!(ours.dims(), [1, 4 + classes, 12 * 20 + 6 * 10 + 3 * 5]);
        let largest = reference.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let worst = largest_difference(&ours, &reference);
        assert!(worst < 1e-4 * largest, "{size:?}: {worst} of {largest}");
    }
}

#[test]
fn other_weights_and_shapes_are_refused_by_name() {
    let mut tensors = made(24, 3);
    tensors.insert(
        "backbone.C3_p3.conv3.conv.weight".into(),
        Tensor::zeros((96, 95, 1, 1), DType::F32, &Device::Cpu).unwrap(),
    );
    let (_folder, weights) = load(&tensors);
    let error = Yolox::load(&weights, &Device::Cpu, Precision::F32).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    for part in ["backbone.C3_p3.conv3.conv.weight", "[96, 95, 1, 1]", "[96, 96, 1, 1]", "made.safetensors"] {
        assert!(error.message().contains(part), "{part} in {error}");
    }
    let (_folder, weights) = load(&made(40, 3));
    let error = Yolox::load(&weights, &Device::Cpu, Precision::F32).err().unwrap();
    assert!(error.message().contains("40 filters"), "{error}");

    let (_folder, weights) = load(&made(24, 3));
    let network = Yolox::load(&weights, &Device::Cpu, Precision::F32).unwrap();
    for shape in [vec![1, 3, 416, 400], vec![1, 1, 64, 64], vec![3, 64, 64], vec![0, 3, 64, 64]] {
        let error = network.forward(&Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}

#[test]
fn rgb_becomes_bgr_of_full_range() {
    let rgb = Tensor::new(&[0f32, 0.2, 1.0], &Device::Cpu).unwrap().reshape((1, 3, 1, 1)).unwrap();
    assert_eq!(from_rgb(&rgb).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap(), [255.0, 51.0, 0.0]);
    assert!(from_rgb(&Tensor::zeros((1, 4, 1, 1), DType::F32, &Device::Cpu).unwrap()).is_err());
}
