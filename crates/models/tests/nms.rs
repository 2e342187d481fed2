//! Suppression agrees with OpenCV and with a naive definition; decoding finds what was put in.

#![allow(clippy::unwrap_used)] // A failed step fails the test.

mod support;

use framefan_models::nms::{Candidate, intersection_over_union, suppress};
use framefan_models::{decode_boxes, decode_poses};
use proptest::prelude::*;

/// Boxes on a coarse grid of sizes and scores, so that overlaps, ties and empty boxes are common.
fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let side = prop_oneof![9 => (1u8..40).prop_map(f32::from), 1 => Just(0f32)];
    let one = (0u8..60, 0u8..60, side.clone(), side, 0u8..20, 0usize..3).prop_map(|(x, y, w, h, score, class)| {
        Candidate { bbox: [f32::from(x), f32::from(y), w, h], score: f32::from(score) / 20.0, class }
    });
    prop::collection::vec(one, 0..40)
}

/// The definition, word by word: take the best that is left, drop what it suppresses, repeat.
fn naive(candidates: &[Candidate], iou: f32) -> Vec<usize> {
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    let mut kept = Vec::new();
    while !left.is_empty() {
        let mut best = left[0];
        for &index in &left {
            if candidates[index].score > candidates[best].score {
                best = index;
            }
        }
        kept.push(best);
        left.retain(|&index| {
            let same_class = candidates[index].class == candidates[best].class;
            let overlap = intersection_over_union(candidates[best].bbox, candidates[index].bbox);
            index != best && !(same_class && overlap > f64::from(iou))
        });
    }
    kept
}

proptest! {
    #[test]
    fn suppression_is_its_definition(candidates in candidates(), iou in 0.1f32..0.9) {
        prop_assert_eq!(suppress(&candidates, iou), naive(&candidates, iou));
    }

    #[test]
    fn what_stays_does_not_overlap(candidates in candidates(), iou in 0.1f32..0.9) {
        let kept = suppress(&candidates, iou);
        for (place, &a) in kept.iter().enumerate() {
            for &b in &kept[..place] {
                let same_class = candidates[a].class == candidates[b].class;
                prop_assert!(!same_class || intersection_over_union(candidates[a].bbox, candidates[b].bbox) <= f64::from(iou));
                prop_assert!(candidates[b].score >= candidates[a].score);
            }
        }
    }
}

/// Reads sets of boxes and writes what `cv2.dnn.NMSBoxes` keeps of each.
const RUN_NMS: &str = r#"
import sys, json, cv2
for boxes, scores in json.load(open(sys.argv[1])):
    kept = cv2.dnn.NMSBoxes(boxes, scores, 0.25, 0.45) if boxes else []
    print(*[int(i) for i in kept])
"#;

#[test]
fn suppression_agrees_with_opencv() {
    let Some(python) = framefan_testkit::python_or_skip("suppression_agrees_with_opencv") else { return };
    let mut state = 7u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let mut sets = Vec::new();
    let mut ours = String::new();
    for _ in 0..200 {
        let (mut boxes, mut scores) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            let part = |n: u64| n as f32 / 8.0;
            boxes.push([part(random(800)), part(random(800)), part(1 + random(600)), part(1 + random(600))]);
            scores.push(random(40) as f32 / 40.0);
        }
        let confident: Vec<usize> = (0..boxes.len()).filter(|&i| scores[i] > 0.25).collect();
        let candidates: Vec<Candidate> =
            confident.iter().map(|&i| Candidate { bbox: boxes[i], score: scores[i], class: 0 }).collect();
        let kept: Vec<String> = suppress(&candidates, 0.45).into_iter().map(|i| confident[i].to_string()).collect();
        ours.push_str(&kept.join(" "));
        ours.push('\n');
        sets.push((boxes, scores));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sets.json");
    std::fs::write(&file, format!("{sets:?}").replace('(', "[").replace(')', "]")).unwrap();
    assert_eq!(ours, support::run_python(python, RUN_NMS, &[&file]));
}

/// An output `[rows, anchors]` from one column per anchor.
fn output(columns: &[Vec<f32>]) -> Vec<f32> {
    let rows = columns[0].len();
    (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect()
}

#[test]
fn poses_are_decoded() {
    let columns = [
        vec![50.0, 40.0, 20.0, 10.0, 0.5, 1.0, 2.0, 0.25, 3.0, 4.0, 0.75],
        vec![51.0, 40.0, 20.0, 10.0, 0.9, 5.0, 6.0, 0.25, 7.0, 8.0, 0.75],
        vec![90.0, 40.0, 20.0, 10.0, 0.5, 9.0, 9.0, 0.25, 9.0, 9.0, 0.75],
        vec![10.0, 10.0, 20.0, 10.0, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ];
    let poses = decode_poses(&output(&columns), 11, 4, 0.25, 0.45);
    assert_eq!(poses.len(), 2, "one is suppressed, one is at the threshold, not over it");
    assert_eq!(poses[0].bbox, [41.0, 35.0, 20.0, 10.0]);
    assert_eq!(poses[0].keypoints, [[5.0, 6.0, 0.25], [7.0, 8.0, 0.75]]);
    assert_eq!((poses[1].score, poses[1].bbox[0]), (0.5, 80.0));
}

#[test]
fn boxes_of_other_classes_do_not_suppress() {
    let columns = [
        vec![50.0, 40.0, 20.0, 10.0, 0.8, 0.1],
        vec![50.0, 40.0, 20.0, 10.0, 0.1, 0.8],
        vec![50.0, 41.0, 20.0, 10.0, 0.3, 0.7],
        vec![50.0, 41.0, 20.0, 10.0, 0.2, 0.1],
    ];
    let found = decode_boxes(&output(&columns), 6, 4, 0.25, 0.45);
    let classes: Vec<_> = found.iter().map(|d| (d.class, d.score)).collect();
    assert_eq!(classes, [(0, 0.8), (1, 0.8)], "equal scores in the order of their anchors");
}
