//! The chunk stage: frame → letterboxed RGB → detector → boxes in pixels of the frame as displayed, and features of people.
//!
//! Boxes are clipped to the frame; one that lies outside it altogether is dropped. Coordinates are rounded to 1/100 pixel and
//! scores to 1/10000, which is finer than the network's own error, so that records stay small and their text is the same
//! everywhere. Features travel beside the records, in half precision.

use candle_core::Tensor;
use framefan_contract::{Error, Result};
use framefan_media::{Frame, Letterbox};
use framefan_models::BoxDetection;

use super::appearance::{Appearance, LEAST_SIDE};
use super::detector::Detector;
use super::params::ChunkParams;
use super::section::{RecordedDetection, TrackRecord};
use super::{NAME, classes};
use crate::analyzer::{ChunkContext, ChunkStage, Finding};
use crate::letterboxed::Letterboxed;
use crate::round::round_to;

/// The chunk stage.
pub struct TrackChunkStage {
    params: ChunkParams,
    detector: Detector,
    appearance: Option<Appearance>,
    batch_size: usize,
    input: Letterboxed,
}

impl TrackChunkStage {
    /// Loads the networks.
    pub fn new(context: &ChunkContext<'_>) -> Result<Self> {
        let params = ChunkParams::read(context.params)?;
        let input = Letterboxed::new(context.video, params.max_width)?;
        Ok(TrackChunkStage {
            detector: Detector::new(context, &params)?,
            appearance: match &params.appearance {
                Some(model) => Some(Appearance::new(context, model)?),
                None => None,
            },
            // As the analyzer pose has it, to share its inference.
            batch_size: context.device.detector_batch(input.letterbox.pixels()),
            input,
            params,
        })
    }
}

impl ChunkStage for TrackChunkStage {
    fn input(&self) -> String {
        self.input.name()
    }

    fn network(&self) -> String {
        self.detector.name().to_owned()
    }

    fn batch_size(&self) -> usize {
        self.batch_size
    }

    fn prepare(&self, frame: &Frame) -> Result<Tensor> {
        self.input.prepare(frame, NAME)
    }

    fn infer(&self, batch: &Tensor) -> Result<Tensor> {
        self.detector.infer(batch)
    }

    fn interpret(&self, input: &Tensor, output: &Tensor) -> Result<Finding> {
        let mut detections = Vec::new();
        let mut wanted = Vec::new();
        for found in self.detector.decode(output, &self.params)? {
            if detections.len() == self.params.max_detections {
                break;
            }
            if let Some(detection) = place(&found, &self.params.classes, &self.input.letterbox)? {
                if self.appearance.is_some() && self.has_look(&detection, &found) {
                    wanted.push((detections.len(), inside(found.bbox, &self.input.letterbox)));
                }
                detections.push(detection);
            }
        }
        let mut sidecar = Vec::new();
        if let Some(appearance) = &self.appearance {
            let boxes: Vec<[f32; 4]> = wanted.iter().map(|(_, bbox)| *bbox).collect();
            for ((index, _), feature) in wanted.iter().zip(appearance.features(input, &boxes)?) {
                if let Some(feature) = feature {
                    feature.write(&mut sidecar);
                    detections[*index].feature = true;
                }
            }
        }
        let record = Finding::of(&TrackRecord { detections })?;
        Ok(Finding { sidecar, ..record })
    }
}

impl TrackChunkStage {
    /// Whether a feature is made of a detection: of sure people who are not tiny.
    fn has_look(&self, detection: &RecordedDetection, found: &BoxDetection) -> bool {
        let [_, _, width, height] = inside(found.bbox, &self.input.letterbox);
        detection.class == classes::PERSON
            && detection.score >= self.params.appearance_score
            && width.min(height) >= LEAST_SIDE
    }
}

/// The part of a box that is not on the padding, in input pixels.
fn inside([left, top, width, height]: [f32; 4], letterbox: &Letterbox) -> [f32; 4] {
    let (x0, y0) = (letterbox.pad_x as f32, letterbox.pad_y as f32);
    let (x1, y1) = (x0 + letterbox.content_width as f32, y0 + letterbox.content_height as f32);
    let (left_in, top_in) = (left.clamp(x0, x1), top.clamp(y0, y1));
    [left_in, top_in, (left + width).clamp(x0, x1) - left_in, (top + height).clamp(y0, y1) - top_in]
}

/// The detection in pixels of the frame as displayed; `None` for a class that is not wanted, and when its box lies outside.
fn place(found: &BoxDetection, classes: &[bool], letterbox: &Letterbox) -> Result<Option<RecordedDetection>> {
    if !classes.get(found.class).copied().unwrap_or(false) {
        return Ok(None);
    }
    let [left, top, width, height] = found.bbox;
    let (x0, y0) = letterbox.to_source(left, top);
    let (x1, y1) = letterbox.to_source(left + width, top + height);
    if ![x0, y0, x1, y1, found.score].iter().all(|value| value.is_finite()) {
        return Err(Error::defect(format!("{NAME}: the network gave a value that is not a finite number")));
    }
    let across = |x: f32| round_to(f64::from(x).clamp(0.0, f64::from(letterbox.source_width)), 2);
    let down = |y: f32| round_to(f64::from(y).clamp(0.0, f64::from(letterbox.source_height)), 2);
    let (x0, x1, y0, y1) = (across(x0), across(x1), down(y0), down(y1));
    if x1 <= x0 || y1 <= y0 {
        return Ok(None);
    }
    Ok(Some(RecordedDetection {
        class: found.class as u16,
        score: round_to(f64::from(found.score), 4),
        bbox: [x0, y0, round_to(x1 - x0, 2), round_to(y1 - y0, 2)],
        feature: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_clipped_filtered_and_in_pixels_of_the_frame() {
        // 1280 × 720 on 640 × 384: half the size, 12 rows of padding above and below.
        let letterbox = Letterbox::new(1280, 720, 640).unwrap();
        let mut classes = vec![false; 80];
        classes[2] = true;
        let at = |class, bbox| place(&BoxDetection { class, score: 0.876_543, bbox }, &classes, &letterbox).unwrap();
        let car = at(2, [-10.0, 112.0, 110.0, 400.0]).unwrap();
        assert_eq!((car.class, car.score, car.bbox), (2, 0.8765, [0.0, 200.0, 200.0, 520.0]));
        assert_eq!(at(2, [10.0, 0.0, 50.0, 11.0]), None); // on the padding
        assert_eq!(at(0, [10.0, 112.0, 50.0, 11.0]), None); // not wanted
        let broken = BoxDetection { class: 2, score: 0.5, bbox: [f32::NAN, 0.0, 1.0, 1.0] };
        assert!(place(&broken, &classes, &letterbox).is_err());
        assert_eq!(inside([-10.0, 2.0, 110.0, 400.0], &letterbox), [0.0, 12.0, 100.0, 360.0]);
    }
}
