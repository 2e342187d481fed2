//! The parameters: one table with defaults and allowed ranges, and typed access.

use framefan_contract::{Error, Rational, Result};

use super::NAME;
use super::classes::{NAMES, PERSON};
use crate::params::{Domain, Params, Spec, Specs, flag, number, real, text};
use crate::pose;

/// The networks that may be named by the parameter `model`.
pub const MODELS: [&str; 14] = [
    "yolov8n",
    "yolov8s",
    "yolov8m",
    "yolov8l",
    "yolov8x",
    "yolox-nano",
    "yolox-tiny",
    "yolox-s",
    "yolov8n-pose",
    "yolov8s-pose",
    "yolov8m-pose",
    "yolov8l-pose",
    "yolov8x-pose",
    "pose-synth",
];

/// The network that makes features of people.
pub const OSNET: &str = "osnet-x0.25";

/// Where features come from: from nothing, or from a network for people.
const APPEARANCES: [&str; 2] = ["none", OSNET];

/// Parameters of the chunk stage. Another value means new inference.
pub const CHUNK: &[Spec] = &[
    Spec {
        key: "sample_fps",
        domain: Domain::Fraction { default: "10", min: 0.01, max: 240.0 },
        about: "frames looked at in a second",
    },
    Spec {
        key: "max_width",
        domain: Domain::Integer { default: 640, min: 32, max: 4096, step: 32 },
        about: "long side of the network's input in pixels, rounded up to a multiple of 32",
    },
    Spec {
        key: "model",
        domain: Domain::Name(&MODELS),
        about: "the network; with a pose network people are tracked, at no cost beside the analyzer pose",
    },
    Spec {
        key: "classes",
        domain: Domain::Names { default: "all", all: &NAMES },
        about: "what is looked for: COCO's classes",
    },
    real("score", 0.1, 0.01, 1.0, "least score of a detection that is recorded"),
    real("iou", 0.6, 0.0, 1.0, "overlap of boxes of a class above which only the better one is kept"),
    Spec {
        key: "max_detections",
        domain: Domain::Integer { default: 100, min: 1, max: 300, step: 1 },
        about: "most detections recorded in a frame, the best scores first",
    },
    Spec {
        key: "appearance",
        domain: Domain::Name(&APPEARANCES),
        about: "what people are recognised by when they come back: nothing, or a network's features",
    },
    real("appearance_score", 0.4, 0.01, 1.0, "least score of a person whose feature is recorded"),
];

/// Parameters of the reduce stage. Another value reuses all inference. What each does is said in [`super::tracker`].
pub const REDUCE: &[Spec] = &[
    real("report", 0.1, 0.0, 1.0, "least score of a detection of a track that is written"),
    real("high", 0.5, 0.0, 1.0, "score from which a detection is sure"),
    real("low", 0.1, 0.0, 1.0, "score from which a detection may continue a track"),
    real("new", 0.4, 0.0, 1.0, "score from which a detection may begin a track"),
    real("buffer_s", 2.0, 0.0, 600.0, "time for which a lost track waits where its motion leads, seconds"),
    Spec {
        key: "min_hits",
        domain: Domain::Integer { default: 3, min: 1, max: 100, step: 1 },
        about: "detections in a row after which a track is believed",
    },
    Spec {
        key: "upright",
        domain: Domain::Flag(true),
        about: "whether boxes must also agree in top and bottom (ByteTrack's overlap alone without)",
    },
    Spec {
        key: "recover",
        domain: Domain::Flag(true),
        about: "whether who was hidden may go on beside where expected, the further the longer (ByteTrack without)",
    },
    Spec {
        key: "meetings",
        domain: Domain::Flag(true),
        about: "whether those who have met are told apart again by their features, where there are any",
    },
    Spec { key: "reid", domain: Domain::Flag(true), about: "whether features, where there are any, are used" },
    real("reid_distance", 0.22, 0.0, 2.0, "cosine distance of features from which on two people are never one"),
    real("reid_window_s", 1800.0, 0.0, 86400.0, "time for which someone who left is remembered, seconds"),
];

/// All of them.
pub const SPECS: Specs = Specs { analyzer: NAME, chunk: CHUNK, reduce: REDUCE };

/// The chunk stage's parameters, parsed. Their meaning is in [`CHUNK`].
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is described in the table CHUNK")]
pub struct ChunkParams {
    pub sample_fps: Rational,
    pub max_width: u32,
    pub model: String,
    /// By COCO's number.
    pub classes: Vec<bool>,
    pub score: f32,
    pub iou: f32,
    pub max_detections: usize,
    /// The network that makes features.
    pub appearance: Option<String>,
    pub appearance_score: f64,
}

impl ChunkParams {
    /// Reads parameters that [`check`] has completed.
    pub fn read(params: &Params) -> Result<Self> {
        let classes = text(params, "classes")?;
        let chosen: Vec<&str> = classes.split(',').collect();
        let appearance = text(params, "appearance")?;
        Ok(ChunkParams {
            sample_fps: Rational::parse(&text(params, "sample_fps")?)?,
            max_width: number(params, "max_width")? as u32,
            model: text(params, "model")?,
            classes: NAMES.iter().map(|name| classes == "all" || chosen.contains(name)).collect(),
            score: number(params, "score")? as f32,
            iou: number(params, "iou")? as f32,
            max_detections: number(params, "max_detections")? as usize,
            appearance: (appearance != APPEARANCES[0]).then_some(appearance),
            appearance_score: number(params, "appearance_score")?,
        })
    }
}

/// The reduce stage's parameters, parsed. Their meaning is in [`REDUCE`].
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is described in the table REDUCE")]
pub struct ReduceParams {
    pub report: f64,
    pub high: f64,
    pub low: f64,
    pub new: f64,
    pub buffer_s: f64,
    pub min_hits: u32,
    pub upright: bool,
    pub recover: bool,
    pub meetings: bool,
    pub reid: bool,
    pub reid_distance: f64,
    pub reid_window_s: f64,
}

impl ReduceParams {
    /// Reads parameters that [`check`] has completed.
    pub fn read(params: &Params) -> Result<Self> {
        let get = |key| number(params, key);
        Ok(ReduceParams {
            report: get("report")?,
            high: get("high")?,
            low: get("low")?,
            new: get("new")?,
            buffer_s: get("buffer_s")?,
            min_hits: get("min_hits")? as u32,
            upright: flag(params, "upright")?,
            recover: flag(params, "recover")?,
            meetings: flag(params, "meetings")?,
            reid: flag(params, "reid")?,
            reid_distance: get("reid_distance")?,
            reid_window_s: get("reid_window_s")?,
        })
    }
}

/// Checks what the user gave and fills in defaults.
///
/// # Errors
/// `Usage`, naming the parameter, the value and what is allowed.
pub fn check(given: &Params) -> Result<(Params, Params)> {
    let (chunk, reduce) = SPECS.check(given)?;
    let (low, high) = (number(&reduce, "low")?, number(&reduce, "high")?);
    if low > high {
        return Err(Error::usage(format!("{NAME}.low is {low}, which is above {NAME}.high, {high}")));
    }
    let params = ChunkParams::read(&chunk)?;
    let person = params.classes[usize::from(PERSON)];
    if pose::params::MODELS.contains(&params.model.as_str()) && !person {
        let classes = text(&chunk, "classes")?;
        return Err(Error::usage(format!("{NAME}.classes is '{classes}', but {} finds people only", params.model)));
    }
    Ok((chunk, reduce))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn checked(given: &[(&str, Value)]) -> Result<(Params, Params)> {
        check(&given.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let (chunk, reduce) = checked(&[]).unwrap();
        let params = ChunkParams::read(&chunk).unwrap();
        assert_eq!((params.model.as_str(), params.score, params.max_width), ("yolov8n", 0.1, 640));
        assert!(params.classes.iter().all(|&wanted| wanted) && params.appearance.is_none());
        let reduce = ReduceParams::read(&reduce).unwrap();
        assert_eq!((reduce.report, reduce.low, reduce.min_hits, reduce.reid), (0.1, 0.1, 3, true));
    }

    #[test]
    fn classes_and_features_are_read() {
        let (chunk, _) = checked(&[("classes", "dog,person".into()), ("appearance", OSNET.into())]).unwrap();
        let params = ChunkParams::read(&chunk).unwrap();
        let wanted: Vec<usize> = (0..80).filter(|&class| params.classes[class]).collect();
        assert_eq!((wanted, params.appearance.as_deref()), (vec![0, 16], Some(OSNET)));
    }

    #[test]
    fn contradictions_are_refused() {
        let upside_down = checked(&[("low", 0.7.into())]).unwrap_err();
        assert!(upside_down.message().contains("track.high"), "{upside_down}");
        let pose = checked(&[("model", "yolov8n-pose".into()), ("classes", "car".into())]).unwrap_err();
        assert!(pose.message().contains("yolov8n-pose finds people only"), "{pose}");
    }
}
