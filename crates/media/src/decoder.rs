//! The decoder: packets in, frames out, for listed codecs only.
//!
//! A packet's byte position is replaced by its ordinal before it is sent; FFmpeg hands that number through to the frame, which
//! tells which packet made it however frames are reordered or dropped.

use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering;

use framefan_contract::{Error, Rational, Result};

use crate::av::{self, Complaints, Dictionary, Packet, Parameters, ffi};
use crate::frame::RawFrame;

/// Decoders that may be used, as FFmpeg names them.
pub(crate) const CODECS: &str = "h264,hevc,vp8,vp9,libdav1d,libaom-av1,av1,mpeg1video,mpeg2video,mpeg4,mjpeg";

/// Codecs in words for messages.
const CODECS_TEXT: &str = "H.264, HEVC, VP8, VP9, AV1, MPEG-1, MPEG-2, MPEG-4 and Motion JPEG";

/// What [`Decoder::receive`] found.
pub(crate) enum Received {
    Frame(RawFrame),
    /// It wants another packet.
    Hungry,
    /// All frames are out.
    End,
    /// A packet could not be decoded.
    Failed(String),
}

/// How to open a [`Decoder`].
#[derive(Clone, Copy)]
pub(crate) struct DecoderOptions {
    /// Threads; 0 for one per core.
    pub(crate) threads: usize,
    pub(crate) time_base: Rational,
    /// As FFmpeg's command sets it from the container; used by few decoders.
    pub(crate) frame_rate: Option<Rational>,
    pub(crate) max_pixels: u64,
}

/// An open decoder.
pub(crate) struct Decoder {
    context: NonNull<ffi::AVCodecContext>,
    /// Counts what the decoder and its threads log. Freed after the context.
    complaints: *mut Complaints,
}

// SAFETY: a codec context has no tie to a thread, and we use it from one at a time.
unsafe impl Send for Decoder {}

/// FFmpeg's name of a codec.
pub(crate) fn codec_name(parameters: &Parameters) -> String {
    // SAFETY: names are static.
    unsafe { av::text(ffi::avcodec_get_name(parameters.raw().codec_id)) }
}

/// Whether a codec is on the list.
pub(crate) fn check_codec(parameters: &Parameters) -> Result<()> {
    use ffi::AVCodecID::*;
    match parameters.raw().codec_id {
        AV_CODEC_ID_H264
        | AV_CODEC_ID_HEVC
        | AV_CODEC_ID_VP8
        | AV_CODEC_ID_VP9
        | AV_CODEC_ID_AV1
        | AV_CODEC_ID_MPEG1VIDEO
        | AV_CODEC_ID_MPEG2VIDEO
        | AV_CODEC_ID_MPEG4
        | AV_CODEC_ID_MJPEG => Ok(()),
        _ => Err(Error::bad_input(format!(
            "the video's codec is {}, which is not one of {CODECS_TEXT}",
            codec_name(parameters)
        ))),
    }
}

impl Decoder {
    /// Opens a decoder for a stream.
    ///
    /// # Errors
    /// `BadInput` when the codec is not on the list or its headers cannot be understood.
    pub(crate) fn open(parameters: &Parameters, options: &DecoderOptions) -> Result<Self> {
        check_codec(parameters)?;
        let name = codec_name(parameters);
        // SAFETY: no preconditions.
        let codec = unsafe { ffi::avcodec_find_decoder(parameters.raw().codec_id) };
        if codec.is_null() {
            return Err(Error::bad_input(format!("this build of FFmpeg has no decoder for {name}")));
        }
        // SAFETY: the codec is FFmpeg's own.
        let context = NonNull::new(unsafe { ffi::avcodec_alloc_context3(codec) }).ok_or_else(av::out_of_memory)?;
        let complaints = Box::into_raw(Box::new(Complaints::default()));
        let decoder = Decoder { context, complaints };
        let max_pixels = options.max_pixels.to_string();
        let mut dictionary = Dictionary::new(&[("codec_whitelist", CODECS), ("max_pixels", &max_pixels)])?;
        // SAFETY: the context is ours and not yet open; parameters are valid.
        let code = unsafe {
            let raw = &mut *context.as_ptr();
            let code = ffi::avcodec_parameters_to_context(raw, parameters.raw());
            if code >= 0 {
                raw.opaque = complaints.cast();
                raw.pkt_timebase = rational(options.time_base);
                if let Some(rate) = options.frame_rate {
                    raw.framerate = rational(rate);
                }
                raw.get_buffer2 = Some(zeroed_buffer);
                raw.thread_count = options.threads as c_int;
                raw.thread_type = (ffi::FF_THREAD_FRAME | ffi::FF_THREAD_SLICE) as c_int;
                ffi::avcodec_open2(raw, codec, &mut dictionary.0)
            } else {
                code
            }
        };
        if code < 0 {
            return Err(Error::bad_input(format!("the {name} decoder refuses the stream: {}", av::error_text(code))));
        }
        Ok(decoder)
    }

    /// Frames the decoder may hold back to bring them into order.
    pub(crate) fn reorder_frames(&self) -> i64 {
        // SAFETY: the context is open.
        i64::from(unsafe { self.context.as_ref() }.has_b_frames)
    }

    /// Sends a packet; `Some` with FFmpeg's text when it is refused. The decoder must be hungry.
    pub(crate) fn send(&mut self, packet: &mut Packet, ordinal: u64) -> Option<String> {
        packet.raw_mut().pos = ordinal as i64;
        // SAFETY: both are ours.
        let code = unsafe { ffi::avcodec_send_packet(self.context.as_ptr(), packet.as_ptr()) };
        (code < 0).then(|| av::error_text(code))
    }

    /// Whether frames that no other frame is predicted from are left out, from the next packet on. MPEG-4 may pack several frames
    /// into a packet, so there they are not.
    pub(crate) fn skip_unreferenced(&mut self, skip: bool) {
        // SAFETY: the context is ours; decoders look at this field with each packet.
        let context = unsafe { self.context.as_mut() };
        let skip = skip && context.codec_id != ffi::AVCodecID::AV_CODEC_ID_MPEG4;
        context.skip_frame = if skip { ffi::AVDiscard::AVDISCARD_NONREF } else { ffi::AVDiscard::AVDISCARD_DEFAULT };
    }

    /// Says that no more packets come.
    pub(crate) fn finish(&mut self) {
        // SAFETY: a null packet means the end; a second one is harmless.
        unsafe { ffi::avcodec_send_packet(self.context.as_ptr(), ptr::null()) };
    }

    /// Takes what the decoder has ready.
    pub(crate) fn receive(&mut self) -> Result<Received> {
        let frame = RawFrame::new()?;
        // SAFETY: both are ours.
        let code = unsafe { ffi::avcodec_receive_frame(self.context.as_ptr(), frame.as_ptr()) };
        Ok(match code {
            0.. => Received::Frame(frame),
            code if code == ffi::AVERROR(video_rs::ffmpeg::error::EAGAIN) => Received::Hungry,
            ffi::AVERROR_EOF => Received::End,
            code => Received::Failed(av::error_text(code)),
        })
    }

    /// How often the decoder has complained. More than before means that something was odd, not that it was wrong.
    pub(crate) fn complaints(&self) -> u64 {
        // SAFETY: the counters live as long as `self`.
        unsafe { (*self.complaints).all.load(Ordering::Relaxed) }
    }

    /// In how many pictures the decoder has concealed damage.
    pub(crate) fn concealed(&self) -> u64 {
        // SAFETY: the counters live as long as `self`.
        unsafe { (*self.complaints).concealed.load(Ordering::Relaxed) }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let mut raw = self.context.as_ptr();
        // SAFETY: both are ours; the context, with its threads, goes before the counter it points to.
        unsafe {
            ffi::avcodec_free_context(&mut raw);
            drop(Box::from_raw(self.complaints));
        }
    }
}

/// Gives the decoder memory that holds zeros. FFmpeg's own allocator hands out pictures of the past, which show through where
/// damaged data leaves a picture unfinished: what one sees there would depend on threads and on what was decoded before.
unsafe extern "C" fn zeroed_buffer(context: *mut ffi::AVCodecContext, frame: *mut ffi::AVFrame, flags: c_int) -> c_int {
    // SAFETY: FFmpeg passes valid objects; after success the buffers are ours to write.
    unsafe {
        let code = ffi::avcodec_default_get_buffer2(context, frame, flags);
        if code >= 0 {
            for buffer in (*frame).buf {
                if let Some(buffer) = buffer.as_ref() {
                    ptr::write_bytes(buffer.data, 0, buffer.size);
                }
            }
        }
        code
    }
}

fn rational(value: Rational) -> ffi::AVRational {
    let (num, den) = (c_int::try_from(value.num), c_int::try_from(value.den));
    ffi::AVRational { num: num.unwrap_or(0), den: den.unwrap_or(1) }
}
