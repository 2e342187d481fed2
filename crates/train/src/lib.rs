//! Trains the networks that framefan ships: pose networks of YOLOv8's architecture, on scenes that `framefan-scene` draws.
//!
//! [`data`] draws pictures and varies them, [`network`] is the network with live batch normalisation, [`loss`] says how
//! wrong it is, `optimizer` moves its parameters, [`train`] does this over and over, and [`export`] writes the weights file that
//! `framefan-models` loads. [`evaluate`] scores such a file on pictures that no training saw, as COCO does.
//!
//! All random numbers come from the recipe's seed, and sums have a fixed order: on the CPU the same recipe gives the same
//! weights, bit for bit, on any number of threads, also when it was cut and gone on with.

mod average_precision;
pub mod checkpoint;
pub mod data;
pub mod evaluate;
pub mod export;
pub mod loss;
pub mod network;
pub mod ops;
mod optimizer;
pub mod parameters;
pub mod recipe;
pub mod train;

pub use average_precision::{Judged, Scored, Similarity, average_precision};
