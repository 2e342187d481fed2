//! The input of detectors: a frame as displayed, letterboxed to RGB.

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{Device, Tensor};
use framefan_contract::Result;
use framefan_contract::video::VideoInfo;
use framefan_media::{Converter, Frame, Letterbox, Orientation};

use crate::tensor_error;

/// Makes the input of one size of one video's frames.
pub(crate) struct Letterboxed {
    pub letterbox: Letterbox,
    /// The longest side that was asked for.
    max_width: u32,
    orientation: Orientation,
    /// Converters that no thread is using: their tables are worth keeping from frame to frame.
    converters: Mutex<Vec<Converter>>,
}

impl Letterboxed {
    /// For input of at most `max_width` columns.
    pub fn new(video: &VideoInfo, max_width: u32) -> Result<Self> {
        Ok(Letterboxed {
            letterbox: Letterbox::new(video.width, video.height, max_width)?,
            max_width,
            orientation: Orientation { rotation: video.rotation, mirrored: video.mirrored },
            converters: Mutex::default(),
        })
    }

    /// Its name as a stage's input: stages of a job with the same one share it.
    pub fn name(&self) -> String {
        format!("letterboxed RGB {}", self.max_width)
    }

    /// A frame's input, `[3, H, W]`, 0 to 1. Errors are `analyzer`'s.
    pub fn prepare(&self, frame: &Frame, analyzer: &'static str) -> Result<Tensor> {
        let Letterbox { width, height, .. } = self.letterbox;
        let mut rgb = vec![0f32; self.letterbox.values()];
        let idle = self.converters().pop();
        let mut converter = idle.unwrap_or_else(|| Converter::new(self.orientation, self.letterbox));
        converter.letterbox_rgb(&frame.picture()?, &mut rgb)?;
        self.converters().push(converter);
        Tensor::from_vec(rgb, (3, height as usize, width as usize), &Device::Cpu).map_err(tensor_error(analyzer))
    }

    fn converters(&self) -> MutexGuard<'_, Vec<Converter>> {
        // A thread that panicked while it held the lock cannot have left a half-made converter in the list.
        self.converters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
