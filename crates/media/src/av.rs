//! FFmpeg objects with owners: packets, codec parameters, dictionaries, error texts, and a quiet log.
//!
//! Nothing here decides anything. Each wrapper owns one FFmpeg object and frees it exactly once.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use framefan_contract::{Error, Rational, Result};
pub(crate) use video_rs::ffmpeg::ffi;

/// FFmpeg's "no timestamp".
pub(crate) const NO_PTS: i64 = i64::MIN;

/// Sets up what is global in FFmpeg: messages go nowhere, except that a decoder's complaints are counted for it.
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the callback has the C signature that FFmpeg documents. Its last parameter, a `va_list`, is passed as one
        // pointer-sized argument on the 64-bit platforms we build for, and is never read.
        // The type of `va_list` differs between platforms, so it cannot be named.
        #[allow(clippy::missing_transmute_annotations, clippy::undocumented_unsafe_blocks)]
        unsafe {
            let log: unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *mut c_void) = log;
            ffi::av_log_set_callback(Some(std::mem::transmute(log)));
        }
    });
}

/// What a decoder and its threads have logged.
#[derive(Default)]
pub(crate) struct Complaints {
    /// Messages of level error and worse, and those about concealment.
    pub(crate) all: AtomicU64,
    /// Messages that parts of a picture were concealed, which FFmpeg does not always flag on the picture.
    pub(crate) concealed: AtomicU64,
}

/// Counts a codec context's messages into the counters that its `opaque` names.
unsafe extern "C" fn log(object: *mut c_void, level: c_int, format: *const c_char, _args: *mut c_void) {
    if level > ffi::AV_LOG_INFO as c_int || object.is_null() || format.is_null() {
        return;
    }
    // SAFETY: FFmpeg passes an object whose first field is its class, and a terminated format; codec contexts are known by
    // that class, and only `Decoder` sets `opaque` of one, to counters that outlive the context.
    unsafe {
        let class = *object.cast::<*const ffi::AVClass>();
        if class != ffi::avcodec_get_class() {
            return;
        }
        let Some(complaints) = (*object.cast::<ffi::AVCodecContext>()).opaque.cast::<Complaints>().as_ref() else {
            return;
        };
        let concealed = CStr::from_ptr(format).to_bytes().starts_with(b"concealing ");
        if concealed {
            complaints.concealed.fetch_add(1, Ordering::Relaxed);
        }
        if concealed || level <= ffi::AV_LOG_ERROR as c_int {
            complaints.all.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// FFmpeg's text for an error code.
pub(crate) fn error_text(code: c_int) -> String {
    let mut buffer = [0 as c_char; 128];
    // SAFETY: the buffer is writable for the length given and is terminated by FFmpeg.
    unsafe {
        ffi::av_strerror(code, buffer.as_mut_ptr(), buffer.len());
        CStr::from_ptr(buffer.as_ptr()).to_string_lossy().to_lowercase()
    }
}

/// A C string that FFmpeg owns, as text; empty when it is null.
///
/// # Safety
/// `text` is null or points to a terminated string.
pub(crate) unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by this function's contract.
    unsafe { CStr::from_ptr(text).to_string_lossy().into_owned() }
}

/// Copies a fraction; `None` when it is 0/x, x/0 or negative.
pub(crate) fn positive(value: ffi::AVRational) -> Option<Rational> {
    Rational::new(i64::from(value.num), i64::from(value.den)).filter(|r| r.is_positive())
}

/// `Some` unless FFmpeg says "no timestamp".
pub(crate) fn timestamp(value: i64) -> Option<i64> {
    (value != NO_PTS).then_some(value)
}

/// The error of a failed allocation inside FFmpeg.
pub(crate) fn out_of_memory() -> Error {
    Error::retryable("out of memory")
}

/// Options for FFmpeg, freed when dropped.
pub(crate) struct Dictionary(pub(crate) *mut ffi::AVDictionary);

impl Dictionary {
    pub(crate) fn new(entries: &[(&str, &str)]) -> Result<Self> {
        let mut dictionary = Dictionary(ptr::null_mut());
        for (key, value) in entries {
            let key = CString::new(*key).map_err(|_| Error::defect("an option's name holds a zero byte"))?;
            let value = CString::new(*value).map_err(|_| Error::defect("an option's value holds a zero byte"))?;
            // SAFETY: FFmpeg copies both strings.
            if unsafe { ffi::av_dict_set(&mut dictionary.0, key.as_ptr(), value.as_ptr(), 0) } < 0 {
                return Err(out_of_memory());
            }
        }
        Ok(dictionary)
    }
}

impl Drop for Dictionary {
    fn drop(&mut self) {
        // SAFETY: the dictionary is ours or null.
        unsafe { ffi::av_dict_free(&mut self.0) }
    }
}

/// One packet: compressed data with timestamps.
pub(crate) struct Packet(NonNull<ffi::AVPacket>);

// SAFETY: a packet's data is reference-counted atomically and has no tie to a thread.
unsafe impl Send for Packet {}

impl Packet {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no preconditions.
        NonNull::new(unsafe { ffi::av_packet_alloc() }).map(Packet).ok_or_else(out_of_memory)
    }

    /// Another reference to the same data.
    pub(crate) fn share(&self) -> Result<Self> {
        // SAFETY: the packet is valid.
        NonNull::new(unsafe { ffi::av_packet_clone(self.as_ptr()) }).map(Packet).ok_or_else(out_of_memory)
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::AVPacket {
        self.0.as_ptr()
    }

    fn raw(&self) -> &ffi::AVPacket {
        // SAFETY: the pointer is valid while we own it.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn raw_mut(&mut self) -> &mut ffi::AVPacket {
        // SAFETY: the pointer is valid while we own it, and we hold it mutably.
        unsafe { self.0.as_mut() }
    }

    pub(crate) fn pts(&self) -> Option<i64> {
        timestamp(self.raw().pts)
    }

    pub(crate) fn dts(&self) -> Option<i64> {
        timestamp(self.raw().dts)
    }

    pub(crate) fn duration(&self) -> i64 {
        self.raw().duration
    }

    /// Byte position, negative when unknown.
    pub(crate) fn pos(&self) -> i64 {
        self.raw().pos
    }

    pub(crate) fn size(&self) -> usize {
        usize::try_from(self.raw().size).unwrap_or(0)
    }

    pub(crate) fn stream(&self) -> c_int {
        self.raw().stream_index
    }

    pub(crate) fn is_key(&self) -> bool {
        self.raw().flags & ffi::AV_PKT_FLAG_KEY as c_int != 0
    }

    /// The frame of this packet is needed by others but is not displayed (edit lists).
    pub(crate) fn is_discarded(&self) -> bool {
        self.raw().flags & ffi::AV_PKT_FLAG_DISCARD as c_int != 0
    }

    pub(crate) fn is_corrupt(&self) -> bool {
        self.raw().flags & ffi::AV_PKT_FLAG_CORRUPT as c_int != 0
    }

    pub(crate) fn data(&self) -> &[u8] {
        let raw = self.raw();
        if raw.data.is_null() {
            return &[];
        }
        // SAFETY: FFmpeg keeps `size` bytes at `data`, and they live as long as the packet is not changed.
        unsafe { std::slice::from_raw_parts(raw.data, self.size()) }
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the packet is ours.
        unsafe { ffi::av_packet_free(&mut raw) }
    }
}

/// A copy of a stream's codec parameters.
pub(crate) struct Parameters(NonNull<ffi::AVCodecParameters>);

// SAFETY: plain data that we own.
unsafe impl Send for Parameters {}

impl Parameters {
    /// # Safety
    /// `source` points to valid parameters.
    pub(crate) unsafe fn copy(source: *const ffi::AVCodecParameters) -> Result<Self> {
        // SAFETY: no preconditions.
        let copy =
            NonNull::new(unsafe { ffi::avcodec_parameters_alloc() }).map(Parameters).ok_or_else(out_of_memory)?;
        // SAFETY: both are valid, by this function's contract and by construction.
        if unsafe { ffi::avcodec_parameters_copy(copy.0.as_ptr(), source) } < 0 {
            return Err(out_of_memory());
        }
        Ok(copy)
    }

    pub(crate) fn raw(&self) -> &ffi::AVCodecParameters {
        // SAFETY: the pointer is valid while we own it.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Parameters {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the parameters are ours.
        unsafe { ffi::avcodec_parameters_free(&mut raw) }
    }
}
