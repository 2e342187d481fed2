//! FFmpeg's own account of a video's frames: their PTS and the MD5 of their pixels.

use std::path::Path;

use crate::tools::{ffmpeg, run};

/// Every frame that FFmpeg decodes from one stream, in presentation order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameHashes {
    /// Numerator and denominator of the unit of the PTS: the stream's own time base.
    pub time_base: (i64, i64),
    /// PTS and MD5 (hexadecimal) of the frame's planes, packed without padding, as decoded: neither rotated nor converted.
    pub frames: Vec<(i64, String)>,
}

/// The frames of the first video stream. Panics when FFmpeg fails.
pub fn framemd5(path: &Path) -> FrameHashes {
    framemd5_of(path, "0:v:0")
}

/// The frames of the stream that FFmpeg's `-map` syntax names, e.g. `0:1`. Panics when FFmpeg fails.
///
/// Without these options FFmpeg rounds PTS to the average frame rate, moves them to start at 0, and rotates.
/// One thread, because a damaged file decodes differently with more.
pub fn framemd5_of(path: &Path, map: &str) -> FrameHashes {
    let mut command = ffmpeg();
    command.args(["-copyts", "-noautorotate", "-threads", "1", "-i"]).arg(path);
    command.args(["-map", map, "-enc_time_base", "-1", "-fps_mode", "passthrough", "-f", "framemd5", "-"]);
    let text = String::from_utf8(run(&mut command).stdout).expect("framemd5 output is ASCII");
    parse(&text).unwrap_or_else(|line| panic!("framemd5 of {} has an unexpected line: {line}", path.display()))
}

/// Parses framemd5's text: `#tb 0: 1/12800`, then lines of stream, DTS, PTS, duration, size, hash. `Err` is the bad line.
fn parse(text: &str) -> Result<FrameHashes, String> {
    let mut time_base = None;
    let mut frames = Vec::new();
    for line in text.lines() {
        let parsed = if let Some(fraction) = line.strip_prefix("#tb 0:") {
            time_base = fraction.trim().split_once('/').and_then(|(n, d)| Some((n.parse().ok()?, d.parse().ok()?)));
            time_base.is_some()
        } else if line.starts_with('#') {
            true
        } else {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            match (fields.len(), fields.get(2).map(|pts| pts.parse())) {
                (6, Some(Ok(pts))) => {
                    frames.push((pts, fields[5].to_string()));
                    true
                }
                _ => false,
            }
        };
        if !parsed {
            return Err(line.to_string());
        }
    }
    Ok(FrameHashes { time_base: time_base.ok_or("no '#tb 0:' line")?, frames })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_time_base_pts_and_hash() {
        let text = "#format: frame checksums\n#tb 0: 1/12800\n#dimensions 0: 8x8\n0,  -2,   -512,  512,  96, 0a0b\n0, 1, 0, 512, 96, ff\n";
        let hashes = parse(text).unwrap();
        assert_eq!(hashes.time_base, (1, 12800));
        assert_eq!(hashes.frames, [(-512, "0a0b".to_string()), (0, "ff".to_string())]);
        assert!(parse("#tb 0: 1/25\n0, 0, NOPTS, 1, 96, ff\n").is_err());
        assert!(parse("0, 0, 0, 1, 96, ff\n").is_err());
    }
}
