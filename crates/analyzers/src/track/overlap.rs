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
        assert_eq!(intersection(square, [12.0, 0.0, 9.0, 21.0]), [12.0, 20.0, 2.0, 1.0]);
    }
}
