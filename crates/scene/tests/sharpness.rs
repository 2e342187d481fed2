//! OpenCV sees the order of sharpness, and the motion, that a ladder's truth tells.

use std::process::Command;

use framefan_scene::{LadderSettings, Scene, VideoOptions, sharpness_ladder, write_video};
use framefan_testkit::{python_or_skip, run};

fn opencv(python: &mut Command, program: &str, scene: &Scene) -> Vec<f64> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let video = folder.path().join("ladder.mkv");
    write_video(scene, &video, &VideoOptions::lossless()).expect("FFV1 can be written");
    let reader = "import sys, cv2, numpy as np\ncapture = cv2.VideoCapture(sys.argv[1])\nframes = []\nwhile True:\n    ok, frame = capture.read()\n    if not ok: break\n    frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))\n";
    let output = run(python.arg("-c").arg(format!("{reader}{program}")).arg(&video)).stdout;
    String::from_utf8(output)
        .expect("it prints numbers")
        .split_whitespace()
        .map(|word| word.parse().expect("it prints numbers"))
        .collect()
}

#[test]
fn the_laplacians_variance_falls_as_blur_grows() {
    let Some(mut python) = python_or_skip("the Laplacian's variance falls as blur grows") else { return };
    let ladder = LadderSettings { width: 480, height: 270, steps: 8, step_px: 0.35, ..LadderSettings::default() };
    let scene = sharpness_ladder(31, ladder).unwrap();
    let sharp = opencv(&mut python, "for f in frames: print(cv2.Laplacian(f, cv2.CV_64F).var())", &scene);
    let mut order: Vec<(f32, f64)> = (0..8).map(|i| (scene.truth(i).blur.level, sharp[i])).collect();
    let levels: Vec<f32> = order.iter().map(|o| o.0).collect();
    assert!(!levels.is_sorted(), "the frames come in no order: {levels:?}");
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(order.windows(2).all(|pair| pair[0].1 > pair[1].1), "{order:?}");
}

#[test]
fn phase_correlation_finds_the_cameras_shift() {
    let Some(mut python) = python_or_skip("phase correlation finds the camera's shift") else { return };
    let ladder =
        LadderSettings { width: 480, height: 270, steps: 1, repeats: 5, pan_px: 4.5, ..LadderSettings::default() };
    let scene = sharpness_ladder(12, ladder).unwrap();
    let program = "w = cv2.createHanningWindow(frames[0].shape[::-1], cv2.CV_64F)\nfor a, b in zip(frames, frames[1:]): print(*cv2.phaseCorrelate(a.astype(float), b.astype(float), w)[0])";
    let shifts = opencv(&mut python, program, &scene);
    assert_eq!(shifts.len(), 8);
    for (pair, index) in shifts.chunks(2).zip(1..) {
        let [dx, dy] = scene.truth(index).camera_shift_px;
        assert!((pair[0] - f64::from(dx)).abs() < 0.3 && (pair[1] - f64::from(dy)).abs() < 0.3, "{pair:?} {dx} {dy}");
    }
}
