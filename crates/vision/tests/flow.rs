//! Flow is OpenCV's, finds known displacements, and does not depend on threads.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

mod support;

use framefan_models::kernels::Isa;
use framefan_vision::Farneback;
use support::{OpenCv, Pictures, Random, texture};

/// Pictures worth a look at any size: noise, a texture that moves, plain ones, edges, a jump.
fn various(width: usize, height: usize) -> Pictures {
    let mut random = Random(width as u64 * 1000 + height as u64);
    Pictures::made(width, height, 8, |n, x, y| match n {
        0 | 1 => texture(x as f64 + 1.5 * n as f64, y as f64 - 0.75 * n as f64),
        2 | 3 => 200,
        4 => random.byte(),
        5 => [0, 255][usize::from(2 * x < width)],
        6 => [0, 255][usize::from(2 * x < width + 3)],
        _ => texture(y as f64 + 9.0, x as f64),
    })
}

#[test]
fn flow_agrees_with_opencv_on_any_size() {
    let test = "flow_agrees_with_opencv_on_any_size";
    // No side of 6 to 9 pixels, where OpenCV has an overflow (see `framefan_vision::Farneback`'s module).
    let sizes =
        [(1, 1), (2, 1), (3, 5), (5, 3), (17, 33), (11, 200), (200, 11), (64, 64), (65, 127), (250, 131), (321, 240)];
    for (width, height) in sizes {
        let Some(python) = framefan_testkit::python_or_skip(test) else { return };
        let pictures = various(width, height);
        let opencv = OpenCv::measure(python, &pictures, true);
        for isa in Isa::available() {
            let farneback = Farneback::with_isa(width, height, isa).unwrap();
            let motion = farneback.motion(&pictures.greys()).unwrap();
            for (pair, (ours, expected)) in motion.iter().zip(&opencv.motion).enumerate() {
                assert!(
                    (ours - expected).abs() <= 1e-3 + 1e-3 * expected,
                    "{width}×{height}, {pair}: {ours} {expected}"
                );
            }
            for (pair, pictures) in pictures.greys().windows(2).enumerate() {
                let ours = farneback.flow(pictures[0], pictures[1]).unwrap();
                let expected = &opencv.flow[pair * width * height..];
                let mut differences: Vec<f32> = std::iter::zip(&ours.x, &ours.y)
                    .zip(expected)
                    .map(|((x, y), [ex, ey])| (x - ex).abs().max((y - ey).abs()) / (1.0 + ex.hypot(*ey)))
                    .collect();
                differences.sort_by(f32::total_cmp);
                let most = differences[(differences.len() - 1) * 99 / 100];
                let worst = differences[differences.len() - 1];
                println!(
                    "{width}×{height} {} pair {pair}: 99% within {most:.1e}, all within {worst:.1e}",
                    isa.as_str()
                );
                assert!(worst < 1e-3 && most < 1e-4, "{width}×{height}, pair {pair}: {worst} {most}");
            }
        }
    }
}

#[test]
fn a_moved_texture_has_its_displacement() {
    let (width, height) = (200, 150);
    for (dx, dy) in [(0.5, 0.0), (3.0, -2.0), (-1.25, 0.75), (9.0, 6.0)] {
        let pictures =
            Pictures::made(width, height, 2, |n, x, y| texture(x as f64 - dx * n as f64, y as f64 - dy * n as f64));
        let farneback = Farneback::new(width, height).unwrap();
        let [first, second] = pictures.greys()[..] else { panic!() };
        let flow = farneback.flow(first, second).unwrap();
        let mut errors = Vec::new();
        // Near the edge the window sees what has left the picture.
        for y in 25..height - 25 {
            for x in 25..width - 25 {
                let at = y * width + x;
                errors.push((f64::from(flow.x[at]) - dx).hypot(f64::from(flow.y[at]) - dy));
            }
        }
        errors.sort_by(f64::total_cmp);
        let (middle, most) = (errors[errors.len() / 2], errors[errors.len() * 95 / 100]);
        println!("({dx}, {dy}): median error {middle:.3} px, 95% within {most:.3} px");
        assert!(middle < 0.1 && most < 0.25, "({dx}, {dy}): {middle} {most}");
    }
}

#[test]
fn real_frames_move_as_opencv_says() {
    let test = "real_frames_move_as_opencv_says";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    for (name, start) in [
        ("05_default_juggle", 60),
        ("carphone_pristine", 40),
        ("nasa_13013", 100),
        ("one-by-one-person-detection", 230),
        ("solidWhiteRight", 50),
    ] {
        let Some(python) = framefan_testkit::python_or_skip(test) else { return };
        let pictures = Pictures::of_video(&data.join(format!("video/{name}.mp4")), start, 12);
        let opencv = OpenCv::measure(python, &pictures, false);
        let farneback = Farneback::new(pictures.width, pictures.height).unwrap();
        let motion = farneback.motion(&pictures.greys()).unwrap();
        assert_eq!(motion.len(), opencv.motion.len());
        let worst = std::iter::zip(&motion, &opencv.motion).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("{name}: up to {:.2} px, within {worst:.1e} px", motion.iter().copied().fold(0.0, f64::max));
        for (ours, expected) in motion.iter().zip(&opencv.motion) {
            assert!((ours - expected).abs() <= 1e-3 + 1e-3 * expected, "{name}: {ours} {expected}");
        }
        for (picture, expected) in pictures.greys().into_iter().zip(&opencv.sharpness) {
            let ours = framefan_vision::sharpness(picture);
            assert!((ours - expected).abs() <= 1e-12 * expected.max(1.0), "{name}: {ours} {expected}");
        }
    }
}

/// A chart beside a film: its straight lines move, so that OpenCV's flow along them is rounding noise, which nothing but
/// OpenCV itself can repeat.
#[test]
fn a_moving_chart_moves_about_as_opencv_says() {
    let test = "a_moving_chart_moves_about_as_opencv_says";
    let Some(data) = framefan_testkit::data_or_skip(test) else { return };
    let Some(python) = framefan_testkit::python_or_skip(test) else { return };
    let pictures = Pictures::of_video(&data.join("video/scene_cuts.mp4"), 100, 41);
    let opencv = OpenCv::measure(python, &pictures, false);
    let motion = Farneback::new(pictures.width, pictures.height).unwrap().motion(&pictures.greys()).unwrap();
    let within = |share: f64| {
        let near = |(ours, expected): &(&f64, &f64)| (*ours - *expected).abs() <= (share * *expected).max(0.02);
        std::iter::zip(&motion, &opencv.motion).filter(near).count()
    };
    println!("{} of {} frames within 2% or 0.02 px, {} within 20%", within(0.02), motion.len(), within(0.2));
    assert!(within(0.02) * 100 >= 70 * motion.len() && within(0.2) * 100 >= 95 * motion.len());
}

#[test]
fn bits_do_not_depend_on_threads_or_neighbours() {
    let (width, height) = (97, 83);
    let mut random = Random(5);
    let pictures = Pictures::made(width, height, 9, |n, x, y| match n {
        6 => random.byte(),
        _ => texture(x as f64 + 0.8 * (n * n) as f64, y as f64 - 0.3 * n as f64),
    });
    let greys = pictures.greys();
    let farneback = Farneback::new(width, height).unwrap();
    let alone: Vec<f64> = greys.windows(2).map(|pair| farneback.motion(pair).unwrap()[0]).collect();
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| farneback.motion(&greys)).unwrap(), alone, "{threads} threads");
    }
    assert!(farneback.motion(&greys[..1]).unwrap().is_empty());
    assert!(farneback.motion(&[]).unwrap().is_empty());
}

#[test]
fn pictures_that_repeat_are_measured_as_others() {
    let (width, height) = (70, 50);
    // 0 0 0 1 1 2 2 2 0: every way in which neighbours can repeat.
    let pictures = Pictures::made(width, height, 9, |n, x, y| {
        let shown = [0, 0, 0, 1, 1, 2, 2, 2, 0][n];
        texture(x as f64 + 1.3 * f64::from(shown), y as f64)
    });
    let greys = pictures.greys();
    let farneback = Farneback::new(width, height).unwrap();
    let alone: Vec<f64> = greys.windows(2).map(|pair| farneback.motion(pair).unwrap()[0]).collect();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| farneback.motion(&greys)).unwrap(), alone);
    assert!(alone[2] > 1.0 && alone[0] < 0.01, "{alone:?}");
}

#[test]
fn both_vector_instruction_sets_give_the_same_bits() {
    let pictures = various(130, 70);
    let measure = |isa: Isa| Farneback::with_isa(130, 70, isa).unwrap().motion(&pictures.greys()).unwrap();
    let vectors: Vec<Isa> = Isa::available().into_iter().filter(|isa| *isa != Isa::Portable).collect();
    for pair in vectors.windows(2) {
        assert_eq!(measure(pair[0]), measure(pair[1]));
    }
}

#[test]
fn other_sizes_are_refused() {
    let farneback = Farneback::new(4, 4).unwrap();
    let pictures = Pictures::made(4, 5, 2, |_, _, _| 0);
    let error = farneback.motion(&pictures.greys()).unwrap_err();
    assert_eq!(error.kind(), framefan_contract::ErrorKind::Usage);
    assert!(error.message().contains("4×5"), "{}", error.message());
    assert!(Farneback::new(0, 4).is_err());
}
