//! The demuxer: opens a listed container on our own byte source, picks the video stream, reads its packets, seeks.

use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use framefan_contract::{Error, Rational, Result};

use crate::av::{self, Dictionary, Packet, Parameters, ffi};
use crate::avio::Io;
use crate::decoder::CODECS;
use crate::source::ByteSource;

/// Containers, as FFmpeg's demuxers are named.
const FORMATS: &str = "mov,mp4,matroska,webm,avi,mpegts,mpeg";

/// Failed reads in a row after which a stream counts as ended.
const MAX_FAILURES: u32 = 64;

/// An open container with one chosen video stream; packets of other streams are dropped.
pub(crate) struct Demuxer {
    // Freed before `io`, which it uses.
    format: FormatContext,
    io: Io,
    stream: usize,
    /// FFmpeg's text for reads that failed for another reason than the end of the file.
    pub(crate) read_errors: Vec<String>,
}

struct FormatContext(NonNull<ffi::AVFormatContext>);

// SAFETY: a format context has no tie to a thread, and we use it from one at a time.
unsafe impl Send for FormatContext {}

impl Drop for FormatContext {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the context is ours; its I/O context is custom, so FFmpeg leaves that alone.
        unsafe { ffi::avformat_close_input(&mut raw) }
    }
}

/// Refuses everything a container asks to open: a playlist's entries, an external track, a key file.
unsafe extern "C" fn refuse_open(
    _format: *mut ffi::AVFormatContext,
    _io: *mut *mut ffi::AVIOContext,
    _url: *const std::ffi::c_char,
    _flags: c_int,
    _options: *mut *mut ffi::AVDictionary,
) -> c_int {
    ffi::AVERROR(video_rs::ffmpeg::error::EACCES)
}

impl Demuxer {
    /// Opens the container and reads its header. The stream is chosen by [`Demuxer::choose_stream`].
    ///
    /// # Errors
    /// `BadInput` when it is none of the listed containers or cannot be read as what it seems; the source's own errors.
    pub(crate) fn open(source: Arc<dyn ByteSource>, stop: Arc<AtomicBool>) -> Result<Self> {
        av::init();
        let mut io = Io::new(source, stop)?;
        let mut options = Dictionary::new(&[
            ("format_whitelist", FORMATS),
            ("codec_whitelist", CODECS),
            ("protocol_whitelist", "none"),
        ])?;
        // SAFETY: no preconditions; null is handled.
        let format = NonNull::new(unsafe { ffi::avformat_alloc_context() }).ok_or_else(av::out_of_memory)?;
        let mut raw = format.as_ptr();
        // SAFETY: the context is fresh and ours; on failure FFmpeg frees it, on success we own it.
        let code = unsafe {
            (*raw).pb = io.as_ptr();
            (*raw).io_open = Some(refuse_open);
            ffi::avformat_open_input(&mut raw, ptr::null(), ptr::null(), &mut options.0)
        };
        let opened = NonNull::new(raw).filter(|_| code >= 0).map(FormatContext);
        if let Some(error) = io.take_error() {
            return Err(error);
        }
        let Some(format) = opened else {
            return Err(Error::bad_input(format!(
                "not a video that can be read: {} (containers: MP4/MOV, Matroska/WebM, AVI, MPEG-TS, MPEG-PS)",
                av::error_text(code)
            )));
        };
        Ok(Demuxer { format, io, stream: 0, read_errors: Vec::new() })
    }

    /// Reads and decodes the start of the file, as the FFmpeg command does, until the streams' parameters are known.
    pub(crate) fn find_info(&mut self) -> Result<()> {
        // SAFETY: the context is open; no per-stream options.
        let code = unsafe { ffi::avformat_find_stream_info(self.format.0.as_ptr(), ptr::null_mut()) };
        if let Some(error) = self.io.take_error() {
            return Err(error);
        }
        if code < 0 {
            return Err(Error::bad_input(format!("the streams cannot be understood: {}", av::error_text(code))));
        }
        Ok(())
    }

    /// Leaves timestamps as the container stores them instead of filling gaps from a stream's history.
    pub(crate) fn keep_stored_timestamps(&mut self) {
        self.format_mut().flags |= ffi::AVFMT_FLAG_NOFILLIN as c_int;
    }

    /// Leaves packets as the container stores them: nothing looks inside.
    pub(crate) fn without_parser(&mut self) {
        self.format_mut().flags |= ffi::AVFMT_FLAG_NOPARSE as c_int;
    }

    /// Chooses the first video stream that is not a cover picture.
    pub(crate) fn choose_stream(&mut self) -> Result<usize> {
        let found = (0..self.stream_count()).find(|&i| {
            let stream = self.stream_at(i);
            let cover = stream.disposition & ffi::AV_DISPOSITION_ATTACHED_PIC as c_int != 0;
            kind(stream) == ffi::AVMediaType::AVMEDIA_TYPE_VIDEO && !cover
        });
        let index = found.ok_or_else(|| Error::bad_input("the file has no video stream"))?;
        self.use_stream(index)?;
        Ok(index)
    }

    /// Chooses a stream by its index.
    pub(crate) fn use_stream(&mut self, index: usize) -> Result<()> {
        if index >= self.stream_count() {
            return Err(Error::bad_input(format!(
                "the file has no stream {index}: it is not the file that was probed"
            )));
        }
        for other in 0..self.stream_count() {
            let discard =
                if other == index { ffi::AVDiscard::AVDISCARD_DEFAULT } else { ffi::AVDiscard::AVDISCARD_ALL };
            // SAFETY: `other` is below the number of streams, all of which FFmpeg keeps alive.
            unsafe { (**self.format_mut().streams.add(other)).discard = discard };
        }
        self.stream = index;
        Ok(())
    }

    /// Number of streams known so far.
    pub(crate) fn stream_count(&self) -> usize {
        self.format().nb_streams as usize
    }

    /// Number of audio streams.
    pub(crate) fn audio_streams(&self) -> u32 {
        (0..self.stream_count()).filter(|&i| kind(self.stream_at(i)) == ffi::AVMediaType::AVMEDIA_TYPE_AUDIO).count()
            as u32
    }

    /// The demuxer's name.
    pub(crate) fn container(&self) -> String {
        let input = self.format().iformat;
        if input.is_null() {
            return String::new();
        }
        // SAFETY: FFmpeg's formats and their names are static.
        unsafe { av::text((*input).name) }
    }

    /// Whether the container is MP4 or MOV.
    pub(crate) fn is_mov(&self) -> bool {
        self.container().starts_with("mov")
    }

    /// Whether only positions, not times, can be sought.
    pub(crate) fn seeks_by_byte(&self) -> bool {
        matches!(self.container().as_str(), "mpegts" | "mpeg")
    }

    /// The chosen stream.
    pub(crate) fn stream(&self) -> &ffi::AVStream {
        self.stream_at(self.stream)
    }

    /// The chosen stream, for FFmpeg functions that want it mutable.
    pub(crate) fn stream_ptr(&self) -> *mut ffi::AVStream {
        // SAFETY: the index is below the number of streams.
        unsafe { *self.format().streams.add(self.stream) }
    }

    pub(crate) fn format_ptr(&self) -> *mut ffi::AVFormatContext {
        self.format.0.as_ptr()
    }

    /// A copy of the chosen stream's codec parameters.
    pub(crate) fn parameters(&self) -> Result<Parameters> {
        // SAFETY: streams always have parameters.
        unsafe { Parameters::copy(self.stream().codecpar) }
    }

    /// Seconds per timestamp of the chosen stream.
    pub(crate) fn time_base(&self) -> Result<Rational> {
        av::positive(self.stream().time_base).ok_or_else(|| Error::bad_input("the video stream has no time base"))
    }

    /// Entries of the chosen stream's own index, as far as it is loaded.
    pub(crate) fn index_entries(&self) -> usize {
        // SAFETY: the stream is valid.
        usize::try_from(unsafe { ffi::avformat_index_get_entries_count(self.stream()) }).unwrap_or(0)
    }

    /// From now on delivers `ranges` of the file blank.
    pub(crate) fn blank(&mut self, ranges: Vec<std::ops::Range<u64>>) {
        self.io.blank(ranges);
    }

    /// Reads the chosen stream's next packet; false at the end.
    pub(crate) fn read(&mut self, packet: &mut Packet) -> Result<bool> {
        let mut failures = 0;
        loop {
            // SAFETY: both are ours; a packet's earlier content is released first.
            let code = unsafe {
                ffi::av_packet_unref(packet.as_ptr());
                ffi::av_read_frame(self.format.0.as_ptr(), packet.as_ptr())
            };
            if let Some(error) = self.io.take_error() {
                return Err(error);
            }
            if self.io.blank_exhausted() {
                return Err(Error::bad_input("the container's tables claim far more media data than the file holds"));
            }
            if code >= 0 {
                if packet.stream() as usize == self.stream && packet.size() > 0 {
                    return Ok(true);
                }
                continue;
            }
            if code == ffi::AVERROR_EOF || code == ffi::AVERROR_EXIT {
                return Ok(false);
            }
            failures += 1;
            if self.read_errors.len() < 16 {
                self.read_errors.push(av::error_text(code));
            }
            if failures == MAX_FAILURES {
                return Ok(false);
            }
        }
    }

    /// Seeks to the last key packet at or before a time; false when FFmpeg cannot.
    pub(crate) fn seek_time(&mut self, time: i64) -> bool {
        let flags = ffi::AVSEEK_FLAG_BACKWARD as c_int;
        // SAFETY: the context is open and the stream exists.
        unsafe { ffi::av_seek_frame(self.format.0.as_ptr(), self.stream as c_int, time, flags) >= 0 }
    }

    /// Seeks to a byte position; false when FFmpeg cannot.
    pub(crate) fn seek_byte(&mut self, position: u64) -> bool {
        let Ok(position) = i64::try_from(position) else { return false };
        // SAFETY: as above.
        unsafe {
            ffi::av_seek_frame(self.format.0.as_ptr(), self.stream as c_int, position, ffi::AVSEEK_FLAG_BYTE as c_int)
                >= 0
        }
    }

    fn format(&self) -> &ffi::AVFormatContext {
        // SAFETY: the context is open while `self` lives.
        unsafe { self.format.0.as_ref() }
    }

    fn format_mut(&mut self) -> &mut ffi::AVFormatContext {
        // SAFETY: the context is open while `self` lives, and we hold it mutably.
        unsafe { self.format.0.as_mut() }
    }

    fn stream_at(&self, index: usize) -> &ffi::AVStream {
        assert!(index < self.stream_count(), "stream {index} of {}", self.stream_count());
        // SAFETY: the index is below the number of streams, all of which FFmpeg keeps alive.
        unsafe { &**self.format().streams.add(index) }
    }
}

fn kind(stream: &ffi::AVStream) -> ffi::AVMediaType {
    // SAFETY: streams always have parameters.
    unsafe { (*stream.codecpar).codec_type }
}
