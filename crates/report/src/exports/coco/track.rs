//! Detections, each with the track it belongs to. An image stands for each frame in which there is a detection.

use std::io::Read;

use framefan_analyzers::track::section::TrackedDetection;
use framefan_contract::Result;
use serde::Serialize;
use serde::de::MapAccess;
use serde_json::{Value as Json, json};

use super::Writer;
use super::categories::Categories;
use crate::exports::{ExportFile, Exported};
use crate::stream::{self, Members, Value};

/// The files.
pub(super) fn files(exported: &Exported<'_>, section: impl Read) -> Result<[ExportFile; 2]> {
    let mut track = Track { writer: Writer::create(exported)?, categories: Categories::new() };
    stream::read(section, "the track section", &mut track)?;
    let category = |(id, name, group): (u64, &str, &str)| json!({"id": id, "name": name, "supercategory": group});
    let categories: Vec<Json> = track.categories.all().into_iter().map(category).collect();
    track.writer.finish("track", &categories)
}

struct Track<'a> {
    writer: Writer<'a>,
    categories: Categories,
}

#[derive(Serialize)]
struct Found {
    image_id: u64,
    category_id: u64,
    track_id: u64,
    bbox: [f64; 4],
    score: f64,
    area: f64,
}

impl Members for Track<'_> {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "detections" => value.each(|detection: TrackedDetection| self.detection(&detection)),
            _ => value.ignore(),
        }
    }
}

impl Track<'_> {
    fn detection(&mut self, detection: &TrackedDetection) -> Result<()> {
        let &TrackedDetection { frame, track_id, ref class, bbox, confidence } = detection;
        let [_, _, width, height] = bbox;
        let (category_id, area) = (self.categories.id(class), width * height);
        let found = Found { image_id: frame, category_id, track_id, bbox, score: confidence, area };
        self.writer.image(frame, None)?;
        self.writer.add(&found, &found)
    }
}
