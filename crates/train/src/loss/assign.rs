//! Which anchor is to say which person: task-aligned assignment (Feng et al., "TOOD", 2021) as in YOLOv8.

use super::anchors::Anchors;
use crate::data::Person;

/// Anchors that a person gets at most.
const MOST_ANCHORS: usize = 10;
/// Alignment is score^α · IoU^β.
const SCORE_POWER: f32 = 0.5;
const OVERLAP_POWER: i32 = 6;

/// An anchor that is to say a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    pub anchor: usize,
    pub person: usize,
    /// The score it should give, and its weight in the losses: 0 to 1.
    pub weight: f32,
}

/// Area of the intersection by area of the union of boxes of left, top, right, bottom.
pub fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let wide = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let high = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let area = |r: [f32; 4]| (r[2] - r[0]) * (r[3] - r[1]);
    let both = wide * high;
    both / (area(a) + area(b) - both).max(1e-9)
}

/// The assignments of a picture, by anchor. `distances` are the sides that each anchor says, in strides, `scores` 0 to 1.
pub fn assign(people: &[Person], anchors: &Anchors, distances: &[f32], scores: &[f32]) -> Vec<Assignment> {
    /// An anchor in a person's box.
    struct Candidate {
        anchor: usize,
        overlap: f32,
        alignment: f32,
    }
    // Of each anchor: the person whose box it overlaps most, of those that chose it.
    let mut chosen: Vec<Option<(usize, f32, f32)>> = vec![None; scores.len()];
    for (index, person) in people.iter().enumerate() {
        let [left, top, right, bottom] = person.bbox;
        let mut candidates: Vec<Candidate> = Vec::new();
        for (anchor, [x, y]) in anchors.centres.iter().enumerate() {
            if *x > left && *x < right && *y > top && *y < bottom {
                let sides = std::array::from_fn(|side| distances[4 * anchor + side]);
                let overlap = overlap(anchors.bbox(anchor, sides), person.bbox);
                let alignment = scores[anchor].powf(SCORE_POWER) * overlap.powi(OVERLAP_POWER);
                candidates.push(Candidate { anchor, overlap, alignment });
            }
        }
        candidates.sort_by(|a, b| b.alignment.total_cmp(&a.alignment).then(a.anchor.cmp(&b.anchor)));
        for candidate in candidates.into_iter().take(MOST_ANCHORS) {
            let place = &mut chosen[candidate.anchor];
            if place.is_none_or(|(_, overlap, _)| candidate.overlap > overlap) {
                *place = Some((index, candidate.overlap, candidate.alignment));
            }
        }
    }
    // The best aligned anchor of a person is to say as much as the best overlap, the others in proportion.
    let mut best = vec![(0f32, 0f32); people.len()];
    for (person, overlap, alignment) in chosen.iter().flatten() {
        let (most_overlap, most_alignment) = &mut best[*person];
        *most_overlap = most_overlap.max(*overlap);
        *most_alignment = most_alignment.max(*alignment);
    }
    let mut assignments = Vec::new();
    for (anchor, found) in chosen.into_iter().enumerate() {
        if let Some((person, _, alignment)) = found {
            let (most_overlap, most_alignment) = best[person];
            let weight = alignment * most_overlap / (most_alignment + 1e-9);
            assignments.push(Assignment { anchor, person, weight });
        }
    }
    assignments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(bbox: [f32; 4]) -> Person {
        Person { bbox, keypoints: [[0.0; 3]; 17], area: 1.0 }
    }

    #[test]
    fn overlaps_are_those_of_hand_calculation() {
        assert_eq!(overlap([0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 3.0, 3.0]), 1.0 / 7.0);
        assert_eq!(overlap([0.0, 0.0, 2.0, 2.0], [2.0, 0.0, 3.0, 3.0]), 0.0);
    }

    #[test]
    fn a_person_gets_the_best_aligned_anchors_inside_of_its_box() {
        let anchors = Anchors::new(64, 64);
        // Every anchor says a box of 3 strides to each side with a score of a half; one says the person exactly.
        let mut distances = vec![3.0; 4 * anchors.strides.len()];
        let scores = vec![0.5; anchors.strides.len()];
        let exact = anchors.centres.iter().position(|c| *c == [28.0, 36.0]).unwrap();
        distances[4 * exact..4 * exact + 4].copy_from_slice(&[1.0, 2.0, 1.0, 2.0]);
        let found = assign(&[person([20.0, 20.0, 36.0, 52.0])], &anchors, &distances, &scores);
        assert!(found.len() > 1 && found.len() <= MOST_ANCHORS, "{found:?}");
        let best = found.iter().max_by(|a, b| a.weight.total_cmp(&b.weight)).unwrap();
        assert_eq!((best.anchor, best.weight), (exact, 1.0));
        for assignment in &found {
            let [x, y] = anchors.centres[assignment.anchor];
            assert!(x > 20.0 && x < 36.0 && y > 20.0 && y < 52.0);
        }
    }

    #[test]
    fn an_anchor_in_two_boxes_says_the_one_that_it_overlaps_more() {
        let anchors = Anchors::new(32, 32);
        let distances = vec![1.0; 4 * anchors.strides.len()];
        let scores = vec![0.5; anchors.strides.len()];
        let people = [person([0.0, 0.0, 32.0, 32.0]), person([4.0, 4.0, 20.0, 20.0])];
        let found = assign(&people, &anchors, &distances, &scores);
        let at = anchors.centres.iter().position(|c| *c == [12.0, 12.0]).unwrap();
        assert_eq!(found.iter().find(|assignment| assignment.anchor == at).unwrap().person, 1);
    }
}
