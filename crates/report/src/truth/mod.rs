//! How near the results are to what is known of the video: the truth of a drawn scene, in the JSON that `framefan-scene`
//! writes beside its videos (schema `framefan.scene/1`).

mod pose;
mod section;
mod track;

use std::collections::BTreeMap;
use std::io::Read;

use framefan_contract::{Error, Result};
use serde::Deserialize;

use crate::exports::SectionStream;

pub use pose::PoseComparison;
pub(crate) use section::section;
pub use track::TrackComparison;

/// The schema that is read.
const SCHEMA: &str = "framefan.scene/1";

/// People who show fewer pixels count neither for nor against: the size below which COCO labels no keypoints.
const FEWEST_PIXELS: f64 = 32.0 * 32.0;

/// So do people of whom more than this share is hidden behind others.
const MOST_HIDDEN: f64 = 0.5;

/// What is true of a video.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The people in each frame.
    frames: BTreeMap<u64, Vec<TruePerson>>,
}

#[derive(Deserialize)]
struct File {
    schema: String,
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    frame: u64,
    people: Vec<TruePerson>,
}

/// A person in a frame; coordinates are pixels.
#[derive(Clone, Debug, Deserialize)]
struct TruePerson {
    track_id: u64,
    /// Left, top, width, height of what is seen.
    bbox: Option<[f64; 4]>,
    visible_px: f64,
    occluded: f64,
    /// x, y, and 0 outside of the frame, 1 hidden, 2 seen.
    keypoints: [[f64; 3]; 17],
}

impl TruePerson {
    /// Its box, if it counts.
    fn clear(&self) -> Option<[f64; 4]> {
        self.bbox.filter(|_| self.visible_px >= FEWEST_PIXELS && self.occluded <= MOST_HIDDEN)
    }
}

/// How near the results are to the truth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Of the pose section, if there is one.
    pub pose: Option<PoseComparison>,
    /// Of the track section, if there is one.
    pub track: Option<TrackComparison>,
}

impl Truth {
    /// Reads the JSON of a scene; `name` is for messages.
    ///
    /// # Errors
    /// [`BadInput`](framefan_contract::ErrorKind::BadInput) when it is not what the schema says.
    pub fn read(from: impl Read, name: &str) -> Result<Truth> {
        let file: File = serde_json::from_reader(std::io::BufReader::new(from))
            .map_err(|e| Error::bad_input(format!("{name} is not the truth of a drawn scene: {e}")).with_source(e))?;
        if file.schema != SCHEMA {
            let found = file.schema;
            return Err(Error::bad_input(format!("{name} has the schema {found:?}; this program reads {SCHEMA}")));
        }
        Ok(Truth { frames: file.frames.into_iter().map(|frame| (frame.frame, frame.people)).collect() })
    }

    /// Compares the sections that `open` opens by their analyzers' names.
    ///
    /// # Errors
    /// What `open` returns; `BadInput` when a section is not what its schema says.
    pub fn compare(&self, open: &dyn Fn(&str) -> Result<SectionStream>) -> Result<Comparison> {
        Ok(Comparison {
            pose: open("pose")?.map(|section| pose::compare(self, section)).transpose()?,
            track: open("track")?.map(|section| track::compare(self, section)).transpose()?,
        })
    }

    fn people(&self, frame: u64) -> &[TruePerson] {
        self.frames.get(&frame).map_or(&[], Vec::as_slice)
    }
}

/// Pairs of the best matches, each used once: of values over `least`, the greatest first. `value(a, b)` compares the ones
/// with the others.
fn pairs(ones: usize, others: usize, least: f64, value: impl Fn(usize, usize) -> f64) -> Vec<(usize, usize, f64)> {
    let mut all: Vec<(usize, usize, f64)> = (0..ones)
        .flat_map(|one| (0..others).map(move |other| (one, other)))
        .map(|(one, other)| (one, other, value(one, other)))
        .filter(|(_, _, value)| *value >= least)
        .collect();
    all.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    let (mut taken, mut found) = (vec![false; ones], vec![false; others]);
    all.retain(|&(one, other, _)| {
        let free = !taken[one] && !found[other];
        (taken[one], found[other]) = (taken[one] || free, found[other] || free);
        free
    });
    all
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use framefan_contract::ErrorKind;
    use serde_json::{Value, json};

    use super::*;

    /// A person of 40 × 100 pixels whose keypoints lie down its middle.
    fn person(track_id: u64, left: f64, occluded: f64) -> Value {
        let keypoints: Vec<[f64; 3]> = (0..17).map(|k| [left + 20.0, 10.0 + 5.0 * f64::from(k), 2.0]).collect();
        json!({"track_id": track_id, "bbox": [left, 0.0, 40.0, 100.0], "visible_px": 2000.0, "occluded": occluded,
               "truncated": 0.0, "keypoints": keypoints})
    }

    fn truth() -> Truth {
        let frames: Vec<Value> = (0..4)
            .map(|frame| {
                let left = 10.0 * f64::from(frame);
                json!({"frame": frame, "people": [person(1, left, 0.0), person(2, 300.0 - left, 0.0), person(3, 500.0, 0.9)]})
            })
            .collect();
        Truth::read(json!({"schema": SCHEMA, "frames": frames}).to_string().as_bytes(), "truth.json").unwrap()
    }

    fn open(sections: Value) -> impl Fn(&str) -> Result<SectionStream> {
        move |name: &str| {
            Ok(sections
                .get(name)
                .map(|section| Box::new(Cursor::new(section.to_string().into_bytes())) as Box<dyn Read>))
        }
    }

    #[test]
    fn people_and_keypoints_are_counted() {
        // Of two frames: one person three pixels aside, one missed, one who is not there, and one who counts for nothing.
        let found = |left: f64, aside: f64| {
            let keypoints: Vec<[f64; 3]> =
                (0..17).map(|k| [left + 20.0 + aside, 10.0 + 5.0 * f64::from(k), 0.9]).collect();
            json!({"score": 0.9, "bbox": [left, 0.0, 40.0, 100.0], "keypoints": keypoints})
        };
        let frames = json!([
            {"frame": 0, "time_s": 0.0, "people": [found(0.0, 3.0), found(500.0, 0.0)]},
            {"frame": 2, "time_s": 0.1, "people": [found(20.0, 3.0), found(280.0, 3.0), found(700.0, 0.0)]},
        ]);
        let pose = truth().compare(&open(json!({"pose": {"frames": frames}}))).unwrap().pose.unwrap();
        assert_eq!((pose.people, pose.found, pose.too_many), (4, 3, 1));
        assert_eq!(pose.keypoint_error_px, Some(3.0));
        // e^(−9 / (2 · 2000 · (2σ)²)), averaged over the keypoints.
        let of = |sigma: f64| (-9.0 / (2.0 * 2000.0 * (2.0 * sigma).powi(2))).exp();
        let [eyes, ears] = [of(0.025), of(0.035)];
        let rest = [0.079, 0.072, 0.062, 0.107, 0.087, 0.089].map(|s| 2.0 * of(s)).iter().sum::<f64>();
        let expected = (of(0.026) + 2.0 * eyes + 2.0 * ears + rest) / 17.0;
        assert!((pose.similarity.unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn tracks_that_swap_and_stray_are_counted() {
        let detection = |frame: u64, id: u64, left: f64| json!({"frame": frame, "track_id": id, "class": "person", "bbox": [left, 0.0, 40.0, 100.0], "confidence": 0.9});
        // Ids 7 and 8 change places after two frames; a ball is no person; one box is nobody's.
        let detections = json!([
            detection(0, 7, 0.0), detection(0, 8, 300.0), detection(1, 7, 10.0), detection(1, 8, 290.0),
            detection(2, 8, 20.0), detection(2, 7, 280.0), detection(3, 8, 30.0), detection(3, 9, 800.0),
            {"frame": 3, "track_id": 5, "class": "sports ball", "bbox": [0.0, 0.0, 5.0, 5.0], "confidence": 0.5},
        ]);
        let track = truth()
            .compare(&open(json!({"track": {"detections": detections, "counts": {"frames": 4, "untracked": 0}}})))
            .unwrap()
            .track
            .unwrap();
        assert_eq!((track.people, track.tracks), (2, 3));
        assert_eq!((track.appearances, track.found, track.too_many, track.id_changes), (8, 7, 1, 2));
        assert_eq!(track.accuracy(), Some(1.0 - 4.0 / 8.0));
    }

    #[test]
    fn other_files_are_refused() {
        for text in ["", "{}", r#"{"schema": "framefan.scene/2", "frames": []}"#, r#"{"schema": "framefan.scene/1"}"#] {
            let error = Truth::read(text.as_bytes(), "truth.json").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadInput);
            assert!(error.message().contains("truth.json"), "{error}");
        }
    }
}
