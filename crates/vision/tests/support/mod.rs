//! Pictures to measure, and OpenCV's measures of them.
#![allow(dead_code)] // Each test file uses its own part.

use std::path::Path;
use std::process::Command;

use framefan_vision::Grey;

/// Grey pictures of one size.
pub struct Pictures {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

impl Pictures {
    /// `count` pictures whose pixels `value` gives for picture, column and row.
    pub fn made(width: usize, height: usize, count: usize, mut value: impl FnMut(usize, usize, usize) -> u8) -> Self {
        let mut pixels = Vec::with_capacity(width * height * count);
        for n in 0..count {
            for y in 0..height {
                pixels.extend((0..width).map(|x| value(n, x, y)));
            }
        }
        Pictures { width, height, pixels }
    }

    /// Up to `count` frames of a video from the one at `start` on, as FFmpeg makes them grey.
    pub fn of_video(video: &Path, start: usize, count: usize) -> Self {
        let shape = framefan_testkit::ffprobe_json(video, &["-select_streams", "v:0", "-show_streams"]);
        let side = |name: &str| shape["streams"][0][name].as_u64().unwrap() as usize;
        let (width, height) = (side("width"), side("height"));
        let mut ffmpeg = framefan_testkit::ffmpeg();
        ffmpeg.args(["-noautorotate", "-i"]).arg(video).args(["-map", "0:v:0"]);
        let end = start + count;
        ffmpeg.args(["-vf", &format!("trim=start_frame={start}:end_frame={end}"), "-fps_mode", "passthrough"]);
        ffmpeg.args(["-f", "rawvideo", "-pix_fmt", "gray", "-"]);
        let pixels = framefan_testkit::run(&mut ffmpeg).stdout;
        assert!(!pixels.is_empty() && pixels.len().is_multiple_of(width * height), "{}", video.display());
        Pictures { width, height, pixels }
    }

    pub fn greys(&self) -> Vec<Grey<'_>> {
        let size = self.width * self.height;
        self.pixels.chunks_exact(size).map(|p| Grey::new(p, self.width, self.height).unwrap()).collect()
    }
}

/// What OpenCV measures of some pictures.
pub struct OpenCv {
    /// Variance of each picture's Laplacian.
    pub sharpness: Vec<f64>,
    /// Mean length of the flow from each picture to the next.
    pub motion: Vec<f64>,
    /// The flow itself: horizontal and vertical displacement of each pixel, pair after pair.
    pub flow: Vec<[f32; 2]>,
}

const MEASURE: &str = r#"
import sys, numpy as np, cv2
folder, h, w, keep = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == 'flow'
g = np.fromfile(folder + '/pictures', np.uint8).reshape(-1, h, w)
sharpness = [cv2.Laplacian(p, cv2.CV_64F).var() for p in g]
motion, flows = [], []
for a, b in zip(g, g[1:]):
    f = cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 3, 15, 3, 5, 1.2, 0)
    motion.append(float(np.hypot(f[..., 0], f[..., 1]).mean()))
    if keep: flows.append(f)
np.array(sharpness).tofile(folder + '/sharpness')
np.array(motion).tofile(folder + '/motion')
np.array(flows, np.float32).tofile(folder + '/flow')
"#;

impl OpenCv {
    /// Runs OpenCV. Without `flow` it keeps the means only.
    pub fn measure(mut python: Command, pictures: &Pictures, flow: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pictures"), &pictures.pixels).unwrap();
        python.args(["-c", MEASURE]).arg(folder.path());
        python.args([pictures.height.to_string(), pictures.width.to_string()]);
        framefan_testkit::run(python.arg(if flow { "flow" } else { "means" }));
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let doubles = |name: &str| read(name).as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        let floats: Vec<f32> = read("flow").as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        OpenCv { sharpness: doubles("sharpness"), motion: doubles("motion"), flow: floats.as_chunks().0.to_vec() }
    }
}

/// A generator of the same numbers everywhere (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        (self.next() >> 32) as u8
    }
}

/// A smooth texture without end: sums of waves of many directions and lengths, 0 to 255.
pub fn texture(x: f64, y: f64) -> u8 {
    let mut value = 0.0;
    for (i, length) in [7.0f64, 11.0, 17.0, 26.0, 41.0, 67.0].into_iter().enumerate() {
        let angle = 0.7 + 2.1 * i as f64;
        value += ((x * angle.cos() + y * angle.sin()) * std::f64::consts::TAU / length + i as f64).sin();
    }
    (127.5 + 21.0 * value).round() as u8
}
