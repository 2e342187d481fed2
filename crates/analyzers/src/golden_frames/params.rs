//! The parameters: one table with defaults and allowed ranges, and typed access.

use framefan_contract::{Error, Result};

use super::NAME;
use crate::params::{Domain, Params, Spec, Specs, number, real, text};

/// Parameters of the reduce stage: another value reuses all measurements. The chunk stage has none.
const REDUCE: &[Spec] = &[
    real("max_motion", 1.0, 0.0, 1000.0, "mean motion up to which a frame is still, pixels"),
    Spec {
        key: "count",
        domain: Domain::Integer { default: 5, min: 1, max: 100, step: 1 },
        about: "most frames that are selected",
    },
    real("min_gap_s", 1.0, 0.0, 3600.0, "least time between selected frames, seconds"),
    Spec { key: "image", domain: Domain::Name(&["jpeg", "png"]), about: "format of the pictures" },
];

/// All of them.
pub const SPECS: Specs = Specs { analyzer: NAME, chunk: &[], reduce: REDUCE };

/// How pictures are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    /// Small; as good as it looks.
    Jpeg,
    /// Large; exactly what was decoded.
    Png,
}

/// The reduce stage's parameters, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReduceParams {
    /// Mean motion up to which a frame is still, pixels.
    pub max_motion: f64,
    /// Most frames that are selected.
    pub count: usize,
    /// Least time between selected frames, seconds.
    pub min_gap_s: f64,
    /// Format of the pictures.
    pub image: ImageFormat,
}

impl ReduceParams {
    /// Reads parameters that the check has completed.
    pub fn read(params: &Params) -> Result<Self> {
        Ok(ReduceParams {
            max_motion: number(params, "max_motion")?,
            count: number(params, "count")? as usize,
            min_gap_s: number(params, "min_gap_s")?,
            image: match text(params, "image")?.as_str() {
                "jpeg" => ImageFormat::Jpeg,
                "png" => ImageFormat::Png,
                other => return Err(Error::defect(format!("{NAME}.image is '{other}' after the check"))),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_filled_in_and_values_read() {
        let (chunk, reduce) = SPECS.check(&Params::new()).unwrap();
        assert!(chunk.is_empty());
        let defaults = ReduceParams { max_motion: 1.0, count: 5, min_gap_s: 1.0, image: ImageFormat::Jpeg };
        assert_eq!(ReduceParams::read(&reduce).unwrap(), defaults);
        let given = [("count", "3"), ("image", "png"), ("min_gap_s", "0.5"), ("max_motion", "2.25")];
        let given = given.map(|(key, value)| (key.to_owned(), value.into())).into();
        let (_, reduce) = SPECS.check(&given).unwrap();
        let expected = ReduceParams { max_motion: 2.25, count: 3, min_gap_s: 0.5, image: ImageFormat::Png };
        assert_eq!(ReduceParams::read(&reduce).unwrap(), expected);
        for (key, value) in [("count", "0"), ("image", "gif"), ("max_motion", "-1")] {
            let error = SPECS.check(&[(key.to_owned(), value.into())].into()).unwrap_err();
            assert!(error.message().starts_with(&format!("golden_frames.{key} is '{value}'")), "{}", error.message());
        }
    }
}
