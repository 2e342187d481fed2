//! The network that enlarges pictures agrees with ONNX Runtime and with candle's operations.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

mod support;

use candle_core::{DType, Device, Tensor};
use framefan_contract::ErrorKind;
use framefan_contract::request::Precision;
use framefan_models::{Kernels, Srvgg, Weights};
use framefan_testkit::amx_or_skip;
use support::{read_floats, run_python};

/// Runs the model on a piece of a photograph, whose sides divide by nothing in particular.
const RUN_ONNX: &str = r#"
import sys, numpy as np, cv2, onnxruntime as ort
model, photo, folder = sys.argv[1:]
s = ort.InferenceSession(model, providers=['CPUExecutionProvider'])
img = cv2.imread(photo)[100:100 + 63, 200:200 + 89, ::-1]
t = np.ascontiguousarray(img.transpose(2, 0, 1)[None], np.float32) / 255
o = s.run(None, {s.get_inputs()[0].name: t})[0]
t.tofile(folder + '/input')
o.astype(np.float32).tofile(folder + '/output')
print(*t.shape[2:], *o.shape[2:])
"#;

/// The largest difference, relative to the largest value.
fn difference(ours: &Tensor, reference: &[f32]) -> f32 {
    let ours = ours.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(ours.len(), reference.len());
    let largest = reference.iter().fold(0f32, |best, value| best.max(value.abs()));
    ours.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0f32, |worst, d| if d <= worst { worst } else { d })
        / largest
}

#[test]
fn enlarged_pictures_agree_with_onnx_runtime() {
    let test = "enlarged_pictures_agree_with_onnx_runtime";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let Some(python) = framefan_testkit::python_or_skip(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (model, photo) = (
        data.join("weights/RealESRGAN_General_x4_v3.onnx"),
        data.join("labelled/coco8-pose/images/val/000000000113.jpg"),
    );
    let printed = run_python(python, RUN_ONNX, &[&model, &photo, folder.path()]);
    assert_eq!(printed.trim(), "63 89 252 356");
    let input = Tensor::from_vec(read_floats(&folder.path().join("input")), (1, 3, 63, 89), &Device::Cpu).unwrap();
    let reference = read_floats(&folder.path().join("output"));

    let weights = Weights::load(&data.join("weights/RealESRGAN_General_x4_v3.safetensors"), &Device::Cpu).unwrap();
    let network = Srvgg::load(&weights, &Device::Cpu, Precision::F32).unwrap();
    assert_eq!(network.scale(), 4);
    let ours = network.forward(&input).unwrap();
    assert_eq!(ours.dims(), [1, 3, 252, 356]);
    let error = difference(&ours, &reference);
    println!("beside ONNX Runtime: {error:e}");
    assert!(error < 1e-4, "{error}");

    let candle = Srvgg::load_with(&weights, &Device::Cpu, Precision::F32, Kernels::Candle).unwrap();
    let unfused = candle.forward(&input).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let error = difference(&ours, &unfused);
    println!("beside candle's operations: {error:e}");
    assert!(error < 1e-4, "{error}");

    if amx_or_skip(&format!("{test} (bf16)")) {
        // What a viewer sees: 8 bits a colour have steps of 1/255.
        let rounded = Srvgg::load(&weights, &Device::Cpu, Precision::Bf16).unwrap().forward(&input).unwrap();
        let apart = (rounded - &ours).unwrap().abs().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let mean = apart.iter().sum::<f32>() / apart.len() as f32;
        println!("in bf16: {mean:e} apart in the mean");
        assert!(mean < 1.0 / 255.0, "{mean}");
    }

    // A picture's numbers do not depend on its place in a batch.
    let other = Tensor::rand(0f32, 1f32, (1, 3, 63, 89), &Device::Cpu).unwrap();
    let batch = network.forward(&Tensor::cat(&[&other, &input], 0).unwrap()).unwrap();
    let second = batch.narrow(0, 1, 1).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(second, ours.flatten_all().unwrap().to_vec1::<f32>().unwrap());
}

#[test]
fn the_smaller_network_loads_by_its_shapes() {
    let Some(data) = framefan_testkit::data_or_skip("the_smaller_network_loads_by_its_shapes") else { return };
    let weights = Weights::load(&data.join("weights/realesr-animevideov3-x4.safetensors"), &Device::Cpu).unwrap();
    let input = Tensor::rand(0f32, 1f32, (1, 3, 9, 14), &Device::Cpu).unwrap();
    let ours = Srvgg::load(&weights, &Device::Cpu, Precision::F32).unwrap().forward(&input).unwrap();
    let candle = Srvgg::load_with(&weights, &Device::Cpu, Precision::F32, Kernels::Candle).unwrap();
    let unfused = candle.forward(&input).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(difference(&ours, &unfused) < 1e-4);

    for shape in [vec![1, 3, 0, 5], vec![3, 5, 5], vec![1, 1, 5, 5]] {
        let input = Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        let network = Srvgg::load(&weights, &Device::Cpu, Precision::F32).unwrap();
        assert_eq!(network.forward(&input).unwrap_err().kind(), ErrorKind::Usage);
    }
}

#[test]
fn other_weights_are_refused() {
    let Some(data) = framefan_testkit::data_or_skip("other_weights_are_refused") else { return };
    let weights = Weights::load(&data.join("weights/yolov8n-pose.safetensors"), &Device::Cpu).unwrap();
    let error = Srvgg::load(&weights, &Device::Cpu, Precision::F32).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.message().contains("not a compact Real-ESRGAN"), "{error}");
}
