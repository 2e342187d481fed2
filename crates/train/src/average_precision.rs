//! COCO's average precision (Lin et al., 2014, as pycocotools computes it), for boxes and for keypoints.

use framefan_models::COCO_SIGMAS;

use crate::data::Person;
use crate::loss::overlap;

/// Detections of a picture that count.
const MOST_DETECTIONS: usize = 20;

/// A detection with its score.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Confidence.
    pub score: f32,
    /// Left, top, right, bottom.
    pub bbox: [f32; 4],
    /// x, y.
    pub keypoints: [[f32; 2]; 17],
}

/// A picture that a network was run on.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its people, each with whether it counts: one that does not may be found or not.
    pub people: Vec<(Person, bool)>,
    /// What was found.
    pub found: Vec<Scored>,
}

/// What makes a detection like a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Similarity {
    /// Overlap of the boxes.
    Boxes,
    /// Object keypoint similarity.
    Keypoints,
}

impl Similarity {
    fn of(self, person: &Person, detection: &Scored) -> f64 {
        match self {
            Similarity::Boxes => f64::from(overlap(person.bbox, detection.bbox)),
            Similarity::Keypoints => keypoint_similarity(person, detection),
        }
    }
}

/// Mean over the keypoints in the picture; where there are none, nearness to the box enlarged threefold.
fn keypoint_similarity(person: &Person, detection: &Scored) -> f64 {
    let inside = person.keypoints.iter().filter(|k| k[2] > 0.0).count();
    let [left, top, right, bottom] = person.bbox.map(f64::from);
    let (width, height) = (right - left, bottom - top);
    let outside = |v: f64, low: f64, high: f64| (low - v).max(0.0) + (v - high).max(0.0);
    let mut sum = 0.0;
    for ((keypoint, found), sigma) in person.keypoints.iter().zip(&detection.keypoints).zip(COCO_SIGMAS) {
        let [x, y] = found.map(f64::from);
        let (dx, dy) = if inside > 0 {
            (x - f64::from(keypoint[0]), y - f64::from(keypoint[1]))
        } else {
            (outside(x, left - width, right + width), outside(y, top - height, bottom + height))
        };
        if inside == 0 || keypoint[2] > 0.0 {
            let variance = (2.0 * sigma).powi(2);
            sum += (-(dx * dx + dy * dy) / variance / (f64::from(person.area) + f64::EPSILON) / 2.0).exp();
        }
    }
    sum / if inside > 0 { inside } else { person.keypoints.len() } as f64
}

/// Precision at 101 recalls, averaged over the thresholds 0.50, 0.55 … 0.95: mean, and that at 0.50 and 0.75.
pub fn average_precision(pictures: &[Judged], similarity: Similarity) -> [f64; 3] {
    let thresholds: [f64; 10] = std::array::from_fn(|index| 0.5 + 0.05 * index as f64);
    let counting = pictures.iter().flat_map(|judged| &judged.people).filter(|(_, counts)| *counts).count();
    // Of each detection that is not ignored: its score and whether it is right, by threshold.
    let mut verdicts: [Vec<(f32, bool)>; 10] = Default::default();
    for Judged { people, found } in pictures {
        let mut detections: Vec<&Scored> = found.iter().collect();
        detections.sort_by(|a, b| b.score.total_cmp(&a.score));
        detections.truncate(MOST_DETECTIONS);
        let mut order: Vec<&(Person, bool)> = people.iter().collect();
        order.sort_by_key(|(_, counts)| !counts);
        let similarities: Vec<Vec<f64>> =
            detections.iter().map(|d| order.iter().map(|(person, _)| similarity.of(person, d)).collect()).collect();
        for (verdicts, threshold) in verdicts.iter_mut().zip(thresholds) {
            let mut taken = vec![false; order.len()];
            for (detection, similarities) in detections.iter().zip(&similarities) {
                let mut best: Option<usize> = None;
                let mut least = threshold;
                for (index, (_, counts)) in order.iter().enumerate() {
                    if taken[index] {
                        continue;
                    }
                    // Those that do not count come last, and are only for what nobody who counts was like.
                    if !counts && best.is_some_and(|best| order[best].1) {
                        break;
                    }
                    if similarities[index] >= least {
                        (best, least) = (Some(index), similarities[index]);
                    }
                }
                if let Some(index) = best {
                    taken[index] = true;
                }
                if best.is_none_or(|index| order[index].1) {
                    verdicts.push((detection.score, best.is_some()));
                }
            }
        }
    }
    let precisions = verdicts.map(|verdicts| precision(verdicts, counting));
    [precisions.iter().sum::<f64>() / 10.0, precisions[0], precisions[5]]
}

/// Area under the falling envelope of precision over recall, at 101 recalls.
fn precision(mut verdicts: Vec<(f32, bool)>, counting: usize) -> f64 {
    verdicts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut right = 0usize;
    let mut curve: Vec<(f64, f64)> = Vec::with_capacity(verdicts.len());
    for (index, (_, is_right)) in verdicts.iter().enumerate() {
        right += usize::from(*is_right);
        curve.push((right as f64 / counting.max(1) as f64, right as f64 / (index + 1) as f64));
    }
    for index in (1..curve.len()).rev() {
        curve[index - 1].1 = curve[index - 1].1.max(curve[index].1);
    }
    let at = |recall: f64| {
        let index = curve.partition_point(|(reached, _)| *reached < recall);
        curve.get(index).map_or(0.0, |(_, precision)| *precision)
    };
    (0..=100).map(|percent| at(f64::from(percent) / 100.0)).sum::<f64>() / 101.0
}
