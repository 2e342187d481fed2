//! The operations and their gradients are those of candle's own operations.
#![allow(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

use candle_core::{Device, Tensor, Var};
use framefan_scene::Random;
use framefan_train::ops;

fn random(seed: u64, shape: &[usize]) -> Var {
    let mut random = Random::new(seed, "test", 0);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.normal(1.0)).collect();
    Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
}

/// Holds `ours` and `theirs` together, and the gradients of all `inputs` of a sum that weighs each value differently.
fn same(inputs: &[&Var], ours: &Tensor, theirs: &Tensor) {
    near(ours, theirs, "value");
    let weights = random(99, ours.dims());
    let gradients =
        [ours, theirs].map(|output| (output * weights.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap());
    for (index, input) in inputs.iter().enumerate() {
        let [ours, theirs] = [0, 1].map(|which: usize| gradients[which].get(input).expect("a gradient").clone());
        near(&ours, &theirs, &format!("gradient of input {index}"));
    }
}

fn near(ours: &Tensor, theirs: &Tensor, what: &str) {
    assert_eq!(ours.dims(), theirs.dims(), "{what}");
    let largest = theirs.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    let apart = (ours - theirs).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(apart <= 2e-5 * largest.max(1.0), "{what}: {apart} apart, values up to {largest}");
}

#[test]
fn convolutions() {
    // Batches that do not divide into groups, odd sides, and a map so large that it is done in several bands.
    for ([batch, inputs, height, width], outputs, kernel, stride) in [
        ([1, 1, 1, 1], 1, 3, 1),
        ([3, 5, 7, 9], 4, 3, 1),
        ([11, 3, 6, 10], 8, 3, 2),
        ([2, 3, 9, 7], 5, 3, 2),
        ([2, 6, 5, 4], 7, 1, 1),
        ([2, 4, 6, 6], 3, 5, 1),
        ([1, 16, 96, 96], 8, 3, 1),
        ([1, 16, 128, 192], 8, 3, 2),
    ] {
        let x = random(1, &[batch, inputs, height, width]);
        let weight = random(2, &[outputs, inputs, kernel, kernel]);
        let theirs = x.conv2d(&weight, kernel / 2, stride, 1, 1).unwrap();
        same(&[&x, &weight], &ops::conv2d(&x, &weight, stride).unwrap(), &theirs);
    }
}

#[test]
fn normalisation_and_silu() {
    for shape in [[2, 3, 5, 7], [1, 4, 1, 2], [5, 2, 70, 65]] {
        let (x, scale, shift) = (random(1, &shape), random(2, &[shape[1]]), random(3, &[shape[1]]));
        let (ours, statistics) = ops::norm_silu(&x, &scale, &shift).unwrap();
        let mean = x.mean_keepdim((0, 2, 3)).unwrap();
        let centred = x.broadcast_sub(&mean).unwrap();
        let variance = centred.sqr().unwrap().mean_keepdim((0, 2, 3)).unwrap();
        let normal = centred.broadcast_div(&(&variance + 1e-3).unwrap().sqrt().unwrap()).unwrap();
        let channels = (1, shape[1], 1, 1);
        let y = normal.broadcast_mul(&scale.reshape(channels).unwrap()).unwrap();
        let y = y.broadcast_add(&shift.reshape(channels).unwrap()).unwrap();
        // candle's SiLU has its own code for gradients.
        same(&[&x, &scale, &shift], &ours, &y.silu().unwrap());
        near(&Tensor::new(statistics.mean, &Device::Cpu).unwrap(), &mean.flatten_all().unwrap(), "mean");
        near(&Tensor::new(statistics.variance, &Device::Cpu).unwrap(), &variance.flatten_all().unwrap(), "variance");
    }
}

#[test]
fn upsampling() {
    let x = random(1, &[2, 3, 5, 4]);
    same(&[&x], &ops::upsample_2(&x).unwrap(), &x.upsample_nearest2d(10, 8).unwrap());
}

#[test]
fn maximum_over_windows_of_five() {
    let x = random(1, &[2, 3, 7, 6]);
    let ours = ops::max_pool_5(&x).unwrap().to_vec1_flat();
    let values = x.as_tensor().to_vec1_flat();
    for (index, most) in ours.iter().enumerate() {
        let (plane, y, row) = (index / 42, index % 42 / 6, index % 6);
        let window = (y.saturating_sub(2)..(y + 3).min(7))
            .flat_map(|y| (row.saturating_sub(2)..(row + 3).min(6)).map(move |x| plane * 42 + y * 6 + x));
        assert_eq!(*most, window.map(|at| values[at]).fold(f32::MIN, f32::max));
    }
    // Every value's gradient goes to the largest of its window.
    let gradient = ops::max_pool_5(&x).unwrap().sum_all().unwrap().backward().unwrap();
    let total = gradient.get(&x).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
    assert_eq!(total, ours.len() as f32);
}

trait Flat {
    fn to_vec1_flat(&self) -> Vec<f32>;
}

impl Flat for Tensor {
    fn to_vec1_flat(&self) -> Vec<f32> {
        self.flatten_all().unwrap().to_vec1().unwrap()
    }
}

#[test]
fn products() {
    let (a, b) = (random(1, &[5, 7]), random(2, &[7, 3]));
    let theirs = a.matmul(&b).unwrap();
    let turned = |t: &Tensor| t.t().unwrap().contiguous().unwrap().t().unwrap();
    for (a, b) in [(a.as_detached_tensor(), b.as_detached_tensor()), (turned(&a), turned(&b))] {
        near(&ops::product(&a, &b).unwrap(), &theirs, "value");
    }
    assert!(ops::product(&a, &a).is_err());
}
