//! Videos hold the frames as drawn, and as many as the truth tells of. FFmpeg decodes them.

use std::process::Command;

use framefan_contract::error::ErrorKind;
use framefan_scene::{Scene, SceneSettings, VideoOptions, write_video};
use framefan_testkit::{ffmpeg, ffprobe_json, run};

fn scene() -> Scene {
    let settings = SceneSettings { width: 160, height: 96, frames: 23, people: 2, fps: 10, ..SceneSettings::default() };
    Scene::new(9, settings).expect("the settings are in range")
}

#[test]
fn a_lossless_video_decodes_to_the_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.mkv");
    let scene = scene();
    let truth = write_video(&scene, &path, &VideoOptions::lossless()).unwrap();
    assert_eq!(truth, scene.truths());
    let mut decode: Command = ffmpeg();
    decode.arg("-i").arg(&path).args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    let bytes = run(&mut decode).stdout;
    assert_eq!(bytes.len(), 23 * 160 * 96 * 3);
    for (index, frame) in bytes.chunks(160 * 96 * 3).enumerate() {
        assert!(scene.frame(index).0.data == frame, "frame {index}");
    }
}

#[test]
fn a_lossy_video_has_the_frames_times_and_colours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.mp4");
    let scene = scene();
    let truth = write_video(&scene, &path, &VideoOptions::default()).unwrap();
    let probe = ffprobe_json(&path, &["-count_frames", "-show_streams"]);
    let stream = &probe["streams"][0];
    assert_eq!(stream["nb_read_frames"].as_str(), Some(truth.frames.len().to_string().as_str()));
    assert_eq!((stream["r_frame_rate"].as_str(), stream["color_space"].as_str()), (Some("10/1"), Some("bt709")));
    let mut decode: Command = ffmpeg();
    decode.arg("-i").arg(&path).args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    let bytes = run(&mut decode).stdout;
    for (index, frame) in bytes.chunks(160 * 96 * 3).enumerate() {
        let drawn = scene.frame(index).0.data;
        let off: u64 = drawn.iter().zip(frame).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(
            (off as f64) < 6.0 * drawn.len() as f64,
            "frame {index} is off by {} on average",
            off / drawn.len() as u64
        );
    }
    let again = folder.path().join("again.mp4");
    write_video(&scene, &again, &VideoOptions::default()).unwrap();
    assert!(std::fs::read(path).unwrap() == std::fs::read(again).unwrap(), "the same scene gives the same file");
}

#[test]
fn what_ffmpeg_says_is_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let error =
        write_video(&scene(), &folder.path().join("a.mp4"), &VideoOptions::of("-c:v no_such_codec")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadInput);
    assert!(error.message().contains("no_such_codec"), "{error}");
}
