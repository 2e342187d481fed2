//! COCO's JSON, as its tools read it: for each of pose and track a data set and a list of results.
//!
//! - `pose.coco.json`, `track.coco.json`: images, annotations and categories, the form of ground truth, as labelling tools
//!   import it. An image stands for a frame: its id is the number of the frame, its name the one that
//!   `ffmpeg -i VIDEO -fps_mode passthrough -start_number 0 %06d.jpg` gives it.
//! - `pose.coco-results.json`, `track.coco-results.json`: the form of results, as evaluations read it.
//!
//! Boxes are left, top, width and height in pixels from 0. Of a landmark, the third number is its score in the results, as
//! detectors write it, and in the data set its visibility: 2 when the score is at least pose's parameter `visibility`,
//! else 1 (labelled, not visible). Categories have COCO's ids; classes that COCO does not have are numbered from 91 on.

use std::fs::File;
use std::io::{self, Seek};

use framefan_contract::{Error, Result};
use serde::Serialize;
use serde_json::json;
use tempfile::NamedTempFile;

use super::{ExportFile, Exported, Output};
use crate::format::file_name;

mod categories;
mod pose;
mod track;

/// The files.
pub(super) fn files(exported: &Exported<'_>) -> Result<Vec<ExportFile>> {
    let mut files = Vec::new();
    if let Some(section) = (exported.open)("pose")? {
        files.extend(pose::files(exported, section)?);
    }
    if let Some(section) = (exported.open)("track")? {
        files.extend(track::files(exported, section)?);
    }
    Ok(files)
}

/// A JSON array that is being written, an element a line.
struct Array {
    output: Output,
    empty: bool,
}

impl Array {
    fn create(exported: &Exported<'_>) -> Result<Self> {
        let mut output = Output::create(exported.scratch)?;
        output.put("[")?;
        Ok(Array { output, empty: true })
    }

    fn push(&mut self, element: &impl Serialize) -> Result<()> {
        self.output.put(if self.empty { "\n" } else { ",\n" })?;
        self.empty = false;
        self.output.put(to_json(element)?)
    }

    fn finish(mut self) -> Result<NamedTempFile> {
        self.output.put(if self.empty { "]" } else { "\n]" })?;
        self.output.finish()
    }
}

/// The two files of an analyzer that are being written.
struct Writer<'a> {
    exported: &'a Exported<'a>,
    images: Array,
    annotations: Array,
    results: Array,
    last_image: Option<u64>,
    count: u64,
}

#[derive(Serialize)]
struct Image<'a> {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_s: Option<f64>,
    video: &'a str,
}

/// An annotation: what the data set has and the results have not, beside what both have.
#[derive(Serialize)]
struct Annotation<T> {
    id: u64,
    iscrowd: u8,
    #[serde(flatten)]
    what: T,
}

impl<'a> Writer<'a> {
    fn create(exported: &'a Exported<'a>) -> Result<Self> {
        let array = || Array::create(exported);
        let (images, annotations, results) = (array()?, array()?, array()?);
        Ok(Writer { exported, images, annotations, results, last_image: None, count: 0 })
    }

    /// Adds the frame's image, if it is not the one that came last.
    fn image(&mut self, frame: u64, time_s: Option<f64>) -> Result<()> {
        if self.last_image.is_some_and(|last| frame < last) {
            return Err(Error::bad_input(format!("frame {frame} comes after a later one in the result")));
        }
        if self.last_image.replace(frame) == Some(frame) {
            return Ok(());
        }
        let video = &self.exported.header.video;
        self.images.push(&Image {
            id: frame,
            file_name: format!("{frame:06}.jpg"),
            width: video.width,
            height: video.height,
            time_s,
            video: file_name(&self.exported.header.provenance.source),
        })
    }

    fn add(&mut self, annotation: impl Serialize, result: &impl Serialize) -> Result<()> {
        self.count += 1;
        // Ids count from 1: COCO's evaluation takes 0 for "nothing".
        self.annotations.push(&Annotation { id: self.count, iscrowd: 0, what: annotation })?;
        self.results.push(result)
    }

    fn finish(self, analyzer: &str, categories: &impl Serialize) -> Result<[ExportFile; 2]> {
        let header = self.exported.header;
        let info = json!({
            "description": format!("{analyzer} of {}", file_name(&header.provenance.source)),
            "version": header.provenance.framefan,
            "job_id": header.job_id,
        });
        let mut output = Output::create(self.exported.scratch)?;
        output.put(format!("{{\"info\":{},\n\"licenses\":[],\n\"images\":", to_json(&info)?))?;
        append(&mut output, self.images.finish()?)?;
        output.put(",\n\"annotations\":")?;
        append(&mut output, self.annotations.finish()?)?;
        output.put(format!(",\n\"categories\":{}}}\n", to_json(categories)?))?;
        Ok([
            ExportFile { name: format!("{analyzer}.coco.json"), file: output.finish()? },
            ExportFile { name: format!("{analyzer}.coco-results.json"), file: self.results.finish()? },
        ])
    }
}

fn append(output: &mut Output, part: NamedTempFile) -> Result<()> {
    let mut part: File = part.into_file();
    part.rewind().and_then(|()| io::copy(&mut part, &mut output.file)).map_err(super::unwritten)?;
    Ok(())
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::defect(format!("an export cannot be written as JSON: {error}")))
}
