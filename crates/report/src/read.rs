//! Reads what a report needs from `final_results.json`, as a stream: the frames, which may be gigabytes, are skipped.

use std::io::{BufReader, Read};

use framefan_analyzers::pose::section::{Finding, Metrics, Moment, Summary};
use framefan_contract::artifact::DamagedSpan;
use framefan_contract::results::{Provenance, ResultsHeader};
use framefan_contract::video::VideoInfo;
use framefan_contract::{Error, Result};
use serde::Deserialize;

/// Reads the envelope and the pose section without its frames from `results`. A section that is a file of its own is
/// asked of `open` by its name.
///
/// # Errors
/// [`BadInput`](framefan_contract::ErrorKind::BadInput) when the result is not what the schema says; what `open` returns.
pub fn read_summary(
    results: impl Read,
    open: impl FnOnce(&str) -> Result<Box<dyn Read>>,
) -> Result<(ResultsHeader, Option<Summary>)> {
    let results: Results =
        serde_json::from_reader(BufReader::new(results)).map_err(|error| malformed("the result", error))?;
    let pose = match results.pose {
        None => None,
        Some(Section { file: Some(file), .. }) => {
            let section: Section = serde_json::from_reader(BufReader::new(open(&file)?))
                .map_err(|error| malformed(&format!("the section '{file}'"), error))?;
            Some(section.summary()?)
        }
        Some(section) => Some(section.summary()?),
    };
    let header = ResultsHeader {
        schema: results.schema,
        job_id: results.job_id,
        video: results.video,
        completed_at: results.completed_at,
        provenance: results.provenance,
        warnings: results.warnings,
        damaged: results.damaged,
        frames_processed: results.frames_processed,
    };
    Ok((header, pose))
}

/// The envelope and the sections a page shows. Fields that are not named here are skipped while parsing, not collected;
/// `#[serde(flatten)]` would collect them, which is why the envelope's fields stand here again.
#[derive(Deserialize)]
struct Results {
    schema: String,
    job_id: String,
    video: VideoInfo,
    completed_at: String,
    provenance: Provenance,
    warnings: Vec<String>,
    damaged: Vec<DamagedSpan>,
    frames_processed: u64,
    pose: Option<Section>,
}

/// A pose section without its frames, or the name of the file that holds it.
#[derive(Deserialize)]
struct Section {
    metrics: Option<Metrics>,
    findings: Option<Vec<Finding>>,
    moments: Option<Vec<Moment>>,
    file: Option<String>,
}

impl Section {
    fn summary(self) -> Result<Summary> {
        match (self.metrics, self.findings, self.moments) {
            (Some(metrics), Some(findings), Some(moments)) => Ok(Summary { metrics, findings, moments }),
            _ => Err(Error::bad_input("the pose section lacks metrics, findings or moments")),
        }
    }
}

fn malformed(what: &str, error: serde_json::Error) -> Error {
    if error.is_io() {
        return Error::io(format!("reading {what}"), error.into());
    }
    Error::bad_input(format!("{what} is not what its schema says: {error}")).with_source(error)
}
