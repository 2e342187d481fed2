//! Frames equal FFmpeg's, whole and in any chunking: count, timestamps and pixels of every frame.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use framefan_contract::video::IndexMethod;
use framefan_media::DecodeOptions;
use framefan_testkit::{FrameHashes, data_or_skip, framemd5, framemd5_of, videos};
use support::{Hashed, chunks, decode, decode_as, decode_groups, probed, random_starts};

/// What differs between two lists of frames, in one line.
fn difference(ours: &[Hashed], theirs: &[Hashed]) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let at = ours.iter().zip(theirs).position(|(a, b)| a != b).unwrap_or(ours.len().min(theirs.len()));
    Some(format!(
        "{} frames, FFmpeg has {}; first difference at {at}: {:?} / {:?}",
        ours.len(),
        theirs.len(),
        ours.get(at),
        theirs.get(at)
    ))
}

/// Compares a file with FFmpeg as a whole and in two random chunkings; returns what is wrong.
fn compare(path: &Path, expected: &FrameHashes, seed: u64) -> Result<IndexMethod, String> {
    let probe = probed(path).map_err(|e| format!("probe: {e}"))?;
    let info = &probe.info;
    let method = probe.index.method;
    if (info.time_base.num, info.time_base.den) != expected.time_base {
        return Err(format!("time base {:?}", info.time_base));
    }
    let theirs: Vec<i64> = expected.frames.iter().map(|f| f.0).collect();
    let times = probe.index.presentation_times();
    if times != theirs {
        let at = times.iter().zip(&theirs).position(|(a, b)| a != b);
        return Err(format!(
            "{method:?} index of {} times, FFmpeg has {}; differs at {at:?}: {:?} / {:?}",
            times.len(),
            theirs.len(),
            &times[..times.len().min(6)],
            &theirs[..theirs.len().min(6)]
        ));
    }
    if info.origin_pts != theirs[0] || info.frames != theirs.len() as u64 {
        return Err(format!("origin {} frames {}", info.origin_pts, info.frames));
    }
    let whole = chunks(&probe, &[0], 0);
    let decoded = decode(path, &probe, &whole, 0, 0).map_err(|e| format!("whole: {e}"))?;
    if let Some(text) = difference(&decoded.frames, &expected.frames) {
        return Err(format!("{method:?} whole: {text}"));
    }
    if !decoded.damaged.is_empty() {
        return Err(format!("damage found in a sound file: {:?}", decoded.damaged));
    }
    for (round, threads) in [(0u64, 0usize), (1, 1)] {
        let starts = random_starts(seed + round, times.len(), 5);
        let parts = chunks(&probe, &starts, 1);
        let groups: Vec<usize> =
            random_starts(seed + 7 + round, 3, parts.len()).iter().map(|g| g + 1).cycle().take(parts.len()).collect();
        let decoded =
            decode_groups(path, &probe, &parts, &groups, threads).map_err(|e| format!("chunks at {starts:?}: {e}"))?;
        if let Some(text) = difference(&decoded.frames, &expected.frames) {
            return Err(format!("{method:?} chunks at {starts:?}, {groups:?} together, {threads} threads: {text}"));
        }
        if !decoded.damaged.is_empty() {
            return Err(format!("chunks at {starts:?}: damage found in a sound file: {:?}", decoded.damaged));
        }
    }
    // Every seventh frame, others left out where no frame needs them.
    let only: BTreeSet<i64> = (0..).zip(&theirs).filter(|(n, _)| n % 7 == seed % 7).map(|(_, pts)| *pts).collect();
    let options = DecodeOptions { only: Some(only.clone()), ..DecodeOptions::default() };
    let mut decoded = decode_as(path, &probe, &whole, &options).map_err(|e| format!("some frames: {e}"))?.frames;
    decoded.retain(|frame| only.contains(&frame.0));
    let wanted: Vec<Hashed> = expected.frames.iter().filter(|frame| only.contains(&frame.0)).cloned().collect();
    if let Some(text) = difference(&decoded, &wanted) {
        return Err(format!("some frames: {text}"));
    }
    // A stencil of two frames before each later chunk.
    for &start in random_starts(seed, times.len(), 2).iter().filter(|&&s| s > 0) {
        let parts = chunks(&probe, &[0, start], 2);
        let decoded = decode(path, &probe, &parts[1..], 0, 2).map_err(|e| format!("stencil at {start}: {e}"))?;
        let wanted = &expected.frames[start.saturating_sub(2)..start];
        let found: Vec<Hashed> = decoded.stencils.into_iter().map(|s| s.1).collect();
        if found != wanted || decoded.frames != expected.frames[start..] {
            return Err(format!("stencil at {start}: {:?} / {wanted:?}", found));
        }
    }
    Ok(method)
}

fn report(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} files differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn made_videos_decode_as_ffmpeg_decodes_them() {
    let mut wrong = Vec::new();
    for ((spec, path), seed) in videos::all("made_videos_decode_as_ffmpeg_decodes_them").into_iter().zip(0..) {
        match compare(&path, &framemd5_of(&path, spec.map()), seed * 100) {
            Ok(method) => println!("{} {method:?}", spec.name),
            Err(text) => wrong.push(format!("{}: {text}", spec.name)),
        }
    }
    report(wrong);
}

#[test]
fn real_videos_decode_as_ffmpeg_decodes_them() {
    let Some(data) = data_or_skip("real_videos_decode_as_ffmpeg_decodes_them") else { return };
    const DAMAGED: [&str; 5] = [
        "annex-b.mp4",
        "corrupted.mp4",
        "juggle_bitcorrupt.mp4",
        "juggle_truncated_faststart.mp4",
        "juggle_truncated_nomoov.mp4",
    ];
    let mut files = Vec::new();
    for folder in ["video", "video/edge"] {
        for entry in std::fs::read_dir(data.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let damaged = path.file_name().is_some_and(|name| DAMAGED.iter().any(|d| name == *d));
            if path.is_file() && !damaged {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() > 15);
    let mut wrong = Vec::new();
    for (path, seed) in files.iter().zip(0..) {
        match compare(path, &framemd5(path), seed * 100) {
            Ok(method) => println!("{} {method:?}", path.display()),
            Err(text) => wrong.push(format!("{}: {text}", path.display())),
        }
    }
    report(wrong);
}
