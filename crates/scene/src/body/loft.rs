//! Surfaces through rows of rings: limbs, trunks, heads, shoes.

use super::Part;
use crate::math::{Frame, TURN, Vec3, fract};

/// A corner of a triangle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vertex {
    pub at: Vec3,
    pub normal: Vec3,
    /// Where the material's texture is looked up. Of lofts: the share of a turn from the left over the front, metres
    /// along, and the radius there; of heads: centimetres in the head's own axes.
    pub texture: Vec3,
    /// How much of the sky's light gets there: 1 in the open.
    pub open: f32,
}

/// What a triangle belongs to: the surface of that index among its owner's, and the part of the figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    pub surface: u16,
    pub part: Part,
}

/// Three corners, anticlockwise as seen from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triangle {
    pub corners: [u32; 3],
    pub paint: Paint,
}

/// Triangles of any number of surfaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mesh {
    pub vertices: Vec<Vertex>,
    pub triangles: Vec<Triangle>,
}

/// A closed curve across a limb, much like an ellipse.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    pub centre: Vec3,
    /// y points along the limb, towards its upper end.
    pub frame: Frame,
    /// Radii to the sides, the front and the back, in metres.
    pub side: f32,
    pub front: f32,
    pub back: f32,
    /// How angular the curve is: 0 an ellipse, 1 nearly a rectangle.
    pub square: f32,
    pub open: f32,
}

impl Ring {
    pub fn round(centre: Vec3, frame: Frame, radius: f32) -> Ring {
        Ring { centre, frame, side: radius, front: radius, back: radius, square: 0.0, open: 1.0 }
    }

    pub fn grown(self, by: f32) -> Ring {
        Ring { side: self.side + by, front: self.front + by, back: self.back + by, ..self }
    }

    fn offset(&self, s: f32, c: f32) -> Vec3 {
        let depth = if s > 0.0 { self.front } else { self.back };
        // sin² of the double angle: the diagonals grow, the axes stay.
        let bulge = 1.0 + self.square * 0.8 * (s * c) * (s * c);
        (self.frame.x * (c * self.side) + self.frame.z * (s * depth)) * bulge
    }
}

impl Mesh {
    /// Adds the surface through `rings`, which go down the limb, with `around` corners to a ring.
    pub fn loft(&mut self, rings: &[Ring], around: usize, paint: Paint) {
        let mut along = 0.0;
        let mut rows = Vec::with_capacity(rings.len() * around);
        let circle: Vec<(f32, f32)> = (0..around).map(|k| libm::sincosf(k as f32 / around as f32 * TURN)).collect();
        for (index, ring) in rings.iter().enumerate() {
            if index > 0 {
                along += (ring.centre - rings[index - 1].centre).length();
            }
            let radius = 0.5 * ring.side + 0.25 * (ring.front + ring.back);
            for (k, &(s, c)) in circle.iter().enumerate() {
                let texture = crate::math::vec3(k as f32 / around as f32, along, radius);
                rows.push((ring.centre + ring.offset(s, c), texture, ring.open));
            }
        }
        self.grid(&rows, around, paint, |row, k| {
            // A ring shrunk to a point has no normal of its own: it looks along the limb.
            let (s, c) = circle[k];
            let ring = &rings[row];
            let end = if row == 0 { ring.frame.y } else { -ring.frame.y };
            (ring.frame.x * c + ring.frame.z * s) * 0.1 + end
        });
    }

    /// Adds a surface of rows of `around` points each that close around. `texture.x` of each row runs from 0 to below 1
    /// where it is a share of a turn. `fallback` gives the normal where the surface has none (a pole).
    pub fn grid(
        &mut self,
        points: &[(Vec3, Vec3, f32)],
        around: usize,
        paint: Paint,
        fallback: impl Fn(usize, usize) -> Vec3,
    ) {
        let rows = points.len() / around;
        let base = self.vertices.len() as u32;
        let at = |row: usize, k: usize| points[row * around + k % around].0;
        for row in 0..rows {
            // The seam's corners stand twice, so that a texture runs on to the full turn.
            for k in 0..=around {
                let (point, mut texture, open) = points[row * around + k % around];
                if k == around && fract(texture.x) == texture.x && texture.x == 0.0 {
                    texture.x = 1.0;
                }
                let across = at(row, k + 1) - at(row, k + around - 1);
                let down = at((row + 1).min(rows - 1), k) - at(row.saturating_sub(1), k);
                let normal = across.cross(down);
                let normal = if across.dot(across) < 1e-10 { fallback(row, k % around) } else { normal };
                let normal = normal.unit_or(Vec3::UP);
                self.vertices.push(Vertex { at: point, normal, texture, open });
            }
        }
        let width = around as u32 + 1;
        for row in 0..rows.saturating_sub(1) as u32 {
            for k in 0..around as u32 {
                let a = base + row * width + k;
                let (b, c, d) = (a + 1, a + width, a + width + 1);
                self.triangles.push(Triangle { corners: [a, b, c], paint });
                self.triangles.push(Triangle { corners: [b, d, c], paint });
            }
        }
    }

    /// Adds an ellipsoid. Its texture is the share of a turn, metres along and the radius.
    pub fn ellipsoid(&mut self, centre: Vec3, frame: Frame, radii: Vec3, detail: usize, paint: Paint) {
        let rings: Vec<Ring> = (0..=detail)
            .map(|k| {
                let (s, c) = libm::sincosf(k as f32 / detail as f32 * (TURN / 2.0));
                let s = s.max(0.0);
                Ring {
                    centre: centre + frame.y * (c * radii.y),
                    frame,
                    side: radii.x * s,
                    front: radii.z * s,
                    back: radii.z * s,
                    square: 0.0,
                    open: 1.0,
                }
            })
            .collect();
        self.loft(&rings, detail * 2, paint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::vec3;

    #[test]
    fn normals_and_windings_point_outwards() {
        let mut mesh = Mesh::default();
        let centre = vec3(1.0, 2.0, 3.0);
        mesh.ellipsoid(centre, Frame::about_x(0.4), vec3(0.2, 0.5, 0.3), 10, Paint { surface: 0, part: Part::Object });
        for vertex in &mesh.vertices {
            assert!(vertex.normal.dot(vertex.at - centre) > 0.0, "{vertex:?}");
        }
        let mut volume = 0.0;
        for triangle in &mesh.triangles {
            let [a, b, c] = triangle.corners.map(|i| mesh.vertices[i as usize].at - centre);
            volume += a.dot(b.cross(c)) / 6.0;
        }
        let exact = 4.0 / 3.0 * std::f32::consts::PI * 0.2 * 0.5 * 0.3;
        assert!((volume / exact - 1.0).abs() < 0.08, "{volume} of {exact}");
    }
}
