//! Makes the frame index: all packets in file order, each with the presentation time of the frame it makes.
//!
//! Where every displayed packet states a time of its own, its frame has that time: FFmpeg's best-effort timestamp is the
//! packet's as long as times are given, differ, and come out of the decoder ascending. Anything else is decided by decoding
//! the whole stream once and looking.

use std::collections::HashMap;

use framefan_contract::video::{FrameIndex, IndexMethod, IndexedPacket};
use framefan_contract::{Error, Rational, Result};

use crate::av::{Packet, ffi};
use crate::decoder::{Decoder, Received};
use crate::demux::Demuxer;
use crate::frame::RawFrame;
use crate::limits::Limits;

/// Most frames that any listed codec may hold back: a larger displacement contradicts the decoder.
const MAX_REORDER: usize = 16;

/// Packets collected so far.
pub(crate) struct Scan {
    codec: ffi::AVCodecID,
    packets: Vec<IndexedPacket>,
    /// A packet that should make a frame has no time.
    missing_pts: bool,
    /// The latest time and the duration its packet states.
    last: Option<(i64, i64)>,
}

impl Scan {
    pub(crate) fn new(codec: ffi::AVCodecID) -> Self {
        Scan { codec, packets: Vec::new(), missing_pts: false, last: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    /// Adds the next packet. `readable` says that its data was really read.
    pub(crate) fn push(&mut self, packet: &Packet, readable: bool, limits: &Limits) -> Result<()> {
        limits.check_frames(self.packets.len() as u64 + 1)?;
        let hidden = packet.is_discarded() || (readable && is_hidden(self.codec, packet.data()));
        let pts = if hidden { None } else { packet.pts() };
        self.missing_pts |= !hidden && pts.is_none();
        if let Some(pts) = pts
            && self.last.is_none_or(|(last, _)| pts >= last)
        {
            self.last = Some((pts, packet.duration()));
        }
        self.packets.push(IndexedPacket {
            pts,
            dts: packet.dts(),
            pos: u64::try_from(packet.pos()).unwrap_or(0),
            size: u32::try_from(packet.size()).unwrap_or(u32::MAX),
            key: packet.is_key(),
        });
        Ok(())
    }

    /// The index, when packets alone tell it; `None` when only decoding can. Packets before `origin` make no frame: decoding
    /// of the file starts after them.
    pub(crate) fn into_index(mut self, method: IndexMethod, origin: i64) -> Option<FrameIndex> {
        for packet in &mut self.packets {
            packet.pts = packet.pts.filter(|&pts| pts >= origin);
        }
        let coded: Vec<i64> = self.packets.iter().filter_map(|p| p.pts).collect();
        let mut sorted = coded.clone();
        sorted.sort_unstable();
        let repeats = sorted.windows(2).any(|pair| pair[0] == pair[1]);
        let displaced = coded.iter().enumerate().any(|(i, pts)| i > sorted.partition_point(|s| s < pts) + MAX_REORDER);
        if self.missing_pts || repeats || displaced || sorted.is_empty() {
            return None;
        }
        let stated = self.last.map_or(0, |(_, duration)| duration);
        Some(FrameIndex { method, packets: self.packets, end_pts: end_of(&sorted, stated) })
    }
}

/// Just after the last of `times` (ascending, not empty): by its stated duration, else by the average spacing, at least 1.
fn end_of(times: &[i64], stated: i64) -> i64 {
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return 0 };
    let average = last.saturating_sub(first) / (times.len() as i64 - 1).max(1);
    last.saturating_add(if stated > 0 { stated } else { average.max(1) })
}

/// Whether a VP8 or VP9 packet holds a single frame that is not to be shown (RFC 6386 section 9.1; VP9 specification section 6.2).
fn is_hidden(codec: ffi::AVCodecID, data: &[u8]) -> bool {
    let (Some(&first), Some(&last)) = (data.first(), data.last()) else { return false };
    match codec {
        ffi::AVCodecID::AV_CODEC_ID_VP8 => first & 0x10 == 0,
        ffi::AVCodecID::AV_CODEC_ID_VP9 => {
            let superframe = last & 0xe0 == 0xc0;
            let bits = if first & 0x30 == 0x30 { first } else { first >> 1 };
            let (existing, shown) = (bits & 4 != 0, bits & 1 != 0);
            !superframe && !existing && !shown
        }
        _ => false,
    }
}

/// Decoding timestamps as FFmpeg's command hands them to the decoder: gaps are filled by counting on.
struct Clock {
    next: Option<i64>,
    step: i64,
}

impl Clock {
    fn new(time_base: Rational, frame_rate: Option<Rational>, reorder_frames: i64) -> Self {
        let step = frame_rate.map_or(0, |rate| {
            let num = i128::from(rate.den) * i128::from(time_base.den);
            let den = i128::from(rate.num) * i128::from(time_base.num);
            i64::try_from(num / den).unwrap_or(0)
        });
        Clock { next: Some(step.saturating_mul(-reorder_frames)), step }
    }

    fn dts(&mut self, packet: &Packet) -> Option<i64> {
        let dts = packet.dts().or(self.next);
        let duration = if packet.duration() > 0 { packet.duration() } else { self.step };
        self.next = dts.filter(|_| duration > 0).map(|dts| dts.saturating_add(duration));
        dts
    }
}

/// What a [`decode_scan`] found.
pub(crate) struct DecodeScan {
    pub(crate) index: FrameIndex,
    /// Frames whose time was not after that of the frame before and was moved by one.
    pub(crate) moved: u64,
    /// The first frame.
    pub(crate) first: RawFrame,
}

/// Decodes the whole stream, from its first packet, and notes the time at which each frame comes out.
pub(crate) fn decode_scan(
    demuxer: &mut Demuxer,
    decoder: &mut Decoder,
    time_base: Rational,
    frame_rate: Option<Rational>,
    limits: &Limits,
) -> Result<DecodeScan> {
    let mut packets: Vec<IndexedPacket> = Vec::new();
    let mut times: HashMap<u64, i64> = HashMap::new();
    let mut output: Vec<i64> = Vec::new();
    let mut stated = 0;
    let mut moved = 0;
    let mut first = None;
    let mut failure = None;
    let mut clock = Clock::new(time_base, frame_rate, decoder.reorder_frames());
    let mut packet = Packet::new()?;
    let mut more = true;
    while more {
        more = demuxer.read(&mut packet)?;
        if more {
            limits.check_frames(packets.len() as u64 + 1)?;
            packets.push(IndexedPacket {
                pts: None,
                dts: packet.dts(),
                pos: u64::try_from(packet.pos()).unwrap_or(0),
                size: u32::try_from(packet.size()).unwrap_or(u32::MAX),
                key: packet.is_key(),
            });
            let dts = clock.dts(&packet);
            packet.raw_mut().dts = dts.unwrap_or(crate::av::NO_PTS);
            failure = decoder.send(&mut packet, packets.len() as u64 - 1).or(failure);
        } else {
            decoder.finish();
        }
        loop {
            match decoder.receive()? {
                Received::Frame(frame) => {
                    let (width, height) = frame.size();
                    limits.check_size(width, height)?;
                    let Some(ordinal) = frame.ordinal().filter(|&o| o < packets.len() as u64) else { continue };
                    let after = output.last().map_or(i64::MIN, |last| last.saturating_add(1));
                    let guess = output.last().map_or(0, |last| last.saturating_add(clock.step.max(1)));
                    let pts = frame.best_effort_pts().unwrap_or(guess);
                    moved += u64::from(pts < after);
                    let pts = pts.max(after);
                    if times.insert(ordinal, pts).is_some() {
                        return Err(Error::bad_input(format!(
                            "packet {ordinal} makes two frames, which cannot be indexed"
                        )));
                    }
                    stated = frame.duration();
                    output.push(pts);
                    first.get_or_insert(frame);
                }
                Received::Failed(text) => failure = Some(text),
                Received::Hungry | Received::End => break,
            }
        }
    }
    let Some(first) = first else { return Err(no_frame(failure)) };
    for (packet, ordinal) in packets.iter_mut().zip(0..) {
        packet.pts = times.get(&ordinal).copied();
    }
    let index = FrameIndex { method: IndexMethod::DecodeScan, packets, end_pts: end_of(&output, stated) };
    Ok(DecodeScan { index, moved, first })
}

/// The error when nothing in a stream decodes.
pub(crate) fn no_frame(failure: Option<String>) -> Error {
    Error::bad_input(match failure {
        Some(text) => format!("no frame of the video could be decoded: {text}"),
        None => "no frame of the video could be decoded".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_frames_are_known_by_their_headers() {
        let vp8 = ffi::AVCodecID::AV_CODEC_ID_VP8;
        assert!(is_hidden(vp8, &[0x00, 1, 2]));
        assert!(!is_hidden(vp8, &[0x10, 1, 2]));
        let vp9 = ffi::AVCodecID::AV_CODEC_ID_VP9;
        assert!(!is_hidden(vp9, &[0x82, 0x49, 0x83]), "key frame, shown");
        assert!(is_hidden(vp9, &[0x84, 0, 0]), "inter frame, not shown");
        assert!(!is_hidden(vp9, &[0x88]), "an existing frame is shown");
        assert!(!is_hidden(vp9, &[0x84, 0, 0xc9]), "a superframe ends with a shown frame");
    }

    #[test]
    fn the_end_follows_the_last_frame() {
        assert_eq!(end_of(&[10], 0), 11);
        assert_eq!(end_of(&[0, 10, 20], 0), 30);
        assert_eq!(end_of(&[0, 10, 20], 7), 27);
    }
}
