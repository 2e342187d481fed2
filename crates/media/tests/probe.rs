//! What the probe says of a video, and what it reads to know it.

mod support;

use std::path::Path;

use framefan_contract::video::IndexMethod;
use framefan_testkit::videos::{self, Trait};
use framefan_testkit::{ffmpeg, ffprobe_json, run};
use support::probed;

/// What a trait says that the probe says otherwise.
fn contradiction(info: &framefan_contract::video::VideoInfo, wanted: &Trait) -> Option<String> {
    let same = match *wanted {
        Trait::Container(name) => info.container.contains(name),
        Trait::Codec(name) => info.codec == name,
        Trait::PixelFormat(name) => info.pixel_format == name,
        Trait::Size(width, height) => (info.coded_width, info.coded_height) == (width, height),
        Trait::Range(range) => info.color_range == if range == "pc" { "full" } else { "limited" },
        Trait::Matrix("smpte170m") => info.color_matrix == "bt601",
        Trait::Matrix("bt2020nc") => info.color_matrix == "bt2020",
        Trait::Matrix("gbr") => info.color_matrix == "rgb",
        Trait::Matrix(name) => info.color_matrix == name,
        // Left and right swapped after no turn is what the matrix says; FFmpeg may reach it by other steps.
        Trait::Rotation { clockwise, mirrored } => (info.rotation, info.mirrored) == (clockwise, mirrored),
        Trait::Sar(text) => format!("{}:{}", info.sample_aspect_ratio.num, info.sample_aspect_ratio.den) == text,
        Trait::Frames(frames) => info.frames == frames as u64,
        Trait::Streams("audio", count) => info.audio_streams as usize == count,
        _ => true,
    };
    (!same).then(|| format!("wanted {wanted:?}, found {info:?}"))
}

#[test]
fn properties_are_those_the_videos_were_made_with() {
    let mut wrong = Vec::new();
    for (spec, path) in videos::all("properties_are_those_the_videos_were_made_with") {
        let info = probed(&path).unwrap_or_else(|e| panic!("{}: {e}", spec.name)).info;
        for wanted in spec.traits {
            wrong.extend(contradiction(&info, wanted).map(|text| format!("{}: {text}", spec.name)));
        }
        let turned = info.rotation % 180 == 90;
        let displayed =
            if turned { (info.coded_height, info.coded_width) } else { (info.coded_width, info.coded_height) };
        assert_eq!((info.width, info.height), displayed, "{}", spec.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_end_of_the_video_is_where_ffprobe_sees_it() {
    for name in ["h264.mp4", "h264_ntsc.mkv", "h264.ts", "vp9_opus.webm", "h264_delayed.mp4"] {
        let path = videos::path(name);
        let info = probed(&path).unwrap().info;
        let seen = ffprobe_json(&path, &["-show_entries", "stream=codec_type,avg_frame_rate"]);
        let rate =
            seen["streams"].as_array().unwrap().iter().find(|s| s["codec_type"] == "video").unwrap()["avg_frame_rate"]
                .clone();
        let (num, den) = rate.as_str().unwrap().split_once('/').unwrap();
        let fps = num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap();
        assert!((info.duration_s - info.frames as f64 / fps).abs() < 0.02, "{name}: {info:?}");
        assert!((info.average_fps.as_f64() - fps).abs() < 1e-6, "{name}: {info:?}");
    }
}

/// A video of some 20 MB whose tables are small.
fn heavy(path: &Path, more: &[&str]) {
    let mut command = ffmpeg();
    command.args(["-y", "-f", "lavfi", "-i", "nullsrc=s=640x360:r=25:d=4,geq=random(1)*255:128:128"]);
    run(command
        .args(["-f", "lavfi", "-i", "sine=f=440:d=4", "-c:v", "mpeg4", "-q:v", "1", "-g", "10", "-c:a", "aac"])
        .args(more)
        .arg(path));
}

#[test]
fn tables_are_read_and_media_data_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let layouts: [&[&str]; 3] =
        [&[], &["-movflags", "+faststart"], &["-movflags", "frag_keyframe+empty_moov+default_base_moof"]];
    for more in layouts {
        let path = folder.path().join("heavy.mp4");
        heavy(&path, more);
        let probe = probed(&path).unwrap();
        assert_eq!(probe.index.method, IndexMethod::Tables, "{more:?}");
        assert_eq!(probe.info.frames, 100, "{more:?}");
        assert!(probe.info.size_bytes > 10 << 20, "{} bytes", probe.info.size_bytes);
        assert!(probe.bytes_read < 1 << 20, "{more:?}: {} bytes read", probe.bytes_read);
        assert_eq!(probe.index.packets.iter().filter(|p| p.key).count(), 10, "{more:?}");
    }
}

#[test]
fn the_same_bytes_have_the_same_digest() {
    let path = videos::path("h264_open_gop.mkv");
    let first = probed(&path).unwrap();
    assert_eq!(first.digest, probed(&path).unwrap().digest);
    assert_eq!(first.digest.len(), 64);
    let folder = tempfile::tempdir().unwrap();
    let other = framefan_testkit::hostile::bits_flipped(folder.path(), &path, 1, 1, 9000);
    assert_ne!(first.digest, probed(&other).unwrap().digest);
}
