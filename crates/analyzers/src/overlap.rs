//! Overlap of boxes: left, top, width, height.

/// What two boxes have in common; without width or height when that is nothing.
pub fn intersection(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    let [ax, ay, aw, ah] = a;
    let [bx, by, bw, bh] = b;
    let (left, top) = (ax.max(bx), ay.max(by));
    [left, top, ((ax + aw).min(bx + bw) - left).max(0.0), ((ay + ah).min(by + bh) - top).max(0.0)]
}

/// Width times height.
pub fn area([_, _, width, height]: [f64; 4]) -> f64 {
    width * height
}

/// Area of the intersection by area of the union of two boxes: 0 to 1.
pub fn intersection_over_union(a: [f64; 4], b: [f64; 4]) -> f64 {
    let both = area(intersection(a, b));
    let either = area(a) + area(b) - both;
    if either > 0.0 { both / either } else { 0.0 }
}

/// The same of the boxes' extents from top to bottom: 0 to 1. How high something stands and where tells people at different
/// distances apart, and stays as it is when something hides one side of them.
pub fn vertical_overlap(a: [f64; 4], b: [f64; 4]) -> f64 {
    let [_, a_top, _, a_height] = a;
    let [_, b_top, _, b_height] = b;
    share([a_top, a_top + a_height], [b_top, b_top + b_height])
}

/// The same from left to right, when each box may be wider by `margin` pixels on both sides.
pub fn horizontal_overlap(a: [f64; 4], b: [f64; 4], margin: f64) -> f64 {
    let extent = |[left, _, width, _]: [f64; 4]| [left - margin, left + width + margin];
    share(extent(a), extent(b))
}

/// Length of the intersection by length of the hull of two intervals.
fn share([a0, a1]: [f64; 2], [b0, b1]: [f64; 2]) -> f64 {
    let (both, hull) = (a1.min(b1) - a0.max(b0), a1.max(b1) - a0.min(b0));
    if hull > 0.0 { (both / hull).max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_shares_of_the_union() {
        let square = [10.0, 20.0, 4.0, 4.0];
        assert_eq!(intersection_over_union(square, square), 1.0);
        assert_eq!(intersection_over_union(square, [12.0, 20.0, 4.0, 4.0]), 8.0 / 24.0);
        assert_eq!(intersection_over_union(square, [11.0, 21.0, 2.0, 2.0]), 4.0 / 16.0);
        assert_eq!(intersection_over_union(square, [14.0, 20.0, 4.0, 4.0]), 0.0);
        assert_eq!(intersection_over_union([0.0; 4], [0.0; 4]), 0.0);
        assert_eq!(vertical_overlap(square, [90.0, 22.0, 1.0, 6.0]), 2.0 / 8.0);
        assert_eq!(vertical_overlap(square, [10.0, 30.0, 4.0, 4.0]), 0.0);
        assert_eq!(horizontal_overlap(square, [15.0, 90.0, 4.0, 1.0], 0.0), 0.0);
        assert_eq!(horizontal_overlap(square, [15.0, 90.0, 4.0, 1.0], 1.0), 1.0 / 11.0);
        assert_eq!(intersection(square, [12.0, 0.0, 9.0, 21.0]), [12.0, 20.0, 2.0, 1.0]);
    }
}
