//! What a probe learns of a video: its properties and its frame index.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Rational, time};

/// The properties of the analyzed video stream. Lengths are pixels of the frame as displayed, unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VideoInfo {
    /// Container, as FFmpeg's demuxer names it (`mov,mp4,m4a,3gp,3g2,mj2`, `matroska,webm`, `avi`, `mpegts`, `mpeg`).
    pub container: String,
    /// Codec, as FFmpeg names it (`h264`, `hevc`, `vp9`, …).
    pub codec: String,
    /// Pixel format of a decoded frame, as FFmpeg names it (`yuv420p`, …).
    pub pixel_format: String,
    /// Width as displayed: after rotation, without the sample aspect ratio applied.
    pub width: u32,
    /// Height as displayed: after rotation, without the sample aspect ratio applied.
    pub height: u32,
    /// Width as coded, before rotation.
    pub coded_width: u32,
    /// Height as coded, before rotation.
    pub coded_height: u32,
    /// Clockwise turn, in degrees, that displays a decoded frame upright: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Whether the frame is mirrored left to right after the rotation.
    pub mirrored: bool,
    /// Sample (pixel) aspect ratio, width over height; 1 when the file does not say.
    pub sample_aspect_ratio: Rational,
    /// Colour range of the samples: `limited` or `full`.
    pub color_range: String,
    /// Luma and chroma matrix: `bt601`, `bt709`, `bt2020` or `rgb`.
    pub color_matrix: String,
    /// Seconds per timestamp unit.
    pub time_base: Rational,
    /// Presentation timestamp of the first displayed frame: time 0.
    pub origin_pts: i64,
    /// Average frames per second as the container states it, or as the index gives it.
    pub average_fps: Rational,
    /// Seconds from the first displayed frame to the end of the last one.
    pub duration_s: f64,
    /// Number of frames the index expects. Damage can make the number decoded smaller.
    pub frames: u64,
    /// Index of the stream inside the container.
    pub stream: u32,
    /// Number of audio streams beside it.
    pub audio_streams: u32,
    /// Size of the file in bytes.
    pub size_bytes: u64,
}

/// How the frame index was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IndexMethod {
    /// From the container's own tables; no media data was read.
    Tables,
    /// From one pass over all packets, without decoding.
    PacketScan,
    /// From decoding the whole stream, because packets lack timestamps, repeat them, or contradict the decoder.
    DecodeScan,
}

/// One packet of the video stream. Packets are listed in file (decoding) order; a packet's position in that list is its ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexedPacket {
    /// Presentation timestamp of the frame this packet makes; `None` when the packet makes no frame of its own.
    pub pts: Option<i64>,
    /// Decoding timestamp as the demuxer states it.
    pub dts: Option<i64>,
    /// Byte position in the file.
    pub pos: u64,
    /// Bytes.
    pub size: u32,
    /// Whether decoding can start here.
    pub key: bool,
}

/// The packets of a video in decoding order with the presentation time of each frame.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameIndex {
    /// How it was made.
    pub method: IndexMethod,
    /// All packets of the stream, in file order.
    pub packets: Vec<IndexedPacket>,
    /// Timestamp just after the last frame: its presentation timestamp plus its duration.
    pub end_pts: i64,
}

impl FrameIndex {
    /// The presentation timestamps of all frames, ascending.
    pub fn presentation_times(&self) -> Vec<i64> {
        let mut times: Vec<i64> = self.packets.iter().filter_map(|p| p.pts).collect();
        times.sort_unstable();
        times
    }
}

impl VideoInfo {
    /// Seconds from the first displayed frame to `pts`.
    pub fn seconds(&self, pts: i64) -> f64 {
        time::seconds(pts, self.origin_pts, self.time_base)
    }
}
