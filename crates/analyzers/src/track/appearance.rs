//! What people look like: their boxes are cut out of the network's input and given to OSNet, which makes features.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use framefan_contract::{Error, Result};
use framefan_models::osnet::{DEVIATION, HEIGHT, MEAN, WIDTH};
use framefan_models::{ComputeDevice, Osnet, Weights};

use super::NAME;
use super::feature::Feature;
use crate::analyzer::ChunkContext;
use crate::tensor_error;

/// Smallest side of a box, in input pixels, that has a look worth comparing.
pub const LEAST_SIDE: f32 = 8.0;

/// Pictures that go through the network together.
const BATCH: usize = 8;

/// The network for people.
pub struct Appearance {
    network: Arc<Osnet>,
    device: Device,
    /// On a GPU batches are filled up, so that a feature does not depend on how many people are in the frame. The CPU's kernels
    /// see each picture by itself.
    filled: bool,
}

impl Appearance {
    /// Loads the network called `model`, or shares it.
    ///
    /// # Errors
    /// What loading says.
    pub fn new(context: &ChunkContext<'_>, model: &str) -> Result<Self> {
        let path = context.model(model)?;
        let device = context.device.candle()?;
        let load = || Osnet::load(&Weights::load(path, &device)?, &device, context.precision);
        let network = context.networks.get(&format!("osnet {model}"), load)?;
        Ok(Appearance { network, device, filled: !matches!(context.device, ComputeDevice::Cpu) })
    }

    /// Features of boxes (left, top, width, height in pixels of `input`, an RGB picture `[3, H, W]` from 0 to 1). A box that
    /// looks like nothing at all has none.
    ///
    /// # Errors
    /// `Defect` when `input` is something else.
    pub fn features(&self, input: &Tensor, boxes: &[[f32; 4]]) -> Result<Vec<Option<Feature>>> {
        let (3, height, width) = input.dims3().map_err(tensor_error(NAME))? else {
            return Err(Error::defect(format!("features of an input of shape {:?}", input.dims())));
        };
        if boxes.is_empty() {
            return Ok(Vec::new());
        }
        let values = input.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).map_err(tensor_error(NAME))?;
        let mut features = Vec::with_capacity(boxes.len());
        for group in boxes.chunks(BATCH) {
            let batch = if self.filled { BATCH } else { group.len() };
            let mut crops = Vec::with_capacity(batch * 3 * HEIGHT * WIDTH);
            for &bbox in group {
                crop(&values, [height, width], bbox, &mut crops);
            }
            crops.resize(batch * 3 * HEIGHT * WIDTH, 0.0);
            let run = || Tensor::from_vec(crops, (batch, 3, HEIGHT, WIDTH), &Device::Cpu)?.to_device(&self.device);
            let output = self.network.forward(&run().map_err(tensor_error(NAME))?)?;
            let rows = output.to_vec2::<f32>().map_err(tensor_error(NAME))?;
            features.extend(rows.into_iter().take(group.len()).map(Feature::new));
        }
        Ok(features)
    }
}

/// Appends a box of a picture `[3, height, width]`, stretched to the network's input and normalised: bilinear, with pixel
/// centres at halves and the edges repeated, as OpenCV's `INTER_LINEAR`.
fn crop(
    values: &[f32],
    [height, width]: [usize; 2],
    [left, top, box_width, box_height]: [f32; 4],
    crops: &mut Vec<f32>,
) {
    let taps = |first: f32, length: f32, count: usize, side: usize| -> Vec<(usize, usize, f32)> {
        let place = |index: usize| {
            let at = (first + (index as f32 + 0.5) * length / count as f32 - 0.5).clamp(0.0, (side - 1) as f32);
            let low = (at as usize).min(side - 1);
            (low, (low + 1).min(side - 1), at - low as f32)
        };
        (0..count).map(place).collect()
    };
    let (rows, columns) = (taps(top, box_height, HEIGHT, height), taps(left, box_width, WIDTH, width));
    for (plane, (mean, deviation)) in values.chunks_exact(height * width).zip(MEAN.into_iter().zip(DEVIATION)) {
        for &(upper, lower, down) in &rows {
            let (upper, lower) = (&plane[upper * width..][..width], &plane[lower * width..][..width]);
            for &(near, far, across) in &columns {
                let above = upper[near] + (upper[far] - upper[near]) * across;
                let below = lower[near] + (lower[far] - lower[near]) * across;
                crops.push((above + (below - above) * down - mean) / deviation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_stays_a_slope_when_it_is_stretched() {
        // Red grows to the right by 1/100 a pixel, green downwards, blue is constant.
        let (height, width) = (60, 90);
        let mut values = Vec::new();
        for channel in 0..3 {
            for y in 0..height {
                values.extend((0..width).map(|x| [x as f32 / 100.0, y as f32 / 100.0, 0.5][channel]));
            }
        }
        let mut crops = Vec::new();
        let [left, top, box_width, box_height] = [10.0, 5.0, 32.0, 40.0];
        crop(&values, [height, width], [left, top, box_width, box_height], &mut crops);
        assert_eq!(crops.len(), 3 * HEIGHT * WIDTH);
        for (x, y) in [(0, 0), (64, 17), (127, 255)] {
            let wanted = [
                (left + (x as f32 + 0.5) * box_width / 128.0 - 0.5) / 100.0,
                (top + (y as f32 + 0.5) * box_height / 256.0 - 0.5) / 100.0,
                0.5,
            ];
            for channel in 0..3 {
                let found = crops[(channel * HEIGHT + y) * WIDTH + x] * DEVIATION[channel] + MEAN[channel];
                assert!((found - wanted[channel]).abs() < 1e-5, "{channel} at {x}, {y}: {found}, {}", wanted[channel]);
            }
        }
    }
}
