//! Frame indexes made up from groups of pictures, with what each frame needs to be decoded.

use framefan_contract::Rational;
use framefan_contract::video::{FrameIndex, IndexMethod, IndexedPacket, VideoInfo};

/// A group of pictures in presentation order: `leading` B frames displayed before the key, then the key, then
/// mini-groups of `b` B frames each followed (displayed) by the P frame they refer to.
#[derive(Clone, Debug)]
pub struct Gop {
    /// B frames displayed before the key but decoded after it; they refer to the group before.
    pub leading: usize,
    /// B frames in each mini-group.
    pub b: usize,
    /// Duration of each frame after the leading ones, the key first; units of the time base.
    pub durations: Vec<i64>,
    /// Put a packet that makes no frame after every so many packets; 0 for none.
    pub silent_every: usize,
}

/// An index and, for each packet, the ordinal of the key that decoding must start at or before to get its frame right.
pub struct Made {
    pub index: FrameIndex,
    pub needs: Vec<usize>,
}

/// Lays the groups out in decoding order.
pub fn index(gops: &[Gop], method: IndexMethod, first_pts: i64) -> Made {
    let mut packets = Vec::new();
    let mut needs = Vec::new();
    let mut pos = 1000u64;
    let mut time = first_pts;
    let mut key_before = 0;
    for gop in gops {
        let key_ordinal = packets.len();
        let mut push = |pts: Option<i64>, key: bool, need: usize| {
            let size = 100 + (packets.len() as u32 * 37) % 5000;
            packets.push(IndexedPacket { pts, dts: Some(packets.len() as i64), pos, size, key });
            needs.push(need);
            // Audio lies between.
            pos += u64::from(size) + 700;
            if gop.silent_every > 0 && packets.len() % gop.silent_every == 0 {
                packets.push(IndexedPacket { pts: None, dts: None, pos, size: 8, key: false });
                needs.push(need);
                pos += 8;
            }
        };
        let leading: Vec<i64> = (0..gop.leading).map(|i| time + i as i64).collect();
        time += gop.leading as i64;
        push(Some(time), true, key_ordinal);
        for pts in leading {
            push(Some(pts), false, key_before);
        }
        time += gop.durations[0];
        for group in gop.durations[1..].chunks(gop.b + 1) {
            let mut shown = Vec::new();
            for duration in group {
                shown.push(time);
                time += duration;
            }
            // The last one displayed is decoded first.
            let decoded = shown.last().into_iter().chain(&shown[..shown.len() - 1]);
            for &pts in decoded {
                push(Some(pts), false, key_ordinal);
            }
        }
        key_before = key_ordinal;
    }
    Made { index: FrameIndex { method, packets, end_pts: time }, needs }
}

/// A video whose only meaningful properties are its time base and origin.
pub fn video(index: &FrameIndex, time_base: Rational) -> VideoInfo {
    let times = index.presentation_times();
    let origin_pts = times.first().copied().unwrap_or(0);
    let one = Rational { num: 1, den: 1 };
    VideoInfo {
        container: "matroska,webm".into(),
        codec: "h264".into(),
        pixel_format: "yuv420p".into(),
        width: 640,
        height: 480,
        coded_width: 640,
        coded_height: 480,
        rotation: 0,
        mirrored: false,
        sample_aspect_ratio: one,
        color_range: "limited".into(),
        color_matrix: "bt709".into(),
        time_base,
        origin_pts,
        average_fps: one,
        duration_s: framefan_contract::time::seconds(index.end_pts, origin_pts, time_base),
        frames: times.len() as u64,
        stream: 0,
        audio_streams: 0,
        size_bytes: 1 << 40,
    }
}
