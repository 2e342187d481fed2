//! How a network is trained.

use std::path::Path;

use framefan_contract::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::data::{Collection, Views};
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
    /// What the network is shown.
    pub views: Views,
}

/// Anything that can be made of the pictures.
const VARIED: Views = Views { mosaics: 0.2, coloured: 0.5, anything: 0.15, lengths: [36.0, 280.0] };

/// People as they are in videos, as long as 0.95 of the input's side at most.
const fn plain(longest: f32) -> Views {
    Views { mosaics: 0.0, coloured: 0.1, anything: 0.05, lengths: [56.0, longest] }
}

/// Added to the seed for pictures that no training sees.
pub const HELD_OUT: u64 = 1 << 40;

impl Recipe {
    /// The recipe of this name: `small` for two CPU cores; `fine` for what came of it, with larger people; `finer` for what
    /// came of that, with people as they are in videos; `large` for a GPU.
    pub fn named(name: &str, seed: u64) -> Option<Recipe> {
        let phase = |steps, size, [batch, parts]: [usize; 2], scoring, views| Phase {
            steps,
            size,
            batch,
            parts,
            scoring,
            views,
        };
        let small = Recipe {
            // YOLOv8n with half as many channels at the coarse strides and in the heads of boxes and scores, but deeper.
            shape: Shape { channels: [16, 32, 64, 64, 128], depth: 2, heads: [32, 16, 64] },
            seed,
            pictures: 10_000,
            picture_size: 256,
            one_still_in: 8,
            phases: vec![
                phase(22_000, 128, [8, 2], Scoring::Boxes, VARIED),
                phase(5_000, 192, [8, 2], Scoring::Boxes, VARIED),
                phase(3_000, 256, [8, 2], Scoring::Poses, VARIED),
            ],
            rate: 6e-3,
            warm_up: 300,
            decay: 0.02,
        };
        match name {
            "small" => Some(small),
            "fine" => Some(Recipe {
                phases: vec![phase(4_500, 256, [8, 2], Scoring::Poses, VARIED)],
                rate: 1.5e-3,
                warm_up: 100,
                ..small
            }),
            "finer" => Some(Recipe {
                // After 34,500 steps it did no better on pictures that it saw than on others: it had no use for variety, but
                // for more steps on what it is for. Smaller views with as many people cost less.
                one_still_in: 16,
                phases: vec![
                    phase(11_000, 192, [8, 2], Scoring::Poses, plain(182.4)),
                    phase(2_000, 256, [8, 2], Scoring::Poses, plain(243.2)),
                ],
                rate: 3e-3,
                warm_up: 200,
                ..small
            }),
            "large" => Some(Recipe {
                pictures: 120_000,
                picture_size: 320,
                phases: vec![
                    phase(30_000, 256, [64, 1], Scoring::Boxes, VARIED),
                    phase(60_000, 320, [64, 1], Scoring::Poses, VARIED),
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
            Error::io(format!("{}: not a recipe's name (small, fine, finer, large) and no file", path.display()), e)
        })?;
        let recipe: Recipe = serde_json::from_str(&text)
            .map_err(|e| Error::usage(format!("{} is not a recipe: {e}", path.display())))?;
        let fits = |phase: &Phase| {
            let [least, most] = phase.views.lengths;
            phase.batch > 0
                && phase.parts > 0
                && phase.size > 0
                && phase.size.is_multiple_of(32)
                && least > 0.0
                && most >= least
        };
        if recipe.pictures == 0 || recipe.one_still_in == 0 || !recipe.phases.iter().all(fits) {
            let message = "wants pictures, and phases with a batch, parts, a size that is a multiple of 32, and two lengths, \
                           the least first";
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
