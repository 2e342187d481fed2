//! Damaged files: the same frames and the same spans for any chunking and any number of threads.

mod support;

use std::path::{Path, PathBuf};

use framefan_contract::ErrorKind;
use framefan_testkit::{data_or_skip, framemd5, hostile, videos};
use support::{Decodes, chunks, decode_groups, probed, random_starts};

/// Decodes a damaged file in several ways; all must agree. Returns what came out.
fn agree(path: &Path, seeds: std::ops::Range<u64>, threads: &[usize]) -> Result<Option<Decodes>, String> {
    let probe = match probed(path) {
        Ok(probe) => probe,
        Err(error) if error.kind() == ErrorKind::BadInput => return Ok(None),
        Err(error) => return Err(format!("{:?}: {error}", error.kind())),
    };
    let frames = probe.index.presentation_times().len();
    let whole = chunks(&probe, &[0], 1);
    let one = decode_groups(path, &probe, &whole, &[1], 1).map_err(|e| format!("one thread: {e}"))?;
    for &threads in threads {
        let many = decode_groups(path, &probe, &whole, &[1], threads).map_err(|e| format!("{threads} threads: {e}"))?;
        difference(&one, &many).map_or(Ok(()), |text| Err(format!("{threads} threads: {text}")))?;
    }
    for seed in seeds {
        let starts = random_starts(seed, frames, 4);
        let parts = chunks(&probe, &starts, 1);
        let groups = [1, 2, 1, 1, 1, 1];
        let cut = decode_groups(path, &probe, &parts, &groups, threads[seed as usize % threads.len()])
            .map_err(|e| format!("{starts:?}: {e}"))?;
        difference(&one, &cut).map_or(Ok(()), |text| Err(format!("chunks at {starts:?}: {text}")))?;
    }
    Ok(Some(one))
}

fn difference(one: &Decodes, other: &Decodes) -> Option<String> {
    if one.frames != other.frames {
        let at = one.frames.iter().zip(&other.frames).position(|(a, b)| a != b);
        let (a, b) = (at.map(|i| &one.frames[i]), at.map(|i| &other.frames[i]));
        return Some(format!(
            "{} and {} frames, first difference {at:?}: {a:?} {b:?}",
            one.frames.len(),
            other.frames.len()
        ));
    }
    if one.after_loss != other.after_loss {
        return Some(format!("frames after a loss {:?} and {:?}", one.after_loss, other.after_loss));
    }
    let spans = |d: &Decodes| d.damaged.iter().map(|s| (s.start_pts, s.end_pts)).collect::<Vec<_>>();
    (spans(one) != spans(other)).then(|| format!("spans {:?} and {:?}", spans(one), spans(other)))
}

#[test]
fn real_damaged_videos_give_the_same_frames_however_they_are_cut() {
    let Some(data) = data_or_skip("real_damaged_videos_give_the_same_frames_however_they_are_cut") else { return };
    let edge = data.join("video/edge");
    let mut wrong = Vec::new();
    for name in ["juggle_bitcorrupt.mp4", "corrupted.mp4", "juggle_truncated_faststart.mp4", "annex-b.mp4"] {
        match agree(&edge.join(name), 0..8, &[1, 2, 4]) {
            Ok(Some(decodes)) => {
                println!("{name}: {} frames, {:?}", decodes.frames.len(), decodes.damaged);
                if name != "corrupted.mp4" && decodes.damaged.is_empty() {
                    wrong.push(format!("{name}: no damage found"));
                }
            }
            Ok(None) => wrong.push(format!("{name}: refused")),
            Err(text) => wrong.push(format!("{name}: {text}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn frames_before_the_damage_are_ffmpegs() {
    let Some(data) = data_or_skip("frames_before_the_damage_are_ffmpegs") else { return };
    let path = data.join("video/edge/juggle_bitcorrupt.mp4");
    let expected = framemd5(&path).frames;
    let found = agree(&path, 0..1, &[2]).unwrap().expect("it decodes");
    let first = found.damaged.first().expect("it is damaged").start_pts;
    let before = expected.iter().filter(|f| f.0 < first).count();
    assert!(before > 0);
    assert_eq!(found.frames[..before], expected[..before]);
}

#[test]
fn the_frame_after_a_lost_group_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let whole = videos::path("h264.mp4");
    let times = |path: &Path| framemd5(path).frames.iter().map(|frame| frame.0).collect::<Vec<_>>();
    let sound = times(&whole);
    for group in 0..3 {
        let path = hostile::without_group(folder.path(), &whole, group);
        let found = agree(&path, 0..6, &[1, 2]).unwrap().expect("it decodes");
        // FFmpeg's own account of what is left, and of what was before it.
        let left = times(&path);
        let after_loss = |time: &&i64| {
            let place = sound.iter().position(|sound| sound == *time).expect("a frame of the sound video");
            place > 0 && !left.contains(&sound[place - 1])
        };
        // Nothing was before the first that is left.
        let expected: Vec<i64> = left[1..].iter().filter(after_loss).copied().collect();
        assert_eq!(expected.len(), usize::from(group == 1), "FFmpeg loses one group: {left:?}");
        assert_eq!(found.frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), left, "group {group}");
        assert_eq!(found.after_loss, expected, "group {group}");
    }
}

#[test]
fn flipped_bits_end_in_the_same_frames_or_in_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let mut decoded = 0;
    let names = ["h264.mp4", "h264_open_gop.ts", "h264_open_gop.mkv", "hevc_open_gop.mp4", "mpeg2_open_gop.mpg"];
    let more = [
        "mpeg4_bframes.avi",
        "vp8_altref.webm",
        "vp9_opus.webm",
        "av1_svt.mkv",
        "mjpeg_422.avi",
        "h264_fragmented.mp4",
    ];
    for name in names.into_iter().chain(more) {
        let Some(spec) = videos::ALL.iter().find(|s| s.name == name) else { continue };
        let Some(video) = spec.path_or_skip("flipped_bits") else { continue };
        for seed in 0..3 {
            let flipped: PathBuf = hostile::bits_flipped(folder.path(), &video, seed, 12, 2000);
            // FFmpeg's HEVC decoder leaves other garbage with several threads and does not always say so.
            let threads: &[usize] = if name.starts_with("hevc") { &[1] } else { &[1, 2, 4] };
            match agree(&flipped, seed..seed + 3, threads) {
                Ok(Some(_)) => decoded += 1,
                Ok(None) => {}
                Err(text) => wrong.push(format!("{name} seed {seed}: {text}")),
            }
        }
    }
    assert!(decoded > 5);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
