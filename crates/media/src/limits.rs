//! What a video may ask of us at most. A video is untrusted: each limit is checked before the work it bounds is done.

use framefan_contract::{Error, Result};

/// Upper bounds on one video.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Size of the file in bytes.
    pub max_bytes: u64,
    /// Seconds from the first displayed frame to the end of the last one.
    pub max_duration_s: f64,
    /// Pixels of one decoded frame.
    pub max_pixels: u64,
    /// Width, and height, of one decoded frame.
    pub max_side: u32,
    /// Packets of the video stream.
    pub max_frames: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_bytes: 64 << 30,
            max_duration_s: 12.0 * 3600.0,
            max_pixels: 8192 * 4352,
            max_side: 8192,
            max_frames: 4_000_000,
        }
    }
}

impl Limits {
    pub(crate) fn check_bytes(&self, bytes: u64) -> Result<()> {
        if bytes == 0 {
            return Err(Error::bad_input("the file is empty"));
        }
        if bytes > self.max_bytes {
            return Err(Error::bad_input(format!("the file has {bytes} bytes, over the limit of {}", self.max_bytes)));
        }
        Ok(())
    }

    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<()> {
        let pixels = u64::from(width) * u64::from(height);
        if width == 0 || height == 0 {
            return Err(Error::bad_input("the video states no picture size"));
        }
        if width > self.max_side || height > self.max_side || pixels > self.max_pixels {
            return Err(Error::bad_input(format!(
                "the video is {width}x{height}, over the limit of {} pixels and {} a side",
                self.max_pixels, self.max_side
            )));
        }
        Ok(())
    }

    pub(crate) fn check_duration(&self, seconds: f64) -> Result<()> {
        if seconds > self.max_duration_s {
            return Err(Error::bad_input(format!(
                "the video lasts {seconds:.0} s, over the limit of {:.0} s",
                self.max_duration_s
            )));
        }
        Ok(())
    }

    pub(crate) fn check_frames(&self, frames: u64) -> Result<()> {
        if frames > self.max_frames {
            return Err(Error::bad_input(format!("the video has over {} frames, which is the limit", self.max_frames)));
        }
        Ok(())
    }
}
