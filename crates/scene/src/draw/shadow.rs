//! The sun's shadows, by a depth map seen from the sun.

use crate::body::Mesh;
use crate::math::{Frame, Vec3};

const SIDE: usize = 256;
/// Texels along a side of the blocks that are known to hold something or not.
const BLOCK: usize = 8;
const BLOCKS: usize = SIDE / BLOCK;

/// Depths of the nearest surface towards the sun.
pub(crate) struct ShadowMap {
    axes: Frame,
    low: Vec3,
    /// Texels a metre.
    scale: f32,
    depth: Vec<f32>,
    /// Whether a block of texels holds anything.
    filled: Vec<bool>,
}

impl ShadowMap {
    /// Of what these meshes throw, the sun being in the direction `sun`.
    pub fn new<'a>(meshes: impl Iterator<Item = &'a Mesh> + Clone, sun: Vec3) -> ShadowMap {
        let axes = Frame::from_up(sun, Vec3 { x: 0.0, y: 0.0, z: 1.0 });
        let project = |at: Vec3| Vec3 { x: at.dot(axes.x), y: at.dot(axes.y), z: at.dot(axes.z) };
        let far = Vec3 { x: 1e9, y: 1e9, z: 1e9 };
        let (mut low, mut high) = (far, -far);
        for vertex in meshes.clone().flat_map(|mesh| &mesh.vertices) {
            let at = project(vertex.at);
            (low, high) = (low.min(at), high.max(at));
        }
        let extent = (high.x - low.x).max(high.z - low.z).max(0.1);
        let scale = (SIDE - 4) as f32 / extent;
        let mut map =
            ShadowMap { axes, low, scale, depth: vec![f32::MIN; SIDE * SIDE], filled: vec![false; BLOCKS * BLOCKS] };
        let mut projected = Vec::new();
        for mesh in meshes {
            projected.clear();
            projected.extend(mesh.vertices.iter().map(|v| map.texel(v.at)));
            for triangle in &mesh.triangles {
                map.fill(triangle.corners.map(|i| projected[i as usize]));
            }
        }
        map
    }

    /// Column, height towards the sun, and row.
    fn texel(&self, at: Vec3) -> Vec3 {
        let x = (at.dot(self.axes.x) - self.low.x) * self.scale + 2.0;
        let z = (at.dot(self.axes.z) - self.low.z) * self.scale + 2.0;
        Vec3 { x, y: at.dot(self.axes.y), z }
    }

    fn fill(&mut self, [a, b, c]: [Vec3; 3]) {
        let area = (b.x - a.x) * (c.z - a.z) - (b.z - a.z) * (c.x - a.x);
        // What faces away from the sun lies below something that faces it.
        if area > -1e-9 {
            return;
        }
        let inverse = 1.0 / area;
        let (low, high) = (a.min(b).min(c), a.max(b).max(c));
        let bound = |v: f32| (v.max(0.0) as usize).min(SIDE - 1);
        for row in bound(low.z) / BLOCK..=bound(high.z) / BLOCK {
            self.filled[row * BLOCKS + bound(low.x) / BLOCK..=row * BLOCKS + bound(high.x) / BLOCK].fill(true);
        }
        for row in bound(low.z)..=bound(high.z) {
            for column in bound(low.x)..=bound(high.x) {
                let (x, z) = (column as f32 + 0.5, row as f32 + 0.5);
                let v = ((x - a.x) * (c.z - a.z) - (z - a.z) * (c.x - a.x)) * inverse;
                let w = ((b.x - a.x) * (z - a.z) - (b.z - a.z) * (x - a.x)) * inverse;
                let u = 1.0 - v - w;
                if u >= 0.0 && v >= 0.0 && w >= 0.0 {
                    let depth = u * a.y + v * b.y + w * c.y;
                    let slot = &mut self.depth[row * SIDE + column];
                    *slot = slot.max(depth);
                }
            }
        }
    }

    /// The share of the sun's light that gets to a place. `soft` is the radius of the blur in metres, `bias` how far a
    /// surface must lie below another one to be in its shadow.
    pub fn light(&self, at: Vec3, soft: f32, bias: f32) -> f32 {
        let centre = self.texel(at);
        let side = SIDE as f32;
        let reach = (soft * self.scale).max(0.7);
        let outside = |v: f32| v < -reach || v > side + reach;
        if outside(centre.x) || outside(centre.z) {
            return 1.0;
        }
        if !self.near_something(centre, reach) {
            return 1.0;
        }
        let lit = |dx: f32, dz: f32| {
            let (x, z) = (centre.x + dx * reach, centre.z + dz * reach);
            if x < 0.0 || z < 0.0 || x >= side || z >= side {
                return 1.0;
            }
            let nearest = self.depth[z as usize * SIDE + x as usize];
            f32::from(u8::from(nearest <= centre.y + bias))
        };
        const TAPS: [(f32, f32); 12] = [
            (-0.33, -0.9),
            (0.45, -0.75),
            (-0.85, -0.4),
            (0.1, -0.35),
            (0.92, -0.2),
            (-0.35, 0.0),
            (0.4, 0.12),
            (-0.95, 0.3),
            (-0.1, 0.42),
            (0.8, 0.55),
            (-0.5, 0.8),
            (0.25, 0.95),
        ];
        TAPS.iter().map(|&(dx, dz)| lit(dx, dz)).sum::<f32>() * (1.0 / TAPS.len() as f32)
    }

    /// Whether any block within reach of a place holds something.
    fn near_something(&self, centre: Vec3, reach: f32) -> bool {
        let block = |v: f32| ((v.max(0.0) as usize) / BLOCK).min(BLOCKS - 1);
        let (left, right) = (block(centre.x - reach), block(centre.x + reach));
        (block(centre.z - reach)..=block(centre.z + reach))
            .any(|row| self.filled[row * BLOCKS + left..=row * BLOCKS + right].contains(&true))
    }
}
