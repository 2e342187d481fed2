//! The constants of the polynomial expansion: how a neighbourhood's quadratic polynomial follows from its pixels.

/// Pixels from the middle of a neighbourhood to its edge.
pub(crate) const REACH: usize = 5;
/// Standard deviation of the weight of a neighbourhood's pixels.
const SIGMA: f64 = 1.2;

/// One-dimensional filters, from the middle outwards: `[0]` is the middle, `[k]` weighs the pixels at distance k.
///
/// The expansion fits `c + b·x + xᵀA x` to a neighbourhood by least squares under a Gaussian weight g (Farnebäck 2003, section 2).
/// Its normal equations are so sparse that b and A come out of six separable sums: with J the inverse of the matrix of
/// moments, `b_x = J₁₁ Σ g x f` and `A_xx = J₀₃ Σ g f + J₃₃ Σ g x² f`. The factors are folded into the filters here, so
/// that the two sums of `A_xx`, which nearly cancel, become one filter whose weights sum to zero.
pub(crate) struct Filters {
    /// g: smooths, even.
    pub smooth: [f32; REACH + 1],
    /// J₁₁ g x: first derivative, odd.
    pub slope: [f32; REACH + 1],
    /// J₀₃ g + J₃₃ g x²: second derivative, even.
    pub curve: [f32; REACH + 1],
    /// J₅₅ / J₁₁ g x: the mixed derivative of what `slope` has filtered the other way, odd.
    pub twist: [f32; REACH + 1],
}

impl Filters {
    pub fn new() -> Filters {
        // The weights are rounded to f32 where OpenCV rounds them.
        let raw: [f32; REACH + 1] = std::array::from_fn(|x| (-((x * x) as f64) / (2.0 * SIGMA * SIGMA)).exp() as f32);
        let total = f64::from(raw[0]) + 2.0 * raw[1..].iter().map(|g| f64::from(*g)).sum::<f64>();
        let g = raw.map(|g| f64::from((f64::from(g) / total) as f32));
        let moment = |power: i32| -> f64 {
            let at = |x: usize| g[x] * (x as f64).powi(power);
            at(0) + 2.0 * (1..=REACH).map(at).sum::<f64>()
        };
        let (m0, m2, m4) = (moment(0), moment(2), moment(4));
        // The moments of 1, x², y² with each other are [[a, e, e], [e, z, u], [e, u, z]]; x has e and xy has u by itself.
        let (a, e, z, u) = (m0 * m0, m0 * m2, m0 * m4, m2 * m2);
        let first_inverse = 1.0 / e;
        let mixed_inverse = 1.0 / u;
        // The inverse of that block is [[·, p, p], [p, q, r], [p, r, q]].
        let determinant = a * (z + u) - 2.0 * e * e;
        let p = -e / determinant;
        let q = (a * z - e * e) / (determinant * (z - u));
        let filter = |weight: &dyn Fn(f64) -> f64| std::array::from_fn(|x| (g[x] * weight(x as f64)) as f32);
        let r = (e * e - a * u) / (determinant * (z - u));
        // e² = a·u for a separable weight, so y² has no part in x²'s coefficient.
        debug_assert!(r.abs() < 1e-9, "{r}");
        Filters {
            smooth: filter(&|_| 1.0),
            slope: filter(&|x| first_inverse * x),
            curve: filter(&|x| p + q * x * x),
            twist: filter(&|x| mixed_inverse / first_inverse * x),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Σ filter · xᵖ over the whole neighbourhood.
    fn moment(filter: &[f32; REACH + 1], power: i32, odd: bool) -> f64 {
        let sign = if odd { -1.0 } else { 1.0 };
        let side = |x: usize| {
            let value = f64::from(filter[x]) * (x as f64).powi(power);
            value + sign * value * (-1f64).powi(power)
        };
        let middle = if power == 0 { f64::from(filter[0]) } else { 0.0 };
        middle + (1..=REACH).map(side).sum::<f64>()
    }

    #[test]
    fn filters_find_the_coefficients_of_polynomials() {
        let f = Filters::new();
        // Of 1, x and x² each filter finds its own coefficient and nothing of the others.
        assert!((moment(&f.smooth, 0, false) - 1.0).abs() < 1e-6);
        assert!(moment(&f.slope, 0, true).abs() < 1e-6);
        assert!((moment(&f.slope, 1, true) - 1.0).abs() < 1e-6);
        assert!(moment(&f.curve, 0, false).abs() < 1e-6);
        assert!((moment(&f.curve, 2, false) - 1.0).abs() < 1e-6);
        let mixed = moment(&f.slope, 1, true) * moment(&f.twist, 1, true);
        assert!((mixed - 1.0).abs() < 1e-6, "{mixed}");
    }
}
