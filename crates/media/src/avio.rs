//! The bridge from [`ByteSource`] to FFmpeg: an I/O context whose callbacks read our source and nothing else.
//!
//! Parts of a source can be blanked: they are delivered without being read, which lets a demuxer walk its packets at the
//! cost of its tables alone.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use framefan_contract::{Error, Result};

use crate::av::{ffi, out_of_memory};
use crate::source::ByteSource;

/// Bytes of FFmpeg's read buffer. Larger reads go straight to their destination.
const BUFFER_BYTES: usize = 64 << 10;

/// What the callbacks work on.
struct State {
    source: Arc<dyn ByteSource>,
    position: u64,
    /// The first failure of the source.
    error: Option<Error>,
    /// Ascending ranges of offsets that are delivered blank while `blanking` is on.
    blank: Vec<Range<u64>>,
    blanking: bool,
    /// How many more blank bytes may be delivered: tables can claim any amount of media data.
    blank_budget: u64,
    /// Set from outside to end all reading.
    stop: Arc<AtomicBool>,
}

/// An I/O context on a source. It must outlive the format context that uses it.
pub(crate) struct Io {
    context: NonNull<ffi::AVIOContext>,
    state: *mut State,
}

// SAFETY: the context and its state are ours alone, the source is `Send + Sync`.
unsafe impl Send for Io {}

impl Io {
    pub(crate) fn new(source: Arc<dyn ByteSource>, stop: Arc<AtomicBool>) -> Result<Self> {
        let blank_budget = source.size().saturating_mul(4).saturating_add(1 << 30);
        let state = Box::new(State {
            source,
            position: 0,
            error: None,
            blank: Vec::new(),
            blanking: false,
            blank_budget,
            stop,
        });
        let state = Box::into_raw(state);
        // SAFETY: the buffer comes from FFmpeg's allocator, as the context frees it with it; the callbacks match their
        // contract and `state` lives until `drop`.
        let context = unsafe {
            let buffer = ffi::av_malloc(BUFFER_BYTES).cast::<u8>();
            if buffer.is_null() {
                ptr::null_mut()
            } else {
                ffi::avio_alloc_context(buffer, BUFFER_BYTES as c_int, 0, state.cast(), Some(read), None, Some(seek))
            }
        };
        match NonNull::new(context) {
            Some(context) => Ok(Io { context, state }),
            None => {
                // SAFETY: nobody else holds the state.
                drop(unsafe { Box::from_raw(state) });
                Err(out_of_memory())
            }
        }
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::AVIOContext {
        self.context.as_ptr()
    }

    /// Takes the first failure of the source.
    pub(crate) fn take_error(&mut self) -> Option<Error> {
        // SAFETY: callbacks run only inside FFmpeg calls, none of which is in progress while we hold `self` mutably.
        unsafe { (*self.state).error.take() }
    }

    /// From now on, delivers `ranges` (ascending, disjoint) without reading them.
    pub(crate) fn blank(&mut self, ranges: Vec<Range<u64>>) {
        // SAFETY: as above; `direct` lets large reads bypass the buffer.
        unsafe {
            (*self.state).blank = ranges;
            (*self.state).blanking = true;
            (*self.context.as_ptr()).direct = 1;
        }
    }

    /// Whether blank bytes ran out: the tables claim far more media data than the file holds.
    pub(crate) fn blank_exhausted(&self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.state).blank_budget == 0 }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: context, buffer and state are ours; FFmpeg may have replaced the buffer, so it is freed through the context.
        unsafe {
            ffi::av_freep(ptr::addr_of_mut!((*context).buffer).cast());
            ffi::avio_context_free(&mut context);
            drop(Box::from_raw(self.state));
        }
    }
}

impl State {
    /// Bytes there are, blank ones included: the tables of a truncated file name media data beyond its end.
    fn size(&self) -> u64 {
        let blank_end = self.blank.last().filter(|_| self.blanking).map_or(0, |range| range.end);
        self.source.size().max(blank_end)
    }

    /// Delivers up to `out.len()` bytes from the current position; 0 at the end.
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let left = self.size().saturating_sub(self.position);
        let mut want = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if want == 0 {
            return Ok(0);
        }
        if self.blanking {
            let next = self.blank.partition_point(|range| range.end <= self.position);
            if let Some(range) = self.blank.get(next) {
                if range.contains(&self.position) {
                    want = want.min(usize::try_from(range.end - self.position).unwrap_or(usize::MAX));
                    want = want.min(usize::try_from(self.blank_budget).unwrap_or(usize::MAX));
                    self.blank_budget -= want as u64;
                    out[..want].fill(0);
                    self.position += want as u64;
                    return Ok(want);
                }
                want = want.min(usize::try_from(range.start - self.position).unwrap_or(usize::MAX));
            }
        }
        let count = self.source.read_at(self.position, &mut out[..want])?;
        self.position += count as u64;
        Ok(count)
    }
}

/// FFmpeg's read callback.
unsafe extern "C" fn read(opaque: *mut c_void, buffer: *mut u8, size: c_int) -> c_int {
    let Ok(size) = usize::try_from(size) else { return ffi::AVERROR(video_rs::ffmpeg::error::EINVAL) };
    // SAFETY: `opaque` is the state given at creation, used by one FFmpeg call at a time; FFmpeg gives `size` writable
    // bytes, which may be uninitialised but are only written.
    let (state, out) = unsafe { (&mut *opaque.cast::<State>(), std::slice::from_raw_parts_mut(buffer, size)) };
    if state.stop.load(Ordering::Relaxed) {
        return ffi::AVERROR_EXIT;
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| state.read(out)))
        .unwrap_or_else(|_| Err(Error::defect("reading the video's bytes panicked")));
    match outcome {
        Ok(0) => ffi::AVERROR_EOF,
        Ok(count) => count as c_int,
        Err(error) => {
            state.error.get_or_insert(error);
            ffi::AVERROR(video_rs::ffmpeg::error::EIO)
        }
    }
}

/// FFmpeg's seek callback: moves the position or tells the size.
unsafe extern "C" fn seek(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: as in `read`.
    let state = unsafe { &mut *opaque.cast::<State>() };
    let size = i64::try_from(state.size()).unwrap_or(i64::MAX);
    let target = match whence & !(ffi::AVSEEK_FORCE as c_int) {
        whence if whence == ffi::AVSEEK_SIZE as c_int => return size,
        0 => Some(offset),
        1 => i64::try_from(state.position).ok().and_then(|p| p.checked_add(offset)),
        2 => size.checked_add(offset),
        _ => None,
    };
    match target.and_then(|t| u64::try_from(t).ok()) {
        Some(position) => {
            state.position = position;
            position as i64
        }
        None => i64::from(ffi::AVERROR(video_rs::ffmpeg::error::EINVAL)),
    }
}
