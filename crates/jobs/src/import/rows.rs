//! The rows of one job, written as the result is read.

use framefan_analyzers::pose::section::{Finding, FramePeople};
use framefan_contract::{Error, Result};
use rusqlite::{ErrorCode, Statement, ToSql, Transaction, params};
use serde::Deserialize;
use serde_json::Value;

use super::Counts;
use super::database::sql_error;

/// One detection of track.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Detection {
    frame: u64,
    #[serde(default)]
    track_id: Option<i64>,
    class: String,
    bbox: [f64; 4],
    confidence: f64,
}

/// One frame that golden_frames selected.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct GoldenFrame {
    frame: u64,
    time_s: f64,
    #[serde(default)]
    sharpness: Option<f64>,
    #[serde(default)]
    motion: Option<f64>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    glint: Option<Value>,
}

/// Writes rows inside a transaction.
pub(super) struct Rows<'t> {
    job: i64,
    database: String,
    frame: Statement<'t>,
    person: Statement<'t>,
    keypoint: Statement<'t>,
    finding: Statement<'t>,
    detection: Statement<'t>,
    golden_frame: Statement<'t>,
    counts: Counts,
}

impl<'t> Rows<'t> {
    pub fn new(transaction: &'t Transaction<'_>, job: i64, database: &str) -> Result<Self> {
        let prepare = |sql: &str| transaction.prepare(sql).map_err(|e| sql_error(database, e));
        Ok(Rows {
            job,
            database: database.to_owned(),
            frame: prepare("INSERT INTO frames VALUES (?1, ?2, ?3)")?,
            person: prepare("INSERT INTO people VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?,
            keypoint: prepare("INSERT INTO keypoints VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?,
            finding: prepare("INSERT INTO findings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")?,
            detection: prepare("INSERT INTO detections VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?,
            golden_frame: prepare("INSERT INTO golden_frames VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?,
            counts: Counts::default(),
        })
    }

    /// The rows written so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// A frame of pose, its people and their landmarks.
    pub fn frame(&mut self, frame: &FramePeople) -> Result<()> {
        let what = || format!("frame {} of pose", frame.frame);
        let number = integer(frame.frame, what)?;
        insert(&mut self.frame, params![self.job, number, frame.time_s], &self.database, what)?;
        self.counts.frames += 1;
        for (i, person) in frame.people.iter().enumerate() {
            let [x, y, width, height] = person.bbox;
            let row = params![self.job, number, i as i64, person.score, x, y, width, height];
            insert(&mut self.person, row, &self.database, what)?;
            for (k, [x, y, score]) in person.keypoints.iter().enumerate() {
                let row = params![self.job, number, i as i64, k as i64, x, y, score];
                insert(&mut self.keypoint, row, &self.database, what)?;
            }
            self.counts.people += 1;
            self.counts.keypoints += person.keypoints.len() as u64;
        }
        Ok(())
    }

    /// A finding of pose.
    pub fn finding(&mut self, finding: &Finding) -> Result<()> {
        let what = || format!("finding '{}'", finding.id);
        let row = params![
            self.job,
            finding.id,
            finding.rule,
            finding.severity.as_str(),
            finding.title,
            finding.start_s,
            finding.end_s,
            integer(finding.start_frame, what)?,
            integer(finding.end_frame, what)?,
            finding.value,
            finding.threshold,
            finding.unit,
            finding.detail,
        ];
        insert(&mut self.finding, row, &self.database, what)?;
        self.counts.findings += 1;
        Ok(())
    }

    /// A detection of track; they are numbered as they come.
    pub fn detection(&mut self, detection: &Detection) -> Result<()> {
        let what = || format!("detection {}", self.counts.detections);
        let [x, y, width, height] = detection.bbox;
        let row = params![
            self.job,
            integer(self.counts.detections, what)?,
            integer(detection.frame, what)?,
            detection.track_id,
            detection.class,
            x,
            y,
            width,
            height,
            detection.confidence,
        ];
        insert(&mut self.detection, row, &self.database, what)?;
        self.counts.detections += 1;
        Ok(())
    }

    /// A frame that golden_frames selected.
    pub fn golden_frame(&mut self, golden: &GoldenFrame) -> Result<()> {
        let what = || format!("golden frame {}", golden.frame);
        let glint = golden.glint.as_ref().map(Value::to_string);
        let number = integer(golden.frame, what)?;
        let row = params![self.job, number, golden.time_s, golden.sharpness, golden.motion, golden.image, glint];
        insert(&mut self.golden_frame, row, &self.database, what)?;
        self.counts.golden_frames += 1;
        Ok(())
    }
}

/// SQLite's integers have 64 bits and a sign.
fn integer(number: u64, what: impl Fn() -> String) -> Result<i64> {
    i64::try_from(number)
        .map_err(|_| Error::bad_input(format!("the result's {} has a number that is too large: {number}", what())))
}

/// Inserts a row. One that breaks a rule of the tables is the result's fault: a frame that is there twice, say.
fn insert(statement: &mut Statement<'_>, row: &[&dyn ToSql], database: &str, what: impl Fn() -> String) -> Result<()> {
    match statement.execute(row) {
        Ok(_) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Err(Error::bad_input(format!("the result's {} cannot be stored: {error}", what())).with_source(error))
        }
        Err(error) => Err(sql_error(database, error)),
    }
}
