//! Non-maximum suppression: of boxes of one class that overlap, the best stays.

/// A box, its score and its class, before suppression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Left, top, width and height, any unit.
    pub bbox: [f32; 4],
    /// Higher is better.
    pub score: f32,
    /// Boxes suppress only boxes of their own class.
    pub class: usize,
}

/// Overlap of two boxes `[left, top, width, height]`: area of the intersection by area of the union, 0 to 1.
pub fn intersection_over_union(a: [f32; 4], b: [f32; 4]) -> f64 {
    let [ax, ay, aw, ah] = a.map(f64::from);
    let [bx, by, bw, bh] = b.map(f64::from);
    let width = ((ax + aw).min(bx + bw) - ax.max(bx)).max(0.0);
    let height = ((ay + ah).min(by + bh) - ay.max(by)).max(0.0);
    let both = width * height;
    let either = aw * ah + bw * bh - both;
    if either > 0.0 { both / either } else { 0.0 }
}

/// Positions in `candidates` of those that stay, by falling score; of equal scores the earlier position comes first.
///
/// A candidate is dropped when its overlap with a better one of its class that stays is over `iou_threshold`.
pub fn suppress(candidates: &[Candidate], iou_threshold: f32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    // The sort is stable, so equal scores keep the order of their positions.
    order.sort_by(|&a, &b| candidates[b].score.total_cmp(&candidates[a].score));
    let mut kept: Vec<usize> = Vec::new();
    for index in order {
        let candidate = &candidates[index];
        let suppressed = kept.iter().any(|&better| {
            candidates[better].class == candidate.class
                && intersection_over_union(candidates[better].bbox, candidate.bbox) > f64::from(iou_threshold)
        });
        if !suppressed {
            kept.push(index);
        }
    }
    kept
}
