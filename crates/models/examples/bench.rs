//! Milliseconds a picture of YOLOv8n-pose and of Real-ESRGAN's compact network: these kernels in f32 and, where the processor has
//! it, in bf16, candle's own operations, and ONNX Runtime on as many threads.
//!
//! `FRAMEFAN_TEST_DATA=… FRAMEFAN_PYTHON=… cargo run -p framefan-models --example bench [ROUNDS]`
//!
//! The competitors take turns, so that what else the machine does hits all of them.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use framefan_contract::request::Precision;
use framefan_models::kernels::Isa;
use framefan_models::{ComputeDevice, Kernels, Srvgg, Weights, Yolov8};

/// Runs the model once for each line of standard input and prints the milliseconds.
const ONNX: &str = r#"
import sys, time, numpy as np, onnxruntime as ort
model, threads = sys.argv[1], int(sys.argv[2])
options = ort.SessionOptions()
options.intra_op_num_threads = threads
s = ort.InferenceSession(model, options, providers=['CPUExecutionProvider'])
i = s.get_inputs()[0]
x = np.random.default_rng(1).random([int(n) for n in sys.argv[3:]], np.float32)
for _ in range(3): s.run(None, {i.name: x})
for _ in sys.stdin:
    a, c = time.perf_counter(), time.process_time()
    s.run(None, {i.name: x})
    print(1e3 * (time.perf_counter() - a), 1e3 * (time.process_time() - c), flush=True)
"#;

struct OnnxRuntime {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl OnnxRuntime {
    fn start(model: &Path, shape: [usize; 4]) -> Result<Self, Box<dyn Error>> {
        let mut python = framefan_testkit::python().ok_or("set FRAMEFAN_PYTHON")?;
        python.arg("-c").arg(ONNX).arg(model).arg(rayon::current_num_threads().to_string());
        python.args(shape.map(|side| side.to_string()));
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let ask = child.stdin.take().ok_or("no standard input")?;
        let answer = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(OnnxRuntime { child, ask, answer })
    }

    /// Milliseconds by the clock and of processor time.
    fn run(&mut self) -> Result<[f64; 2], Box<dyn Error>> {
        self.ask.write_all(b"\n")?;
        let mut line = String::new();
        self.answer.read_line(&mut line)?;
        let (wall, processor) = line.trim().split_once(' ').ok_or("no times")?;
        Ok([wall.parse()?, processor.parse()?])
    }

    fn stop(mut self) -> Result<(), Box<dyn Error>> {
        drop(self.ask);
        self.child.wait()?;
        Ok(())
    }
}

/// Processor time of all threads of this process, in milliseconds.
fn processor_ms() -> Result<f64, Box<dyn Error>> {
    let mut nanoseconds = 0f64;
    for task in std::fs::read_dir("/proc/self/task")? {
        let times = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += times.split(' ').next().unwrap_or("0").parse::<f64>()?;
    }
    Ok(nanoseconds / 1e6)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// A network on candle tensors.
type Network = Box<dyn Fn(&Tensor) -> framefan_contract::Result<Tensor>>;

/// What is compared: our kernels, candle's operations, and the ONNX file of the same weights.
struct Case {
    name: &'static str,
    shape: [usize; 4],
    onnx: &'static str,
    /// Our kernels, by precision.
    fused: Vec<(Precision, Network)>,
    candle: Network,
}

fn yolov8(data: &Path, precision: Precision, kernels: Kernels) -> Result<Network, Box<dyn Error>> {
    let weights = Weights::load(&data.join("yolov8n-pose.safetensors"), &Device::Cpu)?;
    let network = Yolov8::load_with(&weights, &Device::Cpu, precision, kernels)?;
    Ok(Box::new(move |x| network.forward(x)))
}

fn srvgg(data: &Path, precision: Precision, kernels: Kernels) -> Result<Network, Box<dyn Error>> {
    let weights = Weights::load(&data.join("RealESRGAN_General_x4_v3.safetensors"), &Device::Cpu)?;
    let network = Srvgg::load_with(&weights, &Device::Cpu, precision, kernels)?;
    Ok(Box::new(move |x| network.forward(x)))
}

type Load = fn(&Path, Precision, Kernels) -> Result<Network, Box<dyn Error>>;

fn case(
    name: &'static str,
    shape: [usize; 4],
    onnx: &'static str,
    data: &Path,
    load: Load,
) -> Result<Case, Box<dyn Error>> {
    let mut fused = vec![(Precision::F32, load(data, Precision::F32, Kernels::Fused(Isa::detect()))?)];
    if ComputeDevice::Cpu.class(Precision::Bf16).is_ok() {
        fused.push((Precision::Bf16, load(data, Precision::Bf16, Kernels::Amx)?));
    }
    Ok(Case { name, shape, onnx, fused, candle: load(data, Precision::F32, Kernels::Candle)? })
}

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(20), |n| n.parse())?;
    let data = framefan_testkit::data().ok_or("set FRAMEFAN_TEST_DATA")?.join("weights");
    let cases = [
        case("YOLOv8n-pose", [1, 3, 640, 640], "yolov8n-pose-640.onnx", &data, yolov8)?,
        case("YOLOv8n-pose", [1, 3, 384, 640], "yolov8n-pose-384x640.onnx", &data, yolov8)?,
        case("Real-ESRGAN general x4 v3", [1, 3, 120, 160], "RealESRGAN_General_x4_v3.onnx", &data, srvgg)?,
    ];
    println!("{}", ComputeDevice::Cpu.describe());
    for case in cases {
        measure(&case, &data, rounds)?;
    }
    Ok(())
}

/// Milliseconds for a picture, of each round: by the clock and of the processor.
#[derive(Default)]
struct Times([Vec<f64>; 2]);

impl Times {
    fn add(&mut self, times: [f64; 2]) {
        self.0.iter_mut().zip(times).for_each(|(all, time)| all.push(time));
    }

    /// Runs a network on pictures and adds its times for one of them.
    fn run(&mut self, network: &Network, pictures: &Tensor) -> Result<(), Box<dyn Error>> {
        let (start, processor) = (Instant::now(), processor_ms()?);
        network(pictures)?;
        let count = pictures.dim(0)? as f64;
        self.add([1e3 * start.elapsed().as_secs_f64() / count, (processor_ms()? - processor) / count]);
        Ok(())
    }
}

fn measure(case: &Case, data: &Path, rounds: usize) -> Result<(), Box<dyn Error>> {
    let [_, channels, height, width] = case.shape;
    // One picture alone, and as many as a run gives a detector at once.
    let alone = Tensor::rand(0f32, 1f32, &case.shape[..], &Device::Cpu)?;
    let batch = ComputeDevice::Cpu.detector_batch(height * width);
    let together = Tensor::rand(0f32, 1f32, (batch, channels, height, width), &Device::Cpu)?;
    let mut runtime = OnnxRuntime::start(&data.join(case.onnx), case.shape)?;
    let mut unfused = Times::default();
    unfused.run(&case.candle, &alone)?;
    let mut theirs = Times::default();
    let mut ours = Vec::new();
    for (precision, network) in &case.fused {
        network(&together)?;
        for (name, pictures) in [("one picture".to_owned(), &alone), (format!("{batch} at once"), &together)] {
            ours.push((format!("{} {name}", precision.as_str()), network, pictures, Times::default()));
        }
    }
    for _ in 0..rounds {
        theirs.add(runtime.run()?);
        // ONNX Runtime's threads keep spinning for a while.
        std::thread::sleep(Duration::from_millis(60));
        for (_, network, pictures, times) in &mut ours {
            times.run(network, pictures)?;
        }
    }
    runtime.stop()?;
    println!(
        "{} at {height} × {width}: milliseconds a picture, best and median of {rounds}; candle's own operations {:.0}",
        case.name, unfused.0[0][0]
    );
    for (index, clock) in ["by the clock", "processor time"].into_iter().enumerate() {
        let their_median = median(&mut theirs.0[index]);
        let their_best = theirs.0[index][0];
        for (name, .., ours) in &mut ours {
            let our_median = median(&mut ours.0[index]);
            let our_best = ours.0[index][0];
            println!(
                "  {clock:14} {name:16} {our_best:6.1} {our_median:6.1}   ONNX Runtime {their_best:6.1} {their_median:6.1}   ratio {:.2} {:.2}",
                our_best / their_best,
                our_median / their_median
            );
        }
    }
    Ok(())
}
