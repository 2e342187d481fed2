//! Which triangle is seen where: a depth buffer with four samples to a pixel, and each person's own coverage.
//!
//! Corners are snapped to sixteenths of a sample and edges computed in whole numbers, so that neighbouring triangles
//! neither overlap nor leave gaps.

use rayon::prelude::*;

use super::material::{Light, Material, Spot};
use super::shadow::ShadowMap;
use super::view::View;
use crate::body::{Mesh, Paint, Part, Triangle, Vertex};
use crate::image::LinearImage;
use crate::math::Vec3;

/// Samples along each side of a pixel.
pub(crate) const SAMPLES: usize = 2;
/// Steps of the corners' grid in a sample.
const GRID: f32 = 16.0;
/// Nothing nearer to the camera than this is drawn, in metres.
const NEAR: f32 = 0.08;
const NOTHING: u32 = u32::MAX;

/// What is drawn as one: a person or an object.
pub(crate) struct Group<'a> {
    pub mesh: &'a Mesh,
    pub materials: &'a [Material],
    /// Index of the person, below 32; `None` for objects.
    pub person: Option<usize>,
}

#[derive(Clone, Copy)]
struct Projected {
    /// In grid steps.
    x: i64,
    y: i64,
    inverse_depth: f32,
}

/// A frame's depth buffer and what it refers to.
pub(crate) struct Canvas<'a> {
    groups: &'a [Group<'a>],
    view: &'a View,
    columns: usize,
    rows: usize,
    inverse_depth: Vec<f32>,
    /// Index into `triangles`.
    seen: Vec<u32>,
    /// Bit k: person k covers the sample, seen or not.
    cover: Vec<u32>,
    triangles: Vec<(u16, Triangle)>,
    projected: Vec<Projected>,
    /// Where each group's corners begin in `projected`.
    first: Vec<u32>,
}

impl<'a> Canvas<'a> {
    pub fn new(groups: &'a [Group<'a>], view: &'a View) -> Canvas<'a> {
        let (columns, rows) = (view.width * SAMPLES, view.height * SAMPLES);
        let mut canvas = Canvas {
            groups,
            view,
            columns,
            rows,
            inverse_depth: vec![0.0; columns * rows],
            seen: vec![NOTHING; columns * rows],
            cover: vec![0; columns * rows],
            triangles: Vec::new(),
            projected: Vec::new(),
            first: Vec::new(),
        };
        for (index, group) in groups.iter().enumerate() {
            canvas.first.push(canvas.projected.len() as u32);
            let corners = group.mesh.vertices.iter().map(|vertex| project(view, vertex.at));
            canvas.projected.extend(corners);
            let bit = group.person.map_or(0, |person| 1 << person);
            for triangle in &group.mesh.triangles {
                // What is held is no part of the person.
                let bit = if triangle.paint.part == Part::Held { 0 } else { bit };
                canvas.fill(index as u16, *triangle, bit);
            }
        }
        canvas
    }

    fn corners(&self, group: u16, triangle: &Triangle) -> [Projected; 3] {
        let first = self.first[group as usize];
        triangle.corners.map(|i| self.projected[(first + i) as usize])
    }

    fn fill(&mut self, group: u16, triangle: Triangle, bit: u32) {
        let [a, mut b, mut c] = self.corners(group, &triangle);
        if a.inverse_depth <= 0.0 || b.inverse_depth <= 0.0 || c.inverse_depth <= 0.0 {
            return;
        }
        let mut area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
        if area == 0 {
            return;
        }
        if area > 0 {
            // Its back is seen: with y down, what is anticlockwise from outside has a negative area.
            let material = &self.groups[group as usize].materials[triangle.paint.surface as usize];
            if !material.two_sided() {
                return;
            }
        } else {
            (b, c) = (c, b);
            area = -area;
        }
        let step = GRID as i64;
        // Sample k lies at (k + ½) steps.
        let first = |v: i64| ((v - step / 2 + step - 1).div_euclid(step)).max(0);
        let last = |v: i64, count: usize| ((v - step / 2).div_euclid(step)).min(count as i64 - 1);
        let (x0, x1) = (first(a.x.min(b.x).min(c.x)), last(a.x.max(b.x).max(c.x), self.columns));
        let (y0, y1) = (first(a.y.min(b.y).min(c.y)), last(a.y.max(b.y).max(c.y), self.rows));
        if x0 > x1 || y0 > y1 {
            return;
        }
        let id = self.triangles.len() as u32;
        self.triangles.push((group, triangle));
        let edge = |p: Projected, q: Projected| {
            let (dx, dy) = (q.x - p.x, q.y - p.y);
            // A sample on an edge belongs to the triangle whose top or left edge it is.
            let bias = if dy < 0 || (dy == 0 && dx > 0) { 0 } else { -1 };
            let start = dx * (y0 * step + step / 2 - p.y) - dy * (x0 * step + step / 2 - p.x) + bias;
            (start, -dy * step, dx * step)
        };
        let (mut e_a, a_x, a_y) = edge(b, c);
        let (mut e_b, b_x, b_y) = edge(c, a);
        let (mut e_c, c_x, c_y) = edge(a, b);
        let inverse = 1.0 / area as f32;
        let (za, zb, zc) = (a.inverse_depth * inverse, b.inverse_depth * inverse, c.inverse_depth * inverse);
        for y in y0..=y1 {
            let (mut w_a, mut w_b, mut w_c) = (e_a, e_b, e_c);
            let row = y as usize * self.columns;
            for x in x0..=x1 {
                if (w_a | w_b | w_c) >= 0 {
                    let at = row + x as usize;
                    self.cover[at] |= bit;
                    let depth = w_a as f32 * za + w_b as f32 * zb + w_c as f32 * zc;
                    if depth > self.inverse_depth[at] {
                        self.inverse_depth[at] = depth;
                        self.seen[at] = id;
                    }
                }
                w_a += a_x;
                w_b += b_x;
                w_c += c_x;
            }
            e_a += a_y;
            e_b += b_y;
            e_c += c_y;
        }
    }

    /// Columns and rows of samples.
    pub fn size(&self) -> (usize, usize) {
        (self.columns, self.rows)
    }

    /// Who is seen at a sample: the group's index and what it shows there.
    pub fn seen(&self, column: usize, row: usize) -> Option<(usize, Paint)> {
        let id = self.seen[row * self.columns + column];
        (id != NOTHING).then(|| {
            let (group, triangle) = self.triangles[id as usize];
            (group as usize, triangle.paint)
        })
    }

    /// Bit k is set where person k would be seen if nothing stood in front of anything.
    pub fn cover(&self, column: usize, row: usize) -> u32 {
        self.cover[row * self.columns + column]
    }

    /// Depth along the camera's axis of what is seen at a sample.
    pub fn depth(&self, column: usize, row: usize) -> f32 {
        1.0 / self.inverse_depth[row * self.columns + column]
    }

    /// The picture: surfaces in the light, and `background` where there are none.
    pub fn shade(
        &self,
        light: &Light,
        shadows: Option<&ShadowMap>,
        background: impl Fn(f32, f32) -> Vec3 + Sync,
    ) -> LinearImage {
        let mut image = LinearImage::new(self.view.width, self.view.height);
        let width = self.view.width;
        image.pixels.par_chunks_mut(width * 8).enumerate().for_each(|(band, pixels)| {
            for (index, pixel) in pixels.iter_mut().enumerate() {
                let (x, y) = (index % width, band * 8 + index / width);
                *pixel = self.pixel(x, y, light, shadows, &background);
            }
        });
        image
    }

    fn pixel(
        &self,
        x: usize,
        y: usize,
        light: &Light,
        shadows: Option<&ShadowMap>,
        background: &impl Fn(f32, f32) -> Vec3,
    ) -> Vec3 {
        const COUNT: usize = SAMPLES * SAMPLES;
        let samples: [usize; COUNT] =
            std::array::from_fn(|k| (y * SAMPLES + k / SAMPLES) * self.columns + x * SAMPLES + k % SAMPLES);
        let seen = samples.map(|at| self.seen[at]);
        let centre = (x as f32 + 0.5, y as f32 + 0.5);
        let mut sum = Vec3::ZERO;
        let mut done = [false; COUNT];
        for k in 0..COUNT {
            if done[k] {
                continue;
            }
            if seen[k] == NOTHING {
                let count = seen.iter().filter(|id| **id == NOTHING).count();
                (k..COUNT).for_each(|j| done[j] |= seen[j] == NOTHING);
                sum += background(centre.0, centre.1) * count as f32;
                continue;
            }
            let (group, triangle) = self.triangles[seen[k] as usize];
            let material = &self.groups[group as usize].materials[triangle.paint.surface as usize];
            if material.detailed() {
                done[k] = true;
                let place = |i: usize, within: usize| i as f32 + (within as f32 + 0.5) / SAMPLES as f32;
                sum += self.spot(
                    group,
                    &triangle,
                    place(x, k % SAMPLES),
                    place(y, k / SAMPLES),
                    0.5,
                    material,
                    light,
                    shadows,
                );
                continue;
            }
            // Samples of one surface get one colour, that of the pixel's middle.
            let mut count = 0.0;
            for j in k..COUNT {
                if seen[j] == NOTHING {
                    continue;
                }
                let (other, t) = self.triangles[seen[j] as usize];
                if other == group && t.paint == triangle.paint {
                    done[j] = true;
                    count += 1.0;
                }
            }
            sum += self.spot(group, &triangle, centre.0, centre.1, 1.0, material, light, shadows) * count;
        }
        sum * (1.0 / COUNT as f32)
    }

    #[allow(clippy::too_many_arguments, reason = "the innermost step of drawing")]
    fn spot(
        &self,
        group: u16,
        triangle: &Triangle,
        x: f32,
        y: f32,
        size: f32,
        material: &Material,
        light: &Light,
        shadows: Option<&ShadowMap>,
    ) -> Vec3 {
        let corners = self.corners(group, triangle);
        let mesh = self.groups[group as usize].mesh;
        let vertices: [&Vertex; 3] = triangle.corners.map(|i| &mesh.vertices[i as usize]);
        let grid = GRID * SAMPLES as f32;
        let (px, py) = (x * grid, y * grid);
        let [a, b, c] = corners.map(|p| (p.x as f32, p.y as f32));
        let cross = |p: (f32, f32), q: (f32, f32)| (q.0 - p.0) * (py - p.1) - (q.1 - p.1) * (px - p.0);
        let weights = [cross(b, c), cross(c, a), cross(a, b)];
        let area = weights[0] + weights[1] + weights[2];
        // The pixel's middle may lie beside a triangle that covers one of its samples: the nearest place in it is taken.
        let mut shares: [f32; 3] =
            std::array::from_fn(|i| (weights[i] / area).clamp(0.0, 1.0) * corners[i].inverse_depth);
        let total = shares[0] + shares[1] + shares[2];
        shares.iter_mut().for_each(|share| *share /= total);
        let mix = |value: fn(&Vertex) -> Vec3| {
            value(vertices[0]) * shares[0] + value(vertices[1]) * shares[1] + value(vertices[2]) * shares[2]
        };
        let at = mix(|v| v.at);
        let mut normal = mix(|v| v.normal).unit_or(Vec3::UP);
        if area > 0.0 {
            normal = -normal;
        }
        let to_eye = self.view.at - at;
        let distance = to_eye.length();
        let open = vertices[0].open * shares[0] + vertices[1].open * shares[1] + vertices[2].open * shares[2];
        let sunlight = match shadows {
            Some(map) if normal.dot(light.sun) > 0.0 => map.light(at + normal * 0.012, 0.02 + light.soft * 0.3, 0.02),
            Some(_) => 0.0,
            None => 1.0,
        };
        let footprint = size * distance / self.view.focal;
        let spot =
            Spot { at, normal, texture: mix(|v| v.texture), open, footprint, eye: to_eye * (1.0 / distance), sunlight };
        material.shade(&spot, light)
    }
}

fn project(view: &View, at: Vec3) -> Projected {
    let (x, y, depth) = view.project(at);
    let grid = |v: f32| (v * (GRID * SAMPLES as f32)).clamp(-4e6, 4e6).round() as i64;
    Projected { x: grid(x), y: grid(y), inverse_depth: if depth > NEAR { 1.0 / depth } else { 0.0 } }
}
