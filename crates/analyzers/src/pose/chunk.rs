//! The chunk stage: frame → letterboxed RGB → YOLOv8 pose → people in pixels of the frame as displayed.
//!
//! Boxes are clipped to the frame, and a box that lies outside it altogether is dropped. Landmarks are not moved: one that
//! the network places outside the frame says where it thinks the joint is, and clipping it would falsify every angle
//! measured there; the reduce stage counts it as not visible. Coordinates are rounded to 1/100 pixel and scores to 1/10000,
//! which is finer than the network's own error, so that records stay small and their text is the same everywhere.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use framefan_contract::{Error, Result};
use framefan_media::{Frame, Letterbox};
use framefan_models::{PoseDetection, Task, Weights, Yolov8, decode_poses};

use super::NAME;
use super::params::ChunkParams;
use super::section::{Person, PoseRecord};
use crate::analyzer::{ChunkContext, ChunkStage, Finding};
use crate::letterboxed::Letterboxed;
use crate::round::round_to;
use crate::tensor_error;

/// Landmarks of the skeleton that the network was trained on.
const KEYPOINTS: usize = 17;

/// The chunk stage.
pub struct PoseChunkStage {
    params: ChunkParams,
    network: Arc<Yolov8>,
    network_name: String,
    device: Device,
    batch_size: usize,
    input: Letterboxed,
}

impl PoseChunkStage {
    /// Loads the network.
    pub fn new(context: &ChunkContext<'_>) -> Result<Self> {
        let params = ChunkParams::read(context.params)?;
        let path = context.model(&params.model)?;
        let device = context.device.candle()?;
        let network_name = format!("yolov8 {}", params.model);
        let load = || Yolov8::load(&Weights::load(path, &device)?, &device, context.precision);
        let network = context.networks.get(&network_name, load)?;
        if network.config().task != (Task::Pose { keypoints: KEYPOINTS }) {
            return Err(Error::bad_input(format!(
                "{} is no network for the {KEYPOINTS} landmarks of people: the analyzer pose wants one like yolov8n-pose",
                path.display()
            )));
        }
        let input = Letterboxed::new(context.video, params.max_width)?;
        Ok(PoseChunkStage {
            batch_size: context.device.detector_batch(input.letterbox.pixels()),
            input,
            params,
            network,
            network_name,
            device,
        })
    }
}

impl ChunkStage for PoseChunkStage {
    fn input(&self) -> String {
        self.input.name()
    }

    fn network(&self) -> String {
        self.network_name.clone()
    }

    fn batch_size(&self) -> usize {
        self.batch_size
    }

    fn prepare(&self, frame: &Frame) -> Result<Tensor> {
        self.input.prepare(frame, NAME)
    }

    fn infer(&self, batch: &Tensor) -> Result<Tensor> {
        let input = batch.to_device(&self.device).map_err(tensor_error(NAME))?;
        self.network.forward(&input)?.to_device(&Device::Cpu).map_err(tensor_error(NAME))
    }

    fn interpret(&self, _: &Tensor, output: &Tensor) -> Result<Finding> {
        let (channels, anchors) = output.dims2().map_err(tensor_error(NAME))?;
        let values = output.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).map_err(tensor_error(NAME))?;
        let detections = decode_poses(&values, channels, anchors, self.params.score, self.params.iou);
        let mut people = Vec::new();
        for detection in &detections {
            if people.len() < self.params.max_people
                && let Some(person) = place(detection, &self.input.letterbox)?
            {
                people.push(person);
            }
        }
        Finding::of(&PoseRecord { people })
    }
}

/// The detection in pixels of the frame as displayed; `None` when its box lies outside the frame.
fn place(detection: &PoseDetection, letterbox: &Letterbox) -> Result<Option<Person>> {
    let to_frame = |x: f32, y: f32| {
        let (x, y) = letterbox.to_source(x, y);
        (f64::from(x), f64::from(y))
    };
    let [left, top, width, height] = detection.bbox;
    let from = to_frame(left, top);
    let to = to_frame(left + width, top + height);
    let mut keypoints = [[0.0; 3]; KEYPOINTS];
    for (place, &[x, y, score]) in keypoints.iter_mut().zip(&detection.keypoints) {
        let (x, y) = to_frame(x, y);
        *place = [round_to(x, 2), round_to(y, 2), round_to(f64::from(score), 4)];
    }
    let corners = [from.0, from.1, to.0, to.1];
    if !corners.iter().chain(keypoints.iter().flatten()).all(|value| value.is_finite()) {
        return Err(Error::defect("the pose network gave a coordinate that is not a finite number"));
    }
    let across = |x: f64| round_to(x.clamp(0.0, f64::from(letterbox.source_width)), 2);
    let down = |y: f64| round_to(y.clamp(0.0, f64::from(letterbox.source_height)), 2);
    let (x0, x1, y0, y1) = (across(from.0), across(to.0), down(from.1), down(to.1));
    if x1 <= x0 || y1 <= y0 {
        return Ok(None);
    }
    let bbox = [x0, y0, round_to(x1 - x0, 2), round_to(y1 - y0, 2)];
    Ok(Some(Person { score: round_to(f64::from(detection.score), 4), bbox, keypoints }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(bbox: [f32; 4], nose: [f32; 3]) -> PoseDetection {
        let mut keypoints = vec![[320.0, 192.0, 0.5]; KEYPOINTS];
        keypoints[0] = nose;
        PoseDetection { score: 0.876_543, bbox, keypoints }
    }

    #[test]
    fn boxes_are_clipped_and_landmarks_kept_in_pixels_of_the_frame() {
        // 1280 × 720 on 640 × 384: half the size, 12 rows of padding above and below.
        let letterbox = Letterbox::new(1280, 720, 640).unwrap();
        let person = place(&detection([-10.0, 112.0, 110.0, 400.0], [-4.0, 62.0, 0.123_456]), &letterbox).unwrap();
        let person = person.unwrap();
        assert_eq!((person.score, person.bbox), (0.8765, [0.0, 200.0, 200.0, 520.0]));
        assert_eq!(person.keypoints[0], [-8.0, 100.0, 0.1235]);
        assert_eq!(person.keypoints[1], [640.0, 360.0, 0.5]);
    }

    #[test]
    fn what_cannot_be_a_person_in_the_frame_is_dropped_or_refused() {
        let letterbox = Letterbox::new(1280, 720, 640).unwrap();
        let nose = [0.0, 0.0, 0.5];
        assert_eq!(place(&detection([10.0, 0.0, 50.0, 11.0], nose), &letterbox).unwrap(), None); // in the padding
        assert!(place(&detection([10.0, 20.0, f32::NAN, 11.0], nose), &letterbox).is_err());
    }
}
