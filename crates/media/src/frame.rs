//! Decoded frames: references to FFmpeg's own memory, and the view of them as plain pictures.

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use framefan_contract::{Error, Result};

use crate::av::{self, ffi};
use crate::picture::{ChromaLocation, Color, ColorMatrix, ColorRange, Component, Picture, PixelLayout, PlaneRef};

/// A decoded frame: its pixels as stored (not rotated) and its place in the video. Holds a reference, not a copy.
pub struct Frame {
    pub(crate) raw: RawFrame,
    pub(crate) pts: i64,
    pub(crate) ordinal: u64,
    pub(crate) damaged: bool,
    pub(crate) after_loss: bool,
}

impl Frame {
    /// Presentation timestamp in the video's time base.
    pub fn pts(&self) -> i64 {
        self.pts
    }

    /// Place in file order of the packet that made it.
    pub fn packet_ordinal(&self) -> u64 {
        self.ordinal
    }

    /// Whether the decoder had to guess parts of it.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Whether a frame that is displayed just before this one could not be decoded. Of a reader's first frame that is known only
    /// with a stencil; else it does not depend on where decoding began.
    pub fn is_after_loss(&self) -> bool {
        self.after_loss
    }

    /// The pixels and how to read them.
    ///
    /// # Errors
    /// `BadInput` when the pixel format is not planar, semi-planar or packed YUV, grey or RGB with whole bytes per sample.
    pub fn picture(&self) -> Result<Picture<'_>> {
        let raw = self.raw.raw();
        let layout = self.raw.layout()?;
        let (width, height) = (raw.width as usize, raw.height as usize);
        let mut planes = [PlaneRef::default(); 4];
        for (index, plane) in planes.iter_mut().enumerate() {
            if let Some((data, stride, _, _)) = self.raw.plane(index) {
                *plane = PlaneRef { data, stride };
            }
        }
        Ok(Picture {
            width,
            height,
            layout,
            planes,
            color: self.raw.color(&layout),
            chroma_location: self.raw.chroma_location(layout.name),
        })
    }

    /// The planes packed row after row, as FFmpeg's `rawvideo` encoder writes them.
    pub fn raw_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for index in 0..4 {
            if let Some((data, stride, row, rows)) = self.raw.plane(index) {
                for y in 0..rows {
                    out.extend_from_slice(&data[y * stride..y * stride + row]);
                }
            }
        }
        out
    }
}

/// An `AVFrame` that we own.
pub(crate) struct RawFrame(NonNull<ffi::AVFrame>);

// SAFETY: a frame's data is reference-counted atomically, has no tie to a thread, and is only read once decoded.
unsafe impl Send for RawFrame {}
// SAFETY: shared references only read.
unsafe impl Sync for RawFrame {}

impl RawFrame {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no preconditions.
        NonNull::new(unsafe { ffi::av_frame_alloc() }).map(RawFrame).ok_or_else(av::out_of_memory)
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::AVFrame {
        self.0.as_ptr()
    }

    pub(crate) fn raw(&self) -> &ffi::AVFrame {
        // SAFETY: the pointer is valid while we own it.
        unsafe { self.0.as_ref() }
    }

    /// The timestamp of the packet that made it.
    pub(crate) fn pts(&self) -> Option<i64> {
        av::timestamp(self.raw().pts)
    }

    /// FFmpeg's best guess of the timestamp.
    pub(crate) fn best_effort_pts(&self) -> Option<i64> {
        av::timestamp(self.raw().best_effort_timestamp)
    }

    /// The ordinal that [`crate::decoder::Decoder::send`] put into the packet.
    pub(crate) fn ordinal(&self) -> Option<u64> {
        u64::try_from(self.raw().pkt_pos).ok()
    }

    /// The duration its packet states, 0 when unknown.
    pub(crate) fn duration(&self) -> i64 {
        self.raw().pkt_duration
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        (self.raw().width.max(0) as u32, self.raw().height.max(0) as u32)
    }

    /// What FFmpeg says is wrong with it.
    pub(crate) fn damage(&self) -> Option<&'static str> {
        let raw = self.raw();
        let errors = raw.decode_error_flags;
        if errors & ffi::FF_DECODE_ERROR_MISSING_REFERENCE as c_int != 0 {
            Some("a reference frame is missing")
        } else if errors & ffi::FF_DECODE_ERROR_INVALID_BITSTREAM as c_int != 0 {
            Some("invalid bitstream")
        } else if errors != 0 {
            Some("parts of a frame were concealed")
        } else if raw.flags & ffi::AV_FRAME_FLAG_CORRUPT as c_int != 0 {
            Some("the frame may be corrupt")
        } else {
            None
        }
    }

    fn descriptor(&self) -> Option<&'static ffi::AVPixFmtDescriptor> {
        // SAFETY: the value is one of this FFmpeg's pixel formats, as a decoder set it; descriptors are static.
        unsafe { ffi::av_pix_fmt_desc_get(pixel_format(self.raw().format)?).as_ref() }
    }

    /// Name of the pixel format.
    pub(crate) fn format_name(&self) -> &'static str {
        // SAFETY: names in descriptors are static and terminated.
        self.descriptor().and_then(|d| unsafe { CStr::from_ptr(d.name) }.to_str().ok()).unwrap_or("unknown")
    }

    pub(crate) fn layout(&self) -> Result<PixelLayout> {
        let name = self.format_name();
        let refused = ffi::AV_PIX_FMT_FLAG_PAL
            | ffi::AV_PIX_FMT_FLAG_BITSTREAM
            | ffi::AV_PIX_FMT_FLAG_HWACCEL
            | ffi::AV_PIX_FMT_FLAG_BAYER
            | ffi::AV_PIX_FMT_FLAG_FLOAT;
        let descriptor = self
            .descriptor()
            .filter(|d| d.flags & u64::from(refused as u32) == 0)
            .ok_or_else(|| Error::bad_input(format!("the pixel format {name} cannot be read")))?;
        let big_endian = descriptor.flags & u64::from(ffi::AV_PIX_FMT_FLAG_BE as u32) != 0;
        let components = descriptor.comp.map(|c| {
            let mut component = Component {
                plane: c.plane as usize,
                step: c.step as usize,
                offset: c.offset as usize,
                shift: c.shift as u8,
                depth: c.depth as u8,
            };
            if big_endian && component.depth > 0 && component.word_bytes() == 1 {
                component.offset += 1;
            }
            component
        });
        Ok(PixelLayout {
            name,
            count: usize::from(descriptor.nb_components),
            components,
            log2_chroma_w: descriptor.log2_chroma_w,
            log2_chroma_h: descriptor.log2_chroma_h,
            is_rgb: descriptor.flags & u64::from(ffi::AV_PIX_FMT_FLAG_RGB as u32) != 0,
            big_endian,
        })
    }

    /// What samples mean. Where the stream does not say, FFmpeg's swscale and OpenCV assume limited range and BT.601 whatever
    /// the size, and so do we; `yuvj…` formats and RGB are full.
    pub(crate) fn color(&self, layout: &PixelLayout) -> Color {
        let raw = self.raw();
        // Read as numbers: a broken stream may carry values that the enums do not have.
        // SAFETY: both fields are C enums of 32 bits.
        let (range, matrix) = unsafe {
            (ptr::addr_of!(raw.color_range).cast::<u32>().read(), ptr::addr_of!(raw.colorspace).cast::<u32>().read())
        };
        let full = range == ffi::AVColorRange::AVCOL_RANGE_JPEG as u32;
        let limited = range == ffi::AVColorRange::AVCOL_RANGE_MPEG as u32;
        let full = layout.name.starts_with("yuvj") || full || (layout.is_rgb && !limited);
        Color {
            range: if full { ColorRange::Full } else { ColorRange::Limited },
            matrix: matrix_of(matrix, layout.is_rgb),
        }
    }

    fn chroma_location(&self, format: &str) -> ChromaLocation {
        // SAFETY: a C enum of 32 bits, read as a number as above.
        match unsafe { ptr::addr_of!(self.raw().chroma_location).cast::<u32>().read() } {
            1 => ChromaLocation::Left,
            2 => ChromaLocation::Center,
            3 => ChromaLocation::TopLeft,
            4 => ChromaLocation::Top,
            5 => ChromaLocation::BottomLeft,
            6 => ChromaLocation::Bottom,
            _ => ChromaLocation::unspecified(format),
        }
    }

    /// Bytes, stride, bytes used in a row, and rows of a plane.
    fn plane(&self, index: usize) -> Option<(&[u8], usize, usize, usize)> {
        let raw = self.raw();
        let descriptor = self.descriptor()?;
        let used =
            descriptor.comp[..usize::from(descriptor.nb_components).min(4)].iter().any(|c| c.plane as usize == index);
        let stride = usize::try_from(raw.linesize[index]).ok().filter(|&s| s > 0)?;
        if !used || raw.data[index].is_null() {
            return None;
        }
        // SAFETY: the format is valid, as its descriptor exists.
        let row = unsafe { ffi::av_image_get_linesize(pixel_format(raw.format)?, raw.width, index as c_int) };
        let row = usize::try_from(row).ok().filter(|&r| r > 0 && r <= stride)?;
        let chroma = index == 1 || index == 2;
        let rows = (raw.height as usize).div_ceil(if chroma { 1 << descriptor.log2_chroma_h } else { 1 });
        // SAFETY: FFmpeg allocates at least `stride` bytes for each row but the last, and `row` bytes for that; the data is
        // written by nobody once the decoder has given the frame out.
        let data = unsafe { std::slice::from_raw_parts(raw.data[index], stride * rows.checked_sub(1)? + row) };
        Some((data, stride, row, rows))
    }
}

impl Drop for RawFrame {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the frame is ours.
        unsafe { ffi::av_frame_free(&mut raw) }
    }
}

fn pixel_format(format: c_int) -> Option<ffi::AVPixelFormat> {
    if format < 0 {
        return None;
    }
    // SAFETY: decoders set `format` to one of the enum's values, and bindings and library are of one version.
    Some(unsafe { std::mem::transmute::<c_int, ffi::AVPixelFormat>(format) })
}

fn matrix_of(value: u32, is_rgb: bool) -> ColorMatrix {
    use ffi::AVColorSpace::*;
    if is_rgb {
        return ColorMatrix::Rgb;
    }
    match value {
        v if v == AVCOL_SPC_BT709 as u32 || v == AVCOL_SPC_SMPTE240M as u32 => ColorMatrix::Bt709,
        v if v == AVCOL_SPC_BT2020_NCL as u32 || v == AVCOL_SPC_BT2020_CL as u32 => ColorMatrix::Bt2020,
        _ => ColorMatrix::Bt601,
    }
}

#[cfg(test)]
mod tests {
    fn sendable<T: Send + Sync>() {}

    #[test]
    fn frames_cross_threads() {
        sendable::<super::Frame>();
    }
}
