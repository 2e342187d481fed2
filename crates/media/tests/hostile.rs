//! Bad input is refused in one clear line, or survived; it never hangs, panics, or makes another file be read.

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use framefan_contract::{Error, ErrorKind, Result};
use framefan_media::{ByteSource, DecodeOptions, FrameReader, Limits, probe};
use framefan_testkit::{hostile, videos};
use support::{chunks, decode, probed, source};

fn refused(path: &Path) -> String {
    let error = probed(path).err().unwrap_or_else(|| panic!("{} is accepted", path.display()));
    assert_eq!(error.kind(), ErrorKind::BadInput, "{}: {error}", path.display());
    assert!(!error.message().contains('\n') && error.message().len() < 400, "{error}");
    error.message().to_owned()
}

#[test]
fn what_is_no_video_of_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let sound = videos::path("h264.mp4");
    assert!(refused(&hostile::empty(folder)).contains("empty"));
    refused(&hostile::text(folder));
    assert!(refused(&hostile::audio_only(folder)).contains("no video stream"));
    refused(&hostile::no_frames(folder));
    assert!(refused(&hostile::very_wide(folder)).contains("16384x16"));
    assert!(refused(&hostile::very_large(folder)).contains("16000x16000"));
    assert!(refused(&hostile::unlisted_codec(folder)).contains("ffv1"));
    refused(&hostile::unlisted_container(folder));
    refused(&hostile::playlist(folder, &sound));
    refused(&hostile::concat_script(folder, &sound));
    refused(&hostile::data_reference_alias(folder, &sound));
    assert!(refused(&hostile::data_reference_url(folder, &sound)).contains("another file"));
    // The tables of this file come last.
    refused(&hostile::truncated(folder, &sound, 0.5));
}

#[test]
fn one_frame_without_duration_has_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = hostile::zero_duration(folder.path());
    let probe = probed(&path).unwrap();
    assert_eq!(probe.info.frames, 1);
    assert!(probe.index.end_pts > probe.info.origin_pts);
    let decoded = decode(&path, &probe, &chunks(&probe, &[0], 0), 0, 0).unwrap();
    assert_eq!(decoded.frames.len(), 1);
}

#[test]
fn a_change_of_size_is_damage_not_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = hostile::changes_size(folder.path());
    let probe = probed(&path).unwrap();
    let decoded = decode(&path, &probe, &chunks(&probe, &[0], 0), 0, 0).unwrap();
    assert_eq!(decoded.frames.len(), 50);
    // The cut in the stream damages a frame before; everything after is of another size.
    let last = decoded.damaged.last().unwrap();
    assert!(last.start_s <= 2.0 && last.end_s > 3.9, "{:?}", decoded.damaged);
}

#[test]
fn truncation_anywhere_ends_in_frames_or_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let mut decoded = 0;
    for name in
        ["h264_faststart.mp4", "h264_fragmented.mp4", "h264_open_gop.mkv", "h264.ts", "mpeg4_bframes.avi", "mpeg1.mpg"]
    {
        for share in [0.01, 0.1, 0.35, 0.8, 0.99] {
            let path = hostile::truncated(folder.path(), &videos::path(name), share);
            let probe = match probed(&path) {
                Ok(probe) => probe,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::BadInput, "{name} {share}: {error}");
                    continue;
                }
            };
            let found = decode(&path, &probe, &chunks(&probe, &[0], 0), 0, 0).unwrap();
            assert!(found.frames.len() as u64 <= probe.info.frames, "{name} {share}");
            decoded += 1;
        }
    }
    assert!(decoded > 12, "{decoded}");
}

#[test]
fn flipped_headers_end_in_frames_or_refusal() {
    let folder = tempfile::tempdir().unwrap();
    for name in
        ["h264_faststart.mp4", "h264.mp4", "h264_open_gop.mkv", "h264.ts", "vp9_opus.webm", "mpeg1.mpg", "h264.avi"]
    {
        for seed in 0..12 {
            let path = hostile::bits_flipped(folder.path(), &videos::path(name), seed, 60, 0);
            match probed(&path) {
                Ok(probe) => match decode(&path, &probe, &chunks(&probe, &[0], 0), 0, 0) {
                    Ok(_) => {}
                    Err(error) => assert_eq!(error.kind(), ErrorKind::BadInput, "{name} {seed}: {error}"),
                },
                Err(error) => assert_eq!(error.kind(), ErrorKind::BadInput, "{name} {seed}: {error}"),
            }
        }
    }
}

/// A source that fails after some bytes, by an error or a panic.
struct Failing {
    inner: Arc<dyn ByteSource>,
    left: AtomicU64,
    panics: bool,
}

impl ByteSource for Failing {
    fn size(&self) -> u64 {
        self.inner.size()
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.left.store(0, Ordering::Relaxed);
            assert!(!self.panics, "the source panics");
            return Err(Error::retryable("the network is gone"));
        }
        self.inner.read_at(offset, buf)
    }
    fn name(&self) -> &str {
        self.inner.name()
    }
}

#[test]
fn a_failing_source_is_reported_as_itself() {
    let path = videos::path("h264_open_gop.mkv");
    let sound = probed(&path).unwrap();
    for panics in [false, true] {
        let wanted = if panics { ErrorKind::Defect } else { ErrorKind::Retryable };
        let failing = |left| Arc::new(Failing { inner: source(&path), left: AtomicU64::new(left), panics });
        // The probe reads this small file in one go, twice.
        for left in 0..2 {
            assert_eq!(probe(failing(left), &Limits::default()).unwrap_err().kind(), wanted, "after {left} reads");
        }
        let parts = chunks(&sound, &[0], 0);
        let opened = FrameReader::open(failing(0), &sound.info, sound.index.method, &parts, &DecodeOptions::default());
        assert_eq!(opened.err().unwrap().kind(), wanted);
    }
}

#[test]
fn limits_are_checked() {
    let path = videos::path("h264.mp4");
    let sound = Limits::default();
    for limits in [
        Limits { max_bytes: 1000, ..sound.clone() },
        Limits { max_duration_s: 1.0, ..sound.clone() },
        Limits { max_pixels: 1000, ..sound.clone() },
        Limits { max_side: 100, ..sound.clone() },
        Limits { max_frames: 10, ..sound.clone() },
    ] {
        let error = probe(source(&path), &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadInput);
        assert!(error.message().contains("limit"), "{error}");
    }
}

#[test]
fn what_ffmpeg_says_stays_inside() {
    // Run by itself in a child: the library must not write to standard error.
    let folder = tempfile::tempdir().unwrap();
    let text = hostile::text(folder.path());
    if std::env::var_os("FRAMEFAN_QUIET_CHILD").is_some() {
        let _ = probed(&text);
        return;
    }
    let me = std::env::current_exe().unwrap();
    let output = std::process::Command::new(me)
        .args(["--exact", "what_ffmpeg_says_stays_inside", "--nocapture"])
        .env("FRAMEFAN_QUIET_CHILD", "1")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    fs::remove_file(text).unwrap();
}
