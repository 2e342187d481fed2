//! Frames a second of sharpness and motion, beside OpenCV's, on the first frames of a video.
//!
//! `FRAMEFAN_PYTHON=… cargo run -p framefan-vision --example bench -- VIDEO [FRAMES]`
//!
//! The competitors take turns on the same grey frames, so that what else the machine does hits both. OpenCV's flow uses one
//! thread however many there are.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use framefan_vision::{Farneback, Grey, sharpness};
use rayon::prelude::*;

/// Measures all frames once for each line of standard input: prints seconds for the flow, seconds for all, then the motions.
const OPENCV: &str = r#"
import sys, time, numpy as np, cv2
g = np.fromfile(sys.argv[1], np.uint8).reshape(-1, int(sys.argv[2]), int(sys.argv[3]))
for _ in sys.stdin:
    start, flow, motion = time.perf_counter(), 0, []
    for n, p in enumerate(g):
        cv2.Laplacian(p, cv2.CV_64F).var()
        if n:
            a = time.perf_counter()
            f = cv2.calcOpticalFlowFarneback(g[n - 1], p, None, 0.5, 3, 15, 3, 5, 1.2, 0)
            flow += time.perf_counter() - a
            motion.append(float(np.hypot(f[..., 0], f[..., 1]).mean()))
    print(flow, time.perf_counter() - start, *motion, flush=True)
"#;

const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let video = arguments.next().ok_or("usage: bench VIDEO [FRAMES]")?;
    let frames: usize = arguments.next().map_or(Ok(17), |n| n.parse())?;
    let shape = framefan_testkit::ffprobe_json(Path::new(&video), &["-select_streams", "v:0", "-show_streams"]);
    let side = |name: &str| shape["streams"][0][name].as_u64().map(|n| n as usize).ok_or("no video");
    let (width, height) = (side("width")?, side("height")?);
    let mut ffmpeg = framefan_testkit::ffmpeg();
    ffmpeg.args([
        "-noautorotate",
        "-i",
        &video,
        "-map",
        "0:v:0",
        "-frames:v",
        &frames.to_string(),
        "-fps_mode",
        "passthrough",
    ]);
    let pixels = framefan_testkit::run(ffmpeg.args(["-f", "rawvideo", "-pix_fmt", "gray", "-"])).stdout;
    let pictures: Vec<Grey<'_>> =
        pixels.chunks_exact(width * height).map(|p| Grey::new(p, width, height)).collect::<Result<_, _>>()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("frames");
    std::fs::write(&file, &pixels)?;

    let mut python = framefan_testkit::python().ok_or("set FRAMEFAN_PYTHON")?;
    python.arg("-c").arg(OPENCV).arg(&file).args([height.to_string(), width.to_string()]);
    let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut ask = child.stdin.take().ok_or("no standard input")?;
    let mut answer = BufReader::new(child.stdout.take().ok_or("no standard output")?);

    let farneback = Farneback::new(width, height)?;
    let mut pools = Vec::new();
    for threads in [1, 2] {
        pools.push(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?);
    }
    let mut times = [const { Vec::new() }; 4];
    let mut worst = 0f64;
    for _ in 0..ROUNDS {
        let mut ours = Vec::new();
        for (pool, times) in pools.iter().zip(&mut times) {
            let start = Instant::now();
            ours = pool.install(|| {
                let sharp: f64 = pictures.par_iter().map(|p| sharpness(*p)).sum();
                std::hint::black_box(sharp);
                farneback.motion(&pictures)
            })?;
            times.push(start.elapsed().as_secs_f64());
        }
        ask.write_all(b"\n")?;
        let mut line = String::new();
        answer.read_line(&mut line)?;
        let numbers: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        times[2].push(numbers[0]);
        times[3].push(numbers[1]);
        for (ours, theirs) in ours.iter().zip(&numbers[2..]) {
            worst = worst.max((ours - theirs).abs());
        }
    }
    drop(ask);
    child.wait()?;

    println!("{} frames of {width}×{height}, best and median of {ROUNDS} rounds", pictures.len());
    let names = ["1 thread", "2 threads", "OpenCV, flow alone", "OpenCV, flow and sharpness"];
    let mut best = [0.0; 4];
    for (number, name) in names.into_iter().enumerate() {
        times[number].sort_by(f64::total_cmp);
        best[number] = times[number][0];
        let ms = |seconds: f64| 1e3 * seconds / (pictures.len() - 1) as f64;
        let (best, median) = (ms(times[number][0]), ms(times[number][ROUNDS / 2]));
        println!("{name:28} {best:7.2} ms a frame ({median:7.2}), {:6.1} frames/s", 1e3 / best);
    }
    println!("as fast as OpenCV: {:.1} × with 1 thread, {:.1} × with 2", best[3] / best[0], best[3] / best[1]);
    println!("largest difference of a frame's motion: {worst:.2e} px");
    Ok(())
}
