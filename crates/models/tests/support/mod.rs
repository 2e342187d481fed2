//! Running the Python reference libraries from tests.
#![allow(dead_code)] // Each test file uses its own part.

use std::path::Path;
use std::process::Command;

/// One run of an ONNX model on a photograph.
pub struct OnnxRun {
    pub input: Vec<f32>,
    pub shape: [usize; 4],
    pub output: Vec<f32>,
    pub channels: usize,
    pub anchors: usize,
}

/// Letterboxes a photograph to the model's input, as the usual Python code does, and runs the model.
const RUN_ONNX: &str = r#"
import sys, numpy as np, cv2, onnxruntime as ort
model, photo, folder = sys.argv[1:]
s = ort.InferenceSession(model, providers=['CPUExecutionProvider'])
i = s.get_inputs()[0]
H, W = i.shape[2:]
f = cv2.imread(photo)
h, w = f.shape[:2]
r = min(H / h, W / w)
nh, nw = round(h * r), round(w * r)
y, x = (H - nh) // 2, (W - nw) // 2
img = np.full((H, W, 3), 114, np.uint8)
img[y:y + nh, x:x + nw] = cv2.resize(f, (nw, nh), interpolation=cv2.INTER_LINEAR)
t = np.ascontiguousarray(img[:, :, ::-1].transpose(2, 0, 1)[None], np.float32) / 255
o = s.run(None, {i.name: t})[0]
t.tofile(folder + '/input')
o.astype(np.float32).tofile(folder + '/output')
print(H, W, *o.shape[1:])
"#;

/// Runs `model` on `photo` in Python.
pub fn run_onnx(python: Command, model: &Path, photo: &Path) -> OnnxRun {
    let folder = tempfile::tempdir().unwrap();
    let printed = run_python(python, RUN_ONNX, &[model, photo, folder.path()]);
    let sizes: Vec<usize> = printed.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let &[height, width, channels, anchors] = sizes.as_slice() else { panic!("{printed}") };
    let run = OnnxRun {
        input: read_floats(&folder.path().join("input")),
        shape: [1, 3, height, width],
        output: read_floats(&folder.path().join("output")),
        channels,
        anchors,
    };
    assert_eq!(run.output.len(), channels * anchors);
    run
}

/// Runs a Python script and returns what it printed.
pub fn run_python(mut python: Command, script: &str, arguments: &[&Path]) -> String {
    let output = python.arg("-c").arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Reads raw little-endian `f32`.
pub fn read_floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// The weights of an ONNX file as safetensors with the authors' names, in `folder`.
pub fn converted(network: &str, model: &Path, folder: &Path) -> std::path::PathBuf {
    let out = folder.join(format!("{network}.safetensors"));
    let python = framefan_testkit::python().expect("the caller has asked for Python");
    run_python(python, include_str!("onnx_to_safetensors.py"), &[Path::new(network), model, &out]);
    out
}
