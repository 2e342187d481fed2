//! What is shipped is as good as its card says.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

use candle_core::Device;
use framefan_models::{Lookup, Weights};
use framefan_train::evaluate::{figures, judge};

/// The seed that the weights were trained with.
const SEED: u64 = 1;

#[test]
fn pose_synth_is_as_good_as_its_card_says() {
    let found = Lookup::default().find("pose-synth").unwrap();
    let bytes = found.source.read().unwrap();
    assert!(bytes.len() < 3_000_000, "{} bytes", bytes.len());
    let weights = Weights::from_bytes(&found.source, &bytes, &Device::Cpu).unwrap();
    // A part of the card's 2,000 pictures: below them by less than what 300 leave to chance.
    let figures = figures(&judge(&weights, SEED, 300, 256, &Device::Cpu).unwrap());
    for (figures, [keypoints, boxes]) in figures.iter().zip([[0.22, 0.62], [0.82, 0.88]]) {
        println!("{figures:?}");
        assert!(figures.keypoints[0] >= keypoints, "{figures:?}");
        assert!(figures.boxes[0] >= boxes, "{figures:?}");
    }
}
