//! Boxes: overlap with the truth, and the distribution of each side.

use candle_core::{D, Result, Tensor};

use super::Positives;
use super::anchors::Anchors;
use crate::network::BINS;

/// The longest side that the bins can say, in strides, kept from the very end as in the reference implementation.
const LONGEST: f32 = (BINS - 1) as f32 - 0.01;

/// Means of the distributions `[P, 4, 16]` of logits: `[P, 4]`, in strides.
pub fn distances(logits: &Tensor) -> Result<Tensor> {
    let bins = Tensor::arange(0f32, BINS as f32, logits.device())?;
    candle_nn::ops::softmax(logits, D::Minus1)?.broadcast_mul(&bins)?.sum(D::Minus1)
}

/// Of logits `[P, 64]`: the loss of overlaps and that of the sides.
pub fn losses(logits: &Tensor, positives: &Positives, anchors: &Anchors, total_weight: f64) -> Result<[Tensor; 2]> {
    let device = logits.device();
    let count = positives.rows.len();
    let logits = logits.reshape((count, 4, BINS))?;
    let mut sides = Vec::with_capacity(4 * count);
    let mut shares = vec![0f32; 4 * count * BINS];
    for (person, anchor) in positives.people.iter().zip(&positives.anchors) {
        let ([x, y], stride) = (anchors.centres[*anchor], anchors.strides[*anchor]);
        let [left, top, right, bottom] = person.bbox;
        for side in [x - left, y - top, right - x, bottom - y] {
            let side = side / stride;
            // The two bins beside the true distance share it.
            let within = side.clamp(0.0, LONGEST);
            let row = &mut shares[sides.len() * BINS..][..BINS];
            row[within as usize] = 1.0 - within.fract();
            row[within as usize + 1] = within.fract();
            sides.push(side);
        }
    }
    let truth = Tensor::from_vec(sides, (count, 4), device)?;
    let shares = Tensor::from_vec(shares, (count, 4, BINS), device)?;
    let weights = Tensor::new(positives.weights.as_slice(), device)?;

    let overlap_loss = (1.0 - distance_overlap(&distances(&logits)?, &truth)?)?;
    let surprise = (candle_nn::ops::log_softmax(&logits, D::Minus1)? * shares)?.sum(D::Minus1)?.neg()?.mean(1)?;
    let weighted = |loss: Tensor| (loss * &weights)?.sum_all()? / total_weight;
    Ok([weighted(overlap_loss)?, weighted(surprise)?])
}

/// IoU less the distance of the centres by the diagonal of the box around both, squared. Both boxes, `[P, 4]`, are told by
/// their sides' distances from one point.
fn distance_overlap(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let halves = |t: &Tensor| Ok::<_, candle_core::Error>((t.narrow(1, 0, 2)?, t.narrow(1, 2, 2)?));
    let ((a0, a1), (b0, b1)) = (halves(a)?, halves(b)?);
    let product = |t: Tensor| t.narrow(1, 0, 1)? * t.narrow(1, 1, 1)?;
    let both = product((a0.minimum(&b0)? + a1.minimum(&b1)?)?.relu()?)?;
    let either = ((product((&a0 + &a1)?)? + product((&b0 + &b1)?)?)? - &both)?;
    let diagonal = (a0.maximum(&b0)? + a1.maximum(&b1)?)?.sqr()?.sum_keepdim(1)?;
    let apart = (((a1 - a0)? - (b1 - b0)?)? / 2.0)?.sqr()?.sum_keepdim(1)?;
    ((both / (either + 1e-7)?)? - (apart / (diagonal + 1e-7)?)?)?.squeeze(1)
}
