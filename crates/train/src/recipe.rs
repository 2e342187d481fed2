//! How a network is trained.

use std::path::Path;

use framefan_contract::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::data::Collection;
use crate::loss::Scoring;
use crate::network::Shape;

/// Everything that the result depends on, beside the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The network.
    pub shape: Shape,
    /// Of first weights, pictures and their variation.
    pub seed: u64,
    /// Pictures that are drawn.
    pub pictures: usize,
    /// Sides of stills in pixels.
    pub picture_size: usize,
    /// One picture of so many is a still; the others are moments of videos.
    pub one_still_in: usize,
    /// One after the other.
    pub phases: Vec<Phase>,
    /// The highest rate of learning.
    pub rate: f64,
    /// Steps in which the rate rises.
    pub warm_up: usize,
    /// Decay of weights.
    pub decay: f64,
}

/// Steps with one size of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// How many.
    pub steps: usize,
    /// Side of the network's input, a multiple of 32.
    pub size: usize,
    /// Pictures in a part of a step.
    pub batch: usize,
    /// Parts of a step, each normalised by its own statistics; they are worked on side by side.
    pub parts: usize,
    /// What scores learn to say.
    pub scoring: Scoring,
}

/// Added to the seed for pictures that no training sees.
pub const HELD_OUT: u64 = 1 << 40;

impl Recipe {
    /// The recipe of this name: `small` for two CPU cores; `fine` for what came of it, with larger people; `large` for a GPU.
    pub fn named(name: &str, seed: u64) -> Option<Recipe> {
        let small = Recipe {
            // YOLOv8n with half as many channels at the coarse strides and in the heads of boxes and scores, but deeper.
            shape: Shape { channels: [16, 32, 64, 64, 128], depth: 2, heads: [32, 16, 64] },
            seed,
            pictures: 10_000,
            picture_size: 256,
            one_still_in: 8,
            phases: vec![
                Phase { steps: 22_000, size: 128, batch: 8, parts: 2, scoring: Scoring::Boxes },
                Phase { steps: 5_000, size: 192, batch: 8, parts: 2, scoring: Scoring::Boxes },
                Phase { steps: 3_000, size: 256, batch: 8, parts: 2, scoring: Scoring::Poses },
            ],
            rate: 6e-3,
            warm_up: 300,
            decay: 0.02,
        };
        match name {
            "small" => Some(small),
            "fine" => Some(Recipe {
                phases: vec![Phase { steps: 4_500, size: 256, batch: 8, parts: 2, scoring: Scoring::Poses }],
                rate: 1.5e-3,
                warm_up: 100,
                ..small
            }),
            "large" => Some(Recipe {
                pictures: 120_000,
                picture_size: 320,
                phases: vec![
                    Phase { steps: 30_000, size: 256, batch: 64, parts: 1, scoring: Scoring::Boxes },
                    Phase { steps: 60_000, size: 320, batch: 64, parts: 1, scoring: Scoring::Poses },
                ],
                rate: 3e-3,
                warm_up: 1_000,
                ..small
            }),
            _ => None,
        }
    }

    /// Reads a recipe from a JSON file.
    ///
    /// # Errors
    /// A file that cannot be read; [`Usage`](framefan_contract::ErrorKind::Usage) when it is no recipe.
    pub fn read(path: &Path) -> Result<Recipe> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::io(format!("{}: not a recipe's name (small, fine, large) and no file", path.display()), e)
        })?;
        let recipe: Recipe = serde_json::from_str(&text)
            .map_err(|e| Error::usage(format!("{} is not a recipe: {e}", path.display())))?;
        let fits =
            |phase: &Phase| phase.batch > 0 && phase.parts > 0 && phase.size > 0 && phase.size.is_multiple_of(32);
        if recipe.pictures == 0 || recipe.one_still_in == 0 || !recipe.phases.iter().all(fits) {
            let message = "wants pictures, and phases with a batch, parts and a size that is a multiple of 32";
            return Err(Error::usage(format!("{}: a recipe {message}", path.display())));
        }
        Ok(recipe)
    }

    /// What it learns from.
    pub fn collection(&self) -> Collection {
        Collection { seed: self.seed, size: self.picture_size, one_still_in: self.one_still_in }
    }

    /// Steps of all phases.
    pub fn steps(&self) -> usize {
        self.phases.iter().map(|phase| phase.steps).sum()
    }

    /// The phase that a step belongs to.
    pub fn phase(&self, step: usize) -> Option<Phase> {
        let mut end = 0;
        self.phases.iter().copied().find(|phase| {
            end += phase.steps;
            step < end
        })
    }
}
