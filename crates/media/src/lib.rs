//! Probe, frame index, exact decoding and colour conversion: the only crate that touches FFmpeg.

mod av;
mod avio;
mod boxes;
pub mod convert;
mod damage;
mod decode;
mod decoder;
mod demux;
mod feed;
mod frame;
mod index;
pub mod jpeg;
pub mod letterbox;
mod limits;
mod orientation;
mod output;
pub mod picture;
mod probe;
mod source;
mod times;

pub use convert::{Converter, GreyImage, RgbImage, letterbox_rgb, luma8, rgb8};
pub use decode::{DecodeOptions, FrameReader, ReadMetrics};
pub use frame::Frame;
pub use jpeg::jpeg;
pub use letterbox::Letterbox;
pub use limits::Limits;
pub use output::Decoded;
pub use picture::{
    ChromaLocation, Color, ColorMatrix, ColorRange, Component, Orientation, Picture, PixelLayout, PlaneRef,
};
pub use probe::{Probe, probe};
pub use source::{ByteSource, FileSource, MeteredSource};

/// Versions of the FFmpeg libraries in use, for provenance.
pub fn ffmpeg_versions() -> String {
    let dotted = |version: u32| format!("{}.{}.{}", version >> 16, version >> 8 & 0xff, version & 0xff);
    // SAFETY: no preconditions.
    let (codec, format, util) =
        unsafe { (av::ffi::avcodec_version(), av::ffi::avformat_version(), av::ffi::avutil_version()) };
    format!("libavcodec {} libavformat {} libavutil {}", dotted(codec), dotted(format), dotted(util))
}
