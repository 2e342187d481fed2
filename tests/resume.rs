//! A killed run loses at most the chunks in hand, and the run after it ends with the same bytes.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use framefan_contract::state::JobStage;
use framefan_store::{JobStore, SqliteJobs};
use framefan_testkit::videos;
use support::{Small, has_features, pose_section, random_weights, sections, summary};

fn video() -> PathBuf {
    videos::path("h264.mp4")
}

fn chunk_files(out: &Path) -> usize {
    let Ok(jobs) = std::fs::read_dir(out.join("jobs")) else { return 0 };
    jobs.filter_map(|job| std::fs::read_dir(job.unwrap().path().join("chunks")).ok())
        .flatten()
        .filter(|file| {
            let name = file.as_ref().unwrap().file_name();
            let name = name.to_string_lossy();
            name.starts_with("chunk_") && name.ends_with(".json")
        })
        .count()
}

fn start(run: &Small<'_>) -> Child {
    run.command().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn signal(child: &Child, signal: &str) {
    let status = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn kill_at_any_moment_and_run_again() {
    let (video, weights) = (video(), random_weights());
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("whole");
    let whole = Small {
        analyzers: &["pose"],
        video: &video,
        weights: &weights,
        out: &base,
        chunk_seconds: "0.5",
        shards: 2,
        workers: 2,
    };
    let began = Instant::now();
    let expected = pose_section(&whole.run());
    let wall = began.elapsed();
    let mut resumed_some = false;
    for attempt in 0..10u32 {
        // Moments spread over the whole run, start-up and merge included.
        let out = folder.path().join(format!("killed-{attempt}"));
        let run = Small { out: &out, shards: 1 + attempt % 3, workers: 1 + attempt % 2, ..whole.clone() };
        let mut child = start(&run);
        thread::sleep(wall * (attempt + 1) / 11);
        let _ = child.kill();
        child.wait().unwrap();
        let finished = chunk_files(&out);
        let summary = run.run();
        assert_eq!(pose_section(&summary), expected, "killed after {attempt}/11 of the run");
        assert_eq!(summary["resumed_chunks"], finished, "finished chunks were done again");
        resumed_some |= finished > 0;
    }
    assert!(resumed_some, "no kill came after the first chunk: the test proves nothing");
}

#[test]
fn a_stop_keeps_finished_chunks_and_exits_130() {
    let (video, weights) = (video(), random_weights());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let run = Small {
        analyzers: &["pose"],
        video: &video,
        weights: &weights,
        out: &out,
        chunk_seconds: "0.5",
        shards: 1,
        workers: 1,
    };
    for stop in ["-INT", "-TERM"] {
        let _ = std::fs::remove_dir_all(&out);
        let mut child = start(&run);
        let deadline = Instant::now() + Duration::from_secs(60);
        while chunk_files(&out) == 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        signal(&child, stop);
        let stopped = Instant::now();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{stop}");
        assert!(stopped.elapsed() < Duration::from_secs(20));
        let finished = chunk_files(&out);
        let job = || SqliteJobs::open(&out.join("jobs.sqlite")).unwrap().jobs(1).unwrap().remove(0);
        let stopped = job();
        let summary = run.run();
        assert!(finished > 0);
        assert_eq!(summary["resumed_chunks"], finished);
        // It is the same job that went on.
        assert_eq!((job().created_at, job().stage), (stopped.created_at, JobStage::Done));
    }
}

#[test]
fn asking_again_does_no_inference_and_force_starts_over() {
    let (video, weights) = (video(), random_weights());
    let folder = tempfile::tempdir().unwrap();
    let run = Small {
        analyzers: &["pose"],
        video: &video,
        weights: &weights,
        out: folder.path(),
        chunk_seconds: "1",
        shards: 1,
        workers: 1,
    };
    let first = run.run();
    assert_eq!(first["resumed_chunks"], 0);
    let again = run.run();
    assert_eq!(again["resumed_chunks"], again["chunks"]);
    assert_eq!(again["stages"]["infer_s"], 0.0);
    assert_eq!(pose_section(&again), pose_section(&first));
    // A parameter of the reduce stage makes another job out of the same chunks.
    let other = summary(&run.command().args(["--param", "pose.visibility=0.9"]).output().unwrap());
    assert_ne!(other["job_id"], first["job_id"]);
    assert_eq!(other["resumed_chunks"], other["chunks"]);
    assert_eq!(other["stages"]["infer_s"], 0.0);
    // A parameter of the chunk stage does not.
    let stricter = summary(&run.command().args(["--param", "pose.score=0.9"]).output().unwrap());
    assert_eq!(stricter["resumed_chunks"], 0);
    let forced = summary(&run.command().arg("--force").output().unwrap());
    assert_eq!(forced["job_id"], first["job_id"]);
    assert_eq!(forced["resumed_chunks"], 0);
    assert_eq!(pose_section(&forced), pose_section(&first));
}

#[test]
fn a_lost_chunk_file_is_made_again() {
    let (video, weights) = (video(), random_weights());
    for analyzer in ["pose", "track"] {
        let folder = tempfile::tempdir().unwrap();
        let run = Small {
            analyzers: &[analyzer],
            video: &video,
            weights: &weights,
            out: folder.path(),
            chunk_seconds: "0.5",
            shards: 1,
            workers: 1,
        };
        let first = run.run();
        // With features there are more files than chunks.
        assert_eq!(has_features(folder.path(), &first), analyzer == "track");
        let expected = sections(&first, &[analyzer]);
        let job = folder.path().join("jobs").join(first["job_id"].as_str().unwrap());
        std::fs::remove_file(job.join("chunks/chunk_0001.json")).unwrap();
        let again = run.run();
        assert_eq!(again["resumed_chunks"].as_u64().unwrap() + 1, again["chunks"].as_u64().unwrap());
        assert_eq!(sections(&again, &[analyzer]), expected);
    }
}

#[test]
fn two_runs_at_once_end_with_one_result() {
    let (video, weights) = (video(), random_weights());
    let folder = tempfile::tempdir().unwrap();
    let run = Small {
        analyzers: &["pose"],
        video: &video,
        weights: &weights,
        out: folder.path(),
        chunk_seconds: "0.5",
        shards: 1,
        workers: 1,
    };
    let children = [start(&run), start(&run)];
    let codes: Vec<_> = children.into_iter().map(|c| c.wait_with_output().unwrap().status.code()).collect();
    // One of them wins; the other one finishes after it, or is told to wait for it.
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 5))), "{codes:?}");
    let summary = run.run();
    assert_eq!(summary["resumed_chunks"], summary["chunks"]);
}

/// An artifact that cannot be written ends the run with an error that names it, and the job says why it failed.
#[test]
fn a_failing_stage_ends_the_run() {
    let (video, weights) = (video(), random_weights());
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    let run = Small {
        analyzers: &["pose"],
        video: &video,
        weights: &weights,
        out: &good,
        chunk_seconds: "0.5",
        shards: 2,
        workers: 2,
    };
    let job_id = run.run()["job_id"].as_str().unwrap().to_owned();
    // A file where the folder of chunks should be.
    std::fs::create_dir_all(bad.join("jobs").join(&job_id)).unwrap();
    std::fs::write(bad.join("jobs").join(&job_id).join("chunks"), b"").unwrap();
    let mut child = Small { out: &bad, ..run }.command().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "hangs");
        thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(4 | 5)), "{:?} {err}", output.status);
    assert!(err.contains("chunks"), "{err}");
    let item = SqliteJobs::open(&bad.join("jobs.sqlite")).unwrap().job(&job_id).unwrap().unwrap();
    assert_eq!(item.stage, JobStage::Failed);
    assert!(item.error.unwrap().message.contains("chunks"));
}
