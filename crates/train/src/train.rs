//! The loop: draw, vary, compare, move.

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device};
use framefan_contract::{Error, Result};
use rayon::prelude::*;

use crate::checkpoint::{self, State};
use crate::data::{Composer, Picture};
use crate::export;
use crate::loss::{Anchors, loss};
use crate::network::{Network, Seen};
use crate::optimizer::{Optimizer, Tensors, rate};
use crate::recipe::{Phase, Recipe};

/// The checkpoint's name in a training's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The weights' name in a training's folder.
pub const WEIGHTS: &str = "weights.safetensors";

/// Pictures drawn at a time while progress is told.
const DRAWN_AT_ONCE: usize = 1_000;

/// Share of a step in the running statistics.
const MOMENTUM: f64 = 0.03;

/// What a part of a step found.
struct Part {
    losses: [f32; 5],
    seen: Seen,
    gradients: GradStore,
}

/// What a training is asked for.
pub struct Training<'a> {
    /// The recipe.
    pub recipe: Recipe,
    /// Weights that it begins with, in place of random ones. A checkpoint that is there has its own.
    pub from: Option<&'a Path>,
    /// Where checkpoints and weights go. A checkpoint that is there is gone on from.
    pub folder: &'a Path,
    /// Where it runs.
    pub device: Device,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
    /// Stops after this step, as if cut.
    pub stop_after: Option<usize>,
}

impl Training<'_> {
    /// Trains to the end of the recipe, telling of it on standard error; the weights file.
    ///
    /// # Errors
    /// [`Usage`](framefan_contract::ErrorKind::Usage) for a checkpoint of another recipe; files that cannot be written.
    pub fn run(&self) -> Result<PathBuf> {
        std::fs::create_dir_all(self.folder).map_err(|e| Error::io(self.folder.display(), e))?;
        let Training { recipe, device, .. } = self;
        let network = Network::new(recipe.shape, recipe.seed, device).map_err(tensors)?;
        let mut optimizer = Optimizer::new(network.parameters(), recipe.decay).map_err(tensors)?;
        let [path, weights] = [CHECKPOINT, WEIGHTS].map(|name| self.folder.join(name));
        let first = if path.exists() { self.resume(&path, &network, &mut optimizer)? } else { 0 };
        let end = self.stop_after.unwrap_or(usize::MAX).min(recipe.steps());
        eprintln!("{} parameters; steps {first} to {end}", network.parameters().count());

        let mut pictures = Vec::with_capacity(recipe.pictures);
        let started = Instant::now();
        while pictures.len() < recipe.pictures && first < end {
            let next = recipe.pictures.min(pictures.len() + DRAWN_AT_ONCE);
            pictures.extend(recipe.collection().draw(pictures.len()..next)?);
            eprintln!("drew {} pictures in {:.0} s", pictures.len(), started.elapsed().as_secs_f64());
        }
        if let Some(from) = self.from.filter(|_| first == 0 && first < end) {
            self.begin_with(from, &network, &pictures)?;
            optimizer = Optimizer::new(network.parameters(), recipe.decay).map_err(tensors)?;
        }
        let started = Instant::now();
        let mut sums = [0f32; 5];
        for step in first..end {
            let parts = self.step(&network, &mut optimizer, &pictures, step)?;
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
            let done = step + 1;
            if done % 50 == 0 {
                let [boxes, scores, sides, keypoints, visibilities] = sums.map(|sum| sum / 50.0);
                eprintln!(
                    "step {done}: box {boxes:.3} score {scores:.3} sides {sides:.3} keypoints {keypoints:.4} visible \
                     {visibilities:.3}; {:.3} s a step",
                    started.elapsed().as_secs_f64() / (done - first) as f64
                );
                sums = [0.0; 5];
            }
            if done % self.checkpoint_every == 0 || done == end {
                let state = State { step: done, recipe: recipe.clone() };
                checkpoint::save(network.parameters(), &optimizer, &state, &path).map_err(tensors)?;
            }
        }
        // What is used is the average, not the last step.
        export::write(&optimizer.average, &weights).map_err(tensors)?;
        Ok(weights)
    }

    fn composer<'a>(&self, phase: &Phase, pictures: &'a [Picture]) -> Composer<'a> {
        Composer::new(pictures, self.recipe.seed, phase.views, phase.size)
    }

    fn begin_with(&self, path: &Path, network: &Network, pictures: &[Picture]) -> Result<()> {
        let phase = self.recipe.phase(0).ok_or_else(|| Error::usage("a recipe without steps"))?;
        let begin = || {
            let tensors: Tensors = candle_core::safetensors::load(path, &Device::Cpu)?
                .into_iter()
                .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F32)?)))
                .collect::<candle_core::Result<_>>()?;
            let batch = self.composer(&phase, pictures).batch(0, 0..phase.batch * phase.parts, &self.device)?;
            network.begin_with(&tensors, &batch.pictures)
        };
        begin().map_err(|e| Error::usage(format!("cannot begin with {}: {e}", path.display())))
    }

    fn resume(&self, path: &Path, network: &Network, optimizer: &mut Optimizer) -> Result<usize> {
        let state = checkpoint::load(path, network.parameters(), optimizer, &self.device)
            .map_err(|e| Error::usage(format!("cannot go on from {}: {e}", path.display())))?;
        if state.recipe != self.recipe {
            return Err(Error::usage(format!(
                "{} is of a training with another recipe; name another folder",
                path.display()
            )));
        }
        Ok(state.step)
    }

    fn step(
        &self,
        network: &Network,
        optimizer: &mut Optimizer,
        pictures: &[Picture],
        step: usize,
    ) -> Result<[f32; 5]> {
        let recipe = &self.recipe;
        let phase = recipe.phase(step).ok_or_else(|| Error::defect("a step after the last phase"))?;
        let composer = self.composer(&phase, pictures);
        let part = |part: usize| -> candle_core::Result<Part> {
            let batch = composer.batch(step, part * phase.batch..(part + 1) * phase.batch, &self.device)?;
            let (output, seen) = network.forward(&batch.pictures)?;
            let loss = loss(&output, &batch.people, &Anchors::new(phase.size, phase.size), phase.scoring)?;
            let gradients = loss.total.backward()?;
            let mut losses = [0f32; 5];
            for (part, tensor) in losses.iter_mut().zip(&loss.parts) {
                *part = tensor.to_scalar::<f32>()?;
            }
            Ok(Part { losses, seen, gradients })
        };
        let mut work = || -> candle_core::Result<[f32; 5]> {
            let parts: Vec<Part> = (0..phase.parts).into_par_iter().map(part).collect::<candle_core::Result<_>>()?;
            let mut losses = [0f32; 5];
            for part in &parts {
                losses.iter_mut().zip(part.losses).for_each(|(sum, loss)| *sum += loss / phase.parts as f32);
            }
            let (seen, gradients): (Vec<Seen>, Vec<GradStore>) =
                parts.into_iter().map(|part| (part.seen, part.gradients)).unzip();
            network.follow(&seen, MOMENTUM)?;
            let rate = rate(recipe.rate, step, recipe.warm_up, recipe.steps());
            optimizer.step(network.parameters(), &gradients, rate, step)?;
            Ok(losses)
        };
        let losses = work().map_err(tensors)?;
        if losses.iter().any(|loss| !loss.is_finite()) {
            return Err(Error::defect(format!("the loss is no number at step {step}: {losses:?}")));
        }
        Ok(losses)
    }
}

/// An error in the tensors' arithmetic.
pub(crate) fn tensors(error: candle_core::Error) -> Error {
    Error::defect(format!("training: {error}")).with_source(error)
}
