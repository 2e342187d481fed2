//! How good a weights file is on pictures that no training saw.

use candle_core::{Device, Tensor};
use framefan_contract::Result;
use framefan_contract::request::Precision;
use framefan_models::{Weights, Yolov8, decode_poses};
use serde::Serialize;

use crate::average_precision::{Judged, Scored, Similarity, average_precision};
use crate::data::{Collection, Picture};
use crate::recipe::HELD_OUT;
use crate::train::tensors;

/// Detections below this are not looked at.
const THRESHOLD: f32 = 0.01;
/// Boxes that overlap more are one person.
const OVERLAP: f32 = 0.65;
/// People who cover fewer pixels count neither for nor against: the size below which COCO labels no keypoints.
const SMALLEST: f32 = 32.0 * 32.0;

/// Sides of the network's input are multiples of this.
const STRIDE: usize = 32;
/// What pictures are filled up with, as in letterboxed input.
const GREY: u8 = 114;

/// One picture of so many is a still.
const ONE_STILL_IN: usize = 2;

/// Average precisions: mean over thresholds, and those at 0.50 and 0.75.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// `stills`, people in any pose and at any distance, or `moments` of videos of people who walk about.
    pub kind: &'static str,
    /// Pictures that were looked at.
    pub pictures: usize,
    /// People who count.
    pub people: usize,
    /// By object keypoint similarity.
    pub keypoints: [f64; 3],
    /// By overlap of boxes.
    pub boxes: [f64; 3],
}

/// Runs a network on pictures number 0 to `count` of a seed's held-out ones, `size` pixels a side.
///
/// # Errors
/// Those of drawing and of the network.
pub fn judge(weights: &Weights, seed: u64, count: usize, size: usize, device: &Device) -> Result<Vec<Judged>> {
    let network = Yolov8::load(weights, device, Precision::F32)?;
    held_out(seed, size)
        .draw(0..count)?
        .into_iter()
        .map(|picture| {
            let found = detect(&network, &picture)?;
            let people = picture.people.into_iter().map(|person| (person.area >= SMALLEST, person));
            Ok(Judged { people: people.map(|(counts, person)| (person, counts)).collect(), found })
        })
        .collect()
}

/// Pictures that no training with this seed saw.
fn held_out(seed: u64, size: usize) -> Collection {
    Collection { seed: seed + HELD_OUT, size, one_still_in: ONE_STILL_IN }
}

/// The figures of what [`judge`] found.
pub fn figures(judged: &[Judged]) -> [Figures; 2] {
    [("stills", true), ("moments", false)].map(|(kind, stills)| {
        let of_kind = judged.iter().enumerate().filter(|(index, _)| index.is_multiple_of(ONE_STILL_IN) == stills);
        let judged: Vec<Judged> = of_kind.map(|(_, judged)| judged.clone()).collect();
        Figures {
            kind,
            pictures: judged.len(),
            people: judged.iter().flat_map(|judged| &judged.people).filter(|(_, counts)| *counts).count(),
            keypoints: average_precision(&judged, Similarity::Keypoints),
            boxes: average_precision(&judged, Similarity::Boxes),
        }
    })
}

/// The people that a network finds in a picture, which is filled up to multiples of 32 on the right and below.
///
/// # Errors
/// Those of the network.
pub fn detect(network: &Yolov8, picture: &Picture) -> Result<Vec<Scored>> {
    let (width, height) = (picture.width.next_multiple_of(STRIDE), picture.height.next_multiple_of(STRIDE));
    let mut pixels = vec![GREY; width * height * 3];
    for (to, from) in pixels.chunks_exact_mut(3 * width).zip(picture.pixels.chunks_exact(3 * picture.width)) {
        to[..from.len()].copy_from_slice(from);
    }
    let input = Tensor::from_vec(pixels, (1, height, width, 3), network.device())
        .and_then(|t| t.permute((0, 3, 1, 2))?.contiguous()?.to_dtype(candle_core::DType::F32)? / 255.0)
        .map_err(tensors)?;
    let output = network.forward(&input)?;
    let (_, channels, anchors) = output.dims3().map_err(tensors)?;
    let output = output.flatten_all().and_then(|t| t.to_vec1::<f32>()).map_err(tensors)?;
    let found = decode_poses(&output, channels, anchors, THRESHOLD, OVERLAP);
    Ok(found
        .into_iter()
        .map(|pose| {
            let [x, y, w, h] = pose.bbox;
            Scored {
                score: pose.score,
                bbox: [x, y, x + w, y + h],
                keypoints: std::array::from_fn(|k| [pose.keypoints[k][0], pose.keypoints[k][1]]),
            }
        })
        .collect())
}
