//! Milliseconds a picture of the networks with depthwise convolutions, YOLOX-nano and OSNet x0.25: these kernels, candle's own
//! operations, and ONNX Runtime on as many threads.
//!
//! `FRAMEFAN_TEST_DATA=… FRAMEFAN_PYTHON=… cargo run -p framefan-models --example bench_depthwise [ROUNDS]`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::{Device, Tensor};
use framefan_contract::request::Precision;
use framefan_models::{ComputeDevice, Kernels, Osnet, Weights, Yolox};

/// Prints the best and the median milliseconds of a model's runs.
const ONNX: &str = r#"
import sys, time, numpy as np, onnxruntime as ort
model, threads, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = ort.SessionOptions()
options.intra_op_num_threads = threads
s = ort.InferenceSession(model, options, providers=['CPUExecutionProvider'])
i = s.get_inputs()[0]
x = np.random.default_rng(1).random(i.shape, np.float32)
times = []
for _ in range(rounds):
    a = time.perf_counter()
    s.run(None, {i.name: x})
    times.append(1e3 * (time.perf_counter() - a))
print(*sorted(times)[:: len(times) // 2][:2])
"#;

/// A network on candle tensors.
type Network = Box<dyn Fn(&Tensor) -> framefan_contract::Result<Tensor>>;

/// Best and median milliseconds.
fn time(network: &Network, picture: &Tensor, rounds: usize) -> Result<[f64; 2], Box<dyn Error>> {
    network(picture)?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        network(picture)?;
        times.push(1e3 * start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok([times[0], times[rounds / 2]])
}

fn python(script: &str, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut python = framefan_testkit::python().ok_or("set FRAMEFAN_PYTHON")?;
    let output = python.arg("-c").arg(script).args(arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The weights of an ONNX file as safetensors.
fn converted(network: &str, onnx: &Path, folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let out = folder.join(format!("{network}.safetensors"));
    let paths = [onnx, &out].map(|path| path.to_string_lossy().into_owned());
    python(include_str!("../tests/support/onnx_to_safetensors.py"), &[network, &paths[0], &paths[1]])?;
    Ok(out)
}

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(20), |n| n.parse())?;
    let data = framefan_testkit::data().ok_or("set FRAMEFAN_TEST_DATA")?.join("weights");
    let folder = tempfile::tempdir()?;
    println!("{}: milliseconds, best and median of {rounds}", ComputeDevice::Cpu.describe());
    for (name, onnx, shape) in [
        ("yolox-nano", "yolox_nano-416.onnx", [1, 3, 416, 416]),
        ("osnet", "osnet_x0_25_msmt17.onnx", [1, 3, 256, 128]),
    ] {
        let onnx = data.join(onnx);
        let weights = Weights::load(&converted(name, &onnx, folder.path())?, &Device::Cpu)?;
        let network = |kernels: Option<Kernels>| -> Result<Network, Box<dyn Error>> {
            let (device, precision) = (&Device::Cpu, Precision::F32);
            Ok(match (name, kernels) {
                ("osnet", None) => {
                    let network = Osnet::load(&weights, device, precision)?;
                    Box::new(move |x| network.forward(x))
                }
                ("osnet", Some(kernels)) => {
                    let network = Osnet::load_with(&weights, device, precision, kernels)?;
                    Box::new(move |x| network.forward(x))
                }
                (_, None) => {
                    let network = Yolox::load(&weights, device, precision)?;
                    Box::new(move |x| network.forward(x))
                }
                (_, Some(kernels)) => {
                    let network = Yolox::load_with(&weights, device, precision, kernels)?;
                    Box::new(move |x| network.forward(x))
                }
            })
        };
        let picture = Tensor::rand(0f32, 1f32, &shape[..], &Device::Cpu)?;
        let [best, median] = time(&network(None)?, &picture, rounds)?;
        let [candle_best, candle_median] = time(&network(Some(Kernels::Candle))?, &picture, rounds.min(5))?;
        let threads = rayon::current_num_threads().to_string();
        let theirs = python(ONNX, &[&onnx.to_string_lossy(), &threads, &rounds.to_string()])?;
        println!(
            "{name}: fused {best:.1} {median:.1}, candle {candle_best:.1} {candle_median:.1}, ONNX Runtime {}",
            theirs.trim()
        );
    }
    Ok(())
}
