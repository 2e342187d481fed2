//! Highlights agree with OpenCV's connected components and with the method written in NumPy.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

mod support;

use framefan_vision::{Glint, Grey, Rgb, glint, glint_of_grey};
use support::{Random, texture};

/// The method, from the definition: prints share, clipped share, then area and centre of each highlight.
const GLINT: &str = r#"
import sys, numpy as np, cv2
w, h, channels = map(int, sys.argv[2:])
p = np.fromfile(sys.argv[1], np.uint8).reshape(h, w, channels).astype(np.int64)
if channels == 3:
    r, g, b = p[..., 0], p[..., 1], p[..., 2]
    e = np.floor((2989 * r + 5870 * g + 1140 * b) / 10000 + 0.5).astype(np.int64)
    pe, pg, pb = (np.percentile(c, 95, method='inverted_cdf') for c in (e, g, b))
    mask = e > 240
    if pe > 0: mask |= (g * pe > 240 * pg) | (b * pe > 240 * pb)
else:
    mask = p[..., 0] > 240
n, labels, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
found = [(int(stats[i, cv2.CC_STAT_AREA]), centres[i]) for i in range(1, n) if stats[i, cv2.CC_STAT_AREA] * 50 <= w * h]
print(sum(a for a, _ in found) / (w * h), (p == 255).all(axis=2).mean())
for area, (x, y) in sorted(found, key=lambda f: (-f[0], f[1][1], f[1][0])): print(area, repr(float(x)), repr(float(y)))
"#;

fn reference(test: &str, pixels: &[u8], width: usize, height: usize) -> Option<Glint> {
    let mut python = framefan_testkit::python_or_skip(test)?;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("picture");
    std::fs::write(&file, pixels).unwrap();
    let channels = pixels.len() / (width * height);
    python.args(["-c", GLINT]).arg(file).args([width, height, channels].map(|n| n.to_string()));
    let printed = String::from_utf8(framefan_testkit::run(&mut python).stdout).unwrap();
    let mut lines = printed.lines().map(|line| line.split(' ').map(|n| n.parse::<f64>().unwrap()).collect::<Vec<_>>());
    let shares = lines.next().unwrap();
    let highlight = |line: Vec<f64>| framefan_vision::Highlight { area: line[0] as u64, x: line[1], y: line[2] };
    Some(Glint { share: shares[0], clipped_share: shares[1], highlights: lines.map(highlight).collect() })
}

/// The reference breaks ties of area by centre, we by first pixel.
fn ordered(mut glint: Glint) -> Glint {
    glint.highlights.sort_by(|a, b| b.area.cmp(&a.area).then(a.y.total_cmp(&b.y)).then(a.x.total_cmp(&b.x)));
    glint
}

fn assert_same(ours: Glint, expected: Glint) {
    let (ours, expected) = (ordered(ours), ordered(expected));
    assert_eq!(ours.highlights.len(), expected.highlights.len());
    assert!((ours.share - expected.share).abs() < 1e-12 && (ours.clipped_share - expected.clipped_share).abs() < 1e-12);
    for (ours, expected) in ours.highlights.iter().zip(&expected.highlights) {
        assert_eq!(ours.area, expected.area);
        assert!((ours.x - expected.x).abs() < 1e-9 && (ours.y - expected.y).abs() < 1e-9, "{ours:?} {expected:?}");
    }
}

/// A coloured texture with bright blobs, specks, and a large white field.
fn shiny(width: usize, height: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let blobs: Vec<[f64; 3]> = (0..12)
        .map(|_| {
            let mut at = |range: usize| (random.next() >> 20) as f64 / (1u64 << 44) as f64 * range as f64;
            [at(width), at(height), 1.0 + at(12)]
        })
        .collect();
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let blob = blobs.iter().any(|[bx, by, r]| (x as f64 - bx).hypot(y as f64 - by) < *r);
            let field = x > width * 2 / 3 && y > height / 2;
            let speck = random.next().is_multiple_of(97);
            let body = texture(x as f64, y as f64);
            pixels.extend(match (blob, field, speck) {
                (true, _, _) => [250, 248, 235 + body % 20],
                (_, true, _) => [255; 3],
                (_, _, true) => [255, 244, 255],
                _ => [body, body / 2, body / 3],
            });
        }
    }
    pixels
}

#[test]
fn highlights_agree_with_numpy_and_opencv() {
    let test = "highlights_agree_with_numpy_and_opencv";
    for (width, height, seed) in [(1, 1, 1), (3, 5, 2), (160, 120, 3), (301, 97, 4), (640, 360, 5)] {
        let pixels = shiny(width, height, seed);
        let Some(expected) = reference(test, &pixels, width, height) else { return };
        let ours = glint(Rgb::new(&pixels, width, height).unwrap());
        if width > 100 {
            assert!(ours.highlights.len() > 5 && ours.clipped_share > 0.1, "{}", ours.highlights.len());
        }
        assert!(ours.highlights.is_sorted_by_key(|h| std::cmp::Reverse(h.area)));
        assert_same(ours, expected);
        let grey: Vec<u8> = pixels.iter().skip(1).step_by(3).copied().collect();
        let Some(expected) = reference(test, &grey, width, height) else { return };
        assert_same(glint_of_grey(Grey::new(&grey, width, height).unwrap()), expected);
    }
}

#[test]
fn noise_has_the_components_that_opencv_finds() {
    // About four pixels of ten are set: components of every winding shape.
    let (width, height) = (211, 163);
    let mut random = Random(9);
    let grey: Vec<u8> = (0..width * height).map(|_| if random.next() % 10 < 4 { 255 } else { 0 }).collect();
    let Some(expected) = reference("noise_has_the_components_that_opencv_finds", &grey, width, height) else { return };
    let ours = glint_of_grey(Grey::new(&grey, width, height).unwrap());
    assert!(ours.highlights.len() > 100, "{}", ours.highlights.len());
    assert_same(ours, expected);
}

#[test]
fn a_plain_picture_does_not_glint() {
    for value in [0, 128, 240] {
        let none = glint(Rgb::new(&[value; 3 * 600], 30, 20).unwrap());
        assert_eq!(none, Glint { share: 0.0, clipped_share: 0.0, highlights: vec![] });
    }
    // All white: clipped, but no highlight.
    let white = glint(Rgb::new(&[255; 3 * 600], 30, 20).unwrap());
    assert_eq!(white, Glint { share: 0.0, clipped_share: 1.0, highlights: vec![] });
    assert!(Rgb::new(&[0; 17], 3, 2).is_err());
    assert!(Rgb::new(&[], 0, 2).is_err());
}
