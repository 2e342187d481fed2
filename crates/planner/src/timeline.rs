//! What must be read to decode an interval of presentation time.

use framefan_contract::plan::PacketRef;
use framefan_contract::video::{FrameIndex, IndexMethod, IndexedPacket};
use framefan_contract::{Error, Result};

use crate::blocks::Minima;

/// What to read for the frames in `[start_pts, end_pts)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// First timestamp inside.
    pub start_pts: i64,
    /// First timestamp after it.
    pub end_pts: i64,
    /// Frames inside; at least one.
    pub frames: u32,
    /// Where decoding starts so that every frame inside, and the stencil before it, comes out.
    pub decode_from: PacketRef,
    /// Ordinal just after the last packet to decode.
    pub end_packet: u64,
    /// Bytes of the file, `[from, to)`, from the first to the last of these packets.
    pub byte_range: [u64; 2],
    /// For an index made by decoding: presentation time of each packet from `decode_from` to `end_packet`.
    pub times: Option<Vec<Option<i64>>>,
}

/// A frame index sorted by presentation time, ready for many questions.
pub struct Timeline<'a> {
    index: &'a FrameIndex,
    /// Presentation times, ascending.
    times: Vec<i64>,
    /// The packet of each of them.
    ordinals: Vec<usize>,
    /// Ordinals of packets where decoding can start and whose time is known, ascending.
    keys: Vec<usize>,
    /// Presentation time of each of `keys`.
    key_times: Minima,
    /// First byte of each packet.
    starts: Minima,
    /// Byte after each packet, negative so that the least is the last.
    ends: Minima,
}

/// What is worth knowing of an interval before its packets are listed.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    /// Places in presentation order of the frames inside.
    pub(crate) first_frame: usize,
    pub(crate) end_frame: usize,
    /// Ordinals of the packets to decode.
    pub(crate) decode_from: usize,
    pub(crate) end_packet: usize,
}

impl<'a> Timeline<'a> {
    /// Sorts the index. An index without frames is [`BadInput`](framefan_contract::ErrorKind::BadInput).
    pub fn new(index: &'a FrameIndex) -> Result<Self> {
        let mut frames: Vec<(i64, usize)> =
            index.packets.iter().enumerate().filter_map(|(ordinal, packet)| Some((packet.pts?, ordinal))).collect();
        if frames.is_empty() {
            return Err(Error::bad_input("the video has no frames"));
        }
        // Nearly sorted already, which the stable sort makes use of; ties stay in file order.
        frames.sort();
        let keys: Vec<usize> =
            (0..index.packets.len()).filter(|&o| index.packets[o].key && index.packets[o].pts.is_some()).collect();
        let key_times = keys.iter().filter_map(|&o| index.packets[o].pts).collect();
        Ok(Timeline {
            index,
            times: frames.iter().map(|f| f.0).collect(),
            ordinals: frames.iter().map(|f| f.1).collect(),
            keys,
            key_times: Minima::new(key_times),
            starts: Minima::new(index.packets.iter().map(|p| signed(p.pos)).collect()),
            ends: Minima::new(index.packets.iter().map(|p| -signed(p.pos.saturating_add(p.size.into()))).collect()),
        })
    }

    /// Presentation times of all frames, ascending; never empty.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// Presentation times of the keyframes, ascending.
    pub(crate) fn keyframe_times(&self) -> Vec<i64> {
        let mut times: Vec<i64> = self.keys.iter().filter_map(|&o| self.index.packets[o].pts).collect();
        times.sort();
        times
    }

    /// What to read for the frames in `[start_pts, end_pts)` and the `stencil` frames before them.
    ///
    /// An interval that ends before it starts is [`Usage`](framefan_contract::ErrorKind::Usage), one without frames
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput).
    pub fn interval(&self, start_pts: i64, end_pts: i64, stencil: u32) -> Result<Interval> {
        let span = self.span(start_pts, end_pts, stencil)?;
        let packets = span.decode_from..span.end_packet;
        let from = unsigned(self.starts.min(packets.clone()));
        let to = unsigned(-self.ends.min(packets.clone()));
        let times = match self.index.method {
            IndexMethod::DecodeScan => Some(self.index.packets[packets].iter().map(|p| p.pts).collect()),
            _ => None,
        };
        Ok(Interval {
            start_pts,
            end_pts,
            frames: u32::try_from(span.end_frame - span.first_frame)
                .map_err(|_| Error::bad_input(format!("more than {} frames in one interval", u32::MAX)))?,
            decode_from: packet_ref(span.decode_from, &self.index.packets[span.decode_from]),
            end_packet: span.end_packet as u64,
            byte_range: [from, to],
            times,
        })
    }

    /// Which frames and packets an interval needs. Takes time only for the frames inside.
    pub(crate) fn span(&self, start_pts: i64, end_pts: i64, stencil: u32) -> Result<Span> {
        if start_pts >= end_pts {
            return Err(Error::usage(format!("the interval from {start_pts} to {end_pts} is empty")));
        }
        let first_frame = self.times.partition_point(|&t| t < start_pts);
        let end_frame = self.times.partition_point(|&t| t < end_pts);
        if first_frame == end_frame {
            return Err(Error::bad_input(format!("no frame is displayed from timestamp {start_pts} to {end_pts}")));
        }
        let first_wanted = first_frame.saturating_sub(stencil as usize);
        let mut wanted_from = usize::MAX;
        let mut wanted_to = 0;
        for &ordinal in &self.ordinals[first_wanted..end_frame] {
            wanted_from = wanted_from.min(ordinal);
            wanted_to = wanted_to.max(ordinal);
        }
        // A key displayed after the first wanted frame will not do even when its packet comes before: what is displayed
        // before a key but decoded after it (leading pictures of an open GOP) may refer to the GOP before.
        let keys_before = self.keys.partition_point(|&k| k <= wanted_from);
        let decode_from =
            self.key_times.last_at_most(keys_before, self.times[first_wanted]).map_or(0, |key| self.keys[key]);
        // One packet of slack: the second field of a pair is a packet of its own.
        let end_packet = (wanted_to + 2).min(self.index.packets.len());
        Ok(Span { first_frame, end_frame, decode_from, end_packet })
    }
}

/// What to read for the frames in `[start_pts, end_pts)` and the `stencil` frames before them: one question to a
/// [`Timeline`], which see for errors. For many questions make one timeline.
pub fn chunk_for_interval(index: &FrameIndex, start_pts: i64, end_pts: i64, stencil: u32) -> Result<Interval> {
    Timeline::new(index)?.interval(start_pts, end_pts, stencil)
}

fn packet_ref(ordinal: usize, packet: &IndexedPacket) -> PacketRef {
    PacketRef { ordinal: ordinal as u64, pts: packet.pts, dts: packet.dts, pos: packet.pos, size: packet.size }
}

/// Byte positions fit: no file is longer than `i64::MAX`.
fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

fn unsigned(position: i64) -> u64 {
    u64::try_from(position).unwrap_or(0)
}
