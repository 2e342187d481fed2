//! The chunk stage: frame → luma → sharpness, and motion from the frame before.

use candle_core::{Device, Tensor};
use framefan_contract::{Error, Result};
use framefan_media::{Frame, Orientation, luma8};
use framefan_vision::FrameMeasures;

use super::NAME;
use super::section::Record;
use crate::analyzer::{ChunkContext, ChunkStage, Finding};
use crate::round::round_to;
use crate::tensor_error;

/// The chunk stage.
pub struct GoldenFramesChunkStage {
    width: usize,
    height: usize,
    orientation: Orientation,
    device: Device,
    measures: FrameMeasures,
}

impl GoldenFramesChunkStage {
    /// Prepares for a video.
    pub fn new(context: &ChunkContext<'_>) -> Result<Self> {
        let video = context.video;
        let (width, height) = (video.width as usize, video.height as usize);
        let device = context.device.candle()?;
        Ok(GoldenFramesChunkStage {
            width,
            height,
            orientation: Orientation { rotation: video.rotation, mirrored: video.mirrored },
            measures: FrameMeasures::new(width, height, &device)?,
            device,
        })
    }
}

impl ChunkStage for GoldenFramesChunkStage {
    fn input(&self) -> String {
        "luma".to_owned()
    }

    fn network(&self) -> String {
        "sharpness and motion".to_owned()
    }

    fn batch_size(&self) -> usize {
        self.measures.batch_size()
    }

    fn prepare(&self, frame: &Frame) -> Result<Tensor> {
        let luma = luma8(&frame.picture()?, self.orientation)?;
        if (luma.width, luma.height) != (self.width, self.height) {
            return Err(Error::bad_input(format!(
                "{NAME}: a frame of {}×{} pixels in a video of {}×{}",
                luma.width, luma.height, self.width, self.height
            )));
        }
        Tensor::from_vec(luma.data, (1, luma.height, luma.width), &Device::Cpu).map_err(tensor_error(NAME))
    }

    fn infer(&self, batch: &Tensor) -> Result<Tensor> {
        let frames = batch.to_device(&self.device).map_err(tensor_error(NAME))?;
        self.measures.measure(&frames)?.to_device(&Device::Cpu).map_err(tensor_error(NAME))
    }

    fn interpret(&self, _: &Tensor, output: &Tensor) -> Result<Finding> {
        let values = output.to_vec1::<f64>().map_err(tensor_error(NAME))?;
        let &[sharpness, motion] = values.as_slice() else {
            return Err(Error::defect(format!("{NAME}: {} measurements of a frame, not 2", values.len())));
        };
        if !(sharpness.is_finite() && motion.is_finite()) {
            return Err(Error::defect(format!(
                "{NAME}: sharpness {sharpness} and motion {motion} are no finite numbers"
            )));
        }
        // Finer than the measurements, so that rounding changes no choice.
        Finding::of(&Record { sharpness: round_to(sharpness, 6), motion: round_to(motion, 6) })
    }
}
