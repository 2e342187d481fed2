//! Average precision is what pycocotools computes.

use framefan_scene::Random;
use framefan_testkit::{python_or_skip, run};
use framefan_train::data::Person;
use framefan_train::{Judged, Scored, Similarity, average_precision};
use serde_json::json;

/// People at random places, and detections that are near, far off, doubled or missing.
fn pictures() -> Vec<Judged> {
    let mut random = Random::new(8, "judged", 0);
    (0..60)
        .map(|_| {
            let mut people = Vec::new();
            let mut detections = Vec::new();
            for _ in 0..random.below(5) {
                let (x, y) = (random.range(0.0, 300.0), random.range(0.0, 200.0));
                let (w, h) = (random.range(20.0, 120.0), random.range(40.0, 200.0));
                let keypoints =
                    std::array::from_fn(|_| [x + random.unit() * w, y + random.unit() * h, random.below(3) as f32]);
                let labelled = keypoints.iter().any(|k: &[f32; 3]| k[2] > 0.0);
                let counts = labelled && random.chance(0.85);
                for _ in 0..random.below(3) {
                    let far = random.range(0.0, 0.2);
                    let mut moved = |value: f32, side: f32| value + random.normal(far) * side;
                    let bbox = [moved(x, w), moved(y, h), moved(x + w, w), moved(y + h, h)];
                    let places = keypoints.map(|[kx, ky, _]| [moved(kx, w * 0.5), moved(ky, h * 0.5)]);
                    detections.push(Scored { score: random.unit(), bbox, keypoints: places });
                }
                people.push((Person { bbox: [x, y, x + w, y + h], keypoints, area: w * h * 0.5 }, counts));
            }
            Judged { people, found: detections }
        })
        .collect()
}

#[test]
fn it_is_what_pycocotools_says() {
    let Some(mut python) = python_or_skip("average precision beside pycocotools") else { return };
    let pictures = pictures();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("judged.json");
    let people: Vec<_> = pictures
        .iter()
        .map(|Judged { people, found }| {
            json!({
                "people": people.iter().map(|(p, counts)| json!({
                    "bbox": p.bbox, "keypoints": p.keypoints, "area": p.area, "counts": counts,
                })).collect::<Vec<_>>(),
                "detections": found.iter().map(|d| json!({
                    "bbox": d.bbox, "keypoints": d.keypoints, "score": d.score,
                })).collect::<Vec<_>>(),
            })
        })
        .collect();
    std::fs::write(&path, serde_json::to_vec(&people).unwrap()).unwrap();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/average_precision.py");
    let output = run(python.arg(script).arg(&path));
    let theirs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for (name, similarity) in [("keypoints", Similarity::Keypoints), ("bbox", Similarity::Boxes)] {
        let ours = average_precision(&pictures, similarity);
        for (index, value) in ours.iter().enumerate() {
            let wanted = theirs[name][index].as_f64().unwrap();
            assert!((value - wanted).abs() < 1e-6, "{name} {index}: {value}, pycocotools {wanted}");
            assert!(wanted > 0.02 && wanted < 0.98, "{name}: {wanted} tells nothing");
        }
    }
}
