//! Reads what a report needs from `final_results.json`, as a stream: what is there for each frame, which may be gigabytes,
//! is summed up or skipped.

use std::io::Read;

use framefan_analyzers::pose::section::{Finding, Metrics, Moment, Summary};
use framefan_contract::results::ResultsHeader;
use framefan_contract::{Error, Result};
use serde::de::MapAccess;

use crate::envelope::Envelope;
use crate::stream::{self, Members, Value};
use crate::summary::Sections;
use crate::summary::golden_frames::GoldenFramesReader;
use crate::summary::track::TracksReader;

/// Reads the envelope and the sections in brief from `results`. A section that is a file of its own is asked of `open` by
/// its name.
///
/// # Errors
/// [`BadInput`](framefan_contract::ErrorKind::BadInput) when the result is not what the schema says; what `open` returns.
pub fn read_summary(
    results: impl Read,
    open: impl Fn(&str) -> Result<Box<dyn Read>>,
) -> Result<(ResultsHeader, Sections)> {
    let mut document = Document::default();
    stream::read(results, "the result", &mut document)?;
    let Document { envelope, pose, track, golden_frames } = document;
    let header = envelope.finish()?;
    let mut sections = Sections::default();
    if let Some(mut reader) = pose {
        if let Some(file) = reader.file.take() {
            follow(&open, &file, &mut reader)?;
        }
        let lacking = || Error::bad_input("the pose section lacks metrics, findings or moments");
        sections.pose = Some(reader.finish().ok_or_else(lacking)?);
    }
    if let Some(mut reader) = track {
        if let Some(file) = reader.file.take() {
            follow(&open, &file, &mut reader)?;
        }
        let lacking = || Error::bad_input("the track section lacks its tracks");
        sections.track = Some(reader.finish(&header.video).ok_or_else(lacking)?);
    }
    if let Some(mut reader) = golden_frames {
        if let Some(file) = reader.file.take() {
            follow(&open, &file, &mut reader)?;
        }
        let lacking = || Error::bad_input("the golden_frames section lacks the selected frames");
        sections.golden_frames = Some(reader.finish().ok_or_else(lacking)?);
    }
    Ok((header, sections))
}

/// Reads a section that is a file of its own.
fn follow(open: impl Fn(&str) -> Result<Box<dyn Read>>, file: &str, section: &mut impl Members) -> Result<()> {
    stream::read(open(file)?, &format!("the section '{file}'"), section)
}

/// The result as it is read.
#[derive(Default)]
struct Document {
    envelope: Envelope,
    pose: Option<PoseReader>,
    track: Option<TracksReader>,
    golden_frames: Option<GoldenFramesReader>,
}

impl Members for Document {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "pose" => value.object(self.pose.insert(PoseReader::default())),
            "track" => value.object(self.track.insert(TracksReader::new())),
            "golden_frames" => value.object(self.golden_frames.insert(GoldenFramesReader::new())),
            _ => self.envelope.member(key, value),
        }
    }
}

/// The pose section as it is read; its frames are skipped.
#[derive(Default)]
struct PoseReader {
    metrics: Option<Metrics>,
    findings: Option<Vec<Finding>>,
    moments: Option<Vec<Moment>>,
    file: Option<String>,
}

impl PoseReader {
    fn finish(self) -> Option<Summary> {
        Some(Summary { metrics: self.metrics?, findings: self.findings?, moments: self.moments? })
    }
}

impl Members for PoseReader {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "metrics" => value.get().map(|metrics| self.metrics = metrics),
            "findings" => value.get().map(|findings| self.findings = findings),
            "moments" => value.get().map(|moments| self.moments = moments),
            "file" => value.get().map(|file| self.file = file),
            _ => value.ignore(),
        }
    }
}
