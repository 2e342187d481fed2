//! What the network learns from: drawn pictures, varied anew each time they are used.

mod augment;
mod drawn;

pub use augment::{Batch, Composer, Views};
pub use drawn::Collection;

/// A person of a picture. Places are pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// Left, top, right, bottom of what is seen.
    pub bbox: [f32; 4],
    /// x, y, visibility: 0 outside of the picture, 1 hidden, 2 seen.
    pub keypoints: [[f32; 3]; 17],
    /// Pixels that are seen.
    pub area: f32,
}

/// A picture with its people.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// RGB, `[height, width, 3]`.
    pub pixels: Vec<u8>,
    /// Those of whom something is seen.
    pub people: Vec<Person>,
}
