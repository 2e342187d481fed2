//! Muon for the filters of blocks, AdamW (Loshchilov and Hutter, 2019) for all else, the schedule of their rate, and the moving
//! average of what they find.
//!
//! Its own because a training that is to go on where it was cut needs the moments, which candle's optimizer keeps to itself.

mod muon;

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};
use rayon::prelude::*;

use crate::parameters::Parameters;

const FIRST_DECAY: f64 = 0.9;
const SECOND_DECAY: f64 = 0.999;
const EPSILON: f64 = 1e-8;
/// Gradients longer than this are shortened to it.
const LONGEST_GRADIENT: f64 = 10.0;
/// Share of the average that stays from step to step, later in training.
const AVERAGE_DECAY: f64 = 0.998;

/// Tensors by parameter name.
pub type Tensors = BTreeMap<String, Tensor>;

/// Moments of the gradients and the average of the parameters.
pub struct Optimizer {
    pub first: Tensors,
    /// Of what AdamW moves.
    pub second: Tensors,
    /// Averages of parameters and statistics.
    pub average: Tensors,
    /// Decay of convolutions' weights.
    decay: f64,
}

impl Optimizer {
    /// At the beginning of a training.
    pub fn new(parameters: &Parameters, decay: f64) -> Result<Optimizer> {
        let zeros = |wanted: fn(&str) -> bool| -> Result<Tensors> {
            let wanted = parameters.trained().iter().filter(|(name, _)| wanted(name));
            wanted.map(|(name, var)| Ok((name.clone(), var.zeros_like()?))).collect()
        };
        // Detached, as all that outlives a step: else it would hold on to everything that it was computed from.
        let average = parameters.all().map(|(name, var)| Ok((name.clone(), var.as_detached_tensor().copy()?)));
        let (first, second) = (zeros(|_| true)?, zeros(|name| !is_filter(name))?);
        Ok(Optimizer { first, second, average: average.collect::<Result<_>>()?, decay })
    }

    /// Moves the parameters against the mean of the gradients of a step's parts; `step` counts from 0.
    pub fn step(&mut self, parameters: &Parameters, parts: &[GradStore], rate: f64, step: usize) -> Result<()> {
        let gradients: Vec<Option<(&String, &Var, Tensor)>> = parameters
            .trained()
            .par_iter()
            .map(|(name, var)| Ok(mean_gradient(var, parts)?.map(|gradient| (name, var, gradient))))
            .collect::<Result<_>>()?;
        let mut squares = 0.0;
        for (_, _, gradient) in gradients.iter().flatten() {
            squares += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
        let shorten = (LONGEST_GRADIENT / squares.sqrt().max(1e-12)).min(1.0);
        let count = (step + 1) as i32;
        let first_scale = 1.0 / (1.0 - FIRST_DECAY.powi(count));
        let second_scale = 1.0 / (1.0 - SECOND_DECAY.powi(count));
        let moments: Vec<(String, Tensor, Option<Tensor>)> = gradients
            .into_par_iter()
            .flatten()
            .map(|(name, var, gradient)| {
                let gradient = (gradient * shorten)?;
                let (first, second, way) = match self.second.get(name) {
                    None => {
                        let (moment, way) = muon::way(&self.first[name], &gradient)?;
                        (moment, None, way)
                    }
                    Some(second) => {
                        let first = blend(&self.first[name], &gradient, FIRST_DECAY)?;
                        let second = blend(second, &gradient.sqr()?, SECOND_DECAY)?;
                        let way = ((&first * first_scale)? / ((&second * second_scale)?.sqrt()? + EPSILON)?)?;
                        (first, Some(second), way)
                    }
                };
                // Scales, shifts and biases do not decay.
                let decay = if var.rank() > 1 { self.decay } else { 0.0 };
                let moved = ((var.as_detached_tensor() * (1.0 - rate * decay))? - (way * rate)?)?;
                var.set(&moved)?;
                Ok((name.clone(), first, second))
            })
            .collect::<Result<_>>()?;
        for (name, first, second) in moments {
            if let Some(second) = second {
                self.second.insert(name.clone(), second);
            }
            self.first.insert(name, first);
        }
        // Early averages forget the beginning fast.
        let keep = AVERAGE_DECAY.min((1.0 + step as f64) / (10.0 + step as f64));
        let all: BTreeMap<&String, &Var> = parameters.all().collect();
        self.average.par_iter_mut().try_for_each(|(name, average)| {
            *average = blend(average, &all[name].as_detached_tensor(), keep)?;
            Ok(())
        })
    }
}

/// Whether this is a filter whose output is normalised, so that its own length is no matter.
pub fn is_filter(name: &str) -> bool {
    name.ends_with(".conv.weight")
}

/// The mean over a step's parts; none where no part says one.
fn mean_gradient(var: &Var, parts: &[GradStore]) -> Result<Option<Tensor>> {
    let mut found = parts.iter().filter_map(|part| part.get(var));
    let Some(first) = found.next() else { return Ok(None) };
    let sum = found.try_fold(first.detach(), |sum, gradient| sum + gradient.detach())?;
    Ok(Some((sum / parts.len() as f64)?))
}

fn blend(old: &Tensor, new: &Tensor, keep: f64) -> Result<Tensor> {
    (old * keep)? + (new * (1.0 - keep))?
}

/// The rate at a step: up in a straight line, then down along half a cosine to a hundredth.
pub fn rate(peak: f64, step: usize, warm_up: usize, steps: usize) -> f64 {
    if step < warm_up {
        return peak * (step + 1) as f64 / warm_up as f64;
    }
    let way = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
    let least = 0.01;
    peak * (least + (1.0 - least) * 0.5 * (1.0 + (std::f64::consts::PI * way).cos()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Initializer;

    #[test]
    fn a_step_goes_down_and_nothing_holds_on_to_it() {
        let mut parameters = Parameters::default();
        let device = candle_core::Device::Cpu;
        let init = &mut Initializer::new(&mut parameters, 1, &device);
        let vars = ["w.weight", "w.conv.weight"].map(|name| init.spread(name, &[4, 9]).unwrap());
        let mut optimizer = Optimizer::new(&parameters, 0.01).unwrap();
        let square = |var: &Var| var.sqr().unwrap().sum_all().unwrap();
        let loss = || (square(&vars[0]) + square(&vars[1])).unwrap();
        let before = loss().to_scalar::<f32>().unwrap();
        for step in 0..20 {
            optimizer.step(&parameters, &[loss().backward().unwrap()], 0.01, step).unwrap();
        }
        assert!(loss().to_scalar::<f32>().unwrap() < 0.5 * before);
        for kept in [&optimizer.first, &optimizer.second, &optimizer.average] {
            assert!(kept.values().all(|tensor| !tensor.track_op()));
        }
    }

    #[test]
    fn the_rate_rises_and_falls() {
        assert_eq!(rate(1.0, 0, 10, 110), 0.1);
        assert_eq!(rate(1.0, 10, 10, 110), 1.0);
        assert!((rate(1.0, 60, 10, 110) - 0.505).abs() < 1e-12);
        assert!((rate(1.0, 109, 10, 110) - 0.01).abs() < 1e-3);
    }
}
