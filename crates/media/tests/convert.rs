//! Colour conversion, letterbox and still images against independent references: OpenCV's resize, a float64 numpy
//! implementation of the definition (`convert_reference.py`), and the FFmpeg command line.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;

use framefan_contract::ErrorKind;
use framefan_media::{
    ChromaLocation, Color, ColorMatrix, ColorRange, Component, Converter, Letterbox, Orientation, Picture, PixelLayout,
    PlaneRef, RgbImage, jpeg, letterbox_rgb, luma8, rgb8,
};
use framefan_testkit::{ffmpeg, python_or_skip, run};

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/convert_reference.py");

/// A layout as FFmpeg's `libavutil/pixdesc.c` states it: (plane, step, offset, shift) of each component.
fn layout(name: &str) -> PixelLayout {
    type Row = (&'static str, u8, (u8, u8), bool, [(usize, usize, usize, u8); 3]);
    const PLANAR: [(usize, usize, usize, u8); 3] = [(0, 1, 0, 0), (1, 1, 0, 0), (2, 1, 0, 0)];
    const WIDE: [(usize, usize, usize, u8); 3] = [(0, 2, 0, 0), (1, 2, 0, 0), (2, 2, 0, 0)];
    const ROWS: [Row; 19] = [
        ("yuv420p", 8, (1, 1), false, PLANAR),
        ("yuv422p", 8, (1, 0), false, PLANAR),
        ("yuv444p", 8, (0, 0), false, PLANAR),
        ("yuv440p", 8, (0, 1), false, PLANAR),
        ("yuv411p", 8, (2, 0), false, PLANAR),
        ("yuv410p", 8, (2, 2), false, PLANAR),
        ("nv12", 8, (1, 1), false, [(0, 1, 0, 0), (1, 2, 0, 0), (1, 2, 1, 0)]),
        ("yuyv422", 8, (1, 0), false, [(0, 2, 0, 0), (0, 4, 1, 0), (0, 4, 3, 0)]),
        ("yuv420p10le", 10, (1, 1), false, WIDE),
        ("yuv422p10le", 10, (1, 0), false, WIDE),
        ("yuv444p12le", 12, (0, 0), false, WIDE),
        ("yuv420p10be", 10, (1, 1), false, WIDE),
        ("p010le", 10, (1, 1), false, [(0, 2, 0, 6), (1, 4, 0, 6), (1, 4, 2, 6)]),
        ("yuv420p16le", 16, (1, 1), false, WIDE),
        ("gray", 8, (0, 0), false, PLANAR),
        ("gray10le", 10, (0, 0), false, WIDE),
        ("rgb24", 8, (0, 0), true, [(0, 3, 0, 0), (0, 3, 1, 0), (0, 3, 2, 0)]),
        ("gbrp", 8, (0, 0), true, [(2, 1, 0, 0), (0, 1, 0, 0), (1, 1, 0, 0)]),
        ("gbrp10le", 10, (0, 0), true, [(2, 2, 0, 0), (0, 2, 0, 0), (1, 2, 0, 0)]),
    ];
    let (name, depth, (log2_chroma_w, log2_chroma_h), is_rgb, cells) =
        *ROWS.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("no layout {name}"));
    let mut components = [Component::default(); 4];
    for (component, (plane, step, offset, shift)) in components.iter_mut().zip(cells) {
        *component = Component { plane, step, offset, shift, depth };
    }
    let count = if name.starts_with("gray") { 1 } else { 3 };
    PixelLayout { name, count, components, log2_chroma_w, log2_chroma_h, is_rgb, big_endian: name.ends_with("be") }
}

/// One line of `cases.txt`, with its planes.
struct Case {
    line: String,
    layout: PixelLayout,
    width: usize,
    height: usize,
    color: Color,
    chroma_location: ChromaLocation,
    orientation: Orientation,
    long_side: u32,
    input: (u32, u32),
    bytes: Vec<u8>,
    /// Start, length and stride of each plane.
    planes: Vec<(usize, usize, usize)>,
}

impl Case {
    fn parse(line: &str, bytes: Vec<u8>) -> Self {
        let fields: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| fields[index].parse::<usize>().unwrap();
        let mut planes = Vec::new();
        let mut start = 0;
        for field in &fields[11..] {
            let (length, stride) = field.split_once(':').unwrap();
            let (length, stride) = (length.parse().unwrap(), stride.parse().unwrap());
            planes.push((start, length, stride));
            start += length;
        }
        assert_eq!(start, bytes.len());
        Case {
            line: line.to_owned(),
            layout: layout(fields[0]),
            width: number(1),
            height: number(2),
            color: Color {
                range: if fields[3] == "full" { ColorRange::Full } else { ColorRange::Limited },
                matrix: match fields[4] {
                    "bt601" => ColorMatrix::Bt601,
                    "bt709" => ColorMatrix::Bt709,
                    "bt2020" => ColorMatrix::Bt2020,
                    _ => ColorMatrix::Rgb,
                },
            },
            chroma_location: match fields[5] {
                "left" => ChromaLocation::Left,
                "center" => ChromaLocation::Center,
                "topleft" => ChromaLocation::TopLeft,
                "top" => ChromaLocation::Top,
                "bottomleft" => ChromaLocation::BottomLeft,
                _ => ChromaLocation::Bottom,
            },
            orientation: Orientation { rotation: number(6) as u16, mirrored: number(7) == 1 },
            long_side: number(8) as u32,
            input: (number(9) as u32, number(10) as u32),
            bytes,
            planes,
        }
    }

    fn picture(&self) -> Picture<'_> {
        let mut planes = [PlaneRef::default(); 4];
        for (plane, &(start, length, stride)) in planes.iter_mut().zip(&self.planes) {
            *plane = PlaneRef { data: &self.bytes[start..start + length], stride };
        }
        Picture {
            width: self.width,
            height: self.height,
            layout: self.layout,
            planes,
            color: self.color,
            chroma_location: self.chroma_location,
        }
    }

    fn letterbox(&self) -> Letterbox {
        let (width, height) = self.orientation.displayed(self.width as u32, self.height as u32);
        let letterbox = Letterbox::new(width, height, self.long_side).unwrap();
        assert_eq!((letterbox.width, letterbox.height), self.input, "{}", self.line);
        letterbox
    }
}

/// The cases of a reference run in `folder`.
fn cases(folder: &Path) -> Vec<Case> {
    let text = fs::read_to_string(folder.join("cases.txt")).unwrap();
    let case = |(n, line): (usize, &str)| Case::parse(line, fs::read(folder.join(format!("{n}.planes"))).unwrap());
    text.lines().enumerate().map(case).collect()
}

fn doubles(path: &Path) -> Vec<f64> {
    fs::read(path).unwrap().as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
}

/// The greatest difference, and where it is.
fn furthest(got: &[f32], wanted: &[f64]) -> (f64, usize) {
    assert_eq!(got.len(), wanted.len());
    let mut furthest = (0.0, 0);
    for (index, (&got, &wanted)) in got.iter().zip(wanted).enumerate() {
        assert!(got.is_finite());
        let difference = (f64::from(got) - wanted).abs();
        if difference > furthest.0 {
            furthest = (difference, index);
        }
    }
    furthest
}

#[test]
fn grey_is_resized_as_opencv_does() {
    let Some(mut python) = python_or_skip("grey is resized as OpenCV does") else { return };
    let folder = tempfile::tempdir().unwrap();
    run(python.args([REFERENCE, "grey", "7", "300"]).arg(folder.path()));
    for (n, case) in cases(folder.path()).iter().enumerate() {
        let letterbox = case.letterbox();
        let mut out = vec![f32::NAN; letterbox.values()];
        letterbox_rgb(&case.picture(), case.orientation, &letterbox, &mut out).unwrap();
        let (difference, at) = furthest(&out, &doubles(&folder.path().join(format!("{n}.rgb"))));
        // OpenCV keeps the source position in f32, so its weights lose bits as pictures get larger.
        let bound = 1e-5f64.max(case.width.max(case.height) as f64 * f64::from(f32::EPSILON));
        assert!(difference <= bound, "case {n} ({}): {difference} at {at}", case.line);
    }
}

#[test]
fn every_layout_range_matrix_siting_and_orientation_is_as_defined() {
    let Some(mut python) = python_or_skip("pictures are converted as defined") else { return };
    let folder = tempfile::tempdir().unwrap();
    run(python.args([REFERENCE, "definition", "11", "380"]).arg(folder.path()));
    for (n, case) in cases(folder.path()).iter().enumerate() {
        let letterbox = case.letterbox();
        let mut out = vec![f32::NAN; letterbox.values()];
        letterbox_rgb(&case.picture(), case.orientation, &letterbox, &mut out).unwrap();
        let (difference, at) = furthest(&out, &doubles(&folder.path().join(format!("{n}.rgb"))));
        assert!(difference <= 1e-5, "case {n} ({}): {difference} at {at}", case.line);

        let luma = luma8(&case.picture(), case.orientation).unwrap();
        assert_eq!((luma.width, luma.height), case.orientation.displayed(case.width, case.height));
        let wanted = doubles(&folder.path().join(format!("{n}.luma")));
        assert_eq!(luma.data.len(), wanted.len());
        for (got, wanted) in luma.data.iter().zip(wanted) {
            // Half a step of rounding, and f32's share where a value lies on the edge.
            assert!((f64::from(*got) - 255.0 * wanted).abs() <= 0.5 + 1e-4, "case {n} ({}): luma", case.line);
        }
    }
}

#[test]
fn a_converter_that_is_kept_gives_the_bits_of_a_fresh_one() {
    let bytes: Vec<u8> = (0..90 * 70 * 3 + 17u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let letterbox = Letterbox::new(90, 70, 64).unwrap();
    let mut kept = Converter::new(Orientation::default(), letterbox);
    // From one layout to another and back, as a stream that changes its format would.
    for name in ["yuv420p", "yuv444p", "gray", "yuv420p", "yuv420p"] {
        for (offset, location) in [(0, ChromaLocation::Left), (17, ChromaLocation::TopLeft)] {
            let picture = planar(name, 90, 70, &bytes[offset..], ColorRange::Limited, ColorMatrix::Bt709, location);
            let (mut a, mut b) = (vec![0.0; letterbox.values()], vec![1.0; letterbox.values()]);
            kept.letterbox_rgb(&picture, &mut a).unwrap();
            letterbox_rgb(&picture, Orientation::default(), &letterbox, &mut b).unwrap();
            assert_eq!(a, b);
        }
    }
}

/// An 8-bit planar picture whose planes follow each other without gaps.
fn planar<'a>(
    name: &str,
    width: usize,
    height: usize,
    bytes: &'a [u8],
    range: ColorRange,
    matrix: ColorMatrix,
    chroma_location: ChromaLocation,
) -> Picture<'a> {
    let layout = layout(name);
    let mut planes = [PlaneRef::default(); 4];
    let mut rest = bytes;
    for component in 0..layout.count {
        let (columns, rows) = layout.size_of(component, width, height);
        let (data, after) = rest.split_at(columns * rows);
        planes[layout.components[component].plane] = PlaneRef { data, stride: columns };
        rest = after;
    }
    Picture { width, height, layout, planes, color: Color { range, matrix }, chroma_location }
}

#[test]
fn colours_agree_with_ffmpeg() {
    // Every fourth value of each component and the last one, in all combinations: 65³ colours. The sides are multiples of
    // 32, so the letterbox neither scales nor pads.
    let (width, height) = (544, 512);
    let levels: Vec<u8> = (0..64).map(|step| step * 4).chain([255]).collect();
    let mut colours: Vec<[u8; 3]> = Vec::new();
    for &y in &levels {
        for &u in &levels {
            colours.extend(levels.iter().map(|&v| [y, u, v]));
        }
    }
    assert!(colours.len() <= width * height);
    colours.resize(width * height, [0, 0, 0]);
    let bytes: Vec<u8> = (0..3).flat_map(|component| colours.iter().map(move |colour| colour[component])).collect();
    let letterbox = Letterbox::new(width as u32, height as u32, width as u32).unwrap();
    assert_eq!((letterbox.content_width as usize, letterbox.content_height as usize), (width, height));

    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.yuv");
    fs::write(&input, &bytes).unwrap();
    for (range, range_name) in [(ColorRange::Limited, "limited"), (ColorRange::Full, "full")] {
        for (matrix, matrix_name) in
            [(ColorMatrix::Bt601, "bt601"), (ColorMatrix::Bt709, "bt709"), (ColorMatrix::Bt2020, "bt2020")]
        {
            // To floats: swscale's way to 8-bit gbrp overflows for colours far outside the gamut.
            let filter = format!(
                "scale=in_range={range_name}:out_range=full:in_color_matrix={matrix_name}:\
                 flags=accurate_rnd+full_chroma_int,format=gbrpf32le"
            );
            let output = run(ffmpeg()
                .args(["-f", "rawvideo", "-pix_fmt", "yuv444p", "-video_size", &format!("{width}x{height}"), "-i"])
                .arg(&input)
                .args(["-vf", &filter, "-f", "rawvideo", "-"]));
            let values: Vec<f64> =
                output.stdout.as_chunks::<4>().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect();
            let (green_blue, red) = values.split_at(2 * width * height);
            let wanted = [red, green_blue].concat();
            let picture = planar("yuv444p", width, height, &bytes, range, matrix, ChromaLocation::Left);
            let mut out = vec![f32::NAN; letterbox.values()];
            letterbox_rgb(&picture, Orientation::default(), &letterbox, &mut out).unwrap();
            let (difference, at) = furthest(&out, &wanted);
            let colour = colours[at % colours.len()];
            assert!(difference <= 1.5 / 255.0, "{range_name} {matrix_name}: {} at {colour:?}", 255.0 * difference);
        }
    }
}

/// Smooth colour with an edge: what photographs are made of.
fn scene(width: usize, height: usize) -> RgbImage {
    let mut data = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let wave = |period: f64, phase: f64| {
                (((x as f64 + phase) / period).sin() * ((y as f64 - phase) / period).cos() * 80.0 + 128.0) as u8
            };
            let edge = if (x / 40 + y / 30) % 2 == 0 { 30 } else { 0 };
            data.extend([wave(31.0, 0.0) + edge, wave(47.0, 9.0), wave(23.0, 4.0).saturating_sub(edge)]);
        }
    }
    RgbImage { width, height, data }
}

/// Runs a Python program with OpenCV on `arguments`; its standard output.
fn opencv(python: &mut std::process::Command, program: &str, arguments: &[&str]) -> Vec<u8> {
    run(python.args(["-c", &format!("import sys, numpy as np, cv2\n{program}")]).args(arguments)).stdout
}

#[test]
fn jpegs_decode_to_nearly_the_same_picture() {
    let folder = tempfile::tempdir().unwrap();
    for (width, height) in [(320, 240), (321, 77), (1, 1)] {
        for (quality, bound) in [(75, 30.0), (85, 32.0), (95, 38.0)] {
            let Some(mut python) = python_or_skip("JPEGs decode to nearly the same picture") else { return };
            let image = scene(width, height);
            let path = folder.path().join("image.jpg");
            fs::write(&path, jpeg(&image, quality).unwrap()).unwrap();
            let decoded = opencv(
                &mut python,
                "sys.stdout.buffer.write(cv2.imread(sys.argv[1])[:, :, ::-1].tobytes())",
                &[path.to_str().unwrap()],
            );
            assert_eq!(decoded.len(), image.data.len());
            let squares: f64 =
                decoded.iter().zip(&image.data).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
            let psnr = 10.0 * (255.0 * 255.0 * decoded.len() as f64 / squares.max(1e-9)).log10();
            assert!(psnr >= bound, "{width}x{height} at quality {quality}: {psnr:.1} dB");
        }
    }
    assert_eq!(jpeg(&scene(2, 2), 0).unwrap_err().kind(), ErrorKind::Usage);
    let wide = RgbImage { width: 65_536, height: 1, data: vec![0; 3 * 65_536] };
    assert_eq!(jpeg(&wide, 80).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn images_shrink_by_area_as_opencv_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.rgb");
    for (width, height, side, size) in
        [(320, 240, 100, (100, 75)), (211, 333, 97, (61, 97)), (300, 3, 40, (40, 1)), (64, 48, 64, (64, 48))]
    {
        let Some(mut python) = python_or_skip("images shrink by area") else { return };
        let image = scene(width, height);
        fs::write(&path, &image.data).unwrap();
        let picture = Picture {
            width,
            height,
            layout: layout("rgb24"),
            planes: [
                PlaneRef { data: &image.data, stride: 3 * width },
                PlaneRef::default(),
                PlaneRef::default(),
                PlaneRef::default(),
            ],
            color: Color { range: ColorRange::Full, matrix: ColorMatrix::Rgb },
            chroma_location: ChromaLocation::Left,
        };
        let small = rgb8(&picture, Orientation::default(), Some(side)).unwrap();
        assert_eq!((small.width, small.height), size);
        let wanted = opencv(
            &mut python,
            "w, h, W, H = map(int, sys.argv[2:])\n\
             image = np.fromfile(sys.argv[1], np.uint8).reshape(h, w, 3).astype(np.float64)\n\
             sys.stdout.buffer.write(cv2.resize(image, (W, H), interpolation=cv2.INTER_AREA).tobytes())",
            &[
                path.to_str().unwrap(),
                &width.to_string(),
                &height.to_string(),
                &size.0.to_string(),
                &size.1.to_string(),
            ],
        );
        for (index, (got, wanted)) in small.data.iter().zip(wanted.as_chunks::<8>().0).enumerate() {
            let wanted = f64::from_le_bytes(*wanted);
            assert!(
                (f64::from(*got) - wanted).abs() <= 0.51,
                "{width}x{height} to {side}: {got} for {wanted} at {index}"
            );
        }
        // Turned on its side it is the same image, turned.
        let turned = rgb8(&picture, Orientation { rotation: 90, mirrored: false }, Some(side)).unwrap();
        assert_eq!((turned.height, turned.width), size);
        for y in 0..small.height {
            for x in 0..small.width {
                let at = |image: &RgbImage, x: usize, y: usize| image.data[3 * (y * image.width + x)];
                let (upright, sideways) = (at(&small, x, y), at(&turned, turned.width - 1 - y, x));
                assert!(upright.abs_diff(sideways) <= 1, "{width}x{height} to {side}: pixel {x},{y}");
            }
        }
    }
}

#[test]
fn wrong_pictures_are_refused() {
    let bytes = vec![0u8; 64 * 64 * 3];
    let good = planar("yuv420p", 63, 64, &bytes, ColorRange::Limited, ColorMatrix::Bt709, ChromaLocation::Left);
    let letterbox = Letterbox::new(63, 64, 64).unwrap();
    let mut out = vec![0.0; letterbox.values()];
    let mut convert = |picture: &Picture, orientation, out_len: usize| {
        letterbox_rgb(picture, orientation, &letterbox, &mut out[..out_len]).map_err(|error| error.kind())
    };
    let upright = Orientation::default();
    let values = letterbox.values();
    assert_eq!(convert(&good, upright, values), Ok(()));
    assert_eq!(convert(&good, upright, values - 1), Err(ErrorKind::Defect));
    assert_eq!(convert(&good, Orientation { rotation: 90, mirrored: false }, values), Err(ErrorKind::BadInput));
    assert_eq!(convert(&good, Orientation { rotation: 45, mirrored: false }, values), Err(ErrorKind::Defect));

    let mut short = good;
    short.planes[2].data = &short.planes[2].data[..32 * 32 - 1];
    assert_eq!(convert(&short, upright, values), Err(ErrorKind::Defect));
    let mut narrow = good;
    narrow.planes[0].stride = 62;
    assert_eq!(convert(&narrow, upright, values), Err(ErrorKind::Defect));
    let mut huge = good;
    huge.planes[1].stride = usize::MAX / 2;
    assert_eq!(convert(&huge, upright, values), Err(ErrorKind::Defect));
    let mut missing = good;
    missing.layout.components[1].plane = 4;
    assert_eq!(convert(&missing, upright, values), Err(ErrorKind::Defect));
    let mut overlapping = good;
    overlapping.layout.components[0].offset = 1;
    assert_eq!(convert(&overlapping, upright, values), Err(ErrorKind::Defect));
    let mut unclear = good;
    unclear.color.matrix = ColorMatrix::Rgb;
    assert_eq!(convert(&unclear, upright, values), Err(ErrorKind::BadInput));
    assert_eq!(rgb8(&good, upright, Some(0)).unwrap_err().kind(), ErrorKind::Usage);
    // Luma alone is whole.
    assert_eq!(luma8(&short, upright).unwrap().height, 64);
}
