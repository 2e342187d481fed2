//! The parameters: one table with defaults and allowed ranges, the check of what a user gave, and typed access.

use framefan_contract::{Error, Rational, Result};

use super::NAME;
use crate::params::{Domain, Params, Spec, Specs, number, real, text};

/// The networks that may be named by the parameter `model`.
pub const MODELS: [&str; 6] =
    ["yolov8n-pose", "yolov8s-pose", "yolov8m-pose", "yolov8l-pose", "yolov8x-pose", "pose-synth"];

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
    Spec { key: "model", domain: Domain::Name(&MODELS), about: "the network" },
    real("score", 0.25, 0.01, 1.0, "least score of a person that is recorded"),
    real("iou", 0.45, 0.0, 1.0, "overlap of boxes above which only the better one is kept"),
    Spec {
        key: "max_people",
        domain: Domain::Integer { default: 50, min: 1, max: 300, step: 1 },
        about: "most people recorded in a frame, the best scores first",
    },
];

/// Parameters of the reduce stage. Another value reuses all inference. The rationale of each is in [`super::findings`].
pub const REDUCE: &[Spec] = &[
    real("person_score", 0.4, 0.0, 1.0, "least score of a person that is counted"),
    real("visibility", 0.5, 0.0, 1.0, "least score of a landmark that counts as visible"),
    real("presence_gap_s", 1.0, 0.0, 60.0, "longest pause inside one appearance, seconds"),
    real("presence_min_s", 0.5, 0.0, 60.0, "shortest appearance, seconds"),
    real("absent_s", 3.0, 0.0, 86400.0, "shortest finding that nobody is visible, seconds"),
    real("crowd_min_s", 0.5, 0.0, 3600.0, "shortest finding of several people, seconds"),
    real("knee_bend_deg", 100.0, 0.0, 180.0, "knee angle below which the bend is deep, degrees"),
    real("arm_raised_deg", 90.0, 0.0, 180.0, "shoulder angle above which the arm is raised, degrees"),
    real("arm_raised_min_s", 1.0, 0.0, 3600.0, "shortest finding of a raised arm, seconds"),
    real("asymmetry_deg", 30.0, 0.0, 180.0, "difference of left and right that is asymmetric, degrees"),
    real("asymmetry_min_s", 2.0, 0.0, 3600.0, "shortest finding of asymmetry, seconds"),
    real("head_speed", 1.5, 0.0, 100.0, "head speed that is rapid, body heights per second"),
    real("hidden_share", 0.5, 0.0, 1.0, "share of visible landmarks below which a body is partly hidden"),
    real("hidden_min_s", 2.0, 0.0, 3600.0, "shortest finding of a partly hidden body, seconds"),
    real("repetition_low_deg", 120.0, 0.0, 180.0, "knee angle that starts a repetition, degrees"),
    real("repetition_high_deg", 150.0, 0.0, 180.0, "knee angle that ends a repetition, degrees"),
    Spec {
        key: "repetition_min",
        domain: Domain::Integer { default: 2, min: 1, max: 1000, step: 1 },
        about: "fewest repetitions that are a finding",
    },
];

/// All of them.
pub const SPECS: Specs = Specs { analyzer: NAME, chunk: CHUNK, reduce: REDUCE };

/// The chunk stage's parameters, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChunkParams {
    /// Frames looked at in a second.
    pub sample_fps: Rational,
    /// Long side of the network's input, pixels.
    pub max_width: u32,
    /// The network's role name.
    pub model: String,
    /// Least recorded person score.
    pub score: f32,
    /// Overlap of boxes above which only the better one is kept.
    pub iou: f32,
    /// Most people recorded in a frame.
    pub max_people: usize,
}

impl ChunkParams {
    /// Reads parameters that [`check`] has completed.
    pub fn read(params: &Params) -> Result<Self> {
        Ok(ChunkParams {
            sample_fps: Rational::parse(&text(params, "sample_fps")?)?,
            max_width: number(params, "max_width")? as u32,
            model: text(params, "model")?,
            score: number(params, "score")? as f32,
            iou: number(params, "iou")? as f32,
            max_people: number(params, "max_people")? as usize,
        })
    }
}

/// The reduce stage's parameters, parsed. Their meaning is in [`REDUCE`].
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each field is described in the table REDUCE")]
pub struct ReduceParams {
    pub person_score: f64,
    pub visibility: f64,
    pub presence_gap_s: f64,
    pub presence_min_s: f64,
    pub absent_s: f64,
    pub crowd_min_s: f64,
    pub knee_bend_deg: f64,
    pub arm_raised_deg: f64,
    pub arm_raised_min_s: f64,
    pub asymmetry_deg: f64,
    pub asymmetry_min_s: f64,
    pub head_speed: f64,
    pub hidden_share: f64,
    pub hidden_min_s: f64,
    pub repetition_low_deg: f64,
    pub repetition_high_deg: f64,
    pub repetition_min: u32,
}

impl ReduceParams {
    /// Reads parameters that [`check`] has completed.
    pub fn read(params: &Params) -> Result<Self> {
        let get = |key| number(params, key);
        Ok(ReduceParams {
            person_score: get("person_score")?,
            visibility: get("visibility")?,
            presence_gap_s: get("presence_gap_s")?,
            presence_min_s: get("presence_min_s")?,
            absent_s: get("absent_s")?,
            crowd_min_s: get("crowd_min_s")?,
            knee_bend_deg: get("knee_bend_deg")?,
            arm_raised_deg: get("arm_raised_deg")?,
            arm_raised_min_s: get("arm_raised_min_s")?,
            asymmetry_deg: get("asymmetry_deg")?,
            asymmetry_min_s: get("asymmetry_min_s")?,
            head_speed: get("head_speed")?,
            hidden_share: get("hidden_share")?,
            hidden_min_s: get("hidden_min_s")?,
            repetition_low_deg: get("repetition_low_deg")?,
            repetition_high_deg: get("repetition_high_deg")?,
            repetition_min: get("repetition_min")? as u32,
        })
    }
}

/// Checks what the user gave and fills in defaults.
pub fn check(given: &Params) -> Result<(Params, Params)> {
    let (chunk, reduce) = SPECS.check(given)?;
    if number(&reduce, "repetition_low_deg")? >= number(&reduce, "repetition_high_deg")? {
        return Err(Error::usage(format!(
            "{NAME}.repetition_low_deg is {}, which is not below {NAME}.repetition_high_deg, {}",
            reduce["repetition_low_deg"], reduce["repetition_high_deg"]
        )));
    }
    Ok((chunk, reduce))
}

#[cfg(test)]
mod tests {
    use framefan_contract::ErrorKind;
    use serde_json::Value;

    use super::*;

    fn given(key: &str, value: impl Into<Value>) -> Params {
        Params::from([(key.to_owned(), value.into())])
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let (chunk, reduce) = check(&Params::new()).unwrap();
        let params = ChunkParams::read(&chunk).unwrap();
        assert_eq!(params.sample_fps, Rational { num: 10, den: 1 });
        assert_eq!((params.max_width, params.score, params.iou), (640, 0.25, 0.45));
        assert_eq!(params.model, "yolov8n-pose");
        assert_eq!(ReduceParams::read(&reduce).unwrap().visibility, 0.5);
    }

    #[test]
    fn every_default_is_allowed_and_checked_parameters_pass_again_unchanged() {
        let (chunk, reduce) = check(&Params::new()).unwrap();
        let all: Params = chunk.iter().chain(&reduce).map(|(k, v)| (k.clone(), v.clone())).collect();
        assert_eq!(check(&all).unwrap(), (chunk, reduce));
    }

    #[test]
    fn one_request_has_one_spelling() {
        let (a, _) = check(&given("sample_fps", "29.970")).unwrap();
        let (b, _) = check(&given("sample_fps", 29.97)).unwrap();
        assert_eq!(a, b);
        assert_eq!(a["sample_fps"], Value::from("2997/100"));
        assert_eq!(check(&given("score", "0.3")).unwrap(), check(&given("score", 0.3)).unwrap());
        assert_eq!(check(&given("max_width", 641)).unwrap().0["max_width"], Value::from(672));
        assert_eq!(check(&given("max_width", "320")).unwrap().0["max_width"], Value::from(320));
    }

    #[test]
    fn wrong_values_are_named_with_what_is_allowed() {
        for (key, value, allowed) in [
            ("sample_fps", Value::from("0"), "from 0.01 to 240"),
            ("sample_fps", Value::from("fast"), "30000/1001"),
            ("max_width", Value::from(5000), "an integer from 32 to 4096"),
            ("score", Value::from("1.5"), "a number from 0.01 to 1"),
            ("score", Value::from("NaN"), "a number from 0.01 to 1"),
            ("max_people", Value::from(1.5), "an integer from 1 to 300"),
            ("model", Value::from("resnet"), "yolov8n-pose, yolov8s-pose"),
            ("visibility", Value::Null, "a number from 0 to 1"),
        ] {
            let error = check(&given(key, value.clone())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.message().starts_with(&format!("pose.{key} is '")), "{error}");
            assert!(error.message().contains(allowed), "{error}");
        }
        let unknown = check(&given("colour", "red")).unwrap_err();
        assert!(unknown.message().contains("pose.colour") && unknown.message().contains("visibility"), "{unknown}");
        assert!(check(&given("repetition_low_deg", 170)).unwrap_err().message().contains("repetition_high_deg"));
    }
}
