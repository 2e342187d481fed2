//! The numbers that training finds, by name: those that gradients move, and the running statistics beside them.

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor, Var};
use framefan_scene::Random;

/// All parameters and running statistics of a network, by the names of its weights file, in the names' order.
#[derive(Default)]
pub struct Parameters {
    trained: BTreeMap<String, Var>,
    statistics: BTreeMap<String, Var>,
}

impl Parameters {
    /// What gradients move.
    pub fn trained(&self) -> &BTreeMap<String, Var> {
        &self.trained
    }

    /// Running means and variances.
    pub fn statistics(&self) -> &BTreeMap<String, Var> {
        &self.statistics
    }

    /// Everything.
    pub fn all(&self) -> impl Iterator<Item = (&String, &Var)> {
        self.trained.iter().chain(&self.statistics)
    }

    /// How many numbers gradients move.
    pub fn count(&self) -> usize {
        self.trained.values().map(|var| var.elem_count()).sum()
    }

    /// Sets each to the tensor of its name.
    ///
    /// # Errors
    /// When one is missing or has another shape.
    pub fn set(&self, values: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, var) in self.all() {
            let value = values.get(name).ok_or_else(|| candle_core::Error::Msg(format!("{name} is missing")))?;
            var.set(&value.to_device(var.device())?)?;
        }
        Ok(())
    }
}

/// Makes parameters, each with its own stream of random numbers, so that one more layer changes no other's beginning.
pub struct Initializer<'a> {
    parameters: &'a mut Parameters,
    seed: u64,
    device: &'a Device,
}

impl<'a> Initializer<'a> {
    /// For parameters of this seed on a device.
    pub fn new(parameters: &'a mut Parameters, seed: u64, device: &'a Device) -> Self {
        Initializer { parameters, seed, device }
    }

    /// Evenly spread in ±1 / √(inputs of an output), as PyTorch begins its convolutions.
    pub fn spread(&mut self, name: &str, shape: &[usize]) -> Result<Var> {
        let inputs: usize = shape[1..].iter().product();
        let most = 1.0 / (inputs as f32).sqrt();
        let mut random = Random::new(self.seed, name, 0);
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.range(-most, most)).collect();
        self.trained(name, Tensor::from_vec(values, shape, self.device)?)
    }

    /// One value everywhere.
    pub fn constant(&mut self, name: &str, length: usize, value: f32) -> Result<Var> {
        self.trained(name, Tensor::full(value, length, self.device)?)
    }

    /// A running statistic.
    pub fn statistic(&mut self, name: &str, length: usize, value: f32) -> Result<()> {
        let var = Var::from_tensor(&Tensor::full(value, length, self.device)?)?;
        self.parameters.statistics.insert(name.to_owned(), var);
        Ok(())
    }

    fn trained(&mut self, name: &str, value: Tensor) -> Result<Var> {
        let var = Var::from_tensor(&value)?;
        self.parameters.trained.insert(name.to_owned(), var.clone());
        Ok(var)
    }
}
