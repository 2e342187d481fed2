//! Frame index, analyzer needs and limits in; chunk plan out. Pure: no I/O, no clock.
//!
//! [`plan`] cuts a video into chunks of presentation time, [`deal`] hands consecutive chunks out as shards, and
//! [`chunk_for_interval`] says what to read for any other piece of the video. A chunk starts where decoding can start
//! cheaply (a keyframe's time) but is defined by presentation time alone: a frame belongs to the chunk that its timestamp
//! falls in, wherever its packet lies in the file.

mod blocks;
mod boundaries;
mod deal;
mod plan;
mod timeline;

pub use deal::{auto_shards, deal};
pub use plan::{PlanInput, plan};
pub use timeline::{Interval, Timeline, chunk_for_interval};
