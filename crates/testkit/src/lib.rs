//! What the tests of all crates share: videos made by the FFmpeg command line, the optional test data, a Python that has
//! the reference libraries, and FFmpeg's own account of a video's frames.
//!
//! Only tests use this crate, so what goes wrong here panics with what to do about it. A test whose means are missing
//! (test data, Python) records a skip and returns; `make test` prints the record.

mod boxes;
mod environment;
mod framemd5;
pub mod hostile;
pub mod local_aws;
mod tools;
pub mod videos;

pub use environment::{amx_or_skip, data, data_or_skip, python, python_or_skip, skip, target_dir, workspace_root};
pub use framemd5::{FrameHashes, framemd5, framemd5_of};
pub use tools::{ffmpeg, ffprobe_json, has_encoder, run};
