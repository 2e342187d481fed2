//! Tracks of people beside the truth, counted as the CLEAR MOT metrics count (Bernardin and Stiefelhagen, 2008).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use framefan_analyzers::overlap::intersection_over_union;
use framefan_analyzers::track::section::{Counts, TrackedDetection};
use framefan_contract::Result;
use serde::de::MapAccess;

use super::{Truth, pairs};
use crate::stream::{self, Members, Value};

/// A box is a person's from this overlap on.
const FOUND: f64 = 0.5;

/// The class that is compared.
const CLASS: &str = "person";

/// How near the tracks are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackComparison {
    /// People of the scene who count in any of the frames.
    pub people: u64,
    /// Tracks of people.
    pub tracks: u64,
    /// How often people who count are in a frame that was looked at. Where not all were, those with a detection are counted.
    pub appearances: u64,
    /// How often they were found.
    pub found: u64,
    /// Detections that are nobody.
    pub too_many: u64,
    /// How often somebody had another id than when last found.
    pub id_changes: u64,
}

impl TrackComparison {
    /// Multiple object tracking accuracy; `None` when nobody is there.
    pub fn accuracy(&self) -> Option<f64> {
        let wrong = (self.appearances - self.found) + self.too_many + self.id_changes;
        (self.appearances > 0).then(|| 1.0 - wrong as f64 / self.appearances as f64)
    }
}

pub(super) fn compare(truth: &Truth, section: impl Read) -> Result<TrackComparison> {
    let mut detections = Detections::default();
    stream::read(section, "the track section", &mut detections)?;
    let mut result = TrackComparison::default();
    let (mut people, mut tracks) = (BTreeSet::new(), BTreeSet::new());
    // The id that each person was last found with.
    let mut ids: BTreeMap<u64, u64> = BTreeMap::new();
    let none = Vec::new();
    let all = detections.looked_at >= truth.frames.len() as u64;
    for frame in truth.frames.keys().filter(|frame| all || detections.frames.contains_key(frame)) {
        let (people_of, found) = (truth.people(*frame), detections.frames.get(frame).unwrap_or(&none));
        let boxes: Vec<[f64; 4]> = people_of.iter().map(|person| person.bbox.unwrap_or([0.0; 4])).collect();
        let matched = pairs(people_of.len(), found.len(), FOUND, |one, other| {
            // Who was followed stays matched as long as the boxes still overlap enough.
            let kept = ids.get(&people_of[one].track_id) == Some(&found[other].0);
            let overlap = intersection_over_union(boxes[one], found[other].1);
            if kept && overlap >= FOUND { 1.0 + overlap } else { overlap }
        });
        for person in people_of.iter().filter(|person| person.clear().is_some()) {
            people.insert(person.track_id);
            result.appearances += 1;
        }
        tracks.extend(found.iter().map(|(id, _)| *id));
        result.too_many += (found.len() - matched.len()) as u64;
        for (one, other, _) in matched {
            let person = &people_of[one];
            if person.clear().is_none() {
                continue;
            }
            result.found += 1;
            let before = ids.insert(person.track_id, found[other].0);
            result.id_changes += u64::from(before.is_some_and(|before| before != found[other].0));
        }
    }
    (result.people, result.tracks) = (people.len() as u64, tracks.len() as u64);
    Ok(result)
}

/// The detections of people, by frame: track and box.
#[derive(Default)]
struct Detections {
    frames: BTreeMap<u64, Vec<(u64, [f64; 4])>>,
    /// Frames that were looked at.
    looked_at: u64,
}

impl Members for Detections {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "detections" => value.each(|detection: TrackedDetection| {
                if detection.class == CLASS {
                    let of_frame = self.frames.entry(detection.frame).or_default();
                    of_frame.push((detection.track_id, detection.bbox));
                }
                Ok(())
            }),
            "counts" => value.get().map(|counts: Counts| self.looked_at = counts.frames),
            _ => value.ignore(),
        }
    }
}
