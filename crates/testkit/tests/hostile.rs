//! Checks that the hostile inputs are what they claim to be, with FFmpeg as the careless reader.

#![allow(clippy::unwrap_used)] // a panic here is a failed test

use std::fs;
use std::path::Path;
use std::process::Output;

use framefan_testkit::{ffmpeg, ffprobe_json, framemd5, hostile, videos};

/// Decodes the first video stream of a file with FFmpeg, with input options.
fn decode(path: &Path, options: &[&str]) -> Output {
    let mut command = ffmpeg();
    command.args(options).arg("-i").arg(path).args(["-map", "0:v:0", "-f", "framemd5", "-"]);
    command.output().unwrap()
}

fn frames(output: &Output) -> usize {
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| !line.starts_with('#')).count()
}

#[test]
fn what_is_not_a_video_does_not_decode() {
    let folder = tempfile::tempdir().unwrap();
    for path in [hostile::empty(folder.path()), hostile::text(folder.path()), hostile::audio_only(folder.path())] {
        assert!(!decode(&path, &[]).status.success(), "{}", path.display());
    }
    let streams = ffprobe_json(&folder.path().join("audio_only.mp4"), &["-show_streams"]);
    assert_eq!(streams["streams"][0]["codec_type"], "audio");
    assert_eq!(frames(&decode(&hostile::no_frames(folder.path()), &[])), 0);
}

#[test]
fn damage_is_repeatable_and_real() {
    let folder = tempfile::tempdir().unwrap();
    let video = videos::path("h264_faststart.mp4");
    let whole = framemd5(&video).frames;
    let cut = decode(&hostile::truncated(folder.path(), &video, 0.5), &[]);
    assert!((1..whole.len()).contains(&frames(&cut)), "{} frames", frames(&cut));

    let spare = fs::metadata(&video).unwrap().len() as usize / 4;
    let flipped = hostile::bits_flipped(folder.path(), &video, 7, 40, spare);
    let first = fs::read(&flipped).unwrap();
    assert_eq!(first, fs::read(hostile::bits_flipped(folder.path(), &video, 7, 40, spare)).unwrap());
    let original = fs::read(&video).unwrap();
    assert_eq!(first[..spare], original[..spare]);
    let changed: u32 = first.iter().zip(&original).map(|(a, b)| (a ^ b).count_ones()).sum();
    assert!((30..=40).contains(&changed), "{changed} bits");
    assert_ne!(framemd5(&flipped).frames, whole);
}

#[test]
fn sizes_and_durations_are_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let wide = ffprobe_json(&hostile::very_wide(folder.path()), &["-show_streams"]);
    assert_eq!((&wide["streams"][0]["width"], &wide["streams"][0]["height"]), (&16384.into(), &16.into()));
    let large = hostile::very_large(folder.path());
    assert!(fs::metadata(&large).unwrap().len() < 8 << 20);
    let streams = ffprobe_json(&large, &["-show_streams"]);
    assert_eq!((&streams["streams"][0]["width"], &streams["streams"][0]["height"]), (&16000.into(), &16000.into()));
    let still = hostile::zero_duration(folder.path());
    let probed = ffprobe_json(&still, &["-show_streams", "-show_packets"]);
    assert_eq!(probed["streams"][0]["duration_ts"].as_i64().unwrap_or(0), 0);
    assert_eq!(probed["packets"].as_array().unwrap().len(), 1);
    assert_eq!(frames(&decode(&still, &[])), 1);
}

#[test]
fn unlisted_formats_are_sound_videos() {
    let folder = tempfile::tempdir().unwrap();
    for (path, field, name) in [
        (hostile::unlisted_codec(folder.path()), "codec_name", "ffv1"),
        (hostile::unlisted_container(folder.path()), "format_name", "flv"),
    ] {
        let probed = ffprobe_json(&path, &["-show_format", "-show_streams"]);
        assert!(probed["format"][field] == name || probed["streams"][0][field] == name, "{probed}");
        assert_eq!(frames(&decode(&path, &[])), 25);
    }
    let sizes = ffprobe_json(&hostile::changes_size(folder.path()), &["-show_frames"]);
    let widths: Vec<i64> = sizes["frames"].as_array().unwrap().iter().map(|f| f["width"].as_i64().unwrap()).collect();
    assert_eq!((widths[0], widths[widths.len() - 1], widths.len()), (192, 128, 100));
}

#[test]
fn a_careless_reader_would_open_the_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("secret.mov");
    fs::copy(videos::path("mjpeg_full.mov"), &target).unwrap();

    let list = ["-f", "hls", "-allowed_extensions", "ALL"];
    let ts = folder.path().join("secret.ts");
    fs::copy(videos::path("h264.ts"), &ts).unwrap();
    assert_eq!(frames(&decode(&hostile::playlist(folder.path(), &ts), &list)), 75);
    let concat = hostile::concat_script(folder.path(), &target);
    assert_eq!(frames(&decode(&concat, &["-f", "concat", "-safe", "0"])), 75);

    // The media data of `alias.mov` is what lies at the same places of the target: with a copy of itself, its frames.
    let alias = hostile::data_reference_alias(folder.path(), &folder.path().join("other.mov"));
    fs::copy(&alias, folder.path().join("other.mov")).unwrap();
    let follow = ["-enable_drefs", "1", "-use_absolute_path", "1"];
    assert_eq!(frames(&decode(&alias, &follow)), 25);
    fs::write(folder.path().join("other.mov"), vec![0; 400_000]).unwrap();
    assert_eq!(frames(&decode(&alias, &follow)), 0, "the zeros of the other file are no pictures");

    let url = hostile::data_reference_url(folder.path(), &target);
    let bytes = fs::read(url).unwrap();
    let address = format!("file://{}", target.display());
    assert!(bytes.windows(address.len()).any(|window| window == address.as_bytes()));
}
