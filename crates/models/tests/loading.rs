//! Weights files: every size loads from the right shapes, and anything else is refused by name, shape and file.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use framefan_contract::ErrorKind;
use framefan_contract::request::Precision;
use framefan_models::yolov8::{Size, Task};
use framefan_models::{Kernels, Weights, WeightsSource, Yolov8};
use framefan_testkit::amx_or_skip;

type Tensors = HashMap<String, Tensor>;

/// A network's tensors, written down independently of the code under test: from the table of the paper's repository.
struct Maker {
    tensors: Tensors,
    folded: bool,
}

impl Maker {
    fn put(&mut self, name: String, shape: &[usize], value: f64) {
        let tensor = (Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap() * value).unwrap();
        self.tensors.insert(name, tensor);
    }

    fn block(&mut self, name: &str, outputs: usize, inputs: usize, kernel: usize) {
        self.put(format!("{name}.conv.weight"), &[outputs, inputs, kernel, kernel], 0.01);
        if self.folded {
            self.put(format!("{name}.conv.bias"), &[outputs], 0.1);
        } else {
            for (part, value) in [("weight", 1.0), ("bias", 0.1), ("running_mean", 0.0), ("running_var", 0.999)] {
                self.put(format!("{name}.bn.{part}"), &[outputs], value);
            }
        }
    }

    fn c2f(&mut self, name: &str, inputs: usize, outputs: usize, depth: usize) {
        self.block(&format!("{name}.cv1"), outputs, inputs, 1);
        self.block(&format!("{name}.cv2"), outputs, (2 + depth) * outputs / 2, 1);
        for link in 0..depth {
            self.block(&format!("{name}.bottleneck.{link}.cv1"), outputs / 2, outputs / 2, 3);
            self.block(&format!("{name}.bottleneck.{link}.cv2"), outputs / 2, outputs / 2, 3);
        }
    }

    fn branch(&mut self, name: &str, inputs: usize, hidden: usize, outputs: usize) {
        self.block(&format!("{name}.0"), hidden, inputs, 3);
        self.block(&format!("{name}.1"), hidden, hidden, 3);
        self.put(format!("{name}.2.weight"), &[outputs, hidden, 1, 1], 0.01);
        self.put(format!("{name}.2.bias"), &[outputs], 0.0);
    }
}

/// `width`, `ratio` and `depth` as in the published configuration, in hundredths.
fn tensors(width: usize, ratio: usize, depth: usize, classes: usize, keypoints: usize, folded: bool) -> Tensors {
    let mut m = Maker { tensors: HashMap::new(), folded };
    let w = |c: usize| c * width / 100;
    let top = 512 * width * ratio / 10000;
    let d = |n: usize| (n * depth + 50) / 100;
    m.block("net.b1.0", w(64), 3, 3);
    m.block("net.b1.1", w(128), w(64), 3);
    m.c2f("net.b2.0", w(128), w(128), d(3));
    m.block("net.b2.1", w(256), w(128), 3);
    m.c2f("net.b2.2", w(256), w(256), d(6));
    m.block("net.b3.0", w(512), w(256), 3);
    m.c2f("net.b3.1", w(512), w(512), d(6));
    m.block("net.b4.0", top, w(512), 3);
    m.c2f("net.b4.1", top, top, d(3));
    m.block("net.b5.0.cv1", top / 2, top, 1);
    m.block("net.b5.0.cv2", top, top * 2, 1);
    m.c2f("fpn.n1", top + w(512), w(512), d(3));
    m.c2f("fpn.n2", w(512) + w(256), w(256), d(3));
    m.block("fpn.n3", w(256), w(256), 3);
    m.c2f("fpn.n4", w(256) + w(512), w(512), d(3));
    m.block("fpn.n5", w(512), w(512), 3);
    m.c2f("fpn.n6", w(512) + top, top, d(3));
    for (level, inputs) in [w(256), w(512), top].into_iter().enumerate() {
        m.branch(&format!("head.cv2.{level}"), inputs, 64.max(w(256) / 4), 64);
        m.branch(&format!("head.cv3.{level}"), inputs, w(256).max(classes.min(100)), classes);
        if keypoints > 0 {
            m.branch(&format!("head.cv4.{level}"), inputs, (w(256) / 4).max(3 * keypoints), 3 * keypoints);
        }
    }
    let bins = Tensor::arange(0f32, 16f32, &Device::Cpu).unwrap().reshape((1, 16, 1, 1)).unwrap();
    m.tensors.insert("head.dfl.conv.weight".to_owned(), bins);
    m.tensors
}

fn write(folder: &Path, tensors: &Tensors) -> PathBuf {
    let path = folder.join("made.safetensors");
    candle_core::safetensors::save(tensors, &path).unwrap();
    path
}

fn load(tensors: &Tensors) -> framefan_contract::Result<Yolov8> {
    let folder = tempfile::tempdir().unwrap();
    Yolov8::load(&Weights::load(&write(folder.path(), tensors), &Device::Cpu)?, &Device::Cpu, Precision::F32)
}

#[test]
fn every_size_loads_and_runs() {
    let sizes = [
        (Size::N, 25, 200, 33),
        (Size::S, 50, 200, 33),
        (Size::M, 75, 150, 67),
        (Size::L, 100, 100, 100),
        (Size::X, 125, 100, 100),
    ];
    for (place, (size, width, ratio, depth)) in sizes.into_iter().enumerate() {
        let (classes, keypoints, folded) = if place % 2 == 0 { (1, 17, true) } else { (7, 0, false) };
        let network = load(&tensors(width, ratio, depth, classes, keypoints, folded)).unwrap();
        assert_eq!(network.config().size(), Some(size));
        let task = if keypoints > 0 { Task::Pose { keypoints } } else { Task::Detect { classes } };
        assert_eq!(network.config().task, task);
        let output = network.forward(&Tensor::zeros((1, 3, 32, 64), DType::F32, &Device::Cpu).unwrap()).unwrap();
        assert_eq!(output.dims(), [1, 4 + classes + 3 * keypoints, 4 * 8 + 2 * 4 + 2], "{size:?}");
    }
}

#[test]
fn folded_and_unfolded_weights_are_one_network() {
    let picture = Tensor::arange(0f32, 3.0 * 32.0 * 64.0, &Device::Cpu).unwrap().reshape((1, 3, 32, 64)).unwrap();
    let picture = (picture / (3.0 * 32.0 * 64.0)).unwrap();
    let run = |folded| load(&tensors(25, 200, 33, 3, 0, folded)).unwrap().forward(&picture).unwrap();
    let difference = (run(true) - run(false)).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(difference < 1e-3, "{difference}");
}

#[test]
fn a_wrong_shape_is_named() {
    let mut made = tensors(25, 200, 33, 1, 17, false);
    made.insert("fpn.n4.cv2.conv.weight".into(), Tensor::zeros((128, 191, 1, 1), DType::F32, &Device::Cpu).unwrap());
    let error = load(&made).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    for part in ["fpn.n4.cv2.conv.weight", "[128, 191, 1, 1]", "[128, 192, 1, 1]", "made.safetensors"] {
        assert!(error.message().contains(part), "{part} in {error}");
    }
}

#[test]
fn a_missing_tensor_is_named() {
    for name in
        ["head.cv4.2.1.bn.running_var", "net.b1.0.conv.weight", "head.dfl.conv.weight", "fpn.n1.cv1.conv.weight"]
    {
        let mut made = tensors(25, 200, 33, 1, 17, false);
        made.remove(name).unwrap();
        let error = load(&made).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::BadInput);
        assert!(error.message().contains(name) && error.message().contains("made.safetensors"), "{error}");
    }
}

#[test]
fn channels_that_the_kernels_cannot_halve_are_refused() {
    let mut made = tensors(25, 200, 33, 1, 17, false);
    made.insert("net.b1.1.conv.weight".into(), Tensor::zeros((24, 16, 3, 3), DType::F32, &Device::Cpu).unwrap());
    let error = load(&made).err().unwrap();
    assert!(error.message().contains("24 filters"), "{error}");
}

#[test]
fn heads_are_as_wide_as_their_weights() {
    let of_width = |hidden: usize| {
        let mut m = Maker { tensors: tensors(25, 200, 33, 1, 17, false), folded: false };
        m.branch("head.cv3.0", 64, hidden, 1);
        m.branch("head.cv4.2", 256, hidden, 51);
        m.tensors
    };
    for hidden in [5, 16, 21] {
        let folder = tempfile::tempdir().unwrap();
        let weights = Weights::load(&write(folder.path(), &of_width(hidden)), &Device::Cpu).unwrap();
        let picture = Tensor::arange(0f32, 3.0 * 64.0 * 32.0, &Device::Cpu).unwrap().reshape((1, 3, 64, 32)).unwrap();
        let picture = (picture / (3.0 * 64.0 * 32.0)).unwrap();
        let ours = Yolov8::load(&weights, &Device::Cpu, Precision::F32).unwrap().forward(&picture).unwrap();
        let plain = Yolov8::load_with(&weights, &Device::Cpu, Precision::F32, Kernels::Candle).unwrap();
        let theirs = plain.forward(&picture).unwrap();
        let apart = (ours - &theirs).unwrap().abs().unwrap();
        let [apart, largest] = [apart, theirs.abs().unwrap()].map(|t| t.max_all().unwrap().to_scalar::<f32>().unwrap());
        assert!(apart <= 1e-4 * largest, "{hidden}: {apart} of {largest}");
        if amx_or_skip("heads of any width (bf16)") {
            let network = Yolov8::load(&weights, &Device::Cpu, Precision::Bf16).unwrap();
            let rounded = network.forward(&picture).unwrap();
            let apart = (&rounded - &theirs).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            // Made-up weights, whose values grow from layer to layer, and differences with them.
            assert!(apart <= 0.1 * largest, "{hidden} in bf16: {apart} of {largest}");
            // A picture's bits do not depend on its place in a batch.
            let other = picture.affine(-1.0, 1.0).unwrap();
            let batch = network.forward(&Tensor::cat(&[&other, &picture, &other], 0).unwrap()).unwrap();
            let values = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(values(batch.narrow(0, 1, 1).unwrap()), values(rounded));
        }
    }
    for (hidden, said) in [(0, "0 filters"), (1281, "1281 filters")] {
        let error = load(&of_width(hidden)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::BadInput);
        for part in ["head.cv3.0.0.conv.weight", said, "made.safetensors"] {
            assert!(error.message().contains(part), "{part} in {error}");
        }
    }
}

#[test]
fn a_missing_file_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = Weights::load(&folder.path().join("yolov8n-pose.safetensors"), &Device::Cpu).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    for part in ["yolov8n-pose.safetensors", "lmz/candle-yolo-v8", "--model yolov8n-pose=PATH"] {
        assert!(error.message().contains(part), "{part} in {error}");
    }
    let error = Weights::load(&folder.path().join("mine.safetensors"), &Device::Cpu).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_damaged_file_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let whole = write(folder.path(), &tensors(25, 200, 33, 1, 17, true));
    let bytes = std::fs::read(&whole).unwrap();
    for length in [0, 4, 1000, bytes.len() - 1] {
        std::fs::write(&whole, &bytes[..length]).unwrap();
        let error = Weights::load(&whole, &Device::Cpu).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput, "{length} bytes: {error}");
    }
}

#[test]
fn the_digest_is_that_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &tensors(25, 200, 33, 1, 17, true));
    let printed = std::process::Command::new("sha256sum").arg(&path).output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let weights = Weights::load(&path, &Device::Cpu).unwrap();
    assert_eq!(WeightsSource::from(&*path).digest().unwrap(), printed.split_whitespace().next().unwrap());
    assert!(weights.names().any(|name| name == "net.b1.0.conv.bias"));
}
