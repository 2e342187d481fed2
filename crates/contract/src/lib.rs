//! The types that cross a process boundary: request, job, plan, chunk, shard, artifact, result, state, error kinds.
//!
//! No I/O happens here. Everything that is written to an object or a table, and everything two processes must agree on
//! (object keys, state transitions, exit codes, digests, sample cells), is defined once, in this crate.

pub mod artifact;
pub mod digest;
pub mod error;
pub mod keys;
pub mod plan;
pub mod request;
pub mod results;
pub mod run;
pub mod state;
pub mod time;
pub mod video;

pub use error::{Error, ErrorKind, Result};
pub use time::Rational;
