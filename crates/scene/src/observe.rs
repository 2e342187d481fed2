//! Reads the truth of a frame off its depth buffer.

use crate::body::{Figure, Part};
use crate::draw::{Canvas, SAMPLES, View};
use crate::math::Vec3;
use crate::truth::{BallTruth, PersonTruth};

/// An extent in samples, its ends included.
#[derive(Clone, Copy)]
struct Extent([usize; 4]);

impl Extent {
    const EMPTY: Extent = Extent([usize::MAX, usize::MAX, 0, 0]);

    fn add(&mut self, x: usize, y: usize) {
        let [x0, y0, x1, y1] = &mut self.0;
        (*x0, *y0, *x1, *y1) = ((*x0).min(x), (*y0).min(y), (*x1).max(x), (*y1).max(y));
    }

    /// `[x, y, width, height]` in pixels.
    fn pixels(&self) -> [f32; 4] {
        let [x0, y0, x1, y1] = self.0.map(|v| v as f32);
        [x0, y0, x1 + 1.0 - x0, y1 + 1.0 - y0].map(|v| v * (1.0 / SAMPLES as f32))
    }
}

/// People and balls as seen. `balls` are the index of a ball's group, its centre and its radius in metres.
pub(crate) fn observe(
    canvas: &Canvas,
    view: &View,
    figures: &[Figure],
    balls: &[(usize, Vec3, f32)],
) -> (Vec<PersonTruth>, Vec<BallTruth>) {
    let (columns, rows) = canvas.size();
    let mut seen = vec![(0usize, Extent::EMPTY); figures.len()];
    let mut covered = vec![0usize; figures.len()];
    let mut balls_seen = vec![false; balls.len()];
    for y in 0..rows {
        for x in 0..columns {
            let mut bits = canvas.cover(x, y);
            if let Some((group, paint)) = canvas.seen(x, y)
                && paint.part != Part::Held
            {
                // People's groups come first, in their order.
                if let Some((count, extent)) = seen.get_mut(group) {
                    *count += 1;
                    extent.add(x, y);
                } else if let Some(index) = balls.iter().position(|ball| ball.0 == group) {
                    balls_seen[index] = true;
                }
            }
            while bits != 0 {
                covered[bits.trailing_zeros() as usize] += 1;
                bits &= bits - 1;
            }
        }
    }
    let people = figures
        .iter()
        .enumerate()
        .filter(|(k, _)| covered[*k] > 0)
        .map(|(k, figure)| {
            let (count, extent) = seen[k];
            let (full_bbox, truncated) = whole(view, figure);
            PersonTruth {
                track_id: k as u32 + 1,
                bbox: (count > 0).then(|| extent.pixels()),
                full_bbox,
                visible_px: count as f32 / (SAMPLES * SAMPLES) as f32,
                occluded: 1.0 - count as f32 / covered[k] as f32,
                truncated,
                keypoints: figure.keypoints.map(|(at, depth)| keypoint(canvas, view, k, at, depth)),
            }
        })
        .collect();
    let balls = balls
        .iter()
        .zip(balls_seen)
        .filter(|((_, at, _), _)| view.project(*at).2 > 0.1)
        .map(|((_, at, radius), visible)| {
            let (x, y, depth) = view.project(*at);
            BallTruth { centre: [x, y], radius_px: radius * view.focal / depth, visible }
        })
        .collect();
    (people, balls)
}

/// The box of the whole figure, and the share of its surface towards the camera that lies outside of the frame.
fn whole(view: &View, figure: &Figure) -> ([f32; 4], f32) {
    let points: Vec<(f32, f32, f32)> = figure.mesh.vertices.iter().map(|v| view.project(v.at)).collect();
    let (mut low, mut high) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
    let (mut all, mut outside) = (0.0f32, 0.0f32);
    for triangle in figure.mesh.triangles.iter().filter(|triangle| triangle.paint.part != Part::Held) {
        let [a, b, c] = triangle.corners.map(|i| points[i as usize]);
        for (x, y, depth) in [a, b, c] {
            if depth > 0.1 {
                low = (low.0.min(x), low.1.min(y));
                high = (high.0.max(x), high.1.max(y));
            }
        }
        let area = (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0);
        if area >= 0.0 || a.2.min(b.2).min(c.2) < 0.1 {
            continue;
        }
        let (x, y) = ((a.0 + b.0 + c.0) * (1.0 / 3.0), (a.1 + b.1 + c.1) * (1.0 / 3.0));
        all -= area;
        if x < 0.0 || y < 0.0 || x >= view.width as f32 || y >= view.height as f32 {
            outside -= area;
        }
    }
    ([low.0, low.1, high.0 - low.0, high.1 - low.1], if all > 0.0 { outside / all } else { 0.0 })
}

/// A keypoint's place and visibility. It may lie up to `inside` metres below its own figure's surface and is still seen.
fn keypoint(canvas: &Canvas, view: &View, person: usize, at: Vec3, inside: f32) -> [f32; 3] {
    let (x, y, depth) = view.project(at);
    let within = depth > 0.1 && x >= 0.0 && y >= 0.0 && x < view.width as f32 && y < view.height as f32;
    if !within {
        return [x, y, 0.0];
    }
    let (column, row) = ((x * SAMPLES as f32) as usize, (y * SAMPLES as f32) as usize);
    let (columns, rows) = canvas.size();
    let (column, row) = (column.min(columns - 1), row.min(rows - 1));
    let hidden = canvas.seen(column, row).is_some_and(|(group, paint)| {
        let allowed = if group == person && paint.part != Part::Held { inside } else { 0.0 };
        canvas.depth(column, row) < depth - allowed
    });
    [x, y, if hidden { 1.0 } else { 2.0 }]
}
