//! The kernels on tiles: exactly what the instructions are documented to do, and near to candle's operations in f32 on the same
//! rounded numbers. Skipped, and said so, on processors without tiles.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use framefan_testkit::amx_or_skip;
use proptest::prelude::*;

use super::conv::Bf16Conv;
use super::map::{Bf16Map, numbers, place, plane_pool, to_bf16, to_f32};
use super::{available, pool};
use crate::kernels::Finish;
use crate::kernels::map::{Map, PlanePool};
use crate::kernels::tests::{Reference, difference, numbers as random_numbers, reference};

/// Numbers from −1 to 1 that bf16 holds.
fn rounded(count: usize, seed: u64) -> Vec<f32> {
    random_numbers(count, seed).into_iter().map(|value| to_f32(to_bf16(value))).collect()
}

/// Whether there are tiles, which asks the system for them, too; records a skip where the processor has none.
fn tiles_or_skip(test: &str) -> bool {
    amx_or_skip(test) && available()
}

/// A map with these values, `[channels, height, width]`, by a convolution that changes nothing: the way to any layout.
fn mapped(planes: &Arc<PlanePool>, values: &[f32], [channels, height, width]: [usize; 3]) -> Bf16Map {
    let mut maps: Vec<Bf16Map> = Vec::new();
    for first in (0..channels).step_by(16) {
        let count = 16.min(channels - first);
        let part = &values[first * height * width..][..count * height * width];
        maps.push(Bf16Map::from_planar(planes, part, [count, height, width]));
    }
    let identity = (0..channels * channels).map(|at| if at % (channels + 1) == 0 { 1.0 } else { 0.0 }).collect();
    let bias = vec![0.0; channels];
    let conv = Bf16Conv::new(identity, &bias, channels, 1, 1, Finish::None, &[]);
    conv.run(planes, &Bf16Map::concat(&maps), None)
}

/// The values of a map, `[channels, height, width]`.
fn planar(map: &Bf16Map) -> Vec<f32> {
    let mut values = Vec::new();
    for part in &map.parts {
        let data = numbers(part.plane());
        for channel in 0..part.layout.channels {
            for y in 0..map.height {
                for x in 0..map.width {
                    let at = place(map.width, part.layout.lanes, y, x) + part.layout.first + channel;
                    values.push(to_f32(data[at]));
                }
            }
        }
    }
    values
}

/// The values of a map of floats.
fn planar_f32(map: &Map) -> Vec<f32> {
    let mut values = Vec::new();
    for channel in 0..map.channels {
        let plane = &map.planes[channel / map.lanes];
        for y in 0..map.height {
            values.extend(plane.data()[plane.row(y)].iter().skip(channel % map.lanes).step_by(map.lanes));
        }
    }
    values
}

/// Whether the borders of all planes are zero.
fn borders_are_zero(map: &Bf16Map) -> bool {
    map.parts.iter().all(|part| {
        let lanes = part.layout.lanes;
        let row = (map.width + 2) * lanes;
        let data = &numbers(part.plane())[..(map.height + 2) * row];
        data.chunks_exact(row).enumerate().all(|(y, row)| {
            let inside = if (1..=map.height).contains(&y) { lanes..(map.width + 1) * lanes } else { 0..0 };
            row.iter().enumerate().all(|(at, number)| inside.contains(&at) || *number == 0)
        })
    })
}

#[derive(Clone, Debug)]
struct Case {
    /// Of the maps that are joined to be the input.
    inputs: Vec<usize>,
    outputs: usize,
    size: [usize; 2],
    kernel: usize,
    stride: usize,
    finish: Finish,
    plus: bool,
    threads: usize,
    seed: u64,
}

impl Case {
    fn channels(&self) -> usize {
        self.inputs.iter().sum()
    }

    fn size_out(&self) -> [usize; 2] {
        self.size.map(|side| (side - 1) / self.stride + 1)
    }

    /// Input, weights, bias, what is added.
    fn values(&self) -> [Vec<f32>; 4] {
        let [height, width] = self.size;
        let [height_out, width_out] = self.size_out();
        [
            rounded(self.channels() * height * width, self.seed),
            rounded(self.outputs * self.channels() * self.kernel * self.kernel, self.seed + 1),
            random_numbers(self.outputs, self.seed + 2),
            rounded(self.outputs * height_out * width_out, self.seed + 3),
        ]
    }

    fn slopes(&self) -> Vec<f32> {
        random_numbers(self.outputs, self.seed + 4)
    }

    fn conv(&self) -> Bf16Conv {
        let [_, weight, bias, _] = self.values();
        Bf16Conv::new(weight, &bias, self.channels(), self.kernel, self.stride, self.finish, &self.slopes())
    }

    fn input(&self, planes: &Arc<PlanePool>) -> Bf16Map {
        let [x, ..] = self.values();
        let [height, width] = self.size;
        let mut first = 0;
        let maps = self.inputs.iter().map(|channels| {
            let values = &x[first * height * width..][..channels * height * width];
            first += channels;
            match channels {
                // A picture.
                1..=4 => Bf16Map::from_planar(planes, values, [*channels, height, width]),
                _ => mapped(planes, values, [*channels, height, width]),
            }
        });
        Bf16Map::concat(&maps.collect::<Vec<_>>())
    }

    fn run(&self, planes: &Arc<PlanePool>) -> Bf16Map {
        let [height, width] = self.size_out();
        let [.., plus] = self.values();
        let plus = self.plus.then(|| mapped(planes, &plus, [self.outputs, height, width]));
        let x = self.input(planes);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build().unwrap();
        pool.install(|| self.conv().run(planes, &x, plus.as_ref()))
    }

    fn reference(&self) -> Tensor {
        let [height, width] = self.size;
        reference(&Reference {
            values: self.values(),
            slopes: self.slopes(),
            shape: [self.channels(), height, width],
            kernel: self.kernel,
            stride: self.stride,
            finish: self.finish,
            plus: self.plus,
        })
    }
}

fn case() -> impl Strategy<Value = Case> {
    let finish = prop_oneof![Just(Finish::None), Just(Finish::Silu), Just(Finish::PRelu), Just(Finish::Relu)];
    let inputs = prop_oneof![
        (1usize..=4).prop_map(|channels| vec![channels]),
        (5usize..150).prop_map(|channels| vec![channels]),
        proptest::collection::vec(5usize..70, 2..4),
    ];
    let sizes = (1usize..150, 1usize..30, 1usize..60);
    let flags = (any::<bool>(), any::<bool>(), finish, any::<bool>(), 1usize..4);
    (inputs, sizes, flags, 0u64..1000).prop_map(
        |(inputs, (outputs, height, width), (wide, half, finish, plus, threads), seed)| Case {
            inputs,
            outputs,
            size: [height, width],
            kernel: if wide { 3 } else { 1 },
            stride: if half { 2 } else { 1 },
            finish,
            plus,
            threads,
            seed,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn convolutions_are_near_those_in_f32(case in case()) {
        if !tiles_or_skip("convolutions_are_near_those_in_f32") {
            return Ok(());
        }
        let planes = plane_pool();
        let y = case.run(&planes);
        // Half a unit in the last of eight bits, and a little for the order of the sum and the activation.
        let worst = difference(&planar(&y), &case.reference());
        prop_assert!(worst < 1.0 / 256.0 + 2e-4, "{worst}");
        prop_assert!(borders_are_zero(&y));
    }
}

/// The sum as the instruction is documented (Intel's manual, TDPBF16PS): the even and the odd products of 32 numbers in a chain of
/// fused multiplications and additions each, both chains added, and that to the sum so far.
fn documented(pairs: &[[f32; 2]]) -> f32 {
    pairs.chunks(32).fold(0f32, |sum, step| {
        let mut chains = [0f64; 2].map(|zero| zero as f32);
        for (at, [a, b]) in step.iter().enumerate() {
            chains[at % 2] = a.mul_add(*b, chains[at % 2]);
        }
        sum + (chains[0] + chains[1])
    })
}

#[test]
fn sums_are_those_that_the_instruction_is_documented_to_make() {
    if !tiles_or_skip("sums_are_those_that_the_instruction_is_documented_to_make") {
        return;
    }
    let case = Case {
        inputs: vec![96],
        outputs: 40,
        size: [5, 23],
        kernel: 1,
        stride: 1,
        finish: Finish::None,
        plus: false,
        threads: 1,
        seed: 77,
    };
    let planes = plane_pool();
    let found = planar_f32(&case.conv().run_to_f32(&planes, &case.input(&planes)));
    let [x, weight, bias, _] = case.values();
    let pixels = case.size[0] * case.size[1];
    for output in 0..case.outputs {
        for pixel in 0..pixels {
            let pairs: Vec<[f32; 2]> =
                (0..96).map(|channel| [x[channel * pixels + pixel], weight[output * 96 + channel]]).collect();
            assert_eq!(found[output * pixels + pixel], documented(&pairs) + bias[output], "{output} {pixel}");
        }
    }
}

#[test]
fn halves_and_joined_maps_are_their_channels() {
    if !tiles_or_skip("halves_and_joined_maps_are_their_channels") {
        return;
    }
    let planes = plane_pool();
    for channels in [32, 64, 96, 192] {
        let values = rounded(channels * 7 * 9, 5);
        let map = mapped(&planes, &values, [channels, 7, 9]);
        let halves = map.halve();
        assert_eq!(halves.each_ref().map(|half| half.channels), [channels / 2; 2]);
        assert_eq!(halves.each_ref().map(planar).concat(), values, "{channels}");
        // A convolution makes of a half what it makes of a map of its own, but for the order of the sum and so for rounding.
        let case = Case {
            inputs: vec![channels / 2],
            outputs: 48,
            size: [7, 9],
            kernel: 3,
            stride: 1,
            finish: Finish::Silu,
            plus: false,
            threads: 1,
            seed: 3,
        };
        let own = mapped(&planes, &values[values.len() / 2..], [channels / 2, 7, 9]);
        let [from_half, from_own] = [&halves[1], &own].map(|x| planar(&case.conv().run(&planes, x, None)));
        assert_eq!(from_half.len(), from_own.len());
        let worst = from_half.iter().zip(&from_own).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(worst < 0.05, "{channels}: {worst}");
    }
}

#[test]
fn the_same_bits_with_any_threads() {
    if !tiles_or_skip("the_same_bits_with_any_threads") {
        return;
    }
    let planes = plane_pool();
    for (kernel, stride) in [(3, 1), (3, 2), (1, 1)] {
        let case = |threads| Case {
            inputs: vec![64, 32],
            outputs: 72,
            size: [31, 45],
            kernel,
            stride,
            finish: Finish::Silu,
            plus: false,
            threads,
            seed: 9,
        };
        let first = planar(&case(1).run(&planes));
        for threads in [2, 3, 8] {
            assert_eq!(planar(&case(threads).run(&planes)), first, "{threads} threads");
        }
    }
}

#[test]
fn pooling_and_upsampling_move_values() {
    if !tiles_or_skip("pooling_and_upsampling_move_values") {
        return;
    }
    let planes = plane_pool();
    for shape @ [channels, height, width] in [[40, 9, 11], [16, 1, 1], [70, 3, 30]] {
        let values = rounded(channels * height * width, 11);
        let x = mapped(&planes, &values, shape);
        let tensor = Tensor::from_vec(values, (1, channels, height, width), &Device::Cpu).unwrap();
        let pooled = tensor.pad_with_same(2, 2, 2).unwrap().pad_with_same(3, 2, 2).unwrap();
        let pooled = pooled.max_pool2d_with_stride(5, 1).unwrap();
        let large = tensor.upsample_nearest2d(2 * height, 2 * width).unwrap();
        for (ours, reference) in [(pool::max_pool_5(&planes, &x), pooled), (pool::upsample_2(&planes, &x), large)] {
            assert_eq!(planar(&ours), reference.flatten_all().unwrap().to_vec1::<f32>().unwrap());
            assert!(borders_are_zero(&ours));
        }
    }
}

#[test]
fn rounding_is_to_the_nearest_even() {
    for value in random_numbers(10_000, 1).into_iter().chain([0.0, -0.0, 1.0, 1.003_906_2, 1.011_718_8, 3e38, 1e-30]) {
        assert_eq!(to_bf16(value), half::bf16::from_f32(value).to_bits(), "{value}");
    }
}
