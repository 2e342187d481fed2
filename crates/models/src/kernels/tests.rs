//! The kernels of every instruction set agree with candle's operations, for any size, and always give the same bits.

use std::sync::Arc;

use candle_core::{Device, Module, Tensor};
use proptest::prelude::*;

use super::conv::PackedConv;
use super::depthwise::PackedDepthwise;
use super::gate::{Gate, channel_means};
use super::map::{Map, PlanePool};
use super::simd::LANES;
use super::{Finish, Isa, pool, simd};

/// Numbers from −1 to 1 that look random.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A map of blocks with these values, `[channels, height, width]`.
fn blocked(planes: &Arc<PlanePool>, values: &[f32], [channels, height, width]: [usize; 3]) -> Map {
    Map::from_planes(planes, [channels, height, width], |block, plane| {
        for y in 0..height {
            let row = plane.row(y).start;
            for x in 0..width {
                for lane in 0..LANES {
                    let channel = block * LANES + lane;
                    // Lanes beyond the last channel must not matter.
                    let value = if channel < channels { values[(channel * height + y) * width + x] } else { f32::NAN };
                    plane.data_mut()[row + x * LANES + lane] = value;
                }
            }
        }
    })
}

/// The values of a map of blocks, `[channels, height, width]`.
fn planar(map: &Map) -> Vec<f32> {
    let mut values = Vec::new();
    for channel in 0..map.channels {
        let plane = &map.planes[channel / LANES];
        for y in 0..map.height {
            values.extend(plane.data()[plane.row(y)].iter().skip(channel % LANES).step_by(LANES));
        }
    }
    values
}

/// The largest difference, relative to the largest value.
pub(crate) fn difference(ours: &[f32], reference: &Tensor) -> f32 {
    let reference = reference.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(ours.len(), reference.len());
    let largest = reference.iter().fold(0f32, |best, value| best.max(value.abs()));
    let mut worst = 0f32;
    for (a, b) in ours.iter().zip(&reference) {
        // Not max, which would overlook NaN.
        worst = if (a - b).abs() <= worst { worst } else { (a - b).abs() };
    }
    worst / largest.max(1e-6)
}

#[derive(Clone, Debug)]
struct Case {
    inputs: usize,
    outputs: usize,
    size: [usize; 2],
    kernel: usize,
    stride: usize,
    finish: Finish,
    plus: bool,
    planar: bool,
    seed: u64,
}

impl Case {
    fn size_out(&self) -> [usize; 2] {
        self.size.map(|side| (side - 1) / self.stride + 1)
    }

    fn values(&self) -> [Vec<f32>; 4] {
        let [height, width] = self.size;
        let [height_out, width_out] = self.size_out();
        let taps = self.kernel * self.kernel;
        [
            numbers(self.inputs * height * width, self.seed),
            numbers(self.outputs * self.inputs * taps, self.seed + 1),
            numbers(self.outputs, self.seed + 2),
            numbers(self.outputs * height_out * width_out, self.seed + 3),
        ]
    }

    fn slopes(&self) -> Vec<f32> {
        numbers(self.outputs, self.seed + 4)
    }

    fn run(&self, isa: Isa, planes: &Arc<PlanePool>) -> Vec<f32> {
        let [x, weight, bias, plus] = self.values();
        let [height, width] = self.size;
        let [height_out, width_out] = self.size_out();
        let conv = PackedConv::new(isa, &weight, &bias, self.inputs, self.kernel, self.stride, self.finish);
        let conv = conv.with_slopes(&self.slopes());
        let shape = [self.inputs, height, width];
        let x = if self.planar { Map::from_planar(planes, &x, shape) } else { blocked(planes, &x, shape) };
        let plus = self.plus.then(|| blocked(planes, &plus, [self.outputs, height_out, width_out]));
        planar(&conv.run(planes, &x, plus.as_ref()))
    }

    fn reference(&self) -> Tensor {
        let [height, width] = self.size;
        reference(&Reference {
            values: self.values(),
            slopes: self.slopes(),
            shape: [self.inputs, height, width],
            kernel: self.kernel,
            stride: self.stride,
            finish: self.finish,
            plus: self.plus,
        })
    }
}

/// A convolution in candle's operations.
pub(crate) struct Reference {
    /// Input, weights, bias, what is added.
    pub values: [Vec<f32>; 4],
    pub slopes: Vec<f32>,
    /// Of the input.
    pub shape: [usize; 3],
    pub kernel: usize,
    pub stride: usize,
    pub finish: Finish,
    pub plus: bool,
}

pub(crate) fn reference(of: &Reference) -> Tensor {
    let [x, weight, bias, plus] = &of.values;
    let ([inputs, height, width], outputs) = (of.shape, bias.len());
    let tensor = |values: &[f32], shape: &[usize]| Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
    let x = tensor(x, &[1, inputs, height, width]);
    let weight = tensor(weight, &[outputs, inputs, of.kernel, of.kernel]);
    let y = x.conv2d(&weight, of.kernel / 2, of.stride, 1, 1).unwrap();
    let y = y.broadcast_add(&tensor(bias, &[1, outputs, 1, 1])).unwrap();
    let y = match of.finish {
        Finish::None | Finish::Relu => y,
        Finish::Silu => y.silu().unwrap(),
        Finish::PRelu => candle_nn::PReLU::new(tensor(&of.slopes, &[outputs]), outputs == 1).forward(&y).unwrap(),
    };
    let y = if of.plus { (&y + tensor(plus, y.dims())).unwrap() } else { y };
    if matches!(of.finish, Finish::Relu) { y.relu().unwrap() } else { y }
}

fn case() -> impl Strategy<Value = Case> {
    let sizes = (1usize..40, 1usize..70, 1usize..30, 1usize..60);
    let finish = prop_oneof![Just(Finish::None), Just(Finish::Silu), Just(Finish::PRelu), Just(Finish::Relu)];
    let flags = (any::<bool>(), any::<bool>(), finish, any::<bool>(), any::<bool>());
    (sizes, flags, 0u64..1000).prop_map(
        |((inputs, outputs, height, width), (wide, half, finish, plus, planar), seed)| Case {
            inputs,
            outputs,
            size: [height, width],
            kernel: if wide { 3 } else { 1 },
            stride: if half { 2 } else { 1 },
            finish,
            plus,
            planar,
            seed,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn convolutions_agree_with_candle(case in case()) {
        let planes = Arc::default();
        let reference = case.reference();
        for isa in Isa::available() {
            let worst = difference(&case.run(isa, &planes), &reference);
            prop_assert!(worst < 1e-5, "{:?} is off by {}", isa, worst);
        }
    }

    #[test]
    fn bits_do_not_depend_on_threads_or_used_memory(case in case()) {
        for isa in Isa::available() {
            let planes = Arc::default();
            let first = case.run(isa, &planes);
            for threads in [1, 3] {
                let workers = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let again = workers.install(|| case.run(isa, &planes));
                prop_assert!(first.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()), "{:?}, {} threads", isa, threads);
            }
        }
    }

    #[test]
    fn pooling_and_upsampling_agree_with_candle(channels in 1usize..40, height in 1usize..20, width in 1usize..20, seed in 0u64..1000) {
        let planes = Arc::default();
        let values = numbers(channels * height * width, seed);
        let x = blocked(&planes, &values, [channels, height, width]);
        let reference = Tensor::from_vec(values, (1, channels, height, width), &Device::Cpu).unwrap();
        let padded = reference.pad_with_same(2, 2, 2).unwrap().pad_with_same(3, 2, 2).unwrap();
        let pooled = padded.max_pool2d_with_stride(5, 1).unwrap();
        prop_assert_eq!(difference(&planar(&pool::max_pool_5(&planes, &x)), &pooled), 0.0);
        let doubled = reference.upsample_nearest2d(2 * height, 2 * width).unwrap();
        prop_assert_eq!(difference(&planar(&pool::upsample_2(&planes, &x)), &doubled), 0.0);
    }
}

/// A depthwise convolution by candle's grouped one.
fn depthwise_reference(x: &Tensor, weight: &[f32], bias: &[f32], stride: usize, finish: Finish) -> Tensor {
    let channels = bias.len();
    let weight = Tensor::from_slice(weight, (channels, 1, 3, 3), &Device::Cpu).unwrap();
    let y = x.conv2d(&weight, 1, stride, 1, channels).unwrap();
    let y = y.broadcast_add(&Tensor::from_slice(bias, (1, channels, 1, 1), &Device::Cpu).unwrap()).unwrap();
    match finish {
        Finish::Silu => y.silu().unwrap(),
        Finish::Relu => y.relu().unwrap(),
        Finish::None | Finish::PRelu => y,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn depthwise_convolutions_agree_with_candle(
        channels in 1usize..50, height in 1usize..24, width in 1usize..40, stride in 1usize..=2, act in 0usize..3, seed in 0u64..1000
    ) {
        let finish = [Finish::None, Finish::Silu, Finish::Relu][act];
        let planes = Arc::default();
        let values = numbers(channels * height * width, seed);
        let (weight, bias) = (numbers(channels * 9, seed + 1), numbers(channels, seed + 2));
        let x = blocked(&planes, &values, [channels, height, width]);
        let tensor = Tensor::from_vec(values, (1, channels, height, width), &Device::Cpu).unwrap();
        let reference = depthwise_reference(&tensor, &weight, &bias, stride, finish);
        for isa in Isa::available() {
            let conv = PackedDepthwise::new(isa, &weight, &bias, stride, finish);
            let ours = planar(&conv.run(&planes, &x));
            prop_assert!(difference(&ours, &reference) < 1e-5, "{:?} is off by {}", isa, difference(&ours, &reference));
            let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let again = one_thread.install(|| planar(&conv.run(&planes, &x)));
            prop_assert!(ours.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }

    #[test]
    fn wide_filters_on_pictures_agree_with_candle(
        channels in 1usize..16, outputs in 1usize..40, height in 1usize..24, width in 1usize..40, stride in 1usize..=2, seed in 0u64..1000
    ) {
        let planes = Arc::default();
        let values = numbers(channels * height * width, seed);
        let (weight, bias) = (numbers(outputs * channels * 49, seed + 1), vec![0.0; outputs]);
        let x = Map::from_planar(&planes, &values, [channels, height, width]);
        let tensor = Tensor::from_vec(values, (1, channels, height, width), &Device::Cpu).unwrap();
        let filters = Tensor::from_slice(&weight, (outputs, channels, 7, 7), &Device::Cpu).unwrap();
        let reference = tensor.conv2d(&filters, 3, stride, 1, 1).unwrap();
        for isa in Isa::available() {
            let conv = PackedConv::new(isa, &weight, &bias, channels, 7, stride, Finish::None);
            let worst = difference(&planar(&conv.run(&planes, &x, None)), &reference);
            prop_assert!(worst < 1e-5, "{:?} is off by {}", isa, worst);
        }
    }

    #[test]
    fn small_poolings_means_and_joins_agree_with_candle(
        channels in 1usize..40, height in 2usize..20, width in 2usize..20, seed in 0u64..1000
    ) {
        let planes = Arc::default();
        let values = numbers(channels * height * width, seed);
        let x = blocked(&planes, &values, [channels, height, width]);
        let tensor = Tensor::from_vec(values.clone(), (1, channels, height, width), &Device::Cpu).unwrap();
        // Values from −1 up: a border of −1 counts for nothing.
        let padded = (tensor.affine(1.0, 1.0).unwrap().pad_with_zeros(2, 1, 1).unwrap()).pad_with_zeros(3, 1, 1).unwrap();
        let halved = padded.max_pool2d_with_stride(3, 2).unwrap().affine(1.0, -1.0).unwrap();
        prop_assert!(difference(&planar(&pool::max_pool_3_half(&planes, &x)), &halved) < 1e-6);
        let means = tensor.avg_pool2d(2).unwrap();
        prop_assert!(difference(&planar(&pool::mean_pool_2(&planes, &x)), &means) < 1e-6);
        let means = tensor.mean(3).unwrap().mean(2).unwrap();
        prop_assert!((Tensor::from_vec(channel_means(&x), (1, channels), &Device::Cpu).unwrap() - means).unwrap()
            .abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap() < 1e-5);
        let joined = Map::concat_any(&planes, &[x.clone(), x.clone(), x]);
        prop_assert_eq!(planar(&joined), [&values[..], &values, &values].concat());
    }
}

#[test]
fn a_gate_scales_by_what_its_network_says() {
    // Two channels whose means are 2 and 4: hidden = max(0, 2 − 4 + 3) = 1, scales σ(1 · 2 − 2) = ½ and σ(1 · ln 3) = ¾.
    let gate = Gate {
        squeeze: vec![1.0, -1.0],
        squeeze_bias: vec![3.0],
        excite: vec![2.0, 3f32.ln()],
        excite_bias: vec![-2.0, 0.0],
    };
    let planes = Arc::default();
    let x = blocked(&planes, &[1.0, 3.0, 0.0, 8.0], [2, 1, 2]);
    // Means 0 and 0: hidden 3, scales σ(4) and σ(3 ln 3) = 27/28.
    let flat = blocked(&planes, &[-1.0, 1.0, -28.0, 28.0], [2, 1, 2]);
    let ours = planar(&gate.sum(&planes, &[x, flat]));
    let four = 1.0 / (1.0 + (-4f32).exp());
    for (value, wanted) in ours.iter().zip([0.5 - four, 1.5 + four, -27.0, 6.0 + 27.0]) {
        assert!((value - wanted).abs() < 1e-5, "{ours:?}");
    }
}

#[test]
fn wide_maps_use_every_tile_size() {
    for width in 1..=40 {
        for outputs in [16, 32] {
            let case = Case {
                inputs: 16,
                outputs,
                size: [3, width],
                kernel: 3,
                stride: 1,
                finish: Finish::Silu,
                plus: true,
                planar: false,
                seed: 1,
            };
            for isa in Isa::available() {
                let worst = difference(&case.run(isa, &Arc::default()), &case.reference());
                assert!(worst < 1e-5, "{isa:?} at width {width} is off by {worst}");
            }
        }
    }
}

#[test]
fn joined_halves_are_the_map() {
    let planes = Arc::default();
    let values = numbers(64 * 3 * 5, 1);
    let map = blocked(&planes, &values, [64, 3, 5]);
    let [low, high] = map.halve();
    assert_eq!(planar(&high), values[32 * 15..]);
    assert_eq!(planar(&Map::concat(&[low, high])), values);
}

#[test]
fn exponentials_are_accurate() {
    let mut worst = 0f64;
    for step in -870..=870 {
        let x = step as f32 * 0.1 + 0.0137;
        let exact = f64::from(x).exp();
        worst = worst.max(((f64::from(simd::exp([x; LANES])[3]) - exact) / exact).abs());
    }
    assert!(worst < 3e-7, "off by {worst}");
    let far =
        simd::sigmoid([-1e9, -100.0, -87.0, -1.0, 0.0, 1.0, 20.0, 1e9, f32::MIN, f32::MAX, 0., 0., 0., 0., 0., 0.]);
    assert!(far.iter().all(|value| (0.0..=1.0).contains(value)), "{far:?}");
    assert_eq!((far[4], far[7]), (0.5, 1.0));
}
