//! OSNet agrees with ONNX Runtime on people cut out of a real photograph, and with candle's operations.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

mod support;

use candle_core::{DType, Device, Tensor};
use framefan_contract::ErrorKind;
use framefan_contract::request::Precision;
use framefan_models::osnet::{DEVIATION, HEIGHT, MEAN, WIDTH};
use framefan_models::{Kernels, Osnet, Weights};
use support::{converted, read_floats, run_python};

/// Three boxes of a photograph, stretched as the authors do; the colours are left at 0 to 1.
const RUN_ONNX: &str = r#"
import sys, numpy as np, cv2, onnxruntime as ort
model, photo, folder = sys.argv[1:]
s = ort.InferenceSession(model, providers=['CPUExecutionProvider'])
f = cv2.imread(photo)[:, :, ::-1]
h, w = f.shape[:2]
boxes = [(0, 0, w, h), (w // 4, h // 8, w // 3, h // 2), (w // 2, h // 4, w // 4, 3 * h // 4)]
crops = [cv2.resize(np.ascontiguousarray(f[y:y + b, x:x + a]), (128, 256)).astype(np.float32) / 255 for x, y, a, b in boxes]
t = np.stack(crops).transpose(0, 3, 1, 2)
n = (t - np.array([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)) / np.array([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
o = np.concatenate([s.run(None, {s.get_inputs()[0].name: x[None].astype(np.float32)})[0] for x in n])
np.ascontiguousarray(t, np.float32).tofile(folder + '/input')
o.astype(np.float32).tofile(folder + '/output')
print(*o.shape)
"#;

#[test]
fn features_agree_with_onnx_runtime() {
    let test = "features_agree_with_onnx_runtime";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let Some(python) = framefan_testkit::python_or_skip(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let model = data.join("weights/osnet_x0_25_msmt17.onnx");
    let photo = data.join("labelled/coco8-pose/images/val/000000000113.jpg");
    assert_eq!(run_python(python, RUN_ONNX, &[&model, &photo, folder.path()]).trim(), "3 512");
    let colours = read_floats(&folder.path().join("input"));
    let mut values = Vec::with_capacity(colours.len());
    for (plane, colours) in colours.chunks_exact(HEIGHT * WIDTH).enumerate() {
        values.extend(colours.iter().map(|value| (value - MEAN[plane % 3]) / DEVIATION[plane % 3]));
    }
    let input = Tensor::from_vec(values, (3, 3, HEIGHT, WIDTH), &Device::Cpu).unwrap();
    let reference = read_floats(&folder.path().join("output"));

    let weights = Weights::load(&converted("osnet", &model, folder.path()), &Device::Cpu).unwrap();
    let network = Osnet::load(&weights, &Device::Cpu, Precision::F32).unwrap();
    assert_eq!(network.feature_len(), 512);
    let output = network.forward(&input).unwrap();
    assert_eq!(output.dims(), [3, 512]);
    let ours = output.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let largest = reference.iter().fold(0f32, |best, value| best.max(*value));
    assert!(largest > 0.5, "features of at most {largest} are no test");
    let worst = ours.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    println!("features up to {largest}, within {worst:e}");
    assert!(worst < 1e-3 * largest, "features differ by {worst}");

    let candle = Osnet::load_with(&weights, &Device::Cpu, Precision::F32, Kernels::Candle).unwrap();
    let unfused = candle.forward(&input).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let worst = unfused.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    assert!(worst < 1e-3 * largest, "candle's features differ by {worst}");
    // A picture's feature does not depend on its place in a batch.
    let last = network.forward(&input.narrow(0, 2, 1).unwrap()).unwrap();
    assert_eq!(last.flatten_all().unwrap().to_vec1::<f32>().unwrap(), ours[1024..]);

    for shape in [vec![1, 3, 128, 256], vec![3, 256, 128], vec![0, 3, 256, 128]] {
        let error = network.forward(&Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}

#[test]
fn other_weights_are_refused() {
    let Some(data) = framefan_testkit::data_or_skip("other_weights_are_refused") else { return };
    let weights = Weights::load(&data.join("weights/yolov8n.safetensors"), &Device::Cpu).unwrap();
    let error = Osnet::load(&weights, &Device::Cpu, Precision::F32).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.message().contains("conv1.conv.weight"), "{error}");
}
