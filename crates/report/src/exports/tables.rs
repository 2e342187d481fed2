//! The tables that CSV and Parquet share: which there are, their columns and their rows.

use std::path::Path;

use framefan_analyzers::golden_frames::section::{Measured, Selected};
use framefan_analyzers::pose::section::{Finding, FramePeople};
use framefan_analyzers::track::section::{TrackSummary, TrackedDetection};
use framefan_contract::{Error, Result};
use serde::de::MapAccess;
use tempfile::NamedTempFile;

use super::{ExportFile, Exported};
use crate::landmarks::LANDMARKS;
use crate::stream::{self, Members, Value};

/// What a column holds. Numbers and counts may be missing in a row, the others may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Count,
    Number,
    Text,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    pub kind: Kind,
}

/// A row's value, of its column's kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Integer(i64),
    Count(Option<i64>),
    Number(Option<f64>),
    Text(&'a str),
}

/// A table that is being written.
pub(super) trait Table {
    /// Takes the next row: a cell for each column.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<()>;
    /// Writes what is left.
    fn finish(self: Box<Self>) -> Result<NamedTempFile>;
}

/// Begins a table with these columns in a new file of the folder.
pub(super) type Create = dyn Fn(&Path, Vec<Column>) -> Result<Box<dyn Table>>;

/// The tables of all sections there are.
pub(super) fn files(exported: &Exported<'_>, extension: &str, create: &Create) -> Result<Vec<ExportFile>> {
    let mut files = Vec::new();
    let table = |columns: Vec<Column>| create(exported.scratch, columns);
    let mut finish = |name: &str, table: Box<dyn Table>| -> Result<()> {
        files.push(ExportFile { name: format!("{name}.{extension}"), file: table.finish()? });
        Ok(())
    };
    if let Some(section) = (exported.open)("pose")? {
        let mut pose = Pose { people: table(people_columns())?, findings: table(columns(&FINDING))? };
        stream::read(section, "the pose section", &mut pose)?;
        finish("pose", pose.people)?;
        finish("findings", pose.findings)?;
    }
    if let Some(section) = (exported.open)("track")? {
        let mut track = Tracking { detections: table(columns(&DETECTION))?, tracks: table(columns(&TRACK))? };
        stream::read(section, "the track section", &mut track)?;
        finish("track", track.detections)?;
        finish("tracks", track.tracks)?;
    }
    if let Some(section) = (exported.open)("golden_frames")? {
        let mut golden = Golden { frames: table(columns(&MEASURED))?, selected: table(columns(&SELECTED))? };
        stream::read(section, "the golden_frames section", &mut golden)?;
        finish("golden_frames", golden.frames)?;
        finish("golden_frames_selected", golden.selected)?;
    }
    Ok(files)
}

const FINDING: [(&str, Kind); 12] = [
    ("id", Kind::Text),
    ("rule", Kind::Text),
    ("title", Kind::Text),
    ("severity", Kind::Text),
    ("start_s", Kind::Number),
    ("end_s", Kind::Number),
    ("start_frame", Kind::Integer),
    ("end_frame", Kind::Integer),
    ("value", Kind::Number),
    ("threshold", Kind::Number),
    ("unit", Kind::Text),
    ("detail", Kind::Text),
];

const DETECTION: [(&str, Kind); 8] = [
    ("frame", Kind::Integer),
    ("track_id", Kind::Integer),
    ("class", Kind::Text),
    ("x", Kind::Number),
    ("y", Kind::Number),
    ("width", Kind::Number),
    ("height", Kind::Number),
    ("confidence", Kind::Number),
];

const TRACK: [(&str, Kind); 9] = [
    ("track_id", Kind::Integer),
    ("class", Kind::Text),
    ("first_frame", Kind::Integer),
    ("last_frame", Kind::Integer),
    ("first_s", Kind::Number),
    ("last_s", Kind::Number),
    ("detections", Kind::Integer),
    ("mean_confidence", Kind::Number),
    ("gaps", Kind::Integer),
];

const MEASURED: [(&str, Kind); 4] =
    [("frame", Kind::Integer), ("time_s", Kind::Number), ("sharpness", Kind::Number), ("motion", Kind::Number)];

const SELECTED: [(&str, Kind); 8] = [
    ("frame", Kind::Integer),
    ("time_s", Kind::Number),
    ("sharpness", Kind::Number),
    ("motion", Kind::Number),
    ("image", Kind::Text),
    ("glint_share", Kind::Number),
    ("glint_clipped_share", Kind::Number),
    ("glint_count", Kind::Count),
];

fn columns(columns: &[(&str, Kind)]) -> Vec<Column> {
    columns.iter().map(|&(name, kind)| Column { name: name.to_owned(), kind }).collect()
}

/// A row for each person in each frame; `person` counts from 0 within the frame, the best score first.
fn people_columns() -> Vec<Column> {
    let mut names = columns(&[("frame", Kind::Integer), ("time_s", Kind::Number), ("person", Kind::Integer)]);
    let mut number = |name: String| names.push(Column { name, kind: Kind::Number });
    ["score", "x", "y", "width", "height"].into_iter().for_each(|name| number(name.to_owned()));
    for landmark in LANDMARKS {
        let landmark = landmark.replace(' ', "_");
        ["x", "y", "score"].into_iter().for_each(|part| number(format!("{landmark}_{part}")));
    }
    names
}

struct Pose {
    people: Box<dyn Table>,
    findings: Box<dyn Table>,
}

impl Members for Pose {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "frames" => value.each(|frame: FramePeople| self.frame(&frame)),
            "findings" => value.each(|finding: Finding| self.finding(&finding)),
            _ => value.ignore(),
        }
    }
}

impl Pose {
    fn frame(&mut self, frame: &FramePeople) -> Result<()> {
        for (place, person) in frame.people.iter().enumerate() {
            let mut row = vec![integer(frame.frame)?, number(frame.time_s), Cell::Integer(place as i64)];
            row.push(number(person.score));
            row.extend(person.bbox.map(number));
            row.extend(person.keypoints.iter().flatten().copied().map(number));
            self.people.row(&row)?;
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> Result<()> {
        self.findings.row(&[
            Cell::Text(&finding.id),
            Cell::Text(&finding.rule),
            Cell::Text(&finding.title),
            Cell::Text(finding.severity.as_str()),
            number(finding.start_s),
            number(finding.end_s),
            integer(finding.start_frame)?,
            integer(finding.end_frame)?,
            number(finding.value),
            number(finding.threshold),
            Cell::Text(&finding.unit),
            Cell::Text(&finding.detail),
        ])
    }
}

struct Tracking {
    detections: Box<dyn Table>,
    tracks: Box<dyn Table>,
}

impl Members for Tracking {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "detections" => value.each(|detection: TrackedDetection| self.detection(&detection)),
            "tracks" => value.each(|track: TrackSummary| self.track(&track)),
            _ => value.ignore(),
        }
    }
}

impl Tracking {
    fn detection(&mut self, detection: &TrackedDetection) -> Result<()> {
        let [x, y, width, height] = detection.bbox.map(number);
        self.detections.row(&[
            integer(detection.frame)?,
            integer(detection.track_id)?,
            Cell::Text(&detection.class),
            x,
            y,
            width,
            height,
            number(detection.confidence),
        ])
    }

    fn track(&mut self, track: &TrackSummary) -> Result<()> {
        self.tracks.row(&[
            integer(track.track_id)?,
            Cell::Text(&track.class),
            integer(track.first_frame)?,
            integer(track.last_frame)?,
            number(track.first_s),
            number(track.last_s),
            integer(track.detections)?,
            number(track.mean_confidence),
            integer(track.gaps)?,
        ])
    }
}

struct Golden {
    frames: Box<dyn Table>,
    selected: Box<dyn Table>,
}

impl Members for Golden {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "frames" => value.each(|frame: Measured| self.frames.row(&measured(&frame)?)),
            "selected" => value.each(|frame: Selected| self.select(&frame)),
            _ => value.ignore(),
        }
    }
}

impl Golden {
    /// Of a glint, the single highlights are left out.
    fn select(&mut self, selected: &Selected) -> Result<()> {
        let glint = selected.glint.as_ref();
        let [frame, time, sharpness, motion] = measured(&selected.measured)?;
        let count = glint.map(|glint| signed(glint.count)).transpose()?;
        self.selected.row(&[
            frame,
            time,
            sharpness,
            motion,
            Cell::Text(selected.image.as_deref().unwrap_or_default()),
            Cell::Number(glint.map(|glint| glint.share)),
            Cell::Number(glint.map(|glint| glint.clipped_share)),
            Cell::Count(count),
        ])
    }
}

fn measured(frame: &Measured) -> Result<[Cell<'static>; 4]> {
    Ok([integer(frame.frame)?, number(frame.time_s), number(frame.sharpness), number(frame.motion)])
}

fn number(value: f64) -> Cell<'static> {
    Cell::Number(Some(value))
}

fn integer(value: u64) -> Result<Cell<'static>> {
    signed(value).map(Cell::Integer)
}

/// The integers of other programs have a sign.
fn signed(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::bad_input(format!("{value} is too large for a table")))
}
