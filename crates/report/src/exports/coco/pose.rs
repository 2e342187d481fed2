//! People with landmarks.

use std::io::Read;

use framefan_analyzers::pose::section::{FramePeople, Keypoint, Person};
use framefan_contract::Result;
use serde::Serialize;
use serde::de::MapAccess;
use serde_json::json;

use super::Writer;
use crate::exports::{ExportFile, Exported};
use crate::landmarks::LANDMARKS;
use crate::stream::{self, Members, Value};
use crate::visibility;

/// COCO's lines between landmarks, counted from 1.
const SKELETON: [[u8; 2]; 19] = [
    [16, 14],
    [14, 12],
    [17, 15],
    [15, 13],
    [12, 13],
    [6, 12],
    [7, 13],
    [6, 7],
    [6, 8],
    [7, 9],
    [8, 10],
    [9, 11],
    [2, 3],
    [1, 2],
    [1, 3],
    [2, 4],
    [3, 5],
    [4, 6],
    [5, 7],
];

/// The files.
pub(super) fn files(exported: &Exported<'_>, section: impl Read) -> Result<[ExportFile; 2]> {
    let visibility = visibility(&exported.header.provenance.analyzers);
    let mut pose = Pose { writer: Writer::create(exported)?, visibility };
    stream::read(section, "the pose section", &mut pose)?;
    let names: Vec<String> = LANDMARKS.iter().map(|name| name.replace(' ', "_")).collect();
    let category =
        json!({"id": 1, "name": "person", "supercategory": "person", "keypoints": names, "skeleton": SKELETON});
    pose.writer.finish("pose", &[category])
}

struct Pose<'a> {
    writer: Writer<'a>,
    visibility: f64,
}

/// A person. `K` is how landmarks are written.
#[derive(Serialize)]
struct Found<K> {
    image_id: u64,
    category_id: u64,
    keypoints: Vec<K>,
    score: f64,
    bbox: [f64; 4],
    area: f64,
}

/// What the data set says besides.
#[derive(Serialize)]
struct Labelled {
    #[serde(flatten)]
    found: Found<Entry>,
    num_keypoints: usize,
}

/// A number of a landmark in the data set: a coordinate, or COCO's visibility.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Coordinate(f64),
    Visibility(u8),
}

impl Members for Pose<'_> {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "frames" => value.each(|frame: FramePeople| self.frame(&frame)),
            _ => value.ignore(),
        }
    }
}

impl Pose<'_> {
    fn frame(&mut self, frame: &FramePeople) -> Result<()> {
        self.writer.image(frame.frame, Some(frame.time_s))?;
        frame.people.iter().try_for_each(|person| self.person(frame.frame, person))
    }

    fn person(&mut self, image_id: u64, person: &Person) -> Result<()> {
        let [_, _, width, height] = person.bbox;
        let (category_id, area) = (1, width * height);
        let entries = |&[x, y, score]: &Keypoint| {
            let visibility = if score >= self.visibility { 2 } else { 1 };
            [Entry::Coordinate(x), Entry::Coordinate(y), Entry::Visibility(visibility)]
        };
        let keypoints = person.keypoints.iter().flat_map(entries).collect();
        let found = Found { image_id, category_id, keypoints, score: person.score, bbox: person.bbox, area };
        let labelled = Labelled { found, num_keypoints: person.keypoints.len() };
        let keypoints = person.keypoints.iter().flatten().copied().collect();
        let result = Found { image_id, category_id, keypoints, score: person.score, bbox: person.bbox, area };
        self.writer.add(labelled, &result)
    }
}
