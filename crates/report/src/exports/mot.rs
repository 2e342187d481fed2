//! MOT Challenge text, the results form: a line for each detection of a track,
//! `frame,id,left,top,width,height,confidence,-1,-1,-1`.
//!
//! As the benchmark has it (Milan et al. 2016, MOT16, arXiv 1603.00831), frames and coordinates count from 1: frame 0 of
//! the result is frame 1 here, and the frame's corner at (0, 0) is (1, 1). The form has no column for the class, and its
//! evaluations are of pedestrians, so `track.mot.txt` holds the people, and each other class has a file of its own, e.g.
//! `track.traffic_light.mot.txt`. Coordinates are rounded to a millionth of a pixel, confidences are not.

use std::collections::BTreeMap;

use framefan_analyzers::track::section::TrackedDetection;
use framefan_contract::Result;
use serde::de::MapAccess;

use super::{ExportFile, Exported, Output};
use crate::stream::{self, Members, Value};

/// The files.
pub(super) fn files(exported: &Exported<'_>) -> Result<Vec<ExportFile>> {
    let Some(section) = (exported.open)("track")? else { return Ok(Vec::new()) };
    let people = (name("person"), Output::create(exported.scratch)?);
    let mut lines = Lines { exported, files: BTreeMap::from([people]) };
    stream::read(section, "the track section", &mut lines)?;
    lines.files.into_iter().map(|(name, output)| Ok(ExportFile { name, file: output.finish()? })).collect()
}

struct Lines<'a> {
    exported: &'a Exported<'a>,
    /// By name.
    files: BTreeMap<String, Output>,
}

impl Members for Lines<'_> {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "detections" => value.each(|detection: TrackedDetection| self.line(&detection)),
            _ => value.ignore(),
        }
    }
}

impl Lines<'_> {
    fn line(&mut self, detection: &TrackedDetection) -> Result<()> {
        let TrackedDetection { frame, track_id, class, bbox: [x, y, width, height], confidence } = detection;
        let name = name(class);
        if !self.files.contains_key(&name) {
            self.files.insert(name.clone(), Output::create(self.exported.scratch)?);
        }
        let Some(output) = self.files.get_mut(&name) else { return Ok(()) };
        let [left, top, width, height] = [x + 1.0, y + 1.0, *width, *height].map(pixels);
        output.put(format!("{},{track_id},{left},{top},{width},{height},{confidence},-1,-1,-1\n", frame + 1))
    }
}

/// At most six decimals: adding 1 must not show in the last of sixteen digits.
fn pixels(length: f64) -> f64 {
    (length * 1e6).round() / 1e6
}

/// The file of a class.
fn name(class: &str) -> String {
    if class == "person" {
        return "track.mot.txt".to_owned();
    }
    let letters = class.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    format!("track.{}.mot.txt", letters.collect::<String>())
}
