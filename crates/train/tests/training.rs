//! Training repeats itself, goes on where it was cut, and learns.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

use std::path::Path;

use candle_core::Device;
use framefan_contract::ErrorKind;
use framefan_train::data::Views;
use framefan_train::loss::Scoring;
use framefan_train::network::Shape;
use framefan_train::recipe::{Phase, Recipe};
use framefan_train::train::{CHECKPOINT, Training, WEIGHTS};

fn recipe() -> Recipe {
    let views = Views { mosaics: 0.3, coloured: 0.5, anything: 0.2, lengths: [30.0, 80.0] };
    Recipe {
        shape: Shape { channels: [16, 32, 32, 32, 32], depth: 1, heads: [32, 16, 51] },
        seed: 4,
        pictures: 12,
        picture_size: 96,
        one_still_in: 3,
        phases: vec![
            Phase { steps: 3, size: 64, batch: 3, parts: 2, scoring: Scoring::Boxes, views },
            Phase { steps: 3, size: 96, batch: 3, parts: 1, scoring: Scoring::Poses, views },
        ],
        rate: 2e-3,
        warm_up: 2,
        decay: 0.02,
    }
}

fn train(folder: &Path, threads: usize, stop_after: Option<usize>) -> Vec<u8> {
    let training =
        Training { recipe: recipe(), from: None, folder, device: Device::Cpu, checkpoint_every: 2, stop_after };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let weights = pool.install(|| training.run()).unwrap();
    assert_eq!(weights, folder.join(WEIGHTS));
    std::fs::read(weights).unwrap()
}

#[test]
fn the_same_recipe_gives_the_same_weights_also_when_it_is_cut() {
    let [whole, threads, cut] = [0; 3].map(|_| tempfile::tempdir().unwrap());
    let expected = train(whole.path(), 1, None);
    assert_eq!(train(threads.path(), 3, None), expected, "with another number of threads");
    let after_four = train(cut.path(), 2, Some(4));
    assert_ne!(after_four, expected);
    assert_eq!(train(cut.path(), 2, None), expected, "gone on with after step 4");
    let checkpoints = [&whole, &cut].map(|folder| std::fs::read(folder.path().join(CHECKPOINT)).unwrap());
    assert!(checkpoints[0] == checkpoints[1], "the moments, too");
    std::fs::remove_file(cut.path().join(WEIGHTS)).unwrap();
    assert_eq!(train(cut.path(), 2, None), expected, "with nothing left to train");

    let other = Recipe { seed: 5, ..recipe() };
    let training = Training {
        recipe: other,
        from: None,
        folder: cut.path(),
        device: Device::Cpu,
        checkpoint_every: 2,
        stop_after: None,
    };
    let error = training.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.message().contains("another recipe"), "{error}");
}

#[test]
fn a_file_that_is_no_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(CHECKPOINT), b"nothing").unwrap();
    let training = Training {
        recipe: recipe(),
        from: None,
        folder: folder.path(),
        device: Device::Cpu,
        checkpoint_every: 2,
        stop_after: None,
    };
    let error = training.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.message().contains("checkpoint.safetensors"), "{error}");
}
