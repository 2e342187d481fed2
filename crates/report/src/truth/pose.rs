//! People and their keypoints beside the truth.

use std::io::Read;

use framefan_analyzers::pose::COCO_SIGMAS;
use framefan_analyzers::pose::section::{FramePeople, Person};
use framefan_contract::Result;
use serde::de::MapAccess;

use super::{TruePerson, Truth, pairs};
use crate::stream::{self, Members, Value};

/// A person is found from this object keypoint similarity on.
const FOUND: f64 = 0.5;

/// How near the poses are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoseComparison {
    /// People in the sampled frames who count: large enough and less than half hidden.
    pub people: u64,
    /// Those who were found.
    pub found: u64,
    /// Detections that are nobody.
    pub too_many: u64,
    /// Mean object keypoint similarity of those who were found.
    pub similarity: Option<f64>,
    /// Median distance of their seen keypoints from the truth, in pixels of the video.
    pub keypoint_error_px: Option<f64>,
}

pub(super) fn compare(truth: &Truth, section: impl Read) -> Result<PoseComparison> {
    let mut frames = Frames { truth, result: PoseComparison::default(), similarities: 0.0, errors: Vec::new() };
    stream::read(section, "the pose section", &mut frames)?;
    let Frames { mut result, similarities, mut errors, .. } = frames;
    result.similarity = (result.found > 0).then(|| similarities / result.found as f64);
    errors.sort_by(f64::total_cmp);
    result.keypoint_error_px = errors.get(errors.len() / 2).copied();
    Ok(result)
}

struct Frames<'a> {
    truth: &'a Truth,
    result: PoseComparison,
    similarities: f64,
    errors: Vec<f64>,
}

impl Members for Frames<'_> {
    fn member<'de, A: MapAccess<'de>>(&mut self, key: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match key {
            "frames" => value.each(|frame: FramePeople| {
                self.frame(&frame);
                Ok(())
            }),
            _ => value.ignore(),
        }
    }
}

impl Frames<'_> {
    fn frame(&mut self, frame: &FramePeople) {
        let people = self.truth.people(frame.frame);
        let found =
            pairs(people.len(), frame.people.len(), FOUND, |one, other| similarity(&people[one], &frame.people[other]));
        self.result.people += people.iter().filter(|person| person.clear().is_some()).count() as u64;
        self.result.too_many += (frame.people.len() - found.len()) as u64;
        for (one, other, similarity) in found {
            let person = &people[one];
            if person.clear().is_none() {
                continue;
            }
            self.result.found += 1;
            self.similarities += similarity;
            for (keypoint, found) in person.keypoints.iter().zip(places(&frame.people[other])) {
                if keypoint[2] == 2.0 {
                    self.errors.push((keypoint[0] - found[0]).hypot(keypoint[1] - found[1]));
                }
            }
        }
    }
}

fn places(person: &Person) -> impl Iterator<Item = [f64; 2]> {
    person.keypoints.iter().map(|[x, y, _]| [*x, *y])
}

/// Object keypoint similarity over the keypoints in the frame; 0 where there are none.
fn similarity(person: &TruePerson, found: &Person) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (([x, y, visibility], found), sigma) in person.keypoints.iter().zip(places(found)).zip(COCO_SIGMAS) {
        if *visibility > 0.0 {
            let apart = (x - found[0]).powi(2) + (y - found[1]).powi(2);
            sum += (-apart / (2.0 * person.visible_px.max(1.0) * (2.0 * sigma).powi(2))).exp();
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { 0.0 }
}
