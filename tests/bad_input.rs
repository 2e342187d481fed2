//! Bad input ends with exit code 3 and one line that says what is wrong; damage in the middle is named in the result.
//! Nothing panics, hangs, or reads outside the input.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod support;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use framefan_testkit::{hostile, videos};
use support::{Small, framefan, random_weights, summary};

/// Runs a command that must end within a minute: exit code, standard output, standard error.
fn end_of(mut command: Command) -> (Option<i32>, String, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "hangs: {command:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (child.wait().unwrap().code(), out, err)
}

fn run(video: &Path, out: &Path) -> Command {
    let weights = random_weights();
    Small { analyzers: &["pose"], video, weights: &weights, out, chunk_seconds: "1", shards: 2, workers: 2 }.command()
}

/// Probe, plan and run refuse the file with code 3 and one line that names it and contains one of `reasons`.
fn refused(video: &Path, reasons: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut probe = framefan();
    probe.arg("probe").arg(video);
    let mut plan = framefan();
    plan.arg("plan").arg(video).args(["--analyzer", "pose"]);
    for command in [probe, plan, run(video, folder.path())] {
        let (code, out, err) = end_of(command);
        let what = format!("{}: {out}{err}", video.display());
        assert_eq!(code, Some(3), "{what}");
        assert_eq!(err.trim_end().lines().count(), 1, "{what}");
        assert!(err.starts_with("framefan: ") && err.contains(&*video.to_string_lossy()), "{what}");
        // The file's name may tell, too; the reason must.
        let reason_given = err.replace(&*video.to_string_lossy(), "");
        assert!(reasons.iter().any(|reason| reason_given.contains(reason)), "{what}");
        assert!(out.is_empty(), "{what}");
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn empty_file() {
    let folder = folder();
    refused(&hostile::empty(folder.path()), &["empty"]);
}

#[test]
fn text() {
    let folder = folder();
    refused(&hostile::text(folder.path()), &["not a video", "container"]);
}

#[test]
fn truncated_before_its_index() {
    let folder = folder();
    refused(&hostile::truncated(folder.path(), &videos::path("h264.mp4"), 0.5), &["moov"]);
}

#[test]
fn audio_only() {
    let folder = folder();
    refused(&hostile::audio_only(folder.path()), &["no video stream"]);
}

#[test]
fn no_frames() {
    let folder = folder();
    refused(&hostile::no_frames(folder.path()), &["no frame", "no video", "duration"]);
}

/// Headers that say that the movie lasts no time do not hide its one frame.
#[test]
fn zero_duration() {
    let folder = folder();
    let video = hostile::zero_duration(folder.path());
    let (code, out, err) = end_of(run(&video, &folder.path().join("out")));
    assert_eq!(code, Some(0), "{err}");
    let summary: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(summary["frames"], 1);
}

#[test]
fn too_wide_or_too_large() {
    let folder = folder();
    refused(&hostile::very_wide(folder.path()), &["16384"]);
    refused(&hostile::very_large(folder.path()), &["16000"]);
}

#[test]
fn containers_and_codecs_that_are_not_on_the_list() {
    let folder = folder();
    refused(&hostile::unlisted_codec(folder.path()), &["ffv1"]);
    refused(&hostile::unlisted_container(folder.path()), &["container", "not a video"]);
}

/// Playlists, scripts and data references name another file; it must not be opened.
#[test]
fn files_that_name_another_file() {
    let folder = folder();
    let named = folder.path().join("named_inside.mp4");
    std::fs::copy(videos::path("h264.mp4"), &named).unwrap();
    let inputs = [
        hostile::playlist(folder.path(), &named),
        hostile::concat_script(folder.path(), &named),
        hostile::data_reference_alias(folder.path(), &named),
        hostile::data_reference_url(folder.path(), &named),
    ];
    for video in inputs {
        refused(&video, &["not a video", "container", "in another file"]);
        no_other_file_is_opened(&video, &named);
    }
}

fn no_other_file_is_opened(video: &Path, named: &Path) {
    if Command::new("strace").arg("-V").output().is_err() {
        framefan_testkit::skip("a file named inside the input is not opened", "strace");
        return;
    }
    let folder = folder();
    let (trace, out) = (folder.path().join("trace"), folder.path().join("out"));
    let run = run(video, &out);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-e", "trace=open,openat,openat2,connect,execve", "-o"]).arg(&trace);
    traced.arg(run.get_program()).args(run.get_args());
    end_of(traced);
    let trace = std::fs::read_to_string(&trace).unwrap();
    assert!(trace.contains(&*video.to_string_lossy()), "the trace shows nothing");
    assert!(!trace.contains(&*named.file_name().unwrap().to_string_lossy()), "{}:\n{trace}", video.display());
}

#[test]
fn one_frame_is_a_video() {
    let folder = folder();
    let video = videos::path("h264_one_frame.mp4");
    let summary = summary(&run(&video, folder.path()).output().unwrap());
    assert_eq!((&summary["frames"], &summary["chunks"]), (&1.into(), &1.into()));
}

#[test]
fn missing_and_unreadable_files_are_not_found() {
    let folder = folder();
    for video in [folder.path().join("missing.mp4"), folder.path().to_path_buf()] {
        let mut command = framefan();
        command.arg("probe").arg(&video);
        let (code, _, err) = end_of(command);
        assert_eq!(code, Some(4), "{err}");
    }
}

/// Cut in the middle of its media data, index at the front: what is there is analyzed, the rest is named.
#[test]
fn cut_in_the_middle() {
    let folder = folder();
    let video = hostile::truncated(folder.path(), &videos::path("h264_faststart.mp4"), 0.6);
    let summary = summary(&run(&video, &folder.path().join("out")).output().unwrap());
    let results: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(summary["results"].as_str().unwrap()).unwrap()).unwrap();
    let frames = results["frames_processed"].as_u64().unwrap();
    assert!(frames > 0 && frames < results["video"]["frames"].as_u64().unwrap(), "{frames}");
    let damaged = results["damaged"].as_array().unwrap();
    assert!(!damaged.is_empty(), "the lost part is not named");
    assert!(damaged.last().unwrap()["end_s"].as_f64().unwrap() > 2.0, "{damaged:?}");
}

/// Bits flipped all over the media data: every seed either completes, with the damage named, or is refused.
#[test]
fn flipped_bits() {
    let folder = folder();
    let mut damaged_runs = 0;
    for seed in 0..6 {
        let video: PathBuf = hostile::bits_flipped(folder.path(), &videos::path("h264_faststart.mp4"), seed, 40, 8000);
        let out = folder.path().join(format!("out-{seed}"));
        let (code, out, err) = end_of(run(&video, &out));
        match code {
            Some(0) => {
                let summary: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
                let text = std::fs::read_to_string(summary["results"].as_str().unwrap()).unwrap();
                let results: serde_json::Value = serde_json::from_str(&text).unwrap();
                damaged_runs += usize::from(!results["damaged"].as_array().unwrap().is_empty());
            }
            Some(3) => assert_eq!(err.trim_end().lines().count(), 1, "{err}"),
            _ => panic!("seed {seed}: exit {code:?}\n{err}"),
        }
    }
    assert!(damaged_runs > 0, "no seed damaged the video visibly: the test proves nothing");
}
