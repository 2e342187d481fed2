//! Milliseconds to letterbox one frame for a network, on one core, beside OpenCV doing what a Python user's loop does
//! (resize of a BGR frame, padding, transposition, division by 255; OpenCV's time leaves out the conversion from YUV).
//!
//! `cargo run -p framefan-media --example convert_bench`; OpenCV takes part when `FRAMEFAN_PYTHON` names a Python that
//! has it.

use std::process::Command;
use std::time::Instant;

use framefan_media::{
    ChromaLocation, Color, ColorMatrix, ColorRange, Component, Converter, Letterbox, Orientation, Picture, PixelLayout,
    PlaneRef, luma8, rgb8,
};

const OPENCV: &str = r#"
import sys, time, numpy as np, cv2
cv2.setNumThreads(1)
w, h, W, H = map(int, sys.argv[1:])
rng = np.random.default_rng(1)
yuv = rng.integers(0, 256, (h * 3 // 2, w), np.uint8)
r = min(H / h, W / w); nh, nw = round(h * r), round(w * r); y0, x0 = (H - nh) // 2, (W - nw) // 2
best = [1e9, 1e9]
for _ in range(100):
    a = time.perf_counter(); f = cv2.cvtColor(yuv, cv2.COLOR_YUV2BGR_I420); b = time.perf_counter()
    img = np.full((H, W, 3), 114, np.uint8)
    img[y0:y0 + nh, x0:x0 + nw] = cv2.resize(f, (nw, nh), interpolation=cv2.INTER_LINEAR)
    x = np.ascontiguousarray(img[:, :, ::-1].transpose(2, 0, 1)[None], np.float32) / 255
    c = time.perf_counter(); best = [min(best[0], b - a), min(best[1], c - b)]
print(1e3 * best[0], 1e3 * best[1])
"#;

fn main() -> framefan_contract::Result<()> {
    for (width, height) in [(1280usize, 720usize), (1920, 1080)] {
        let letterbox = Letterbox::new(width as u32, height as u32, 640)?;
        let opencv = opencv(width, height, &letterbox);
        for depth in [8u8, 10] {
            for rotation in [0, 90] {
                let orientation = Orientation { rotation, mirrored: false };
                let (w, h) = orientation.displayed(width, height);
                let letterbox = Letterbox::new(w as u32, h as u32, 640)?;
                let bytes = noise(width * height * 3 / 2 * if depth == 8 { 1 } else { 2 });
                let picture = picture(&bytes, width, height, depth);
                let mut converter = Converter::new(orientation, letterbox);
                let mut out = vec![0f32; letterbox.values()];
                let ms = best_of(200, || converter.letterbox_rgb(&picture, &mut out))?;
                print!("{width}x{height} {depth} bits, rotated by {rotation}: {ms:.2} ms");
                match opencv {
                    Some((yuv, rest)) if rotation == 0 && depth == 8 => println!(
                        "; OpenCV {rest:.2} ms + {yuv:.2} ms for YUV to BGR: {:.1} times as long",
                        (rest + yuv) / ms
                    ),
                    _ => println!(),
                }
            }
        }
        let bytes = noise(width * height * 3 / 2);
        let picture = picture(&bytes, width, height, 8);
        let full = best_of(20, || rgb8(&picture, Orientation::default(), None).map(drop))?;
        let thumbnail = best_of(20, || rgb8(&picture, Orientation::default(), Some(320)).map(drop))?;
        let luma = best_of(20, || luma8(&picture, Orientation::default()).map(drop))?;
        println!(
            "{width}x{height} 8 bits: whole image {full:.2} ms, thumbnail of 320 {thumbnail:.2} ms, luma {luma:.2} ms"
        );
    }
    Ok(())
}

/// The least time of one call, in milliseconds.
fn best_of(calls: usize, mut call: impl FnMut() -> framefan_contract::Result<()>) -> framefan_contract::Result<f64> {
    let mut best = f64::MAX;
    for _ in 0..calls {
        let start = Instant::now();
        call()?;
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(best)
}

fn opencv(width: usize, height: usize, letterbox: &Letterbox) -> Option<(f64, f64)> {
    let sizes = [width, height, letterbox.width as usize, letterbox.height as usize].map(|side| side.to_string());
    let python = std::env::var_os("FRAMEFAN_PYTHON")?;
    let output = Command::new(python).arg("-c").arg(OPENCV).args(sizes).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (yuv, rest) = text.trim().split_once(' ')?;
    Some((yuv.parse().ok()?, rest.parse().ok()?))
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Planar 4:2:0.
fn picture(bytes: &[u8], width: usize, height: usize, depth: u8) -> Picture<'_> {
    let step = if depth == 8 { 1 } else { 2 };
    let component = |plane| Component { plane, step, offset: 0, shift: 0, depth };
    let (luma, chroma) = bytes.split_at(width * height * step);
    let (u, v) = chroma.split_at(chroma.len() / 2);
    Picture {
        width,
        height,
        layout: PixelLayout {
            name: "yuv420p",
            count: 3,
            components: [component(0), component(1), component(2), Component::default()],
            log2_chroma_w: 1,
            log2_chroma_h: 1,
            is_rgb: false,
            big_endian: false,
        },
        planes: [
            PlaneRef { data: luma, stride: width * step },
            PlaneRef { data: u, stride: width / 2 * step },
            PlaneRef { data: v, stride: width / 2 * step },
            PlaneRef::default(),
        ],
        color: Color { range: ColorRange::Limited, matrix: ColorMatrix::Bt709 },
        chroma_location: ChromaLocation::Left,
    }
}
