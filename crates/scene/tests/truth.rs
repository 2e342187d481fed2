//! What the truth says agrees with what is drawn, seen from pictures and label images.

use std::collections::{BTreeMap, BTreeSet};

use framefan_scene::{
    FrameTruth, Labels, LadderSettings, Part, PersonTruth, RgbImage, Scene, SceneSettings, cricket, crossings,
    sharpness_ladder, still,
};

/// The box of the samples that `keep` holds for, in pixels.
fn extent(labels: &Labels, keep: impl Fn(u32, Part) -> bool) -> Option<[f32; 4]> {
    let mut found: Option<[usize; 4]> = None;
    for (index, label) in labels.samples.iter().enumerate() {
        if label.is_some_and(|(id, part)| keep(id, part)) {
            let (x, y) = (index % labels.columns, index / labels.columns);
            let e = found.get_or_insert([x, y, x, y]);
            *e = [e[0].min(x), e[1].min(y), e[2].max(x), e[3].max(y)];
        }
    }
    found.map(|[x0, y0, x1, y1]| [x0, y0, x1 + 1 - x0, y1 + 1 - y0].map(|v| v as f32 / 2.0))
}

#[test]
fn boxes_enclose_exactly_the_samples_of_their_person() {
    let mut people = 0;
    for seed in 0..40 {
        let scene = still(seed, 128).unwrap();
        let (truth, labels) = (scene.truth(0), scene.labels(0));
        let labelled: BTreeSet<u32> = labels.samples.iter().flatten().map(|l| l.0).filter(|id| *id > 0).collect();
        let told: BTreeSet<u32> = truth.people.iter().filter(|p| p.bbox.is_some()).map(|p| p.track_id).collect();
        assert_eq!(labelled, told, "seed {seed}");
        for person in &truth.people {
            let drawn = |id: u32, part: Part| id == person.track_id && part != Part::Held;
            assert_eq!(extent(&labels, drawn), person.bbox, "seed {seed}");
            let count = labels.samples.iter().flatten().filter(|l| drawn(l.0, l.1)).count();
            assert_eq!(count as f32 / 4.0, person.visible_px);
            people += 1;
        }
    }
    assert!(people > 40);
}

/// Where two pictures differ: the box of the pixels.
fn difference(a: &RgbImage, b: &RgbImage) -> Option<[f32; 4]> {
    let mut found: Option<[usize; 4]> = None;
    for y in 0..a.height {
        for x in 0..a.width {
            if a.pixel(x, y) != b.pixel(x, y) {
                let e = found.get_or_insert([x, y, x, y]);
                *e = [e[0].min(x), e[1].min(y), e[2].max(x), e[3].max(y)];
            }
        }
    }
    found.map(|[x0, y0, x1, y1]| [x0 as f32, y0 as f32, (x1 + 1 - x0) as f32, (y1 + 1 - y0) as f32])
}

#[test]
fn a_picture_changes_in_a_persons_box_when_the_person_leaves() {
    let mut compared = 0;
    for seed in 0..12 {
        let settings = SceneSettings {
            width: 240,
            height: 160,
            frames: 1,
            people: 2,
            lens: false,
            shadows: false,
            shutter: 0.0,
            ..SceneSettings::default()
        };
        let scene = || Scene::new(seed, settings.clone()).unwrap();
        let (with, truth) = scene().frame(0);
        for person in &truth.people {
            let Some([x, y, w, h]) = person.bbox else { continue };
            let (without, _) = scene().without(person.track_id).frame(0);
            let [dx, dy, dw, dh] = difference(&with, &without).expect("somebody left");
            // The truth is told to half a pixel, and a sliver of the background's colour may not show.
            let edges = [(x, dx), (y, dy), (x + w, dx + dw), (y + h, dy + dh)];
            for (told, seen) in edges {
                assert!(
                    (told - seen).abs() <= 1.5,
                    "seed {seed}: the truth says {:?}, the pixels say {:?}",
                    person.bbox,
                    [dx, dy, dw, dh]
                );
            }
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared}");
}

/// The parts that meet at each joint, from the elbows on.
fn parts_at(keypoint: usize) -> [Part; 2] {
    use Part::*;
    [
        [LeftUpperArm, LeftForearm],
        [RightUpperArm, RightForearm],
        [LeftForearm, LeftHand],
        [RightForearm, RightHand],
        [Torso, LeftThigh],
        [Torso, RightThigh],
        [LeftThigh, LeftShank],
        [RightThigh, RightShank],
        [LeftShank, LeftFoot],
        [RightShank, RightFoot],
    ][keypoint - 7]
}

#[test]
fn seen_keypoints_lie_on_the_parts_that_meet_there() {
    let (mut on_part, mut seen_joints, mut on_head, mut seen_faces) = (0, 0, 0, 0);
    for seed in 100..180 {
        let scene = still(seed, 192).unwrap();
        let (truth, labels) = (scene.truth(0), scene.labels(0));
        for person in truth.people.iter().filter(|p| p.full_bbox[3] > 50.0) {
            let label = |k: usize| labels.at(person.keypoints[k][0], person.keypoints[k][1]);
            for k in (0..17).filter(|k| person.keypoints[*k][2] == 2.0) {
                let Some((id, part)) = label(k) else { continue };
                assert_eq!(id, person.track_id, "seed {seed}: a seen keypoint ({k}) is on somebody else");
                match k {
                    0..=4 => (seen_faces, on_head) = (seen_faces + 1, on_head + usize::from(part == Part::Head)),
                    5 | 6 => {}
                    _ => {
                        (seen_joints, on_part) =
                            (seen_joints + 1, on_part + usize::from(parts_at(k).contains(&part) || part == Part::Torso))
                    }
                }
            }
        }
    }
    assert!(seen_joints > 500 && seen_faces > 200, "{seen_joints} {seen_faces}");
    assert!(on_part as f64 > 0.97 * seen_joints as f64, "{on_part} of {seen_joints}");
    assert!(on_head as f64 > 0.97 * seen_faces as f64, "{on_head} of {seen_faces}");
}

#[test]
fn joints_lie_between_the_parts_they_join() {
    // A person alone, standing free: the middle of the border between two parts is the joint.
    let settings = SceneSettings { width: 360, height: 360, frames: 1, people: 1, ..SceneSettings::default() };
    let mut checked = 0;
    for seed in 0..10 {
        let scene = Scene::new(seed, settings.clone()).unwrap();
        let (truth, labels) = (scene.truth(0), scene.labels(0));
        let Some(person) = truth.people.iter().find(|p| p.truncated == 0.0 && p.occluded == 0.0) else { continue };
        // Wrists and hips lie under other parts' borders; knees, elbows and ankles are borders.
        for k in [7, 8, 13, 14] {
            if person.keypoints[k][2] != 2.0 {
                continue;
            }
            let [upper, lower] = parts_at(k);
            let Some(middle) = border(&labels, upper, lower) else { continue };
            let (dx, dy) = (middle[0] - person.keypoints[k][0], middle[1] - person.keypoints[k][1]);
            let distance = (dx * dx + dy * dy).sqrt();
            assert!(
                distance < 0.05 * person.full_bbox[3],
                "seed {seed}, keypoint {k}: {distance} pixels from the border"
            );
            checked += 1;
        }
    }
    assert!(checked >= 10, "{checked}");
}

/// The mean place where one part's samples touch another's.
fn border(labels: &Labels, first: Part, second: Part) -> Option<[f32; 2]> {
    let part = |x: usize, y: usize| labels.samples[y * labels.columns + x].map(|l| l.1);
    let (mut sum, mut count) = ([0.0, 0.0], 0.0);
    for y in 0..labels.rows - 1 {
        for x in 0..labels.columns - 1 {
            let here = part(x, y);
            for next in [part(x + 1, y), part(x, y + 1)] {
                if (here == Some(first) && next == Some(second)) || (here == Some(second) && next == Some(first)) {
                    (sum[0], sum[1], count) = (sum[0] + x as f32 / 2.0, sum[1] + y as f32 / 2.0, count + 1.0);
                }
            }
        }
    }
    (count >= 3.0).then(|| [sum[0] / count, sum[1] / count])
}

#[test]
fn hidden_keypoints_lie_behind_something() {
    let (mut hidden_by_others, mut outside) = (0, 0);
    for seed in 0..60 {
        let scene = still(seed, 128).unwrap();
        let (truth, labels) = (scene.truth(0), scene.labels(0));
        for person in &truth.people {
            for [x, y, visibility] in person.keypoints {
                let inside = x >= 0.0 && y >= 0.0 && x < 128.0 && y < 128.0;
                assert!(
                    inside || visibility == 0.0,
                    "seed {seed}: a keypoint outside of the frame is told as {visibility}"
                );
                outside += usize::from(!inside);
                let at = labels.at(x, y);
                if visibility == 1.0 {
                    assert!(at.is_some(), "seed {seed}: a hidden keypoint has nothing in front of it");
                    hidden_by_others += usize::from(at.is_some_and(|(id, _)| id != person.track_id));
                }
            }
        }
    }
    assert!(hidden_by_others > 30 && outside > 100, "{hidden_by_others} {outside}");
}

#[test]
fn occlusion_is_what_vanishes_behind_others() {
    // The share that is hidden, from two label images: one with and one without the others.
    let scene = || crossings(21, 3, 6.0).unwrap();
    let (mut most, mut compared) = (0.0f32, 0);
    for index in (0..scene().frames()).step_by(10) {
        let truth = scene().truth(index);
        for person in &truth.people {
            let mut alone = scene();
            for other in (1..=3).filter(|id| *id != person.track_id) {
                alone = alone.without(other);
            }
            let alone = alone.truth(index);
            let own =
                alone.people.iter().find(|p| p.track_id == person.track_id).expect("who is told of is still there");
            // The pole hides in both.
            let hidden = 1.0 - (1.0 - own.occluded) * person.visible_px / own.visible_px.max(0.25);
            assert!((hidden - person.occluded).abs() < 0.02, "frame {index}: {hidden} {}", person.occluded);
            most = most.max(person.occluded);
            compared += 1;
        }
    }
    assert!(compared > 10 && most > 0.5, "{compared} {most}");
}

#[test]
fn track_ids_stay_and_boxes_move_smoothly() {
    let scene = crossings(8, 5, 8.0).unwrap();
    let frames: Vec<FrameTruth> = scene.truths().frames;
    let mut last: BTreeMap<u32, (usize, PersonTruth)> = BTreeMap::new();
    let mut steps = 0;
    for truth in &frames {
        let ids: Vec<u32> = truth.people.iter().map(|p| p.track_id).collect();
        assert!(ids.windows(2).all(|w| w[0] < w[1]), "each id once, in order");
        for person in &truth.people {
            if let Some((frame, before)) = last.get(&person.track_id)
                && frame + 1 == truth.frame
            {
                // At 3.6 m/s and 25 frames a second nobody moves more than 0.15 m; hands and feet are quicker.
                let metre = before.full_bbox[3] / 1.2;
                for (now, then) in person.keypoints[5..7].iter().zip(&before.keypoints[5..7]) {
                    assert!(
                        (now[0] - then[0]).abs() < 0.3 * metre && (now[1] - then[1]).abs() < 0.2 * metre,
                        "frame {}",
                        truth.frame
                    );
                }
                steps += 1;
            }
            last.insert(person.track_id, (truth.frame, person.clone()));
        }
    }
    assert!(last.len() == 5 && steps > 300, "{} {steps}", last.len());
}

#[test]
fn the_ball_goes_from_the_bowlers_hand_to_the_bat() {
    let scene = cricket(3).unwrap();
    let truths = scene.truths();
    let distance = |frame: usize, id: u32, k: usize| {
        let truth = &truths.frames[frame];
        let person = truth.people.iter().find(|p| p.track_id == id)?;
        let ball = truth.balls.first()?;
        let (dx, dy) = (ball.centre[0] - person.keypoints[k][0], ball.centre[1] - person.keypoints[k][1]);
        Some((dx * dx + dy * dy).sqrt() / person.full_bbox[3])
    };
    // Until the release at 2.9 s it is in the right hand, within a hand's length of the wrist.
    for frame in [58, 64, 70] {
        let from_hand = distance(frame, 1, 10).expect("bowler and ball are in view");
        assert!(from_hand < 0.12, "frame {frame}: {from_hand}");
    }
    // At 3.6 s it is hit.
    assert!(distance(90, 2, 10).unwrap() < 0.5);
    let before = truths.frames[88].balls[0].centre[0] - truths.frames[84].balls[0].centre[0];
    let after = truths.frames[96].balls[0].centre[0] - truths.frames[92].balls[0].centre[0];
    assert!(before < 0.0 && after > 0.0, "it comes from the right and goes back there");
    assert!(truths.frames[80].balls[0].visible);
}

#[test]
fn a_ladder_knows_its_blur_and_its_motion() {
    let scene = sharpness_ladder(
        4,
        LadderSettings { width: 320, height: 180, steps: 6, step_px: 0.5, repeats: 1, pan_px: 3.0 },
    )
    .unwrap();
    let truths: Vec<FrameTruth> = (0..6).map(|i| scene.truth(i)).collect();
    let levels: BTreeSet<u32> = truths.iter().map(|t| (t.blur.level * 100.0) as u32).collect();
    assert_eq!(levels, BTreeSet::from([0, 50, 100, 150, 200, 250]));
    for pair in truths.windows(2) {
        assert!((pair[1].camera_shift_px[0] - 3.0).abs() < 0.15, "{:?}", pair[1].camera_shift_px);
        // People are nearer than the background, but the camera only turns: they move as it does.
        let nose = |t: &FrameTruth| t.people[0].keypoints[0][0];
        assert!((nose(&pair[1]) - nose(&pair[0]) - 3.0).abs() < 0.5);
    }
}
