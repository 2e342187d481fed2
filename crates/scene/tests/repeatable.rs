//! The same seed and settings give the same bytes, whatever the threads and the order of the frames.

use framefan_scene::{Scene, SceneSettings, cricket, crossings, sample, still};
use rayon::prelude::*;

fn small() -> SceneSettings {
    SceneSettings { width: 160, height: 96, frames: 6, people: 3, ..SceneSettings::default() }
}

fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be made").install(work)
}

#[test]
fn frames_are_the_same_bytes_on_any_number_of_threads() {
    let scene = || Scene::new(11, SceneSettings { shutter_samples: 2, ..small() }).unwrap();
    let all = |scene: &Scene| (0..6).into_par_iter().map(|i| scene.frame(i)).collect::<Vec<_>>();
    let alone = with_threads(1, || all(&scene()));
    let many = with_threads(7, || all(&scene()));
    assert!(alone == many);
    let one = scene();
    let backwards: Vec<_> = (0..6).rev().map(|i| one.frame(i)).collect();
    assert!(alone.iter().eq(backwards.iter().rev()), "a frame does not depend on those drawn before it");
}

#[test]
fn stills_are_pinned() {
    // FNV-1a of pictures and truths: a change here changes everything that was trained or measured on these scenes, so it
    // must be meant. The same on every machine.
    let hash = |bytes: &[u8]| {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
    };
    let hashes: Vec<String> = (0..4)
        .map(|seed| {
            let (picture, truth) = still(seed, 96).unwrap().frame(0);
            format!("{:016x} {:016x}", hash(&picture.data), hash(serde_json::to_string(&truth).unwrap().as_bytes()))
        })
        .collect();
    assert_eq!(hashes, PINNED, "the stills of seeds 0 to 3 have changed");
}

const PINNED: [&str; 4] = [
    "c00b2113eba9e4e1 0ef9516ea51785cc",
    "3abd7a410ad1fd84 cb4c3a8174b26b5b",
    "aeb2254c46415330 1ad4539df9eb9b52",
    "9ff5ee359d8b48f4 5540b1d93475c1ff",
];

#[test]
fn seeds_and_frames_differ() {
    let picture = |seed| still(seed, 64).unwrap().frame(0).0;
    assert!(picture(1) != picture(2));
    let scene = Scene::new(3, small()).unwrap();
    assert!(scene.frame(0).0 != scene.frame(5).0);
}

#[test]
fn truth_alone_is_the_truth_of_the_frame() {
    for scene in [Scene::new(4, small()).unwrap(), cricket(2).unwrap(), crossings(5, 4, 2.0).unwrap()] {
        for index in [0, scene.frames() - 1] {
            assert_eq!(scene.truth(index), scene.frame(index).1);
        }
        let truth = scene.truths();
        let text = serde_json::to_string(&truth).unwrap();
        let again: framefan_scene::SceneTruth = serde_json::from_str(&text).unwrap();
        assert_eq!(again, truth, "the truth survives being written");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    for settings in [
        SceneSettings { width: 8, ..small() },
        SceneSettings { height: 5000, ..small() },
        SceneSettings { frames: 0, ..small() },
        SceneSettings { people: 31, ..small() },
        SceneSettings { shutter: 1.5, ..small() },
        SceneSettings { shutter_samples: 0, ..small() },
    ] {
        let error = Scene::new(1, settings).unwrap_err();
        assert_eq!(error.kind(), framefan_contract::error::ErrorKind::Usage, "{error}");
    }
}

#[test]
fn the_sample_is_as_documented() {
    let scene = sample().unwrap();
    assert_eq!((scene.settings().width, scene.settings().height, scene.settings().fps), (640, 360, 25));
    assert!((250..=300).contains(&scene.frames()));
}
